"""pass^K of any family with epochs, and how often its intervals hold the truth."""

from random import Random

import pytest

from graders.passes import best, pass_rates
from tasks.base import Grade, Record, Verdict
from tests.factories.records import record

SHAPES = [(8.0, 2.0), (1.0, 1.0), (1.0, 4.0), (0.5, 0.1)]  # of the chances, which are beta


def episode(level: int, index: int, epoch: int, *, is_right: bool) -> Record:
    name = f"feasibility-{level}-s0-k{index}-00000000"
    grade = Grade(Verdict.valid if is_right else Verdict.infeasible, 1.0 if is_right else -1.0)
    return record(index, instance=name, level=level, epoch=epoch, grade=grade)


def row_of(rng: Random, n: int, shape: tuple[float, float], epochs: int) -> list[list[Record]]:
    """Two strata of instances, each with a chance of its own to be answered right."""
    strata = []
    for level in (5, 10):
        chances = [rng.betavariate(*shape) for _ in range(n)]
        strata.append(
            [
                episode(level, i, e, is_right=rng.random() < p)
                for i, p in enumerate(chances)
                for e in range(epochs)
            ]
        )
    return strata


def power(shape: tuple[float, float], k: int) -> float:
    """Return the mean of the k-th power of a beta variable."""
    a, b = shape
    value = 1.0
    for j in range(k):
        value *= (a + j) / (a + b + j)
    return value


@pytest.mark.heavy
@pytest.mark.parametrize("n", [20, 60])
def test_intervals_hold_the_truth_as_often_as_they_say(n: int) -> None:
    boards, hits = 120, []
    for shape in SHAPES:
        for k in (2, 4):
            held = 0
            for board in range(boards):
                rng = Random(f"{n}/{shape}/{board}")
                estimate = pass_rates(row_of(rng, n, shape, 4))[f"pass^{k}"]
                assert estimate.low is not None
                assert estimate.high is not None
                held += estimate.low <= power(shape, k) <= estimate.high
            hits.append(held / boards)
    chance = (0.95 * 0.05 / boards) ** 0.5  # the standard error of one of these shares
    assert min(hits) >= 0.95 - 4 * chance, hits
    assert 0.93 <= sum(hits) / len(hits) <= 0.985, hits


@pytest.mark.heavy
def test_the_estimate_is_unbiased() -> None:
    values = [
        pass_rates(row_of(Random(f"u{board}"), 20, (2.0, 2.0), 4))["pass^2"].value
        for board in range(200)
    ]
    mean = sum(v for v in values if v is not None) / len(values)
    assert mean == pytest.approx(power((2.0, 2.0), 2), abs=0.012)


def test_without_a_second_epoch_there_is_none() -> None:
    assert pass_rates(row_of(Random("x"), 5, (1.0, 1.0), 1)) == {}


def test_an_instance_with_fewer_epochs_is_left_out() -> None:
    whole = [episode(5, 0, e, is_right=True) for e in range(4)]
    part = [episode(5, 1, e, is_right=False) for e in range(3)]
    rates = pass_rates([whole + part])
    assert rates["pass^4"].value == 1.0
    assert rates["pass^2"].value == 0.5
    assert pass_rates([whole, part])["pass^4"].value is None


@pytest.mark.parametrize(
    ("score", "expected"), [(1.0, 1), (1 - 1e-12, 1), (0.999, 0), (0, 0), (-1, 0)]
)
def test_a_success_is_the_best_score_there_is(score: float, expected: float) -> None:
    assert best(Grade(Verdict.valid, score)) == expected
