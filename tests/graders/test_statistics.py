"""Intervals against known values and against simulation."""

from random import Random
from statistics import mean, median

import pytest

from graders.statistics import Rate, bootstrap, half_level, mean_of_rates, rate


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


def test_mean_of_rates_covers() -> None:
    """At least nominal over rates of 0 to 1, where a bootstrap within levels would collapse."""
    rng, truth = Random("covers"), [1.0, 0.87, 0.6, 0.33, 0.08, 0.0]
    hits = 0
    for _ in range(1000):
        drawn = [Rate(sum(rng.random() < p for _ in range(40)), 40) for p in truth]
        found = mean_of_rates(drawn)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= mean(truth) <= found.high
    assert 0.93 <= hits / 1000 <= 1.0


def test_weights() -> None:
    found = mean_of_rates([Rate(10, 10), Rate(0, 10)], [1, 3])
    assert found.value == 0.25


def test_bootstrap_is_seeded_and_holds_the_value() -> None:
    rng = Random("v")
    values = [rng.random() for _ in range(60)]
    found = bootstrap(values, "median")
    assert found == bootstrap(values, "median")
    assert found.low is not None
    assert found.low < median(values) < (found.high or 0)
    assert bootstrap([]).value is None


@pytest.mark.parametrize("values", [[0.5], [0.0, 1.0], [1.0, 2.0, 4.0, 1.0], [1.0] * 4])
def test_few_values_have_no_interval(values: list[float]) -> None:
    found = bootstrap(values)
    assert found.value == mean(values)
    assert (found.low, found.high, found.note) == (None, None, "fewer than 5 values")
    assert bootstrap(values, "median").value == median(values)
    whole = bootstrap([*values, 5.0, 6.0, 7.0, 8.0])
    assert whole.low is not None
    assert whole.note == ""


def test_equal_values_say_why_their_interval_has_no_width() -> None:
    found = bootstrap([0.1] * 7)
    assert (found.value, found.low, found.high) == (0.1, 0.1, 0.1)
    assert found.note == "all 7 values are equal"


def logistic(levels: list[int], half: float, n: int, rng: Random) -> list[tuple[float, Rate]]:
    chance = [1 / (1 + 2.718 ** ((x - half) / 3)) for x in levels]
    return [
        (x, Rate(sum(rng.random() < p for _ in range(n)), n))
        for x, p in zip(levels, chance, strict=True)
    ]


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
    [((40, 40, 40), "beyond the ramp"), ((0, 0, 0), "below the ramp"),
     ((30, 35, 40), "beyond the ramp"), ((2, 3, 9), "below the ramp")],
)  # fmt: skip
def test_half_level_outside_the_ramp_has_no_value(successes: tuple[int, ...], note: str) -> None:
    found = half_level([(x, Rate(k, 40)) for x, k in zip((5, 10, 15), successes, strict=True)])
    assert (found.value, found.note) == (None, note)


def test_half_level_between_all_and_nothing_has_an_interval() -> None:
    found = half_level([(5, Rate(40, 40)), (10, Rate(40, 40)), (15, Rate(0, 40))])
    assert found.value == pytest.approx(12.5, abs=0.1)
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
