"""What shares a seed and an index is one trial; strata are no chance."""

from math import sqrt
from statistics import fmean, variance

import pytest

from graders.clusters import mean_over, rates_over, ratio_over, sample, score_over, share_over
from graders.statistics import DESIGN_EFFECT, Rate, mean_of, rate
from tasks.base import Grade, Record, Verdict


def record(level: int, index: int, score: float, epoch: int = 0, *, family: str = "toy") -> Record:
    name = f"{family}-{level}-s0-i{index}-0123abcd"
    grade = Grade(Verdict.valid, score, metrics={"base": float(level)})
    return Record(
        name,
        "toy",
        level,
        {},
        "openai/x",
        "direct",
        "none",
        epoch,
        grade,
        None,
        1,
        1,
        None,
        None,
        None,
        0.0,
    )


def value(grade: Grade) -> float:
    return grade.score


SCORES = {  # by level, each index at every level
    5: [0.9, 0.8, 0.7, 1.0, 0.6, 0.9],
    10: [0.7, 0.5, 0.4, 0.9, 0.3, 0.5],
    20: [0.4, 0.3, 0.1, 0.6, 0.1, 0.2],
}
LEVELS = [[record(x, i, s) for i, s in enumerate(scores)] for x, scores in SCORES.items()]


def test_shared_indices_give_one_value_each_its_mean_over_levels() -> None:
    found = sample(LEVELS, value)
    means = [fmean(scores) for scores in zip(*SCORES.values(), strict=True)]
    assert sorted(found.values) == pytest.approx(sorted(means))
    assert found.freedom == 5
    assert mean_over(LEVELS, value).low == pytest.approx(mean_of(means).low)


def test_levels_that_share_nothing_are_strata() -> None:
    apart = [[record(x, 100 * x + i, s) for i, s in enumerate(SCORES[x])] for x in SCORES]
    found = sample(apart, value)
    assert (len(found.values), found.freedom) == (18, 15)
    expected = sum(variance(scores) / 6 for scores in SCORES.values()) / 9
    assert found.variance == pytest.approx(expected)
    assert sample(LEVELS, value).variance > 2 * found.variance  # these rise and fall together
    pooled = sample([[r for level in apart for r in level]], value)
    assert pooled.variance > 2 * found.variance  # the levels' distance is taken for chance


def test_a_cluster_with_levels_missing_counts_where_it_is() -> None:
    partly = [level[k:] for k, level in enumerate(LEVELS)]
    found = sample(partly, value, equal=True)
    means = [fmean(r.grade.score for r in level if r.grade) for level in partly]
    assert fmean(found.values) == pytest.approx(fmean(means))
    assert len(found.values) == 6
    whole = sample(LEVELS, value)
    assert whole.variance / 2 < found.variance < 2 * whole.variance
    by_size = fmean(r.grade.score for level in partly for r in level if r.grade)
    assert fmean(sample(partly, value).values) == pytest.approx(by_size)


def test_a_stratum_with_one_cluster_is_put_together_with_others() -> None:
    cells = [[record(5, k, s)] for k, s in enumerate(SCORES[5])]
    assert sample(cells, value).variance == pytest.approx(variance(SCORES[5]) / 6)
    odd = [[record(5, k, s) for k, s in enumerate(SCORES[5][:5])], [record(5, 9, 0.9)]]
    assert sample(odd, value).variance == pytest.approx(variance(SCORES[5]) / 6)


def test_one_level_is_what_it_was() -> None:
    assert mean_over(LEVELS[:1], value) == mean_of(SCORES[5])
    binary = [[record(5, k, float(k < 7)) for k in range(10)]]
    assert share_over(binary, value) == rate(7, 10)
    assert rates_over(binary, value) == [Rate(7, 10)]


def test_a_ratio_is_that_of_the_sums() -> None:
    found = ratio_over(LEVELS, value, lambda g: g.metrics["base"])
    expected = sum(map(sum, SCORES.values())) / (6 * 35)
    assert found.value == pytest.approx(expected)
    assert found.low is not None
    assert found.low < expected < (found.high or 0)
    nothing = ratio_over(LEVELS, value, lambda g: g.score - fmean([0.55, 0.5]))
    assert nothing.value is None


def test_levels_that_succeed_together_have_fewer_trials() -> None:
    together = [[record(x, k, float(k < 6)) for k in range(12)] for x in (5, 10, 20)]
    apart = [
        [record(x, k, float((k + 4 * j) % 12 < 6)) for k in range(12)]
        for j, x in enumerate((5, 10, 20))
    ]
    assert rates_over(together, value)[0] == Rate(2, 4)  # 12 trials at 3 levels
    assert 9 < rates_over(apart, value)[0].n <= 12
    perfect = [[record(x, k, 1.0) for k in range(12)] for x in (5, 10, 20)]
    assert rates_over(perfect, value)[0].n == 12 / DESIGN_EFFECT
    assert score_over(perfect, value).low == rate(18, 18).low


def test_epochs_are_worth_between_nothing_and_instances_of_their_own() -> None:
    def shown(instances: list[list[float]]) -> Rate:
        records = [record(5, k, s, e) for k, x in enumerate(instances) for e, s in enumerate(x)]
        return rates_over([records], value)[0]

    repeated = shown([[1.0] * 6, [0.0] * 6] * 10)
    assert 17 < repeated.n <= 20
    assert repeated.value == 0.5
    assert shown([[1.0, 0.0]] * 20).n == 40
    between = shown([[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [1.0] * 4] * 10)
    assert 30 < between.n < 120
    assert between.value == pytest.approx(7 / 12)
    assert shown([[1.0] * 9] * 20) == Rate(20, 20)


def test_a_standard_error_is_that_of_the_mean() -> None:
    assert sqrt(sample(LEVELS[:1], value).variance) == pytest.approx(
        sqrt(variance(SCORES[5])) / sqrt(6)
    )
