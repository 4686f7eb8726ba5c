"""The Brier score and its parts: what they are, what cannot be gained, how often intervals hold."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.feasibility import generate
from graders.confidence import (
    Forecast,
    confidence_metrics,
    forecast_of,
    metrics_of,
    tallies,
)
from graders.feasibility import grade, reward, summarise
from graders.statistics import Estimate
from tasks.base import Fields, Grade, Record, Verdict
from tasks.feasibility import constraints, read
from tests.factories.records import record

Forecasts = list[tuple[float | None, bool]]


def records(forecasts: Forecasts) -> list[Record]:
    rows = []
    for k, (confidence, is_right) in enumerate(forecasts):
        verdict = Verdict.valid if is_right else Verdict.infeasible
        metrics = {"solvable": float(k % 2), "claim": 1.0, **metrics_of(confidence)}
        each = Grade(verdict, 1.0 if is_right else -1.0, metrics=metrics)
        name = f"feasibility-5-s0-k{k}-00000000"
        rows.append(record(k, instance=name, family="feasibility", level=5, grade=each))
    return rows


def estimates(forecasts: Forecasts) -> dict[str, Estimate]:
    return confidence_metrics(records(forecasts))


def value(forecasts: Forecasts, name: str) -> float:
    result = estimates(forecasts)[name].value
    assert result is not None
    return result


@given(st.lists(st.tuples(st.sampled_from([0.05, 0.35, 0.65, 0.95]), st.booleans()), min_size=2))
def test_the_parts_add_up_to_the_score(forecasts: list[tuple[float, bool]]) -> None:
    """One confidence a bin; the corrections of Ferro & Fricker cancel. Without cuts at 0."""
    bins = tallies(Forecast(*each) for each in forecasts)
    n = len(forecasts)
    base = sum(right for _, right in forecasts) / n
    calibration = sum(b.size * (b.confidence / b.size - b.share) ** 2 for b in bins.values()) / n
    resolution = sum(b.size * (b.share - base) ** 2 for b in bins.values()) / n
    brier = sum((p - right) ** 2 for p, right in forecasts) / n
    assert brier == pytest.approx(calibration - resolution + base * (1 - base))
    assert value([*forecasts], "brier") == pytest.approx(brier)


def test_who_always_says_the_same_resolves_nothing() -> None:
    forecasts: Forecasts = [(0.7, k % 10 < 7) for k in range(100)]
    assert value(forecasts, "resolution") == pytest.approx(0, abs=1e-12)
    assert value(forecasts, "calibration") == pytest.approx(0, abs=0.003)
    assert value(forecasts, "overconfidence") == pytest.approx(0)
    assert value(forecasts, "brier") == pytest.approx(0.21)


def test_who_knows_resolves_all() -> None:
    forecasts: Forecasts = [(float(k % 2), bool(k % 2)) for k in range(60)]
    result = {name: e.value for name, e in estimates(forecasts).items()}
    assert result["brier"] == result["calibration"] == 0
    assert result["resolution"] == pytest.approx(result["uncertainty"])


def test_silence_is_taken_at_a_half_so_that_stating_what_is_sure_alone_gains_nothing() -> None:
    sure: Forecasts = [(1.0, True)] * 10
    assert value([*sure, *[(None, False)] * 10], "brier") == 0.125
    assert value([*sure, *[(0.5, False)] * 10], "brier") == 0.125
    assert value([*sure, *[(None, False)] * 10], "stated") == 0.5


def test_where_none_was_asked_for_there_are_no_such_metrics() -> None:
    plain = [record(k, family="feasibility", grade=Grade(Verdict.valid, 1.0)) for k in range(4)]
    assert confidence_metrics(plain) == {}
    assert plain[0].grade is not None
    assert forecast_of(plain[0].grade) is None


CURVES: dict[str, tuple[list[float], Callable[[float], float]]] = {
    "calibrated": ([0.1, 0.3, 0.5, 0.7, 0.9], lambda p: p),
    "overconfident": ([0.55, 0.75, 0.85, 0.95], lambda p: 0.3 + 0.3 * p),
    "useless": ([0.2, 0.5, 0.9], lambda _: 0.5),
}


@pytest.mark.heavy
@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("part", ["brier", "calibration", "resolution"])
def test_intervals_hold_the_truth_and_the_parts_are_unbiased(curve: str, part: str) -> None:
    levels, chance = CURVES[curve]
    base = sum(map(chance, levels)) / len(levels)
    truth = {
        "calibration": sum((p - chance(p)) ** 2 for p in levels) / len(levels),
        "resolution": sum((chance(p) - base) ** 2 for p in levels) / len(levels),
    }
    truth["brier"] = truth["calibration"] - truth["resolution"] + base * (1 - base)
    boards, held, values = 60, 0, []
    for board in range(boards):
        rng = Random(f"{curve}/{board}")
        forecasts: Forecasts = [(p, rng.random() < chance(p)) for p in rng.choices(levels, k=160)]
        estimate = estimates(forecasts)[part]
        assert estimate.value is not None
        assert estimate.low is not None
        assert estimate.high is not None
        held += estimate.low <= truth[part] <= estimate.high
        values.append(estimate.value)
    assert held / boards >= 0.95 - 4 * (0.95 * 0.05 / boards) ** 0.5
    assert sum(values) / boards == pytest.approx(truth[part], abs=0.012)


def test_few_answers_are_told() -> None:
    assert "fewer than 40" in estimates([(0.9, k % 3 > 0) for k in range(20)])["calibration"].note
    assert estimates([(0.9, k % 3 > 0) for k in range(60)])["calibration"].note == ""


# In the family --------------------------------------------------------------------------------


def judged(answer: Fields | None, *, confidence: bool = True) -> Grade:
    instance = generate(5, 0, 0, {"twin": "infeasible", "confidence": confidence})
    return grade(instance, read(answer, ""))


def test_confidence_changes_neither_score_nor_reward() -> None:
    instance = generate(5, 0, 0, {"twin": "infeasible", "confidence": True})
    every = {"starts": None, "infeasible": list(constraints(instance.payload))}
    for answer, score in ((every, 1.0), ({"infeasible": []}, -1.0), (None, -1.0)):
        plain = judged(answer, confidence=False)
        assert (plain.score, "stated" in plain.metrics) == (score, False)
        for stated in (0.0, 1.0) if answer else (None,):
            result = judged(answer | {"confidence": stated} if answer else None)
            assert result.score == score
            assert result.metrics == plain.metrics | metrics_of(stated)
            assert reward(instance, result) == reward(instance, plain)


def test_a_row_has_the_metrics_beside_its_headline() -> None:
    score, metrics = summarise(records([(0.9, k % 4 > 0) for k in range(60)]))
    assert score.value == pytest.approx(0.5)
    assert metrics["brier"].value == pytest.approx(0.21)
    assert {"stated", "calibration", "resolution", "overconfidence"} <= metrics.keys()
