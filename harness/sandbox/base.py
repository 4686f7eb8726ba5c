"""The limits of a run in the sandbox, and its results."""

import math
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from tasks.base import Failure, Noun

Kind: TypeAlias = Literal[
    "ok",  # a plain JSON value came back; whether it is a good one is for a grader to say
    "syntax",  # the source does not compile
    "missing",  # it does not define the function
    "raised",  # an exception; also what the lock refused it, and reading a clock
    "type",  # a value that is no plain JSON: NaN, a subclass of a number, a set, ...
    "time",  # its CPU seconds were used up
    "memory",  # more memory than allowed
    "output",  # more printed or returned than allowed
    "exit",  # it left by itself: sys.exit, os._exit
    "killed",  # it died of a signal, say of a stack overflow
    "channel",  # it wrote on the result channel what is no result
]
KINDS: tuple[str, ...] = get_args(Kind)


class SandboxFailure(Failure):
    """A promise that the sandbox cannot keep: a layer is missing, or its server does not live."""

    boundary = "sandbox"


class Limits(Noun, frozen=True):
    """The limits of one program for all its cases together.

    `seconds` is CPU time, user and system, its start of a few milliseconds included: a busy
    machine takes nothing from it (by the clock on the wall a program ends after a minute and 10
    times that).
    `memory_mb` comes on top of what Python takes; `output_bytes` is what it may return, and also
    what it may print.
    """

    seconds: float = 10.0
    memory_mb: int = 256
    output_bytes: int = 1_000_000

    def __post_init__(self) -> None:
        if not (math.isfinite(self.seconds) and self.seconds > 0):
            raise ValueError(f"limits: {self.seconds} seconds, must be above 0 and finite")
        if self.memory_mb < 1 or self.output_bytes < 1:
            raise ValueError(
                f"limits: {self.memory_mb} MB and {self.output_bytes} bytes, must be at least 1"
            )


class Layer(NamedTuple):
    """One wall of the sandbox.

    Attributes:
        name: of the wall.
        present: whether this machine has it, which was tried out.
        needed: whether the sandbox refuses to work without it.
        detail: what it holds back, and the system's error if it is not present.
    """

    name: str
    present: bool
    needed: bool
    detail: str

    def __str__(self) -> str:
        return f"{self.name}: {'yes' if self.present else 'NO'}, {self.detail}"


class CaseResult(Noun, frozen=True, omit_defaults=True):
    """The outcome of one case: its value, or the kind of failure and a line about it."""

    kind: Kind = "ok"
    value: Any = None
    detail: str = ""


class ProgramRun(Noun, frozen=True):
    """The outcome of a program: one result a case, and CPU seconds as the kernel counts them."""

    results: tuple[CaseResult, ...]
    seconds: float

    @property
    def failures(self) -> dict[int, CaseResult]:
        """Return the cases that failed, by index."""
        return {k: result for k, result in enumerate(self.results) if result.kind != "ok"}

    @property
    def kind(self) -> Kind:
        """Return `ok` only if every case is, else the kind of the first failure."""
        return next((result.kind for result in self.failures.values()), "ok")

    @property
    def detail(self) -> str:
        """Return one line about the first failure; an empty one if there is none."""
        for index, result in self.failures.items():
            is_global = result.kind in ("syntax", "missing")
            return result.detail if is_global else f"case {index}: {result.detail}"
        return ""

    @property
    def solutions(self) -> list[Any]:
        """Return the value of each case, None where it failed."""
        return [result.value for result in self.results]
