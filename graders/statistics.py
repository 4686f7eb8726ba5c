"""Estimates with intervals, for boards. All intervals are 95 %; all resampling is seeded."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import exp, inf, isfinite, sqrt
from random import Random
from statistics import mean
from typing import TYPE_CHECKING, Any, Literal

from tasks.base import Grade, Noun, Number, Record

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

Z = 1.959963984540054  # the normal quantile at 97.5 %
RESAMPLES = 1000
FEWEST = 5  # values whose spread says something of where their mean lies


class Estimate(Noun, frozen=True, omit_defaults=True):
    """A number with its interval; an end that is open or unknown is None and `note` says why.

    A note beside a whole interval says what to distrust in it.
    """

    value: float | None
    low: float | None
    high: float | None
    note: str = ""

    @classmethod
    def unknown(cls, note: str) -> "Estimate":
        """Nothing to estimate from."""
        return cls(None, None, None, note)


class Rate(Noun, frozen=True):
    """`successes` (a sum of scores in [0, 1]) of `n` independent trials."""

    successes: float
    n: int

    @property
    def value(self) -> float:
        """The share."""
        return self.successes / self.n

    def wilson(self) -> tuple[float, float]:
        """The Wilson score interval (Wilson 1927); never degenerate, also at 0 and n."""
        p, n = self.value, self.n
        centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z / (1 + Z * Z / n) * sqrt(max(0.0, p * (1 - p) / n + Z * Z / (4 * n * n)))
        return max(0.0, centre - half), min(1.0, centre + half)


def rate(successes: float, n: int) -> Estimate:
    """A share with its Wilson interval."""
    if n == 0:
        return Estimate.unknown("no episodes")
    low, high = Rate(successes, n).wilson()
    return Estimate(successes / n, low, high)


def mean_of_rates(rates: Sequence[Rate], weights: Sequence[float] | None = None) -> Estimate:
    """A weighted mean of independent shares, weights normed to 1.

    The interval recovers the variance from each share's Wilson limits (MOVER: Zou & Donner 2008),
    so that it keeps its width where every share is 0 or 1.
    """
    if not rates:
        return Estimate.unknown("no episodes")
    weights = weights or [1.0] * len(rates)
    shares = [w / sum(weights) for w in weights]
    value = sum(w * r.value for w, r in zip(weights, rates, strict=True)) / sum(weights)
    below = above = 0.0
    for share, one in zip(shares, rates, strict=True):
        low, high = one.wilson()
        below += (share * (one.value - low)) ** 2
        above += (share * (high - one.value)) ** 2
    return Estimate(value, max(0.0, value - sqrt(below)), min(1.0, value + sqrt(above)))


def bootstrap(values: Sequence[float], statistic: Literal["mean", "median"] = "mean") -> Estimate:
    """The mean or median of independent values with its percentile bootstrap interval.

    Fewer than 5 values get no interval; that of equal values has no width, and its note says so.
    """
    if not values:
        return Estimate.unknown("no values")
    if len(values) >= FEWEST and min(values) == max(values):
        only = float(values[0])  # no mean, which may be off in its last digit
        return Estimate(only, only, only, f"all {len(values)} values are equal")
    import numpy

    array = numpy.array(values, dtype=float)
    function: Any = numpy.mean if statistic == "mean" else numpy.median
    if len(array) < FEWEST:
        return Estimate(float(function(array)), None, None, f"fewer than {FEWEST} values")
    draws = [function(array[drawn], axis=1) for drawn in _resamples(len(array))]
    low, high = percentiles(numpy.concatenate(draws).tolist())
    return Estimate(float(function(array)), low, high)


def ratio_of_sums(values: Sequence[float], references: Sequence[float]) -> Estimate:
    """The sum of values over the sum of their references; pairs are resampled together."""
    if not sum(references):
        return Estimate.unknown("the references sum to 0")
    import numpy

    above, below = numpy.array(values, dtype=float), numpy.array(references, dtype=float)
    draws = []
    for drawn in _resamples(len(above)):
        total = below[drawn].sum(axis=1)
        draws += (above[drawn].sum(axis=1)[total > 0] / total[total > 0]).tolist()
    low, high = percentiles(draws)
    return Estimate(sum(values) / sum(references), low, high)


def per_instance(
    records: Iterable[Record], measure: Callable[[Grade], float | None]
) -> list[float]:
    """A measure of each instance, the mean over its epochs: they are one trial.

    Grades without the measure (None) are left out, and so are instances that have no other.
    """
    groups: dict[str, list[float]] = {}
    for record in records:
        found = measure(record.grade) if record.grade else None
        if found is not None:
            groups.setdefault(record.instance, []).append(found)
    return [float(mean(group)) for group in groups.values()]


def share(values: Sequence[float]) -> Estimate:
    """The mean of scores in [0, 1], one of each trial, with its Wilson interval."""
    return rate(sum(values), len(values))


def skill(objective: Number, reference: Number, chance: float) -> float:
    """Share of the way from random answers to the reference; 1 where every answer is optimal."""
    if objective == reference:
        return 1.0
    return 1 - (objective - reference) / (chance - reference) if chance > reference else 0.0


def _resamples(n: int) -> "Iterator[NDArray[int64]]":
    """Index arrays of shape (k, n), `RESAMPLES` rows in all, a few MB at a time."""
    import numpy

    rng = numpy.random.Generator(numpy.random.PCG64(n))
    rows = max(1, min(RESAMPLES, 1_000_000 // n))
    for start in range(0, RESAMPLES, rows):
        yield rng.integers(0, n, size=(min(rows, RESAMPLES - start), n))


def percentiles(draws: Iterable[float]) -> tuple[float, float]:
    """The 2.5 and 97.5 % order statistics of resampled values."""
    ordered = sorted(draws)
    cut = int(0.025 * len(ordered))
    return ordered[cut], ordered[-1 - cut]


def half_level(points: Sequence[tuple[float, Rate]]) -> Estimate:
    """The level at which half succeed, by a logistic fit that never rises with the level.

    `points` are (level, rate). Outside the levels seen the value is None, with the note `beyond
    the ramp` or `below the ramp`; so is an interval's open end. The bootstrap draws each level's
    share from its Jeffreys posterior, so that levels where all or none succeed vary too. Where all
    succeed up to one level and none from the next on, any level between fits: the value is one,
    and the interval holds both ends.
    """
    levels = [x for x, _ in points]
    if len(set(levels)) < 2:
        return Estimate.unknown("needs two levels")
    value = _crossing(levels, [r.successes for _, r in points], [r.n for _, r in points])
    rng = Random("half_level")
    draws = []
    for _ in range(RESAMPLES // 2):
        counts = [
            r.n * rng.betavariate(r.successes + 0.5, r.n - r.successes + 0.5) for _, r in points
        ]
        draws.append(_crossing(levels, counts, [r.n for _, r in points]))
    low, high = percentiles(draws)
    if gap := _gap(points):
        value = max(gap[0], min(gap[1], value))  # with few trials the ridge can draw it out
        low, high = min(low, gap[0]), max(high, gap[1])
    note = "" if isfinite(value) else "beyond the ramp" if value > 0 else "below the ramp"
    known, bottom, top = (x if isfinite(x) else None for x in (value, low, high))
    return Estimate(known, bottom, top, note)


def _gap(points: Sequence[tuple[float, Rate]]) -> tuple[float, float] | None:
    """The last level where all succeed and the first where none does, if that is all there is."""
    every = [float(x) for x, r in points if r.successes == r.n]
    none = [float(x) for x, r in points if r.successes == 0]
    if not every or not none or len(every) + len(none) < len(points):
        return None
    return (max(every), min(none)) if max(every) < min(none) else None


def _crossing(levels: Sequence[float], successes: Sequence[float], n: Sequence[int]) -> float:
    """Where the fitted curve crosses one half: inf beyond the levels, -inf below them."""
    middle = mean(levels)
    scale = max(levels) - min(levels)
    xs = [(x - middle) / scale for x in levels]
    intercept, slope = _logistic(xs, successes, n)
    if slope >= 0:
        return inf if sum(successes) * 2 >= sum(n) else -inf
    crossing = middle - scale * intercept / slope
    if crossing > max(levels):
        return inf
    return -inf if crossing < min(levels) else crossing


def _logistic(
    xs: Sequence[float], successes: Sequence[float], n: Sequence[int]
) -> tuple[float, float]:
    """Intercept and slope by Newton's method, with a faint ridge that keeps them finite."""
    ridge, a, b = 0.02, 0.0, 0.0
    for _ in range(50):
        ga, gb, haa, hab, hbb = -ridge * a, -ridge * b, ridge, 0.0, ridge
        for x, k, total in zip(xs, successes, n, strict=True):
            p = 1 / (1 + exp(-max(-30.0, min(30.0, a + b * x))))
            w = total * p * (1 - p)
            ga, gb = ga + k - total * p, gb + (k - total * p) * x
            haa, hab, hbb = haa + w, hab + w * x, hbb + w * x * x
        determinant = haa * hbb - hab * hab
        da, db = (hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant
        longest = max(abs(da), abs(db), 5.0)  # damped: no step over 5
        a, b = a + 5 * da / longest, b + 5 * db / longest
        if abs(da) + abs(db) < 1e-9:
            break
    return a, b
