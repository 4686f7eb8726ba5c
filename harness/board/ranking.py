"""Scores side by side, instance by instance, and the ranks that they leave open."""

from collections.abc import Sequence
from math import nan
from statistics import fmean

from graders.comparisons import Scores, ranks
from harness.families.registry import family
from tasks.base import Noun, Record
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
    """Per stratum of a family's headline: each instance's score by contestant.

    A score is the mean over the graded epochs; NaN where there is none.
    """
    whose = {id(r): k for k, records in enumerate(contestants) for r in records}
    found = []
    for records in family(name).strata([r for some in contestants for r in some]):
        groups: dict[str, list[list[float]]] = {}
        for r in records:
            scores = groups.setdefault(r.instance, [[] for _ in contestants])
            if r.grade:
                scores[whose[id(r)]].append(r.grade.score)
        found.append({i: [fmean(s) if s else nan for s in g] for i, g in sorted(groups.items())})
    return found


def scores(strata: Sequence[Stratum], contestants: Sequence[Sequence[Record]]) -> Scores:
    """The scores side by side of all contestants as an array, and what was drawn together."""
    import numpy

    rows = [values for stratum in strata for values in stratum.values()]
    return Scores(
        numpy.array(rows, dtype=float).reshape(len(rows), len(contestants)),
        [[cluster_of(instance) for instance in stratum] for stratum in strata],
        [all(r.grade.score in (0, 1) for r in some if r.grade) for some in contestants],
    )


def rank(name: str, contestants: Sequence[Sequence[Record]]) -> list[Rank]:
    """The rank interval of each contestant; all of them hold together, 95 times in 100."""
    found = ranks(scores(side_by_side(name, contestants), contestants))
    return [Rank(low, high, len(contestants), found.resolves) for low, high in found.intervals]
