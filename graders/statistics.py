"""Estimates with intervals, for boards. All intervals are 95 %; all resampling is seeded.

The trials are instances: several epochs of one are a cluster. docs/boards.md says which method
stands behind which column; `comparisons.py` has what is told of two or more models.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from math import comb, exp, inf, isfinite, sqrt
from random import Random
from statistics import NormalDist, fmean, median
from typing import Any, Literal

from tasks.base import Grade, Noun, Number, Record

Z = 1.959963984540054  # the normal quantile at 97.5 %
RESAMPLES = 2000
BUNDLES = 1000  # more values than these are resampled in bundles
FEWEST = 5  # values whose spread says something of where their mean lies
Measure = Callable[[Grade], float | None]


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
    """`successes` (a sum of scores in [0, 1]) of `n` independent trials, or what is worth them."""

    successes: float
    n: float

    @classmethod
    def of(cls, groups: Sequence[Sequence[float]]) -> "Rate":
        """The rate of scores in [0, 1] in clusters, such as the epochs of each instance.

        Its value is the mean of the clusters' means. `n` is the effective number of trials
        (Kish 1965), from how far those means lie apart, less what a t quantile asks for (Korn &
        Graubard 1998): never fewer than clusters, never more than scores. Where all or none
        succeed nothing is known of the clusters, and each is one trial.
        """
        count, means = len(groups), [fmean(group) for group in groups]
        successes = sum(means)
        scores = sum(map(len, groups))
        if scores == count or count < FEWEST or successes in (0, count):
            return cls(successes, count)
        p = successes / count
        spread = sum((m - p) ** 2 for m in means) / count
        effective = count * p * (1 - p) / spread if spread else inf
        n = min(scores, max(count, effective * (Z / student(count - 1)) ** 2))
        return cls(p * n, n)

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


def student(freedom: int) -> float:
    """The t quantile at 97.5 % for 4 degrees of freedom or more, to 0.1 %.

    The Cornish-Fisher expansion (Abramowitz & Stegun 26.7.5).
    """
    f = float(freedom)
    return (
        Z
        + (Z**3 + Z) / (4 * f)
        + (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * f**2)
        + (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / (384 * f**3)
        + (79 * Z**9 + 776 * Z**7 + 1482 * Z**5 - 1920 * Z**3 - 945 * Z) / (92160 * f**4)
    )


def rate(successes: float, n: float) -> Estimate:
    """A share with its Wilson interval."""
    if n == 0:
        return Estimate.unknown("no episodes")
    low, high = Rate(successes, n).wilson()
    return Estimate(successes / n, low, high)


def rule_of_three(n: int) -> float:
    """What a rate is below, at 95 % confidence, if it was never seen in n trials: about 3 / n.

    (Hanley & Lippman-Hand 1983.) At n / n the same is said of failures.
    """
    return float(1 - 0.05 ** (1 / n))


def mean_of_rates(rates: Sequence[Rate], weights: Sequence[float] | None = None) -> Estimate:
    """A weighted mean of independent shares, weights normed to 1.

    Of one share the interval is Wilson's. Of m shares it is the adjusted Wald interval: 2 / m
    successes and as many failures are added to each (Price & Bonett 2004), so that it keeps its
    width where every share is 0 or 1.
    """
    if not rates:
        return Estimate.unknown("no episodes")
    weights = weights or [1.0] * len(rates)
    value = sum(w * r.value for w, r in zip(weights, rates, strict=True)) / sum(weights)
    if len(rates) == 1:
        return Estimate(value, *rates[0].wilson())
    added = 2 / sum(w > 0 for w in weights)
    centre = variance = 0.0
    for weight, one in zip(weights, rates, strict=True):
        n = one.n + 2 * added
        p = (one.successes + added) / n
        centre += weight / sum(weights) * p
        variance += (weight / sum(weights)) ** 2 * p * (1 - p) / n
    half = Z * sqrt(variance)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Estimate(value, min(low, value), max(high, value))


def bootstrap(values: Sequence[float], statistic: Literal["mean", "median"] = "mean") -> Estimate:
    """The mean or median of independent values, such as one of each instance.

    The mean's interval is the expanded percentile bootstrap (Hesterberg 2015): the plain one is
    too narrow below 50 values. The median's lies between order statistics, which is what resampling
    would find. Fewer than 5 values (6 for a median) get no interval; that of equal values has no
    width, and its note says so.
    """
    if not values:
        return Estimate.unknown("no values")
    if len(values) >= FEWEST and min(values) == max(values):
        only = float(values[0])  # no mean, which may be off in its last digit
        return Estimate(only, only, only, f"all {len(values)} values are equal")
    if statistic == "median":
        return _median(values)
    if len(values) < FEWEST:
        return Estimate(fmean(values), None, None, f"fewer than {FEWEST} values")
    return ratio_of_sums(values, [1.0] * len(values))


def mean_score(values: Sequence[float]) -> Estimate:
    """The mean of independent scores in [0, 1].

    Where all are 0 or all are 1, which says nothing of their spread, the interval is that of a
    share of as many trials (Wilson's): no scores in [0, 1] with the same mean vary more.
    """
    if len(values) >= FEWEST and sum(values) in (0, len(values)):
        return rate(sum(values), len(values))
    return bootstrap(values)


def ratio_of_sums(values: Sequence[float], references: Sequence[float]) -> Estimate:
    """The sum of values over the sum of their references; pairs are resampled together."""
    if not sum(references):
        return Estimate.unknown("the references sum to 0")
    if len(values) < FEWEST:
        return Estimate(sum(values) / sum(references), None, None, f"fewer than {FEWEST} values")
    n = min(len(values), BUNDLES)
    above, below = _resampled(n) @ _bundled(values), _resampled(n) @ _bundled(references)
    tail = NormalDist().cdf(-sqrt(n / (n - 1)) * student(n - 1))
    ends = percentiles((above[below > 0] / below[below > 0]).tolist(), tail)
    low, high = (float(f"{x:.12g}") for x in ends)  # machines differ in how they add up
    return Estimate(sum(values) / sum(references), low, high)


@lru_cache(maxsize=2)
def _resampled(n: int) -> Any:
    """How often each of n values is in each resample: an array (resamples, n)."""
    import numpy

    rng = numpy.random.Generator(numpy.random.PCG64(n))
    counts = numpy.empty((RESAMPLES, n))
    for row in counts:  # one at a time: all of them as integers would take as much again
        row[:] = rng.multinomial(n, [1 / n] * n)
    return counts


def _bundled(values: Sequence[float]) -> Any:
    """An array of at most 1,000 sums of values drawn by lot: a resample costs no more than that."""
    import numpy

    array = numpy.array(values, dtype=float)
    if len(array) <= BUNDLES:
        return array
    lot = numpy.random.Generator(numpy.random.PCG64(len(array))).permutation(len(array))
    return numpy.add.reduceat(array[lot], numpy.arange(BUNDLES) * len(array) // BUNDLES)


def _median(values: Sequence[float]) -> Estimate:
    """The median; its interval is interpolated between order statistics.

    Hettmansperger & Sheather 1986; above 1,000 values their places are the normal law's.
    """
    ordered, n = sorted(values), len(values)
    if n <= FEWEST:
        return Estimate(float(median(ordered)), None, None, f"fewer than {FEWEST + 1} values")
    if n > BUNDLES:
        place = int(n / 2 - Z * sqrt(n) / 2)
        return Estimate(float(median(ordered)), ordered[place], ordered[-1 - place])
    k, outside = 0, 0.0  # of 1 - coverage from the k-th value to the k-th last
    while outside + (more := comb(n, k) / 2 ** (n - 1)) <= 0.05:
        k, outside = k + 1, outside + more
    part = (0.05 - outside) / more
    part = (n - k) * part / (k + (n - 2 * k) * part)
    low, high = ((1 - part) * a[k - 1] + part * a[k] for a in (ordered, list(reversed(ordered))))
    return Estimate(float(median(ordered)), low, high)


def by_instance(records: Iterable[Record], measure: Measure) -> list[list[float]]:
    """A measure of each instance, once an epoch; grades without it (None) are left out."""
    groups: dict[str, list[float]] = {}
    for record in records:
        found = measure(record.grade) if record.grade else None
        if found is not None:
            groups.setdefault(record.instance, []).append(float(found))
    return list(groups.values())


def per_instance(records: Iterable[Record], measure: Measure) -> list[float]:
    """A measure of each instance, the mean over its epochs; instances without it are left out."""
    return [fmean(group) for group in by_instance(records, measure)]


def share_of(records: Iterable[Record], measure: Measure) -> Estimate:
    """The mean of a measure in [0, 1], with a Wilson interval whose clusters are the instances."""
    groups = by_instance(records, measure)
    if not groups:
        return Estimate.unknown("no episodes")
    found = Rate.of(groups)
    return rate(found.successes, found.n)


def skill(objective: Number, reference: Number, chance: float) -> float:
    """Share of the way from random answers to the reference; 1 where every answer is optimal."""
    if objective == reference:
        return 1.0
    return 1 - (objective - reference) / (chance - reference) if chance > reference else 0.0


def pass_at(successes: float, n: int, k: int) -> float:
    """pass@k: the chance that one of k tries succeeds, unbiased from n >= k (Chen et al. 2021)."""
    return 1 - comb(n - round(successes), k) / comb(n, k)


def pass_hat(successes: float, n: int, k: int) -> float:
    """pass^k: the chance that all of k tries succeed, unbiased from n >= k (Yao et al. 2024)."""
    return comb(round(successes), k) / comb(n, k)


def percentiles(draws: Iterable[float], tail: float = 0.025) -> tuple[float, float]:
    """The order statistics of resampled values that leave out `tail` on either side."""
    ordered = sorted(draws)
    cut = int(tail * len(ordered))
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


def _crossing(levels: Sequence[float], successes: Sequence[float], n: Sequence[float]) -> float:
    """Where the fitted curve crosses one half: inf beyond the levels, -inf below them."""
    middle = fmean(levels)
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
    xs: Sequence[float], successes: Sequence[float], n: Sequence[float]
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
