"""Lower bounds on total weighted tardiness, exact in whole numbers of any size.

The good one puts a price on each moment of the machine's time. Whatever the order, the machine
works from 0 to the sum P of all p without a gap, so for any prices

    sum of w_j T_j  >=  sum over j of min over t of [w_j T_j(t) + price of (t - p_j, t]]
                        - price of (0, P],

the Lagrangian relaxation of the time-indexed model (Dyer & Wolsey 1990). A good order tells the
first prices, what a moment's delay would cost there; subgradient steps then raise the bound.
Prices are whole multiples of 1/SCALE and all arithmetic is in whole numbers, so the bound is
proven whatever was rounded on the way to them, and is the same on every machine.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from graders.exact.tardiness_local import Ints, Late, never, weighted_tardiness

SCALE = 64
FINE = 1 << 16  # a slope of 1
ROUNDS = 100  # of subgradient steps
WINDOWS = 200_000  # most places of jobs that are weighed in a round
WORK = 4_000_000  # most that are weighed in all


class PricedWindow(NamedTuple):
    """A job in (t - p, t]: its scaled cost; segments (indices) of both ends, and how far in."""

    cost: int
    first: int
    into_first: int
    last: int
    into_last: int


class TimePrices(NamedTuple):
    """Prices of time: constant on each of m segments between m + 1 rising points from 0 to P.

    Attributes:
        heights: m prices of a unit of time, times SCALE.
        sums: price of all time before each point, times SCALE.
        least: for each job the least cost plus price of its window, times SCALE.
        bound: SCALE times a lower bound on total weighted tardiness; may be negative.
    """

    points: list[int]
    heights: list[int]
    sums: list[int]
    least: list[int]
    bound: int

    def before(self, time: int) -> int:
        """Price of all time before `time` in 0..P, times SCALE."""
        k = segment(self.points, time)
        return self.sums[k] + self.heights[k] * (time - self.points[k])


def segment(points: Ints, time: int) -> int:
    """The segment that ends at or after `time` and begins before it; 0 at the very start."""
    return max(0, bisect_left(points, time) - 1)


def lower_bound(
    p: Ints, d: Ints, w: Ints, order: Ints, late: Late = never, most: int = WINDOWS
) -> int:
    """The best bound here, in time units times weight; the better the order, the better it is."""
    dual = prices(p, d, w, order, late, most)
    return max(simple_bound(p, d, w), -(-dual.bound // SCALE))


def simple_bound(p: Ints, d: Ints, w: Ints) -> int:
    """Least weight times the better of two bounds on unweighted tardiness.

    The k-th least completion time is at least the sum of the k shortest jobs; matched to due dates
    in rising order that costs least (Chu 1992). The greatest lateness is least by due date.
    """
    soonest = accumulate(sorted(p))
    matched = sum(max(0, end - due) for end, due in zip(soonest, sorted(d), strict=True))
    by_due = sorted(range(len(p)), key=lambda j: d[j])
    ends = accumulate(p[j] for j in by_due)
    worst = max(end - d[j] for j, end in zip(by_due, ends, strict=True))
    return min(w) * max(matched, worst)


def prices(
    p: Ints, d: Ints, w: Ints, order: Ints, late: Late = never, most: int = WINDOWS
) -> TimePrices:
    """The prices of the best bound that subgradient steps find, until `late`; `most` places of
    jobs are weighed in a step."""
    target = SCALE * weighted_tardiness(order, p, d, w)
    points = _points(p, d, order, most)
    windows = [_windows(points, p[j], d[j], w[j]) for j in range(len(p))]
    found = best = _evaluated(points, _first_heights(points, p, d, w, order), windows)
    rounds = min(ROUNDS, WORK // sum(map(len, windows)))
    step, stale, direction = FINE, 0, [0] * len(best[0].heights)
    for _ in range(rounds):
        if best[0].bound > target - SCALE or late():
            break
        direction = [(old + new) // 2 for old, new in zip(direction, found[1], strict=True)]
        found = _evaluated(points, _moved(found[0], direction, step, target), windows)
        stale += 1
        if found[0].bound > best[0].bound:
            best, stale = found, 0
        elif stale % 5 == 0:
            step = step * 7 // 10
    return best[0]


def _points(p: Ints, d: Ints, order: Ints, most: int) -> list[int]:
    """Where prices may change: where the order's jobs end, and due dates; thinned for large n."""
    ends = list(accumulate(p[j] for j in order))
    points = sorted({0, *ends, *(due for due in d if 0 < due < ends[-1])})
    thin = 1 + 2 * len(p) * len(points) // most
    return [*points[:-1:thin], points[-1]]


def _first_heights(points: Ints, p: Ints, d: Ints, w: Ints, order: Ints) -> list[int]:
    """The weight of all late jobs that end after a segment: what a delay there would cost."""
    heights = [0] * (len(points) - 1)
    for j, end in zip(order, accumulate(p[j] for j in order), strict=True):
        if end > d[j]:
            heights[segment(points, end)] += SCALE * w[j]
    return list(accumulate(reversed(heights)))[::-1]


def _windows(points: Ints, p: int, d: int, w: int) -> list[PricedWindow]:
    """Every place at which cost plus price, piecewise linear in the end t, can be least."""
    latest = points[-1]
    ends = {t for point in points for t in (point, point + p) if p <= t <= latest}
    if p <= d <= latest:
        ends.add(d)
    return [_window(points, p, t, SCALE * w * max(0, t - d)) for t in sorted(ends)]


def _window(points: Ints, p: int, end: int, cost: int) -> PricedWindow:
    first, last = segment(points, end - p), segment(points, end)
    return PricedWindow(cost, first, end - p - points[first], last, end - points[last])


def _evaluated(
    points: list[int], heights: list[int], windows: Sequence[Sequence[PricedWindow]]
) -> tuple[TimePrices, list[int]]:
    """The bound of these prices, and its slope: what jobs want of each segment beyond its span."""
    spans = [b - a for a, b in pairwise(points)]
    sums = list(accumulate([h * s for h, s in zip(heights, spans, strict=True)], initial=0))
    wanted = [-span for span in spans]
    least = []
    for places in windows:
        value, k = min(
            [
                (cost + sums[b] + heights[b] * into_b - sums[a] - heights[a] * into_a, k)
                for k, (cost, a, into_a, b, into_b) in enumerate(places)
            ]
        )
        least.append(value)
        _, a, into_a, b, into_b = places[k]
        for between in range(a, b):
            wanted[between] += spans[between]
        wanted[a] -= into_a
        wanted[b] += into_b
    slope = [FINE * want // span for want, span in zip(wanted, spans, strict=True)]
    return TimePrices(points, heights, sums, least, sum(least) - sums[-1]), slope


def _moved(at: TimePrices, direction: Ints, step: int, target: int) -> list[int]:
    """Prices moved along a direction by step / FINE of Polyak's step to a bound of `target`."""
    spans = [b - a for a, b in pairwise(at.points)]
    norm = sum(x * x * span for x, span in zip(direction, spans, strict=True))
    if not norm:
        return at.heights
    length = step * (target - at.bound)
    return [height + length * x // norm for height, x in zip(at.heights, direction, strict=True)]
