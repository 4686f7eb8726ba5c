"""The serial schedule generation scheme and the priority rules that feed it, in plain Python.

Tasks and resources are indices here, in payload order. Each resource is a step function of free
capacity, so the cost grows with the number of tasks only, not with the length of time. Kolisch &
Hartmann (1999), "Heuristic algorithms for the RCPSP", is the source of the scheme and of the
latest-finish-time rule.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from random import Random
from typing import TypeAlias

from tasks.rcpsp import Project, merged_downtimes, topological_order

_NEVER = 1 << 200  # ends every timeline; above any time a project can hold

Ints: TypeAlias = Sequence[int]
Pairs: TypeAlias = tuple[tuple[int, int], ...]
Groups: TypeAlias = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A project by indices: n tasks and m resources in payload order, times in whole units.

    Attributes:
        ids: for each task its id.
        durations: for each task.
        demands: for each task (resource, amount > 0); none if its duration is 0, as it then runs
            at no moment.
        predecessors: for each task those that end before it starts.
        successors: for each task those that start after it ends.
        partners: for each task those that it must not overlap; none if its duration is 0.
        releases: for each task its earliest start.
        deadlines: for each task its latest end, the horizon included.
        order: the tasks, each after its predecessors.
        capacities: for each resource, in units.
        downtimes: for each resource disjoint, sorted [start, end).
        horizon: the latest end of all.
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
    number = {task.id: i for i, task in enumerate(project.tasks)}
    edges = [(number[a], number[b]) for a, b in project.precedences]
    downtimes = merged_downtimes(project)
    return Compiled(
        ids=tuple(number),
        durations=tuple(task.duration for task in project.tasks),
        demands=_demands(project),
        predecessors=_group_pairs(len(number), _turn_pairs(edges)),
        successors=_group_pairs(len(number), edges),
        partners=_partners(project, number),
        releases=_releases(project),
        deadlines=_deadlines(project),
        order=tuple(number[i] for i in topological_order(project)),
        capacities=tuple(r.capacity for r in project.resources),
        downtimes=tuple(tuple(downtimes[r.id]) for r in project.resources),
        horizon=project.horizon,
    )


def _demands(project: Project) -> tuple[Pairs, ...]:
    resource = {r.id: k for k, r in enumerate(project.resources)}
    return tuple(
        [
            tuple([(resource[r], q) for r, q in task.demands.items() if q and task.duration])
            for task in project.tasks
        ]
    )


def _partners(project: Project, number: Mapping[str, int]) -> Groups:
    if not project.disjunctions:
        return ((),) * len(number)
    pairs = [(number[a], number[b]) for a, b in _disjoint_runs(project)]
    return _group_pairs(len(number), pairs + _turn_pairs(pairs))


def _turn_pairs(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(b, a) for a, b in pairs]


def _disjoint_runs(project: Project) -> list[tuple[str, str]]:
    """Return the disjunctions of tasks that both run, which those of duration 0 never do."""
    runs = {task.id for task in project.tasks if task.duration}
    return [(a, b) for a, b in project.disjunctions if {a, b} <= runs]


def _releases(project: Project) -> tuple[int, ...]:
    releases = {window.task: window.release for window in project.windows}
    return tuple(releases.get(task.id, 0) for task in project.tasks)


def _deadlines(project: Project) -> tuple[int, ...]:
    """Return the latest ends of the tasks, of which the horizon is the last."""
    horizon = project.horizon
    deadlines = {window.task: min(window.deadline, horizon) for window in project.windows}
    return tuple(deadlines.get(task.id, horizon) for task in project.tasks)


def _group_pairs(count: int, pairs: Sequence[tuple[int, int]]) -> Groups:
    """Return for each of 0 to count - 1 the second indices of its pairs, each once."""
    groups: list[dict[int, None]] = [{} for _ in range(count)]
    for key, value in pairs:
        groups[key][value] = None
    return tuple(map(tuple, groups))


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
        """Return the first moment at which units are free for long enough.

        Args:
            start: the earliest moment to return.
            duration: how long they must be free, above 0.
            amount: the number of units, at most the capacity.
        """
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
        """Take `amount` units in [start, end), where they must be free."""
        times, free = self.times, self.free
        first = bisect_left(times, start)
        if times[first] != start:  # cuts a step in two, here and at the end
            times.insert(first, start)
            free.insert(first, free[first - 1])
        last = bisect_left(times, end, first)
        if times[last] != end:
            times.insert(last, end)
            free.insert(last, free[last - 1])
        for k in range(first, last):
            free[k] -= amount


def timelines(project: Compiled) -> list[CapacityProfile]:
    """Return the profiles of the m resources before any task is placed."""
    return [CapacityProfile(*r) for r in zip(project.capacities, project.downtimes, strict=True)]


def serial(project: Compiled, order: Ints) -> list[int]:
    """Place the tasks one by one, each as early as it fits.

    Release dates, precedence, capacities, downtimes and disjunctions hold in the result; deadlines
    and the horizon may not: see `in_time`.

    Args:
        project: the compiled project of n tasks.
        order: every task once, after its predecessors.

    Returns:
        The n start times.
    """
    resources = timelines(project)
    durations, demands = project.durations, project.demands
    releases, predecessors = project.releases, project.predecessors
    starts, ends = [-1] * len(durations), [-1] * len(durations)
    for i in order:
        start = releases[i]
        for j in predecessors[i]:
            if ends[j] > start:
                start = ends[j]
        start = _earliest_fit(project, resources, i, start, starts, ends)
        starts[i] = start
        ends[i] = end = start + durations[i]
        for r, amount in demands[i]:
            resources[r].occupy(start, end, amount)
    return starts


def _earliest_fit(
    project: Compiled,
    resources: list[CapacityProfile],
    task: int,
    start: int,
    starts: list[int],
    ends: list[int],
) -> int:
    """Return the first moment from `start` on at which capacities and partners allow a task."""
    duration, demands = project.durations[task], project.demands[task]
    partners = project.partners[task]
    first = demands[0][0] if demands else -1
    agreed = -1  # a moment at which all that were asked allow it
    while start != agreed:
        agreed = start
        for r, amount in demands:
            start = resources[r].earliest(start, duration, amount)
            if r == first:
                agreed = start
        for j in partners:
            if starts[j] < start + duration and start < ends[j]:
                start = ends[j]
    return start


def makespan(project: Compiled, starts: Ints) -> int:
    """Return the latest end of a task, given the n start times."""
    return max(map(int.__add__, starts, project.durations))


def in_time(project: Compiled, starts: Ints) -> bool:
    """Return whether every task ends by its deadline and the horizon, given the n start times.

    A schedule of `serial` that does is feasible.
    """
    ends = map(int.__add__, starts, project.durations)
    return all(map(int.__le__, ends, project.deadlines))


def by_id(project: Compiled, starts: Ints) -> dict[str, int]:
    """Return the n start times as an answer gives them, keyed by task id in payload order."""
    return dict(zip(project.ids, starts, strict=True))


# Lists --------------------------------------------------------------------------------------


def priority_list(project: Compiled, keys: Sequence[float]) -> list[int]:
    """Return the tasks in a list that always takes the ready task of least key next.

    Args:
        project: the compiled project of n tasks.
        keys: a key for each task; ties go to payload order.
    """
    waiting = _predecessor_counts(project)
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


def _predecessor_counts(project: Compiled) -> list[int]:
    return [len(group) for group in project.predecessors]


def random_list(project: Compiled, rng: Random) -> list[int]:
    """Return the tasks in a list that takes any ready task next, each equally likely.

    Args:
        project: the compiled project of n tasks.
        rng: the generator; `random()` is called n times.
    """
    waiting = _predecessor_counts(project)
    ready = [i for i, count in enumerate(waiting) if count == 0]
    order = []
    while ready:  # one is drawn and the last takes its place
        k = int(rng.random() * len(ready))
        i, ready[k] = ready[k], ready[-1]
        ready.pop()
        order.append(i)
        for j in project.successors[i]:
            waiting[j] -= 1
            if waiting[j] == 0:
                ready.append(j)
    return order


def edf(project: Compiled) -> list[int]:
    """Return the keys for earliest deadline first: each task's deadline, or the horizon."""
    return list(project.deadlines)


def lft(project: Compiled) -> list[int]:
    """Return the keys for latest finish time first: deadlines passed back along precedences."""
    latest = list(project.deadlines)
    for i in reversed(project.order):
        for j in project.successors[i]:
            latest[i] = min(latest[i], latest[j] - project.durations[j])
    return latest


# Improvement --------------------------------------------------------------------------------


def shortened(project: Compiled, starts: Ints, lower: int = 0) -> list[int]:
    """Push a schedule right, then left, for as long as it gets shorter (double justification).

    Valls, Ballestin & Quintanilla (2005), "Justification and RCPSP". If the schedule is in time, so
    is the result: no task of a schedule in time is ever pushed against the direction of its pass,
    whatever the constraints.

    Args:
        project: the compiled project of n tasks.
        starts: n start times under which the constraints hold that `serial` names.
        lower: a bound on the makespan, below which nothing is looked for.

    Returns:
        The n start times of the shortest schedule on the way.
    """
    best, shortest = list(starts), makespan(project, starts)
    while shortest > lower:
        pushed = justified(project, best)
        length = makespan(project, pushed)
        if length >= shortest:
            break
        best, shortest = pushed, length
    return best


def justified(project: Compiled, starts: Ints) -> list[int]:
    """Return a schedule pushed right within its makespan, then left; see `shortened`.

    Args:
        project: the compiled project of n tasks.
        starts: n start times under which the constraints hold that `serial` names.
    """
    return _place_again(project, pushed_right(project, starts))


def pushed_right(project: Compiled, starts: Ints) -> list[int]:
    """Return a schedule in which the tasks, the last first, are as late as its makespan allows.

    Args:
        project: the compiled project of n tasks.
        starts: n start times under which the constraints hold that `serial` names.
    """
    length = makespan(project, starts)
    right = _place_again(_mirror(project, length), _mirror_starts(project, starts, length))
    return _mirror_starts(project, right, length)


def _place_again(project: Compiled, starts: Ints) -> list[int]:
    """Place the tasks anew in the order of their starts."""
    return serial(project, sorted(project.order, key=starts.__getitem__))


def _mirror_starts(project: Compiled, starts: Ints, length: int) -> list[int]:
    """Return the starts of a schedule with time running backwards from `length`."""
    return [length - s - d for s, d in zip(starts, project.durations, strict=True)]


def _mirror(project: Compiled, length: int) -> Compiled:
    """Return the project with time running backwards from `length`: deadlines become releases."""
    return replace(
        project,
        predecessors=project.successors,
        successors=project.predecessors,
        releases=tuple(max(0, length - deadline) for deadline in project.deadlines),
        deadlines=tuple(length - release for release in project.releases),
        order=project.order[::-1],
        downtimes=tuple(_mirror_spans(spans, length) for spans in project.downtimes),
    )


def _mirror_spans(spans: Pairs, length: int) -> Pairs:
    return tuple((max(0, length - b), length - a) for a, b in reversed(spans) if a < length)
