"""Comparisons of two or more models that answered the same instances.

Everything is paired by instance, so that what is hard for both models cancels. Scores are the mean
over strata (such as levels) of the mean over a stratum's instances, as the family's headline is;
instances of one seed and index are one trial (`trials`). Right and wrong answers are compared by
the adjusted Wald interval (`wald`), all other scores by sign flips (`sign_flips`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import erfc, inf, isnan, nan, sqrt
from statistics import NormalDist, median
from typing import Literal, TypeAlias

from graders.sign_flips import FLIPS, attainable_level, sign_flip_p_values, studentised_tails
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
    """The difference by which the first model scores higher than the second, and its test.

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

    Args:
        scores: of two models; of any more, nothing is read.
    """
    trials = Trials.of(Design.of(scores.clusters), scores.values[:, :1] - scores.values[:, 1:2])
    if trials.total[0] < FEWEST:
        return _too_few(trials)
    binary = [all(scores.binary)]
    by_wald, tests = bool(_by_wald(trials, binary)[0]), _tests(trials, binary)
    return PairedComparison(
        _wald_interval(trials) if by_wald else _studentised_interval(trials),
        int(trials.total[0]),
        "adjusted Wald" if by_wald else "sign flips",
        p=_round_digits(tests.p[0]),
        resolves=None if isnan(tests.resolves[0]) else _round_digits(tests.resolves[0]),
    )


def _too_few(trials: Trials) -> PairedComparison:
    number, noun = int(trials.total[0]), "trials" if trials.design.shared else "pairs"
    difference = (
        Estimate(float(trials.value[0]), None, None, note=f"fewer than {FEWEST} {noun}")
        if number
        else Estimate.unknown("no pairs")
    )
    return PairedComparison(difference, number, "", p=None, resolves=None)


def _by_wald(trials: Trials, binary: Sequence[bool]) -> Array:
    """Return for each column whether its scores are right and wrong, or no trial has a difference.

    `binary` says of each column whether its scores are nothing but 0 and 1.
    """
    import numpy

    unequal = (numpy.abs(trials.signed) > EQUAL).any(axis=0)
    columns: Array = numpy.array(binary, dtype=bool) | ~unequal
    return columns


def _wald_interval(trials: Trials) -> Estimate:
    wald = Wald.of(trials)
    half = quantile(Z, wald.freedom) * wald.error
    return _interval(trials, float((wald.centre - half)[0]), float((wald.centre + half)[0]))


def _studentised_interval(trials: Trials) -> Estimate:
    """Return the interval of any scores: at each end the wider of the t and bootstrap-t intervals.

    The bootstrap alone is too narrow where the differences have heavy tails but no skewness, t
    alone where they are skewed (`tests.coverage.comparisons`).
    """
    _, error, freedom = trials.studentised()
    value, spread, t = float(trials.value[0]), float(error[0]), float(quantile(Z, freedom)[0])
    if spread < EQUAL:
        note = f"all {int(trials.total[0])} differences are equal"
        return Estimate(value, value, value, note=note)
    low, high = studentised_tails(trials)
    return _interval(trials, value - max(t, high) * spread, value + max(t, -low) * spread)


def _interval(trials: Trials, low: float, high: float) -> Estimate:
    """Return both ends around the value, no farther out than a difference can be or has been."""
    value, most = float(trials.value[0]), max(1.0, float(abs(trials.differences).max()))
    low = _round_digits(max(-most, min(low, value)))
    high = _round_digits(min(most, max(high, value)))
    return Estimate(value, min(low, value), max(high, value))


def _round_digits(x: float) -> float:
    """Return the number to 12 digits: machines differ in how they add up."""
    return float(f"{x:.12g}")


@dataclass(frozen=True, eq=False)
class _Tests:
    """The p-value of each column, its estimated difference, and what its trials resolve."""

    p: Array
    estimate: Array
    resolves: Array


def _tests(trials: Trials, binary: Sequence[bool]) -> _Tests:
    """Return the test of each column that its scores ask for."""
    import numpy

    by_wald = _by_wald(trials, binary)
    tests = _Tests(*(numpy.full(len(by_wald), nan) for _ in range(3)))
    if by_wald.any():
        _fill(tests, by_wald, _wald_tests(trials.columns(by_wald)))
    if not by_wald.all():
        flips = max(FLIPS, PER_PAIR * len(by_wald))
        _fill(tests, ~by_wald, _flip_tests(trials.columns(~by_wald), flips))
    return tests


def _fill(tests: _Tests, columns: Array, part: _Tests) -> None:
    """Put the tests of some columns, chosen by a mask, into their places."""
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
    """Return the tests by sign flips, and the difference a t-test at their level would find.

    (Lehmann & Romano 2005, section 15.2.) The spread is that around the mean, where every trial
    gains alike; its root is freed of the bias of few trials.
    """
    import numpy

    _, error, freedom = trials.studentised()
    with numpy.errstate(invalid="ignore", divide="ignore"):
        spread = error / (1 - 1 / (4 * freedom))
        reach = quantile(_critical_values(trials), freedom) + quantile(POWER, freedom)
        resolves = numpy.where(numpy.isfinite(reach) & (spread > EQUAL), reach * spread, nan)
    return _Tests(sign_flip_p_values(trials, flips), trials.value, resolves)


def _critical_values(trials: Trials) -> Array:
    """Return the normal quantile of each column at the level that its signs can attain."""
    import numpy

    levels = [attainable_level(int(n), LEVEL) for n in trials.total.tolist()]
    return numpy.array([NormalDist().inv_cdf(1 - x / 2) if x else inf for x in levels])


def quantile(z: "Array | float", freedom: Array) -> Array:
    """Return the t quantile at which a normal variable has `z`, as `normal_score` has it.

    Within 0.6 % at 97.5 % from 4 degrees of freedom on, farther out on the safe side.

    Args:
        z: the normal quantile, one or (columns).
        freedom: (columns), the degrees of freedom; may be infinite.
    """
    import numpy

    finite = numpy.where(numpy.isfinite(freedom), freedom, 1.0)
    with numpy.errstate(over="ignore", invalid="ignore"):
        spread = (z * (8 * finite + 3) / (8 * finite + 1)) ** 2
        t = numpy.sqrt(finite * numpy.expm1(spread / finite))
    quantiles: Array = numpy.where(numpy.isfinite(freedom), t, z)
    return quantiles


def normal_score(t: Array, freedom: Array) -> Array:
    """Return the normal variable that is as far out as |t| (Wallace 1959, section 4).

    Args:
        t: (columns), the studentised differences.
        freedom: (columns), their degrees of freedom; may be infinite.
    """
    import numpy

    finite = numpy.where(numpy.isfinite(freedom), freedom, 1.0)
    score = numpy.sqrt(finite * numpy.log1p(t * t / finite))
    score *= (8 * finite + 1) / (8 * finite + 3)
    scores: Array = numpy.where(numpy.isfinite(freedom), score, abs(t))
    return scores


def two_sided(z: float) -> float:
    """Return the chance that a normal variable is as far from 0 as `z`."""
    return erfc(abs(z) / sqrt(2))


def holm(ps: Sequence[float]) -> list[float]:
    """Return p-values adjusted so that all those below .05 hold together (Holm 1979).

    Args:
        ps: p-values of one family of hypotheses, in any order, which the result keeps.
    """
    order = sorted(range(len(ps)), key=lambda k: ps[k])
    adjusted, highest = [0.0] * len(ps), 0.0
    for place, k in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - place) * ps[k]))
        adjusted[k] = highest
    return adjusted


class Ranks(Noun, frozen=True):
    """The ranks that each model may have, best and worst, and what the pairs could resolve.

    `resolves` is the median over all pairs that could find any difference, None without such.
    """

    intervals: tuple[tuple[int, int], ...]
    resolves: float | None


def ranks(scores: Scores) -> Ranks:
    """Return which ranks each model may have: all are right together, 95 times in 100.

    Every two models are compared as by `paired`, by its p-value with Holm's correction over all
    pairs; a model stands below those that are better than it and above those that are worse
    (Mogstad, Romano, Shaikh & Wilhelm 2024). Two that share fewer than 5 trials are not
    distinguished. Bootstrapped ranks would not do: where models are close they are too sure (Hall
    & Miller 2009).

    Args:
        scores: of any number of models.
    """
    import numpy

    models = scores.values.shape[1]
    pairs = list(combinations(range(models), 2))
    trials = _pair_trials(scores, pairs)
    tests = _tests(trials, [scores.binary[a] and scores.binary[b] for a, b in pairs])
    compared = numpy.flatnonzero(trials.total >= FEWEST).tolist()
    best, worst = [1] * models, [models] * models
    for better, other in _significant(pairs, tests, compared):
        worst[better] -= 1
        best[other] += 1
    resolves = [x for x in tests.resolves[compared].tolist() if not isnan(x)]
    middle = _round_digits(median(resolves)) if resolves else None
    return Ranks(tuple(zip(best, worst, strict=True)), middle)


def _pair_trials(scores: Scores, pairs: Sequence[tuple[int, int]]) -> Trials:
    """Return the trials of all pairs of models, a column each."""
    import numpy

    first, second = numpy.array(pairs, dtype=int).reshape(-1, 2).T
    differences = scores.values[:, first] - scores.values[:, second]
    return Trials.of(Design.of(scores.clusters), differences)


def _significant(
    pairs: Sequence[tuple[int, int]], tests: _Tests, compared: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """Yield the (better, worse) models of the compared pairs that differ, by Holm's correction."""
    for k, p in zip(compared, holm(tests.p[compared].tolist()), strict=True):
        if p < LEVEL:
            a, b = pairs[k]
            yield (a, b) if tests.estimate[k] > 0 else (b, a)
