"""Relaxations of a project to pools of units: each bounds the makespan as a resource does.

Rounded pools and disjunctive sets say more about how tasks fit beside each other than a resource's
work does; the work of all that must come before or after a task says more about when it can run.
"""

from collections.abc import Sequence

from graders.exact.rcpsp_bounds import Pool, propagate_heads, work_end
from graders.exact.sgs import Compiled, Ints

ROUNDINGS = 24  # of a resource at most, so that large capacities cost no more


def rounded_pools(pool: Pool) -> list[Pool]:
    """Return pools in which all that fits into a pool still fits, and less else does.

    Dual feasible functions: for k = 1, 2, ... units are ceil((k + 1) q / C) - 1 of k, which is
    u^(k) of Fekete & Schepers (2001), "New classes of fast lower bounds for bin packing problems",
    rounded to whole units; and f_CCM of Carlier, Clautiaux & Moukrim (2007), "New reduction
    procedures and lower bounds for the two-dimensional bin packing problem with fixed
    orientation". Roundings that ask no task for a greater share than the pool are left out.
    """
    sizes = sorted({amount for _, amount in pool.units})
    pools: dict[tuple[int, ...], Pool] = {}
    for capacity, rounded in _roundings(pool.capacity, sizes):
        by_size = dict(zip(sizes, rounded, strict=True))
        if any(by_size[q] * pool.capacity > q * capacity for q in sizes):
            units = tuple((i, by_size[q]) for i, q in pool.units if by_size[q])
            pools.setdefault((capacity, *rounded), Pool(capacity, pool.downtimes, units))
    return list(pools.values())


def _roundings(capacity: int, sizes: Sequence[int]) -> list[tuple[int, list[int]]]:
    """Return (rounded capacity, rounded sizes) of every dual feasible function tried."""
    most = min(capacity - 1, ROUNDINGS // 2)
    least = max(1, capacity // 2 - ROUNDINGS // 2 + 1)
    by_parts = [(k, [-(-(k + 1) * q // capacity) - 1 for q in sizes]) for k in range(1, most + 1)]
    by_step = [
        (2 * (capacity // step), [_folded(capacity, q, step) for q in sizes])
        for step in range(least, capacity // 2 + 1)
    ]
    return by_parts + by_step


def _folded(capacity: int, size: int, step: int) -> int:
    """Return f_CCM of a size: below the half of the capacity in whole steps, above it the rest."""
    if 2 * size > capacity:
        return 2 * (capacity // step - (capacity - size) // step)
    if 2 * size == capacity:
        return capacity // step
    return 2 * (size // step)


# Disjunctive sets ---------------------------------------------------------------------------


def clique_pools(project: Compiled) -> list[Pool]:
    """Return sets of tasks of which no two can overlap, as pools of one unit.

    One for each task: it takes in the longest task that overlaps none so far, again and again.
    After the node packing bound of Mingozzi, Maniezzo, Ricciardelli & Bianco (1998), "An exact
    algorithm for the resource-constrained project scheduling problem based on a new mathematical
    formulation"; heads and tails of the set count too, as in that of one machine.
    """
    apart = incompatible(project)
    longest_first = sorted(
        (i for i, d in enumerate(project.durations) if d), key=lambda i: -project.durations[i]
    )
    cliques = {_clique(apart, i, longest_first) for i in longest_first}
    return [
        Pool(1, (), tuple((i, 1) for i in clique)) for clique in sorted(cliques) if len(clique) > 1
    ]


def incompatible(project: Compiled) -> list[int]:
    """Return for each task, as bits, those that it cannot overlap in any schedule.

    By precedence along any path, by a disjunction, or as a resource has too few units for both.
    """
    before = ancestors(project)
    apart = list(before)
    for i, group in enumerate(before):
        for j in _members(group):
            apart[j] |= 1 << i
    for i, partners in enumerate(project.partners):
        for j in partners:
            apart[i] |= 1 << j
    for i, j in _overloads(project):
        apart[i] |= 1 << j
        apart[j] |= 1 << i
    return apart


def ancestors(project: Compiled) -> list[int]:
    """Return for each task, as bits, all that end before it starts."""
    before = [0] * len(project.ids)
    for i in project.order:
        for j in project.predecessors[i]:
            before[i] |= before[j] | 1 << j
    return before


def descendants(project: Compiled) -> list[int]:
    """Return for each task, as bits, all that start after it ends."""
    after = [0] * len(project.ids)
    for i in reversed(project.order):
        for j in project.successors[i]:
            after[i] |= after[j] | 1 << j
    return after


def _members(bits: int) -> list[int]:
    members = []
    while bits:
        members.append((bits & -bits).bit_length() - 1)
        bits &= bits - 1
    return members


def _overloads(project: Compiled) -> list[tuple[int, int]]:
    """Return the pairs (i, j < i) that together exceed the capacity of a resource."""
    demands = [dict(each) for each in project.demands]
    return [
        (i, j)
        for i, each in enumerate(demands)
        for j in range(i)
        if any(q + demands[j].get(r, 0) > project.capacities[r] for r, q in each.items())
    ]


def _clique(apart: Sequence[int], first: int, candidates: Sequence[int]) -> tuple[int, ...]:
    clique, common = [first], apart[first]
    for i in candidates:
        if common >> i & 1:
            clique.append(i)
            common &= apart[i]
    return tuple(sorted(clique))


# What must come before and after -------------------------------------------------------------


def later_heads(project: Compiled, pools: Sequence[Pool], heads: Ints) -> list[int]:
    """Return the n heads, raised to when the work of a task's ancestors can be done in a pool.

    The precedence energy of Laborie (2003), "Algorithms for propagating resource constraints in AI
    planning and scheduling", section 4.2, for every least head among the ancestors.

    Args:
        project: the compiled project of n tasks.
        pools: of its tasks.
        heads: n earliest starts.
    """
    groups = [_members(each) for each in ancestors(project)]
    units, later = [dict(pool.units) for pool in pools], list(heads)
    for i in project.order:
        for j in project.predecessors[i]:
            later[i] = max(later[i], later[j] + project.durations[j])
        ordered = sorted(groups[i], key=later.__getitem__, reverse=True)
        for pool, amounts in zip(pools, units, strict=True):
            work = 0
            for j in ordered:
                if j in amounts:
                    work += amounts[j] * project.durations[j]
                    if later[j] - (-work // pool.capacity) > later[i] or pool.downtimes:
                        later[i] = max(later[i], work_end(pool, later[j], work))
    return propagate_heads(project, later)


def longer_tails(project: Compiled, pools: Sequence[Pool], tails: Ints) -> list[int]:
    """Return the n tails, raised to what a pool needs for the work of a task's descendants.

    Args:
        project: the compiled project of n tasks.
        pools: of its tasks; their downtimes do not count.
        tails: n least times from a task's end to the makespan.
    """
    groups = [_members(each) for each in descendants(project)]
    units, longer = [dict(pool.units) for pool in pools], list(tails)
    for i in reversed(project.order):
        for j in project.successors[i]:
            longer[i] = max(longer[i], longer[j] + project.durations[j])
        ordered = sorted(groups[i], key=longer.__getitem__, reverse=True)
        for pool, amounts in zip(pools, units, strict=True):
            work = 0
            for j in ordered:
                if j in amounts:
                    work += amounts[j] * project.durations[j]
                    longer[i] = max(longer[i], longer[j] - (-work // pool.capacity))
    return longer
