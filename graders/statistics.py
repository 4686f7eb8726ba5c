"""Estimates with intervals, for boards. All intervals are 95 %; all resampling is seeded."""

from collections.abc import Callable, Iterable, Sequence
from math import exp, inf, isfinite, sqrt
from random import Random
from statistics import mean

from tasks.base import Noun

Z = 1.959963984540054  # the normal quantile at 97.5 %
RESAMPLES = 1000


class Estimate(Noun, frozen=True, omit_defaults=True):
    """A number with its interval; an end that is open or unknown is None and `note` says why."""

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


def bootstrap(
    values: Sequence[float], statistic: Callable[[Sequence[float]], float] = mean
) -> Estimate:
    """A statistic of independent values with its percentile bootstrap interval."""
    if not values:
        return Estimate.unknown("no values")
    rng = Random(f"bootstrap/{len(values)}")
    draws = (statistic(rng.choices(values, k=len(values))) for _ in range(RESAMPLES))
    low, high = percentiles(draws)
    return Estimate(statistic(values), low, high)


def percentiles(draws: Iterable[float]) -> tuple[float, float]:
    """The 2.5 and 97.5 % order statistics of resampled values."""
    ordered = sorted(draws)
    cut = int(0.025 * len(ordered))
    return ordered[cut], ordered[-1 - cut]


def half_level(points: Sequence[tuple[float, Rate]]) -> Estimate:
    """The level at which half succeed, by a logistic fit that never rises with the level.

    `points` are (level, rate). Outside the levels seen the value is None, with the note `beyond
    the ramp` or `below the ramp`; so is an interval's open end. The bootstrap draws each level's
    share from its Jeffreys posterior, so that levels where all or none succeed vary too.
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
    note = "" if isfinite(value) else "beyond the ramp" if value > 0 else "below the ramp"
    known, bottom, top = (x if isfinite(x) else None for x in (value, low, high))
    return Estimate(known, bottom, top, note)


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
