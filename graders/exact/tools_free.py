"""The least makespan of calls that each hold one place of a pool, by a few pools at a time.

Of most tools the pool hardly matters. So only some pools are held, and between their calls the
chains through all others: the least makespan of that is a bound, and often the least of all calls.
Which pools matter comes out by itself: where a schedule of some overloads others, the one that is
overloaded most is held too.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from graphlib import TopologicalSorter
from itertools import combinations
from typing import NamedTuple, TypeAlias

from graders.exact import rcpsp, sgs
from graders.exact.rcpsp_bounds import (
    Pool,
    bound_by,
    earliest_starts,
    longest_tails,
    propagate_heads,
    resource_pools,
)
from graders.exact.rcpsp_cp_sat import Solution
from graders.exact.rcpsp_pools import later_heads, longer_tails
from graders.exact.rcpsp_targets import FIRST_TURN, OneEnd, first_to_end
from graders.exact.sgs import Compiled, Ints, Pairs
from graders.exact.sgs_kernel import scheduler
from graders.exact.tools_layers import CallLayersProblem
from graders.exact.tools_layers_kernel import call_layers
from tasks.base import Reference, SolverFailure
from tasks.rcpsp import Project

FIRST = 0.4  # deterministic seconds of CP-SAT before pools are held; they settle nearly all
CHILDREN = 10_000_000  # states made while pools are held, some ten CPU seconds
LAST = 4.0  # deterministic seconds of CP-SAT with a linear relaxation, at the end


def free_reference(project: Project) -> Reference:
    """Return the reference of calls of which each starts once its needs are there.

    Args:
        project: the calls, each with one unit of one resource.

    Raises:
        SolverFailure: if the solver finds no schedule, of which there always is one.
    """
    reference = rcpsp.reference(project, deterministic_limit=FIRST)
    if reference.answer is None:
        raise SolverFailure(f"{reference.solver}: calls without deadlines have no schedule")
    for step in (_held, _searched, partial(rcpsp.narrowed, limit=LAST)):
        if reference.status == "optimal":
            break
        reference = step(project, reference)
    return reference


def _held(project: Project, reference: Reference) -> Reference:
    """Return a reference that is no worse, by pools that are held."""
    compiled = sgs.compile_project(project)
    bound, starts, _ = least_makespan(
        compiled, *_bound_and_starts(compiled, reference), children=CHILDREN
    )
    return rcpsp.state(project, compiled, Solution(bound, starts, reference.solver))


def _searched(project: Project, reference: Reference) -> Reference:
    """Return a reference that is no worse, by all steps for projects."""
    compiled = sgs.compile_project(project)
    bound, starts = _bound_and_starts(compiled, reference)
    other = rcpsp.reference(project, hint=sgs.by_id(compiled, starts), least=bound)
    least, shortest = _bound_and_starts(compiled, other)
    starts = min(starts, shortest, key=partial(sgs.makespan, compiled))
    return rcpsp.state(project, compiled, Solution(max(bound, least), starts, other.solver))


def _bound_and_starts(project: Compiled, reference: Reference) -> tuple[int, list[int]]:
    starts = (reference.answer or {})["starts"]
    return int(reference.bound or 0), [starts[name] for name in project.ids]


# Pools that are held ------------------------------------------------------------------------


class FreeOutcome(NamedTuple):
    """What came of holding pools.

    Attributes:
        bound: no makespan is less.
        starts: the n starts of the best schedule.
        children: the states that were made.
    """

    bound: int
    starts: list[int]
    children: int


def least_makespan(
    project: Compiled, bound: int, starts: list[int], *, children: int, compiled: bool = True
) -> FreeOutcome:
    """Raise a bound until a schedule attains it, or until the states are used up.

    Args:
        project: the compiled project of n calls, each with one unit of one resource, and no
            release dates, deadlines, downtimes or partners.
        bound: no makespan is less.
        starts: the n starts of a schedule.
        children: the states that may be made; some thousands more may be.
        compiled: whether kernels may be used.
    """
    calls = _PooledCalls(project, compiled=compiled)
    bound, made = max(bound, calls.bound), 0
    few = _FewPools(calls, [calls.tightest()], compiled=compiled)
    length = partial(sgs.makespan, project)
    while bound < length(starts):
        is_met = few.ask(bound, children - made)
        made += few.children
        if is_met is None:
            break
        if not is_met:
            bound += 1
            continue
        rough = propagate_heads(project, few.starts())
        starts = min(starts, calls.listed(rough, bound), key=length)
        if bound < length(starts):
            few = _FewPools(calls, [*few.pools, calls.fullest(rough)], compiled=compiled)
    return FreeOutcome(bound, starts, made)


class _PooledCalls:
    """The calls of a project, and their pools.

    Attributes:
        project: as it was compiled.
        pools: of its resources.
        heads: the n earliest starts.
        tails: the n least times from a call's end to the makespan.
        bound: no makespan is less.
    """

    def __init__(self, project: Compiled, *, compiled: bool) -> None:
        self.project, self.pools = project, resource_pools(project)
        self.heads = later_heads(project, self.pools, earliest_starts(project))
        self.tails = longer_tails(project, self.pools, longest_tails(project))
        self.bound = bound_by(project, self.pools, self.heads, self.tails)
        self._scheduler = scheduler(project, compiled=compiled)

    def tightest(self) -> int:
        """Return the pool with the greatest bound of its own; of equals that with most calls."""
        return max(range(len(self.pools)), key=self._tightness)

    def _tightness(self, pool: int) -> tuple[int, int]:
        held = self.pools[pool]
        return bound_by(self.project, [held], self.heads, self.tails), len(held.units)

    def fullest(self, starts: Ints) -> int:
        """Return the pool that calls with these starts overload most, in calls times time."""
        return max(range(len(self.pools)), key=lambda k: self._overload(self.pools[k], starts))

    def _overload(self, pool: Pool, starts: Ints) -> int:
        moves = [(starts[i], 1) for i, _ in pool.units]
        moves += [(starts[i] + self.project.durations[i], -1) for i, _ in pool.units]
        overload = running = last = 0
        for moment, change in sorted(moves):
            overload += max(0, running - pool.capacity) * (moment - last)
            running, last = running + change, moment
        return overload

    def listed(self, starts: Ints, lower: int) -> list[int]:
        """Return a schedule of the calls in the order of some starts, shortened down to a bound."""
        order = sorted(range(len(starts)), key=lambda i: (starts[i], i))
        return self._scheduler.shortened(self._scheduler.serial(order), lower)

    def chains_from(self, call: int) -> dict[int, int]:
        """Return for all that waits for a call the least time between the two starts."""
        chains = {call: 0}
        for i in self.project.order:
            for j in self.project.successors[i] if i in chains else ():
                chains[j] = max(chains.get(j, 0), chains[i] + self.project.durations[i])
        del chains[call]
        return chains


class _FewPools:
    """The calls of some pools, which hold all places of these and none of others.

    Attributes:
        pools: the pools, by index.
        children: the states that were made for the last target.
    """

    def __init__(self, calls: _PooledCalls, pools: Sequence[int], *, compiled: bool) -> None:
        self.pools, self.children = pools, 0
        self._calls, self._compiled = calls, compiled
        self._pool = {i: k for k, pool in enumerate(pools) for i, _ in calls.pools[pool].units}
        self._waits = _waits(calls, self._pool)
        before: dict[int, list[int]] = {i: [] for i in calls.project.order if i in self._pool}
        for i, j in self._waits:
            before[j].append(i)
        self._order = tuple(TopologicalSorter(before).static_order())
        self._durations = calls.project.durations
        self._directions: tuple[bool, ...] = (False, True)
        self._ended: OneEnd | None = None
        self._target = 0

    def ask(self, target: int, children: int) -> bool | None:
        """Return whether calls can end by a target, which is asked from both ends of time.

        Args:
            target: the makespan.
            children: the states that may be made; None is returned once they are used up.
        """
        searches = [
            OneEnd(call_layers(self.problem(target, is_turned=way), compiled=self._compiled), way)
            for way in self._directions
        ]
        self._target = target
        self._ended = first_to_end(searches, children)
        self.children = sum(each.children for each in searches)
        if self._ended is None:
            return None
        if self._ended.children > FIRST_TURN:
            self._directions = (self._ended.is_turned,)
        return self._ended.is_met

    def starts(self) -> list[int]:
        """Return the n starts of calls that met the target, 0 for those of other pools."""
        starts = [0] * len(self._durations)
        if self._ended is not None:
            is_turned, search = self._ended.is_turned, self._ended.search
            for i, start in zip(self._ordered(is_turned), search.starts(), strict=True):
                starts[i] = self._target - start - self._durations[i] if is_turned else start
        return starts

    def _search(self, target: int, *, is_turned: bool) -> OneEnd:
        problem = self.problem(target, is_turned=is_turned)
        return OneEnd(call_layers(problem, compiled=self._compiled), is_turned)

    def problem(self, target: int, *, is_turned: bool) -> CallLayersProblem:
        """Return the calls with a target, from one end of time."""
        calls, order, durations = self._calls, self._ordered(is_turned), self._durations
        heads, tails = (calls.tails, calls.heads) if is_turned else (calls.heads, calls.tails)
        return CallLayersProblem(
            durations=[durations[i] for i in order],
            pools=[self._pool[i] for i in order],
            places=[self._places(pool) for pool in self.pools],
            heads=[heads[i] for i in order],
            latest=[target - tails[i] for i in order],
            waits=self._waits_in(order, is_turned=is_turned),
        )

    def _ordered(self, is_turned: bool) -> Ints:
        return self._order[::-1] if is_turned else self._order

    def _waits_in(self, order: Ints, *, is_turned: bool) -> list[Pairs]:
        """Return for each call, by its place in an order, what it waits for, and how long."""
        place = {i: k for k, i in enumerate(order)}
        waits: list[list[tuple[int, int]]] = [[] for _ in order]
        for (i, j), time in self._waits.items():
            if is_turned:
                between = time + self._durations[j] - self._durations[i]
                waits[place[i]].append((place[j], between))
            else:
                waits[place[j]].append((place[i], time))
        return [tuple(sorted(each)) for each in waits]

    def _places(self, pool: int) -> int:
        """Return the places of a pool, of which no more count than there are calls."""
        held = self._calls.pools[pool]
        return min(held.capacity, len(held.units))


# Waits --------------------------------------------------------------------------------------

Waits: TypeAlias = dict[tuple[int, int], int]


def _waits(calls: _PooledCalls, pool: Mapping[int, int]) -> Waits:
    """Return the least times between the starts of two calls (earlier, later).

    They are those of chains, and 0 where it is no loss that one starts no later than another: the
    two exchange their places wherever the other is first.

    Args:
        calls: all there are.
        pool: that of each call which holds a place.
    """
    waits = {(i, j): time for i in pool for j, time in calls.chains_from(i).items() if j in pool}
    alike: dict[tuple[int, int], list[int]] = {}
    for i in calls.project.order:
        if i in pool:
            alike.setdefault((pool[i], calls.project.durations[i]), []).append(i)
    chains = dict(waits)
    for group in alike.values():
        for i, j in combinations(group, 2):
            if _may_precede(calls, chains, pool, i, j):
                waits[i, j] = 0
            elif _may_precede(calls, chains, pool, j, i):
                waits[j, i] = 0
    return waits


def _may_precede(
    calls: _PooledCalls, chains: Waits, others: Iterable[int], first: int, second: int
) -> bool:
    """Return whether of two calls as long, of one pool, the second may give its place to the first.

    It may if the first can start wherever the second can, and the second end wherever the first
    can; nothing else is shifted.
    """
    if (first, second) in chains or (second, first) in chains:
        return False
    if calls.heads[first] > calls.heads[second] or calls.tails[first] < calls.tails[second]:
        return False
    return all(
        chains.get((k, first), -1) <= chains.get((k, second), -1)
        and chains.get((first, k), -1) >= chains.get((second, k), -1)
        for k in others
    )
