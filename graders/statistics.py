"""Estimates with intervals, for boards. All intervals are 95 %; all draws are seeded.

docs/boards.md says which method stands behind which column, docs/coverage.md how often each holds
the truth. `clusters.py` has what makes trials independent, `comparisons.py` what is told of two
or more models.
"""

from collections.abc import Callable, Iterable, Sequence
from math import cbrt, ceil, comb, exp, inf, isfinite, log, log10, sqrt
from random import Random
from statistics import fmean, median
from typing import Any

from msgspec.structs import replace

from tasks.base import Grade, Noun, Number, Record

Z = 1.959963984540054  # the normal quantile at 97.5 %
DRAWS = 1000  # of the levels' shares, for the interval of a half level
MANY = 1000  # values above which the places of a median's ends are the normal law's
SKEWED = 3.0  # a mean of values more skewed than this has a note
DESIGN_EFFECT = 2.0  # of trials in clusters whose spread is not seen; docs/boards.md
WITHIN_NOISE = "the denominator cannot be told from 0"
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
    def of(
        cls,
        value: float | None,
        low: float,
        high: float,
        within: tuple[float, float] = (-inf, inf),
        note: str = "",
    ) -> "Estimate":
        """An interval whose ends lie within a scale, to 12 places of its larger end.

        Machines differ in how they add up, and an end of 3e-18 is 0.
        """
        places = 12 - ceil(log10(max(abs(low), abs(high), 1e-300)))
        low, high = (max(within[0], min(within[1], round(x, places))) for x in (low, high))
        return cls(value, low, high, note)

    @classmethod
    def unknown(cls, note: str) -> "Estimate":
        """Nothing to estimate from."""
        return cls(None, None, None, note)


class Rate(Noun, frozen=True):
    """`successes` (a sum of scores in [0, 1]) of `n` independent trials, or what is worth them."""

    successes: float
    n: float

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
    return Estimate.of(successes / n, *Rate(successes, n).wilson(), (0.0, 1.0))


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
        return Estimate.of(value, *rates[0].wilson(), (0.0, 1.0))
    added = 2 / sum(w > 0 for w in weights)
    centre = variance = 0.0
    for weight, one in zip(weights, rates, strict=True):
        n = one.n + 2 * added
        p = (one.successes + added) / n
        centre += weight / sum(weights) * p
        variance += (weight / sum(weights)) ** 2 * p * (1 - p) / n
    half = Z * sqrt(variance)
    ends = min(centre - half, value), max(centre + half, value)
    return Estimate.of(value, *ends, (0.0, 1.0))


def mean_of(values: Sequence[float], freedom: int | None = None) -> Estimate:
    """The mean of independent values, such as one of each instance or cluster.

    Its interval is Student's after the skewness was removed by a monotone cubic transformation
    (Hall 1992): as wide as the studentised bootstrap's where that has an end, and never without.
    `freedom` is that of their spread, by default one less than there are. Fewer than 5 values get
    no interval; that of equal values has no width, and its note says so.
    """
    if not values:
        return Estimate.unknown("no values")
    count, mean = len(values), fmean(values)
    freedom = count - 1 if freedom is None else freedom
    if freedom < FEWEST - 1:
        return Estimate(mean, None, None, f"fewer than {FEWEST} values")
    if _alike(values):
        only = float(values[0])  # no mean, which may be off in its last digit
        return Estimate(only, only, only, f"all {count} values are equal")
    spread = sqrt(sum((x - mean) ** 2 for x in values) / count)
    skewness = sum((x - mean) ** 3 for x in values) / count / spread**3
    error, quantile = spread / sqrt(count - 1), student(freedom)
    low, high = (mean - error * _deskewed(q, skewness / sqrt(count)) for q in (quantile, -quantile))
    note = f"skewness {skewness:.1f}: held less often" if abs(skewness) > SKEWED else ""
    return Estimate.of(mean, low, high, note=note)


def _deskewed(quantile: float, a: float) -> float:
    """The studentised mean at a quantile of its transform t + a t^2 / 3 + a^2 t^3 / 27 + a / 6.

    `a` is the skewness over the root of n (Hall 1992, equation 2.3 inverted).
    """
    if abs(a) < 1e-6:
        return quantile - a / 6
    return 3 / a * (cbrt(1 + a * (quantile - a / 6)) - 1)


def _alike(values: Sequence[float]) -> bool:
    """Whether values differ by no more than rounding."""
    return max(values) - min(values) <= 1e-12 * max(1.0, abs(values[0]))


def mean_score(values: Sequence[float], freedom: int | None = None, *, trials: int = 0) -> Estimate:
    """The mean of independent scores in [0, 1], each of them a share of some of all `trials`.

    Where all are 0 or all are 1, which says nothing of their spread, the interval is that of a
    share (Wilson's) of as many trials over `DESIGN_EFFECT`, but no fewer than there are scores.
    """
    known = mean_of(values, freedom)
    if known.low is None or known.high is None:
        return known
    if _alike(values) and (known.value is not None) and round(known.value, 12) in (0, 1):
        n = max(len(values), trials / DESIGN_EFFECT)
        return rate(round(known.value) * n, n)
    return Estimate.of(known.value, known.low, known.high, (0.0, 1.0), known.note)


def ratio_of_sums(values: Sequence[float], references: Sequence[float]) -> Estimate:
    """The sum of values over the sum of their references, by the residuals from the ratio."""
    if problem := unfit(references):
        return Estimate.unknown(problem)
    ratio, middle = sum(values) / sum(references), fmean(references)
    pairs = zip(values, references, strict=True)
    known = mean_of([ratio + (value - ratio * base) / middle for value, base in pairs])
    return replace(known, value=ratio)


def unfit(references: Sequence[float], freedom: int | None = None) -> str:
    """Why a ratio over the sum of these has no figure; empty if it has one.

    A sum that cannot be told from 0 gives any figure at all.
    """
    if not references or not sum(references):
        return "the references sum to 0"
    below = mean_of(references, freedom)
    if below.low is None or below.high is None:
        return WITHIN_NOISE if min(references) < 0 else ""
    return WITHIN_NOISE if below.low <= 0 <= below.high else ""


def median_of(values: Sequence[float]) -> Estimate:
    """The median of independent values, between order statistics, interpolated.

    That is what resampling would find (Hettmansperger & Sheather 1986); above 1,000 values their
    places are the normal law's. Fewer than 6 values get no interval.
    """
    if not values:
        return Estimate.unknown("no values")
    if len(values) >= FEWEST and min(values) == max(values):
        only = float(values[0])
        return Estimate(only, only, only, f"all {len(values)} values are equal")
    ordered, n = sorted(values), len(values)
    if n <= FEWEST:
        return Estimate(float(median(ordered)), None, None, f"fewer than {FEWEST + 1} values")
    if n > MANY:
        place = int(n / 2 - Z * sqrt(n) / 2)
        return Estimate(float(median(ordered)), ordered[place], ordered[-1 - place])
    k, outside = 0, 0.0  # of 1 - coverage from the k-th value to the k-th last
    while outside + (more := comb(n, k) / 2 ** (n - 1)) <= 0.05:
        k, outside = k + 1, outside + more
    part = (0.05 - outside) / more
    part = (n - k) * part / (k + (n - 2 * k) * part)
    low, high = ((1 - part) * a[k - 1] + part * a[k] for a in (ordered, list(reversed(ordered))))
    return Estimate(float(median(ordered)), low, high)


def by_instance(records: Iterable[Record], measure: Measure) -> dict[str, list[float]]:
    """A measure of each instance, once an epoch; grades without it (None) are left out."""
    groups: dict[str, list[float]] = {}
    for record in records:
        value = measure(record.grade) if record.grade else None
        if value is not None:
            groups.setdefault(record.instance, []).append(float(value))
    return groups


def per_instance(records: Iterable[Record], measure: Measure) -> list[float]:
    """A measure of each instance, the mean over its epochs; instances without it are left out."""
    return [fmean(group) for group in by_instance(records, measure).values()]


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
    """The level at which half succeed: a logistic fit in its logarithm that never rises with it.

    `points` are (level, rate); where a level is 0 the fit is in the logarithm of level + 1, since
    difficulty grows by factors, not by steps. Outside the levels seen the value is None, with the
    note `beyond the ramp` or `below the ramp`; so is an interval's open end. Each level's share is
    drawn from its Jeffreys posterior, so that levels where all or none succeed vary too. Where all
    succeed up to one level and none from the next on, any level between fits: the value is one,
    and the interval holds both ends.
    """
    levels = [x for x, _ in points]
    if len(set(levels)) < 2:
        return Estimate.unknown("needs two levels")
    shift = 0.0 if min(levels) > 0 else 1.0
    rng = Random("half_level")
    counts = [[r.successes for _, r in points]]
    for _ in range(DRAWS):
        shares = [rng.betavariate(r.successes + 0.5, r.n - r.successes + 0.5) for _, r in points]
        counts.append([r.n * share for share, (_, r) in zip(shares, points, strict=True)])
    crossings = _crossings([log(x + shift) for x in levels], counts, [r.n for _, r in points])
    value, low, high = (
        exp(x) - shift if isfinite(x) else x for x in (crossings[0], *percentiles(crossings[1:]))
    )
    if gap := _gap(points):
        value = max(gap[0], min(gap[1], value))  # with few trials the ridge can draw it out
        low, high = min(low, gap[0]), max(high, gap[1])
    note = "" if isfinite(value) else "beyond the ramp" if value > 0 else "below the ramp"
    known, bottom, top = (float(f"{x:.12g}") if isfinite(x) else None for x in (value, low, high))
    return Estimate(known, bottom, top, note)


def _gap(points: Sequence[tuple[float, Rate]]) -> tuple[float, float] | None:
    """The last level where all succeed and the first where none does, if that is all there is."""
    every = [float(x) for x, r in points if r.successes == r.n]
    none = [float(x) for x, r in points if r.successes == 0]
    if not every or not none or len(every) + len(none) < len(points):
        return None
    return (max(every), min(none)) if max(every) < min(none) else None


def _crossings(
    levels: Sequence[float], successes: Sequence[Sequence[float]], n: Sequence[float]
) -> list[float]:
    """Where the curves fitted to each draw of successes cross one half.

    That is inf beyond the levels, -inf below them.
    """
    import numpy

    middle, scale = fmean(levels), max(levels) - min(levels)
    xs = numpy.array([(x - middle) / scale for x in levels])
    drawn, trials = numpy.array(successes, dtype=float), numpy.array(n, dtype=float)
    intercept, slope = _logistic(xs, drawn, trials)
    falls = slope < 0
    crossing = middle - scale * intercept / numpy.where(falls, slope, 1.0)
    outside = numpy.where(crossing > max(levels), inf, -inf)
    inside = (crossing <= max(levels)) & (crossing >= min(levels))
    flat = numpy.where(2 * drawn.sum(axis=1) >= trials.sum(), inf, -inf)
    found: list[float] = numpy.where(falls, numpy.where(inside, crossing, outside), flat).tolist()
    return found


def _logistic(xs: Any, successes: Any, n: Any) -> tuple[Any, Any]:
    """Intercepts and slopes by Newton's method, with a faint ridge that keeps them finite."""
    import numpy

    ridge, a, b = 0.02, numpy.zeros(len(successes)), numpy.zeros(len(successes))
    for _ in range(50):
        p = 1 / (1 + numpy.exp(-numpy.clip(a[:, None] + b[:, None] * xs, -30, 30)))
        w, off = n * p * (1 - p), successes - n * p
        ga, gb = off.sum(axis=1) - ridge * a, (off * xs).sum(axis=1) - ridge * b
        haa, hab = w.sum(axis=1) + ridge, (w * xs).sum(axis=1)
        hbb = (w * xs * xs).sum(axis=1) + ridge
        determinant = haa * hbb - hab * hab
        da, db = (hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant
        longest = numpy.maximum(numpy.maximum(abs(da), abs(db)), 5.0)  # damped: no step over 5
        a, b = a + 5 * da / longest, b + 5 * db / longest
        if (abs(da) + abs(db)).max() < 1e-9:
            break
    return a, b
