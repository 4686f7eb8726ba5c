"""Effects of agents that may do more than ask: run a program, have an answer checked.

What came of each is journaled under its path and never done again: near a time limit a program ends
either way, and a grader that has changed since must not change a conversation that was.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from tasks.base import Action, Fields, Noun, Number, Program, Reply, Verdict

FAILED = "failed program"  # the finish of a reply that is the text of a failure


class ProgramLimits(Noun, frozen=True):
    """What a program may use.

    Attributes:
        packages: those that it may import beside the standard library, in the order of the
            sandbox.
        seconds: of a processor.
        memory_mb: on top of what Python takes.
    """

    packages: tuple[str, ...] = ()
    seconds: float = 10.0
    memory_mb: int = 512


class Run(Action, frozen=True):
    """Wants a program to be run on a problem, in the sandbox; answered with `Ran`.

    Attributes:
        source: Python text: it defines `solve(problem)`, or reads `PROBLEM` and prints.
        problem: plain JSON in which nothing is hidden.
        limits: what it may use.
    """

    source: str
    problem: Any
    limits: ProgramLimits


class Ran(Noun, frozen=True, omit_defaults=True):
    """What came of a program.

    Attributes:
        kind: `ok`, else how it failed, as the sandbox calls it.
        detail: one line about the failure.
        answer: the JSON of what `solve` returned; None if it returned nothing.
        printed: what it printed, of a long text both ends.
        seconds: of a processor.
    """

    kind: str
    detail: str = ""
    answer: str | None = None
    printed: str = ""
    seconds: float = 0.0

    @property
    def failure(self) -> str:
        """Return why there is no answer, in one line; nothing if there is one."""
        if self.kind != "ok":
            return f"the program failed ({self.kind}): {self.detail}"
        if self.answer is None and not self.printed.strip():
            return "the program neither returned nor printed anything"
        return ""

    @property
    def text(self) -> str:
        """Return the answer: what was returned, else what was printed."""
        return self.printed if self.answer is None else self.answer


class Check(Action, frozen=True):
    """Wants a reply to be checked by the family's grader; answered with `Checked`."""

    reply: Reply


class Note(Action, frozen=True):
    """Tells that something went otherwise than an agent wanted, which is counted in the record.

    It is never journaled: a replay counts it again.

    Attributes:
        kind: what is counted.
    """

    kind: str


class Checked(Noun, frozen=True, omit_defaults=True):
    """What a checker tells of an answer: never a bound, an optimum, a gap or a score.

    The grader that says it is given no reference, so that it cannot tell one.

    Attributes:
        verdict: whether the answer is valid.
        objective: its own value, the smaller the better; None of one that is not valid.
        violations: as in a grade.
    """

    verdict: Verdict
    objective: Number | None = None
    violations: tuple[Fields, ...] = ()

    @property
    def order(self) -> tuple[bool, Number, int]:
        """Return what is smaller for a better answer."""
        return self.verdict is not Verdict.valid, self.objective or 0, len(self.violations)


class Simulate(Action, frozen=True):
    """Wants a program to be run on a training instance, and its answer checked there.

    A training instance is like the one that is asked, of a seed that no suite has. Answered with
    `Simulated`.

    Attributes:
        number: of the training instance, from 1.
        source: as of `Run`.
        limits: what the program may use.
    """

    number: int
    source: str
    limits: ProgramLimits


class Simulated(Noun, frozen=True, omit_defaults=True):
    """What came of a program on a training instance.

    Attributes:
        ran: of the program.
        checked: what a checker tells of its answer; None of a program that failed.
    """

    ran: Ran
    checked: Checked | None = None


class PolicyStep(msgspec.Struct, frozen=True):
    """A step as a policy sees it under an agent that may do more than ask.

    Attributes:
        view: of the world's ask.
        draw: which of several answers is wanted, from 1; only policies that draw have others.
        limits: those of the program that is wanted in place of an answer; None of an answer.
    """

    view: Any
    draw: int = 1
    limits: ProgramLimits | None = None

    @property
    def family(self) -> str:
        """Return the family's name."""
        name: str = self.view.family
        return name


def run_program(path: str, source: str, problem: object, limits: ProgramLimits) -> Program[Ran]:
    """Yield one `Run` and return what came of it."""
    ran: Ran = yield Run(path, source, problem, limits)
    return ran


def check(path: str, reply: Reply) -> Program[Checked]:
    """Yield one `Check` and return what it tells."""
    checked: Checked = yield Check(path, reply)
    return checked


def note(path: str, kind: str) -> Program[None]:
    """Yield one `Note`: `yield from note(...)`."""
    yield Note(path, kind)


def simulate(path: str, number: int, source: str, limits: ProgramLimits) -> Program[Simulated]:
    """Yield one `Simulate` and return what came of it."""
    simulated: Simulated = yield Simulate(path, number, source, limits=limits)
    return simulated


def answered(reply: Reply, ran: Ran) -> Reply:
    """Return a program's answer as the reply; of one that failed, why, which is no answer."""
    if ran.failure:
        return replace(reply, text=ran.failure, finish=FAILED, reasoning="")
    return replace(reply, text=ran.text, finish="stop", reasoning="")
