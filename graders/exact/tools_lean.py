"""Searches for the best turns over fewer sets of done calls than `tools_search` looks at.

Their bound knows many chains of calls at once. A beam finds turns, then the best first prove that
there are none shorter, or find them. Of equally good turns they may return others.

This is the readable twin of `tools_kernel.c`: both look at the same sets in the same order.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from heapq import heappop, heappush
from itertools import chain, combinations, starmap
from operator import or_
from typing import NamedTuple, TypeAlias

from graders.exact.tools_packing import Packing, StepsExhausted
from graders.exact.tools_search import (
    CallGraph,
    Calls,
    Ints,
    Option,
    Options,
    ToolPool,
    Turns,
    by_tool,
    members,
    read_path,
    rows_of,
)

MOST_READY = 16  # ready calls of a tool with fewer places; with more the search gives up
_NO_END = 1 << 62  # steps that no packing takes
FLOORS = 32  # durations at which chains are counted, at most
Choices: TypeAlias = Sequence[tuple[int, list[Option]]]  # of each tool, with its ready calls


class TurnSearchLimits(NamedTuple):
    """What ends a search: counted, so that it ends at the same place everywhere.

    Attributes:
        steps: options looked at for a turn, and subsets of a tool's ready calls.
        sets: sets of done calls in memory.
    """

    steps: int
    sets: int


class LeanProblem:
    """Calls, and what is known of them before a search.

    Attributes:
        order: the calls' indices, each after its needs.
        graph: what waits for what.
        gains: of some durations how much longer they are than the next shorter one; of the shortest
            all of it, with the overhead.
        chains: for each call, and each of these, the most calls at least as long that follow one
            another from it on.
    """

    def __init__(self, calls: Calls, capacity: Ints, overhead: int, *, order: Ints) -> None:
        self.calls, self.capacity, self.overhead, self.order = calls, capacity, overhead, order
        self.graph = CallGraph(calls, overhead, order)
        self.full = (1 << len(calls)) - 1
        floors = _floors([call.duration for call in calls])
        before = [-overhead, *floors]
        self.gains = [floor - low for floor, low in zip(floors, before, strict=False)]
        self.chains = [[0] * len(floors) for _ in calls]
        for i in reversed(order):
            below = [self.chains[j] for j in members(self.graph.successors[i])]
            self.chains[i] = [
                max((each[k] for each in below), default=0) + (calls[i].duration >= floor)
                for k, floor in enumerate(floors)
            ]

    def ready(self, done: int) -> dict[int, int]:
        """Return for each tool, from the first, the mask of its calls whose needs are done."""
        ready: dict[int, int] = {}
        for i in members(self.full & ~done):
            if not self.graph.needs[i] & ~done:
                tool = self.calls[i].tool
                ready[tool] = ready.get(tool, 0) | 1 << i
        return dict(sorted(ready.items()))


def _floors(durations: Ints) -> list[int]:
    """Return durations from the shortest on, all there are or some of them."""
    floors = sorted(set(durations))
    return floors[:: -(-len(floors) // FLOORS)]


class _ManyChains:
    """A bound on the time that is left, by all chains at once and by the work of tools.

    A turn runs for a unit beyond a duration only for a longer call, and of a chain it holds one.
    So there are as many turns longer than a duration as a chain has calls longer than it, and for
    each duration that may be another chain.
    """

    def __init__(self, problem: LeanProblem) -> None:
        calls, capacity = problem.calls, problem.capacity
        self._problem = problem
        self._pools = [
            ToolPool(rows_of(pool, calls, problem.graph.tail), places)
            for pool, places in zip(by_tool(calls, len(capacity)), capacity, strict=True)
            if len(pool) > places
        ]

    def bound(self, done: int) -> int:
        """Return a bound on the time that is left after a set of calls."""
        overhead, gains = self._problem.overhead, self._problem.gains
        rest = [self._problem.chains[i] for i in members(self._problem.full & ~done)]
        if not rest:
            return 0
        longest = list(map(max, zip(*rest, strict=True)))
        bound: int = sum(gain * most for gain, most in zip(gains, longest, strict=True))
        for pool in self._pools:
            least, work = pool.times(done)
            bound = max(bound, overhead + least, overhead * longest[0] + work)
        return bound


class _Sets:
    """The sets that a search has reached.

    Attributes:
        limit: turns have to be shorter; the shortest time of all calls once they are.
        spent: for each set the least time so far in which it was reached.
        buckets: by (bound on turns through it, -size) the sets to look at, the newest last.
        keys: of the buckets, a heap.
    """

    def __init__(self, full: int, limit: int, most: int) -> None:
        self._full, self.limit, self._most = full, limit, most
        self.spent, self.previous = dict[int, int](), dict[int, int]()
        self.buckets: dict[tuple[int, int], list[int]] = {}
        self.keys: list[tuple[int, int]] = []
        self._closed: set[int] = set()

    def add(self, done: int, cost: int, bound: int) -> None:
        """Add a set that was reached in less time than before.

        Raises:
            StepsExhausted: if there are too many.
        """
        if done not in self.spent and len(self.spent) >= self._most:
            raise StepsExhausted
        self.spent[done] = cost
        if done == self._full:
            self.limit = cost
            return
        key = bound, -done.bit_count()
        if not self.buckets.get(key):
            self.buckets[key] = []
            heappush(self.keys, key)
        self.buckets[key].append(done)

    def close(self, done: int) -> bool:
        """Return whether a set is taken for the first time."""
        if done in self._closed:
            return False
        self._closed.add(done)
        return True


class LeanSearch:
    """A beam, or A*, over the sets of done calls; see `TurnSearch` for the turns looked at.

    A set is needless if with one or two of its ready calls more it was reached at no higher cost:
    whatever turns follow it can follow that one too, without those calls.

    Attributes:
        remaining: a bound on the time that is left after a set of calls.
    """

    def __init__(self, problem: LeanProblem) -> None:
        self._problem = problem
        self._options = Options(problem.calls, problem.capacity, problem.graph, Packing(_NO_END))
        self.remaining = _ManyChains(problem).bound
        self._listed: set[int] = set()
        self._steps = self._bound = 0
        self._sets = _Sets(problem.full, 0, 0)

    def run(
        self, limit: int, limits: TurnSearchLimits, *, width: int = 0
    ) -> tuple[int, Turns | None]:
        """Search turns shorter than a limit.

        Args:
            limit: the time that they stay below.
            limits: of the search.
            width: how many sets of each size are looked at; 0 for all, the most promising first.

        Returns:
            A bound on all turns, and the shortest turns that came up, if any.
        """
        full, least = self._problem.full, self.remaining(0)
        self._steps, self._sets = limits.steps, _Sets(full, limit, limits.sets)
        self._bound = least
        if least < limit:
            self._sets.add(0, 0, least)
            self._walk(width)
        sets = self._sets
        bound = min(least if width else self._bound, sets.limit)
        return bound, read_path(full, sets.previous) if full in sets.spent else None

    def _walk(self, width: int) -> None:
        try:
            if width:
                self._beam(width)
            else:
                self._best_first()
        except StepsExhausted:
            return

    def _best_first(self) -> None:
        sets = self._sets
        while sets.keys:
            key = sets.keys[0]
            self._bound = min(key[0], sets.limit)
            if key[0] >= sets.limit:
                return
            if sets.buckets[key]:
                self._look(sets.buckets[key].pop())
            else:
                heappop(sets.keys)
        self._bound = sets.limit

    def _beam(self, width: int) -> None:
        for size in range(len(self._problem.calls)):
            left = width
            for key in sorted(key for key in self._sets.buckets if key[1] == -size):
                self._bound, bucket = key[0], self._sets.buckets[key]
                while bucket and left and self._bound < self._sets.limit:
                    left -= self._look(bucket.pop())

    def _look(self, done: int) -> bool:
        """Look at a set, unless that was done or is needless; return whether it was not."""
        ready = self._problem.ready(done)
        if not self._sets.close(done) or self._is_needless(done, ready.values()):
            return False
        for cost, after in self._turns(done, ready):
            self._push(done, after, cost)
        return True

    def _is_needless(self, done: int, ready: Iterable[int]) -> bool:
        """Return whether a larger set was reached at no higher cost."""
        spent, cost = self._sets.spent, self._sets.spent[done]
        calls = [1 << i for mask in ready for i in members(mask)]
        more = chain(calls, starmap(or_, combinations(calls, 2)))
        return any(spent.get(done | each, cost + 1) <= cost for each in more)

    def _turns(self, done: int, ready: dict[int, int]) -> Iterator[tuple[int, int]]:
        """Yield the turns worth looking at: when they end, and what is done then."""
        options = [(mask, self._choices(tool, mask)) for tool, mask in ready.items()]
        every = reduce(or_, ready.values(), done)
        began = self._sets.spent[done] + self._problem.overhead
        lengths = {low for _, choices in options for low, _, _ in choices}
        for length in sorted(lengths - {0}):
            if began + length >= self._sets.limit:
                return
            for after, lows in self._of_length(options, every, length, began + length):
                if length in lows:
                    yield began + length, after

    def _of_length(
        self, options: Choices, after: int, length: int, cost: int
    ) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield what is done after turns of a length, and the lengths of their tools' calls.

        Args:
            options: of each tool, with its ready calls.
            after: what is done if the turn holds all of these.
            length: what each option fits.
            cost: when the turn ends; what then is left must not take until the limit.
        """
        if not options:
            yield after, ()
            return
        (ready, choices), *others = options
        for low, end, mask in choices:
            if low <= length < end:
                self._spend(1)
                done = after & ~ready | mask
                if max(self._bound, cost + self.remaining(done)) < self._sets.limit:
                    for last, lows in self._of_length(others, done, length, cost):
                        yield last, (low, *lows)

    def _choices(self, tool: int, ready: int) -> list[Option]:
        """Return the options of a tool's ready calls."""
        count = ready.bit_count()
        if count > self._problem.capacity[tool] and ready not in self._listed:
            if count > MOST_READY:
                raise StepsExhausted
            self._spend(1 << count)
            self._listed.add(ready)
        return self._options.of_tool(tool, ready)

    def _spend(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise StepsExhausted

    def _push(self, done: int, after: int, cost: int) -> None:
        """Add what a turn leads to, if that is the shortest way so far."""
        if self._sets.spent.get(after, cost + 1) <= cost:
            return
        self._sets.add(after, cost, max(self._bound, cost + self.remaining(after)))
        self._sets.previous[after] = done
