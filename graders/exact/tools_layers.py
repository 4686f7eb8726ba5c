"""Whether calls of a few tools can end by a target: sets of started calls in layers, by dominance.

Each call holds one place of its tool's pool. Calls are started one by one, each as early as it
can be. The call that could end first names a pool: before that end some call of this pool starts,
or that one could start there, so that only those of its calls that can are tried next (Giffler &
Thompson 1960, "Algorithms for solving production-scheduling problems"). What can still happen
depends on the set of started calls, on when the places of each pool are free, and on when each
other call can start: of two states with the same set, one in which none of these is later leaves at
least as much room, so that the other is left out (Gromicho, van Hoorn, Saldanha-da-Gama & Timmer
2012, "Solving the job-shop scheduling problem optimally by dynamic programming"), here between all
states with as many started calls. States whose calls do not all fit in before the target are left
out too.

This is the readable twin of `tools_layers_kernel.c`: both make the same states in the same order.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from graders.exact.sgs import Ints, Pairs


class CallLayersProblem(NamedTuple):
    """Calls that are to end by a target; each of the n calls is after those that it waits for.

    Attributes:
        durations: for each call, at least 1.
        pools: for each call the index of its pool.
        places: of each pool.
        heads: for each call its earliest start.
        latest: for each call its latest end.
        waits: for each call (earlier call, least time between their starts).
    """

    durations: Ints
    pools: Ints
    places: Ints
    heads: Ints
    latest: Ints
    waits: Sequence[Pairs]


class _State(NamedTuple):
    """A partial schedule.

    Attributes:
        started: its calls, as bits.
        free: for each pool when its places are free, sorted; 0 once all its calls are started.
        moments: for each call the first moment at which it can start; 0 once it is started.
        parent: the state before its last start; None of the first.
        call: the last that was started.
        start: when it was.
    """

    started: int
    free: tuple[tuple[int, ...], ...]
    moments: tuple[int, ...]
    parent: "_State | None" = None
    call: int = -1
    start: int = 0

    def leaves_as_much_as(self, other: "_State") -> bool:
        """Return whether nothing is later than in another state with the same set."""
        mine, others = (self.moments, *self.free), (other.moments, *other.free)
        pairs = zip(mine, others, strict=True)
        return all(a <= b for first, second in pairs for a, b in zip(first, second, strict=True))


class PlainCallLayers:
    """The search in Python."""

    def __init__(self, problem: CallLayersProblem) -> None:
        self._problem, self._count = problem, len(problem.durations)
        self.children = 0
        self._before = [sum(1 << j for j, _ in waits) for waits in problem.waits]
        self._by_latest: list[list[int]] = [[] for _ in problem.places]  # the calls of each pool
        for i in sorted(range(self._count), key=lambda i: (problem.latest[i], i)):
            self._by_latest[problem.pools[i]].append(i)
        free = tuple((0,) * places for places in problem.places)
        first = self._settled(_State(0, free, tuple(problem.heads)))
        self._layer: list[_State] = [] if first is None else [first]
        self._place, self._depth = 0, 0
        self._next: list[_State | None] = []  # None where a better one came later
        self._rivals: dict[int, list[int]] = {}  # places in it, by set

    def run(self, children: int) -> bool | None:
        """Make at least so many states more; return whether the target can be met, None so far."""
        last = self.children + children
        while self._layer and self._depth < self._count:
            while self._place < len(self._layer):
                if self.children >= last:
                    return None
                for child in self._expand(self._layer[self._place]):
                    self._insert(child)
                self._place += 1
            self._layer = [state for state in self._next if state is not None]
            self._next, self._rivals = [], {}
            self._place, self._depth = 0, self._depth + 1
        return bool(self._layer)

    def starts(self) -> list[int]:
        """Return the n starts of a schedule that meets the target."""
        state: _State | None = self._layer[0]
        starts = [0] * self._count
        while state is not None and state.parent is not None:
            starts[state.call] = state.start
            state = state.parent
        return starts

    def _expand(self, state: _State) -> Iterator[_State]:
        """Yield the states with one more call that are not left out."""
        problem = self._problem
        ready = [
            i
            for i, before in enumerate(self._before)
            if not state.started >> i & 1 and not before & ~state.started
        ]
        ends = [state.moments[i] + problem.durations[i] for i in ready]
        first_end = min(ends)
        pool = problem.pools[ready[ends.index(first_end)]]
        for i in ready:
            if problem.pools[i] == pool and state.moments[i] < first_end:
                self.children += 1
                child = self._settled(self._with(state, i))
                if child is not None:
                    yield child

    def _with(self, state: _State, call: int) -> _State:
        """Return a state with one more call, on the place that is free first."""
        problem, start = self._problem, state.moments[call]
        pool, free = problem.pools[call], list(state.free)
        free[pool] = tuple(sorted((*free[pool][1:], start + problem.durations[call])))
        return _State(state.started | 1 << call, tuple(free), state.moments, state, call, start)

    def _settled(self, state: _State) -> _State | None:
        """Return a state with its moments passed on; None if it does not meet the target."""
        moments = self._moments(state)
        if moments is None:
            return None
        free = []
        for places, calls in zip(state.free, self._by_latest, strict=True):
            rest = [i for i in calls if not state.started >> i & 1]
            least = min((moments[i] for i in rest), default=0)
            free.append(tuple(max(each, least) if rest else 0 for each in places))
            if not self._has_room(rest, free[-1], moments):
                return None
        return state._replace(free=tuple(free), moments=tuple(moments))

    def _moments(self, state: _State) -> list[int] | None:
        """Return when each call can start; None if one would end past its latest end."""
        problem, moments = self._problem, [0] * self._count
        for i, duration in enumerate(problem.durations):
            if state.started >> i & 1:
                continue
            moment = max(state.moments[i], state.free[problem.pools[i]][0])
            for j, wait in problem.waits[i]:
                if j == state.call:
                    moment = max(moment, state.start + wait)
                elif not state.started >> j & 1:
                    moment = max(moment, moments[j] + wait)
            if moment + duration > problem.latest[i]:
                return None
            moments[i] = moment
        return moments

    def _has_room(self, rest: Ints, free: Ints, moments: Ints) -> bool:
        """Return whether a pool has time for its calls, by the latest ends of some.

        That is for every moment and every latest end: whether the calls that start no sooner and
        end no later fit into the places between the two.

        Args:
            rest: the calls of the pool that are not started, by their latest ends.
            free: when its places are.
            moments: for each call the first at which it can start.
        """
        problem = self._problem
        for moment in {moments[i] for i in rest}:
            since, work = [max(moment, each) for each in free], 0
            for i in rest:
                if moments[i] >= moment:
                    work += problem.durations[i]
                    if work > sum(max(0, problem.latest[i] - each) for each in since):
                        return False
        return True

    def _insert(self, child: _State) -> None:
        """Add a state to the next layer unless a rival leaves as much; leave out those it beats."""
        rivals = self._rivals.setdefault(child.started, [])
        alive = [(k, rival) for k in rivals if (rival := self._next[k]) is not None]
        if any(rival.leaves_as_much_as(child) for _, rival in alive):
            return
        for k, rival in alive:
            if child.leaves_as_much_as(rival):
                self._next[k] = None
        rivals.append(len(self._next))
        self._next.append(child)
