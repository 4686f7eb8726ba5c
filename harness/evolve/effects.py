"""What a search wants from outside, beside replies: evaluations, and programs that run at once.

A search is a generator like a world. `Begin` starts another beside it, `Join` waits for its
result. A search that joins in the order in which it began is as free of timing as one that does
one thing after another.
"""

from collections.abc import Generator
from typing import Any, TypeAlias, TypeVar

import msgspec

from tasks.base import Ask, Noun, Number, Reply

R = TypeVar("R")


class Failed(Noun, frozen=True, omit_defaults=True):
    """What went wrong with a program: its kind in a word or two, one line, where (None: all)."""

    kind: str
    detail: str = ""
    instance: str | None = None


class Evaluated(Noun, frozen=True, omit_defaults=True, tag="evaluated"):
    """What came of running a program on the n instances of a stage.

    `values`: the n objectives, None where it failed there; `failures` says how. A run of all at
    once that failed has no values at all. `behaviour` is a digest of its n answers; `seconds`
    measured by this side; `elapsed` the seconds of the search up to its end.
    """

    values: tuple[Number | None, ...] = ()
    failures: tuple[Failed, ...] = ()
    behaviour: str = ""
    seconds: float = 0.0
    elapsed: float = 0.0


class Lost(Noun, frozen=True, tag="lost"):
    """A call that the provider refused for good: no reply, and no answer of the model's."""

    detail: str


class AskModel(msgspec.Struct, frozen=True):
    """Wants a reply of one of several models."""

    model: str
    ask: Ask


class Evaluate(msgspec.Struct, frozen=True):
    """Wants a program to be run on a stage's instances: all at once, or `each` on its own.

    `rule` names a published rule of the domain, or `random`, instead of a program.
    """

    path: str
    stage: str
    source: str = ""
    each: bool = False
    rule: str | None = None


class Begin(msgspec.Struct, frozen=True):
    """Wants a program to go on beside the one that asks; nothing is sent back."""

    name: str
    program: "Work[Any]"


class Join(msgspec.Struct, frozen=True):
    """Wants the result of what was begun under a name."""

    name: str


Effect: TypeAlias = AskModel | Evaluate | Begin | Join
Work: TypeAlias = Generator[Effect, Any, R]


def call(model: str, ask: Ask) -> Work[Reply | Lost]:
    """The reply of a model, or that there will be none."""
    reply: Reply | Lost = yield AskModel(model, ask)
    return reply


def evaluate(
    path: str, stage: str, source: str = "", *, each: bool = False, rule: str | None = None
) -> Work[Evaluated]:
    """What comes of running a program, or a rule, on a stage."""
    found: Evaluated = yield Evaluate(path, stage, source, each, rule)
    return found


def together(programs: dict[str, Work[R]]) -> Work[list[R]]:
    """Run programs beside each other; their results in the order given."""
    for name, program in programs.items():
        yield Begin(name, program)
    found: list[R] = []
    for name in programs:
        found.append((yield Join(name)))
    return found
