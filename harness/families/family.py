"""The parts that a family of tasks is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar

from graders.statistics import Estimate
from tasks.base import (
    NO_REFERENCE,
    Called,
    Fields,
    Grade,
    Instance,
    Message,
    NoReference,
    Noun,
    Outcome,
    Program,
    Record,
    Reference,
    Reward,
    Scalar,
    Tool,
    ToolCall,
    ToolResult,
)
from tasks.prompts import Prompts
from tasks.schemas import AnswerForm

P = TypeVar("P")  # the payload of a family's instances
Solved = TypeVar("Solved", contravariant=True)


class Generate(Protocol[P]):
    """Makes the instance of a level at a seed and an index."""

    def __call__(
        self,
        level: int,
        seed: int,
        index: int,
        settings: Mapping[str, Scalar],
        *,
        reference: bool = True,
    ) -> Instance[P]:
        """Make one instance.

        Args:
            level: of difficulty, as the family defines it.
            seed: of the suite.
            index: of the instance, from 0.
            settings: all settings with their values, as `resolve` returns them.
            reference: whether a solver may run; without it only what the generator knows is kept.
        """


class Solve(Protocol[Solved]):
    """Finds what can be known of a payload's optimum; `seconds` limits wall time."""

    def __call__(self, payload: Solved, /, *, seconds: float | None = None) -> Reference:
        """Return the reference of a payload: an optimum or an honest bound.

        Args:
            payload: of the family's own type.
            seconds: the most wall time; None is the family's default.
        """


Examine: TypeAlias = Callable[
    [Instance[P], Instance[P], Outcome, Outcome, Sequence[str], Sequence[Instance[P]]],
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
        solves: whether it runs a solver of the extra `solvers` at an instance.
        draw: of a policy that draws, its answer number k to a view, the first its only one where
            one is asked for; None for one that has a single answer.
        drawn_only: whether it is only of use to agents that want several answers: other runs ask it
            where it is named, not where no model is.
        program: a source that finds the answer by itself, for an agent that asks for programs;
            without one, a program that says the policy's answer.
        packages: what that source imports; where they are not allowed it is not used.
    """

    kind: str
    description: str
    answer: Callable[[Any], Fields]
    calls: Callable[[Any], tuple[ToolCall, ...]] = lambda _: ()
    solves: Callable[[Instance[Any]], bool] = lambda _: False
    draw: Callable[[Any, int], Fields] | None = None
    drawn_only: bool = False
    program: str = ""
    packages: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileFormat(Generic[P]):
    """A public format in which instances of a family exist outside.

    Attributes:
        read: the instances of a file; the number is the position of the file among those read.
        write: the ending of a file's name and its content; one file an instance.
        names: patterns of the names of its files, in lower case: others in a folder are no files
            of this format.
    """

    read: Callable[[Path, int], Sequence[Instance[P]]] | None = None
    write: Callable[[Instance[P]], tuple[str, str | bytes]] | None = None
    names: tuple[str, ...] = ("*",)


Prints = Literal["share", "gap", "ratio", "count", "level"]
Place = Literal["after", "beside", "ramps", "notes", "nowhere"]


@dataclass(frozen=True)
class BoardColumn:
    """A metric of a board: how and where it is printed, and whether a suite may score by it.

    Attributes:
        name: of the metric.
        prints: `share` and `gap` in per cent, `ratio` and `count` as numbers, `level` as a whole
            number with its interval, or why there is none.
        interval: whether its interval is printed beside it.
        place: `after` the counts of episodes; `beside` the score, as a second headline with its
            interval; at the end of the `ramps` below the board; in the `notes`, for a share that
            should be 1, of each row where it is not; or `nowhere`: it is only in files.
        title: its head, where that is not its name; in the notes the words after the per cent that
            are missing.
        unusable: of a share of an episode's answers that could not be used, the words after its per
            cent in the notes of each row where it is not 0. A page does not show an episode as
            valid in which it is half or more.
        measure: its value for one grade, higher is better and 1 the most. A suite may name such a
            column as its headline, and then it is the score instead of the grade's own. None for a
            grade that lacks what it needs, such as a bound.
        estimate: of a board row's score where it is the headline; None if the family's own way to
            estimate the mean of scores is right for it too.
    """

    name: str
    prints: Prints = "share"
    interval: bool = False
    place: Place = "after"
    title: str = ""
    unusable: str = ""
    measure: Callable[[Grade], float | None] | None = None
    estimate: Callable[[Sequence[Record]], Estimate] | None = None

    @property
    def head(self) -> str:
        """Return what stands above it."""
        return self.title or self.name.replace("_", " ")

    @property
    def in_percent(self) -> bool:
        """Return whether it prints in per cent."""
        return self.prints in ("share", "gap")


# of every family, where the spelling of answers had to be mended
SPELLING = (
    BoardColumn("mended", "count"),
    BoardColumn("strict", "ratio", title="strict score"),
)


@dataclass(frozen=True)
class Rounds(Generic[P]):
    """The parts of a family of many rounds by which memories and their notes are judged.

    Attributes:
        setting: the setting that is the number of rounds.
        learning_gain: how much lower the error is with a memory than without, paired by user.
        held_out: as many further steps of an instance, for an exam of a memory.
        examine: what notes are worth on them: (instance, held out, outcome with the notes, outcome
            without, the notes, all instances of the run) to metrics.
        reward_step: what the text of the reply to one round, from 1, is worth; the mean over the
            rounds is the reward of the episode. None: it cannot be told round by round.
    """

    setting: str
    learning_gain: Callable[[Sequence[Record], Sequence[Record]], Estimate]
    held_out: Callable[[Instance[P], int], Instance[P]]
    examine: Examine[P]
    reward_step: Callable[[Instance[P], int, str], Reward] | None = None


class ToolWorld(Protocol):
    """The world behind the tools of one episode; deterministic, without a clock of its own."""

    def tools(self) -> Sequence[Tool]:
        """Return all tools on offer, as an agent sees them."""

    def turn(self, calls: Sequence[tuple[str, Fields | None]], /) -> tuple[ToolResult, ...]:
        """Perform the calls of one turn and return a result for each.

        Args:
            calls: names of tools and arguments; None for arguments that are no JSON object.
        """


@dataclass(frozen=True)
class Submission(Generic[P]):
    """The end of an episode that is played from outside, by a protocol.

    Attributes:
        schema: of the answer object to a payload.
        outcome: of the payload, its world, the calls made in it so far and the answer object.
    """

    schema: Callable[[P], Fields]
    outcome: Callable[[P, Any, Sequence[Called], Fields], Outcome]


@dataclass(frozen=True)
class Toolbox(Generic[P]):
    """The tools of a family whose episodes have some.

    Attributes:
        world: what is behind the tools of an episode, made from its payload.
        request: what an agent outside is asked that reaches the tools by a protocol.
        transport: the setting that says how they are reached, `direct` or by a protocol.
        submission: how an agent outside ends an episode; None if it cannot.
    """

    world: Callable[[P], ToolWorld]
    request: Callable[[P, Prompts], tuple[Message, ...]]
    transport: str
    submission: Submission[P] | None = None


@dataclass(frozen=True)
class Levels:
    """The levels of a family: what one of them counts, and the least and the most."""

    unit: str
    least: int
    most: int


def _undeclared(payload: object) -> dict[str, AnswerForm]:  # noqa: ARG001
    return {}


def _unstratified(records: Sequence[Record]) -> Sequence[Sequence[Record]]:
    return [records]


@dataclass(frozen=True, kw_only=True)
class Family(Generic[P]):
    """A family of tasks as it is declared; the type checker holds each part to its shape.

    Attributes:
        name: by which it is asked for, and which its files have.
        description: one line.
        version: raised whenever an instance of the same seed would be another one.
        templates: of the prompts that its worlds use; they are part of every lock with it.
        template_folder: where these are; None if they come with the project.
        asides: by the name of a setting, the templates that its worlds use where that is on, and
            that are part of a lock only there.
        payload: the type of what an instance holds.
        generate: makes an instance.
        resolve: all settings of a level, with their defaults.
        settings: the type of its settings, with defaults and bounds and in its documentation a
            line about each; None where that is not said.
        levels: what its level counts, and from where to where; None where that is not said.
        solve: the exact reference.
        world: the program of one instance.
        read: the outcome of an answer from a file.
        grade: the checker; it never passes by default. Whoever reports its score asks `score`.
        reward: what a graded answer to an instance is worth to a trainer; `Reward` says what holds.
        summarise: (headline, metrics by name) of graded records of one board row.
        policies: floors and ceiling, by name.
        columns: the metrics of a board that are printed, or that a suite may name as its headline.
        strata: the groups of records whose mean scores the headline is the mean of; by default it
            is the plain mean over instances.
        ramp: the settings that are the dial of difficulty, beside the level.
        along: how the metrics are called that stand below the board, by level or setting, up to
            the value: `score@`, `skill@tf=`; none means all there are.
        score_needs_bound: whether its score means nothing where neither the optimum nor a bound is
            known.
        unseen: settings that no agent can see, and that make no other experiment.
        rounds: what it has if an episode has rounds with feedback; None without.
        tools: what it has if its episodes have tools; None without.
        answers: the forms of answers to a payload, by name; None is any payload. Where an ask has a
            schema, the form of its answer is that.
        audit: whether anything on the surface of instances gives their answer away.
        formats: public formats of its instances, by name.
        means: what its agents may be allowed beside words. `program`: its asks carry a `problem` in
            which nothing is hidden. `checker`: an episode is one answer, its grader needs no
            reference and tells nothing that is asked for, and the smaller of two objectives is the
            better.
        no_means: why it allows less than that, as the end of a sentence.
        drawings: the module of its figures on pages, as `importlib.import_module` finds it: one of
            the project's own by `.NAME`; None for a page without pictures.
    """

    name: str
    description: str
    version: int
    templates: tuple[str, ...]
    payload: type[P]
    generate: Generate[P]
    resolve: Callable[[int, Mapping[str, Scalar]], dict[str, Scalar]]
    solve: Solve[P]
    world: Callable[[Instance[P], Prompts], Program[Outcome]]
    read: Callable[[Fields | None, str], Outcome]
    grade: Callable[[Instance[P], Outcome], Grade]
    reward: Callable[[Instance[P], Grade], Reward]
    summarise: Callable[[Sequence[Record]], tuple[Estimate, dict[str, Estimate]]]
    policies: Mapping[str, Policy]
    columns: tuple[BoardColumn, ...]
    settings: type[Noun] | None = None
    levels: Levels | None = None
    strata: Callable[[Sequence[Record]], Sequence[Sequence[Record]]] = _unstratified
    ramp: tuple[str, ...] = ()
    along: tuple[str, ...] = ()
    score_needs_bound: bool = False
    unseen: tuple[str, ...] = ()
    rounds: Rounds[P] | None = None
    tools: Toolbox[P] | None = None
    answers: Callable[[P | None], Mapping[str, AnswerForm]] = _undeclared
    audit: Callable[[Sequence[Instance[P]]], Sequence[Any]] | None = None
    template_folder: Traversable | None = None
    asides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    formats: Mapping[str, FileFormat[P]] = field(default_factory=dict)
    drawings: str | None = None
    means: tuple[str, ...] = ()
    no_means: str = "that is not among the `means` that it declares"

    def score(self, instance: Instance[P], outcome: Outcome) -> Grade:
        """Return the grade of an outcome, whose score means what it says.

        Args:
            instance: with its reference.
            outcome: valid or not: without a reference nothing has a score, so that no row is a
                mean of its invalid answers alone.

        Raises:
            NoReference: the score needs one, and the instance has none.
            SolverFailure: the outcome refutes the reference.
        """
        if self.score_needs_bound and instance.reference.bound is None:
            raise NoReference(
                f"{NO_REFERENCE}: a score in {self.name} needs an optimum or a bound: give"
                " `references`, or let a solver find them"
            )
        return self.grade(instance, outcome)

    def asides_at(self, settings: Mapping[str, Scalar]) -> tuple[str, ...]:
        """Return the templates that are used beside the family's own where settings ask for them.

        Args:
            settings: of an instance or of an entry of a suite.
        """
        asked = (names for name, names in self.asides.items() if settings.get(name))
        return tuple(dict.fromkeys(each for names in asked for each in names))

    def using(self, asides: tuple[str, ...]) -> "Family[P]":
        """Return the family with further templates among those that it uses."""
        return replace(self, templates=(*self.templates, *asides)) if asides else self

    @property
    def has_rounds(self) -> bool:
        """Return whether an episode has rounds with feedback, so that a memory makes sense."""
        return self.rounds is not None

    @property
    def headlines(self) -> Mapping[str, Callable[[Grade], float | None]]:
        """Return the measures that a suite may name as its score, by the names of columns."""
        return {each.name: each.measure for each in self.columns if each.measure}

    def unusable(self, grade: Grade) -> float:
        """Return the share of an episode's answers that could not be used, as far as measured."""
        shares = (grade.metrics.get(each.name, 0.0) for each in self.columns if each.unusable)
        return max(shares, default=0.0)

    def columns_at(self, place: Place) -> list[BoardColumn]:
        """Return the columns that are printed at a place, in their order."""
        return [each for each in self.columns if each.place == place]

    def column(self, name: str) -> BoardColumn:
        """Return how a metric prints: as it is declared, else as a share."""
        columns = (*self.columns, *SPELLING)
        return next((each for each in columns if each.name == name), BoardColumn(name))
