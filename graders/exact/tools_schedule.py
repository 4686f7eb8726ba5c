"""The two optima of a set of tool calls: each as early as it can be, or turn by turn.

A call holds one place of its tool's pool for its duration and needs other calls' results. Free,
that is a project with unary demands, and CP-SAT settles it. Turn by turn, a turn costs an
overhead and then runs until its last call ends; A* over the sets of calls that are done proves
that optimum at once, because few turns are worth looking at (`_Search` says which).
"""

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from itertools import pairwise, product
from operator import or_
from typing import Literal, NamedTuple

from graders.exact import rcpsp
from graders.exact.tools_packing import Packing, StepsExhausted, listed, makespan
from tasks.base import SolverFailure
from tasks.rcpsp import Project, Resource, Task

LIMIT = 300_000  # steps of the search for turns, some 3 CPU seconds
_NEVER = 1 << 62  # above any time


class CallNode(NamedTuple):
    """One call: its duration >= 1, the index of its tool, the indices of the calls it needs."""

    duration: int
    tool: int
    needs: tuple[int, ...]


class BestPlan(NamedTuple):
    """A best plan known, its makespan, and a bound that holds for every plan, in time units.

    `order` (free) attains the objective if its calls are placed one by one, each as early as it
    fits; `turns` (barrier) if each turn's calls are issued together in their order.
    """

    status: Literal["optimal", "bounded"]
    objective: int
    bound: int
    order: tuple[int, ...]
    turns: tuple[tuple[int, ...], ...]


def free(calls: Sequence[CallNode], capacity: Sequence[int], overhead: int) -> BestPlan:
    """The least makespan of one turn in which every call starts once its needs are there.

    `capacity` gives the places of each tool's pool; the turn's `overhead` comes first. ValueError
    if calls or capacities are none that can run.
    """
    _topological(calls, capacity)
    edges = {(str(need), str(i)) for i, call in enumerate(calls) for need in call.needs}
    project = Project(
        tasks=tuple(Task(str(i), c.duration, {str(c.tool): 1}) for i, c in enumerate(calls)),
        resources=tuple(Resource(str(k), places) for k, places in enumerate(capacity)),
        precedences=tuple(sorted(edges)),
        downtimes=(),
        windows=(),
        disjunctions=(),
        horizon=sum(call.duration for call in calls),
    )
    found = rcpsp.reference(project)
    if found.answer is None:
        raise SolverFailure(f"{found.solver}: calls without deadlines have no schedule")
    starts: dict[str, int] = found.answer["starts"]
    order = tuple(sorted(range(len(calls)), key=lambda i: starts[str(i)]))
    return _plan(overhead + int(found.objective or 0), overhead + int(found.bound or 0), order, ())


def barrier(
    calls: Sequence[CallNode], capacity: Sequence[int], overhead: int, *, limit: int = LIMIT
) -> BestPlan:
    """The least makespan of turns that each cost `overhead` and return before the next one.

    A call's needs are in turns before its own. `limit` counts steps of search, so the plan is the
    same everywhere. ValueError if calls or capacities are none that can run.
    """
    order = _topological(calls, capacity)
    search = _Search(calls, capacity, overhead, order, limit)
    known = _levels(calls, order)
    objective = sum(_length(calls, capacity, overhead, turn) for turn in known)
    bound = search.remaining(0)
    if bound < objective:
        bound, better = search.run(objective)
        known = better or known
        if bound < objective and not better:
            known = _improved(calls, capacity, overhead, known)
    turns = tuple(_issued(calls, capacity, turn) for turn in known)
    objective = sum(_length(calls, capacity, overhead, turn) for turn in turns)
    return _plan(objective, min(bound, objective), (), turns)


def _plan(
    objective: int, bound: int, order: tuple[int, ...], turns: tuple[tuple[int, ...], ...]
) -> BestPlan:
    return BestPlan("optimal" if bound == objective else "bounded", objective, bound, order, turns)


def _topological(calls: Sequence[CallNode], capacity: Sequence[int]) -> tuple[int, ...]:
    """The indices of the calls, each after its needs; ValueError if something is wrong."""
    if not calls:
        raise ValueError("calls: there must be at least one")
    for k, places in enumerate(capacity):
        if places < 1:
            raise ValueError(f"capacity of tool {k}: {places} is not at least 1")
    for i, call in enumerate(calls):
        if call.duration < 1:
            raise ValueError(f"call {i}: duration {call.duration} is not at least 1")
        if not 0 <= call.tool < len(capacity):
            raise ValueError(f"call {i}: tool {call.tool} is not one of {len(capacity)}")
        for need in call.needs:
            if not 0 <= need < len(calls):
                raise ValueError(f"call {i}: needs call {need}, which is not there")
    try:
        graph = {i: sorted(set(call.needs)) for i, call in enumerate(calls)}
        return tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ValueError(f"calls {error.args[1]} need each other in a circle") from None


# A turn -------------------------------------------------------------------------------------


def _pools(calls: Sequence[CallNode], turn: Sequence[int]) -> dict[int, list[int]]:
    """A turn's calls by tool, each in falling order of duration."""
    pools: dict[int, list[int]] = {}
    for i in sorted(turn, key=lambda i: (-calls[i].duration, i)):
        pools.setdefault(calls[i].tool, []).append(i)
    return pools


def _issued(
    calls: Sequence[CallNode], capacity: Sequence[int], turn: Sequence[int]
) -> tuple[int, ...]:
    """A turn's calls in the order of their starts in a shortest schedule of each pool."""
    start: dict[int, int] = {}
    packing = Packing(LIMIT)
    for tool, pool in _pools(calls, turn).items():
        durations = tuple(calls[i].duration for i in pool)
        try:
            starts = packing.starts(durations, capacity[tool])
        except StepsExhausted:
            starts = listed(durations, capacity[tool])
        start.update(zip(pool, starts, strict=True))
    return tuple(sorted(start, key=lambda i: (start[i], i)))


def _length(
    calls: Sequence[CallNode], capacity: Sequence[int], overhead: int, turn: Sequence[int]
) -> int:
    """What a turn takes if its calls are issued in their order; nothing if there are none."""
    pools: dict[int, list[int]] = {}
    for i in turn:
        pools.setdefault(calls[i].tool, []).append(calls[i].duration)
    longest = (makespan(listed(d, capacity[t]), d) for t, d in pools.items())
    return overhead + max(longest) if pools else 0


# From above ---------------------------------------------------------------------------------


def _levels(calls: Sequence[CallNode], order: Sequence[int]) -> list[list[int]]:
    """Turns of all that is ready, the longest calls first."""
    level = [0] * len(calls)
    for i in order:
        level[i] = max((level[need] + 1 for need in calls[i].needs), default=0)
    turns: list[list[int]] = [[] for _ in range(max(level) + 1)]
    for i in sorted(order, key=lambda i: (-calls[i].duration, i)):
        turns[level[i]].append(i)
    return turns


def _improved(
    calls: Sequence[CallNode], capacity: Sequence[int], overhead: int, turns: list[list[int]]
) -> list[list[int]]:
    """Move one call at a time into another turn, or one of its own, while that is shorter."""

    def length(turn: Sequence[int]) -> int:
        return _length(calls, capacity, overhead, turn)

    users: list[list[int]] = [[] for _ in calls]
    for i, call in enumerate(calls):
        for need in call.needs:
            users[need].append(i)
    again = True
    while again:
        again = False
        for i in range(len(calls)):
            moved = _moved(calls, turns, i, users[i], length)
            again = again or moved is not None
            turns = moved or turns
    return turns


def _moved(
    calls: Sequence[CallNode],
    turns: list[list[int]],
    call: int,
    users: Sequence[int],
    length: Callable[[Sequence[int]], int],
) -> list[list[int]] | None:
    """The turns with `call` in the first place that makes them shorter, None if none does.

    Place 2t is turn t, 2t + 1 a turn of its own after it.
    """
    at = {i: 2 * t for t, turn in enumerate(turns) for i in turn}
    mine = turns[at[call] // 2]
    rest = [i for i in mine if i != call]
    saved = length(mine) - length(rest)
    first = max((at[need] + 1 for need in calls[call].needs), default=-1)
    last = min((at[user] for user in users), default=2 * len(turns))
    for place in range(first, last):
        if place == at[call]:
            continue
        joined = [] if place % 2 else turns[place // 2]
        grown = sorted([*joined, call], key=lambda i: (-calls[i].duration, i))
        if length(grown) - length(joined) < saved:
            moved = [rest if turn is mine else turn for turn in turns]
            moved[(place + 1) // 2 : place // 2 + 1] = [grown]
            return [turn for turn in moved if turn]
    return None


# The search ---------------------------------------------------------------------------------


class _Search:
    """A* over the sets of calls that are done, as bit masks; a step adds a turn.

    Two exchanges, neither of which makes any turn longer, leave few turns to look at. A ready call
    that fits under a turn's length is in it. And a call b is in it without a call a of the same
    tool only if a would not fit in b's place, where a is no shorter and what waits for b waits for
    a as well.
    """

    def __init__(
        self,
        calls: Sequence[CallNode],
        capacity: Sequence[int],
        overhead: int,
        order: Sequence[int],
        limit: int,
    ) -> None:
        count = len(calls)
        self.calls, self.capacity, self.overhead = calls, capacity, overhead
        self.full = (1 << count) - 1
        self.packing = Packing(limit)
        self.needs = [reduce(or_, (1 << need for need in call.needs), 0) for call in calls]
        self.successors = [
            reduce(or_, (1 << j for j in range(count) if self.needs[j] >> i & 1), 0)
            for i in range(count)
        ]
        self.after = [0] * count  # all that waits for a call, at any distance
        self.tail = [0] * count  # the least time between a call's end and the last one
        self.depth = [1] * count  # the least turns from a call's on
        for i in reversed(order):
            for j in _members(self.successors[i]):
                self.after[i] |= self.after[j] | 1 << j
                self.tail[i] = max(self.tail[i], overhead + calls[j].duration + self.tail[j])
                self.depth[i] = max(self.depth[i], 1 + self.depth[j])
        chain = [overhead + call.duration + t for call, t in zip(calls, self.tail, strict=True)]
        self.by_chain = sorted(((chain[i], 1 << i) for i in range(count)), reverse=True)
        self.by_depth = sorted(((self.depth[i], 1 << i) for i in range(count)), reverse=True)
        pools = [[i for i in range(count) if calls[i].tool == k] for k in range(len(capacity))]
        self.crowded = [
            (
                places,
                sorted(((self.tail[i], calls[i].duration, 1 << i) for i in pool), reverse=True),
            )
            for pool, places in zip(pools, capacity, strict=True)
            if len(pool) > places
        ]
        self._options: dict[int, list[tuple[int, int, int]]] = {}

    def remaining(self, done: int) -> int:
        """Time that what is not done takes at the least: its longest chain, its fullest pool."""
        if done == self.full:
            return 0
        bound = next(chain for chain, bit in self.by_chain if not done & bit)
        turns = self.overhead * next(depth for depth, bit in self.by_depth if not done & bit)
        for places, pool in self.crowded:
            work = 0
            for tail, duration, bit in pool:
                if not done & bit:
                    work += duration
                    least = self.overhead - (-work // places) + tail
                    if least > bound:
                        bound = least
            least = turns - (-work // places)
            if least > bound:
                bound = least
        return bound

    def run(self, limit: int) -> tuple[int, list[list[int]] | None]:
        """(bound, turns): turns shorter than `limit` if there are any and the steps suffice."""
        spent, came = {0: 0}, dict[int, int]()
        heap = [(self.remaining(0), 0, 0)]
        closed = set()
        bound = 0
        try:
            while heap:
                bound, _, done = heappop(heap)
                if done == self.full:
                    return bound, self._path(came)
                if done in closed:
                    continue
                closed.add(done)
                for length, turn in self._next(done):
                    after = done | turn
                    cost = spent[done] + self.overhead + length
                    if cost < spent.get(after, limit):
                        spent[after], came[after] = cost, done
                        least = max(bound, cost + self.remaining(after))
                        if least < limit:
                            heappush(heap, (least, -after.bit_count(), after))
        except StepsExhausted:
            return bound, None
        return limit, None

    def _path(self, came: dict[int, int]) -> list[list[int]]:
        turns, done = [], self.full
        while done:
            turns.append(_members(done & ~came[done]))
            done = came[done]
        return turns[::-1]

    def _next(self, done: int) -> Iterator[tuple[int, int]]:
        """The turns worth looking at: their length, and their calls as a mask."""
        ready: dict[int, int] = {}
        for i in _members(self.full & ~done):
            if not self.needs[i] & ~done:
                tool = self.calls[i].tool
                ready[tool] = ready.get(tool, 0) | 1 << i
        options = [self._of_tool(tool, mask) for tool, mask in ready.items()]
        for length in sorted({low for option in options for low, _, _ in option if low}):
            fitting = [[(c, m) for c, end, m in option if c <= length < end] for option in options]
            for chosen in product(*fitting):
                self.packing.spend(1)
                if max(low for low, _ in chosen) == length:
                    yield length, reduce(or_, (mask for _, mask in chosen))

    def _of_tool(self, tool: int, ready: int) -> list[tuple[int, int, int]]:
        """(length, end, mask): what a turn of length <= its own < end takes of a tool's calls."""
        if ready not in self._options:
            places = self.capacity[tool]
            few = ready.bit_count() <= places
            self._options[ready] = self._nested(ready) if few else self._subsets(ready, places)
        return self._options[ready]

    def _nested(self, ready: int) -> list[tuple[int, int, int]]:
        """With a place for each, all that are short enough."""
        lengths = [0, *sorted({self.calls[i].duration for i in _members(ready)}), _NEVER]
        return [
            (low, end, sum(1 << i for i in _members(ready) if self.calls[i].duration <= low))
            for low, end in pairwise(lengths)
        ]

    def _subsets(self, ready: int, places: int) -> list[tuple[int, int, int]]:
        members = sorted(_members(ready), key=lambda i: -self.calls[i].duration)
        self.packing.spend(1 << len(members))
        length, subset = {0: 0}, ready
        while subset:
            durations = tuple(self.calls[i].duration for i in members if subset >> i & 1)
            length[subset] = self.packing.length(durations, places)
            subset = (subset - 1) & ready
        better = [(a, b) for a in members for b in members if a != b and self._before(a, b)]
        options = []
        for subset, low in length.items():
            ends = [length[subset | 1 << a] for a in members if not subset >> a & 1]
            ends += [
                length[subset ^ (1 << a | 1 << b)]
                for a, b in better
                if subset >> b & 1 and not subset >> a & 1
            ]
            end = min(ends, default=_NEVER)
            if low < end:
                options.append((low, end, subset))
        return options

    def _before(self, a: int, b: int) -> bool:
        """Whether b may give its place to a; of two that may for each other, the first."""
        longer = self.calls[a].duration - self.calls[b].duration
        if longer < 0 or self.successors[b] & ~self.after[a]:
            return False
        return longer > 0 or a < b or bool(self.successors[a] & ~self.after[b])


def _members(mask: int) -> list[int]:
    members = []
    while mask:
        members.append((mask & -mask).bit_length() - 1)
        mask &= mask - 1
    return members
