"""The checker of memory mapping: it finds what painting does; scores; cheats don't win."""

from collections.abc import Sequence
from functools import cache
from itertools import islice, pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from generators.allocation import generate
from graders.allocation import broken_share, grade, reward, summarise, violations
from graders.exact.allocation import reference
from graders.exact.allocation_rules import at_random, by_id
from harness.families.allocation import POLICIES
from tasks.allocation import KEY, TensorProgram, stacked, value
from tasks.base import (
    Fields,
    Grade,
    Instance,
    Outcome,
    Parsed,
    Record,
    Reference,
    Reward,
    Scalar,
    SolverFailure,
    Verdict,
)
from tests.depth import examples, often
from tests.factories.records import record
from tests.factories.tensors import faults, instance, placings, program, small

# The checker ----------------------------------------------------------------------------------


def seen(problems: Sequence[Fields]) -> set[tuple[Any, ...]]:
    """What violations say, as the twin in the factory says it."""
    return {
        (v["kind"], v["first"], v["second"]) if v["kind"] == "overlap" else (v["kind"], v["tensor"])
        for v in problems
    }


@examples(600)
@given(small(), st.data())
def test_the_checker_finds_what_painting_finds(payload: TensorProgram, data: st.DataObject) -> None:
    places = st.none() | st.integers(-2, payload.capacity)
    offsets = {tensor.id: data.draw(places) for tensor in payload.tensors}
    problems = violations(payload, offsets)
    assert seen(problems) == faults(payload, offsets)
    by_name = {tensor.id: tensor for tensor in payload.tensors}
    for each in problems:
        if each["kind"] == "overlap":
            pair = [by_name[each["first"]], by_name[each["second"]]]
            shared = [range(*each_range) for each_range in _ranges(each)]
            for tensor in pair:
                at = offsets[tensor.id] or 0
                assert set(shared[0]) <= set(range(tensor.start, tensor.end))
                assert set(shared[1]) <= set(range(at, at + tensor.size))


def _ranges(overlap: Fields) -> tuple[tuple[int, int], tuple[int, int]]:
    return (overlap["start"], overlap["end"]), (overlap["low"], overlap["high"])


ROWS = [(0, 2, 3, 4), (1, 3, 2, 5), (2, 4, 2, 1)]
CHEATED = program(ROWS, 5)
GOOD: dict[str, Any] = {"t0": 0, "t1": 3, "t2": 0}
CHEATS: list[tuple[Any, list[str], Verdict]] = [
    ({}, ["missing"] * 3, Verdict.infeasible),
    (GOOD | {"t1": None}, ["missing"], Verdict.infeasible),
    (GOOD | {"t3": 0}, ["unknown"], Verdict.infeasible),
    (GOOD | {"t1": 2}, ["overlap"], Verdict.infeasible),
    (dict.fromkeys(GOOD, 0), ["overlap", "overlap"], Verdict.infeasible),
    (GOOD | {"t1": -2}, ["outside"], Verdict.infeasible),
    (GOOD | {"t1": 2**48}, ["outside"], Verdict.infeasible),
    (GOOD | {"t1": 10**30}, ["outside"], Verdict.infeasible),
    (GOOD | {"t1": 3.0}, ["not_integer"], Verdict.unparsable),
    (GOOD | {"t1": 2.5}, ["not_integer"], Verdict.unparsable),
    (GOOD | {"t1": False}, ["not_integer"], Verdict.unparsable),
    (GOOD | {"t1": "3"}, ["not_integer"], Verdict.unparsable),
    (GOOD | {"t1": [3]}, ["not_integer"], Verdict.unparsable),
    (GOOD | {"t1": {"1": 3, "2": 0}}, ["not_integer"], Verdict.unparsable),
    (GOOD | {"t1": float("nan")}, ["not_integer"], Verdict.unparsable),
]


@pytest.mark.parametrize(("offsets", "kinds", "verdict"), CHEATS)
def test_cheats_are_refused_with_their_kind(
    offsets: Any, kinds: list[str], verdict: Verdict
) -> None:
    """As they are given: what a text says is read by the rule of spelling first."""
    assert violations(CHEATED, GOOD) == []
    assert [v["kind"] for v in violations(CHEATED, offsets)] == kinds
    found = graded(instance(CHEATED), offsets)
    assert (found.verdict, found.score, found.objective) == (verdict, 0.0, None)
    assert 0 < found.metrics["broken"] <= 1
    assert found.metrics["fits"] == 0


def test_with_benefit_no_place_is_an_answer_and_beyond_the_memory_is_none() -> None:
    payload = program(ROWS, 3, "benefit")
    assert violations(payload, dict.fromkeys(GOOD)) == []
    [missing] = violations(payload, {"t0": None, "t1": None})
    assert missing == {"kind": "missing", "tensor": "t2"}
    [outside] = violations(payload, {"t0": 1, "t1": None, "t2": None})
    assert outside == {"kind": "outside", "tensor": "t0", "offset": 1}
    assert "fits" not in graded(instance(payload), dict.fromkeys(GOOD)).metrics


def test_what_is_shared_is_told() -> None:
    [overlap] = violations(CHEATED, GOOD | {"t1": 2})
    where: Fields = {"start": 1, "end": 2, "low": 2, "high": 3}
    assert overlap == {"kind": "overlap", "first": "t0", "second": "t1", **where}


@pytest.mark.parametrize("answer", [None, {}, {KEY: [0]}, {"places": GOOD}])
def test_without_offsets_it_is_unparsable(answer: Any) -> None:
    found = grade(instance(CHEATED), Outcome((Parsed(value=answer),)))
    assert (found.verdict, found.score, found.metrics["broken"]) == (Verdict.unparsable, 0.0, 1.0)


@examples(300)
@given(small(), st.data())
def test_leaving_tensors_out_never_lowers_the_share_that_is_broken(
    payload: TensorProgram, data: st.DataObject
) -> None:
    places = st.sampled_from([-1, 0, 1, 2, 9, "x"])
    offsets: dict[str, Any] = {tensor.id: data.draw(places) for tensor in payload.tensors}
    problems = violations(payload, offsets)
    share = broken_share(payload, problems)
    assert (share == 0) == (not problems)
    for name in offsets:
        fewer = {key: place for key, place in offsets.items() if key != name}
        assert share <= broken_share(payload, violations(payload, fewer)) <= 1


# Grades and rewards ---------------------------------------------------------------------------


def graded(one: Instance[TensorProgram], offsets: Any) -> Grade:
    return grade(one, Outcome((Parsed(value={KEY: offsets}, how="given"),)))


@pytest.mark.parametrize("level", [3, 8, 24])
def test_gold_scores_1_and_broken_gold_scores_0(level: int) -> None:
    for index in range(5):
        one = generate(level, 2, index, {})
        assert one.reference.answer is not None
        gold = one.reference.answer[KEY]
        best = graded(one, gold)
        assert (best.verdict, best.score, best.against) == (Verdict.valid, 1.0, "optimum")
        assert (best.gap, best.metrics["fits"]) == (0, 1)
        for name in gold:
            assert graded(one, {k: v for k, v in gold.items() if k != name}).score == 0
            assert graded(one, gold | {name: gold[name] + 1}).score < 1  # all units are taken
            assert graded(one, gold | {name: gold[name] - 1}).score == 0
        lifted = graded(one, {name: offset + 3 for name, offset in gold.items()})
        assert (lifted.score, lifted.gap, lifted.metrics["fits"]) == (64 / 67, 3 / 64, 0)


def test_with_benefit_the_score_is_what_is_saved_over_the_most_that_can_be() -> None:
    payload = program([(0, 2, 3, 6), (0, 2, 2, 5), (0, 2, 2, 2)], 4, "benefit")
    one = replace(instance(payload), reference=reference(payload))
    assert (one.reference.status, one.reference.objective) == ("optimal", 6)
    scores = [
        graded(one, {"t0": None, "t1": 0, "t2": 2}),
        graded(one, {"t0": 0, "t1": None, "t2": None}),
        graded(one, dict.fromkeys(GOOD)),
    ]
    assert [each.score for each in scores] == [1, 6 / 7, 0]
    assert [each.objective for each in scores] == [6, 7, 13]
    assert [each.gap for each in scores] == [0, 1 / 7, 1]
    assert [reward(one, each).value for each in scores] == [1, 7 / 8, 1 / 2]


def test_500_random_agents_never_beat_a_reference() -> None:
    scores = []
    for index in range(10):
        aim: dict[str, Scalar] = {"objective": ("peak", "benefit")[index % 2]}
        one = generate(10, 7, index, aim)
        rng = Random(f"agents/{index}")
        for _ in range(50):
            found = graded(one, by_id(one.payload, at_random(one.payload, rng)))
            assert found.verdict is Verdict.valid
            scores.append(found.score)
    assert len(scores) == 500
    assert min(scores) < 0.8 < max(scores) == 1.0


@pytest.mark.parametrize("known", [Reference("optimal", 9, 9), Reference("bounded", 12, 9)])
def test_an_answer_that_refutes_the_reference_is_no_grade(known: Reference) -> None:
    with pytest.raises(SolverFailure, match=r"^i: an answer's value 5 is below .* bound 9"):
        graded(instance(CHEATED, known), GOOD)
    assert graded(instance(CHEATED, known), {"t0": None}).verdict is Verdict.infeasible


def test_a_bound_is_said_to_be_one() -> None:
    found = graded(instance(CHEATED, Reference("bounded", 5, 4)), GOOD)
    assert (found.against, found.score, found.bound) == ("bound", 1, 4)  # the load is 5
    nothing = graded(instance(CHEATED), GOOD)
    assert (nothing.against, nothing.score, nothing.bound) == ("bound", 1, None)


@examples(150)
@given(small(most=3))
def test_rewards_keep_what_every_reward_promises(payload: TensorProgram) -> None:
    """0 for what is invalid, more for what is better, 1 at the optimum, no kinder if unknown."""
    best = reference(payload)
    known = instance(payload, best)
    answers: list[dict[str, Any]] = [*islice(placings(payload), 200)]
    answers.append({t.id: 2 * stacked(payload) * k for k, t in enumerate(payload.tensors)})
    answers += [dict(list(each.items())[1:]) for each in answers[:20]]
    rewards = hold(known, [graded(known, each) for each in answers])
    for other in (Reference("none"), Reference("bounded", best.objective, 0)):
        one = instance(payload, other)
        again = hold(one, [graded(one, each) for each in answers])
        assert all(b.value <= a.value for a, b in zip(rewards, again, strict=True))


def hold(one: Instance[TensorProgram], grades: Sequence[Grade]) -> list[Reward]:
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


# On the board ---------------------------------------------------------------------------------


@cache
def made(level: int, index: int, objective: str = "peak") -> Instance[TensorProgram]:
    return generate(level, 0, index, {"objective": objective})


def recorded(one: Instance[TensorProgram], policy: str, **changes: Any) -> Record:
    """A record of a policy's answer, with changes."""
    fields = {"grade": graded(one, POLICIES[policy].answer(one)[KEY])} | changes
    return record(
        one.index,
        instance=one.id,
        family="allocation",
        level=one.level,
        settings=one.settings,
        **fields,
    )


def suite_of(policy: str, levels: Sequence[int], objective: str = "peak") -> list[Record]:
    """Records of a policy as the suite asks it."""
    return [recorded(made(level, k, objective), policy) for level in levels for k in range(20)]


RAMP: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {  # scores, and shares that fit
    "arrival-first": ((0.965, 0.909, 0.856, 0.824, 0.711), (0.85, 0.75, 0.40, 0.25, 0.00)),
    "size-best": ((0.980, 0.976, 0.923, 0.870, 0.838), (0.80, 0.75, 0.45, 0.15, 0.00)),
    "random": ((0.952, 0.831, 0.792, 0.723, 0.638), (0.75, 0.35, 0.20, 0.10, 0.00)),
    "exact": ((1.0,) * 5, (1.0,) * 5),
}
LEVELS = (8, 16, 24, 32, 48)


@pytest.mark.parametrize("policy", RAMP)
def test_floors_fall_at_every_level_and_have_the_figures_of_the_page(policy: str) -> None:
    score, metrics = summarise(suite_of(policy, LEVELS))
    for prefix, row in zip(("score", "fits"), RAMP[policy], strict=True):
        values = [metrics[f"{prefix}@{level}"].value or 0 for level in LEVELS]
        assert values == pytest.approx(row, abs=5e-4)
        assert policy == "exact" or all(a > b for a, b in pairwise(values))
    assert score.value == pytest.approx(sum(RAMP[policy][0]) / 5, abs=5e-4)
    assert metrics["feasible"].value == metrics["gap_proven"].value == 1
    assert metrics["share_optimal"].value == metrics["fits"].value


@pytest.mark.parametrize(
    ("level", "score"),
    [(8, 1.0), *(pytest.param(*each, marks=pytest.mark.slow) for each in ((16, 1.0), (24, 0.965)))],
)
def test_the_best_of_100_orders_falls_from_16_tensors_on(level: int, score: float) -> None:
    metrics = summarise(suite_of("random-100", (level,)))[1]
    assert metrics[f"score@{level}"].value == pytest.approx(score, abs=5e-4)


@pytest.mark.parametrize("level", [8, pytest.param(48, marks=pytest.mark.slow)])
def test_with_benefit_the_greedy_floor_stays_high(level: int) -> None:
    score, metrics = summarise(suite_of("benefit-best", (level,), "benefit"))
    assert 0.93 < (score.value or 0) < 0.99
    assert score.value == metrics[f"score@{level}"].value
    assert not [name for name in metrics if name.startswith("fits")]
    assert summarise(suite_of("exact", (level,), "benefit"))[0].value == 1


def test_no_one_is_paid_for_abstaining() -> None:
    programs = [made(8, index) for index in range(10)]
    half = [recorded(one, "exact") for one in programs[::2]]
    half += [recorded(one, "exact", grade=graded(one, {})) for one in programs[1::2]]
    score, shy = summarise(half)
    assert score.value == pytest.approx(0.5)
    assert shy["fits"].value == shy["feasible"].value == shy["share_missing"].value == 0.5


def test_epochs_of_a_program_are_one_trial() -> None:
    once = suite_of("random", (8,))
    score, _ = summarise(once)
    again, _ = summarise([*once, *(recorded(made(8, k), "random", epoch=1) for k in range(20))])
    assert (again.value, again.low, again.high) == (score.value, score.low, score.high)


def test_values_are_those_of_the_answer() -> None:
    for index in range(often(30)):
        one = generate(6, 5, index, {"objective": ("peak", "benefit")[index % 2]})
        answer = POLICIES["size-best"].answer(one)
        assert graded(one, answer[KEY]).objective == value(one.payload, answer[KEY])
