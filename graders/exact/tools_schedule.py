"""The two optima of a set of tool calls: each as early as it can be, or turn by turn.

A call holds one place of its tool's pool for its duration and needs other calls' results. Free,
that is a project with unary demands, and CP-SAT settles it. Turn by turn, a turn costs an
overhead and then runs until its last call ends; `tools_search` proves that optimum.
"""

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Literal, NamedTuple

from graders.exact.tools_free import free_reference
from graders.exact.tools_lean import LeanProblem, TurnSearchLimits
from graders.exact.tools_lean_kernel import searcher
from graders.exact.tools_packing import Packing, StepsExhausted, list_schedule, makespan
from graders.exact.tools_search import CallNode as CallNode
from graders.exact.tools_search import Calls, Ints, Turns, TurnSearch
from tasks.rcpsp import Project, Resource, Task

LIMIT = 300_000  # steps of the search for turns, some 2 CPU seconds
WIDTHS = 100, 1000  # of beams before all sets are searched
FURTHER = TurnSearchLimits(
    steps=90_000_000, sets=8_000_000
)  # of a second search where the first gives up


class BestPlan(NamedTuple):
    """The best plan of a search, and what is proven of it, in time units.

    Attributes:
        status: `optimal` if the objective is the bound.
        objective: the makespan of the plan.
        bound: a bound that holds for every plan.
        order: of `free`, the calls; placed one by one, each as early as it fits, they attain the
            objective.
        turns: of `barrier`, the calls of each turn; issued together in their order they attain it.
    """

    status: Literal["optimal", "bounded"]
    objective: int
    bound: int
    order: tuple[int, ...]
    turns: tuple[tuple[int, ...], ...]


def free(calls: Calls, capacity: Ints, overhead: int) -> BestPlan:
    """Return the least makespan of one turn in which every call starts once its needs are there.

    Args:
        calls: the calls, in any order.
        capacity: the places of each tool's pool.
        overhead: the time that the turn costs before its calls.

    Raises:
        ValueError: if calls or capacities are none that can run.
        SolverFailure: if the solver finds no schedule, of which there always is one.
    """
    _topological(calls, capacity)
    optimum = free_reference(_project(calls, capacity))
    starts: dict[str, int] = (optimum.answer or {})["starts"]
    order = tuple(sorted(range(len(calls)), key=lambda i: starts[str(i)]))
    objective, bound = int(optimum.objective or 0), int(optimum.bound or 0)
    return _plan(overhead + objective, overhead + bound, order, ())


def _project(calls: Calls, capacity: Ints) -> Project:
    """Return the calls as a project with unary demands."""
    edges = {(str(need), str(i)) for i, call in enumerate(calls) for need in call.needs}
    return Project(
        tasks=tuple(Task(str(i), c.duration, {str(c.tool): 1}) for i, c in enumerate(calls)),
        resources=tuple(Resource(str(k), places) for k, places in enumerate(capacity)),
        precedences=tuple(sorted(edges)),
        downtimes=(),
        windows=(),
        disjunctions=(),
        horizon=sum(call.duration for call in calls),
    )


def barrier(
    calls: Calls,
    capacity: Ints,
    overhead: int,
    *,
    limit: int = LIMIT,
    further: TurnSearchLimits | None = None,
) -> BestPlan:
    """Return the least makespan of turns that return before the next one is issued.

    A call's needs are in turns before its own.

    Args:
        calls: the calls, in any order.
        capacity: the places of each tool's pool.
        overhead: the time that each turn costs before its calls.
        limit: the most steps of search; counted, so that the plan is the same everywhere.
        further: of each part of a second search where the first gives up, if there is to be one.

    Raises:
        ValueError: if calls or capacities are none that can run.
    """
    order = _topological(calls, capacity)
    pools = _Pools(calls, capacity, overhead)
    bound, turns = _search(pools, order, limit)
    if further and bound < _time(pools, turns):
        bound, turns = _search_further(pools, order, further, bound, turns)
    issued = tuple(pools.issue(turn) for turn in turns)
    objective = sum(map(pools.length, issued))
    return _plan(objective, min(bound, objective), (), issued)


def _search(pools: "_Pools", order: Ints, limit: int) -> tuple[int, Turns]:
    """Return a bound and the best turns: of levels, of the search, or of local improvement."""
    turns = _levels(pools.calls, order)
    search = TurnSearch(pools.calls, pools.capacity, pools.overhead, order=order, limit=limit)
    objective, bound = sum(map(pools.length, turns)), search.remaining(0)
    if bound >= objective:
        return bound, turns
    bound, better = search.run(objective)
    if better or bound >= objective:
        return bound, better or turns
    return bound, _improve(pools, turns)


def _search_further(
    pools: "_Pools", order: Ints, limits: TurnSearchLimits, bound: int, turns: Turns
) -> tuple[int, Turns]:
    """Return a bound and turns no worse than those given: of beams, then of a search of all."""
    search = searcher(LeanProblem(pools.calls, pools.capacity, pools.overhead, order=order))
    for width in (*WIDTHS, 0):
        objective = _time(pools, turns)
        least, better = search.run(objective, limits, width=width)
        bound, turns = max(bound, least), better or turns
    return bound, turns


def _time(pools: "_Pools", turns: Turns) -> int:
    """Return what turns take, each issued for a shortest schedule of its pools."""
    return sum(pools.length(pools.issue(turn)) for turn in turns)


def _plan(
    objective: int, bound: int, order: tuple[int, ...], turns: tuple[tuple[int, ...], ...]
) -> BestPlan:
    return BestPlan(
        "optimal" if bound == objective else "bounded",
        objective,
        bound,
        order=order,
        turns=turns,
    )


def _topological(calls: Calls, capacity: Ints) -> tuple[int, ...]:
    """Return the indices of the calls, each after its needs; ValueError if something is wrong."""
    _check(calls, capacity)
    try:
        graph = {i: sorted(set(call.needs)) for i, call in enumerate(calls)}
        return tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ValueError(f"calls {error.args[1]} need each other in a circle") from None


def _check(calls: Calls, capacity: Ints) -> None:
    if not calls:
        raise ValueError("calls: there must be at least one")
    _check_capacity(capacity)
    for i, call in enumerate(calls):
        _check_call(i, call, len(calls), len(capacity))


def _check_capacity(capacity: Ints) -> None:
    for k, places in enumerate(capacity):
        if places < 1:
            raise ValueError(f"capacity of tool {k}: {places} is not at least 1")


def _check_call(i: int, call: CallNode, calls: int, tools: int) -> None:
    if call.duration < 1:
        raise ValueError(f"call {i}: duration {call.duration} is not at least 1")
    if not 0 <= call.tool < tools:
        raise ValueError(f"call {i}: tool {call.tool} is not one of {tools}")
    missing = [need for need in call.needs if not 0 <= need < calls]
    if missing:
        raise ValueError(f"call {i}: needs call {missing[0]}, which is not there")


# A turn -------------------------------------------------------------------------------------


class _Pools(NamedTuple):
    """The calls, the places of each tool's pool, and the time a turn costs before its calls."""

    calls: Calls
    capacity: Ints
    overhead: int

    def issue(self, turn: Ints) -> tuple[int, ...]:
        """Return a turn's calls by their starts in a shortest schedule of each pool."""
        start: dict[int, int] = {}
        packing = Packing(LIMIT)
        for tool, pool in self._by_tool(_longest_first(self.calls, turn)).items():
            start.update(zip(pool, self._starts(packing, tool, pool), strict=True))
        return tuple(sorted(start, key=lambda i: (start[i], i)))

    def _starts(self, packing: Packing, tool: int, pool: Ints) -> list[int]:
        durations = tuple(self.calls[i].duration for i in pool)
        try:
            return packing.starts(durations, self.capacity[tool])
        except StepsExhausted:
            return list_schedule(durations, self.capacity[tool])

    def length(self, turn: Ints) -> int:
        """Return what a turn takes if its calls are issued in their order; 0 without calls."""
        if not turn:
            return 0
        durations = [
            (tool, [self.calls[i].duration for i in pool])
            for tool, pool in self._by_tool(turn).items()
        ]
        return self.overhead + max(
            makespan(list_schedule(d, self.capacity[tool]), d) for tool, d in durations
        )

    def _by_tool(self, turn: Ints) -> dict[int, list[int]]:
        pools: dict[int, list[int]] = {}
        for i in turn:
            pools.setdefault(self.calls[i].tool, []).append(i)
        return pools


def _longest_first(calls: Calls, turn: Iterable[int]) -> list[int]:
    return sorted(turn, key=lambda i: (-calls[i].duration, i))


# From above ---------------------------------------------------------------------------------


def _levels(calls: Calls, order: Ints) -> Turns:
    """Return turns of all that is ready, the longest calls first."""
    level = [0] * len(calls)
    for i in order:
        level[i] = max((level[need] + 1 for need in calls[i].needs), default=0)
    turns: Turns = [[] for _ in range(max(level) + 1)]
    for i in _longest_first(calls, order):
        turns[level[i]].append(i)
    return turns


def _improve(pools: _Pools, turns: Turns) -> Turns:
    """Move one call at a time into another turn, or one of its own, while that is shorter."""
    users = _users(pools.calls)
    again = True
    while again:
        again = False
        for i in range(len(pools.calls)):
            better = _Move(pools, turns, i).better(users[i])
            again = again or better is not None
            turns = better or turns
    return turns


def _users(calls: Calls) -> list[list[int]]:
    """Return for each call those that need it."""
    users: list[list[int]] = [[] for _ in calls]
    for i, call in enumerate(calls):
        for need in call.needs:
            users[need].append(i)
    return users


class _Move:
    """A call in some turns that may go elsewhere.

    Place 2t is turn t, 2t + 1 a turn of its own after it.
    """

    def __init__(self, pools: _Pools, turns: Turns, call: int) -> None:
        self._pools, self._turns, self._call = pools, turns, call
        self._places = {i: 2 * t for t, turn in enumerate(turns) for i in turn}

    def better(self, users: Ints) -> Turns | None:
        """Return the turns with the call in the first place that makes them shorter, or None.

        `users` are the calls that need this one.
        """
        home = self._turns[self._places[self._call] // 2]
        remainder = [i for i in home if i != self._call]
        saving = self._pools.length(home) - self._pools.length(remainder)
        for place in self._allowed(users):
            joined = [] if place % 2 else self._turns[place // 2]
            grown = _longest_first(self._pools.calls, [*joined, self._call])
            if self._pools.length(grown) - self._pools.length(joined) < saving:
                turns = [remainder if turn is home else turn for turn in self._turns]
                turns[(place + 1) // 2 : place // 2 + 1] = [grown]
                return [turn for turn in turns if turn]
        return None

    def _allowed(self, users: Ints) -> Iterator[int]:
        """Yield the places after the call's needs and before its users, without its own."""
        at, needs = self._places, self._pools.calls[self._call].needs
        first = max((at[need] + 1 for need in needs), default=-1)
        last = min((at[user] for user in users), default=2 * len(self._turns))
        for place in range(first, last):
            if place != at[self._call]:
                yield place
