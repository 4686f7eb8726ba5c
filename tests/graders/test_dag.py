"""The checker of task graphs: it finds what a look at every moment does; cheats don't win."""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise, product
from random import Random
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.dag import generate
from graders.dag import broken_share, grade, reward, summarise, violations
from graders.exact.dag import reference
from graders.exact.dag_lists import by_key, index_graph
from harness.families.dag import POLICIES
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
from tasks.dag import KEY, TaskGraph, read
from tests.depth import examples
from tests.factories.graphs import faults, graph, instance, small
from tests.factories.records import record

# The checker ----------------------------------------------------------------------------------


def near(payload: TaskGraph, seed: int) -> dict[str, dict[str, Any]]:
    """A list's plan, of which some starts and processors are others."""
    rng = Random(f"near/{seed}")
    indexed = index_graph(payload)
    plan = indexed.by_id(by_key(indexed, lambda _: rng.random()))
    for place in plan.values():
        if rng.random() < 0.3:
            place["start"] += rng.randint(-2, 3)
        if rng.random() < 0.2:
            place["processor"] = rng.choice(payload.processors)
    return plan


def seen(problems: Sequence[Fields]) -> set[tuple[Any, ...]]:
    """What violations say, as the twin in the factory says it."""
    wrong: set[tuple[Any, ...]] = set()
    for v in problems:
        if v["kind"] == "processor_busy":
            wrong.add((v["kind"], v["processor"], frozenset((v["first"], v["second"]))))
        elif v["kind"] == "precedence":
            wrong.add((v["kind"], v["before"], v["after"]))
        else:
            wrong.add((v["kind"], v["task"]))
    return wrong


@pytest.mark.heavy
@examples(3000)
@given(small(6), st.integers(0, 10**9))
def test_the_checker_finds_what_a_look_at_every_moment_finds(payload: TaskGraph, seed: int) -> None:
    plan = near(payload, seed)
    assert seen(violations(payload, plan)) == faults(payload, plan)


def at(task: str, processor: Any, start: Any) -> dict[str, Any]:
    return {task: {"processor": processor, "start": start}}


CHEATED = graph([[2, 3], [4, 2]], {(0, 1): 5})
FIRST = at("T0", "P0", 0)
GOOD = FIRST | at("T1", "P0", 2)
CHEATS: list[tuple[Any, list[str], Verdict]] = [
    ({}, ["missing", "missing"], Verdict.infeasible),
    (FIRST, ["missing"], Verdict.infeasible),
    (GOOD | at("T2", "P0", 9), ["unknown"], Verdict.infeasible),
    (FIRST | at("T1", "P2", 9), ["processor"], Verdict.infeasible),
    (FIRST | at("T1", None, 9), ["processor"], Verdict.infeasible),
    (FIRST | at("T1", ["P0"], 9), ["processor"], Verdict.infeasible),
    (FIRST | {"T1": {"start": 9}}, ["processor"], Verdict.infeasible),
    (at("T0", "P0", -2) | at("T1", "P0", 2), ["negative"], Verdict.infeasible),
    (FIRST | at("T1", "P0", 1), ["precedence", "processor_busy"], Verdict.infeasible),
    (FIRST | at("T1", "P1", 2), ["precedence"], Verdict.infeasible),
    (FIRST | at("T1", "P1", 6), ["precedence"], Verdict.infeasible),
    (at("T0", "P0", 4) | at("T1", "P0", 0), ["precedence"], Verdict.infeasible),
    (FIRST | {"T1": 2}, ["not_an_object"], Verdict.unparsable),
    (FIRST | {"T1": ["P0", 2]}, ["not_an_object"], Verdict.unparsable),
    (FIRST | {"T1": None}, ["not_an_object"], Verdict.unparsable),
    (FIRST | at("T1", "P0", 2.0), ["not_integer"], Verdict.unparsable),
    (FIRST | at("T1", "P0", "2"), ["not_integer"], Verdict.unparsable),
    (at("T0", "P0", False) | at("T1", "P0", 2), ["not_integer"], Verdict.unparsable),
    (FIRST | at("T1", "P0", float("nan")), ["not_integer"], Verdict.unparsable),
    (FIRST | {"T1": {"processor": "P0"}}, ["not_integer"], Verdict.unparsable),
    (FIRST | {"T1": {}}, ["processor", "not_integer"], Verdict.unparsable),
]


@pytest.mark.parametrize(("schedule", "kinds", "verdict"), CHEATS)
def test_cheats_are_refused_with_their_kind(
    schedule: Any, kinds: list[str], verdict: Verdict
) -> None:
    """As they are given: what a text says is read by the rule of spelling first."""
    assert violations(CHEATED, GOOD) == []
    assert [v["kind"] for v in violations(CHEATED, schedule)] == kinds
    outcome = Outcome((Parsed(value={KEY: schedule}, how="given"),))
    found = grade(instance(CHEATED), outcome)
    assert (found.verdict, found.score, found.objective) == (verdict, 0.0, None)
    assert 0 < found.metrics["broken"] <= 1


def test_data_and_overlap_are_measured() -> None:
    [late] = violations(CHEATED, FIRST | at("T1", "P1", 6))
    assert late == {"kind": "precedence", "before": "T0", "after": "T1", "amount": 1}
    both = graph([[4, 4], [2, 2]])
    [busy] = violations(both, FIRST | at("T1", "P0", 3))
    wanted = {"kind": "processor_busy", "processor": "P0", "first": "T0", "second": "T1"}
    assert busy == wanted | {"start": 3, "end": 4}


@pytest.mark.parametrize("value", [None, {}, {"schedule": [0]}, {"starts": GOOD}])
def test_without_a_schedule_it_is_unparsable(value: Any) -> None:
    found = grade(instance(CHEATED), Outcome((Parsed(value=value),)))
    assert (found.verdict, found.score, found.metrics["broken"]) == (Verdict.unparsable, 0.0, 1.0)


@examples(300)
@given(small(), st.integers(0, 10**9))
def test_leaving_tasks_out_never_lowers_the_share_that_is_broken(
    payload: TaskGraph, seed: int
) -> None:
    plan = near(payload, seed)
    problems = violations(payload, plan)
    share = broken_share(payload, problems)
    assert (share == 0) == (not problems)
    for name in plan:
        fewer = {key: place for key, place in plan.items() if key != name}
        assert share <= broken_share(payload, violations(payload, fewer)) <= 1


# Grades and rewards ---------------------------------------------------------------------------


def graded(one: Instance[TaskGraph], schedule: Any) -> Grade:
    return grade(one, read({KEY: schedule}, ""))


@pytest.mark.parametrize("level", [2, 3, 6])
def test_gold_scores_1_and_broken_or_longer_gold_does_not(level: int) -> None:
    for index in range(6):
        one = generate(level, 2, index, {})
        assert one.reference.answer is not None
        gold = one.reference.answer[KEY]
        best = graded(one, gold)
        assert (best.verdict, best.score, best.gap) == (Verdict.valid, 1.0, 0.0)
        assert best.against == "optimum"
        for name, place in gold.items():
            late = graded(one, gold | at(name, place["processor"], place["start"] + 10_000))
            assert late.verdict is not Verdict.valid or late.score < 0.1
            assert graded(one, {k: v for k, v in gold.items() if k != name}).score == 0
            assert graded(one, gold | at(name, "P9", place["start"])).score == 0
        for edge in one.payload.edges:
            before, after = gold[edge.before], gold[edge.after]
            early = at(edge.after, after["processor"], before["start"])
            assert graded(one, gold | early).score == 0


def at_random(rng: Random) -> Callable[[int], float]:
    return lambda _: rng.random()


def anywhere(rng: Random) -> Callable[[int, Sequence[int]], int]:
    return lambda _, ends: rng.randrange(len(ends))


def test_500_random_agents_never_beat_a_reference() -> None:
    scores = []
    for index in range(10):
        one = generate(4, 7, index, {"noise": 0.3 * (index % 2), "scenarios": 3})
        indexed = index_graph(one.payload)
        for agent in range(50):
            rng = Random(f"agents/{index}/{agent}")
            plan = by_key(indexed, at_random(rng), anywhere(rng))
            found = graded(one, indexed.by_id(plan))
            assert found.verdict is Verdict.valid
            scores.append(found.score)
    assert len(scores) == 500
    assert max(scores) <= 1
    assert fmean(scores) < 0.8


@pytest.mark.parametrize("known", [Reference("optimal", 9, 9), Reference("bounded", 12, 9)])
def test_an_answer_that_refutes_the_reference_is_no_grade(known: Reference) -> None:
    with pytest.raises(SolverFailure, match=r"^i: an answer's makespan 6 is below .* bound 9"):
        graded(instance(CHEATED, known), GOOD)
    assert graded(instance(CHEATED, known), FIRST).verdict is Verdict.infeasible


def test_a_bound_is_said_to_be_one() -> None:
    bounded = graded(instance(CHEATED, Reference("bounded", 6, 2)), GOOD)
    assert (bounded.against, bounded.bound, bounded.objective) == ("bound", 2, 6)
    assert bounded.score == 5 / 6  # the best path, a better bound than the file's
    nothing = graded(instance(CHEATED), GOOD)
    assert (nothing.against, nothing.bound, nothing.score) == ("bound", None, 5 / 6)


def test_with_noise_only_the_processors_and_the_order_count() -> None:
    one = generate(6, 0, 1, {"noise": 0.4})
    plan = POLICIES["heft"].answer(one)[KEY]
    lazy = {
        name: {"processor": place["processor"], "start": 3 * place["start"] + 100}
        for name, place in plan.items()
    }
    assert graded(one, plan).objective == graded(one, lazy).objective
    assert graded(one, plan).score == graded(one, lazy).score < 1


def answers(payload: TaskGraph, seed: int) -> list[Any]:
    """Answers of every worth: places in a small box, near ones, late ones, some without a task."""
    rng = Random(f"worth/{seed}")
    places = [
        {"processor": processor, "start": start}
        for processor in payload.processors
        for start in range(8)
    ]
    names = [task.id for task in payload.tasks]
    boxes = [dict(zip(names, each, strict=True)) for each in product(places, repeat=len(names))]
    listed = rng.sample(boxes, min(len(boxes), 150))
    close = [near(payload, rng.randrange(10**9)) for _ in range(20)]
    late = [
        {name: place | {"start": 9 * place["start"] + 50} for name, place in each.items()}
        for each in close[:5]
    ]
    return [*listed, *close, *late, *(dict(list(each.items())[1:]) for each in close)]


@examples(200)
@given(small(2, scenarios=0) | small(2, scenarios=2), st.integers(0, 10**9))
def test_rewards_keep_what_every_reward_promises(payload: TaskGraph, seed: int) -> None:
    """0 for what is invalid, more for what is shorter, 1 at the optimum, no kinder if unknown."""
    others = [instance(payload, each) for each in (Reference("none"), Reference("bounded", 99, 1))]
    known, tried = instance(payload, reference(payload)), answers(payload, seed)
    rewards = [hold(known, [graded(known, each) for each in tried])]
    for other in others:
        rewards.append(hold(other, [graded(other, each) for each in tried]))
        assert all(b.value <= a.value for a, b in zip(rewards[0], rewards[-1], strict=True))


def hold(one: Instance[TaskGraph], grades: Sequence[Grade]) -> list[Reward]:
    rewards = [reward(one, each) for each in grades]
    pairs = list(zip(grades, rewards, strict=True))
    worth = {float(g.objective or 0): r.value for g, r in pairs if g.verdict is Verdict.valid}
    ordered = [worth[length] for length in sorted(worth)]
    assert all(more > less for more, less in pairwise(ordered))
    assert all(value > 0 for value in ordered)
    misses = [r for g, r in pairs if g.verdict is not Verdict.valid]
    assert all(r.value == 0 and 0 <= r.near_miss < 1 for r in misses)
    assert not worth or not misses or max(r.near_miss for r in misses) < min(ordered)
    if one.reference.status == "optimal":
        assert all((value == 1) == (k == one.reference.objective) for k, value in worth.items())
    return rewards


def test_a_reward_is_the_optimum_over_the_makespan() -> None:
    one = generate(6, 0, 0, {})
    rule = graded(one, POLICIES["serial"].answer(one)[KEY])
    found = reward(one, rule)
    assert found.value == found.near_miss == rule.score < 1
    assert found.components == {"feasible": 1, "satisfied": 1, "quality": rule.score}
    assert one.reference.answer is not None
    gold = one.reference.answer[KEY]
    lost = reward(one, graded(one, dict(list(gold.items())[1:])))
    assert lost.components["feasible"] == lost.components["quality"] == lost.value == 0
    assert 0 < lost.near_miss < found.value


# On the board ---------------------------------------------------------------------------------


@cache
def made(level: int, index: int, noise: float = 0.0) -> Instance[TaskGraph]:
    return generate(level, 0, index, {"noise": noise})


def recorded(one: Instance[TaskGraph], policy: str, **changes: Any) -> Record:
    """A record of a policy's answer, with changes."""
    fields = {"grade": graded(one, POLICIES[policy].answer(one)[KEY])} | changes
    return record(
        one.index,
        instance=one.id,
        family="dag",
        level=one.level,
        settings=one.settings,
        **fields,
    )


def suite_of(
    policy: str, levels: Sequence[int], noise: float = 0.0, count: int = 40
) -> list[Record]:
    """Records of a policy as the suite asks it."""
    return [recorded(made(n, k, noise), policy) for n in levels for k in range(count)]


@pytest.mark.heavy
@pytest.mark.parametrize("policy", ["serial", "cpop", "random"])
def test_floors_fall_along_the_levels(policy: str) -> None:
    metrics = summarise(suite_of(policy, (3, 10, 15)))[1]
    scores = [metrics[f"score@{level}"].value or 0.0 for level in (3, 10, 15)]
    assert all(less < more for more, less in pairwise(scores))


@pytest.mark.heavy
@pytest.mark.parametrize("policy", ["serial", "heft", "stated", "exact"])
def test_every_plan_is_worth_less_under_more_noise(policy: str) -> None:
    scores = [summarise(suite_of(policy, (10,), s, 10))[0].value or 0.0 for s in (0.1, 0.4, 0.8)]
    assert all(less < more for more, less in pairwise(scores))


@pytest.mark.heavy
def test_the_ceiling_stands_at_1_and_no_one_is_paid_for_abstaining() -> None:
    exact, metrics = summarise(suite_of("exact", (3, 6)))
    assert exact.value == metrics["feasible"].value == metrics["share_optimal"].value == 1.0
    assert metrics["gap_proven"].value == 1.0
    assert metrics["broken"].value == metrics["gap_mean"].value == 0.0
    graphs = [made(3, index) for index in range(10)]
    half = [recorded(one, "exact") for one in graphs[::2]]
    half += [recorded(one, "exact", grade=graded(one, {})) for one in graphs[1::2]]
    score, shy = summarise(half)
    assert score.value == pytest.approx(0.5)
    assert shy["feasible"].value == shy["share_missing"].value == 0.5
    assert shy["gap_mean"].value == 0.0


def test_epochs_of_a_graph_are_one_trial() -> None:
    once = suite_of("heft", (3,))
    score, _ = summarise(once)
    again, _ = summarise([*once, *(recorded(made(3, k), "heft", epoch=1) for k in range(40))])
    assert (again.value, again.low, again.high) == (score.value, score.low, score.high)
