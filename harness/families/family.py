"""The parts that a family of tasks is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from graders.statistics import Estimate
from tasks.base import (
    Fields,
    Grade,
    Instance,
    Outcome,
    Program,
    Record,
    Reference,
    Scalar,
    ToolCall,
)
from tasks.prompts import Prompts

if TYPE_CHECKING:
    from tasks.tools_clock import Simulation


class Generate(Protocol):
    """Makes the instance of a level at a seed and an index."""

    def __call__(
        self,
        level: int,
        seed: int,
        index: int,
        settings: Mapping[str, Scalar],
        *,
        reference: bool = True,
    ) -> Instance[Any]:
        """Make one instance.

        Args:
            level: of difficulty, as the family defines it.
            seed: of the suite.
            index: of the instance, from 0.
            settings: all settings with their values, as `resolve` returns them.
            reference: whether a solver may run; without it only what the generator knows is kept.
        """


class Solve(Protocol):
    """Finds what can be known of a payload's optimum; `seconds` limits wall time."""

    def __call__(self, payload: Any, *, seconds: float | None = None) -> Reference:
        """Return the reference of a payload: an optimum or an honest bound.

        Args:
            payload: of the family's own type.
            seconds: the most wall time; None is the family's default.
        """


Examine: TypeAlias = Callable[
    [Instance[Any], Instance[Any], Outcome, Outcome, Sequence[str], Sequence[Instance[Any]]],
    dict[str, float],
]


@dataclass(frozen=True)
class Policy:
    """A built-in agent that reads what a world hides from models: the view of an ask.

    Attributes:
        kind: `floor` (what trivial code scores) or `ceiling` (the reference's own answer).
        description: one line for `makespan list`.
        answer: the answer object to a view; in rcpsp and tardiness that is the instance.
        calls: the tools to call at a view; it answers only if there are none.
    """

    kind: str
    description: str
    answer: Callable[[Any], Fields]
    calls: Callable[[Any], tuple[ToolCall, ...]] = lambda _: ()


@dataclass(frozen=True)
class Family:
    """The parts of a family that the harness uses.

    Those that are not explained here are what its files must have (CONTRIBUTING.md).

    Attributes:
        templates: of the prompts that its worlds use; they are part of every lock with it.
        simulation: makes the world behind an episode's tools from a payload; None without tools.
        has_rounds: whether an episode has rounds with feedback, so that a memory makes sense.
        unseen: settings that no agent can see, and that make no other experiment.
        ramp: the settings that are the dial of difficulty, beside the level.
        second: a metric that is a second headline: beside the score, with its interval.
        columns: the other metrics that stand on a printed board.
        plain: those of them that are numbers, not shares.
        headlines: measures of a grade that a suite may name as its score, instead of the grade's
            own; None of a grade that lacks what they need, such as a bound.
        along: how the metrics are called that stand below it, by level or setting, up to the
            value: `score@`, `skill@tf=`; none means all there are.
        summarise: (headline, metrics by name) of graded records of one board row.
        strata: the groups of records whose mean scores the headline is the mean of; a grader
            that names none means the plain mean over instances.
        learning_gain: how much lower the error is with a memory than without, paired by user.
        held_out: as many further steps of an instance, for an exam of a memory.
        examine: what notes are worth on them: (instance, held out, outcome with the notes, outcome
            without, the notes, all instances of the run) to metrics.
        audit: whether anything on the surface of instances gives their answer away.

    The last four are None in a family whose files have none.
    """

    name: str
    description: str
    version: int
    templates: tuple[str, ...]
    payload: type[Any]
    world: Callable[[Instance[Any], Prompts], Program[Outcome]]
    read: Callable[[Fields | None, str], Outcome]
    grade: Callable[[Instance[Any], Outcome], Grade]
    simulation: "Callable[[Any], Simulation] | None"
    has_rounds: bool
    unseen: tuple[str, ...]
    ramp: tuple[str, ...]
    second: str
    columns: tuple[str, ...]
    plain: tuple[str, ...]
    headlines: Mapping[str, Callable[[Grade], float | None]]
    along: tuple[str, ...]
    summarise: Callable[[Sequence[Record]], tuple[Estimate, dict[str, Estimate]]]
    strata: Callable[[Sequence[Record]], Sequence[Sequence[Record]]]
    resolve: Callable[[int, Mapping[str, Scalar]], dict[str, Scalar]]
    generate: Generate
    solve: Solve
    policies: Mapping[str, Policy]
    learning_gain: Callable[[Sequence[Record], Sequence[Record]], Estimate] | None
    held_out: Callable[[Instance[Any], int], Instance[Any]] | None
    examine: Examine | None
    audit: Callable[[Sequence[Instance[Any]]], Sequence[Any]] | None
