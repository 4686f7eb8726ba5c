"""What an estimate rests on: one value for each cluster of instances that share their ingredients.

A cluster is what was drawn with one seed and index (`tasks.ids.cluster_of`), at every level of a
row. Strata are groups whose share in a statistic is fixed beforehand, such as levels, or the cells
of a grid: what differs between them is no chance, and widens no interval.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import sqrt
from statistics import fmean
from typing import NamedTuple, TypeAlias

from graders.statistics import (
    DESIGN_EFFECT,
    FEWEST,
    Estimate,
    Measure,
    Rate,
    Z,
    by_instance,
    mean_of,
    mean_of_rates,
    mean_score,
    student,
    unfit,
)
from tasks.base import Grade, Noun, Record
from tasks.ids import cluster_of

Strata: TypeAlias = Sequence[Sequence[Record]]
OverEpochs: TypeAlias = Callable[[Sequence[float]], float]


class _Trial(NamedTuple):
    """One instance: what it is drawn with, its value, and its weight in the estimate."""

    cluster: str
    group: int
    value: float
    weight: float


class Sample(Noun, frozen=True):
    """One value a cluster: their mean is the estimate, their spread its error.

    The values are linearised (Woodruff 1971): the estimate, and the cluster's own share in how far
    it might be off. Where every cluster has one instance in every stratum that is the cluster's
    mean. `freedom` is the number of clusters less that of strata which share none.
    """

    values: tuple[float, ...]
    freedom: int

    @property
    def variance(self) -> float:
        """The squared standard error of the mean."""
        centre, count = fmean(self.values), len(self.values)
        return sum((y - centre) ** 2 for y in self.values) / (count * (count - 1))


def sample(
    strata: Strata, measure: Measure, over_epochs: OverEpochs = fmean, *, equal: bool = False
) -> Sample:
    """The sample of a measure's mean over instances, each by the mean over its epochs.

    Strata weigh as many instances as they have, or all the same (`equal`). Instances without the
    measure are left out, and so are strata that have none. A cluster of which some levels are
    missing counts where it is there.
    """
    trials = _trials(strata, measure, over_epochs, equal)
    whole = sum(t.weight for t in trials)
    linked = _collapsed(_linked(trials))
    total = sum(t.weight * t.value for t in trials) / whole if trials else 0.0
    count = len({t.cluster for t in trials})
    values: list[float] = []
    for component in linked:
        values += [total + off * count / whole for off in _apart(component, count)]
    return Sample(tuple(values), count - len(linked))


def _trials(strata: Strata, measure: Measure, over_epochs: OverEpochs, equal: bool) -> list[_Trial]:
    trials = []
    for group, records in enumerate(strata):
        scores = by_instance(records, measure)
        means = {name: over_epochs(values) for name, values in scores.items()}
        weight = 1 / len(means) if equal and means else 1.0
        trials += [_Trial(cluster_of(name), group, m, weight) for name, m in means.items()]
    return trials


def _linked(trials: Iterable[_Trial]) -> list[list[_Trial]]:
    """The trials in sets of strata that share clusters with each other, and with no others."""
    home: dict[str, int] = {}
    sets: dict[int, list[_Trial]] = {}
    of_group: dict[int, int] = {}
    for t in trials:
        place = of_group.setdefault(t.group, t.group)
        other = home.setdefault(t.cluster, place)
        sets.setdefault(place, []).append(t)
        if other != place:
            sets[other] += sets.pop(place)
            of_group = {g: other if p == place else p for g, p in of_group.items()}
            home = {c: other if p == place else p for c, p in home.items()}
    return list(sets.values())


def _collapsed(components: list[list[_Trial]]) -> list[list[_Trial]]:
    """The same, those of a single cluster put together: one value has no spread (Cochran 1977)."""
    single = [c for c in components if len({t.cluster for t in c}) == 1]
    others = [c for c in components if len({t.cluster for t in c}) > 1]
    if len(single) == 1 and others:
        single.append(others.pop(0))
    if not single:
        return others
    return [*others, [t._replace(group=-1) for component in single for t in component]]


def _apart(component: Sequence[_Trial], count: int) -> list[float]:
    """How far each cluster lies from its strata, so scaled that the spread of all is unbiased."""
    sums: dict[int, float] = {}
    weights: dict[int, float] = {}
    for t in component:
        sums[t.group] = sums.get(t.group, 0.0) + t.weight * t.value
        weights[t.group] = weights.get(t.group, 0.0) + t.weight
    apart: dict[str, float] = {}
    for t in component:
        off = t.weight * (t.value - sums[t.group] / weights[t.group])
        apart[t.cluster] = apart.get(t.cluster, 0.0) + off
    own = len(apart)
    bessel = sqrt(own / (own - 1) * (count - 1) / count) if own > 1 else 1.0
    return [bessel * off for off in apart.values()]


# Estimates -----------------------------------------------------------------------------------


def mean_over(strata: Strata, measure: Measure, *, equal: bool = False) -> Estimate:
    """The mean of a measure of any size, as `sample` says."""
    of = sample(strata, measure, equal=equal)
    return mean_of(of.values, of.freedom)


def score_over(strata: Strata, measure: Measure, *, equal: bool = False) -> Estimate:
    """The mean of a score in [0, 1]; where all are 0, or all 1, by the number of instances."""
    of = sample(strata, measure, equal=equal)
    return mean_score(of.values, of.freedom, trials=_count(strata, measure))


def _count(strata: Strata, measure: Measure) -> int:
    return sum(len(by_instance(records, measure)) for records in strata)


def ratio_over(strata: Strata, value: Measure, base: Measure) -> Estimate:
    """The sum of a measure over the sum of another, by the residuals from the ratio."""
    below = sample(strata, base)
    if problem := unfit(below.values, below.freedom):
        return Estimate.unknown(problem)
    middle = fmean(below.values)
    ratio = fmean(sample(strata, value).values) / middle

    def linear(grade: Grade) -> float | None:
        above, under = value(grade), base(grade)
        return None if above is None or under is None else ratio + (above - ratio * under) / middle

    return mean_over(strata, linear)


def rates_over(strata: Strata, measure: Measure, over_epochs: OverEpochs = fmean) -> list[Rate]:
    """The share of each stratum: an instance is a trial, by its epochs' mean or what is given.

    All shares have as many trials fewer (or, of several epochs, more) as the design effect says
    (Kish 1965): the variance between clusters over that of independent trials, times what a t
    quantile asks for (Korn & Graubard 1998). It lies between one trial a cluster and one a score;
    where nothing varies it is `DESIGN_EFFECT` if strata share clusters, else 1.
    """
    groups = [by_instance(records, measure) for records in strata]
    means = [[over_epochs(scores) for scores in group.values()] for group in groups]
    effect = _design_effect(groups, sample(strata, measure, over_epochs, equal=True), means)
    return [Rate(sum(group) / effect, len(group) / effect) for group in means]


def _design_effect(
    groups: Sequence[Mapping[str, Sequence[float]]], of: Sample, means: Sequence[Sequence[float]]
) -> float:
    names = [cluster_of(name) for group in groups for name in group]
    shared = max(Counter(names).values(), default=1)
    epochs = max((len(scores) for group in groups for scores in group.values()), default=1)
    if of.freedom < FEWEST - 1 or shared == epochs == 1:
        return float(shared)
    alone = sum(fmean(m) * (1 - fmean(m)) / len(m) for m in means if m) / len(means) ** 2
    if alone <= 0:
        return min(float(shared), DESIGN_EFFECT)
    effect = of.variance / alone * (student(of.freedom) / Z) ** 2
    return min(float(shared), max(1 / epochs, effect))


def share_over(strata: Strata, measure: Measure) -> Estimate:
    """The mean over instances of a measure in [0, 1] that is mostly 0 or 1."""
    rates = [r for r in rates_over(strata, measure) if r.n]
    return mean_of_rates(rates, [r.n for r in rates])
