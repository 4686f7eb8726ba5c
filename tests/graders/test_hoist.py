"""The checker of cycles: it finds what following many parts does; cheats don't win."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from random import Random
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.hoist import generate
from graders.exact.hoist import reference
from graders.exact.hoist_rules import at_random, serial, sweep
from graders.hoist import broken_share, grade, reward, summarise, violations
from harness.families.hoist import POLICIES
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
from tasks.hoist import KEY, PERIOD, HoistLine, read
from tests.depth import examples
from tests.factories.lines import answer, faults, instance, line, small
from tests.factories.records import record

# The checker ----------------------------------------------------------------------------------


def near(payload: HoistLine, seed: int) -> tuple[int, dict[str, int]]:
    """A rule's cycle, or one part at a time, of which some times and the period are others."""
    rng = Random(f"near/{seed}")
    cycle = sweep(payload, (at_random(rng),)) if rng.random() < 0.6 else serial(payload)
    found = cycle.by_id(payload)
    times = {
        name: time + rng.randint(0, 3) * (rng.random() < 0.2) for name, time in found[KEY].items()
    }
    if rng.random() < 0.1:
        times = {name: time - 2 for name, time in times.items()}
    return max(1, cycle.period + rng.choice([0, 0, 0, 1, -1, -4])), times


def seen(problems: Sequence[Fields]) -> set[tuple[Any, ...]]:
    """What violations say, as the twin in the factory says it."""
    wrong: set[tuple[Any, ...]] = set()
    for v in problems:
        if v["kind"] == "hoist":
            wrong.add((v["kind"], v["first"], v["second"]))
        else:
            wrong.add((v["kind"], v.get("tank", v.get("move"))))
    return wrong


@examples(1200)
@given(small(), st.integers(0, 10**9))
def test_the_checker_finds_what_following_many_parts_finds(payload: HoistLine, seed: int) -> None:
    period, times = near(payload, seed)
    assert seen(violations(payload, period, times)) == faults(payload, period, times)


CHEATED = line([(4, 5), (4, 5)], [0, 1, 2, 3])
GOOD = {"load": 0, "A": 7, "B": 14}
CHEATS: list[tuple[Any, Any, list[str], Verdict]] = [
    (11, {}, ["missing"] * 3, Verdict.infeasible),
    (11, {"load": 0, "A": 7}, ["missing"], Verdict.infeasible),
    (11, GOOD | {"C": 20}, ["unknown"], Verdict.infeasible),
    (None, GOOD, ["period"], Verdict.infeasible),
    (0, GOOD, ["period"], Verdict.infeasible),
    (-11, GOOD, ["period"], Verdict.infeasible),
    (17, {"load": 0, "A": 5, "B": 11}, ["too_short"], Verdict.infeasible),
    (20, {"load": 0, "A": 8, "B": 14}, ["too_long"], Verdict.infeasible),
    (17, {"load": -1, "A": 5, "B": 11}, ["negative"], Verdict.infeasible),
    (12, GOOD, ["hoist"], Verdict.infeasible),
    (1, GOOD, ["occupied"] * 2 + ["hoist"] * 9, Verdict.infeasible),
    (11.0, GOOD, ["not_integer"], Verdict.unparsable),
    ("11", GOOD, ["not_integer"], Verdict.unparsable),
    (True, GOOD, ["not_integer"], Verdict.unparsable),
    (float("nan"), GOOD, ["not_integer"], Verdict.unparsable),
    (float("inf"), GOOD, ["not_integer"], Verdict.unparsable),
    ([11], GOOD, ["not_integer"], Verdict.unparsable),
    (11, GOOD | {"A": 7.0}, ["not_integer"], Verdict.unparsable),
    (11, GOOD | {"A": "7"}, ["not_integer"], Verdict.unparsable),
    (11, GOOD | {"load": False}, ["not_integer"], Verdict.unparsable),
    (11, GOOD | {"A": None}, ["not_integer"], Verdict.unparsable),
    (11, GOOD | {"A": [7]}, ["not_integer"], Verdict.unparsable),
]


@pytest.mark.parametrize(("period", "times", "kinds", "verdict"), CHEATS)
def test_cheats_are_refused_with_their_kind(
    period: Any, times: Any, kinds: list[str], verdict: Verdict
) -> None:
    """As they are given: what a text says is read by the rule of spelling first."""
    assert violations(CHEATED, 11, GOOD) == []
    assert [v["kind"] for v in violations(CHEATED, period, times)] == kinds
    outcome = Outcome((Parsed(value=answer(period, times), how="given"),))
    found = grade(instance(CHEATED), outcome)
    assert (found.verdict, found.score, found.objective) == (verdict, 0.0, None)
    assert 0 < found.metrics["broken"] <= 1


def test_violations_are_measured() -> None:
    [short] = violations(CHEATED, 17, {"load": 0, "A": 5, "B": 11})
    assert short == {"kind": "too_short", "tank": "A", "stay": 3, "amount": 1}
    [long] = violations(CHEATED, 20, {"load": 0, "A": 9, "B": 15})
    assert long == {"kind": "too_long", "tank": "A", "stay": 7, "amount": 2}
    [late] = violations(CHEATED, 12, GOOD)
    assert late == {"kind": "hoist", "first": "load", "second": "B", "amount": 1}
    held = violations(CHEATED, 5, GOOD)[0]
    assert held == {"kind": "occupied", "tank": "A", "stay": 5, "amount": 1}


def test_times_of_other_parts_and_later_ones_are_the_same_cycle() -> None:
    """What counts are stays and the cycle, not when the part that is told of begins."""
    later = {name: time + 1000 for name, time in GOOD.items()}
    assert violations(CHEATED, 11, later) == []
    huge = {name: time + 10**40 for name, time in GOOD.items()}
    assert violations(CHEATED, 11, huge) == []


@pytest.mark.parametrize("value", [None, {}, {"times": [0]}, {"period": 11, "starts": GOOD}])
def test_without_times_it_is_unparsable(value: Any) -> None:
    found = grade(instance(CHEATED), Outcome((Parsed(value=value),)))
    assert (found.verdict, found.score, found.metrics["broken"]) == (Verdict.unparsable, 0.0, 1.0)


@examples(400)
@given(small(), st.integers(0, 10**9))
def test_leaving_moves_out_never_lowers_the_share_that_is_broken(
    payload: HoistLine, seed: int
) -> None:
    period, times = near(payload, seed)
    problems = violations(payload, period, times)
    share = broken_share(payload, problems)
    assert (share == 0) == (not problems)
    assert share <= broken_share(payload, violations(payload, None, times)) <= 1
    for name in times:
        fewer = {key: time for key, time in times.items() if key != name}
        assert share <= broken_share(payload, violations(payload, period, fewer)) <= 1


# Grades and rewards ---------------------------------------------------------------------------


def graded(one: Instance[HoistLine], period: Any, times: Any) -> Grade:
    return grade(one, read(answer(period, times), ""))


@pytest.mark.parametrize("settings", [{}, {"station": "shared"}])
@pytest.mark.parametrize("level", [1, 2, 4])
def test_gold_scores_1_and_broken_gold_does_not(level: int, settings: dict[str, Any]) -> None:
    for index in range(4):
        one = generate(level, 2, index, settings)
        assert one.reference.answer is not None
        period, gold = one.reference.answer[PERIOD], one.reference.answer[KEY]
        best = graded(one, period, gold)
        assert (best.verdict, best.score, best.gap) == (Verdict.valid, 1.0, 0.0)
        assert best.against == "optimum"
        assert graded(one, period - 1, gold).score == 0
        assert 0 <= graded(one, period + 1, gold).score < 1
        for name, time in gold.items():
            late = graded(one, period, gold | {name: time + 1000})
            assert (late.verdict, late.score) == (Verdict.infeasible, 0)
            assert graded(one, period, {k: v for k, v in gold.items() if k != name}).score == 0


def test_random_agents_never_beat_a_reference() -> None:
    scores = []
    for index in range(4):
        one = generate(4, 7, index, {})
        for agent in range(10):
            rng = Random(f"agents/{index}/{agent}")
            cycle = sweep(one.payload, (at_random(rng),))
            found = grade(one, read(cycle.by_id(one.payload), ""))
            assert found.verdict is Verdict.valid
            scores.append(found.score)
    assert max(scores) <= 1
    assert fmean(scores) < 0.99


@pytest.mark.parametrize("known", [Reference("optimal", 12, 12), Reference("bounded", 17, 12)])
def test_an_answer_that_refutes_the_reference_is_no_grade(known: Reference) -> None:
    with pytest.raises(SolverFailure, match=r"^i: an answer's period 11 is below .* bound 12"):
        graded(instance(CHEATED, known), 11, GOOD)
    assert graded(instance(CHEATED, known), 11, {}).verdict is Verdict.infeasible


def test_a_bound_is_said_to_be_one() -> None:
    bounded = graded(instance(CHEATED, Reference("bounded", 17, 2)), 11, GOOD)
    assert (bounded.against, bounded.bound, bounded.objective) == ("bound", 2, 11)
    nothing = graded(instance(CHEATED), 11, GOOD)
    assert (nothing.against, nothing.bound) == ("bound", None)
    assert 0.5 < bounded.score == nothing.score < 1  # the quick bound is better than the file's


@examples(150)
@given(small(2), st.integers(0, 10**9))
def test_rewards_keep_what_every_reward_promises(payload: HoistLine, seed: int) -> None:
    """0 for what is invalid, more for what is shorter, 1 at the optimum, no kinder if unknown."""
    others = [instance(payload, each) for each in (Reference("none"), Reference("bounded", 99, 1))]
    known, tried = instance(payload, reference(payload)), answers(payload, seed)
    rewards = [hold(known, [graded(known, *each) for each in tried])]
    for other in others:
        rewards.append(hold(other, [graded(other, *each) for each in tried]))
        assert all(b.value <= a.value for a, b in zip(rewards[0], rewards[-1], strict=True))


def answers(payload: HoistLine, seed: int) -> list[tuple[Any, Any]]:
    """Answers of every worth: short cycles, long ones, wrong ones, some without a move."""
    alone = serial(payload)
    times = alone.by_id(payload)[KEY]
    best = (reference(payload).answer or {}).values()
    close = [near(payload, seed + k) for k in range(12)]
    slow = [(alone.period + k, times) for k in (0, 1, 2, 5, 1000, 10**15)]
    cut = [(period, dict(list(each.items())[1:])) for period, each in close]
    return [tuple(best), *close, *slow, *cut]


def hold(one: Instance[HoistLine], grades: Sequence[Grade]) -> list[Reward]:
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


def test_a_reward_is_the_optimum_over_the_period() -> None:
    one = generate(3, 0, 0, {})
    rule = grade(one, read(POLICIES["serial"].answer(one), ""))
    found = reward(one, rule)
    assert found.value == found.near_miss == rule.score < 1
    assert found.components == {"feasible": 1, "satisfied": 1, "quality": rule.score}
    assert one.reference.answer is not None
    lost = reward(one, graded(one, one.reference.answer[PERIOD], {"load": 0}))
    assert lost.components["feasible"] == lost.components["quality"] == lost.value == 0
    assert 0 < lost.near_miss < found.value


# On the board ---------------------------------------------------------------------------------


@cache
def made(level: int, index: int) -> Instance[HoistLine]:
    return generate(level, 0, index, {})


def recorded(one: Instance[HoistLine], policy: str, **changes: Any) -> Record:
    """A record of a policy's answer, with changes."""
    fields = {"grade": grade(one, read(POLICIES[policy].answer(one), ""))} | changes
    return record(
        one.index,
        instance=one.id,
        family="hoist",
        level=one.level,
        settings=one.settings,
        **fields,
    )


def suite_of(policy: str, levels: Sequence[int], count: int = 10) -> list[Record]:
    """Records of a policy as the suite asks it."""
    return [recorded(made(n, k), policy) for n in levels for k in range(count)]


@pytest.mark.parametrize("policy", ["earliest", "latest", "random"])
def test_floors_fall_along_the_levels(policy: str) -> None:
    metrics = summarise(suite_of(policy, (2, 4, 6)))[1]
    scores = [metrics[f"score@{level}"].value or 0.0 for level in (2, 4, 6)]
    assert all(less < more for more, less in pairwise(scores))


def test_the_ceiling_stands_at_1_and_no_one_is_paid_for_abstaining() -> None:
    exact, metrics = summarise(suite_of("exact", (2, 4)))
    assert exact.value == metrics["feasible"].value == metrics["share_optimal"].value == 1.0
    assert metrics["gap_proven"].value == 1.0
    assert metrics["broken"].value == metrics["gap_mean"].value == 0.0
    lines = [made(2, index) for index in range(10)]
    half = [recorded(one, "exact") for one in lines[::2]]
    half += [recorded(one, "exact", grade=graded(one, 1, {})) for one in lines[1::2]]
    score, shy = summarise(half)
    assert score.value == pytest.approx(0.5)
    assert shy["feasible"].value == shy["share_missing"].value == 0.5
    assert shy["gap_mean"].value == 0.0


def test_epochs_of_a_line_are_one_trial() -> None:
    once = suite_of("serial", (2,))
    score, _ = summarise(once)
    again, _ = summarise([*once, *(recorded(made(2, k), "serial", epoch=1) for k in range(10))])
    assert (again.value, again.low, again.high) == (score.value, score.low, score.high)
