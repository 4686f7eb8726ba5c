"""Lower bounds on total weighted tardiness, exact in whole numbers of any size.

The good one puts a price on each moment of the machine's time. Whatever the order, the machine
works from 0 to the sum P of all p without a gap, so for any prices

    sum of w_j T_j  >=  sum over j of min over t of [w_j T_j(t) + price of (t - p_j, t]]
                        - price of (0, P],

the Lagrangian relaxation of the time-indexed model (Dyer & Wolsey 1990). The first prices are what
a moment's delay would cost in a good order; subgradient steps then raise the bound.
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
        points: the m + 1 points.
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
        """Return the price of all time before a time in 0..P, times SCALE."""
        k = segment(self.points, time)
        return self.sums[k] + self.heights[k] * (time - self.points[k])


def segment(points: Ints, time: int) -> int:
    """Return the segment that ends at or after a time and begins before it; 0 at the start.

    Args:
        points: rising points, of which the first is 0.
        time: in 0..P.
    """
    return max(0, bisect_left(points, time) - 1)


def lower_bound(
    p: Ints, d: Ints, w: Ints, order: Ints, late: Late = never, most: int = WINDOWS
) -> int:
    """Return the best of the bounds here, in time units times weight.

    Args:
        p: n processing times >= 1, in time units.
        d: n due dates, in time units.
        w: n weights >= 1.
        order: an order of the jobs; a better one gives a better bound.
        late: ends the search once it is true.
        most: places of jobs that are weighed in a step.
    """
    dual = prices(p, d, w, order, late, most)
    return max(simple_bound(p, d, w), -(-dual.bound // SCALE))


def simple_bound(p: Ints, d: Ints, w: Ints) -> int:
    """Return the least weight times the better of two bounds on unweighted tardiness.

    The k-th least completion time is at least the sum of the k shortest jobs; matched to due dates
    in rising order that costs least (Chu 1992). The greatest lateness is least by due date.

    Args:
        p: n processing times >= 1, in time units.
        d: n due dates, in time units.
        w: n weights >= 1.
    """
    return min(w) * max(_matched_tardiness(p, d), _least_lateness(p, d))


def _matched_tardiness(p: Ints, d: Ints) -> int:
    soonest = accumulate(sorted(p))
    return sum(max(0, end - due) for end, due in zip(soonest, sorted(d), strict=True))


def _least_lateness(p: Ints, d: Ints) -> int:
    by_due = sorted(range(len(p)), key=lambda j: d[j])
    ends = accumulate(p[j] for j in by_due)
    return max(end - d[j] for j, end in zip(by_due, ends, strict=True))


# Prices -------------------------------------------------------------------------------------


def prices(
    p: Ints, d: Ints, w: Ints, order: Ints, late: Late = never, most: int = WINDOWS
) -> TimePrices:
    """Return the prices of the best bound that subgradient steps find.

    The arguments are those of `lower_bound`.
    """
    target = SCALE * weighted_tardiness(order, p, d, w)
    points = _points(p, d, order, most)
    windows = [_windows(points, p[j], d[j], w[j]) for j in range(len(p))]
    ascent = _Ascent(points, _first_heights(points, p, d, w, order), windows, target)
    for _ in range(min(ROUNDS, WORK // sum(map(len, windows)))):
        if ascent.best.bound > target - SCALE or late():
            break
        ascent.step()
    return ascent.best


class _Ascent:
    """Subgradient steps: each follows the last direction and the slope at the prices, halved.

    Attributes:
        best: the prices of the best bound so far.
    """

    def __init__(
        self,
        points: list[int],
        heights: list[int],
        windows: Sequence[Sequence[PricedWindow]],
        target: int,
    ) -> None:
        self._points, self._windows, self._target = points, windows, target
        self._prices, self._slope = _evaluate(points, heights, windows)
        self._direction = [0] * len(heights)
        self._step, self._stale = FINE, 0
        self.best = self._prices

    def step(self) -> None:
        """Move the prices once; steps shorten as the bound does not rise."""
        pairs = zip(self._direction, self._slope, strict=True)
        self._direction = [(old + new) // 2 for old, new in pairs]
        heights = _move(self._prices, self._direction, self._step, self._target)
        self._prices, self._slope = _evaluate(self._points, heights, self._windows)
        self._stale += 1
        if self._prices.bound > self.best.bound:
            self.best, self._stale = self._prices, 0
        elif self._stale % 5 == 0:
            self._step = self._step * 7 // 10


def _points(p: Ints, d: Ints, order: Ints, most: int) -> list[int]:
    """Return where prices may change: ends of the order's jobs, and due dates; few for large n."""
    ends = list(accumulate(p[j] for j in order))
    points = sorted({0, *ends, *(due for due in d if 0 < due < ends[-1])})
    thin = 1 + 2 * len(p) * len(points) // most
    return [*points[:-1:thin], points[-1]]


def _first_heights(points: Ints, p: Ints, d: Ints, w: Ints, order: Ints) -> list[int]:
    """Return the weight of all late jobs that end after a segment: what a delay there costs."""
    heights = [0] * (len(points) - 1)
    for j, end in zip(order, accumulate(p[j] for j in order), strict=True):
        if end > d[j]:
            heights[segment(points, end)] += SCALE * w[j]
    return list(accumulate(reversed(heights)))[::-1]


def _windows(points: Ints, p: int, d: int, w: int) -> list[PricedWindow]:
    """Return the places at which cost plus price, piecewise linear in the end, can be least."""
    latest = points[-1]
    ends = {t for point in points for t in (point, point + p) if p <= t <= latest}
    if p <= d <= latest:
        ends.add(d)
    return [_window(points, p, t, SCALE * w * max(0, t - d)) for t in sorted(ends)]


def _window(points: Ints, p: int, end: int, cost: int) -> PricedWindow:
    first, last = segment(points, end - p), segment(points, end)
    return PricedWindow(
        cost,
        first,
        end - p - points[first],
        last=last,
        into_last=end - points[last],
    )


def _evaluate(
    points: list[int], heights: list[int], windows: Sequence[Sequence[PricedWindow]]
) -> tuple[TimePrices, list[int]]:
    """Return these prices with their bound, and its slope.

    The slope is the time that jobs take of each segment, in their best windows, beyond its span.
    """
    spans = [b - a for a, b in pairwise(points)]
    sums = list(accumulate([h * s for h, s in zip(heights, spans, strict=True)], initial=0))
    excess = [-span for span in spans]
    least = []
    for places in windows:
        value, k = _cheapest(places, heights, sums)
        least.append(value)
        _occupy(excess, spans, places[k])
    slope = [FINE * time // span for time, span in zip(excess, spans, strict=True)]
    bound = sum(least) - sums[-1]
    return TimePrices(points, heights, sums, least=least, bound=bound), slope


def _cheapest(places: Sequence[PricedWindow], heights: Ints, sums: Ints) -> tuple[int, int]:
    """Return the least cost plus price of a job's windows, and the index of that window."""
    return min(
        [
            (cost + sums[b] + heights[b] * into_b - sums[a] - heights[a] * into_a, k)
            for k, (cost, a, into_a, b, into_b) in enumerate(places)
        ]
    )


def _occupy(times: list[int], spans: Ints, window: PricedWindow) -> None:
    """Add the time of a window to the segments in which it lies."""
    _, a, into_a, b, into_b = window
    for between in range(a, b):
        times[between] += spans[between]
    times[a] -= into_a
    times[b] += into_b


def _move(at: TimePrices, direction: Ints, step: int, target: int) -> list[int]:
    """Return prices moved along a direction by step / FINE of Polyak's step to a bound."""
    spans = [b - a for a, b in pairwise(at.points)]
    norm = sum(x * x * span for x, span in zip(direction, spans, strict=True))
    if not norm:
        return at.heights
    length = step * (target - at.bound)
    return [height + length * x // norm for height, x in zip(at.heights, direction, strict=True)]
