"""Fits that never fall, the tokens they need, and intervals by cluster: against brute force."""

from math import inf
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.curves import LadderRung, equal_accuracies, fitted, reach
from tests.depth import examples, often

points = st.lists(
    st.tuples(st.integers(1, 12).map(float), st.integers(0, 10).map(lambda k: k / 10)),
    min_size=1,
    max_size=8,
)


@given(points)
@examples(300)
def test_a_fit_is_the_isotonic_one(drawn: list[tuple[float, float]]) -> None:
    """By its formula: the most, over starts before, of the least mean, over ends behind."""
    curve = fitted(drawn)
    places = sorted({tokens for tokens, _ in drawn})
    groups = [[y for x, y in drawn if x == place] for place in places]

    def mean(first: int, last: int) -> float:
        return fmean(y for group in groups[first : last + 1] for y in group)

    for k, (place, level) in enumerate(curve):
        least = [min(mean(i, j) for j in range(k, len(places))) for i in range(k + 1)]
        assert place == places[k]
        assert level == pytest.approx(max(least))


@given(points, st.integers(0, 10).map(lambda k: k / 10))
@examples(300)
def test_the_fewest_tokens_are_on_the_curve(
    drawn: list[tuple[float, float]], accuracy: float
) -> None:
    curve = fitted(drawn)
    tokens = reach(curve, accuracy)
    assert (tokens == inf) == (curve[-1][1] < accuracy)
    if tokens < inf:
        assert curve[0][0] <= tokens <= curve[-1][0]
        below = [level for place, level in curve if place < tokens - 1e-9]
        assert all(level < accuracy for level in below)


def rungs(skill: float, seed: str, clusters: int, spread: float) -> list[LadderRung]:
    """A way whose accuracy is min(1, tokens * skill), with clusters that differ."""
    rng = Random(seed)
    better = [rng.uniform(-spread, spread) for _ in range(clusters)]
    return [
        LadderRung(tuple(min(1, max(0, t * skill + b)) for b in better), (float(t),) * clusters)
        for t in (10, 20, 40, 80, 160)
    ]


def test_a_way_that_needs_half_the_tokens_has_a_ratio_of_two() -> None:
    for each in equal_accuracies(rungs(0.004, "a", 8, 0), rungs(0.008, "a", 8, 0), "t", 100):
        assert each.ratio.value == pytest.approx(2)
        assert each.ratio.low == each.ratio.high == pytest.approx(2)
    same = rungs(0.004, "a", 8, 0.05)
    low, *_ = equal_accuracies(same, same, "t", 100)
    assert (low.ratio.value, low.ratio.low, low.ratio.high) == (1, 1, 1)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held = []
    for seed in range(often(200)):
        one, other = rungs(0.004, f"{seed}/1", 16, 0.1), rungs(0.008, f"{seed}/2", 16, 0.1)
        middle = equal_accuracies(one, other, f"{seed}", 80)[1].ratio
        assert middle.low is not None
        assert middle.high is not None
        held.append(middle.low <= 2.0 <= middle.high)
    assert fmean(held) >= 0.8


def test_ends_that_no_draw_bounds_are_open() -> None:
    plain = [LadderRung((1.0, 1.0, 1.0, 0.0, 0.0, 0.0), (float(t),) * 6) for t in (10, 20)]
    plain[0] = LadderRung((0.0,) * 6, (10.0,) * 6)
    aided = [LadderRung((0.0,) * 6, (5.0,) * 6), LadderRung((1.0,) * 6, (10.0,) * 6)]
    last = equal_accuracies(plain, aided, "open", 400)[-1].ratio  # at 3/8 of 1/2
    assert last.value == pytest.approx(17.5 / 6.875)
    assert last.low is not None
    assert last.high is None
    assert "draws do not reach it" in last.note


def test_ways_that_never_meet_and_few_clusters_say_so() -> None:
    low, high = (
        [LadderRung((level,) * 3, (10.0,) * 3), LadderRung((level + 0.1,) * 3, (20.0,) * 3)]
        for level in (0.1, 0.5)
    )
    assert equal_accuracies(low, high, "never", 10) == []
    [*_, last] = equal_accuracies(low, low, "few", 10)
    assert (last.ratio.low, last.ratio.note) == (None, "fewer than 5 contexts")
    with pytest.raises(ValueError, match="as many accuracies as tokens"):
        LadderRung((1.0,), ())
    with pytest.raises(ValueError, match="the same clusters"):
        equal_accuracies(low, rungs(0.1, "x", 4, 0), "t")
