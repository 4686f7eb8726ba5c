"""The checker of pods: it finds what counting unit by unit does; three grades; cheats don't win."""

from collections.abc import Sequence
from functools import cache
from itertools import islice, pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from generators.pods import generate
from graders.exact.pods import reference
from graders.exact.pods_packing import index_cluster
from graders.exact.pods_rules import random_repacks
from graders.pods import broken_share, grade, reward, summarise, violations
from harness.families.pods import POLICIES
from tasks.base import (
    Fields,
    Grade,
    Instance,
    Outcome,
    Parsed,
    Record,
    Reference,
    Reward,
    SolverFailure,
    Verdict,
)
from tasks.pods import KEY, PodCluster, now, read, split_value, value
from tests.depth import examples
from tests.factories.pods import cluster, faults, instance, placements, small
from tests.factories.records import record

# The checker ----------------------------------------------------------------------------------


def seen(problems: Sequence[Fields]) -> set[tuple[Any, ...]]:
    """What violations say, as the twin in the factory says it."""
    return {
        ("capacity", v["node"], v["resource"]) if v["kind"] == "capacity" else (v["kind"], v["pod"])
        for v in problems
    }


@examples(1500)
@given(small(), st.data())
def test_the_checker_finds_what_counting_unit_by_unit_finds(
    payload: PodCluster, data: st.DataObject
) -> None:
    nodes = st.sampled_from([None, *(node.id for node in payload.nodes)])
    placement = {pod.id: data.draw(nodes) for pod in payload.pods}
    assert seen(violations(payload, placement)) == faults(payload, placement)


# p0 of low priority runs, p1 must stay, p2 waits and fits where p0 is
CHEATED = cluster([(4, 4), (4, 4)], [(3, 3, 1, 0), (3, 3, 2, 1), (4, 4, 2, None)], [1])
GOOD: dict[str, Any] = {"p0": None, "p1": "n1", "p2": "n0"}
CHEATS: list[tuple[Any, list[str], Verdict]] = [
    ({}, ["missing"] * 3, Verdict.infeasible),
    ({"p0": None, "p1": "n1"}, ["missing"], Verdict.infeasible),
    (GOOD | {"p3": None}, ["unknown"], Verdict.infeasible),
    (GOOD | {"p0": "n2"}, ["unknown_node"], Verdict.infeasible),
    (GOOD | {"p0": ""}, ["unknown_node"], Verdict.infeasible),
    (GOOD | {"p0": "n0"}, ["capacity", "capacity"], Verdict.infeasible),
    (GOOD | {"p1": None}, ["protected"], Verdict.infeasible),
    (GOOD | {"p1": "n0", "p2": None}, ["protected"], Verdict.infeasible),
    (GOOD | {"p0": ["n0"]}, ["not_a_node"], Verdict.unparsable),
    (GOOD | {"p0": ["n0", "n1"]}, ["not_a_node"], Verdict.unparsable),
    (GOOD | {"p0": False}, ["not_a_node"], Verdict.unparsable),
    (GOOD | {"p0": 0}, ["not_a_node"], Verdict.unparsable),
    (GOOD | {"p0": {"n0": 0.5, "n1": 0.5}}, ["not_a_node"], Verdict.unparsable),
    (GOOD | {"p0": float("nan"), "p1": None}, ["not_a_node", "protected"], Verdict.unparsable),
]


@pytest.mark.parametrize(("placement", "kinds", "verdict"), CHEATS)
def test_cheats_are_refused_with_their_kind(
    placement: Any, kinds: list[str], verdict: Verdict
) -> None:
    """As they are given: what a text says is read by the rule of spelling first."""
    assert violations(CHEATED, GOOD) == []
    assert [v["kind"] for v in violations(CHEATED, placement)] == kinds
    found = graded(instance(CHEATED), placement)
    assert (found.verdict, found.score, found.objective) == (verdict, 0.0, None)
    assert 0 < found.metrics["broken"] <= 1


def test_what_is_too_much_is_measured() -> None:
    payload = cluster([(4, 4)], [(3, 1, 1, None), (3, 2, 1, None)])
    [over] = violations(payload, {"p0": "n0", "p1": "n0"})
    assert over == {"kind": "capacity", "node": "n0", "resource": "cpu", "amount": 2}


@pytest.mark.parametrize("answer", [None, {}, {KEY: ["n0"]}, {"nodes": GOOD}])
def test_without_a_placement_it_is_unparsable(answer: Any) -> None:
    found = grade(instance(CHEATED), Outcome((Parsed(value=answer),)))
    assert (found.verdict, found.score, found.metrics["broken"]) == (Verdict.unparsable, 0.0, 1.0)


@examples(300)
@given(small(), st.data())
def test_leaving_pods_out_never_lowers_the_share_that_is_broken(
    payload: PodCluster, data: st.DataObject
) -> None:
    nodes = st.sampled_from([None, "n9", *(node.id for node in payload.nodes)])
    placement: dict[str, Any] = {pod.id: data.draw(nodes) for pod in payload.pods}
    problems = violations(payload, placement)
    share = broken_share(payload, problems)
    assert (share == 0) == (not problems)
    for name in placement:
        fewer = {key: node for key, node in placement.items() if key != name}
        assert share <= broken_share(payload, violations(payload, fewer)) <= 1


# Grades and rewards ---------------------------------------------------------------------------


def graded(one: Instance[PodCluster], placement: Any) -> Grade:
    return grade(one, read({KEY: placement}, ""))


@pytest.mark.parametrize("level", [2, 3])
def test_gold_scores_1_and_broken_or_emptier_gold_does_not(level: int) -> None:
    for index in range(5):
        one = generate(level, 2, index, {"protected": 0.2})
        assert one.reference.answer is not None
        gold = one.reference.answer[KEY]
        best = graded(one, gold)
        assert (best.verdict, best.score, best.against) == (Verdict.valid, 1.0, "optimum")
        assert best.metrics["excess"] == 0
        for name, node in gold.items():
            assert graded(one, {k: v for k, v in gold.items() if k != name}).score == 0
            assert graded(one, gold | {name: "n9"}).score == 0
            assert graded(one, gold | {name: 7}).score == 0
            if node is not None:
                assert graded(one, gold | {name: None}).score < 1
                assert graded(one, dict.fromkeys(gold, node)).score == 0


def test_disruption_decides_nothing_and_is_told() -> None:
    """p3 has room where p0 is, once that is moved: two other moves with it help nobody."""
    pods = [(2, 2, 1, 0), (2, 2, 1, 1), (2, 2, 1, 2), (4, 4, 1, None)]
    payload = cluster([(4, 4), (4, 4), (3, 3)], pods)
    one = replace(instance(payload), reference=reference(payload))
    short = graded(one, now(payload) | {"p0": "n1", "p3": "n0"})
    longer = graded(one, {"p0": "n1", "p1": "n2", "p2": "n1", "p3": "n0"})
    assert (short.score, short.metrics["disruption"], short.metrics["excess"]) == (1, 2, 0)
    assert (longer.score, longer.metrics["disruption"], longer.metrics["excess"]) == (1, 6, 4)
    assert reward(one, longer).value < reward(one, short).value == 1


def test_where_eviction_is_the_best_there_is_it_has_1() -> None:
    payload = cluster([(4, 4)], [(4, 4, 1, 0), (4, 4, 2, None)])
    one = replace(instance(payload), reference=reference(payload))
    assert graded(one, now(payload)).score == 0
    assert graded(one, POLICIES["preempt"].answer(one)[KEY]).score == 1


def test_half_is_for_what_is_better_than_eviction_and_not_the_best() -> None:
    """Two pods of 4 wait beside four of 2: one or two of them can have a node for itself."""
    pods = [(2, 2, 1, node) for node in range(4)] + [(4, 4, 1, None)] * 2
    payload = cluster([(4, 4)] * 4, pods)
    one = replace(instance(payload), reference=reference(payload))
    half = now(payload) | {"p0": "n1", "p4": "n0"}
    whole = half | {"p2": "n3", "p5": "n2"}
    assert [graded(one, each).score for each in (now(payload), half, whole)] == [0, 0.5, 1]
    rewards = [reward(one, graded(one, each)).value for each in (now(payload), half, whole)]
    assert rewards[0] < rewards[1] < rewards[2]
    assert graded(one, half).metrics.keys() == {"broken", "disruption"}


@pytest.mark.heavy
def test_500_random_agents_never_beat_a_reference() -> None:
    scores = []
    for index in range(10):
        one = generate(2, 7, index, {"protected": 0.3 * (index % 2)})
        indexed = index_cluster(one.payload)
        for spots in islice(random_repacks(indexed, Random(f"agents/{index}")), 50):
            found = graded(one, indexed.by_id(spots))
            assert found.verdict is Verdict.valid
            assert (found.objective or 0) >= (one.reference.objective or 0)
            scores.append(found.score)
    assert len(scores) == 500
    assert {0.0, 1.0} <= set(scores) <= {0.0, 0.5, 1.0}


@pytest.mark.parametrize("known", [Reference("optimal", 20, 20), Reference("bounded", 30, 20)])
def test_an_answer_that_refutes_the_reference_is_no_grade(known: Reference) -> None:
    best = value(CHEATED, GOOD)
    with pytest.raises(SolverFailure, match=rf"^i: an answer's value {best} is below .* bound 20"):
        graded(instance(CHEATED, known), GOOD)
    assert graded(instance(CHEATED, known), {"p0": None}).verdict is Verdict.infeasible


def test_a_bound_is_said_to_be_one() -> None:
    best = value(CHEATED, GOOD)
    assert reference(CHEATED).objective == best
    trouble = graded(instance(CHEATED, Reference("bounded", best, best - 1)), GOOD)
    assert (trouble.against, trouble.score) == ("optimum", 1)  # only the disruption is open
    assert "excess" not in trouble.metrics
    open_ = graded(instance(CHEATED, Reference("bounded", best, 0)), GOOD)
    assert (open_.against, open_.score, open_.bound) == ("bound", 1, 0)
    nothing = graded(instance(CHEATED), GOOD)
    assert (nothing.against, nothing.bound) == ("bound", None)


@examples(150)
@given(small(4))
def test_rewards_keep_what_every_reward_promises(payload: PodCluster) -> None:
    """0 for what is invalid, more for what is better, 1 at the optimum, no kinder if unknown."""
    best = reference(payload)
    known = instance(payload, best)
    answers: list[dict[str, Any]] = [*placements(payload)]
    answers += [dict(list(each.items())[1:]) for each in answers[:20]]
    rewards = hold(known, [graded(known, each) for each in answers])
    for other in (Reference("none"), Reference("bounded", best.objective, 0)):
        one = instance(payload, other)
        again = hold(one, [graded(one, each) for each in answers])
        assert all(b.value <= a.value for a, b in zip(rewards, again, strict=True))


def hold(one: Instance[PodCluster], grades: Sequence[Grade]) -> list[Reward]:
    rewards = [reward(one, each) for each in grades]
    pairs = list(zip(grades, rewards, strict=True))
    worth = {float(g.objective or 0): r.value for g, r in pairs if g.verdict is Verdict.valid}
    ordered = [worth[each] for each in sorted(worth)]
    assert all(more > less for more, less in pairwise(ordered))
    assert all(quality > 0 for quality in ordered)
    misses = [r for g, r in pairs if g.verdict is not Verdict.valid]
    assert all(r.value == 0 and 0 <= r.near_miss < 1 for r in misses)
    assert not worth or not misses or max(r.near_miss for r in misses) < min(ordered)
    if one.reference.status == "optimal":
        assert all((w == 1) == (k == one.reference.objective) for k, w in worth.items())
    return rewards


@pytest.mark.heavy
def test_a_reward_sets_eviction_at_about_a_half() -> None:
    for index in range(5):
        one = made(3, index)
        evicted = reward(one, graded(one, POLICIES["preempt"].answer(one)[KEY]))
        assert evicted.value == evicted.near_miss
        assert 0.5 <= evicted.value < 0.7
        assert evicted.components == {"feasible": 1, "satisfied": 1, "quality": evicted.value}
        assert one.reference.answer is not None
        gold = one.reference.answer[KEY]
        assert reward(one, graded(one, gold)).value == 1
        lost = reward(one, graded(one, dict(list(gold.items())[1:])))
        assert lost.components["feasible"] == lost.components["quality"] == lost.value == 0
        assert 0 < lost.near_miss < evicted.value


# On the board ---------------------------------------------------------------------------------


@cache
def made(level: int, index: int) -> Instance[PodCluster]:
    return generate(level, 0, index, {})


def recorded(one: Instance[PodCluster], policy: str, **changes: Any) -> Record:
    """A record of a policy's answer, with changes."""
    fields = {"grade": graded(one, POLICIES[policy].answer(one)[KEY])} | changes
    return record(
        one.index,
        instance=one.id,
        family="pods",
        level=one.level,
        settings=one.settings,
        **fields,
    )


def suite_of(policy: str, levels: Sequence[int], count: int = 20) -> list[Record]:
    """Records of a policy as the suite asks it."""
    return [recorded(made(level, k), policy) for level in levels for k in range(count)]


@pytest.mark.heavy
@pytest.mark.parametrize("policy", ["repack-least", "repack-most", "one-move"])
def test_floors_fall_with_the_first_node_more(policy: str) -> None:
    metrics = summarise(suite_of(policy, (2, 3)))[1]
    assert 0 < (metrics["score@3"].value or 0) < (metrics["score@2"].value or 0) < 0.6


@pytest.mark.heavy
@pytest.mark.parametrize("policy", ["keep", "preempt"])
def test_what_moves_no_pod_is_worth_nothing_at_any_level(policy: str) -> None:
    score, metrics = summarise(suite_of(policy, (2, 3)))
    assert score.value == metrics["share_better"].value == metrics["share_optimal"].value == 0
    assert metrics["feasible"].value == 1


@pytest.mark.heavy
def test_the_ceiling_stands_at_1_and_no_one_is_paid_for_abstaining() -> None:
    exact, metrics = summarise(suite_of("exact", (2, 3)))
    assert exact.value == metrics["feasible"].value == metrics["share_optimal"].value == 1.0
    assert metrics["gap_proven"].value == 1.0
    assert metrics["broken"].value == metrics["excess"].value == 0.0
    clusters = [made(2, index) for index in range(10)]
    half = [recorded(one, "exact") for one in clusters[::2]]
    half += [recorded(one, "exact", grade=graded(one, {})) for one in clusters[1::2]]
    score, shy = summarise(half)
    assert score.value == pytest.approx(0.5)
    assert shy["feasible"].value == shy["share_missing"].value == 0.5


def test_epochs_of_a_cluster_are_one_trial() -> None:
    once = suite_of("one-move", (2,))
    score, _ = summarise(once)
    again, _ = summarise([*once, *(recorded(made(2, k), "one-move", epoch=1) for k in range(20))])
    assert (again.value, again.low, again.high) == (score.value, score.low, score.high)


def test_the_part_of_disruption_decides_no_score() -> None:
    one = made(2, 0)
    assert one.reference.answer is not None
    best = int(one.reference.objective or 0)
    lazy = replace(one, reference=Reference("bounded", best + 1, best))
    assert split_value(one.payload, best)[0] == split_value(one.payload, best + 1)[0]
    found = graded(lazy, one.reference.answer[KEY])
    assert (found.score, found.against) == (1, "optimum")
