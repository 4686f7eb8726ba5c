"""Differences of scores on the same instances, added up to independent trials.

A headline is the mean over strata (such as levels) of the mean over a stratum's instances.
Instances that were drawn with one seed and one index form a cluster, in one stratum or over
several: one trial, whose parts may succeed and fail together. Strata that share a cluster form a
block; only the trials of one block vary around a common mean. Everything here works on many
columns at once, such as one for each pair of models; NaN stands where an instance has no pair.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[Any]"


@dataclass(frozen=True, eq=False)
class Design:
    """The strata, clusters and blocks of instances, which are in the order of their clusters.

    Clusters are in the order of their blocks.

    Attributes:
        order: the instances, as they were given, in the order of all else here.
        stratum: of each instance, a number from 0.
        starts: the first instance of each cluster.
        block: of each stratum, a number from 0.
        firsts: the first cluster of each block.
        shared: whether a cluster has more than one instance.
    """

    order: Array
    stratum: Array
    starts: Array
    block: Array
    firsts: Array
    shared: bool

    @classmethod
    def of(cls, strata: Sequence[Sequence[str]]) -> "Design":
        """Return the design of strata.

        Args:
            strata: for each stratum its instances, each by the name of its cluster.
        """
        import numpy

        stratum = numpy.repeat(numpy.arange(len(strata)), [len(names) for names in strata])
        block, cluster = _blocks(strata), _clusters(strata)
        order = numpy.lexsort((cluster, block[stratum]))
        starts = _changes(cluster[order])
        return cls(
            order=order,
            stratum=stratum[order],
            starts=starts,
            block=block,
            firsts=_changes(block[stratum[order[starts]]]),
            shared=len(starts) < len(order),
        )

    def by_stratum(self, values: Array) -> Array:
        """Return the sums over each stratum's instances: (strata, columns)."""
        import numpy

        of = numpy.arange(len(self.block))[:, None] == self.stratum
        sums: Array = of.astype(float) @ values
        return sums

    def by_cluster(self, values: Array) -> Array:
        """Return the sums over each cluster's instances: (clusters, columns)."""
        import numpy

        return numpy.add.reduceat(values, self.starts, axis=0)

    def by_block(self, values: Array) -> Array:
        """Return the sums over each block's clusters: (blocks, columns)."""
        import numpy

        return numpy.add.reduceat(values, self.firsts, axis=0)

    def strata_by_block(self, values: Array) -> Array:
        """Return the sums over each block's strata: (blocks, columns)."""
        import numpy

        of = numpy.arange(len(self.firsts))[:, None] == self.block
        sums: Array = of.astype(float) @ values
        return sums


def _clusters(strata: Sequence[Sequence[str]]) -> Array:
    """Return the cluster of each instance, numbered by first appearance."""
    import numpy

    names = list(chain(*strata))
    place = {name: k for k, name in enumerate(dict.fromkeys(names))}
    return numpy.array([place[name] for name in names])


def _changes(numbers: Array) -> Array:
    """Return the places whose number, of those from 0, is not that of the place before."""
    import numpy

    return numpy.flatnonzero(numpy.diff(numbers, prepend=-1) != 0)


def _blocks(strata: Sequence[Sequence[str]]) -> Array:
    """Return the block of each stratum, numbered by first appearance.

    A block is of strata that are linked by shared clusters.
    """
    import numpy

    block, home = list(range(len(strata))), dict[str, int]()
    for k, names in enumerate(strata):
        linked = {k} | {block[home[name]] for name in names if name in home}
        block = [min(linked) if b in linked else b for b in block]
        for name in names:
            home.setdefault(name, k)
    return numpy.unique(block, return_inverse=True)[1]


@dataclass(frozen=True, eq=False)
class Trials:
    """The differences of every column, added up by cluster.

    Attributes:
        design: the strata, clusters and blocks of the instances.
        differences: (instances, columns), in the design's order, 0 where there is no pair.
        pairs: (instances, columns), 1 where there is a pair.
        counts: (strata, columns), the number of pairs.
        used: (columns), the number of strata with a pair.
        value: (columns), the difference of the headlines over the pairs; NaN without any.
        signed: (clusters, columns), what each trial adds to that difference.
        clusters: (blocks, columns), the number of trials with a pair.
    """

    design: Design
    differences: Array
    pairs: Array
    counts: Array
    used: Array
    value: Array
    signed: Array
    clusters: Array

    @classmethod
    def of(cls, design: Design, differences: Array) -> "Trials":
        """Add up differences by cluster.

        An instance without a pair is left out of its stratum's mean, and a stratum without any of
        the mean over strata. So a cluster that has lost some of its instances still counts as one
        trial, with its remaining instances.

        Args:
            design: where the instances belong.
            differences: (instances, columns), in the order of the strata.
        """
        import numpy

        ordered = differences[design.order]
        pairs = (~numpy.isnan(ordered)).astype(float)
        filled = numpy.nan_to_num(ordered)
        counts = design.by_stratum(pairs)
        used = (counts > 0).sum(axis=0)
        return cls(
            design=design,
            differences=filled,
            pairs=pairs,
            counts=counts,
            used=used,
            value=_headlines(design.by_stratum(filled), counts, used),
            signed=design.by_cluster(filled * _weights(counts, used)[design.stratum]),
            clusters=design.by_block((design.by_cluster(pairs) > 0).astype(float)),
        )

    def columns(self, chosen: Array) -> "Trials":
        """Return some of the columns, `chosen` by a mask or by their indices."""
        return replace(
            self,
            differences=self.differences[:, chosen],
            pairs=self.pairs[:, chosen],
            counts=self.counts[:, chosen],
            used=self.used[chosen],
            value=self.value[chosen],
            signed=self.signed[:, chosen],
            clusters=self.clusters[:, chosen],
        )

    @property
    def total(self) -> Array:
        """The number of independent trials of each column."""
        sums: Array = self.clusters.sum(axis=0)
        return sums

    def residuals(self, means: Array, added: "Array | float" = 0.0) -> Array:
        """Return what each trial adds to the error around the means of its strata.

        Args:
            means: (strata, columns).
            added: how many instances more than seen a stratum's mean is of.

        Returns:
            (clusters, columns).
        """
        around = (self.differences - means[self.design.stratum]) * self.pairs
        weights = _weights(self.counts, self.used, added)
        return self.design.by_cluster(around * weights[self.design.stratum])

    def studentised(self) -> tuple[Array, Array, Array]:
        """Return the residuals of the trials, the standard error of the difference, its freedom.

        Trials vary around the means of their strata, with Bessel's correction in each block
        (linearised: Cochran 1977, 11.8 for clusters). The trial of a block of one, which says
        nothing of its spread, varies around the mean of all.
        """
        import numpy

        alone = self.clusters == 1
        with numpy.errstate(invalid="ignore", divide="ignore"):
            bessel = numpy.where(self.clusters > 1, self.clusters / (self.clusters - 1), 1.0)
        residuals = self.residuals(self._means(alone))
        error = numpy.sqrt((bessel * self.design.by_block(residuals**2)).sum(axis=0))
        freedom = self.total - (self.clusters > 1).sum(axis=0) - alone.any(axis=0)
        return residuals, error, freedom

    def _means(self, alone: Array) -> Array:
        """Return the means of the strata; of those in blocks of one trial, the mean of all."""
        import numpy

        with numpy.errstate(invalid="ignore", divide="ignore"):
            means = self.design.by_stratum(self.differences) / self.counts
        means = numpy.where(self.counts > 0, means, 0.0)
        return numpy.where(alone[self.design.block], self.value, means)


def _weights(counts: Array, used: Array, added: "Array | float" = 0.0) -> Array:
    """Return the weight of an instance of each stratum in the headline: (strata, columns)."""
    import numpy

    with numpy.errstate(invalid="ignore", divide="ignore"):
        return numpy.where(counts > 0, 1 / (used * (counts + added)), 0.0)


def _headlines(sums: Array, counts: Array, used: Array) -> Array:
    """Return the means over strata of the means over their instances; NaN without a pair."""
    import numpy

    with numpy.errstate(invalid="ignore", divide="ignore"):
        headlines: Array = numpy.where(counts > 0, sums / counts, 0.0).sum(axis=0) / used
    return headlines
