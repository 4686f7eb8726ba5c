"""What a search wants beside replies: programs run on instances and judged."""

from typing import TypeVar

from tasks.base import Action, Noun, Number, Program

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


class Evaluate(Action, frozen=True):
    """Wants a program to be run on a stage's instances: all at once, or `each` on its own.

    `rule` names a published rule of the domain, or `random`, instead of a program.
    """

    stage: str
    source: str = ""
    each: bool = False
    rule: str | None = None


def evaluate(
    path: str, stage: str, source: str = "", *, each: bool = False, rule: str | None = None
) -> Program[Evaluated]:
    """Return what comes of running a program, or a rule, on a stage."""
    evaluated: Evaluated = yield Evaluate(path, stage, source, each=each, rule=rule)
    return evaluated
