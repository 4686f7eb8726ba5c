"""What can be said of two or more models that answered the same instances.

Everything is paired by instance: what makes an instance hard for both cancels. Scores are the mean
over strata (such as levels) of the mean over a stratum's instances, as the family's headline is.
"""

from collections.abc import Sequence
from math import erfc, isnan, sqrt
from statistics import median
from typing import TYPE_CHECKING, Any

from graders.statistics import Estimate, Z
from tasks.base import Noun

if TYPE_CHECKING:
    from numpy.typing import NDArray

POWER = 0.8416212335729143  # the normal quantile at 80 %
LEVEL = 0.05  # of all tests of one family of hypotheses together


class Comparison(Noun, frozen=True):
    """How much higher the first model scores than the second.

    `p` is two-sided, against no difference; interval and `p` agree. `resolves` is the smallest
    difference that as many pairs with this spread would find with 80 % chance at 5 %.
    """

    difference: Estimate
    p: float | None
    resolves: float | None


def paired(strata: Sequence[Sequence[float]]) -> Comparison:
    """Compare two models by the differences of their scores on each instance, by stratum.

    The adjusted Wald interval for paired proportions (Bonett & Price 2012): one pair is added in
    which the first model wins and one in which it loses. Here these two are as large as the
    largest difference seen (1 if there is none), and shared out among the strata, so that scores
    of any kind have an interval that keeps a width where no pair differs.
    """
    import numpy

    filled = [numpy.array(stratum, dtype=float)[:, None] for stratum in strata if stratum]
    if not filled:
        return Comparison(Estimate.unknown("no pairs"), None, None)
    value, centre, error = (float(x[0]) for x in _adjusted(filled))
    most = max(1.0, *(abs(d) for stratum in strata for d in stratum))
    low, high = max(-most, centre - Z * error), min(most, centre + Z * error)
    interval = Estimate(value, min(low, value), max(high, value))
    return Comparison(interval, two_sided(centre / error), (Z + POWER) * error)


def _adjusted(strata: "Sequence[NDArray[Any]]") -> "tuple[NDArray[Any], ...]":
    """Mean difference, the centre of its interval and its standard error, for each column.

    A stratum is an array (instances, columns) of differences, NaN where there is no pair. Several
    strata have Bessel's correction each, which the published interval of one does without.
    """
    import numpy

    counts = numpy.array([(~numpy.isnan(d)).sum(axis=0) for d in strata])
    sums = numpy.array([numpy.nansum(d, axis=0) for d in strata])
    squares = numpy.array([numpy.nansum(d * d, axis=0) for d in strata])
    largest = numpy.array([numpy.abs(numpy.nan_to_num(d)).max(axis=0) for d in strata]).max(axis=0)
    largest[largest < 1e-9] = 1.0  # nothing but rounding
    there = counts > 0
    used = there.sum(axis=0)
    with numpy.errstate(invalid="ignore", divide="ignore"):
        added = 1 / used  # of either pair, to each stratum
        n = counts + 2 * added
        means = sums / n
        spread = (squares + 2 * added * largest**2) / n - means**2
        spread = numpy.where(used > 1, spread * n / (n - 1), spread)
        value = numpy.where(there, sums / counts, 0).sum(axis=0) / used
        centre = numpy.where(there, means, 0).sum(axis=0) / used
        error = numpy.sqrt(numpy.where(there, spread / n, 0).sum(axis=0)) / used
    return value, centre, error


def two_sided(z: float) -> float:
    """The chance that a normal variable is as far from 0 as `z`."""
    return erfc(abs(z) / sqrt(2))


def holm(ps: Sequence[float]) -> list[float]:
    """The same p-values, adjusted so that any below .05 can be believed together (Holm 1979)."""
    order = sorted(range(len(ps)), key=lambda k: ps[k])
    adjusted, highest = [0.0] * len(ps), 0.0
    for place, k in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - place) * ps[k]))
        adjusted[k] = highest
    return adjusted


class Ranks(Noun, frozen=True):
    """For each model the ranks it may have, best and worst, and what the pairs could resolve.

    `resolves` is the median over all pairs, None without any.
    """

    intervals: tuple[tuple[int, int], ...]
    resolves: float | None


def ranks(strata: "Sequence[NDArray[Any]]") -> Ranks:
    """Which ranks each model may have: all are right together, 95 times in 100.

    A stratum is an array (instances, models) of scores, NaN where there is none. Every two models
    are compared in pairs, with Holm's correction over all of them; a model stands below those that
    are better than it and above those that are worse (Mogstad, Romano, Shaikh & Wilhelm 2024).
    Bootstrapped ranks would not do: where models are close they are too sure (Hall & Miller 2009).
    """
    models = strata[0].shape[1]
    tests, errors = [], []
    for a in range(models - 1):
        _, centre, error = _adjusted([s[:, a : a + 1] - s[:, a + 1 :] for s in strata])
        for b, (middle, width) in enumerate(zip(centre.tolist(), error.tolist(), strict=True)):
            if not isnan(width):  # else they share no instance
                tests.append((two_sided(middle / width), a, a + 1 + b, middle > 0))
                errors.append(width)
    best, worst = [1] * models, [models] * models
    for p, (_, a, b, first) in zip(holm([t[0] for t in tests]), tests, strict=True):
        if p < LEVEL:
            better, other = (a, b) if first else (b, a)
            worst[better] -= 1
            best[other] += 1
    resolves = (Z + POWER) * median(errors) if errors else None
    return Ranks(tuple(zip(best, worst, strict=True)), resolves)
