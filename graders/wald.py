"""The adjusted Wald interval of paired differences of right and wrong answers."""

from dataclasses import dataclass

from graders.trials import Array, Trials

STEPS = 40  # of the bisection, which leave an error of 1e-12


@dataclass(frozen=True, eq=False)
class Wald:
    """The interval of each column: centre -+ quantile x error, and the test that goes with it.

    Attributes:
        trials: the differences by trial.
        centre: (columns), the difference with the added pairs.
        error: (columns), its standard error.
        freedom: (columns), infinite where every instance is a trial of its own.
    """

    trials: Trials
    centre: Array
    error: Array
    freedom: Array

    @classmethod
    def of(cls, trials: Trials) -> "Wald":
        """Return the interval of Bonett & Price (2012).

        One pair is added that the first model wins and one that it loses, shared out among the
        strata. The spread is that of the trials. With several strata, or where trials have several
        instances, each block has Bessel's correction; the published interval, of one stratum of
        single instances, does without it.
        """
        import numpy

        design, added = trials.design, _added(trials)
        means = _adjusted_means(trials, added)
        size = trials.clusters + 2 * added * design.strata_by_block(trials.counts > 0)
        with numpy.errstate(invalid="ignore", divide="ignore"):
            centre = means.sum(axis=0) / trials.used
        spread = design.by_block(trials.residuals(means, 2 * added) ** 2)
        spread = spread + design.strata_by_block(_pseudo(trials, means**2))
        error = numpy.sqrt((_bessel(trials, size) * spread).sum(axis=0))
        freedom = (numpy.where(trials.clusters > 0, size - 1, 0.0)).sum(axis=0)
        freedom = freedom if design.shared else freedom + numpy.inf
        return cls(trials, centre, error, freedom=freedom)

    def resolves(self, quantile: Array, power: Array) -> Array:
        """Return the smallest difference that the test would find with some chance.

        At a larger difference the pairs that the worse model wins stay, and pairs that it loses
        are added in every stratum alike, so that the spread grows as it would (the largest that
        such a difference can have). Trials of several instances keep their design effect.

        Args:
            quantile: (columns), the quantile at the level of the test.
            power: (columns), the quantile at the chance.

        Returns:
            (columns), in (0, 1]; NaN where no difference would be found.
        """
        import numpy

        law = _PowerLaw.of(self)
        columns = len(law.noise)
        low, high = numpy.zeros(columns), numpy.ones(columns)
        possible = law.margin(high, quantile, power) > 0
        for _ in range(STEPS):
            middle = (low + high) / 2
            enough = law.margin(middle, quantile, power) > 0
            low, high = numpy.where(enough, low, middle), numpy.where(enough, middle, high)
        return numpy.where(possible, high, numpy.nan)

    def independent_variance(self) -> Array:
        """Return the squared error if every instance were a trial of its own: (columns)."""
        import numpy

        trials, added = self.trials, _added(self.trials)
        squares = trials.design.by_stratum(trials.differences**2)
        with numpy.errstate(invalid="ignore", divide="ignore"):
            n = trials.counts + 2 * added
            means = trials.design.by_stratum(trials.differences) / n
            spread = (squares + 2 * added) / n - means**2
            sums = numpy.where(trials.counts > 0, spread / n, 0.0).sum(axis=0)
            variance: Array = sums / trials.used**2
        return variance


def _adjusted_means(trials: Trials, added: Array) -> Array:
    """Return the means of the strata with the added pairs, 0 without a pair: (strata, columns)."""
    import numpy

    with numpy.errstate(invalid="ignore", divide="ignore"):
        means = trials.design.by_stratum(trials.differences) / (trials.counts + 2 * added)
    return numpy.where(trials.counts > 0, means, 0.0)


def _bessel(trials: Trials, size: Array) -> Array:
    """Return the correction of each block, 1 where the published interval has none."""
    import numpy

    with numpy.errstate(invalid="ignore", divide="ignore"):
        bessel = numpy.where(trials.clusters > 0, size / (size - 1), 0.0)
    if trials.design.shared:
        return bessel
    return numpy.where(trials.used == 1, 1.0, bessel)


def _added(trials: Trials) -> Array:
    """Return how many of either pair are added to each stratum: (columns)."""
    import numpy

    return 1 / numpy.maximum(trials.used, 1)


def _pseudo(trials: Trials, squared_means: Array) -> Array:
    """Return what the added pairs of each stratum contribute to the squared error."""
    import numpy

    added = _added(trials)
    weights = 1 / (numpy.maximum(trials.used, 1) * (trials.counts + 2 * added))
    share: Array = 2 * added * (1 + squared_means) * weights**2
    return numpy.where(trials.counts > 0, share, 0.0)


# Power ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _PowerLaw:
    """The growth of each column's error with its difference.

    Attributes:
        trials: the differences by trial.
        noise: (columns), the variance at no difference, if instances were trials of their own.
        slope: (columns), by how much that variance grows with the difference.
        shrinkage: (columns), the centre over the difference, as pairs are added.
        effect: (columns), the design effect of trials that have several instances.
    """

    trials: Trials
    noise: Array
    slope: Array
    shrinkage: Array
    effect: Array

    @classmethod
    def of(cls, wald: Wald) -> "_PowerLaw":
        import numpy

        trials, added = wald.trials, _added(wald.trials)
        with numpy.errstate(invalid="ignore", divide="ignore"):
            per = numpy.where(trials.counts > 0, 1 / (trials.used**2 * trials.counts), 0.0)
            shrinkage = (trials.counts / (trials.counts + 2 * added)).sum(axis=0) / trials.used
        return cls(
            trials=trials,
            noise=2 * numpy.minimum(*(_squares(trials, per, side) for side in (1, -1))),
            slope=per.sum(axis=0),
            shrinkage=shrinkage,
            effect=numpy.maximum(1.0, wald.error**2 / wald.independent_variance()),
        )

    def margin(self, difference: Array, quantile: Array, power: Array) -> Array:
        """Return by how much the test passes at a difference, with the chance of `power`."""
        import numpy

        variance = self.effect * (self.noise + self.slope * (difference - difference**2))
        pseudo = _pseudo(self.trials, difference**2).sum(axis=0)
        error = numpy.sqrt(self.shrinkage**2 * variance + pseudo)
        gain = self.shrinkage * (difference - power * numpy.sqrt(variance))
        margin: Array = gain - quantile * error
        return margin


def _squares(trials: Trials, per: Array, side: int) -> Array:
    """Return the part of the variance that comes from the pairs which one side wins."""
    import numpy

    wins = numpy.maximum(side * trials.differences, 0.0) ** 2
    sums: Array = trials.design.by_stratum(wins)
    squares: Array = (per * sums / numpy.maximum(trials.counts, 1)).sum(axis=0)
    return squares
