"""Resource-constrained projects: the payload, the answer's schema, the one-shot world.

After R-ConstraintBench (Jain & Wetter, arXiv 2508.15204): give integer start times under
precedence, renewable resources, downtimes, windows and disjunctive pairs, within a horizon.
All intervals are half-open: a task that starts at s with duration d runs in [s, s + d).
"""

from collections import Counter
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter

import msgspec

from tasks.base import Fields, Instance, Noun, Outcome, Parsed, Program, Reply, ask
from tasks.parse import parse_object
from tasks.prompts import Prompts

VERSION = 1
TEMPLATES = (
    "rcpsp/plain.j2",
    "rcpsp/datacentre.j2",
)
HAS_ROUNDS = False
KEY = "starts"  # of the answer object
SETTINGS = ("plain", "datacentre")


class Task(Noun, frozen=True):
    """An activity: a whole number of time units, a steady demand on each resource it names."""

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
    """One scheduling problem, checked when it is made: a wrong one cannot be built."""

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
        _unique("tasks", (task.id for task in self.tasks))
        _unique("resources", (resource.id for resource in self.resources))
        _unique("windows", (window.task for window in self.windows))
        _check_demands(self)
        _check_times(self)
        _check_pairs(self)


def _unique(what: str, ids: Iterable[str]) -> None:
    twice = [i for i, count in Counter(ids).items() if count > 1]
    if twice:
        raise ValueError(f"{what}: id {twice[0]!r} is there more than once")


def _check_demands(project: Project) -> None:
    capacity = {resource.id: resource.capacity for resource in project.resources}
    for task in project.tasks:
        for name, amount in task.demands.items():
            if name not in capacity:
                raise ValueError(f"task {task.id}: demands unknown resource {name!r}")
            if not 0 <= amount <= capacity[name]:
                raise ValueError(
                    f"task {task.id}: demands {amount} of {name},"
                    f" whose capacity is {capacity[name]}"
                )
    for downtime in project.downtimes:
        if downtime.resource not in capacity:
            raise ValueError(f"downtimes: unknown resource {downtime.resource!r}")


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
    known = {task.id for task in project.tasks}
    for what, pairs in (
        ("precedences", project.precedences),
        ("disjunctions", project.disjunctions),
    ):
        for a, b in pairs:
            for name in (a, b):
                if name not in known:
                    raise ValueError(f"{what}: unknown task {name!r} in [{a!r}, {b!r}]")
            if a == b:
                raise ValueError(f"{what}: task {a!r} is paired with itself")
    if len(project.precedences) > len(set(project.precedences)):
        twice = next(p for p, count in Counter(project.precedences).items() if count > 1)
        raise ValueError(f"precedences: {list(twice)} is there more than once")
    topological_order(project)


def topological_order(project: Project) -> tuple[str, ...]:
    """Task ids, each after its predecessors; ValueError names the tasks of a cycle."""
    graph: dict[str, list[str]] = {task.id: [] for task in project.tasks}
    for before, after in project.precedences:
        graph[after].append(before)
    try:
        return tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        cycle = " -> ".join(reversed(error.args[1]))
        raise ValueError(f"precedences: cyclic: {cycle}") from None


def merged_downtimes(project: Project) -> dict[str, list[tuple[int, int]]]:
    """For each resource its downtimes as sorted, disjoint, non-touching half-open intervals."""
    merged: dict[str, list[tuple[int, int]]] = {r.id: [] for r in project.resources}
    for downtime in sorted(project.downtimes, key=lambda d: (d.start, d.end)):
        spans = merged[downtime.resource]
        if spans and downtime.start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], downtime.end))
        else:
            spans.append((downtime.start, downtime.end))
    return merged


def answer_schema(project: Project) -> Fields:
    """JSON schema of an answer, with every task named, for providers that constrain decoding."""
    ids = [task.id for task in project.tasks]
    starts = {
        "type": "object",
        "properties": {i: {"type": "integer"} for i in ids},
        "required": ids,
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"starts": starts},
        "required": ["starts"],
        "additionalProperties": False,
    }


Payload = Project


def world(instance: Instance[Project], prompts: Prompts) -> Program[Outcome]:
    """One shot: show the project, take start times."""
    project = instance.payload
    messages = prompts.messages(f"rcpsp/{project.setting}.j2", project=project)
    reply = yield from ask(
        "answer",
        messages,
        schema=answer_schema(project),
        view=instance,
        problem=msgspec.to_builtins(project),
    )
    return Outcome((parse_object(reply, KEY),))


def read(answer: Fields | None, text: str) -> Outcome:
    """The outcome of an answer from a file: the parsed object, or else the raw text of a reply."""
    if answer is not None:
        return Outcome((Parsed(value=answer, how="given"),))
    return Outcome((parse_object(Reply(text), KEY),))
