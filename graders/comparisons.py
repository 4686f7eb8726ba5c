"""What can be said of two or more models that answered the same instances.

Everything is paired by instance: what makes an instance hard for both cancels. Scores are the mean
over strata (such as levels) of the mean over a stratum's instances, as the family's headline is;
instances of one seed and index are one trial (`trials`). Right and wrong answers are compared by
the adjusted Wald interval (`wald`), all other scores by sign flips (`sign_flips`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import erfc, inf, isnan, nan, sqrt
from statistics import NormalDist, median
from typing import Literal, TypeAlias

from graders.sign_flips import FLIPS, attained, flipped, studentised_tails
from graders.statistics import FEWEST, Estimate, Z
from graders.trials import Array, Design, Trials
from graders.wald import Wald
from tasks.base import Noun

POWER = 0.8416212335729143  # the normal quantile at 80 %
EQUAL = 1e-12  # differences this small are rounding
LEVEL = 0.05  # of all tests of one family of hypotheses together
PER_PAIR = 40  # flips for each pair of a ranking, so that Holm's correction can be passed

Test: TypeAlias = Literal["", "adjusted Wald", "sign flips"]


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of several models on the same instances.

    Attributes:
        values: (instances, models), in the order of the strata; NaN where there is none.
        clusters: for each stratum the names of its instances' clusters, in the same order.
        binary: of each model, whether it has scored nothing but 0 and 1 in every epoch.
    """

    values: Array
    clusters: Sequence[Sequence[str]]
    binary: Sequence[bool]


class PairedComparison(Noun, frozen=True):
    """How much higher the first model scores than the second.

    `trials` are the independent differences. `test` names what `p` is of, two-sided: `adjusted
    Wald`, against equal means, which agrees with the interval; or `sign flips`, against equal
    distributions, which may not. `resolves` is the smallest difference that as many trials with
    this spread would find with 80 % chance at 5 %; None if none would be found.
    """

    difference: Estimate
    trials: int
    test: Test
    p: float | None
    resolves: float | None


def paired(scores: Scores) -> PairedComparison:
    """Compare the first model with the second by the differences of their scores, trial by trial.

    Fewer than 5 trials get neither an interval nor a p-value.
    """
    trials = Trials.of(Design.of(scores.clusters), scores.values[:, :1] - scores.values[:, 1:2])
    number = int(trials.total[0])
    if not number:
        return PairedComparison(Estimate.unknown("no pairs"), 0, "", p=None, resolves=None)
    if number < FEWEST:
        noun = "trials" if trials.design.shared else "pairs"
        few = Estimate(float(trials.value[0]), None, None, f"fewer than {FEWEST} {noun}")
        return PairedComparison(few, number, "", p=None, resolves=None)
    binary = [all(scores.binary)]
    by_wald, tests = bool(_by_wald(trials, binary)[0]), _tests(trials, binary)
    return PairedComparison(
        _wald_interval(trials) if by_wald else _studentised(trials),
        number,
        "adjusted Wald" if by_wald else "sign flips",
        p=_rounded(tests.p[0]),
        resolves=None if isnan(tests.resolves[0]) else _rounded(tests.resolves[0]),
    )


def _by_wald(trials: Trials, binary: Sequence[bool]) -> Array:
    """Of each column, whether its scores are right and wrong, or no trial shows a difference."""
    import numpy

    found: Array = numpy.array(binary, dtype=bool) | ~(numpy.abs(trials.signed) > EQUAL).any(axis=0)
    return found


def _wald_interval(trials: Trials) -> Estimate:
    wald = Wald.of(trials)
    half = quantile(Z, wald.freedom) * wald.error
    return _interval(trials, float((wald.centre - half)[0]), float((wald.centre + half)[0]))


def _studentised(trials: Trials) -> Estimate:
    """The interval of any scores: at each end the wider one of the t and the bootstrap-t interval.

    The bootstrap alone is too narrow where the differences have heavy tails but no skewness, t
    alone where they are skewed (`tests.coverage.comparisons`).
    """
    _, error, freedom = trials.studentised()
    value, spread, t = float(trials.value[0]), float(error[0]), float(quantile(Z, freedom)[0])
    if spread < EQUAL:
        return Estimate(value, value, value, f"all {int(trials.total[0])} differences are equal")
    low, high = studentised_tails(trials)
    return _interval(trials, value - max(t, high) * spread, value + max(t, -low) * spread)


def _interval(trials: Trials, low: float, high: float) -> Estimate:
    """Both ends, no farther out than a difference can be or has been seen, around the value."""
    value, most = float(trials.value[0]), max(1.0, float(abs(trials.differences).max()))
    ends = max(-most, min(low, value)), min(most, max(high, value))
    low, high = map(_rounded, ends)
    return Estimate(value, min(low, value), max(high, value))


def _rounded(x: float) -> float:
    """The number to 12 digits: machines differ in how they add up."""
    return float(f"{x:.12g}")


@dataclass(frozen=True, eq=False)
class _Tests:
    """Of each column: the p-value, the estimated difference, and what the trials resolve."""

    p: Array
    estimate: Array
    resolves: Array


def _tests(trials: Trials, binary: Sequence[bool]) -> _Tests:
    """The test of each column that its scores ask for."""
    import numpy

    by_wald = _by_wald(trials, binary)
    found = _Tests(*(numpy.full(len(by_wald), nan) for _ in range(3)))
    if by_wald.any():
        _fill(found, by_wald, _wald_tests(trials.columns(by_wald)))
    if not by_wald.all():
        flips = max(FLIPS, PER_PAIR * len(by_wald))
        _fill(found, ~by_wald, _flip_tests(trials.columns(~by_wald), flips))
    return found


def _fill(tests: _Tests, columns: Array, part: _Tests) -> None:
    """Put the tests of some columns into their places."""
    tests.p[columns] = part.p
    tests.estimate[columns] = part.estimate
    tests.resolves[columns] = part.resolves


def _wald_tests(trials: Trials) -> _Tests:
    import numpy

    wald = Wald.of(trials)
    freedom = wald.freedom
    with numpy.errstate(invalid="ignore", divide="ignore"):
        scores = normal_score(wald.centre / wald.error, freedom)
    p = numpy.array([two_sided(z) for z in scores.tolist()])
    resolves = wald.resolves(quantile(Z, freedom), quantile(POWER, freedom))
    return _Tests(p, wald.centre, resolves)


def _flip_tests(trials: Trials, flips: int) -> _Tests:
    """Sign flips, which find what a t-test at their level finds of normal differences.

    (Lehmann & Romano 2005, section 15.2.) The spread is that around the mean, where every trial
    gains alike; its root is freed of the bias of few trials.
    """
    import numpy

    _, error, freedom = trials.studentised()
    levels = [attained(int(n), LEVEL) for n in trials.total.tolist()]
    ends = [NormalDist().inv_cdf(1 - x / 2) if x else inf for x in levels]
    with numpy.errstate(invalid="ignore", divide="ignore"):
        spread = error / (1 - 1 / (4 * freedom))
        reach = quantile(numpy.array(ends), freedom) + quantile(POWER, freedom)
        resolves = numpy.where(numpy.isfinite(reach) & (spread > EQUAL), reach * spread, nan)
    return _Tests(flipped(trials, flips), trials.value, resolves)


def quantile(z: "Array | float", freedom: Array) -> Array:
    """The t quantile at which a normal variable has `z`, as `normal_score` has it.

    Within 0.6 % at 97.5 % from 4 degrees of freedom on, farther out on the safe side.
    """
    import numpy

    finite = numpy.where(numpy.isfinite(freedom), freedom, 1.0)
    with numpy.errstate(over="ignore", invalid="ignore"):
        spread = (z * (8 * finite + 3) / (8 * finite + 1)) ** 2
        t = numpy.sqrt(finite * numpy.expm1(spread / finite))
    found: Array = numpy.where(numpy.isfinite(freedom), t, z)
    return found


def normal_score(t: Array, freedom: Array) -> Array:
    """The normal variable that is as far out as |t| with this freedom (Wallace 1959, section 4)."""
    import numpy

    finite = numpy.where(numpy.isfinite(freedom), freedom, 1.0)
    score = numpy.sqrt(finite * numpy.log1p(t * t / finite))
    score *= (8 * finite + 1) / (8 * finite + 3)
    found: Array = numpy.where(numpy.isfinite(freedom), score, abs(t))
    return found


def two_sided(z: float) -> float:
    """The chance that a normal variable is as far from 0 as `z`."""
    return erfc(abs(z) / sqrt(2))


def holm(ps: Sequence[float]) -> list[float]:
    """The same p-values, adjusted so that any below .05 can be believed together (Holm 1979)."""
    order = sorted(range(len(ps)), key=lambda k: ps[k])
    adjusted, highest = [0.0] * len(ps), 0.0
    for place, k in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - place) * ps[k]))
        adjusted[k] = highest
    return adjusted


class Ranks(Noun, frozen=True):
    """For each model the ranks it may have, best and worst, and what the pairs could resolve.

    `resolves` is the median over all pairs that could find any difference, None without such.
    """

    intervals: tuple[tuple[int, int], ...]
    resolves: float | None


def ranks(scores: Scores) -> Ranks:
    """Which ranks each model may have: all are right together, 95 times in 100.

    Every two models are compared as by `paired`, by its p-value with Holm's correction over all
    pairs; a model stands below those that are better than it and above those that are worse
    (Mogstad, Romano, Shaikh & Wilhelm 2024). Two that share fewer than 5 trials are not told
    apart. Bootstrapped ranks would not do: where models are close they are too sure (Hall & Miller
    2009).
    """
    import numpy

    models = scores.values.shape[1]
    pairs = list(combinations(range(models), 2))
    first, second = numpy.array(pairs, dtype=int).reshape(-1, 2).T
    trials = Trials.of(
        Design.of(scores.clusters), scores.values[:, first] - scores.values[:, second]
    )
    tests = _tests(trials, [scores.binary[a] and scores.binary[b] for a, b in pairs])
    compared = numpy.flatnonzero(trials.total >= FEWEST).tolist()
    best, worst = [1] * models, [models] * models
    for k, p in zip(compared, holm(tests.p[compared].tolist()), strict=True):
        if p < LEVEL:
            better, other = pairs[k] if tests.estimate[k] > 0 else reversed(pairs[k])
            worst[better] -= 1
            best[other] += 1
    resolves = [x for x in tests.resolves[compared].tolist() if not isnan(x)]
    middle = _rounded(median(resolves)) if resolves else None
    return Ranks(tuple(zip(best, worst, strict=True)), middle)
