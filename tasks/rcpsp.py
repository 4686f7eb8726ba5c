"""Resource-constrained projects: the payload, the answer's schema, the one-shot world.

After R-ConstraintBench (Jain & Wetter, arXiv 2508.15204): give integer start times under
precedence, renewable resources, downtimes, windows and disjunctive pairs, within a horizon.
All intervals are half-open: a task that starts at s with duration d runs in [s, s + d).
"""

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter

from tasks.base import Fields, Instance, Noun, Outcome, Parsed, Program, short
from tasks.checks import check_unique, first_repeated
from tasks.one_shot import ask_once, parsed_answer
from tasks.prompts import Prompts
from tasks.schemas import AnswerForm, mapping_schema, object_schema
from tasks.spelling import GIVEN, Mends, ids_of, respelt

VERSION = 1
TEMPLATES = (
    "rcpsp/plain.j2",
    "rcpsp/datacentre.j2",
)
KEY = "starts"  # of the answer object
SETTINGS = ("plain", "datacentre")


class Task(Noun, frozen=True):
    """An activity of `duration` time units.

    `demands` has the units that it takes of each resource for as long as it runs.
    """

    id: str
    duration: int
    demands: dict[str, int] = {}

    def __post_init__(self) -> None:
        if self.duration < 0:
            raise ValueError(f"task {self.id}: duration {self.duration} is negative")


class Resource(Noun, frozen=True):
    """A renewable resource: `capacity` units at every moment outside its downtimes."""

    id: str
    capacity: int

    def __post_init__(self) -> None:
        if self.capacity < 0:
            raise ValueError(f"resource {self.id}: capacity {self.capacity} is negative")


class Downtime(Noun, frozen=True):
    """An interval [start, end) in which a resource has capacity 0."""

    resource: str
    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(
                f"downtime of {self.resource}: [{self.start}, {self.end}) is not 0 <= start < end"
            )


class Window(Noun, frozen=True):
    """A task may not start before `release` nor end after `deadline`."""

    task: str
    release: int
    deadline: int


class Project(Noun, frozen=True):
    """A scheduling problem, checked when it is made: a wrong one cannot be built.

    Attributes:
        tasks: at least one, ids unique.
        resources: renewable ones, ids unique.
        precedences: (before, after): `after` starts when `before` has ended, or later; no cycle.
        downtimes: intervals without a resource; they may overlap.
        windows: at most one for each task.
        disjunctions: pairs of tasks that may not overlap.
        horizon: every task ends at or before it.
        setting: which words tell the project, one of `SETTINGS`.
    """

    tasks: tuple[Task, ...]
    resources: tuple[Resource, ...]
    precedences: tuple[tuple[str, str], ...]
    downtimes: tuple[Downtime, ...]
    windows: tuple[Window, ...]
    disjunctions: tuple[tuple[str, str], ...]
    horizon: int
    setting: str = "plain"

    def __post_init__(self) -> None:
        if not self.tasks:
            raise ValueError("tasks: a project needs at least one")
        if self.setting not in SETTINGS:
            raise ValueError(f"setting {self.setting!r} is not one of {', '.join(SETTINGS)}")
        check_unique("tasks: id", [task.id for task in self.tasks])
        check_unique("resources: id", [resource.id for resource in self.resources])
        check_unique("windows: id", [window.task for window in self.windows])
        _check_demands(self)
        _check_times(self)
        _check_pairs(self)


def _check_demands(project: Project) -> None:
    capacity = {resource.id: resource.capacity for resource in project.resources}
    for task in project.tasks:
        for name, amount in task.demands.items():
            if not 0 <= amount <= capacity.get(name, -1):
                raise ValueError(f"task {task.id}: {_wrong(name, amount, capacity)}")
    for downtime in project.downtimes:
        if downtime.resource not in capacity:
            raise ValueError(f"downtimes: unknown resource {downtime.resource!r}")


def _wrong(name: str, amount: int, capacity: Mapping[str, int]) -> str:
    """Return what is wrong with a demand."""
    if name not in capacity:
        return f"demands unknown resource {name!r}"
    return f"demands {amount} of {name}, whose capacity is {capacity[name]}"


def _check_times(project: Project) -> None:
    duration = {task.id: task.duration for task in project.tasks}
    if project.horizon < max(duration.values()):
        raise ValueError(f"horizon {project.horizon} is shorter than the longest task")
    for window in project.windows:
        if window.task not in duration:
            raise ValueError(f"windows: unknown task {window.task!r}")
        if window.release < 0 or window.deadline - window.release < duration[window.task]:
            raise ValueError(
                f"window of {window.task}: [{window.release}, {window.deadline}) is negative"
                f" or shorter than its duration {duration[window.task]}"
            )


def _check_pairs(project: Project) -> None:
    ids = {task.id for task in project.tasks}
    for field, pairs in (
        ("precedences", project.precedences),
        ("disjunctions", project.disjunctions),
    ):
        for a, b in pairs:
            if a == b or a not in ids or b not in ids:
                _check_pair(field, (a, b), ids)
    _check_precedences(project)


def _check_precedences(project: Project) -> None:
    repeated = first_repeated(project.precedences)
    if repeated is not None:
        raise ValueError(f"precedences: {list(repeated)} is there more than once")
    topological_order(project)


def _check_pair(field: str, pair: tuple[str, str], ids: Collection[str]) -> None:
    a, b = pair
    for name in pair:
        if name not in ids:
            raise ValueError(f"{field}: unknown task {name!r} in [{a!r}, {b!r}]")
    if a == b:
        raise ValueError(f"{field}: task {a!r} is paired with itself")


def topological_order(project: Project) -> tuple[str, ...]:
    """Return the task ids, each after its predecessors.

    Raises:
        ValueError: precedences are cyclic; the message names the tasks of a cycle.
    """
    return _topological_order(tuple([task.id for task in project.tasks]), project.precedences)


@lru_cache(maxsize=64)
def _topological_order(
    ids: tuple[str, ...], precedences: tuple[tuple[str, str], ...]
) -> tuple[str, ...]:
    """Return the ids in order; a project that is built step by step asks for it many times.

    It is the order of `graphlib.TopologicalSorter`, which takes five times as long.
    """
    before: dict[str, list[str]] = {name: [] for name in ids}
    for a, b in precedences:
        before[b].append(a)
    after: dict[str, list[str]] = {name: [] for name in ids}
    for name in ids:
        for a in before[name]:
            after[a].append(name)
    waiting = {name: len(group) for name, group in before.items()}
    met = dict.fromkeys(each for name in ids for each in (name, *before[name]))
    order = [name for name in met if not waiting[name]]
    for name in order:  # it grows by what waits for nothing any more
        for b in after[name]:
            waiting[b] -= 1
            if not waiting[b]:
                order.append(b)
    if len(order) < len(ids):
        raise ValueError(f"precedences: cyclic: {_cycle(before)}")
    return tuple(order)


def _cycle(before: Mapping[str, Collection[str]]) -> str:
    """Return a cycle of tasks, as a message names it."""
    try:
        TopologicalSorter(before).prepare()
    except CycleError as error:
        return " -> ".join(reversed(error.args[1]))
    raise AssertionError("no cycle")


def merged_downtimes(project: Project) -> dict[str, list[tuple[int, int]]]:
    """Return the downtimes of a project by resource; see `merged_spans`."""
    return merged_spans(project.resources, project.downtimes)


def merged_spans(
    resources: Iterable[Resource], downtimes: Iterable[Downtime]
) -> dict[str, list[tuple[int, int]]]:
    """Return downtimes by resource as sorted, disjoint intervals [start, end) with gaps."""
    merged: dict[str, list[tuple[int, int]]] = {r.id: [] for r in resources}
    for downtime in sorted(downtimes, key=lambda d: (d.start, d.end)):
        spans = merged[downtime.resource]
        if spans and downtime.start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], downtime.end))
        else:
            spans.append((downtime.start, downtime.end))
    return merged


def answer_schema(project: Project) -> Fields:
    """Return the JSON schema of an answer: an integer start time for every task."""
    starts = object_schema({task.id: {"type": "integer"} for task in project.tasks})
    return object_schema({KEY: starts})


def answers(project: Project | None) -> dict[str, AnswerForm]:
    """Return the form of an answer to a project by its name; None is any project."""
    if project is not None:
        return {"Schedule": AnswerForm(answer_schema(project))}
    starts = mapping_schema({"type": "integer"})
    return {"Schedule": AnswerForm(object_schema({KEY: starts}))}


Payload = Project


def world(instance: Instance[Project], prompts: Prompts) -> Program[Outcome]:
    """Show the project once and take its start times."""
    project = instance.payload
    messages = prompts.messages(f"rcpsp/{project.setting}.j2", project=project)
    schema = answer_schema(project)
    outcome = yield from ask_once(instance, messages, key=KEY, schema=schema)
    return spelled(project, outcome)


def spelled(project: Project, outcome: Outcome) -> Outcome:
    """Return an outcome whose start times and task ids are read by the rule of spelling.

    A task whose start is given under two spellings has none: the answer is doubtful.
    """
    [parsed] = outcome.answers
    starts = (parsed.value or {}).get(KEY)
    if parsed.how == GIVEN or not isinstance(starts, dict):
        return outcome
    ids, mends = ids_of(tuple(task.id for task in project.tasks)), Mends()
    if ids.have(starts) and all(type(start) is int for start in starts.values()):
        return outcome
    placed: Fields = {}
    for name, start in starts.items():
        task = mends.id_of(name, ids)
        if task in placed:
            problem = f"the start of {short(repr(task))} is given twice"
            return Outcome((Parsed(problem=problem, mended=parsed.mended),))
        placed[task] = mends.number_of(start) if task in ids else start
    return Outcome((respelt(parsed, {**(parsed.value or {}), KEY: placed}, mends.lines()),))


def read(answer: Fields | None, text: str) -> Outcome:
    """Return the outcome of an answer from a file (see `parsed_answer`)."""
    return Outcome((parsed_answer(answer, text, KEY),))
