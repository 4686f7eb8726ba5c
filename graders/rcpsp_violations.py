"""Checks start times against every constraint of a project.

`rcpsp.py` lists the kinds of violations and their fields.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any, TypeAlias

from tasks.base import Fields, short
from tasks.rcpsp import Project, Resource, merged_downtimes

Answer: TypeAlias = Mapping[str, Any]  # what stands for a start time, by task id
Times: TypeAlias = Mapping[str, int]  # by task id
Spans: TypeAlias = list[tuple[int, int]]  # half-open intervals
Constraints: TypeAlias = set[tuple[str, ...]]  # of one kind, by what tells them apart


def violations(project: Project, starts: Answer) -> list[Fields]:
    """Return all violations of an answer; none if it is feasible.

    Tasks without an integer start are reported as such and take no part in the other checks.

    Args:
        project: the project.
        starts: what the answer gives as start time for each task id, in time units; ids may be
            missing or unknown, and values anything.
    """
    placed, ends = _place(project, starts)
    return [
        *_check_starts(project, starts),
        *_check_ids(project, starts, placed),
        *_check_precedences(project, placed, ends),
        *_check_resources(project, placed),
        *_check_windows(project, placed, ends),
        *_check_disjunctions(project, placed, ends),
        *_check_horizon(project, ends),
    ]


def _place(project: Project, starts: Answer) -> tuple[dict[str, int], dict[str, int]]:
    """Return the starts and the ends of the tasks that have an integer start."""
    placed: dict[str, int] = {}
    ends: dict[str, int] = {}
    for task in project.tasks:
        start = starts.get(task.id)
        if type(start) is int:  # a bool or a float is not a start time
            placed[task.id] = start
            ends[task.id] = start + task.duration
    return placed, ends


def _check_starts(project: Project, starts: Answer) -> Iterator[Fields]:
    for task in project.tasks:
        name = task.id
        if name not in starts:
            yield {"kind": "missing", "task": name}
        elif type(starts[name]) is not int:
            yield {"kind": "not_integer", "task": name, "value": short(starts[name])}
        elif starts[name] < 0:
            yield {"kind": "negative", "task": name, "value": starts[name]}


def _check_ids(project: Project, starts: Answer, placed: Times) -> list[Fields]:
    if len(placed) == len(starts):
        return []
    ids = {task.id for task in project.tasks}
    return [{"kind": "unknown", "task": short(name)} for name in starts if name not in ids]


def _check_precedences(project: Project, placed: Times, ends: Times) -> Iterator[Fields]:
    for a, b in project.precedences:
        if a in ends and b in ends and ends[a] > placed[b]:
            yield {"kind": "precedence", "before": a, "after": b, "amount": ends[a] - placed[b]}


def _check_horizon(project: Project, ends: Times) -> Iterator[Fields]:
    horizon = project.horizon
    for task, end in ends.items():
        if end > horizon:
            yield {"kind": "horizon", "task": task, "amount": end - horizon}


def _check_resources(project: Project, placed: Times) -> list[Fields]:
    """Sweep each resource's events: usage changes only where a task starts or ends."""
    changes = _usage_changes(project, placed)
    down = merged_downtimes(project)
    return [
        overload
        for r in project.resources
        if not _is_within(r.capacity, down[r.id], changes[r.id])
        for overload in _Sweep(r, down[r.id]).overloads(changes[r.id])
    ]


def _is_within(capacity: int, downtimes: Spans, change: Mapping[int, int]) -> bool:
    """Return whether usage never exceeds the capacity, and is 0 in every downtime.

    It spares most resources the sweep, which lists what is wrong and takes ten times as long.
    """
    times = sorted(change)
    usage = list(accumulate(map(change.__getitem__, times)))
    return max(usage, default=0) <= capacity and not any(
        any(usage[max(0, bisect_right(times, start) - 1) : bisect_left(times, end)])
        for start, end in downtimes
    )


def _usage_changes(project: Project, placed: Times) -> dict[str, dict[int, int]]:
    """Return for each resource by how many units its usage changes at each time."""
    changes: dict[str, dict[int, int]] = {resource.id: {} for resource in project.resources}
    for task in project.tasks:
        if task.id in placed and task.duration:
            start = placed[task.id]
            end = start + task.duration
            for name, amount in task.demands.items():
                change = changes[name]
                change[start] = change.get(start, 0) + amount
                change[end] = change.get(end, 0) - amount
    return changes


def _switches(downtimes: Spans) -> dict[int, bool]:
    """Return for each end of a downtime whether the resource is down from then on."""
    return {
        time: down for span in downtimes for time, down in zip(span, (True, False), strict=True)
    }


class _Sweep:
    """A sweep over one resource's time that lists maximal intervals of excess with their peaks.

    Inside a downtime the limit is 0 and the kind `downtime`; its ends cut an interval.
    """

    def __init__(self, resource: Resource, downtimes: Spans) -> None:
        self._resource, self._down = resource, False
        self._switches = _switches(downtimes)
        self._start: int | None = None  # of the interval of excess that is open
        self._peak = 0
        self._overloads: list[Fields] = []

    def overloads(self, change: Mapping[int, int]) -> list[Fields]:
        """Return the intervals of excess, given by how much usage changes at each time."""
        usage, switches, capacity = 0, self._switches, self._resource.capacity
        for time in sorted(change.keys() | switches.keys() if switches else change):
            if time in switches:
                self._close(time)
                self._down = switches[time]
            usage += change.get(time, 0)
            excess = usage if self._down else usage - capacity
            if excess > 0:
                if self._start is None:
                    self._start, self._peak = time, excess
                elif excess > self._peak:
                    self._peak = excess
            elif self._start is not None:
                self._close(time)
        return self._overloads

    def _close(self, time: int) -> None:
        """End the open interval, if there is one."""
        if self._start is not None:
            self._overloads.append(self._overload(self._start, time))
            self._start = None

    def _overload(self, start: int, end: int) -> Fields:
        return {
            "kind": "downtime" if self._down else "resource",
            "resource": self._resource.id,
            "start": start,
            "end": end,
            "amount": self._peak,
        }


def _check_windows(project: Project, placed: Times, ends: Times) -> Iterator[Fields]:
    for window in project.windows:
        task = window.task
        if task in placed:
            if placed[task] < window.release:
                yield _outside(task, "release", window.release - placed[task])
            if ends[task] > window.deadline:
                yield _outside(task, "deadline", ends[task] - window.deadline)


def _outside(task: str, bound: str, amount: int) -> Fields:
    return {"kind": "window", "task": task, "bound": bound, "amount": amount}


def _check_disjunctions(project: Project, placed: Times, ends: Times) -> Iterator[Fields]:
    for a, b in project.disjunctions:
        if a in placed and b in placed:
            start, end = max(placed[a], placed[b]), min(ends[a], ends[b])
            if start < end:
                yield {"kind": "disjunction", "first": a, "second": b, "start": start, "end": end}


# Broken constraints --------------------------------------------------------------------------


_OF_TASKS = ("missing", "not_integer", "negative", "horizon")
_KEYS = {  # for each other kind of constraint, what tells one of them from others
    "precedence": ("before", "after"),
    "resource": ("resource",),
    "downtime": ("resource",),
    "window": ("task",),
    "disjunction": ("first", "second"),
}


def broken_share(project: Project, wrong: list[Fields]) -> float:
    """Return the share of constraints not satisfied, in [0, 1].

    A task (placed on an integer from 0 to the horizon), a precedence, a resource, a resource's
    downtimes, a window and a disjunction count as one constraint each; one that involves an
    unplaced task is not satisfied. All ids that are no task's count as one more that is broken. So
    the share is 0 only without a violation, and leaving tasks out never lowers it.

    Args:
        project: the project.
        wrong: the answer's violations, as `violations` gives them.
    """
    unplaced = {v["task"] for v in wrong if v["kind"] in ("missing", "not_integer")}
    broken = _undecided(project, unplaced)
    for violation in wrong:
        kind = violation["kind"]
        if kind in _KEYS:
            broken[kind].add(tuple([violation[key] for key in _KEYS[kind]]))
    tasks = {v["task"] for v in wrong if v["kind"] in _OF_TASKS}
    unknown = any(v["kind"] == "unknown" for v in wrong)
    return (len(tasks) + sum(map(len, broken.values())) + unknown) / (
        _constraints(project) + unknown
    )


def _undecided(project: Project, unplaced: set[str]) -> dict[str, Constraints]:
    """Return by kind the constraints that involve an unplaced task."""
    used: Constraints = {
        (name,) for task in project.tasks if task.id in unplaced for name in task.demands
    }
    down: Constraints = {(downtime.resource,) for downtime in project.downtimes}
    return {
        "precedence": {pair for pair in project.precedences if unplaced.intersection(pair)},
        "resource": used,
        "downtime": used & down,
        "window": {(w.task,) for w in project.windows if w.task in unplaced},
        "disjunction": {pair for pair in project.disjunctions if unplaced.intersection(pair)},
    }


def _constraints(project: Project) -> int:
    """Count the constraints of a project."""
    return (
        len(project.tasks)
        + len(project.precedences)
        + len(project.resources)
        + len({downtime.resource for downtime in project.downtimes})
        + len(project.windows)
        + len(set(project.disjunctions))
    )
