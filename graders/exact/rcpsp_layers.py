"""Whether a project can end by a target: sets of started tasks in layers, by dominance.

Tasks are started one by one, in the order of their starts, each as early as what runs allows. What
can still happen depends on the set of started tasks, on the next moment at which one more can
start, and on when those that still run end: of two states with the same set, one whose next moment
is no later and in which nothing ends later leaves at least as much room, so that the other is left
out. That is the cutset rule of Demeulemeester & Herroelen (1992), "A branch-and-bound procedure
for the multiple resource-constrained project scheduling problem", here between all states with as
many started tasks, a layer, so that none is expanded before its rivals are there; layers with
bounds are the bounded dynamic programming of Bautista & Pereira (2009), "A dynamic programming
based heuristic for the assembly line balancing problem". States are also left out whose work does
not fit before the target in some pool. With a width, as there, only so many states of a layer are
gone on from, those of least strain: a beam, which may miss a schedule and then refutes nothing.

This is the readable twin of `rcpsp_layers.h` and `rcpsp_state.h`: both make the same states in the
same order.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from graders.exact.rcpsp_bounds import Pool
from graders.exact.sgs import Compiled, Ints, Pairs

RESOURCE_STRAIN, TASK_STRAIN = 1 << 16, 1 << 12  # of one without slack
GRAINS = 5  # in which the grains of slack are counted, for a mean duration
RESOURCE_GRAIN, TASK_GRAIN = 2, 15


class LayerProblem(NamedTuple):
    """A project that is to end by a target; its n tasks are in the order of their latest ends.

    Attributes:
        durations: for each task.
        demands: for each task (resource, amount > 0).
        heads: for each task its earliest start.
        latest: for each task its latest end.
        predecessors: for each task, as bits, those that end before it starts.
        partners: for each task, as bits, those that it must not overlap.
        capacities: for each resource.
        downtimes: for each resource disjoint, sorted [start, end).
        pools: relaxations, resources first.
        width: the most states of a layer that are gone on from; 0 for all.
    """

    durations: Ints
    demands: Sequence[Pairs]
    heads: Ints
    latest: Ints
    predecessors: Ints
    partners: Ints
    capacities: Ints
    downtimes: Sequence[Pairs]
    pools: Sequence[Pool]
    width: int = 0


class TargetLayers(Protocol):
    """A search that can be paused between two states."""

    @property
    def children(self) -> int:
        """The number of states made so far, those left out among them."""

    def run(self, children: int) -> bool | None:
        """Make at least so many states more; return whether the target can be met, None so far."""

    def starts(self) -> list[int]:
        """Return the n starts of a schedule that meets the target, after a search that did."""


class LayeredSearch(TargetLayers, Protocol):
    """A search that may be narrowed by the width of its layers."""

    @property
    def is_narrowed(self) -> bool:
        """Return whether states were left out for the width: a target may be met that was not."""


def layer_problem(
    project: Compiled,
    pools: Sequence[Pool],
    heads: Ints,
    latest: Ints,
    *,
    target: int | None,
    width: int = 0,
) -> tuple[LayerProblem, list[int]]:
    """Return the problem, and the project's tasks in its order.

    Args:
        project: the compiled project of n tasks.
        pools: of its tasks, resources among them.
        heads: the n earliest starts.
        latest: the n latest ends.
        target: the makespan at which time is turned around; None if it is not.
        width: the most states of a layer that are gone on from; 0 for all.
    """
    turned = target is not None
    if target is not None:
        heads, latest = [target - end for end in latest], [target - head for head in heads]
    before = project.successors if turned else project.predecessors
    order = sorted(range(len(project.ids)), key=lambda i: (latest[i], i))
    place = {i: k for k, i in enumerate(order)}
    problem = LayerProblem(
        durations=[project.durations[i] for i in order],
        demands=[project.demands[i] for i in order],
        heads=[heads[i] for i in order],
        latest=[latest[i] for i in order],
        predecessors=[sum(1 << place[j] for j in before[i]) for i in order],
        partners=[sum(1 << place[j] for j in project.partners[i]) for i in order],
        capacities=project.capacities,
        downtimes=[_turned(spans, target) for spans in project.downtimes],
        pools=[_renumbered(pool, place, target) for pool in pools],
        width=width,
    )
    return problem, order


def _renumbered(pool: Pool, place: Mapping[int, int], target: int | None) -> Pool:
    units = tuple(sorted((place[i], amount) for i, amount in pool.units))
    return Pool(pool.capacity, _turned(pool.downtimes, target), units)


def _turned(spans: Pairs, target: int | None) -> Pairs:
    """Return spans as they are if time runs backward from a target; nothing lies before 0."""
    if target is None:
        return spans
    turned = [(max(0, target - up), target - down) for down, up in reversed(spans)]
    return tuple((down, up) for down, up in turned if up > 0)


# The search ---------------------------------------------------------------------------------

Running: TypeAlias = tuple[tuple[int, int], ...]  # (end, task) of what runs, sorted


class _LayerState(NamedTuple):
    """A partial schedule.

    Attributes:
        started: its tasks, as bits.
        moment: none of the others can start before it.
        running: the (end, task) past that moment, sorted.
        parent: the state before its last start; None of the first.
        task: the last that was started.
        start: when it was.
        strain: how hard the rest is to fit in; 0 where layers have no width.
    """

    started: int
    moment: int
    running: Running
    parent: "_LayerState | None" = None
    task: int = -1
    start: int = 0
    strain: int = 0


class PlainLayers:
    """The search in Python."""

    def __init__(self, problem: LayerProblem) -> None:
        self._problem, self._all = problem, (1 << len(problem.durations)) - 1
        self.children, self.is_narrowed = 0, False
        self._demands = [dict(pairs) for pairs in problem.demands]
        self._has_downtimes = any(problem.downtimes)
        self._before = [_members(before) for before in problem.predecessors]
        self._units = [
            [
                (1 << i, i, amount, _open_time(pool.downtimes, problem.latest[i]))
                for i, amount in pool.units
            ]
            for pool in problem.pools
        ]
        first = self._settled(_LayerState(0, 0, ()))
        self._layer: list[_LayerState] = [] if first is None else [first]
        self._place, self._depth = 0, 0
        self._next: list[_LayerState | None] = []  # None where a better one came later
        self._rivals: dict[int, list[int]] = {}  # places in it, by set

    def run(self, children: int) -> bool | None:
        """Make at least so many states more; return whether the target can be met, None so far."""
        last = self.children + children
        while self._layer and self._depth < len(self._problem.durations):
            while self._place < len(self._layer):
                if self.children >= last:
                    return None
                for child in self._expand(self._layer[self._place]):
                    self._insert(child)
                self._place += 1
            self._layer = self._narrow([state for state in self._next if state is not None])
            self._next, self._rivals = [], {}
            self._place, self._depth = 0, self._depth + 1
        return bool(self._layer)

    def _narrow(self, layer: list[_LayerState]) -> list[_LayerState]:
        """Return the states of a layer that are gone on from: those of least strain."""
        width = self._problem.width
        if not width or len(layer) <= width:
            return layer
        self.is_narrowed = True
        least = sorted(range(len(layer)), key=lambda k: (layer[k].strain, k))[:width]
        return [layer[k] for k in sorted(least)]

    def starts(self) -> list[int]:
        """Return the n starts of the shortest schedule that was met."""
        state: _LayerState | None = min(self._layer, key=_end)
        starts = [0] * len(self._problem.durations)
        while state is not None and state.parent is not None:
            starts[state.task] = state.start
            state = state.parent
        return starts

    def _expand(self, state: _LayerState) -> Iterator[_LayerState]:
        """Yield the states with one more task that are not left out.

        One that starts when another could have ended already is no loss: the other is moved there.
        """
        moments = list(self._moments(state))
        durations = self._problem.durations
        first_end = min(start + durations[i] for i, start in moments)
        for i, start in moments:
            if start < first_end or (not durations[i] and start == first_end):
                self.children += 1
                child = self._settled(self._with(state, i, start))
                if child is not None:
                    yield child

    def _with(self, state: _LayerState, task: int, start: int) -> _LayerState:
        running = [run for run in state.running if run[0] > start]
        if self._problem.durations[task]:
            running.append((start + self._problem.durations[task], task))
        started = state.started | 1 << task
        return _LayerState(started, start, tuple(sorted(running)), state, task, start)

    def _moments(self, state: _LayerState) -> Iterator[tuple[int, int]]:
        """Yield each task whose predecessors are started, and when it can start."""
        for i, before in enumerate(self._problem.predecessors):
            if not state.started >> i & 1 and not before & ~state.started:
                yield i, self._earliest(state, i)

    def _earliest(self, state: _LayerState, task: int) -> int:
        """Return the first moment for a task: what runs leaves more and more room."""
        problem = self._problem
        apart = problem.predecessors[task] | problem.partners[task]
        start = max(state.moment, problem.heads[task])
        start = max([start, *(end for end, other in state.running if apart >> other & 1)])
        for resource, amount in problem.demands[task]:
            start = max(start, self._room(state.running, resource, amount))
        return self._past_downtimes(task, start) if self._has_downtimes else start

    def _room(self, running: Running, resource: int, amount: int) -> int:
        """Return when a resource has room for so many units, 0 if at once."""
        free, since = self._problem.capacities[resource], 0
        for end, task in reversed(running):
            free -= self._demands[task].get(resource, 0)
            if free < amount:
                since = end
                break
        return since

    def _past_downtimes(self, task: int, start: int) -> int:
        problem = self._problem
        duration, tried = problem.durations[task], -1
        while start != tried:
            tried = start
            for resource, _ in problem.demands[task]:
                for down, up in problem.downtimes[resource]:
                    if down < start + duration and start < up:
                        start = up
        return start

    def _settled(self, state: _LayerState) -> _LayerState | None:
        """Return a state with its next moment; None if it does not meet the target."""
        if state.started == self._all:
            return state
        problem, moment = self._problem, 1 << 62
        for i, start in self._moments(state):
            if start + problem.durations[i] > problem.latest[i]:
                return None
            moment = min(moment, start)
        running = tuple(run for run in state.running if run[0] > moment)
        settled = state._replace(moment=moment, running=running)
        rooms = self._rooms(settled)
        if rooms is None or not problem.width:
            return None if rooms is None else settled
        ends = self._first_ends(settled)
        return None if ends is None else settled._replace(strain=self._strain(rooms, ends))

    def _rooms(self, state: _LayerState) -> list[int | None] | None:
        """Return the least room of each pool, in units times time; None if one has too little.

        It is what is left of the capacity until the latest end of a task, once all work on tasks
        that end no later is done; None for a pool without such work.
        """
        problem, moment = self._problem, state.moment
        rest = {task: end - moment for end, task in state.running}
        rooms: list[int | None] = []
        for pool, units in zip(problem.pools, self._units, strict=True):
            work, least, past = 0, None, _open_time(pool.downtimes, moment)
            for bit, i, amount, opened in units:
                if not state.started & bit:
                    work += amount * problem.durations[i]
                elif i in rest:
                    work += amount * rest[i]
                else:
                    continue
                room = pool.capacity * (opened - past) - work
                if room < 0:
                    return None
                least = room if least is None else min(least, room)
            rooms.append(least)
        return rooms

    def _first_ends(self, state: _LayerState) -> dict[int, int] | None:
        """Return the least moments at which unstarted tasks end; None if one is past its latest.

        Only predecessors count that are before a task in the order of latest ends.
        """
        problem, moment = self._problem, state.moment
        running = {task: end for end, task in state.running}
        ends: dict[int, int] = {}
        for i, duration in enumerate(problem.durations):
            if state.started >> i & 1:
                continue
            start = max(moment, problem.heads[i])
            for j in self._before[i]:
                start = max(start, ends.get(j) or running.get(j, 0))
            for j, end in running.items():
                if problem.partners[i] >> j & 1:
                    start = max(start, end)
            ends[i] = start + duration
            if ends[i] > problem.latest[i]:
                return None
        return ends

    def _strain(self, rooms: Sequence[int | None], ends: Mapping[int, int]) -> int:
        """Return how hard the rest is to fit in: a sum over resources and unstarted tasks.

        Each adds g / (g + slack) of its most: a resource's slack is its room in time, a task's is
        what it can still be late. The grain g of slack is in mean durations.
        """
        problem, strain = self._problem, 0
        count, total = len(problem.durations), sum(problem.durations)
        for room, capacity in zip(rooms, problem.capacities, strict=False):
            grain = RESOURCE_GRAIN * total * capacity
            if room is not None and grain:
                strain += RESOURCE_STRAIN * grain // (grain + GRAINS * count * room)
        grain = TASK_GRAIN * total
        for i, end in ends.items():
            if grain:
                slack = problem.latest[i] - end
                strain += TASK_STRAIN * grain // (grain + GRAINS * count * slack)
        return strain

    def _insert(self, state: _LayerState) -> None:
        """Put a state into the next layer, unless one there is as good; leave out the worse."""
        rivals = [(k, self._next[k]) for k in self._rivals.get(state.started, ())]
        if any(rival and _dominates(rival, state) for _, rival in rivals):
            return
        worse = {k for k, rival in rivals if rival and _dominates(state, rival)}
        for k in worse:
            self._next[k] = None
        others = [k for k, _ in rivals if k not in worse]
        self._rivals[state.started] = [*others, len(self._next)]
        self._next.append(state)


def _open_time(downtimes: Pairs, until: int) -> int:
    """Return the time in [0, until) outside downtimes, less than 0 if it is past."""
    return until - sum(max(0, min(up, until) - down) for down, up in downtimes)


def _members(tasks: int) -> list[int]:
    """Return the tasks of a set."""
    return [i for i in range(tasks.bit_length()) if tasks >> i & 1]


def _dominates(state: _LayerState, other: _LayerState) -> bool:
    """Return whether a state with the same set leaves at least as much room as another."""
    if state.moment > other.moment:
        return False
    ends = {task: end for end, task in other.running}
    return all(end <= max(other.moment, ends.get(task, 0)) for end, task in state.running)


def _end(state: _LayerState) -> int:
    return max((end for end, _ in state.running), default=state.moment)
