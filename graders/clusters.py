"""Estimates from one value for each cluster of instances that share their ingredients.

A cluster is what was drawn with one seed and index (`tasks.ids.cluster_of`), at every level of a
row. Strata are groups whose share in a statistic is fixed beforehand, such as levels, or the cells
of a grid: differences between them are no chance, and widen no interval.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from math import sqrt
from statistics import fmean
from typing import NamedTuple, TypeAlias, TypeVar

from graders.statistics import (
    DESIGN_EFFECT,
    FEWEST,
    Estimate,
    Measure,
    MeasuredRecords,
    Rate,
    Z,
    by_instance,
    mean_of,
    mean_of_rates,
    mean_score,
    plain_mean,
    student,
    unfit,
)
from tasks.base import Grade, Noun, Record
from tasks.ids import cluster_of

Strata: TypeAlias = Sequence[Sequence[Record]]
Groups: TypeAlias = Sequence[Mapping[str, Sequence[float]]]
OverEpochs: TypeAlias = Callable[[Sequence[float]], float]
K = TypeVar("K")


class _Trial(NamedTuple):
    """One instance: its cluster, its stratum, its value, and its weight in the estimate."""

    cluster: str
    group: int
    value: float
    weight: float


class Sample(Noun, frozen=True):
    """One value a cluster: their mean is the estimate, their spread its error.

    The values are linearised (Woodruff 1971): each is the estimate plus the cluster's own share in
    how far it might be off. Where every cluster has one instance in every stratum that is the
    cluster's mean. `freedom` is the number of clusters less that of the sets of strata that share
    clusters.
    """

    values: tuple[float, ...]
    freedom: int

    @property
    def variance(self) -> float:
        """The squared standard error of the mean."""
        centre, count = fmean(self.values), len(self.values)
        return sum((y - centre) ** 2 for y in self.values) / (count * (count - 1))


def sample(
    strata: Strata, measure: Measure, over_epochs: OverEpochs = plain_mean, *, equal: bool = False
) -> Sample:
    """Return the sample of a measure's mean over instances.

    Instances without the measure are left out, and so are strata without such an instance. A
    cluster of which some levels are missing counts with those it has.

    Args:
        strata: the records of each stratum.
        measure: the measure of a grade.
        over_epochs: what an instance's epochs come to, their mean by default.
        equal: whether all strata weigh the same, and not as many instances as they have.
    """
    return sample_of(
        [by_instance(records, measure) for records in strata], over_epochs, equal=equal
    )


def sample_of(
    groups: Groups, over_epochs: OverEpochs = plain_mean, *, equal: bool = False
) -> Sample:
    """Return the same of the scores of each stratum, as `by_instance` has them."""
    trials = _trials(groups, over_epochs, equal)
    weight = sum(t.weight for t in trials)
    total = sum(t.weight * t.value for t in trials) / weight if trials else 0.0
    count = len({t.cluster for t in trials})
    components = _pool_single_clusters(_components(trials))
    values: list[float] = []
    for component in components:
        values += [total + off * count / weight for off in _deviations(component, count)]
    return Sample(tuple(values), count - len(components))


def _trials(groups: Groups, over_epochs: OverEpochs, equal: bool) -> list[_Trial]:
    trials = list[_Trial]()
    for group, scores in enumerate(groups):
        weight = 1 / len(scores) if equal and scores else 1.0
        values = map(over_epochs, scores.values())
        clusters = map(cluster_of, scores)
        trials += map(_Trial, clusters, repeat(group), values, repeat(weight))
    return trials


# Components ----------------------------------------------------------------------------------


class _Linking:
    """Trials in sets of strata that share clusters with each other; sets grow together."""

    def __init__(self) -> None:
        self.sets: dict[int, list[_Trial]] = {}
        self._of_group: dict[int, int] = {}
        self._of_cluster: dict[str, int] = {}

    def add(self, trial: _Trial) -> None:
        """Put a trial into the set of its stratum, and that set into the one of its cluster."""
        place = self._of_group.setdefault(trial.group, trial.group)
        home = self._of_cluster.setdefault(trial.cluster, place)
        self.sets.setdefault(place, []).append(trial)
        if home != place:
            self.sets[home] += self.sets.pop(place)
            self._of_group = _redirect(self._of_group, place, home)
            self._of_cluster = _redirect(self._of_cluster, place, home)


def _redirect(places: dict[K, int], old: int, new: int) -> dict[K, int]:
    return {key: new if place == old else place for key, place in places.items()}


def _components(trials: Sequence[_Trial]) -> list[list[_Trial]]:
    """Return the trials in sets of strata that share clusters with each other, and no others."""
    if len({trial.group for trial in trials}) == 1:
        return [list(trials)]
    linking = _Linking()
    for trial in trials:
        linking.add(trial)
    return list(linking.sets.values())


def _pool_single_clusters(components: list[list[_Trial]]) -> list[list[_Trial]]:
    """Put components of a single cluster together: one value has no spread (Cochran 1977)."""
    single = [c for c in components if _is_single(c)]
    others = [c for c in components if not _is_single(c)]
    if len(single) == 1 and others:
        single.append(others.pop(0))
    if not single:
        return others
    return [*others, [t._replace(group=-1) for component in single for t in component]]


def _is_single(component: Sequence[_Trial]) -> bool:
    return len({trial.cluster for trial in component}) == 1


def _deviations(component: Sequence[_Trial], count: int) -> list[float]:
    """Return how far each cluster lies from its strata, scaled so that the spread is unbiased.

    `count` is the number of clusters in all components.
    """
    means = _stratum_means(component)
    sums: dict[str, float] = {}
    for cluster, group, value, weight in component:
        sums[cluster] = sums.get(cluster, 0.0) + weight * (value - means[group])
    clusters = len(sums)
    bessel = sqrt(clusters / (clusters - 1) * (count - 1) / count) if clusters > 1 else 1.0
    return [bessel * off for off in sums.values()]


def _stratum_means(component: Sequence[_Trial]) -> dict[int, float]:
    sums: dict[int, float] = {}
    weights: dict[int, float] = {}
    for _, group, value, weight in component:
        sums[group] = sums.get(group, 0.0) + weight * value
        weights[group] = weights.get(group, 0.0) + weight
    return {group: total / weights[group] for group, total in sums.items()}


def group_by(records: Iterable[Record], key: Callable[[Record], K | None]) -> dict[K, list[Record]]:
    """Return the records of each key, in their order; a key of None leaves a record out."""
    groups: dict[K, list[Record]] = {}
    for record in records:
        name = key(record)
        if name is not None:
            groups.setdefault(name, MeasuredRecords()).append(record)
    return groups


# Estimates -----------------------------------------------------------------------------------


def mean_over(strata: Strata, measure: Measure, *, equal: bool = False) -> Estimate:
    """Estimate the mean of a measure of any size; `sample` explains the arguments."""
    of = sample(strata, measure, equal=equal)
    return mean_of(of.values, of.freedom)


def score_over(strata: Strata, measure: Measure, *, equal: bool = False) -> Estimate:
    """Estimate the mean of a score in [0, 1]; `sample` explains the arguments.

    Where all scores are 0, or all are 1, the interval is by the number of instances.
    """
    of = sample(strata, measure, equal=equal)
    return mean_score(of.values, of.freedom, trials=_count(strata, measure))


def _count(strata: Strata, measure: Measure) -> int:
    """Count the instances that have a measure."""
    return sum(len(by_instance(records, measure)) for records in strata)


def ratio_over(strata: Strata, value: Measure, base: Measure) -> Estimate:
    """Estimate the sum of a measure over the sum of another, by the residuals from the ratio.

    Args:
        strata: the records of each stratum.
        value: the measure above; None leaves a grade out.
        base: the measure below; None leaves a grade out.

    Returns:
        The ratio; unknown where the sum below cannot be told from 0.
    """
    below = sample(strata, base)
    if problem := unfit(below.values, below.freedom):
        return Estimate.unknown(problem)
    middle = fmean(below.values)
    ratio = fmean(sample(strata, value).values) / middle
    return mean_over(strata, _linearised(value, base, ratio, middle))


def _linearised(value: Measure, base: Measure, ratio: float, middle: float) -> Measure:
    """Return the measure whose mean is the ratio and whose spread is the ratio's (Woodruff 1971).

    `middle` is the mean of the measure below.
    """

    def measure(grade: Grade) -> float | None:
        above, below = value(grade), base(grade)
        return None if above is None or below is None else ratio + (above - ratio * below) / middle

    return measure


def rates_over(
    strata: Strata, measure: Measure, over_epochs: OverEpochs = plain_mean
) -> list[Rate]:
    """Return the share of each stratum, with an instance as a trial.

    All shares have as many trials fewer (or, of several epochs, more) as the design effect says
    (Kish 1965): the variance between clusters over that of independent trials, times what a t
    quantile asks for (Korn & Graubard 1998). It lies between one trial a cluster and one a score;
    where nothing varies it is `DESIGN_EFFECT` if strata share clusters, else 1.

    Args:
        strata: the records of each stratum.
        measure: a measure in [0, 1].
        over_epochs: what an instance's epochs come to, their mean by default.
    """
    return rates_of([by_instance(records, measure) for records in strata], over_epochs)


def rates_of(groups: Groups, over_epochs: OverEpochs = plain_mean) -> list[Rate]:
    """Return the same of the scores of each stratum, as `by_instance` has them."""
    means = [[over_epochs(scores) for scores in group.values()] for group in groups]
    effect = _design_effect(groups, sample_of(groups, over_epochs, equal=True), means)
    return [Rate(sum(group) / effect, len(group) / effect) for group in means]


def _design_effect(groups: Groups, of: Sample, means: Sequence[Sequence[float]]) -> float:
    shared, epochs = _largest_cluster(groups), most_epochs(groups)
    if of.freedom < FEWEST - 1 or shared == epochs == 1:
        return float(shared)
    independent = _binomial_variance(means)
    if independent <= 0:
        return min(float(shared), DESIGN_EFFECT)
    effect = of.variance / independent * (student(of.freedom) / Z) ** 2
    return min(float(shared), max(1 / epochs, effect))


def _largest_cluster(groups: Groups) -> int:
    sizes = Counter(cluster_of(name) for group in groups for name in group)
    return max(sizes.values(), default=1)


def shares_clusters(groups: Groups) -> bool:
    """Return whether a cluster has more than one instance.

    Args:
        groups: the scores of each stratum, by instance.
    """
    names = {name for group in groups for name in group}
    return len({cluster_of(name) for name in names}) < len(names)


def most_epochs(groups: Groups) -> int:
    """Return the most epochs that an instance has; 1 without any.

    Args:
        groups: for each stratum the scores of its instances, as `by_instance` gives them.
    """
    return max((len(scores) for group in groups for scores in group.values()), default=1)


def _binomial_variance(means: Sequence[Sequence[float]]) -> float:
    """Return the variance of the mean over strata if all instances were independent trials."""
    return sum(fmean(m) * (1 - fmean(m)) / len(m) for m in means if m) / len(means) ** 2


def share_over(strata: Strata, measure: Measure) -> Estimate:
    """Estimate the mean over instances of a measure in [0, 1] that is mostly 0 or 1.

    Args:
        strata: the records of each stratum; they weigh as many instances as they have.
        measure: the measure; None leaves a grade out.
    """
    rates = [r for r in rates_over(strata, measure) if r.n]
    return mean_of_rates(rates, [r.n for r in rates])


def strata(records: Sequence[Record]) -> list[list[Record]]:
    """Return the records by level: the headline is the mean of the levels' mean scores."""
    levels = group_by(records, lambda record: record.level)
    return [levels[level] for level in sorted(levels)]


def score_of(grade: Grade) -> float:
    """Return the score: a measure of grades."""
    return grade.score


def metric_of(name: str) -> Measure:
    """Return the measure that is a metric of this name; None where a grade has none."""
    return lambda grade: grade.metrics.get(name)
