"""The domain of orders for pods: what is no placement is refused, costs, the driver is the rule."""

from itertools import islice
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from generators.pods import generate as generate_pods
from graders.exact.pods_packing import index_cluster
from graders.exact.pods_rules import random_repacks, repack
from graders.pods_violations import violations
from harness.evolve.domain import WrongSolution
from harness.evolve.domains.pods_order import (
    BEST,
    DOMAIN,
    DRIVER,
    WORST,
    answer,
    case,
    chance,
    cost,
    generate,
    grade,
)
from harness.families.pods import POLICIES
from tasks.base import Outcome, Parsed, Reference, Verdict
from tasks.pods import KEY, PodCluster, read, split_value, value
from tests.depth import examples, often
from tests.factories.pods import cluster, instance, small

ONE = instance(cluster([(4, 4), (4, 4)], [(3, 3, 1, 0), (3, 3, 2, 1), (4, 4, 2, None)], [1]))


def solve(function: Any, shown: Any) -> Any:
    space: dict[str, Any] = {"number": lambda value: value}
    exec(DRIVER, space)
    return space["solve"](function, shown)


def program(name: str) -> Any:
    space: dict[str, Any] = {}
    exec(DOMAIN.programs[name], space)
    return space["order"]


@pytest.mark.parametrize(
    ("solution", "kind"),
    [
        (None, "wrong type"),
        ({"p0": 1}, "wrong type"),
        ([0, 1, 2], "wrong type"),
        ([0, True, None], "wrong type"),
        ([0, 1.0, None], "wrong type"),
        ([0, -1, None], "wrong type"),
        ([0, 1], "wrong count"),
        ([0, 1, None, None], "wrong count"),
    ],
)
def test_what_is_no_placement_is_refused(solution: Any, kind: str) -> None:
    with pytest.raises(WrongSolution) as caught:
        answer(ONE, solution)
    assert caught.value.kind == kind
    assert answer(ONE, [None, 1, 0]) == {KEY: {"p0": None, "p1": "n1", "p2": "n0"}}


@pytest.mark.parametrize(("name", "fill"), [("fullest", "most"), ("emptiest", "least")])
def test_seed_programs_repack_as_the_rules_do(name: str, fill: Any) -> None:
    for index in range(often(40)):
        one = generate_pods(3, 5, index, {"protected": 0.1}, reference=False)
        indexed = index_cluster(one.payload)
        assert solve(program(name), case(one)) == repack(indexed, fill)


@examples(200)
@given(small(), st.integers(0, 10**6))
def test_any_order_is_a_placement_that_keeps_the_rules(payload: PodCluster, seed: int) -> None:
    """Nodes are alike in the domain; here the smallest of two stands for both."""
    least = min(node.cpu for node in payload.nodes), min(node.memory for node in payload.nodes)
    nodes = tuple(replace(node, cpu=least[0], memory=least[1]) for node in payload.nodes)
    pods = tuple(replace(pod, node=None, protected=False) for pod in payload.pods)
    one = instance(replace(payload, nodes=nodes, pods=pods))
    rng = Random(seed)
    found = answer(one, solve(lambda *_: rng.random(), case(one)))[KEY]
    assert violations(one.payload, found) == []
    for name, node in found.items():  # who waits fits nowhere
        if node is None:
            for other in nodes:
                assert violations(one.payload, found | {name: other.id})


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_program_that_changes_its_arguments_has_failed(which: int) -> None:
    def order(*arguments: Any) -> float:
        arguments[which]["index"] = -1
        return 0.0

    assert solve(order, case(ONE))["failure"] == "arguments"


def test_costs_go_from_the_optimum_over_eviction_to_the_worst() -> None:
    for index in range(often(40)):
        one = generate(3, 6, index, {})
        assert one.reference.answer is not None
        assert (one.reference.objective, one.reference.bound) == (BEST, BEST)
        best = generate_pods(3, 6, index, {}).reference
        waiting = [
            split_value(one.payload, int(each or 0))[0]
            for each in (best.objective, value(one.payload, one.reference.answer[KEY]))
        ]
        assert waiting[0] == waiting[1]
        assert graded(one, one.reference.answer) == BEST
        assert graded(one, POLICIES["preempt"].answer(one)) == 2 * BEST
        assert graded(one, {KEY: {pod.id: None for pod in one.payload.pods}}) == WORST
        assert BEST < chance(one) <= WORST
        indexed = index_cluster(one.payload)
        rng = Random(f"costs/{index}")
        repacks = [indexed.by_id(spots) for spots in islice(random_repacks(indexed, rng), 20)]
        ranked = sorted(repacks, key=lambda each: value(one.payload, each))
        costs = [cost(one, value(one.payload, each)) for each in ranked]
        assert costs == sorted(costs)


def graded(one: Any, placement: Any) -> Any:
    return grade(one, Outcome((Parsed(value=placement, how="given"),))).objective


def test_what_is_not_proven_is_bounded_and_broken_placements_have_no_cost() -> None:
    payload = cluster([(5, 5), (5, 5)], [(3, 3, 1, 0), (3, 3, 1, 1), (3, 3, 1, None)])
    open_ = instance(payload, Reference("bounded", bound=BEST))
    assert cost(open_, value(payload, {"p0": "n0", "p1": "n1", "p2": None})) == 2 * BEST
    found = grade(ONE, read({KEY: {"p0": "n0", "p1": "n1", "p2": "n0"}}, ""))
    assert (found.verdict, found.objective) == (Verdict.infeasible, None)
    assert generate(3, 6, 0, {}, reference=False).reference == Reference("none")
