"""Scores side by side, instance by instance, and the ranks that they leave open."""

from collections.abc import Callable, Iterable, Sequence
from math import nan
from statistics import fmean

from graders.comparisons import Scores, ranks
from harness.families.registry import family
from tasks.base import Noun, Record
from tasks.extras import extra
from tasks.ids import cluster_of

Stratum = dict[str, list[float]]


class Rank(Noun, frozen=True):
    """The best and the worst rank that a model may have among the `of` ranked with it.

    `resolves` is the smallest difference of two of them that would be found with 80 % chance.
    """

    low: int
    high: int
    of: int
    resolves: float | None


def side_by_side(name: str, contestants: Sequence[Sequence[Record]]) -> list[Stratum]:
    """Return for each stratum of a family's headline the instances' scores by contestant.

    A score is the mean over the graded epochs; NaN where there is none.

    Args:
        name: the family.
        contestants: the records of each.
    """
    place = _place_of(contestants)
    strata = family(name).strata([r for records in contestants for r in records])
    return [_stratum(records, place, len(contestants)) for records in strata]


def _place_of(contestants: Sequence[Sequence[Record]]) -> Callable[[Record], int]:
    """Return what gives a record's contestant, by its model where no two share one."""
    models = [{record.model for record in records} for records in contestants]
    by_model = {model: k for k, names in enumerate(models) for model in names}
    if len(by_model) == sum(map(len, models)):
        return lambda record: by_model[record.model]
    by_record = {id(r): k for k, records in enumerate(contestants) for r in records}
    return lambda record: by_record[id(record)]


def _stratum(records: Iterable[Record], place: Callable[[Record], int], width: int) -> Stratum:
    groups: dict[str, list[list[float]]] = {}
    for r in records:
        scores = groups.setdefault(r.instance, [[] for _ in range(width)])
        if r.grade:
            scores[place(r)].append(r.grade.score)
    return {i: [fmean(s) if s else nan for s in group] for i, group in sorted(groups.items())}


def scores(strata: Sequence[Stratum], contestants: Sequence[Sequence[Record]]) -> Scores:
    """Return the scores of `side_by_side` as an array (instances x contestants), with its clusters.

    A cluster is what was drawn together: instances of one seed and index.
    """
    with extra("stats", "a comparison of models"):
        import numpy

    rows = [values for stratum in strata for values in stratum.values()]
    return Scores(
        numpy.array(rows, dtype=float).reshape(len(rows), len(contestants)),
        [[cluster_of(instance) for instance in stratum] for stratum in strata],
        list(map(_only_0_and_1, contestants)),
    )


def _only_0_and_1(records: Sequence[Record]) -> bool:
    return all(r.grade.score in (0, 1) for r in records if r.grade)


def rank(name: str, contestants: Sequence[Sequence[Record]]) -> list[Rank]:
    """Return the rank interval of each contestant; all of them hold together, 95 times in 100."""
    ranking = ranks(scores(side_by_side(name, contestants), contestants))
    return [
        Rank(low, high, len(contestants), resolves=ranking.resolves)
        for low, high in ranking.intervals
    ]
