"""Comparisons of models: against an independent route, libraries, and simulation."""

from itertools import combinations, product
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.comparisons import (
    PairedComparison,
    Scores,
    holm,
    normal_score,
    quantile,
    ranks,
    two_sided,
)
from graders.comparisons import paired as compared
from graders.sign_flips import attainable_level
from graders.trials import Design, Trials
from tests.depth import often
from tests.factories.simulation import BOARDS, covers, simulated


def table(strata: Any, *, binary: bool, shared: bool = False) -> Scores:
    """Scores of several models in strata of (instances, models); with `shared` the k-th instance
    of every stratum is of one cluster."""
    arrays = [numpy.asarray(s, dtype=float) for s in strata]
    names = [
        [str(k) if shared else f"{h}/{k}" for k in range(len(s))] for h, s in enumerate(arrays)
    ]
    values = numpy.concatenate(arrays)
    return Scores(values, names, [binary] * values.shape[1])


def against_zero(strata: Any) -> list[Any]:
    """The strata of a model with these scores and of one that always scores 0."""
    return [numpy.array([[d, 0.0] for d in s]).reshape(-1, 2) for s in strata]


def paired(strata: Any, *, shared: bool = False) -> PairedComparison:
    """The comparison of right and wrong answers with these differences."""
    return compared(table(against_zero(strata), binary=True, shared=shared))


def flips(strata: Any, *, shared: bool = False) -> PairedComparison:
    """The comparison of any scores with these differences."""
    return compared(table(against_zero(strata), binary=False, shared=shared))


@pytest.mark.heavy
@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=5, max_size=60))
def test_of_binary_scores_it_is_the_published_interval(differences: list[float]) -> None:
    """The Wald interval, by another route, of the pairs and one more either way."""
    from scipy import stats
    from statsmodels.stats.weightstats import DescrStatsW

    found = paired([differences])
    told = DescrStatsW([*differences, 1.0, -1.0], ddof=0)
    error = told.std / told.nobs**0.5
    assert found.difference.value == pytest.approx(numpy.mean(differences))
    assert found.difference.low == pytest.approx(max(-1, told.mean - 1.959964 * error), abs=1e-6)
    assert found.difference.high == pytest.approx(min(1, told.mean + 1.959964 * error), abs=1e-6)
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(told.mean / error)))


@pytest.mark.heavy
def test_the_p_value_is_near_the_exact_test() -> None:
    """McNemar's exact test, which has no interval that agrees with it."""
    from scipy import stats

    for ones in range(3, 12):
        differences = [1.0] * ones + [0.0] * (100 - ones)
        exact = stats.binomtest(ones, ones).pvalue
        assert paired([differences]).p == pytest.approx(exact, rel=1.0)


@given(st.lists(st.floats(0, 1), max_size=7))
def test_holm_is_the_closed_test_of_bonferroni(ps: list[float]) -> None:
    """The largest value among all intersections that a hypothesis is in (Marcus, Peritz and
    Gabriel 1976)."""
    sets = [some for k in range(len(ps)) for some in combinations(range(len(ps)), k + 1)]
    values = {some: min(1.0, len(some) * min(ps[i] for i in some)) for some in sets}
    closed = [max(values[some] for some in sets if i in some) for i in range(len(ps))]
    assert holm(ps) == pytest.approx(closed)


@pytest.mark.parametrize("n", [1, 30, 200])
def test_holm_is_that_of_statsmodels(n: int) -> None:
    from statsmodels.stats.multitest import multipletests

    ps = (simulated(n).random(n) ** 3).tolist()
    assert holm(ps) == pytest.approx(multipletests(ps, method="holm")[1].tolist())


def interval_of(found: PairedComparison) -> tuple[float, float]:
    assert found.difference.low is not None
    assert found.difference.high is not None
    return found.difference.low, found.difference.high


@given(st.lists(st.lists(st.floats(-1, 1), min_size=5, max_size=12), min_size=1, max_size=5))
def test_exchanging_the_models_turns_the_signs(strata: list[list[float]]) -> None:
    one, other = paired(strata), paired([[-d for d in stratum] for stratum in strata])
    low, high = interval_of(one)
    assert interval_of(other) == pytest.approx((-high, -low))
    assert one.p == pytest.approx(other.p)
    assert one.difference.value == pytest.approx(numpy.mean([numpy.mean(s) for s in strata]))
    assert low <= (one.difference.value or 0) <= high
    assert one.p is not None
    assert (one.p < 0.05) <= (low > 0 or high < 0)


def test_no_pairs_and_no_differences() -> None:
    assert paired([[], []]).difference.value is None
    low, high = interval_of(paired([[0.0] * 40]))
    assert -0.1 < low < -0.05
    assert 0.05 < high < 0.1
    assert paired([[0.0] * 40]).p == 1


def answers(rng: numpy.random.Generator, chances: list[float], n: int) -> Any:
    """Answers of models of these abilities: (n, models), some instances harder for all."""
    logits = numpy.log(numpy.array(chances) / (1 - numpy.array(chances)))
    hard = rng.normal(0, 1.5, (n, 1))
    return rng.random((n, len(chances))) < 1 / (1 + numpy.exp(hard - logits))


def ability(chance: float) -> float:
    """The share that `answers` gets right in the long run."""
    found: float = answers(simulated(0), [chance], 400_000).mean()
    return found


@pytest.mark.parametrize("n", [30, 100])
def test_paired_differences_of_binary_scores_cover(n: int) -> None:
    rng, truth = simulated(n), ability(0.75) - ability(0.55)
    hits = 0
    for _ in range(often(BOARDS)):
        made = answers(rng, [0.75, 0.55], n).astype(float)
        hits += covers(paired([(made[:, 0] - made[:, 1]).tolist()]).difference, truth)
    assert 0.93 <= hits / often(BOARDS) <= 0.97


@pytest.mark.parametrize("epochs", [1, 4])
def test_paired_differences_cover_over_levels_and_epochs(epochs: int) -> None:
    rng, hits = simulated(epochs), 0
    high, low = numpy.linspace(0.95, 0.2, 6), numpy.linspace(0.9, 0.05, 6)
    for _ in range(often(BOARDS)):
        a, b = (rng.binomial(epochs, p[:, None], (6, 15)) / epochs for p in (high, low))
        hits += covers(paired((a - b).tolist()).difference, float((high - low).mean()))
    assert 0.93 <= hits / often(BOARDS) <= 0.97


CHANCES = [0.3, 0.45, 0.5, 0.55, 0.7, 0.9]


@pytest.mark.heavy
@pytest.mark.parametrize("levels", [1, 4])
def test_the_rank_intervals_hold_the_true_ranks_all_at_once(levels: int) -> None:
    rng, right, certain = simulated(levels), 0, 0
    for _ in range(BOARDS // 10):
        strata = [answers(rng, CHANCES, 80 // levels) for _ in range(levels)]
        found = ranks(table(strata, binary=True)).intervals
        right += all(low <= 6 - k <= high for k, (low, high) in enumerate(found))
        certain += sum(low == high for low, high in found)
    assert right / (BOARDS // 10) >= 0.95
    assert certain / (BOARDS // 10) > 0.5  # and they say something


@pytest.mark.heavy
def test_equal_models_are_told_apart_no_more_than_five_times_in_a_hundred() -> None:
    rng, wrong = simulated(11), 0
    for _ in range(BOARDS // 10):
        found = ranks(table([answers(rng, [0.6] * 5, 60)], binary=True)).intervals
        wrong += any(interval != (1, 5) for interval in found)
    assert wrong / (BOARDS // 10) <= 0.08


def test_ranks_with_holes() -> None:
    """A model that shares no instance with the others may have any rank."""
    good, bad, nan = [1.0] * 20, [0.0] * 20, [numpy.nan] * 20
    left = numpy.array([good, bad, nan]).T
    right = numpy.array([nan, nan, good]).T
    for binary in (True, False):
        found = ranks(table([numpy.concatenate([left, right])], binary=binary))
        assert found.intervals == ((1, 2), (2, 3), (1, 3))
    assert ranks(table([numpy.array([good, bad]).T], binary=True)).resolves is not None
    assert ranks(table([numpy.array([good]).T], binary=True)).resolves is None


@pytest.mark.parametrize("binary", [True, False])
def test_ranks_agree_with_pairs(binary: bool) -> None:
    made = [answers(simulated(k), CHANCES, 30).astype(float) for k in range(3)]
    made = made if binary else [m - 0.01 * k for k, m in enumerate(made)]
    pairs = list(combinations(range(6), 2))
    tests = [compared(table([m[:, [a, b]] for m in made], binary=binary)) for a, b in pairs]
    adjusted = holm([t.p or 0.0 for t in tests])
    best = [1] * 6
    for (a, b), test, p in zip(pairs, tests, adjusted, strict=True):
        if p < 0.05:
            best[b if (test.difference.value or 0) > 0 else a] += 1
    assert [low for low, _ in ranks(table(made, binary=binary)).intervals] == best


def test_two_sided() -> None:
    assert two_sided(1.959963984540054) == pytest.approx(0.05)


@pytest.mark.parametrize("freedom", [4, 9, 39, 199])
def test_quantiles_of_t_are_those_of_scipy_and_go_both_ways(freedom: int) -> None:
    from scipy import stats

    f = numpy.array([float(freedom)])
    for chance in (0.8, 0.975, 0.9999):
        found, wanted = quantile(stats.norm.ppf(chance), f)[0], stats.t.ppf(chance, freedom)
        assert wanted * 0.995 <= found <= wanted * (1.006 if chance < 0.99 else 1.07)
        assert normal_score(numpy.array([found]), f)[0] == pytest.approx(stats.norm.ppf(chance))
    assert quantile(1.5, numpy.array([numpy.inf]))[0] == 1.5


@settings(max_examples=50)
@given(st.lists(st.integers(-9, 9), min_size=6, max_size=11))
def test_few_signs_are_all_tried(differences: list[int]) -> None:
    """By the definition: the share of all signs whose sum is as far from 0."""
    found = flips([[0.1 * d for d in differences]])
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in product((-1, 1), repeat=len(differences))
    ]
    seen = abs(sum(differences))
    assert found.p == pytest.approx(sum(x >= seen for x in sums) / len(sums))


def test_many_signs_are_drawn_near_the_exact_share_and_never_give_0() -> None:
    differences = simulated(3).normal(0.2, 1, 18)
    all_signs = 1 - 2 * (numpy.arange(2**18)[:, None] >> numpy.arange(18) & 1)
    exact = (abs(all_signs @ differences) >= abs(differences.sum()) - 1e-9).mean()
    found = flips([differences])
    assert found == flips([differences])
    assert found.p == pytest.approx(exact, abs=0.02)
    assert flips([[1.0 + 0.01 * k for k in range(40)]]).p == 1 / 10_000


def test_flips_find_a_model_that_slips_where_added_pairs_hide_it() -> None:
    """12 small losses and one large one in 200: against the Wald test with pairs as large."""
    slips = [0.02] * 12 + [0.9] + [0.0] * 187
    assert flips([slips]).test == "sign flips"
    assert (flips([slips]).p or 1) < 0.001
    assert paired([slips]).test == "adjusted Wald"
    assert (paired([slips]).p or 0) > 0.05


def test_of_one_stratum_the_spread_is_that_of_the_t_test() -> None:
    from scipy import stats

    differences = simulated(5).normal(0.3, 1, 30)
    found = flips([differences])
    wanted = stats.ttest_1samp(differences, 0).confidence_interval()
    low, high = interval_of(found)
    assert low <= wanted.low + 1e-3
    assert wanted.high - 1e-3 <= high
    assert high - low < 1.2 * (wanted.high - wanted.low)


def test_what_was_drawn_together_is_one_trial() -> None:
    """At two levels the same index: as the mean of both, whatever of binary scores is added."""
    rng = simulated(8)
    levels = rng.normal(0.1, 1, (2, 25))
    together, means = flips(levels, shared=True), flips([levels.mean(axis=0)])
    assert together.trials == means.trials == 25
    assert together.p == means.p
    assert interval_of(together) == pytest.approx(interval_of(means))
    assert together.resolves == pytest.approx(means.resolves)
    apart = flips(levels)
    assert apart.trials == 50
    assert apart.difference.value == pytest.approx(means.difference.value)


def test_answers_that_stand_and_fall_together_have_a_wider_interval() -> None:
    wins = [1.0] * 6 + [0.0] * 12 + [-1.0] * 2
    low, high = interval_of(paired([wins] * 4))
    lower, higher = interval_of(paired([wins] * 4, shared=True))
    assert 1.8 < (higher - lower) / (high - low) < 2.3


def test_a_cluster_counts_with_what_it_has_left() -> None:
    """One instance of a cluster without a pair: its level's mean is of the others."""
    levels = simulated(4).normal(0, 1, (2, 12))
    scores = table(against_zero(levels), binary=False, shared=True)
    scores.values[3, 0] = numpy.nan
    found = compared(scores)
    wanted = (numpy.delete(levels[0], 3).mean() + levels[1].mean()) / 2
    assert found.difference.value == pytest.approx(wanted)
    assert found.trials == 12
    scores.values[15, 0] = numpy.nan
    assert compared(scores).trials == 11


def test_strata_that_share_a_cluster_are_a_block() -> None:
    design = Design.of([["a", "b"], ["c"], ["b", "d"], ["e"], ["c"]])
    assert design.block.tolist() == [0, 1, 0, 2, 1]
    trials = Trials.of(design, numpy.arange(7.0)[:, None])
    assert trials.clusters[:, 0].tolist() == [3, 1, 1]
    assert trials.signed.sum() == pytest.approx(trials.value[0])
    assert trials.value[0] == pytest.approx((0.5 + 2 + 3.5 + 5 + 6) / 5)


@pytest.mark.parametrize("compare", [paired, flips])
def test_fewer_than_five_trials_get_no_interval(compare: Any) -> None:
    for strata, shared, noun in (
        ([[1.0, 0.5, 1, 1]], False, "pairs"),
        ([[1.0, 0.5, 1, 1]] * 6, True, "trials"),
    ):
        found = compare(strata, shared=shared)
        assert found.difference.value == pytest.approx(0.875)
        assert (found.difference.low, found.difference.high) == (None, None)
        assert found.difference.note == f"fewer than 5 {noun}"
        assert (found.test, found.p, found.resolves) == ("", None, None)


def test_differences_that_are_all_equal() -> None:
    found = flips([[0.25] * 20])
    assert interval_of(found) == (0.25, 0.25)
    assert found.difference.note == "all 20 differences are equal"
    assert found.resolves is None
    assert flips([[0.0] * 20]).test == "adjusted Wald"  # which keeps a width
    assert flips([[0.0] * 20]).p == 1


def test_five_signs_cannot_reach_the_level_and_resolve_nothing() -> None:
    assert [attainable_level(n, 0.05) for n in (5, 6, 7)] == [0, 1 / 32, 3 / 64]
    found = flips([[1.0, 2, 3, 4, 5]])
    assert found.p == 1 / 16
    assert found.resolves is None
    assert flips([[1.0, 2, 3, 4, 5, 6]]).resolves is not None


@pytest.mark.heavy
@pytest.mark.parametrize(("n", "boards"), [(10, 300), (40, 200)])
def test_equal_skewed_models_differ_five_times_in_a_hundred(n: int, boards: int) -> None:
    rng, wrong = simulated(n), 0
    for _ in range(boards):
        losses = rng.lognormal(-2, 1.2, (n, 2)) * (rng.random((n, 2)) < 0.3)
        wrong += (compared(Scores(1 - losses, [[*map(str, range(n))]], [False] * 2)).p or 0) < 0.05
    assert wrong / boards <= 0.08


@pytest.mark.heavy
@pytest.mark.parametrize("n", [10, 20])
def test_what_it_resolves_it_finds_four_times_in_five(n: int) -> None:
    rng, boards = simulated(n + 1), 400
    told = [flips([rng.normal(0, 1, n)]).resolves or 0 for _ in range(boards)]
    shift = sum(told) / boards
    found = sum((flips([rng.normal(shift, 1, n)]).p or 0) < 0.05 for _ in range(boards))
    assert 0.74 <= found / boards <= 0.86


@pytest.mark.heavy
@pytest.mark.parametrize("n", [10, 40])
def test_right_answers_are_found_at_what_is_resolved(n: int) -> None:
    """The spread grows with the difference: at the spread of equal models it would be .6."""
    rng, boards = simulated(n), 400
    equal = rng.random((boards, n)) < 0.9, rng.random((boards, n)) < 0.9
    told = [paired([a.astype(float) - b]).resolves or 0 for a, b in zip(*equal, strict=True)]
    worse = rng.random((boards, n)) < 0.9 - sum(told) / boards
    found = sum(
        (paired([a.astype(float) - b]).p or 0) < 0.05 for a, b in zip(equal[0], worse, strict=True)
    )
    assert 0.74 <= found / boards <= 0.9
