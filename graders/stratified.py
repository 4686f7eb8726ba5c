"""The mean of measures over strata, such as the levels of a ramp, for boards."""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, variance

from graders.statistics import FEWEST, Estimate, Measure, Rate, by_instance, mean_of_rates, student
from tasks.base import Record


def mean_over(strata: Sequence[Sequence[Record]], measure: Measure, lacking: str) -> Estimate:
    """The mean over strata of a measure's mean, each instance one value.

    Where all are 0 or 1 the interval is that of rates, which keeps its width also where nothing
    varies. Unknown, with the note `lacking`, if a stratum has no value.
    """
    groups = [by_instance(records, measure) for records in strata]
    if not all(groups):
        return Estimate.unknown(lacking)
    if {value for stratum in groups for group in stratum for value in group} <= {0.0, 1.0}:
        return mean_of_rates([Rate.of(stratum) for stratum in groups])
    return mean_of_means([[fmean(group) for group in stratum] for stratum in groups])


def mean_of_means(strata: Sequence[Sequence[float]]) -> Estimate:
    """The mean of the means of independent strata of values in [0, 1].

    Its interval is Student's with the degrees of freedom of Welch and Satterthwaite (Satterthwaite
    1946). Strata of fewer than 2 values, or degrees below 4, get none.
    """
    value = fmean(map(fmean, strata))
    smallest = min(map(len, strata))
    if smallest < 2:
        return Estimate(value, None, None, "a level with fewer than 2 values")
    parts = [variance(stratum) / len(stratum) for stratum in strata]
    if not sum(parts):
        return Estimate(value, value, value, "the values of every level are equal")
    squares = sum(part**2 / (len(stratum) - 1) for part, stratum in zip(parts, strata, strict=True))
    freedom = int(sum(parts) ** 2 / squares)
    if freedom < FEWEST - 1:
        return Estimate(value, None, None, f"fewer than {FEWEST} values that differ")
    half = student(freedom) * sqrt(sum(parts)) / len(strata)
    return Estimate(value, max(0.0, value - half), min(1.0, value + half))
