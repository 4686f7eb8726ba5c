"""Estimates against known values, well-kept libraries and simulation."""

from itertools import combinations
from random import Random
from statistics import mean, median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.half_level import half_level
from graders.statistics import (
    WITHIN_NOISE,
    Estimate,
    Rate,
    mean_of,
    mean_of_rates,
    mean_score,
    median_of,
    pass_at,
    pass_hat,
    rate,
    ratio_of_sums,
    rule_of_three,
    student,
)
from tests.factories.simulation import BOARDS, covers, simulated


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [  # Newcombe 1998, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_wilson_is_as_published(k: int, n: int, low: float, high: float) -> None:
    found = rate(k, n)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_one_rate_is_its_own_mean() -> None:
    assert mean_of_rates([Rate(7, 20)]) == rate(7, 20)


@given(st.integers(1, 400), st.data())
def test_wilson_is_that_of_statsmodels(n: int, data: st.DataObject) -> None:
    from statsmodels.stats.proportion import proportion_confint

    k = data.draw(st.integers(0, n))
    low, high = proportion_confint(k, n, method="wilson")
    assert rate(k, n).low == pytest.approx(low, abs=1e-12)
    assert rate(k, n).high == pytest.approx(high, abs=1e-12)


@pytest.mark.parametrize("n", [10, 40, 200])
def test_wilson_covers(n: int) -> None:
    """Boards of models of any ability."""
    rng, hits = simulated(n), 0
    for p in rng.uniform(0.02, 0.98, BOARDS):
        hits += covers(rate(float(rng.binomial(n, p)), n), p)
    assert 0.93 <= hits / BOARDS <= 0.97


@pytest.mark.parametrize("truth", [(1.0, 0.87, 0.6, 0.33, 0.08, 0.0), (0.95, 0.9, 0.8)])
@pytest.mark.parametrize("n", [10, 40])
def test_mean_of_rates_covers(truth: tuple[float, ...], n: int) -> None:
    """Over rates of 0 to 1, where a bootstrap within levels would collapse."""
    rng, hits = simulated(n), 0
    for drawn in rng.binomial(n, truth, (BOARDS, len(truth))):
        hits += covers(mean_of_rates([Rate(float(k), n) for k in drawn]), mean(truth))
    assert 0.93 <= hits / BOARDS <= 0.97


def test_mean_of_rates_never_knows_for_certain() -> None:
    all_right = mean_of_rates([Rate(40, 40)] * 6)
    assert all_right.value == all_right.high == 1
    assert all_right.low is not None
    assert 0.97 < all_right.low < 1 - rule_of_three(240) / 2


@pytest.mark.parametrize("n", [15, 200])
def test_scores_that_are_all_equal_are_not_known_for_certain(n: int) -> None:
    none, every = mean_score([0.0] * n), mean_score([1.0] * n)
    assert (none.value, none.low) == (0, 0)
    assert (every.value, every.high) == (1, 1)
    assert none.high is not None
    assert every.low == pytest.approx(1 - none.high)
    assert rule_of_three(n) < none.high < 2 * rule_of_three(n)
    middling = [0.3, 0.6, 0.5, 0.6, 0.4, 0.5, 0.4]
    assert mean_score(middling) == mean_of(middling)


def test_weights() -> None:
    found = mean_of_rates([Rate(10, 10), Rate(0, 10)], [1, 3])
    assert found.value == 0.25


def test_an_interval_of_a_median_holds_the_value() -> None:
    rng = Random("v")
    values = [rng.random() for _ in range(60)]
    found = median_of(values)
    assert found == median_of(values)
    assert found.low is not None
    assert found.low < median(values) < (found.high or 0)
    assert mean_of([]).value is None


@pytest.mark.parametrize("values", [[0.5], [0.0, 1.0], [1.0, 2.0, 4.0, 1.0], [1.0] * 4])
def test_few_values_have_no_interval(values: list[float]) -> None:
    found = mean_of(values)
    assert found.value == mean(values)
    assert (found.low, found.high, found.note) == (None, None, "fewer than 5 values")
    assert median_of(values).value == median(values)
    whole = mean_of([*values, 5.0, 6.0, 7.0, 8.0])
    assert whole.low is not None
    assert whole.note == ""


SCORES: dict[str, tuple[Any, float]] = {  # draw n scores as on a board, their mean
    "shares": (lambda r, n: r.beta(8, 2, n), 0.8),
    "gaps": (lambda r, n: r.gamma(2, 0.1, n), 0.2),
}


@pytest.mark.parametrize("n", [30, 60])
@pytest.mark.parametrize("name", SCORES)
def test_the_mean_covers(name: str, n: int) -> None:
    draw, truth = SCORES[name]
    rng = simulated(n)
    hits = sum(covers(mean_of(draw(rng, n).tolist()), truth) for _ in range(BOARDS))
    assert 0.92 <= hits / BOARDS <= 0.98


@pytest.mark.parametrize("n", [6, 10, 21, 60, 2001])
def test_the_interval_of_a_median_covers(n: int) -> None:
    from scipy import stats

    rng, truth, boards = simulated(n), float(stats.gamma(2).median()), min(BOARDS, 10**6 // n)
    hits = sum(covers(median_of(rng.gamma(2, 1, n).tolist()), truth) for _ in range(boards))
    assert 0.93 <= hits / boards <= 0.975


def test_the_interval_of_a_ratio_covers_where_instances_are_clusters() -> None:
    """Epochs of an instance share what makes it hard; their mean is the trial."""
    rng, hits = simulated(3), 0
    for _ in range(BOARDS):
        base = rng.gamma(3, 10, 40)
        factor = 1 + rng.gamma(2, 0.1, 40)
        means = (base[:, None] * factor[:, None] * rng.uniform(0.8, 1.2, (40, 4))).mean(axis=1)
        hits += covers(ratio_of_sums(means.tolist(), base.tolist()), 1.2)
    assert 0.93 <= hits / BOARDS <= 0.97


@pytest.mark.parametrize("freedom", [4, 5, 9, 29, 999])
def test_the_t_quantile_is_that_of_scipy(freedom: int) -> None:
    from scipy import stats

    assert student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-3)


@pytest.mark.parametrize("n", [1, 5, 20, 300])
def test_the_rule_of_three_is_the_exact_bound(n: int) -> None:
    from scipy import stats

    assert rule_of_three(n) == pytest.approx(
        stats.binomtest(0, n, alternative="less").proportion_ci(0.95, "exact").high
    )
    assert n < 100 or rule_of_three(n) == pytest.approx(3 / n, rel=0.01)


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.data())
def test_pass_at_and_pass_hat_are_the_mean_over_all_choices(
    tries: list[bool], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(tries)))
    chosen = list(combinations(tries, k))
    assert pass_at(sum(tries), len(tries), k) == pytest.approx(mean(map(any, chosen)))
    assert pass_hat(sum(tries), len(tries), k) == pytest.approx(mean(map(all, chosen)))


def test_equal_values_say_why_their_interval_has_no_width() -> None:
    found = mean_of([0.1] * 7)
    assert (found.value, found.low, found.high) == (0.1, 0.1, 0.1)
    assert found.note == "all 7 values are equal"


def logistic(levels: list[int], half: float, n: int, rng: Random) -> list[tuple[float, Rate]]:
    chance = [1 / (1 + (x / half) ** 4) for x in levels]
    return [
        (x, Rate(sum(rng.random() < p for _ in range(n)), n))
        for x, p in zip(levels, chance, strict=True)
    ]


@pytest.mark.heavy
def test_half_level_covers_the_truth_at_any_n() -> None:
    rng, levels = Random("half"), [5, 10, 15, 20, 30, 40]
    for n in (20, 200):
        hits = 0
        for _ in range(60):
            found = half_level(logistic(levels, 17.0, n, rng))
            assert found.low is not None
            assert found.high is not None
            hits += found.low <= 17.0 <= found.high
        assert hits >= 51
        assert found.value == pytest.approx(17.0, abs=40 / n**0.5)


@pytest.mark.parametrize(
    ("successes", "note"),
    [
        ((40, 40, 40), "beyond the ramp"),
        ((0, 0, 0), "below the ramp"),
        ((30, 35, 40), "beyond the ramp"),
        ((2, 3, 9), "below the ramp"),
    ],
)
def test_half_level_outside_the_ramp_has_no_value(successes: tuple[int, ...], note: str) -> None:
    found = half_level([(x, Rate(k, 40)) for x, k in zip((5, 10, 15), successes, strict=True)])
    assert (found.value, found.note) == (None, note)


def test_half_level_between_all_and_nothing_has_an_interval() -> None:
    found = half_level([(5, Rate(40, 40)), (10, Rate(40, 40)), (15, Rate(0, 40))])
    assert found.value == pytest.approx(150**0.5, abs=0.1)  # the middle of the logarithms
    assert found.low is not None
    assert (found.low, found.high) == (10, 15)  # every level between fits as well


@pytest.mark.parametrize("n", [1, 2, 5, 40, 1000])
@pytest.mark.parametrize("last", range(1, 6))
def test_half_level_of_separated_levels_is_as_wide_as_what_is_not_known(n: int, last: int) -> None:
    levels = [5, 10, 15, 20, 30, 40]
    found = half_level([(x, Rate(n * (k < last), n)) for k, x in enumerate(levels)])
    assert found.value is not None
    low = -1e9 if found.low is None else found.low  # open: beyond the levels
    high = 1e9 if found.high is None else found.high
    assert low <= levels[last - 1] < levels[last] <= high
    assert levels[last - 1] <= found.value <= levels[last]


def test_a_ratio_whose_denominator_may_be_nothing_has_no_figure() -> None:
    noise = [0.1, -0.12, 0.05, -0.02, 0.03, -0.01]
    found = ratio_of_sums([1.0] * 6, noise)
    assert (found.value, found.low, found.note) == (None, None, WITHIN_NOISE)
    assert ratio_of_sums([1.0] * 2, noise[:2]).value is None  # of so few the noise is unknown
    assert ratio_of_sums([1.0] * 6, [0.0] * 6).note == "the references sum to 0"
    assert ratio_of_sums([1.0] * 6, [2.0, 2.1, 1.9, 2.0, 2.2, 1.8]).value == 0.5


def test_a_perfect_row_is_about_as_sure_as_a_nearly_perfect_one() -> None:
    perfect = mean_score([1.0] * 20, trials=1200)
    nearly = mean_score([1.0] * 19 + [59 / 60], trials=1200)
    assert perfect.low is not None
    assert nearly.low is not None
    assert perfect.low == rate(600, 600).low
    assert nearly.low - 0.002 < perfect.low
    assert (perfect.high, nearly.high) == (1.0, 1.0)
    nothing = mean_score([0.0] * 20, trials=1200)
    assert nothing.high == pytest.approx(1 - perfect.low)
    assert mean_score([1.0] * 20).low == rate(20, 20).low  # never fewer trials than scores


def test_skewed_values_reach_further_to_the_side_of_their_tail_and_say_so() -> None:
    values = [1.0] * 36 + [0.9, 0.8, 0.2, -3.0]
    found = mean_of(values)
    assert found.low is not None
    assert found.high is not None
    assert mean(values) - found.low > 2 * (found.high - mean(values)) > 0
    assert found.note.startswith("skewness -")
    mirrored = mean_of([-x for x in values])
    assert (mirrored.low, mirrored.high) == (-found.high, -found.low)
    assert mean_of([x / 10 for x in range(40)]).note == ""


def test_values_without_skew_have_students_interval() -> None:
    from scipy import stats

    values = [float(x) for x in range(11)]
    low, high = stats.t.interval(0.95, 10, 5.0, stats.sem(values))
    found = mean_of(values)
    assert found.low == pytest.approx(low, rel=1e-4)
    assert found.high == pytest.approx(high, rel=1e-4)


def test_ends_are_round_and_lie_on_the_scale() -> None:
    assert Estimate.of(0.0, 3.5e-18, 0.2).low == 0.0
    assert Estimate.of(0.5, -0.1, 1.3, (0.0, 1.0)) == Estimate(0.5, 0.0, 1.0)
    assert Estimate.of(1e-7, 1.2345678901234567e-8, 2e-7).low == 1.2345678901e-8
    assert Estimate.of(1234.5, 1000 / 3, 2000.0).low == 333.33333333


@pytest.mark.parametrize("zero", [False, True])
def test_half_level_is_fitted_in_the_logarithm(zero: bool) -> None:
    """A curve that is logistic in the logarithm is found again; in the level it would not be."""
    levels = [0, 8, 16, 24, 32, 40] if zero else [5, 10, 15, 20, 30, 40]
    points = [(x, Rate(4000 / (1 + ((x + zero) / (16 + zero)) ** 4), 4000)) for x in levels]
    assert half_level(points).value == pytest.approx(16, rel=0.01)
