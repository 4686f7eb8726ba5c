"""The adjusted Wald interval of paired differences of right and wrong answers."""

from dataclasses import dataclass

from graders.trials import Array, Trials

STEPS = 40  # of the bisection, which leave an error of 1e-12


@dataclass(frozen=True, eq=False)
class Wald:
    """The interval of each column: centre -+ quantile x error, and the test that goes with it.

    Attributes:
        centre: the difference with the added pairs.
        error: its standard error.
        freedom: infinite where every instance is a trial of its own.
    """

    trials: Trials
    centre: Array
    error: Array
    freedom: Array

    @classmethod
    def of(cls, trials: Trials) -> "Wald":
        """Bonett & Price 2012: one pair is added that the first model wins and one that it loses.

        They are shared out among the strata. The spread is that of the trials; with several
        strata, or where trials have several instances, each block has Bessel's correction, which
        the published interval of one stratum of single instances does without.
        """
        import numpy

        design, added = trials.design, _added(trials)
        with numpy.errstate(invalid="ignore", divide="ignore"):
            n = trials.counts + 2 * added
            means = numpy.where(trials.counts > 0, design.by_stratum(trials.differences) / n, 0.0)
            size = trials.clusters + 2 * added * design.strata_by_block(trials.counts > 0)
            bessel = numpy.where(trials.clusters > 0, size / (size - 1), 0.0)
            centre = means.sum(axis=0) / trials.used
        pseudo = numpy.where(trials.counts > 0, _pseudo(trials, means**2), 0.0)
        spread = design.by_block(trials.residuals(means, 2 * added) ** 2)
        spread = spread + design.strata_by_block(pseudo)
        published = trials.used == 1 if not design.shared else numpy.zeros(len(centre), bool)
        error = numpy.sqrt((numpy.where(published, 1.0, bessel) * spread).sum(axis=0))
        freedom = (numpy.where(trials.clusters > 0, size - 1, 0.0)).sum(axis=0)
        return cls(trials, centre, error, freedom if design.shared else freedom + numpy.inf)

    def resolves(self, quantile: Array, power: Array) -> Array:
        """The difference that is found with the chance of the quantile `power`; NaN if none is.

        At a larger difference the pairs that the worse model wins stay, and pairs that it loses
        are added in every stratum alike, so that the spread grows as it would (the largest that
        such a difference can have). Trials of several instances keep their design effect.
        """
        import numpy

        trials, added = self.trials, _added(self.trials)
        with numpy.errstate(invalid="ignore", divide="ignore"):
            per = numpy.where(trials.counts > 0, 1 / (trials.used**2 * trials.counts), 0.0)
            shrunk = (trials.counts / (trials.counts + 2 * added)).sum(axis=0) / trials.used
        noise = 2 * numpy.minimum(*(self._squares(per, side) for side in (1, -1)))
        effect = numpy.maximum(1.0, self.error**2 / self._independent())
        low, high = numpy.zeros(len(noise)), numpy.ones(len(noise))

        def margin(difference: Array) -> Array:
            variance = effect * (noise + per.sum(axis=0) * (difference - difference**2))
            pseudo = numpy.where(trials.counts > 0, _pseudo(trials, difference**2), 0.0)
            error = numpy.sqrt(shrunk**2 * variance + pseudo.sum(axis=0))
            found: Array = shrunk * (difference - power * numpy.sqrt(variance)) - quantile * error
            return found

        possible = margin(high) > 0
        for _ in range(STEPS):
            middle = (low + high) / 2
            enough = margin(middle) > 0
            low, high = numpy.where(enough, low, middle), numpy.where(enough, middle, high)
        return numpy.where(possible, high, numpy.nan)

    def _squares(self, per: Array, side: int) -> Array:
        """The part of the variance that comes from the pairs which one side wins."""
        import numpy

        won = numpy.maximum(side * self.trials.differences, 0.0) ** 2
        sums: Array = self.trials.design.by_stratum(won)
        counts = numpy.maximum(self.trials.counts, 1)
        found: Array = (per * sums / counts).sum(axis=0)
        return found

    def _independent(self) -> Array:
        """The squared error if every instance were a trial of its own."""
        import numpy

        trials, added = self.trials, _added(self.trials)
        squares = trials.design.by_stratum(trials.differences**2)
        with numpy.errstate(invalid="ignore", divide="ignore"):
            n = trials.counts + 2 * added
            means = trials.design.by_stratum(trials.differences) / n
            spread = (squares + 2 * added) / n - means**2
            sums = numpy.where(trials.counts > 0, spread / n, 0.0).sum(axis=0)
            squared: Array = sums / trials.used**2
        return squared


def _added(trials: Trials) -> Array:
    """Of either pair, to each stratum."""
    import numpy

    return 1 / numpy.maximum(trials.used, 1)


def _pseudo(trials: Trials, squared_means: Array) -> Array:
    """What the added pairs of each stratum contribute to the squared error."""
    import numpy

    added = _added(trials)
    weights = 1 / (numpy.maximum(trials.used, 1) * (trials.counts + 2 * added))
    found: Array = 2 * added * (1 + squared_means) * weights**2
    return found
