"""The serial schedule generation scheme and the priority rules that feed it, in plain Python.

Tasks and resources are indices here, in payload order. Each resource is a step function of free
capacity, so the cost does not grow with the length of time, only with the number of tasks.
Kolisch & Hartmann (1999), "Heuristic algorithms for the RCPSP", is the source of the scheme and
of the latest-finish-time rule.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from random import Random

from tasks.rcpsp import Project, merged_downtimes, topological_order

_NEVER = 1 << 200  # ends every timeline; above any time a project can hold

Pairs = tuple[tuple[int, int], ...]
Groups = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A project by indices: n tasks and m resources in payload order, times in whole units.

    `demands`: for each task (resource, amount > 0), none for a task of duration 0, which runs at
    no moment. `partners`: the tasks each must not overlap, likewise. `deadlines` include the
    horizon. `downtimes`: for each resource disjoint sorted [start, end). `order` is topological.
    """

    ids: tuple[str, ...]
    durations: tuple[int, ...]
    demands: tuple[Pairs, ...]
    predecessors: Groups
    successors: Groups
    partners: Groups
    releases: tuple[int, ...]
    deadlines: tuple[int, ...]
    order: tuple[int, ...]
    capacities: tuple[int, ...]
    downtimes: tuple[Pairs, ...]
    horizon: int


def compile_project(project: Project) -> Compiled:
    """Translate a project into indices, once, for any number of schedules."""
    ids = tuple(task.id for task in project.tasks)
    number = {name: i for i, name in enumerate(ids)}
    resource = {r.id: k for k, r in enumerate(project.resources)}
    windows = {window.task: window for window in project.windows}
    edges = [(number[a], number[b]) for a, b in project.precedences]
    busy = {task.id for task in project.tasks if task.duration}
    apart = [(number[a], number[b]) for a, b in project.disjunctions if {a, b} <= busy]
    downtimes = merged_downtimes(project)
    return Compiled(
        ids=ids,
        durations=tuple(task.duration for task in project.tasks),
        demands=tuple(
            tuple((resource[r], q) for r, q in task.demands.items() if q and task.duration)
            for task in project.tasks
        ),
        predecessors=_grouped(len(ids), [(b, a) for a, b in edges]),
        successors=_grouped(len(ids), edges),
        partners=_grouped(len(ids), apart + [(b, a) for a, b in apart]),
        releases=tuple(windows[i].release if i in windows else 0 for i in ids),
        deadlines=tuple(
            min(windows[i].deadline, project.horizon) if i in windows else project.horizon
            for i in ids
        ),
        order=tuple(number[i] for i in topological_order(project)),
        capacities=tuple(r.capacity for r in project.resources),
        downtimes=tuple(tuple(downtimes[r.id]) for r in project.resources),
        horizon=project.horizon,
    )


def _grouped(count: int, pairs: Sequence[tuple[int, int]]) -> Groups:
    groups: list[list[int]] = [[] for _ in range(count)]
    for key, value in pairs:
        if value not in groups[key]:
            groups[key].append(value)
    return tuple(tuple(group) for group in groups)


# The scheme ---------------------------------------------------------------------------------


class CapacityProfile:
    """The free capacity of one resource: `free[k]` units in [times[k], times[k + 1])."""

    __slots__ = ("free", "times")

    def __init__(self, capacity: int, downtimes: Pairs) -> None:
        self.times, self.free = [0], [capacity]
        for start, end in downtimes:
            if start == 0:
                self.times, self.free = [], []
            self.times += (start, end)
            self.free += (0, capacity)
        self.times.append(_NEVER)

    def earliest(self, start: int, duration: int, amount: int) -> int:
        """The first moment from `start` on with `amount` units free for `duration` > 0."""
        times, free = self.times, self.free
        k = bisect_right(times, start) - 1
        end = start + duration
        while times[k] < end:
            if free[k] < amount:
                start = times[k + 1]
                end = start + duration
            k += 1
        return start

    def occupy(self, start: int, end: int, amount: int) -> None:
        """Take `amount` units, known to be free, in [start, end)."""
        free = self.free
        first = self._cut(start)
        for k in range(first, self._cut(end)):
            free[k] -= amount

    def _cut(self, moment: int) -> int:
        times = self.times
        k = bisect_left(times, moment)
        if times[k] != moment:
            times.insert(k, moment)
            self.free.insert(k, self.free[k - 1])
        return k


def timelines(project: Compiled) -> list[CapacityProfile]:
    """The m resources before any task is placed."""
    return [CapacityProfile(*r) for r in zip(project.capacities, project.downtimes, strict=True)]


def serial(project: Compiled, order: Sequence[int]) -> list[int]:
    """Place the tasks one by one as early as they fit; returns the n start times.

    `order` holds every task once, after its predecessors. Release dates, precedence, capacities,
    downtimes and disjunctions hold in the result; deadlines and the horizon may not: see
    `in_time`.
    """
    durations, demands, partners = project.durations, project.demands, project.partners
    resources = timelines(project)
    starts, ends = [-1] * len(durations), [-1] * len(durations)
    for i in order:
        duration = durations[i]
        start = project.releases[i]
        for j in project.predecessors[i]:
            if ends[j] > start:
                start = ends[j]
        tried = -1
        while start != tried:
            tried = start
            for r, amount in demands[i]:
                start = resources[r].earliest(start, duration, amount)
            for j in partners[i]:
                if starts[j] < start + duration and start < ends[j]:
                    start = ends[j]
        starts[i] = start
        ends[i] = end = start + duration
        for r, amount in demands[i]:
            resources[r].occupy(start, end, amount)
    return starts


def makespan(project: Compiled, starts: Sequence[int]) -> int:
    """The latest end of a task."""
    return max(map(int.__add__, starts, project.durations))


def in_time(project: Compiled, starts: Sequence[int]) -> bool:
    """Whether every task ends by its deadline and the horizon; for a serial schedule: feasible."""
    ends = map(int.__add__, starts, project.durations)
    return all(map(int.__le__, ends, project.deadlines))


def by_id(project: Compiled, starts: Sequence[int]) -> dict[str, int]:
    """The start times as an answer gives them, keyed by task id in payload order."""
    return dict(zip(project.ids, starts, strict=True))


# Lists --------------------------------------------------------------------------------------


def priority_list(project: Compiled, keys: Sequence[float]) -> list[int]:
    """Always the ready task with the least key next; ties go to payload order."""
    waiting = [len(group) for group in project.predecessors]
    ready = [(keys[i], i) for i, count in enumerate(waiting) if count == 0]
    heapify(ready)
    order = []
    while ready:
        i = heappop(ready)[1]
        order.append(i)
        for j in project.successors[i]:
            waiting[j] -= 1
            if waiting[j] == 0:
                heappush(ready, (keys[j], j))
    return order


def random_list(project: Compiled, rng: Random) -> list[int]:
    """Any ready task next, each equally likely; draws n times `rng.random()`."""
    waiting = [len(group) for group in project.predecessors]
    ready = [i for i, count in enumerate(waiting) if count == 0]
    order = []
    while ready:
        k = int(rng.random() * len(ready))
        ready[k], ready[-1] = ready[-1], ready[k]
        i = ready.pop()
        order.append(i)
        for j in project.successors[i]:
            waiting[j] -= 1
            if waiting[j] == 0:
                ready.append(j)
    return order


def edf(project: Compiled) -> list[int]:
    """Keys for earliest deadline first: each task's own deadline, the horizon if it has none."""
    return list(project.deadlines)


def lft(project: Compiled) -> list[int]:
    """Keys for latest finish time first: deadlines passed back along the precedences."""
    latest = list(project.deadlines)
    for i in reversed(project.order):
        for j in project.successors[i]:
            latest[i] = min(latest[i], latest[j] - project.durations[j])
    return latest


# Improvement --------------------------------------------------------------------------------


def forward_backward(project: Compiled, starts: Sequence[int]) -> list[int]:
    """Push a schedule right, then left, for as long as it gets shorter (double justification).

    Valls, Ballestin & Quintanilla (2005), "Justification and RCPSP". `starts` must hold what
    `serial` promises. If it is in time, so is the result: no task of a schedule in time is ever
    pushed against the direction of its pass, whatever the constraints.
    """
    best = list(starts)
    while True:
        length = makespan(project, best)
        right = _again(_mirrored(project, length), _flipped(project, best, length))
        left = _again(project, _flipped(project, right, length))
        if makespan(project, left) >= length:
            return best
        best = left


def _again(project: Compiled, starts: Sequence[int]) -> list[int]:
    return serial(project, sorted(project.order, key=starts.__getitem__))


def _flipped(project: Compiled, starts: Sequence[int], length: int) -> list[int]:
    return [length - s - d for s, d in zip(starts, project.durations, strict=True)]


def _mirrored(project: Compiled, length: int) -> Compiled:
    """The same project with time running backwards from `length`: deadlines become releases."""
    return replace(
        project,
        predecessors=project.successors,
        successors=project.predecessors,
        releases=tuple(max(0, length - deadline) for deadline in project.deadlines),
        deadlines=tuple(length - release for release in project.releases),
        order=project.order[::-1],
        downtimes=tuple(
            tuple((max(0, length - b), length - a) for a, b in reversed(spans) if a < length)
            for spans in project.downtimes
        ),
    )
