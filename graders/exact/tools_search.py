"""A* over the sets of calls that are done, for the best turns of tool calls.

It proves the optimum at once because few turns are worth looking at: see `TurnSearch`. Sets are bit
masks of the calls' indices.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from heapq import heappop, heappush
from itertools import pairwise, product
from operator import or_
from typing import NamedTuple, TypeAlias

from graders.exact.tools_packing import Packing, StepsExhausted

_NEVER = 1 << 62  # above any time


class CallNode(NamedTuple):
    """One call: its duration >= 1, the index of its tool, the indices of the calls it needs."""

    duration: int
    tool: int
    needs: tuple[int, ...]


Ints: TypeAlias = Sequence[int]
Calls: TypeAlias = Sequence[CallNode]
Turns: TypeAlias = list[list[int]]  # the calls of each turn
# A choice of one tool's calls as (length, end, mask): what a turn of length <= its own < end holds.
Option: TypeAlias = tuple[int, int, int]


class CallGraph:
    """The calls that wait for each call, and how long they take.

    Attributes:
        needs: for each call the mask of the calls that it needs.
        successors: for each call the mask of the calls that need it.
        after: for each call the mask of all that waits for it, at any distance.
        tail: for each call the least time between its end and the last one.
        depth: for each call the least number of turns from its own on.
    """

    def __init__(self, calls: Calls, overhead: int, order: Ints) -> None:
        count = len(calls)
        self.needs = [_mask(call.needs) for call in calls]
        self.successors = [
            _mask(j for j in range(count) if self.needs[j] >> i & 1) for i in range(count)
        ]
        self.after, self.tail, self.depth = [0] * count, [0] * count, [1] * count
        for i in reversed(order):
            for j in members(self.successors[i]):
                self.after[i] |= self.after[j] | 1 << j
                self.tail[i] = max(self.tail[i], overhead + calls[j].duration + self.tail[j])
                self.depth[i] = max(self.depth[i], 1 + self.depth[j])


class _RemainingTime:
    """A lower bound on the time that calls still to be made take."""

    def __init__(self, calls: Calls, capacity: Ints, overhead: int, graph: CallGraph) -> None:
        chains = [overhead + call.duration + t for call, t in zip(calls, graph.tail, strict=True)]
        self._overhead, self._full = overhead, (1 << len(calls)) - 1
        self._by_chain = _falling(chains)
        self._by_depth = _falling(graph.depth)
        self._pools = [
            ToolPool(rows_of(pool, calls, graph.tail), places)
            for pool, places in zip(by_tool(calls, len(capacity)), capacity, strict=True)
            if len(pool) > places
        ]

    def bound(self, done: int) -> int:
        """Return the time of the longest chain or the fullest pool of the calls not done."""
        if done == self._full:
            return 0
        bound = next(chain for chain, bit in self._by_chain if not done & bit)
        turns = self._overhead * next(depth for depth, bit in self._by_depth if not done & bit)
        for pool in self._pools:
            least, work = pool.times(done)
            bound = max(bound, self._overhead + least, turns + work)
        return bound


class ToolPool:
    """The calls of one tool with fewer places than calls, whose times are computed once a set."""

    def __init__(self, rows: Iterable[tuple[int, int, int]], places: int) -> None:
        self._rows, self._places = sorted(rows, reverse=True), places  # by falling tail
        self._mask = reduce(or_, (bit for _, _, bit in self._rows), 0)
        self._cache: dict[int, tuple[int, int]] = {}

    def times(self, done: int) -> tuple[int, int]:
        """Return the most time that work and the tail behind it take, and that of all work."""
        key = done & self._mask
        if key not in self._cache:
            self._cache[key] = self._times(key)
        return self._cache[key]

    def _times(self, done: int) -> tuple[int, int]:
        work = least = 0
        for tail, duration, bit in self._rows:
            if not done & bit:
                work += duration
                least = max(least, -(-work // self._places) + tail)
        return least, -(-work // self._places)


def by_tool(calls: Calls, tools: int) -> list[list[int]]:
    return [[i for i, call in enumerate(calls) if call.tool == k] for k in range(tools)]


def rows_of(pool: Ints, calls: Calls, tail: Ints) -> list[tuple[int, int, int]]:
    """Return (tail, duration, bit) of some calls."""
    return [(tail[i], calls[i].duration, 1 << i) for i in pool]


def _falling(values: Ints) -> list[tuple[int, int]]:
    """Return (value, bit) of all calls, the largest first."""
    return sorted(((value, 1 << i) for i, value in enumerate(values)), reverse=True)


class Options:
    """The choices of one tool's ready calls that a turn may hold."""

    def __init__(
        self,
        calls: Calls,
        capacity: Ints,
        graph: CallGraph,
        packing: Packing,
    ) -> None:
        self._calls, self._capacity, self._graph = calls, capacity, graph
        self._packing = packing
        self._cache: dict[int, list[Option]] = {}

    def of_tool(self, tool: int, ready: int) -> list[Option]:
        """Return the options of a tool's ready calls."""
        if ready not in self._cache:
            places = self._capacity[tool]
            few = ready.bit_count() <= places
            self._cache[ready] = self._nested(ready) if few else self._subsets(ready, places)
        return self._cache[ready]

    def _nested(self, ready: int) -> list[Option]:
        """Return, with a place for each call, all that are short enough."""
        few = members(ready)
        lengths = [0, *sorted({self._calls[i].duration for i in few}), _NEVER]
        return [
            (low, end, _mask(i for i in few if self._calls[i].duration <= low))
            for low, end in pairwise(lengths)
        ]

    def _subsets(self, ready: int, places: int) -> list[Option]:
        """Return the subsets that no turn as long could exchange for a better one."""
        many = sorted(members(ready), key=lambda i: -self._calls[i].duration)
        self._packing.spend(1 << len(many))
        lengths = self._lengths(ready, many, places)
        better = [(1 << a, 1 << b) for a in many for b in many if self._precedes(a, b)]
        bits = [1 << a for a in many]
        options = []
        for subset, low in lengths.items():
            end = min(_exchanges(lengths, subset, bits, better), default=_NEVER)
            if low < end:
                options.append((low, end, subset))
        return options

    def _lengths(self, ready: int, longest_first: Ints, places: int) -> dict[int, int]:
        """Return the least length of each subset of the ready calls."""
        lengths, subset = {0: 0}, ready
        while subset:
            chosen = (i for i in longest_first if subset >> i & 1)
            durations = tuple(self._calls[i].duration for i in chosen)
            lengths[subset] = self._packing.length(durations, places)
            subset = (subset - 1) & ready
        return lengths

    def _precedes(self, a: int, b: int) -> bool:
        """Return whether b may give its place to a; of two that may for each other, the first."""
        longer = self._calls[a].duration - self._calls[b].duration
        successors, after = self._graph.successors, self._graph.after
        if a == b or longer < 0 or successors[b] & ~after[a]:
            return False
        return longer > 0 or a < b or bool(successors[a] & ~after[b])


def _exchanges(
    lengths: dict[int, int],
    subset: int,
    bits: Ints,
    better: Sequence[tuple[int, int]],
) -> list[int]:
    """Return the lengths of a subset with one call more, or one exchanged for a better one."""
    ends = [lengths[subset | a] for a in bits if not subset & a]
    ends += [lengths[subset ^ (a | b)] for a, b in better if subset & b and not subset & a]
    return ends


class TurnSearch:
    """A* over the sets of calls that are done; a step adds a turn.

    Two exchanges, neither of which makes any turn longer, leave few turns to look at. A ready call
    that fits under a turn's length is in it. And a call b is in it without a call a of the same
    tool only if a would not fit in b's place, where a is no shorter and what waits for b waits for
    a as well.

    Attributes:
        remaining: a bound on the time that is left after a set of calls.
        full: the set of all calls.
    """

    def __init__(
        self,
        calls: Calls,
        capacity: Ints,
        overhead: int,
        *,
        order: Ints,
        limit: int,
    ) -> None:
        """Prepare a search.

        Args:
            calls: the calls.
            capacity: the places of each tool's pool.
            overhead: the time that each turn costs before its calls.
            order: the calls' indices, each after its needs.
            limit: the most steps.
        """
        graph = CallGraph(calls, overhead, order)
        self._calls, self._needs, self._overhead = calls, graph.needs, overhead
        self.full = (1 << len(calls)) - 1
        self._packing = Packing(limit)
        self._options = Options(calls, capacity, graph, self._packing)
        self.remaining = _RemainingTime(calls, capacity, overhead, graph).bound

    def run(self, limit: int) -> tuple[int, Turns | None]:
        """Search turns shorter than a limit.

        Returns:
            A bound on all turns, and the turns if there are any so short and the steps suffice.
        """
        frontier = Frontier(self.remaining, limit)
        try:
            while frontier.heap:
                done = frontier.pop()
                if done == self.full:
                    return frontier.bound, frontier.path(done)
                if frontier.close(done) and not self.is_needless(frontier.spent, done):
                    for length, turn in self.turns(done):
                        frontier.push(done, turn, length)
        except StepsExhausted:
            return frontier.bound, None
        return limit, None

    def is_needless(self, spent: Mapping[int, int], done: int) -> bool:  # noqa: ARG002
        """Return whether no best turns need a set, by what was spent to reach others."""
        return False

    def turns(self, done: int) -> Iterator[tuple[int, int]]:
        """Yield the turns worth looking at: their time, and their calls as a mask.

        Raises:
            StepsExhausted: if that takes more steps than are left.
        """
        options = [self._options.of_tool(tool, mask) for tool, mask in self.ready(done).items()]
        for length in sorted({low for option in options for low, _, _ in option if low}):
            fitting = [[(c, m) for c, end, m in option if c <= length < end] for option in options]
            for chosen in product(*fitting):
                self._packing.spend(1)
                if max(low for low, _ in chosen) == length:
                    yield self._overhead + length, reduce(or_, (mask for _, mask in chosen))

    def ready(self, done: int) -> dict[int, int]:
        """Return for each tool the mask of its calls whose needs are done."""
        ready: dict[int, int] = {}
        for i in members(self.full & ~done):
            if not self._needs[i] & ~done:
                tool = self._calls[i].tool
                ready[tool] = ready.get(tool, 0) | 1 << i
        return ready


class Frontier:
    """The sets of calls that a search has reached, the most promising first.

    Attributes:
        heap: (bound on turns through the set, -size of the set, the set).
        bound: a bound on all turns that the search has proven.
        spent: for each set the least time so far in which it was reached.
    """

    def __init__(self, remaining: Callable[[int], int], limit: int) -> None:
        self._remaining, self._limit = remaining, limit
        self.spent, self._previous = {0: 0}, dict[int, int]()
        self._closed: set[int] = set()
        self.heap = [(remaining(0), 0, 0)]
        self.bound = 0

    def pop(self) -> int:
        """Take the most promising set."""
        self.bound, _, done = heappop(self.heap)
        return done

    def close(self, done: int) -> bool:
        """Return whether a set is taken for the first time."""
        if done in self._closed:
            return False
        self._closed.add(done)
        return True

    def push(self, done: int, turn: int, length: int) -> None:
        """Add what a turn of some length leads to, if that is the shortest way so far."""
        after = done | turn
        cost = self.spent[done] + length
        if cost < self.spent.get(after, self._limit):
            self.spent[after], self._previous[after] = cost, done
            least = max(self.bound, cost + self._remaining(after))
            if least < self._limit:
                heappush(self.heap, (least, -after.bit_count(), after))

    def path(self, done: int) -> Turns:
        """Return the turns that lead to a set."""
        return read_path(done, self._previous)


def read_path(done: int, previous: Mapping[int, int]) -> Turns:
    """Return the turns that lead to a set.

    Args:
        done: the set.
        previous: for each set the one before its last turn.
    """
    turns = []
    while done:
        turns.append(members(done & ~previous[done]))
        done = previous[done]
    return turns[::-1]


def _mask(indices: Iterable[int]) -> int:
    return reduce(or_, (1 << i for i in indices), 0)


def members(mask: int) -> list[int]:
    """Return the indices in a mask, from the lowest."""
    indices = []
    while mask:
        indices.append((mask & -mask).bit_length() - 1)
        mask &= mask - 1
    return indices
