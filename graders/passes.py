"""pass@K and pass^K of any family: the chance that one of K tries succeeds, and that all do."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from graders.clusters import OverEpochs, Strata, most_epochs, rates_over
from graders.statistics import Estimate, Measure, by_instance, mean_of_rates, pass_at, pass_hat
from tasks.base import Grade, Record

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
    return {
        f"{name}{k}": _pass_rate(strata, success, function, k=k)
        for k in _tries(strata, success)
        for name, function in (("pass@", pass_at), ("pass^", pass_hat))
    }


def _tries(strata: Strata, success: Measure) -> list[int]:
    epochs = most_epochs([by_instance(records, success) for records in strata])
    return sorted({2**x for x in range(1, epochs.bit_length())} | {epochs} - {1})


def _pass_rate(strata: Strata, success: Measure, function: PassRate, *, k: int) -> Estimate:
    enough = [_with_epochs(records, success, k) for records in strata]
    if not all(enough):
        return Estimate.unknown(f"a level without an instance of {k} graded epochs")
    return mean_of_rates(rates_over(enough, success, _chance(function, k)))


def _with_epochs(records: Sequence[Record], success: Measure, k: int) -> list[Record]:
    """Return the records of instances with at least k graded epochs."""
    scores = by_instance(records, success)
    return [r for r in records if len(scores.get(r.instance, ())) >= k]


def _chance(function: PassRate, k: int) -> OverEpochs:
    return lambda scores: function(sum(scores), len(scores), k)
