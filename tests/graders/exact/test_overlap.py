"""Overlap in training of mixtures of experts is a job shop in which there is nothing to plan.

After FSMoE (arXiv 2501.10714): a batch in r equal chunks, each over the network between nodes, the
one inside, the processor, and back; beside them three pieces of gradients on the first.
"""

from random import Random
from statistics import fmean

import pytest

from graders.exact.jobshop import reference
from graders.exact.jobshop_rules import RULES, dispatch, index_shop
from tasks.jobshop import Shop
from tests.factories.shops import shop

BETWEEN, INSIDE, COMPUTE = range(3)


def overlap(chunks: int, index: int) -> Shop:
    """A step of training: times of its five parts U{10..60}, and 2 beside each of a chunk."""
    rng = Random(f"moe/1/0/{index}/times")
    parts = [2 + round(rng.randint(10, 60) / chunks) for _ in range(5)]
    route = [BETWEEN, INSIDE, COMPUTE, INSIDE, BETWEEN]
    return shop([[*zip(route, parts, strict=True)]] * chunks + [[(BETWEEN, 12)]] * 3)


def ratio(chunks: int, name: str, count: int = 20) -> tuple[float, float]:
    """The mean optimum, and the mean of the optimum over the makespan of a rule."""
    best, shares = [], []
    for index in range(count):
        payload = overlap(chunks, index)
        known, indexed = reference(payload), index_shop(payload)
        assert known.status == "optimal"
        starts = dispatch(indexed, RULES[name], "nondelay", buffers="free", careful=False)
        assert starts is not None
        best.append(known.objective or 0)
        shares.append((known.objective or 0) / indexed.makespan(starts))
    return fmean(best), fmean(shares)


@pytest.mark.parametrize(
    ("chunks", "optimum"),
    [
        (2, 131.0),
        pytest.param(1, 183.0, marks=pytest.mark.slow),
        pytest.param(4, 127.0, marks=pytest.mark.slow),
        pytest.param(8, 141.0, marks=pytest.mark.slow),
    ],
)
def test_first_come_first_served_leaves_nothing_to_plan(chunks: int, optimum: float) -> None:
    best, share = ratio(chunks, "fifo")
    assert best == pytest.approx(optimum, abs=1)
    assert share > 0.9977
