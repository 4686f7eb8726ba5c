"""Differences of scores on the same instances, added up to independent trials.

A headline is the mean over strata (such as levels) of the mean over a stratum's instances.
Instances that were drawn with one seed and one index form a cluster, in one stratum or over
several: one trial, whose parts may succeed and fail together. Strata that share a cluster form a
block; only the trials of one block vary around a common mean. Everything here works on many
columns at once, such as one for each pair of models; NaN stands where an instance has no pair.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[Any]"


@dataclass(frozen=True, eq=False)
class Design:
    """Where instances belong. They are in the order of their clusters, these of their blocks.

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
        """The design of strata of instances, each given by the name of its cluster."""
        import numpy

        names = [name for stratum in strata for name in stratum]
        stratum = numpy.repeat(numpy.arange(len(strata)), [len(s) for s in strata])
        block = _blocks(strata)
        place = {name: k for k, name in enumerate(dict.fromkeys(names))}
        cluster = numpy.array([place[name] for name in names])
        order = numpy.lexsort((cluster, block[stratum]))
        first = numpy.diff(cluster[order], prepend=-1) != 0
        starts = numpy.flatnonzero(first)
        firsts = numpy.flatnonzero(numpy.diff(block[stratum[order[starts]]], prepend=-1) != 0)
        return cls(
            order=order,
            stratum=stratum[order],
            starts=starts,
            block=block,
            firsts=firsts,
            shared=len(starts) < len(names),
        )

    def by_stratum(self, values: Array) -> Array:
        """The sums over each stratum's instances: (strata, columns)."""
        import numpy

        of = numpy.arange(len(self.block))[:, None] == self.stratum
        sums: Array = of.astype(float) @ values
        return sums

    def by_cluster(self, values: Array) -> Array:
        """The sums over each cluster's instances: (clusters, columns)."""
        import numpy

        return numpy.add.reduceat(values, self.starts, axis=0)

    def by_block(self, values: Array) -> Array:
        """The sums over each block's clusters: (blocks, columns)."""
        import numpy

        return numpy.add.reduceat(values, self.firsts, axis=0)

    def strata_by_block(self, values: Array) -> Array:
        """The sums over each block's strata: (blocks, columns)."""
        import numpy

        of = numpy.arange(len(self.firsts))[:, None] == self.block
        sums: Array = of.astype(float) @ values
        return sums


def _blocks(strata: Sequence[Sequence[str]]) -> Array:
    """The block of each stratum, numbered by first appearance: strata linked by shared clusters."""
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
        design: where the instances belong.
        differences: (instances, columns), in the design's order, 0 where there is no pair.
        there: (instances, columns), 1 where there is a pair.
        counts: (strata, columns), the pairs.
        used: (columns), the strata with a pair.
        value: (columns), the difference of the headlines over the pairs; NaN without any.
        signed: (clusters, columns), what each trial adds to that difference.
        clusters: (blocks, columns), the trials with a pair.
    """

    design: Design
    differences: Array
    there: Array
    counts: Array
    used: Array
    value: Array
    signed: Array
    clusters: Array

    @classmethod
    def of(cls, design: Design, differences: Array) -> "Trials":
        """Add up the differences (instances, columns), given in the order of the strata.

        An instance without a pair is left out of its stratum's mean, and a stratum without any of
        the mean over strata. So a cluster that has lost some of its instances still counts as one
        trial, with those that it has left.
        """
        import numpy

        ordered = differences[design.order]
        there = (~numpy.isnan(ordered)).astype(float)
        filled = numpy.nan_to_num(ordered)
        counts = design.by_stratum(there)
        used = (counts > 0).sum(axis=0)
        with numpy.errstate(invalid="ignore", divide="ignore"):
            weights = numpy.where(counts > 0, 1 / (used * counts), 0.0)
            means = numpy.where(counts > 0, design.by_stratum(filled) / counts, 0.0)
            value = means.sum(axis=0) / used  # NaN without a pair
        signed = design.by_cluster(filled * weights[design.stratum])
        trials = (design.by_cluster(there) > 0).astype(float)
        return cls(
            design=design,
            differences=filled,
            there=there,
            counts=counts,
            used=used,
            value=value,
            signed=signed,
            clusters=design.by_block(trials),
        )

    def columns(self, chosen: Array) -> "Trials":
        """The chosen columns alone."""
        return replace(
            self,
            differences=self.differences[:, chosen],
            there=self.there[:, chosen],
            counts=self.counts[:, chosen],
            used=self.used[chosen],
            value=self.value[chosen],
            signed=self.signed[:, chosen],
            clusters=self.clusters[:, chosen],
        )

    @property
    def total(self) -> Array:
        """The independent trials of each column."""
        sums: Array = self.clusters.sum(axis=0)
        return sums

    def residuals(self, means: Array, added: "Array | float" = 0.0) -> Array:
        """What each trial adds to the error around these means of the strata.

        (clusters, columns); `added` is how many instances more than seen a stratum's mean is of.
        """
        import numpy

        with numpy.errstate(invalid="ignore", divide="ignore"):
            weights = numpy.where(self.counts > 0, 1 / (self.used * (self.counts + added)), 0.0)
        around = (self.differences - means[self.design.stratum]) * self.there
        return self.design.by_cluster(around * weights[self.design.stratum])

    def studentised(self) -> tuple[Array, Array, Array]:
        """The residuals of the trials, the standard error of the difference, and its freedom.

        Trials vary around the means of their strata, with Bessel's correction in each block
        (linearised: Cochran 1977, 11.8 for clusters); a block of one trial, which says nothing of
        its spread, around the mean of all.
        """
        import numpy

        design, alone = self.design, self.clusters == 1
        with numpy.errstate(invalid="ignore", divide="ignore"):
            means = design.by_stratum(self.differences) / self.counts
            means = numpy.where(self.counts > 0, means, 0.0)
            means = numpy.where(alone[design.block], self.value, means)
            bessel = numpy.where(self.clusters > 1, self.clusters / (self.clusters - 1), 1.0)
        residuals = self.residuals(means)
        error = numpy.sqrt((bessel * design.by_block(residuals**2)).sum(axis=0))
        freedom = self.total - (self.clusters > 1).sum(axis=0) - alone.any(axis=0)
        return residuals, error, freedom
