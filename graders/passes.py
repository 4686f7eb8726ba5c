"""pass@K and pass^K of any family: the chance that one of K tries succeeds, and that all do.

An instance's estimate is a fraction, seldom 0 or 1 where epochs are many, so that counts of
successes know nothing of its spread. The interval is therefore that of values: to the instances of
m groups 2 / m with the value 1 and as many with 0 are added, each group's share of them, and the
mean and its spread are those of all together. Of values that are 0 or 1 this is the interval of
Agresti & Coull (1998), of several groups that of Price & Bonett (2004).
"""

from collections.abc import Callable
from math import sqrt
from statistics import fmean
from typing import TypeAlias

from graders.clusters import (
    Groups,
    OverEpochs,
    Strata,
    most_epochs,
    rates_of,
    sample_of,
    shares_clusters,
)
from graders.statistics import (
    FEWEST,
    Estimate,
    Measure,
    Z,
    by_instance,
    mean_of_rates,
    pass_at,
    pass_hat,
    student,
)
from tasks.base import Grade

PassRate: TypeAlias = Callable[[float, int, int], float]  # of successes, tries, and tries allowed
ROUNDING = 1e-9  # by which the best score may be missed


def best(grade: Grade) -> float:
    """Return 1 of a grade with the best score there is, 1, and 0 of any other."""
    return float(grade.score >= 1 - ROUNDING)


def pass_rates(strata: Strata, success: Measure = best) -> dict[str, Estimate]:
    """Estimate pass@K and pass^K for K = 2, 4, ... and all epochs; an instance is one trial.

    Args:
        strata: the records of each group; the estimates are the plain means over groups.
        success: 1 of a grade that is a success, 0 of one that is none.

    Returns:
        The estimates by name; none where no instance has a second epoch.
    """
    groups = [by_instance(records, success) for records in strata]
    return {
        f"{name}{k}": _pass_rate(groups, function, k=k)
        for k in _tries(groups)
        for name, function in (("pass@", pass_at), ("pass^", pass_hat))
    }


def _tries(groups: Groups) -> list[int]:
    epochs = most_epochs(groups)
    return sorted({2**x for x in range(1, epochs.bit_length())} | {epochs} - {1})


def _pass_rate(groups: Groups, function: PassRate, *, k: int) -> Estimate:
    """Estimate a rate over the instances with at least k graded epochs."""
    enough = [{name: s for name, s in group.items() if len(s) >= k} for group in groups]
    if not all(enough):
        return Estimate.unknown(f"a level without an instance of {k} graded epochs")
    return _mean_of_fractions(enough, _chance(function, k))


def _mean_of_fractions(groups: Groups, chance: OverEpochs) -> Estimate:
    """Estimate the mean over groups of a fraction of each instance.

    Where clusters are too few for a spread, instances are as good as trials of right and wrong.
    """
    of = sample_of(groups, chance, equal=True)
    if of.freedom < FEWEST - 1:
        return mean_of_rates(rates_of(groups, chance))
    added, fractions = 2 / len(groups), [[chance(s) for s in g.values()] for g in groups]
    least = min(len(group) for group in fractions)
    variance = of.variance * (least / (least + 2 * added)) ** 2
    centre = 0.0
    for group in fractions:
        n = len(group) + 2 * added
        middle = (sum(group) + added) / n
        centre += middle / len(fractions)
        variance += _added_variance(fmean(group), middle, added, n) / len(fractions) ** 2
    half = (student(of.freedom) if shares_clusters(groups) else Z) * sqrt(variance)
    value = fmean(fmean(group) for group in fractions)
    return Estimate.of(value, min(centre - half, value), max(centre + half, value), (0.0, 1.0))


def _added_variance(mean: float, middle: float, added: float, n: float) -> float:
    """Return what the added values contribute to a group's squared standard error.

    Args:
        mean: of the group's values.
        middle: the mean with the added ones.
        added: how many have the value 1, and 0.
        n: how many there are in all.
    """
    off = (n - 2 * added) * (mean - middle) ** 2
    return float(off + added * ((1 - middle) ** 2 + middle**2)) / n**2


def _chance(function: PassRate, k: int) -> OverEpochs:
    return lambda scores: function(sum(scores), len(scores), k)
