"""The checker of job shops: it finds what a look at every moment does; gold wins, cheats don't."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise, product
from random import Random
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from generators.jobshop import generate
from graders.exact.jobshop import reference
from graders.exact.jobshop_rules import Rule, dispatch, index_shop
from graders.jobshop import broken_share, grade, reward, summarise, violations
from harness.families.jobshop import POLICIES
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
from tasks.jobshop import KEY, Buffers, Shop, in_a_row, read
from tests.depth import examples
from tests.factories.records import record
from tests.factories.shops import BUFFERS, Downs, Jobs, faults, instance, shop, small

Rows = list[list[int]]

# The checker ----------------------------------------------------------------------------------


def named(payload: Shop, rows: Sequence[Sequence[int]]) -> dict[str, list[int]]:
    return {job.id: list(row) for job, row in zip(payload.jobs, rows, strict=True)}


def seen(problems: Sequence[Fields]) -> set[tuple[Any, ...]]:
    """What violations say, as the twin in the factory says it."""
    wrong: set[tuple[Any, ...]] = set()
    for v in problems:
        if v["kind"] == "machine":
            wrong.add(("machine", v["machine"], frozenset((v["first"], v["second"]))))
        elif v["kind"] == "shutdown":
            wrong.add(("shutdown", v["machine"], v["job"], v["operation"]))
        elif v["kind"] == "swap":
            wrong.add(("swap", v["time"], frozenset(v["jobs"])))
        else:
            wrong.add((v["kind"], v["job"], v["operation"]))
    return wrong


def at_random(rng: Random) -> Rule:
    """A rule that takes any operation."""
    return lambda _: rng.random()


def near(payload: Shop, seed: int) -> Rows:
    """Starts that keep most rules: of a random rule that knows no buffers, a few then moved."""
    rng = Random(f"near/{seed}")
    buffers = rng.choice(("free", "swap", payload.buffers))
    rows = dispatch(index_shop(payload), at_random(rng), buffers=buffers) or []
    if rng.random() < 0.5 and rows:
        row = rng.choice(rows)
        place = rng.randrange(len(row))
        row[place] += rng.randint(-2, 2)
    return rows or [[0] * len(job.operations) for job in payload.jobs]


@pytest.mark.parametrize("buffers", BUFFERS)
@examples(1500)
@given(small(4), st.integers(0, 10**9))
def test_the_checker_finds_what_a_look_at_every_moment_finds(
    buffers: str, case: tuple[Jobs, Downs], seed: int
) -> None:
    payload = shop(case[0], buffers, case[1])  # type: ignore[arg-type]
    rows = near(payload, seed)
    assert seen(violations(payload, named(payload, rows))) == faults(payload, rows)


def ring(buffers: str, *starts: int) -> list[Fields]:
    """What is wrong where three jobs turn in a ring, each at its time."""
    jobs = [[(0, 2), (1, 2)], [(1, 2), (2, 2)], [(2, 2), (0, 2)]]
    payload = shop(jobs, buffers)  # type: ignore[arg-type]
    return violations(payload, named(payload, [[0, s] for s in starts]))


def test_rings_may_turn_with_swaps_only_and_chains_always() -> None:
    assert ring("free", 2, 2, 2) == ring("swap", 2, 2, 2) == []
    [fault] = ring("none", 2, 2, 2)
    assert (fault["kind"], fault["time"], sorted(fault["jobs"])) == ("swap", 2, ["J0", "J1", "J2"])
    chain = [[(0, 2), (1, 2)], [(1, 2), (2, 2)], [(2, 2)]]
    payload = shop(chain, "none")
    assert violations(payload, named(payload, [[0, 2], [0, 2], [0]])) == []


def test_a_waiting_job_holds_its_machine_and_may_stand_in_a_shutdown() -> None:
    jobs = [[(0, 2), (1, 1)], [(0, 1)]]
    starts = {"J0": [0, 5], "J1": [3]}
    assert violations(shop(jobs, "free"), starts) == []
    [fault] = violations(shop(jobs, "swap"), starts)
    wanted = {"kind": "machine", "machine": "M0", "first": "J0", "second": "J1"}
    assert fault == wanted | {"start": 3, "end": 4}
    down = shop(jobs, "swap", {0: [(2, 5)]})
    assert violations(down, {"J0": [0, 5], "J1": [5]}) == []
    assert violations(down, {"J0": [1, 5], "J1": [5]})[0]["kind"] == "shutdown"


CHEATS: list[tuple[Any, list[str], Verdict]] = [
    ({}, ["missing", "missing"], Verdict.infeasible),
    ({"J0": [0, 2]}, ["missing"], Verdict.infeasible),
    ({"J0": [0, 2], "J1": [2], "J2": [0]}, ["unknown"], Verdict.infeasible),
    ({"J0": [0], "J1": [2]}, ["length"], Verdict.infeasible),
    ({"J0": [0, 2, 9], "J1": [2]}, ["length"], Verdict.infeasible),
    ({"J0": [], "J1": []}, ["length", "length"], Verdict.infeasible),
    ({"J0": [-2, 2], "J1": [0]}, ["negative"], Verdict.infeasible),
    ({"J0": [0, 1], "J1": [2]}, ["precedence"], Verdict.infeasible),
    ({"J0": [2, 0], "J1": [0]}, ["precedence"], Verdict.infeasible),
    ({"J0": [0, 2], "J1": [1]}, ["machine"], Verdict.infeasible),
    ({"J0": [0, 2], "J1": [0]}, ["machine"], Verdict.infeasible),
    ({"J0": [0, 7], "J1": [2]}, ["shutdown"], Verdict.infeasible),
    ({"J0": 0, "J1": [2]}, ["not_a_list"], Verdict.unparsable),
    ({"J0": {"1": 0, "2": 2}, "J1": [2]}, ["not_a_list"], Verdict.unparsable),
    ({"J0": None, "J1": [2]}, ["not_a_list"], Verdict.unparsable),
    ({"J0": [0, 2.0], "J1": [2]}, ["not_integer"], Verdict.unparsable),
    ({"J0": [False, 2], "J1": [2]}, ["not_integer"], Verdict.unparsable),
    ({"J0": ["0", 2], "J1": [2]}, ["not_integer"], Verdict.unparsable),
    ({"J0": [0, None], "J1": [2]}, ["not_integer"], Verdict.unparsable),
    ({"J0": [0, float("nan")], "J1": [2]}, ["not_integer"], Verdict.unparsable),
]
CHEATED = shop([[(0, 2), (1, 2)], [(0, 1)]], "free", {1: [(8, 9)]})


@pytest.mark.parametrize(("starts", "kinds", "verdict"), CHEATS)
def test_cheats_are_refused_with_their_kind(
    starts: Any, kinds: list[str], verdict: Verdict
) -> None:
    """As they are given: what a text says is read by the rule of spelling first."""
    assert [v["kind"] for v in violations(CHEATED, starts)] == kinds
    outcome = Outcome((Parsed(value={KEY: starts}, how="given"),))
    found = grade(instance(CHEATED), outcome)
    assert (found.verdict, found.score, found.objective) == (verdict, 0.0, None)
    assert 0 < found.metrics["broken"] <= 1


@pytest.mark.parametrize("value", [None, {}, {"starts": [0]}, {"schedule": {"J0": [0, 2]}}])
def test_without_starts_it_is_unparsable(value: Any) -> None:
    found = grade(instance(CHEATED), Outcome((Parsed(value=value),)))
    assert (found.verdict, found.score, found.metrics["broken"]) == (Verdict.unparsable, 0.0, 1.0)


@examples(300)
@given(small(), st.integers(0, 10**9))
def test_leaving_jobs_out_never_lowers_the_share_that_is_broken(
    case: tuple[Jobs, Downs], seed: int
) -> None:
    rng = Random(f"left out/{seed}")
    payload = shop(case[0], rng.choice(BUFFERS), case[1])
    rows = [[rng.randint(-1, 12) for _ in job.operations] for job in payload.jobs]
    starts = named(payload, rows)
    problems = violations(payload, starts)
    share = broken_share(payload, problems)
    assert (share == 0) == (not problems)
    for name in starts:
        fewer = {key: row for key, row in starts.items() if key != name}
        assert share <= broken_share(payload, violations(payload, fewer)) <= 1


# Grades and rewards ---------------------------------------------------------------------------


def graded(one: Instance[Shop], starts: Any) -> Grade:
    return grade(one, read({KEY: starts}, ""))


@pytest.mark.parametrize("buffers", BUFFERS)
@pytest.mark.parametrize("shutdowns", [0, 2])
@pytest.mark.parametrize("level", [2, 3, 5])
def test_gold_scores_1_and_broken_or_longer_gold_does_not(
    buffers: str, shutdowns: int, level: int
) -> None:
    """Where an operation begins before the one before it ends, or late, or a job is left out."""
    settings: dict[str, Scalar] = {"buffers": buffers, "shutdowns": shutdowns}
    for index in range(4):
        one = generate(level, 2, index, settings)
        assert one.reference.answer is not None
        gold = one.reference.answer[KEY]
        best = graded(one, gold)
        assert (best.verdict, best.score, best.gap, best.against) == (
            Verdict.valid,
            1.0,
            0.0,
            "optimum",
        )
        for job in one.payload.jobs:
            row = gold[job.id]
            late = graded(one, gold | {job.id: [*row[:-1], row[-1] + 10_000]})
            assert late.verdict is not Verdict.valid or late.score < 0.1
            for k in range(1, len(row)):
                early = [*row[:k], row[k - 1] + job.operations[k - 1].time - 1, *row[k + 1 :]]
                assert graded(one, gold | {job.id: early}).score == 0
            fewer = {name: each for name, each in gold.items() if name != job.id}
            assert graded(one, fewer).score == 0


def test_500_random_agents_never_beat_a_reference() -> None:
    scores = []
    for index in range(10):
        one = generate(3, 7, index, {"buffers": BUFFERS[index % 3], "shutdowns": index % 2})
        indexed = index_shop(one.payload)
        for agent in range(50):
            rng = Random(f"agents/{index}/{agent}")
            buffers = one.payload.buffers
            starts = dispatch(indexed, at_random(rng), buffers=buffers, careful=buffers == "none")
            found = graded(one, indexed.by_id(starts or []))
            assert found.verdict is Verdict.valid
            scores.append(found.score)
    assert len(scores) == 500
    assert max(scores) == 1 > fmean(scores)


@pytest.mark.parametrize("known", [Reference("optimal", 9, 9), Reference("bounded", 12, 9)])
def test_an_answer_that_refutes_the_reference_is_no_grade(known: Reference) -> None:
    with pytest.raises(SolverFailure, match=r"^i: an answer's makespan 4 is below .* bound 9"):
        graded(instance(CHEATED, known), {"J0": [0, 2], "J1": [2]})
    assert graded(instance(CHEATED, known), {"J0": [0, 2]}).verdict is Verdict.infeasible


def test_a_bound_is_said_to_be_one() -> None:
    starts = {"J0": [1, 3], "J1": [0]}
    bounded = graded(instance(CHEATED, Reference("bounded", 5, 2)), starts)
    assert (bounded.against, bounded.bound, bounded.objective) == ("bound", 2, 5)
    assert bounded.score == 4 / 5  # the length of the longer job, a better bound than the file's
    nothing = graded(instance(CHEATED), starts)
    assert (nothing.against, nothing.bound, nothing.score) == ("bound", None, 4 / 5)


def answers(payload: Shop, seed: int) -> list[Any]:
    """Answers of every worth: starts in a small box, near ones, and some without a job."""
    rng = Random(f"worth/{seed}")
    count = sum(len(job.operations) for job in payload.jobs)
    boxes = [list(each) for each in product(range(in_a_row(payload) + 2), repeat=count)][:4000]
    flat = rng.sample(boxes, min(len(boxes), 150))
    listed = [named(payload, near(payload, rng.randrange(10**9))) for _ in range(20)]
    for each in flat:
        rows = iter(each)
        listed.append({job.id: [next(rows) for _ in job.operations] for job in payload.jobs})
    return [*listed, *(dict(list(each.items())[1:]) for each in listed[:20])]


@pytest.mark.heavy
@examples(150)
@given(small(2), st.sampled_from(BUFFERS), st.integers(0, 10**9))
def test_rewards_keep_what_every_reward_promises(
    case: tuple[Jobs, Downs], buffers: str, seed: int
) -> None:
    """0 for what is invalid, more for what is shorter, 1 at the optimum, no kinder if unknown."""
    jobs = [job[:2] for job in case[0]]
    used = {machine for job in jobs for machine, _ in job}
    down = {machine: spans for machine, spans in case[1].items() if machine in used}
    payload = shop(jobs, buffers, down)  # type: ignore[arg-type]
    known = instance(payload, reference(payload))
    others = [instance(payload, each) for each in (Reference("none"), Reference("bounded", 99, 1))]
    tried = answers(payload, seed)
    rewards = [hold(known, [graded(known, each) for each in tried])]
    for other in others:
        rewards.append(hold(other, [graded(other, each) for each in tried]))
        assert all(b.value <= a.value for a, b in zip(rewards[0], rewards[-1], strict=True))


def hold(one: Instance[Shop], grades: Sequence[Grade]) -> list[Reward]:
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
    one = generate(4, 0, 0, {})
    rule = graded(one, POLICIES["lpt-nondelay"].answer(one)[KEY])
    found = reward(one, rule)
    assert found.value == found.near_miss == rule.score < 1
    assert found.components == {"feasible": 1, "satisfied": 1, "quality": rule.score}
    assert one.reference.answer is not None
    gold = one.reference.answer[KEY]
    lost = reward(one, graded(one, dict(list(gold.items())[1:])))
    assert lost.components["feasible"] == lost.components["quality"] == lost.value == 0
    assert 0 < lost.near_miss < reward(one, graded(one, POLICIES["serial"].answer(one)[KEY])).value


# On the board ---------------------------------------------------------------------------------


@cache
def made(level: int, index: int, buffers: Buffers = "free", shutdowns: int = 0) -> Instance[Shop]:
    return generate(level, 0, index, {"buffers": buffers, "shutdowns": shutdowns})


def recorded(one: Instance[Shop], policy: str, **changes: Any) -> Record:
    """A record of a policy's answer, with changes."""
    fields = {"grade": graded(one, POLICIES[policy].answer(one)[KEY])} | changes
    return record(
        one.index,
        instance=one.id,
        family="jobshop",
        level=one.level,
        settings=one.settings,
        **fields,
    )


def suite_of(policy: str, levels: Sequence[int], buffers: Buffers = "free") -> list[Record]:
    """Records of a policy as the suites ask it: 40 plain shops a level, 20 with blocking."""
    count = 40 if buffers == "free" else 20
    return [recorded(made(n, k, buffers), policy) for n in levels for k in range(count)]


def values(policy: str, levels: Sequence[int], buffers: Buffers = "free") -> list[float]:
    """Its mean score at each level."""
    metrics = summarise(suite_of(policy, levels, buffers))[1]
    return [metrics[f"score@{level}"].value or 0.0 for level in levels]


@pytest.mark.heavy
@pytest.mark.parametrize(
    "policy", ["serial", "spt-nondelay", "lpt-nondelay", "mor-nondelay", "spt-active"]
)
def test_floors_fall_along_the_levels(policy: str) -> None:
    scores = values(policy, (2, 3, 4, 6, 8))
    assert all(less < more for more, less in pairwise(scores))


@pytest.mark.heavy
def test_floors_fall_along_the_levels_without_buffers() -> None:
    scores = values("mwkr-careful", (3, 4, 5, 6), "none")
    assert all(less < more for more, less in pairwise(scores))


@pytest.mark.heavy
def test_less_room_is_harder_for_rules_and_a_deadlock_is_0() -> None:
    free, swap, none = (values("mwkr-nondelay", (5,), each)[0] for each in BUFFERS)
    assert free > swap > 0.7
    assert none < 0.2
    careful = values("mwkr-careful", (5,), "none")[0]
    assert none < careful < swap
    locked = [r for r in suite_of("mwkr-nondelay", (5,), "none") if r.grade]
    kinds = {v["kind"] for r in locked for v in (r.grade.violations if r.grade else ())}
    assert kinds == {"missing"}


def test_a_schedule_that_is_blind_to_shutdowns_is_wrong() -> None:
    for index in range(20):
        plain, down = made(4, index), made(4, index, shutdowns=1)
        assert plain.reference.answer is not None
        found = violations(down.payload, plain.reference.answer[KEY])
        assert {v["kind"] for v in found} == {"shutdown"}


def test_the_ceiling_stands_at_1_and_no_one_is_paid_for_abstaining() -> None:
    exact, metrics = summarise(suite_of("exact", (2, 3)))
    assert exact.value == metrics["feasible"].value == metrics["share_optimal"].value == 1.0
    assert metrics["gap_proven"].value == 1.0
    assert metrics["broken"].value == metrics["gap_mean"].value == 0.0
    shops = [made(3, index) for index in range(10)]
    half = [recorded(one, "exact") for one in shops[::2]]
    half += [recorded(one, "exact", grade=graded(one, {})) for one in shops[1::2]]
    score, shy = summarise(half)
    assert score.value == pytest.approx(0.5)
    assert shy["feasible"].value == shy["share_missing"].value == 0.5
    assert shy["gap_mean"].value == 0.0


def test_epochs_and_shops_of_the_same_jobs_are_one_trial() -> None:
    """They make no interval narrower."""
    once = suite_of("lpt-nondelay", (3,))
    score, _ = summarise(once)
    epochs = [recorded(made(3, k), "lpt-nondelay", epoch=1) for k in range(40)]
    others = [replace(each, settings=each.settings | {"buffers": "swap"}) for each in once]
    for more in (epochs, others):
        again, _ = summarise([*once, *more])
        assert (again.value, again.low, again.high) == (score.value, score.low, score.high)
