"""Comparisons of models: against an independent route, libraries, and simulation."""

from itertools import combinations
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from graders.comparisons import Comparison, holm, paired, ranks, two_sided
from tests.graders.test_statistics import BOARDS, covers, simulated


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=60))
def test_of_binary_scores_it_is_the_published_interval(differences: list[float]) -> None:
    """The Wald interval, by another route, of the pairs and one more either way."""
    found = paired([differences])
    told = DescrStatsW([*differences, 1.0, -1.0], ddof=0)
    error = told.std / told.nobs**0.5
    assert found.difference.value == pytest.approx(numpy.mean(differences))
    assert found.difference.low == pytest.approx(max(-1, told.mean - 1.959964 * error), abs=1e-6)
    assert found.difference.high == pytest.approx(min(1, told.mean + 1.959964 * error), abs=1e-6)
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(told.mean / error)))


def test_the_p_value_is_near_the_exact_test() -> None:
    """McNemar's exact test, which has no interval that agrees with it."""
    for ones in range(3, 12):
        differences = [1.0] * ones + [0.0] * (100 - ones)
        exact = stats.binomtest(ones, ones).pvalue
        assert paired([differences]).p == pytest.approx(exact, rel=1.0)


@settings(max_examples=25)
@given(st.lists(st.floats(0, 1), min_size=0, max_size=30))
def test_holm_is_that_of_statsmodels(ps: list[float]) -> None:
    wanted = multipletests(ps, method="holm")[1].tolist() if ps else []
    assert holm(ps) == pytest.approx(wanted)


def interval_of(found: Comparison) -> tuple[float, float]:
    assert found.difference.low is not None
    assert found.difference.high is not None
    return found.difference.low, found.difference.high


@given(st.lists(st.lists(st.floats(-1, 1), min_size=1, max_size=12), min_size=1, max_size=5))
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
    for _ in range(BOARDS):
        made = answers(rng, [0.75, 0.55], n).astype(float)
        hits += covers(paired([(made[:, 0] - made[:, 1]).tolist()]).difference, truth)
    assert 0.93 <= hits / BOARDS <= 0.97


@pytest.mark.parametrize("epochs", [1, 4])
def test_paired_differences_cover_over_levels_and_epochs(epochs: int) -> None:
    rng, hits = simulated(epochs), 0
    high, low = numpy.linspace(0.95, 0.2, 6), numpy.linspace(0.9, 0.05, 6)
    for _ in range(BOARDS):
        a, b = (rng.binomial(epochs, p[:, None], (6, 15)) / epochs for p in (high, low))
        hits += covers(paired((a - b).tolist()).difference, float((high - low).mean()))
    assert 0.93 <= hits / BOARDS <= 0.97


@pytest.mark.parametrize("n", [20, 60])
def test_paired_differences_of_any_scores_cover(n: int) -> None:
    rng, hits, truth = simulated(n), 0, 0.85 * 20 / 22 - 0.95 * 15 / 18
    for _ in range(BOARDS):
        a = numpy.where(rng.random(n) < 0.15, 0, rng.beta(20, 2, n))
        b = numpy.where(rng.random(n) < 0.05, 0, rng.beta(15, 3, n))
        hits += covers(paired([(a - b).tolist()]).difference, truth)
    assert 0.93 <= hits / BOARDS <= 0.975


def test_what_it_can_resolve_it_finds_four_times_in_five() -> None:
    rng, n = simulated(9), 80
    resolves = paired([rng.normal(0, 1, 2000).tolist()]).resolves
    assert resolves is not None
    shift = resolves * (2000 / n) ** 0.5
    found = 0
    for _ in range(BOARDS):
        found += (paired([rng.normal(shift, 1, n).tolist()]).p or 0) < 0.05
    assert 0.74 <= found / BOARDS <= 0.86


CHANCES = [0.3, 0.45, 0.5, 0.55, 0.7, 0.9]


@pytest.mark.parametrize("levels", [1, 4])
def test_the_rank_intervals_hold_the_true_ranks_all_at_once(levels: int) -> None:
    rng, right, certain = simulated(levels), 0, 0
    for _ in range(BOARDS):
        strata = [answers(rng, CHANCES, 80 // levels).astype(float) for _ in range(levels)]
        found = ranks(strata).intervals
        right += all(low <= 6 - k <= high for k, (low, high) in enumerate(found))
        certain += sum(low == high for low, high in found)
    assert right / BOARDS >= 0.95
    assert certain / BOARDS > 0.5  # and they say something


def test_equal_models_are_told_apart_no_more_than_five_times_in_a_hundred() -> None:
    rng, wrong = simulated(11), 0
    for _ in range(BOARDS):
        found = ranks([answers(rng, [0.6] * 5, 60).astype(float)]).intervals
        wrong += any(interval != (1, 5) for interval in found)
    assert wrong / BOARDS <= 0.05


def test_ranks_with_holes() -> None:
    """A model that shares no instance with the others may have any rank."""
    good, bad, nan = [1.0] * 20, [0.0] * 20, [numpy.nan] * 20
    left = numpy.array([good, bad, nan]).T
    right = numpy.array([nan, nan, good]).T
    found = ranks([numpy.concatenate([left, right])])
    assert found.intervals == ((1, 2), (2, 3), (1, 3))
    assert found.resolves is not None
    assert ranks([numpy.array([good, nan]).T]) == ranks([numpy.array([nan, good]).T])
    assert ranks([numpy.array([good]).T]).resolves is None


def test_ranks_agree_with_pairs() -> None:
    made = [answers(simulated(k), CHANCES, 30).astype(float) for k in range(3)]
    pairs = list(combinations(range(6), 2))
    tests = [paired([(m[:, a] - m[:, b]).tolist() for m in made]) for a, b in pairs]
    adjusted = holm([t.p or 0.0 for t in tests])
    best = [1] * 6
    for (a, b), test, p in zip(pairs, tests, adjusted, strict=True):
        if p < 0.05:
            best[b if (test.difference.value or 0) > 0 else a] += 1
    assert [low for low, _ in ranks(made).intervals] == best


def test_two_sided() -> None:
    assert two_sided(1.959963984540054) == pytest.approx(0.05)
