"""Estimates with intervals, for boards. All intervals are 95 %; all draws are seeded.

docs/boards.md says which method stands behind which column, docs/coverage.md how often each holds
the truth. `clusters.py` makes trials independent, `comparisons.py` compares models.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from math import cbrt, ceil, comb, fsum, inf, log10, sqrt
from operator import attrgetter
from statistics import fmean, median

from msgspec.structs import replace

from tasks.base import Grade, Noun, Number, Record

Z = 1.959963984540054  # the normal quantile at 97.5 %
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
        """Return an estimate whose ends lie within a scale, to 12 places of the larger end.

        Machines differ in how they add up, and an end of 3e-18 is 0.

        Args:
            value: the number; None if it is unknown.
            low: the lower end.
            high: the upper end.
            within: the least and the most that an end can be.
            note: what to distrust in the interval.
        """
        places = 12 - ceil(log10(max(abs(low), abs(high), 1e-300)))
        low, high = (max(within[0], min(within[1], round(x, places))) for x in (low, high))
        return cls(value, low, high, note=note)

    @classmethod
    def unknown(cls, note: str) -> "Estimate":
        """Return the estimate of what there is nothing to estimate from; `note` says why."""
        return cls(None, None, None, note=note)


class Rate(Noun, frozen=True):
    """A sum of scores in [0, 1] of `n` independent trials, or of as many as are worth them."""

    successes: float
    n: float

    @property
    def value(self) -> float:
        """The share."""
        return self.successes / self.n

    def wilson(self) -> tuple[float, float]:
        """Return the Wilson score interval (Wilson 1927); it has a width also at 0 and n."""
        p, n = self.value, self.n
        centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z / (1 + Z * Z / n) * sqrt(max(0.0, p * (1 - p) / n + Z * Z / (4 * n * n)))
        return max(0.0, centre - half), min(1.0, centre + half)


def student(freedom: int) -> float:
    """Return the t quantile at 97.5 %, to 0.1 %.

    By the Cornish-Fisher expansion (Abramowitz & Stegun 26.7.5).

    Args:
        freedom: the degrees of freedom, 4 or more.
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
    """Estimate a share, with its Wilson interval.

    Args:
        successes: a sum of scores in [0, 1].
        n: the number of trials; the share of none is unknown.
    """
    if n == 0:
        return Estimate.unknown("no episodes")
    return Estimate.of(successes / n, *Rate(successes, n).wilson(), (0.0, 1.0))


def rule_of_three(n: int) -> float:
    """Return the rate that n trials without a success exclude at 95 % confidence: about 3 / n.

    (Hanley & Lippman-Hand 1983.) Of n successes in n trials it bounds the failures.
    """
    return float(1 - 0.05 ** (1 / n))


def mean_of_rates(rates: Sequence[Rate], weights: Sequence[float] | None = None) -> Estimate:
    """Estimate a weighted mean of independent shares.

    Of one share the interval is Wilson's. Of m shares it is the adjusted Wald interval: 2 / m
    successes and as many failures are added to each (Price & Bonett 2004), so that it keeps its
    width where every share is 0 or 1.

    Args:
        rates: the shares; the mean of none is unknown.
        weights: a weight >= 0 for each, of any sum above 0; all the same if not given.
    """
    if not rates:
        return Estimate.unknown("no episodes")
    weights = weights or [1.0] * len(rates)
    value = sum(w * r.value for w, r in zip(weights, rates, strict=True)) / sum(weights)
    if len(rates) == 1:
        return Estimate.of(value, *rates[0].wilson(), (0.0, 1.0))
    low, high = _adjusted_wald(rates, weights)
    return Estimate.of(value, min(low, value), max(high, value), (0.0, 1.0))


def _adjusted_wald(rates: Sequence[Rate], weights: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the interval of Price & Bonett (2004), the value not considered."""
    added = 2 / sum(w > 0 for w in weights)
    centre = variance = 0.0
    for weight, share in zip(weights, rates, strict=True):
        n = share.n + 2 * added
        p = (share.successes + added) / n
        centre += weight / sum(weights) * p
        variance += (weight / sum(weights)) ** 2 * p * (1 - p) / n
    half = Z * sqrt(variance)
    return centre - half, centre + half


def mean_of(values: Sequence[float], freedom: int | None = None) -> Estimate:
    """Estimate the mean of independent values, such as one of each instance or cluster.

    Its interval is Student's after the skewness was removed by a monotone cubic transformation
    (Hall 1992): as wide as the studentised bootstrap's where that has an end, and never without.

    Args:
        values: the values; of fewer than 5 there is no interval, and that of equal values has no
            width, which its note says.
        freedom: the degrees of freedom of their spread, by default one less than there are values.
    """
    if not values:
        return Estimate.unknown("no values")
    freedom = len(values) - 1 if freedom is None else freedom
    if freedom < FEWEST - 1:
        return Estimate(fmean(values), None, None, note=f"fewer than {FEWEST} values")
    if _alike(values):
        return _equal_values(values)
    return _skewed_mean(values, student(freedom))


def _equal_values(values: Sequence[float]) -> Estimate:
    value = float(values[0])  # no mean, which may be off in its last digit
    return Estimate(value, value, value, note=f"all {len(values)} values are equal")


def _skewed_mean(values: Sequence[float], quantile: float) -> Estimate:
    """Return the mean and its interval after Hall (1992), at a t quantile."""
    count, mean = len(values), fmean(values)
    spread = sqrt(sum((x - mean) ** 2 for x in values) / count)
    skewness = sum((x - mean) ** 3 for x in values) / count / spread**3
    error = spread / sqrt(count - 1)
    low, high = (mean - error * _deskew(q, skewness / sqrt(count)) for q in (quantile, -quantile))
    note = f"skewness {skewness:.1f}: held less often" if abs(skewness) > SKEWED else ""
    return Estimate.of(mean, low, high, note=note)


def _deskew(quantile: float, a: float) -> float:
    """Return the t whose transform t + a t^2 / 3 + a^2 t^3 / 27 + a / 6 is the quantile.

    `a` is the skewness over the root of n (Hall 1992, equation 2.3 inverted).
    """
    if abs(a) < 1e-6:
        return quantile - a / 6
    return 3 / a * (cbrt(1 + a * (quantile - a / 6)) - 1)


def _alike(values: Sequence[float]) -> bool:
    """Return whether values differ by no more than rounding."""
    return max(values) - min(values) <= 1e-12 * max(1.0, abs(values[0]))


def mean_score(values: Sequence[float], freedom: int | None = None, *, trials: int = 0) -> Estimate:
    """Estimate the mean of independent scores in [0, 1].

    Where all are 0 or all are 1, which says nothing of their spread, the interval is that of a
    share (Wilson's) of as many trials over `DESIGN_EFFECT`, but no fewer than there are scores.

    Args:
        values: the scores, each of them a share of some of the trials.
        freedom: the degrees of freedom of their spread, by default one less than there are scores.
        trials: the number of trials behind all scores.
    """
    mean = mean_of(values, freedom)
    if mean.value is None or mean.low is None or mean.high is None:
        return mean
    if _alike(values) and round(mean.value, 12) in (0, 1):
        n = max(len(values), trials / DESIGN_EFFECT)
        return rate(round(mean.value) * n, n)
    return Estimate.of(mean.value, mean.low, mean.high, (0.0, 1.0), note=mean.note)


def ratio_of_sums(values: Sequence[float], references: Sequence[float]) -> Estimate:
    """Estimate the sum of values over the sum of their references, by the residuals.

    Args:
        values: independent values.
        references: the reference of each; where their sum cannot be told from 0 the ratio is
            unknown.
    """
    if problem := unfit(references):
        return Estimate.unknown(problem)
    ratio, middle = sum(values) / sum(references), fmean(references)
    pairs = zip(values, references, strict=True)
    linear = mean_of([ratio + (value - ratio * base) / middle for value, base in pairs])
    return replace(linear, value=ratio)


def unfit(references: Sequence[float], freedom: int | None = None) -> str:
    """Return why a ratio over the sum of references has no figure; empty if it has one.

    A sum that cannot be told from 0 gives any figure at all.

    Args:
        references: independent values.
        freedom: the degrees of freedom of their spread, by default one less than there are.
    """
    if not references or not sum(references):
        return "the references sum to 0"
    below = mean_of(references, freedom)
    if below.low is None or below.high is None:
        return WITHIN_NOISE if min(references) < 0 else ""
    return WITHIN_NOISE if below.low <= 0 <= below.high else ""


def median_of(values: Sequence[float]) -> Estimate:
    """Estimate the median of independent values, between order statistics, interpolated.

    That is what resampling would find (Hettmansperger & Sheather 1986); above 1,000 values their
    places are the normal law's.

    Args:
        values: the values; of fewer than 6 there is no interval, unless 5 are equal.
    """
    if not values:
        return Estimate.unknown("no values")
    ordered = sorted(values)
    if len(values) >= FEWEST and ordered[0] == ordered[-1]:
        return _equal_values(values)
    middle = float(median(ordered))
    if len(values) <= FEWEST:
        return Estimate(middle, None, None, note=f"fewer than {FEWEST + 1} values")
    return Estimate(middle, *_median_ends(ordered))


def _median_ends(ordered: Sequence[float]) -> tuple[float, float]:
    n = len(ordered)
    if n > MANY:
        place = int(n / 2 - Z * sqrt(n) / 2)
        return ordered[place], ordered[-1 - place]
    k, part = _median_place(n)
    low, high = ((1 - part) * a[k - 1] + part * a[k] for a in (ordered, ordered[::-1]))
    return low, high


def _median_place(n: int) -> tuple[int, float]:
    """Return the place k of the interval's end among n values, and the part of the way to k + 1."""
    k, outside = 0, 0.0  # of 1 - coverage from the k-th value to the k-th last
    while outside + (more := comb(n, k) / 2 ** (n - 1)) <= 0.05:
        k, outside = k + 1, outside + more
    part = (0.05 - outside) / more
    return k, (n - k) * part / (k + (n - 2 * k) * part)


class MeasuredRecords(list[Record]):
    """Records of which what each measure gives by instance is remembered.

    Nothing is added to it once it is measured.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        super().__init__(records)
        self._groups: dict[Measure, dict[str, list[float]]] = {}

    def by_instance(self, measure: Measure) -> dict[str, list[float]]:
        """Return a measure of each instance; see the function `by_instance`."""
        if measure not in self._groups:
            self._groups[measure] = _by_instance(self, measure)
        return self._groups[measure]


def by_instance(records: Iterable[Record], measure: Measure) -> dict[str, list[float]]:
    """Return a measure of each instance, a value an epoch, by the instance's id.

    It may be asked for again, so nobody changes it.

    Args:
        records: episodes; those without a grade are left out.
        measure: the measure of a grade; None leaves a grade out.
    """
    if isinstance(records, MeasuredRecords):
        return records.by_instance(measure)
    return _by_instance(records, measure)


def _by_instance(records: Iterable[Record], measure: Measure) -> dict[str, list[float]]:
    groups: dict[str, list[float]] = {}
    for name, epochs in groupby(records, attrgetter("instance")):
        grades = [record.grade for record in epochs if record.grade]
        values = [float(value) for value in map(measure, grades) if value is not None]
        if values:
            groups.setdefault(name, []).extend(values)
    return groups


def plain_mean(values: Sequence[float]) -> float:
    """Return `statistics.fmean` of a list, in half the time."""
    return fsum(values) / len(values)


def per_instance(records: Iterable[Record], measure: Measure) -> list[float]:
    """Return a measure of each instance, the mean over its epochs.

    Args:
        records: episodes; those without a grade are left out.
        measure: the measure of a grade; instances whose grades all have None are left out.
    """
    return [plain_mean(group) for group in by_instance(records, measure).values()]


def skill(objective: Number, reference: Number, chance: float) -> float:
    """Return the share of the way from random answers to the reference.

    It is 1 at the reference, 0 at what random answers reach, below 0 beyond; where random answers
    are no worse than the reference every answer but the reference has 0.

    Args:
        objective: what the answer reaches; less is better.
        reference: the optimum, or a bound.
        chance: what random answers reach on average.
    """
    if objective == reference:
        return 1.0
    return 1 - (objective - reference) / (chance - reference) if chance > reference else 0.0


def pass_at(successes: float, n: int, k: int) -> float:
    """Estimate pass@k, the chance that one of k tries succeeds, without bias (Chen et al. 2021).

    Args:
        successes: how many of the n tries succeeded.
        n: the tries seen, at least k.
        k: the tries allowed.
    """
    return 1 - comb(n - round(successes), k) / comb(n, k)


def pass_hat(successes: float, n: int, k: int) -> float:
    """Estimate pass^k, the chance that all of k tries succeed, without bias (Yao et al. 2024).

    Args:
        successes: how many of the n tries succeeded.
        n: the tries seen, at least k.
        k: the tries that must succeed.
    """
    return comb(round(successes), k) / comb(n, k)


def percentiles(draws: Iterable[float], tail: float = 0.025) -> tuple[float, float]:
    """Return the order statistics that leave out `tail` on either side.

    Args:
        draws: resampled values.
        tail: the share of them beyond either end.
    """
    ordered = sorted(draws)
    cut = int(tail * len(ordered))
    return ordered[cut], ordered[-1 - cut]
