"""Bounds on the makespan of a project from below that cost next to nothing, and no package.

A critical path by release dates, precedence and downtimes, and the energy of each resource.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from graders.exact import sgs
from graders.exact.sgs import Compiled, Ints, Pairs
from tasks.rcpsp import Project

CACHED_BOUNDS = 1000
_BOUNDS: dict[bytes, int] = {}  # by the JSON of their projects


class Pool(NamedTuple):
    """What tasks share: a resource, or a relaxation of one or of several.

    Attributes:
        capacity: the units that tasks under way may hold together.
        downtimes: disjoint, sorted [start, end), in which no task of the pool runs.
        units: (task, units above 0) of the tasks that hold some.
    """

    capacity: int
    downtimes: Pairs
    units: Pairs


def resource_pools(project: Compiled) -> list[Pool]:
    """Return the m resources as pools."""
    units: list[list[tuple[int, int]]] = [[] for _ in project.capacities]
    for i, demands in enumerate(project.demands):
        for r, amount in demands:
            units[r].append((i, amount))
    return [
        Pool(capacity, downtimes, tuple(each))
        for capacity, downtimes, each in zip(
            project.capacities, project.downtimes, units, strict=True
        )
    ]


def earliest_starts(project: Compiled) -> list[int]:
    """Return the n heads: earliest starts by release dates, precedence and downtimes alone."""
    return propagate_heads(project, project.releases)


def propagate_heads(project: Compiled, heads: Ints) -> list[int]:
    """Return n earliest starts, passed on along precedences and past downtimes."""
    timelines, later = sgs.timelines(project), list(heads)
    for i in project.order:
        ends = [later[j] + project.durations[j] for j in project.predecessors[i]]
        later[i] = earliest_run(project, timelines, i, max([later[i], *ends]))
    return later


def earliest_run(
    project: Compiled, timelines: Sequence[sgs.CapacityProfile], task: int, start: int
) -> int:
    """Return the first moment from `start` on at which every resource allows a task alone."""
    tried = -1
    while start != tried:
        tried = start
        for r, amount in project.demands[task]:
            start = timelines[r].earliest(start, project.durations[task], amount)
    return start


def longest_tails(project: Compiled) -> list[int]:
    """Return the n tails: least times from a task's end to the makespan, by precedence alone."""
    tails = [0] * len(project.ids)
    for i in reversed(project.order):
        tails[i] = max((project.durations[j] + tails[j] for j in project.successors[i]), default=0)
    return tails


def lower_bound(project: Compiled, heads: Ints, tails: Ints) -> int:
    """Return a makespan that no answer beats, past the horizon if it is proven that none exists.

    The greatest of the critical path and, for each resource, head h and tail t: the moment when
    the work of all tasks with no lesser head and tail can be done if it starts at h, plus t.

    Args:
        project: the compiled project of n tasks.
        heads: the n earliest starts.
        tails: the n least times from a task's end to the makespan.
    """
    return bound_by(project, resource_pools(project), heads, tails)


def bound_by(project: Compiled, pools: Sequence[Pool], heads: Ints, tails: Ints) -> int:
    """Return the bound of the critical path and of the work in pools; else as `lower_bound`.

    Args:
        project: the compiled project of n tasks.
        pools: of its tasks.
        heads: the n earliest starts.
        tails: the n least times from a task's end to the makespan.
    """
    ends = [h + d for h, d in zip(heads, project.durations, strict=True)]
    if any(end > deadline for end, deadline in zip(ends, project.deadlines, strict=True)):
        return project.horizon + 1
    bound = max(end + tail for end, tail in zip(ends, tails, strict=True))
    for pool in pools:
        bound = _energy_bound(project, pool, heads, tails, bound)
    return bound


def quick_bound(project: Project) -> int:
    """Return `lower_bound` of a project, in time units, without a search; kept by its content."""
    content = msgspec.json.encode(project)
    bound = _BOUNDS.get(content)
    if bound is None:
        compiled = sgs.compile_project(project)
        bound = lower_bound(compiled, earliest_starts(compiled), longest_tails(compiled))
        if len(_BOUNDS) >= CACHED_BOUNDS:
            _BOUNDS.clear()
        _BOUNDS[content] = bound
    return bound


def _energy_bound(project: Compiled, pool: Pool, heads: Ints, tails: Ints, bound: int) -> int:
    """Return the greater of a bound and that of a pool's work.

    The end of work is looked for only where it would be past the bound with all downtimes in it.
    """
    capacity, durations = pool.capacity, project.durations
    jobs = sorted((-tails[i], heads[i], amount * durations[i]) for i, amount in pool.units)
    for head in {job[1] for job in jobs}:
        downtimes = (up - max(down, head) for down, up in pool.downtimes if up > head)
        latest, work = head + sum(downtimes), 0
        for minus_tail, start, area in jobs:
            if start >= head:
                work += area
                if latest - (-work // capacity) - minus_tail > bound:
                    bound = max(bound, work_end(pool, head, work) - minus_tail)
    return bound


def work_end(pool: Pool, start: int, work: int) -> int:
    """Return when the full capacity from `start` on, outside downtimes, has delivered the work.

    `work` is in units times time, above 0.
    """
    capacity = pool.capacity
    for down, up in pool.downtimes:
        if up > start:
            room = max(0, down - start) * capacity
            if work <= room:
                break
            work -= room
            start = up
    return start - (-work // capacity)
