"""Total weighted tardiness by dynamic programming over subsets, from the last job to the first.

A state is the set of jobs still to be placed, which fill (0, t] (Held & Karp 1962). The prices
of `tardiness_bounds` say how far each placement is from the lower bound; a state whose sum of
these cannot beat the best order known is dropped. So are states that break one of three rules:
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


class Found(NamedTuple):
    """The best order known, a proven bound, and how many states were looked at."""

    bound: int
    order: list[int]
    states: int


class Placed(NamedTuple):
    """A job as the inner loop wants it; `after` masks the jobs that it must not follow."""

    job: int
    bit: int
    after: int
    p: int
    d: int
    w: int
    least: int


def best_order(
    p: Ints, d: Ints, w: Ints, order: list[int], limit: int = STATES, late: Late = never
) -> Found:
    """Improve on `order` until it is proven optimal, `limit` states are known or it is `late`."""
    value = weighted_tardiness(order, p, d, w)
    dual = prices(p, d, w, order, late)
    room = SCALE * (value - 1) - dual.bound  # most excess that still beats `order`
    if room < 0:
        return Found(value, order, 0)
    grower = _Grower(p, d, w, dual, room)
    layers: list[Layer] = [{(1 << len(p)) - 1: (0, -1, sum(p))}]
    states = 1
    for _ in range(len(p)):
        grown = grower.grown(layers[-1], limit - states, late)
        if grown is None:
            excess = min(state[0] for state in layers[-1].values())
            return Found(-(-(dual.bound + excess) // SCALE), order, states)
        if not grown:
            return Found(value, order, states)
        layers.append(grown)
        states += len(grown)
    order = _read(layers)
    return Found(weighted_tardiness(order, p, d, w), order, states)


def _read(layers: Sequence[Layer]) -> list[int]:
    order, mask = [], 0
    for layer in reversed(layers[1:]):
        job = layer[mask][1]
        order.append(job)
        mask |= 1 << job
    return order


def _must_follow(p: Ints, d: Ints, w: Ints) -> list[int]:
    """For each job the mask of those that need not go before it (Emmons 1969, weighted)."""
    count = range(len(p))
    rank = {j: k for k, j in enumerate(sorted(count, key=lambda j: (p[j], -w[j], d[j], j)))}
    return [
        sum(
            1 << k
            for k in count
            if rank[j] < rank[k] and p[j] <= p[k] and w[j] >= w[k] and d[j] <= d[k]
        )
        for j in count
    ]


class _Grower:
    """Makes a layer of states from the one before it."""

    def __init__(self, p: Ints, d: Ints, w: Ints, dual: TimePrices, room: int) -> None:
        after = _must_follow(p, d, w)
        self._jobs = [
            Placed(j, 1 << j, after[j], p[j], d[j], w[j], dual.least[j]) for j in range(len(p))
        ]
        self._dual, self._room = dual, room
        self._prices: dict[int, int] = {}

    def grown(self, layer: Layer, most: int, late: Late) -> Layer | None:
        """All states with one job fewer that may beat the best; None if more than `most`."""
        grown: Layer = {}
        for mask, state in layer.items():
            for placed, excess in self._places(mask, state):
                rest = mask ^ placed.bit
                known = grown.get(rest)
                if known is None or excess < known[0]:
                    grown[rest] = excess, placed.job, state[2] - placed.p
            if len(grown) > most or late():
                return None
        return grown

    def _places(self, mask: int, state: State) -> list[tuple[Placed, int]]:
        """The jobs that may end at the state's t, each with the excess it leads to."""
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

    def _gains(self, placed: Placed, state: State) -> bool:
        """Whether a late job that ends at t gains by changing places with the one placed last."""
        _, last, t = state
        if last < 0:
            return False
        follower = self._jobs[last]
        end = t + follower.p
        loss = placed.w * (end - t)
        gain = follower.w * (max(0, end - follower.d) - max(0, end - placed.p - follower.d))
        return gain > loss
