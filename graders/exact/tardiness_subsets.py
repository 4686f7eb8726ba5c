"""Total weighted tardiness by dynamic programming over subsets, from the last job to the first.

A state is the set of jobs still to be placed, which fill (0, t] (Held & Karp 1962). The prices
of `tardiness_bounds` say how far each placement is from the lower bound; a state whose sum of
these cannot beat the best order so far is dropped. So are states that break one of three rules:
a job no longer, no lighter and due no later than another goes before it (Emmons 1969); a job on
time at the end goes there; two neighbours that gain by changing places are not left as they are.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from graders.exact.tardiness_bounds import SCALE, TimePrices, prices
from graders.exact.tardiness_local import Ints, Late, never, weighted_tardiness

STATES = 1 << 20  # enough for 20 jobs whatever they are

State: TypeAlias = tuple[int, int, int]  # excess so far, the job placed last, the time t left
Layer: TypeAlias = dict[int, State]  # by bit mask of the jobs to be placed


class SubsetSolution(NamedTuple):
    """The best order, a proven bound in time units times weight, and the number of states."""

    bound: int
    order: list[int]
    states: int


class MaskedJob(NamedTuple):
    """A job as the inner loop reads it.

    Attributes:
        job: its index.
        bit: the mask of the job alone.
        after: masks the jobs that must not be placed after it.
        p: its processing time.
        d: its due date.
        w: its weight.
        least: the least cost plus price of its window, times `SCALE`.
    """

    job: int
    bit: int
    after: int
    p: int
    d: int
    w: int
    least: int


def best_order(
    p: Ints, d: Ints, w: Ints, order: list[int], limit: int = STATES, late: Late = never
) -> SubsetSolution:
    """Improve on an order until it is proven optimal.

    Args:
        p: n processing times >= 1, in time units.
        d: n due dates, in time units.
        w: n weights >= 1.
        order: the order to improve on.
        limit: the most states.
        late: ends the search once it is true.
    """
    value = weighted_tardiness(order, p, d, w)
    dual = prices(p, d, w, order, late)
    room = SCALE * (value - 1) - dual.bound  # most excess that still beats `order`
    if room < 0:
        return SubsetSolution(value, order, 0)
    search = _Layers(p, d, w, dual=dual, room=room)
    if not search.grow(limit, late):
        return SubsetSolution(search.bound(), order, search.states)
    if search.layers[-1]:
        order = _read(search.layers)
        value = weighted_tardiness(order, p, d, w)
    return SubsetSolution(value, order, search.states)


def _read(layers: Sequence[Layer]) -> list[int]:
    order, mask = [], 0
    for layer in reversed(layers[1:]):
        job = layer[mask][1]
        order.append(job)
        mask |= 1 << job
    return order


def _must_follow(p: Ints, d: Ints, w: Ints) -> list[int]:
    """Return for each job the mask of those that need not go before it (Emmons 1969, weighted)."""
    by_rank = sorted(range(len(p)), key=lambda j: (p[j], -w[j], d[j], j))
    masks = [0] * len(p)
    for rank, j in enumerate(by_rank):
        for k in by_rank[rank + 1 :]:
            if w[j] >= w[k] and d[j] <= d[k]:
                masks[j] |= 1 << k
    return masks


def _masked_jobs(p: Ints, d: Ints, w: Ints, dual: TimePrices) -> list[MaskedJob]:
    after = _must_follow(p, d, w)
    return [
        MaskedJob(j, 1 << j, after[j], p=p[j], d=d[j], w=w[j], least=dual.least[j])
        for j in range(len(p))
    ]


class _Layers:
    """Layers of states, each grown from the one before it by placing a job.

    Attributes:
        layers: from that of no job placed on.
        states: the number of states in all layers.
    """

    def __init__(self, p: Ints, d: Ints, w: Ints, *, dual: TimePrices, room: int) -> None:
        self._jobs = _masked_jobs(p, d, w, dual)
        self._dual, self._room = dual, room
        self._prices: dict[int, int] = {}
        self.layers: list[Layer] = [{(1 << len(p)) - 1: (0, -1, sum(p))}]
        self.states = 1

    def grow(self, limit: int, late: Late) -> bool:
        """Grow layers until all jobs are placed or no state is left; False if cut off."""
        for _ in self._jobs:
            layer = self._grow_layer(limit - self.states, late)
            if layer is None:
                return False
            self.layers.append(layer)
            self.states += len(layer)
            if not layer:
                break
        return True

    def bound(self) -> int:
        """Return the lower bound that the states of the last layer prove."""
        excess = min(state[0] for state in self.layers[-1].values())
        return -(-(self._dual.bound + excess) // SCALE)

    def _grow_layer(self, most: int, late: Late) -> Layer | None:
        """Return all states with one job fewer that may beat the best; None if above `most`."""
        layer: Layer = {}
        for mask, state in self.layers[-1].items():
            for placed, excess in self._places(mask, state):
                remaining = mask ^ placed.bit
                rival = layer.get(remaining)
                if rival is None or excess < rival[0]:
                    layer[remaining] = excess, placed.job, state[2] - placed.p
            if len(layer) > most or late():
                return None
        return layer

    def _places(self, mask: int, state: State) -> list[tuple[MaskedJob, int]]:
        """Return the jobs that may end at the state's t, each with the excess it leads to."""
        excess, _, t = state
        price = excess + self._price(t)
        places = []
        for placed in self._jobs:
            _, bit, after, p, d, w, least = placed
            if not mask & bit or mask & after:
                continue
            cost = price - self._price(t - p) - least
            if d >= t:
                return [(placed, cost)] if cost <= self._room else []
            cost += SCALE * w * (t - d)
            if cost <= self._room and not self._gains(placed, state):
                places.append((placed, cost))
        return places

    def _price(self, t: int) -> int:
        if t not in self._prices:
            self._prices[t] = self._dual.before(t)
        return self._prices[t]

    def _gains(self, placed: MaskedJob, state: State) -> bool:
        """Return whether a late job that ends at t gains by changing places with the last one."""
        _, last, t = state
        if last < 0:
            return False
        follower = self._jobs[last]
        end = t + follower.p
        loss = placed.w * (end - t)
        gain = follower.w * (max(0, end - follower.d) - max(0, end - placed.p - follower.d))
        return gain > loss
