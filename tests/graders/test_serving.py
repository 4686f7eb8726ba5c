"""A reference's own run has what it says; one change that breaks a rule is told by its kind."""

import json
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from generators.serving import generate
from graders.exact.serving import least_cost, random_cost, reference
from graders.serving import grade, reward, summarise
from harness.families.registry import family
from tasks.base import Fields, Grade, Outcome, Record, Reference, SolverFailure, Verdict
from tasks.serving import read
from tests.depth import often
from tests.factories.services import drawn_service, instance_with

ONE = generate(6, 0, 0, {})
IDS = [job.id for job in ONE.payload.jobs]
LOG: list[Any] = family("serving").policies["first-come"].answer(ONE)["schedule"]


def judged(schedule: Any) -> Grade:
    return grade(ONE, read({"schedule": schedule}, ""))


def test_the_reference_has_what_it_says() -> None:
    answer = ONE.reference.answer or {}
    best = grade(ONE, read(answer, ""))
    assert (best.verdict, best.objective) == (Verdict.valid, ONE.reference.objective)
    assert best.bound == ONE.reference.bound == least_cost(ONE.payload) == 6000
    assert best.metrics["job_cost"] == (best.objective or 0) / 6000
    chance = random_cost(ONE.payload)
    assert best.score == pytest.approx((chance - (best.objective or 0)) / (chance - 6000))
    assert 0.5 < best.score < 1


def test_of_six_jobs_the_reference_is_no_worse_than_any_order() -> None:
    from itertools import permutations

    least = ONE.reference.objective or 0
    orders = list(permutations(IDS))
    for order in Random("orders").sample(orders, often(120)):
        assert (judged(list(order)).objective or 0) >= least


@pytest.mark.parametrize(
    ("schedule", "verdict", "expected"),
    [
        (None, Verdict.unparsable, {"kind": "not_a_list", "value": None}),
        ({"J001": 1}, Verdict.unparsable, {"kind": "not_a_list", "value": "{'J001': 1}"}),
        ([*IDS[:-1], 3], Verdict.unparsable, {"kind": "unknown", "value": 3}),
        (IDS[:-1], Verdict.infeasible, {"kind": "missing", "job": IDS[-1]}),
        ([*IDS, IDS[0]], Verdict.infeasible, {"kind": "duplicate", "job": IDS[0]}),
        ([*IDS, "J099"], Verdict.infeasible, {"kind": "unknown", "value": "J099"}),
        ([], Verdict.infeasible, {"kind": "missing", "job": IDS[0]}),
        ([[1]], Verdict.unparsable, {"kind": "not_a_log", "value": "[1]"}),
        ([[1, {}], [1, {}]], Verdict.unparsable, {"kind": "not_a_log", "value": "[1, {}]"}),
        ([*LOG, "end"], Verdict.unparsable, {"kind": "not_a_log", "value": "end"}),
    ],
)
def test_cheats_are_refused_by_kind(schedule: Any, verdict: Verdict, expected: Fields) -> None:
    judgement = judged(schedule)
    assert judgement.verdict is verdict
    assert expected in judgement.violations
    assert (judgement.score, reward(ONE, judgement).value) == (0, 0)


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        ([0, {"admit": [0, 0]}], "admit"),
        ([0, {"admit": [0, 1, 2, 3, 4, 5]}], "admit"),
        ([0, {"admit": "all"}], "plan"),
        ([0, 7], "plan"),
        ([0, {}], "starved"),
    ],
)
def test_a_log_that_breaks_a_rule_says_which(entry: Any, rule: str) -> None:
    judgement = judged([entry])
    assert judgement.verdict is Verdict.infeasible
    assert judgement.violations[0]["rule"] == rule
    assert reward(ONE, judgement).near_miss == 0


def test_a_log_is_worth_what_its_run_is_whatever_it_says_beside() -> None:
    plain = judged(LOG)
    assert plain.verdict is Verdict.valid
    later = judged([*LOG, [10**6, {"admit": [0]}]])  # no such ask comes
    assert later == plain
    assert judged(LOG[1:]).violations[0]["rule"] in ("starved", "admit", "memory")


def test_spelling_is_mended_and_told() -> None:
    text = json.dumps({"schedule": [name.lower() for name in IDS]})
    judgement = grade(ONE, read(None, text))
    assert judgement.verdict is Verdict.valid
    assert judgement.metrics["mended"] == 1
    assert judgement.metrics["strict"] == 0


def test_a_reference_that_is_beaten_is_an_error() -> None:
    wrong = replace(ONE, reference=Reference("bounded", 10**6, 10**6 - 1))
    with pytest.raises(SolverFailure, match="is below"):
        grade(wrong, read({"schedule": IDS}, ""))
    bare = replace(ONE, reference=Reference("none"))
    assert grade(bare, read({"schedule": IDS}, "")).score == judged(IDS).score


def test_rewards_are_in_order_and_no_run_beats_the_bound() -> None:
    rng = Random("serving/rewards")
    for _ in range(often(120)):
        instance = instance_with(drawn_service(rng))
        ids = [job.id for job in instance.payload.jobs]
        answers = [rng.sample(ids, len(ids)) for _ in range(4)] + [ids[1:], [*ids, "x"]]
        grades = [grade(instance, read({"schedule": each}, "")) for each in answers]
        rewards = [(g, reward(instance, g)) for g in grades]
        valid = sorted((g.objective or 0, -r.value) for g, r in rewards[:4])
        assert all(g.verdict is Verdict.valid for g in grades[:4])
        assert valid[0][0] >= 1000 * len(ids)
        assert [value for _, value in valid] == sorted(value for _, value in valid)
        for objective, value in valid:
            assert (value == -1) == (objective == 1000 * len(ids))
        for judgement, worth in rewards[4:]:
            assert judgement.verdict is Verdict.infeasible
            assert worth.value == 0
            assert worth.near_miss < min(-value for _, value in valid)


def test_the_bound_alone_takes_no_search() -> None:
    assert reference(ONE.payload, search=False) == Reference("bounded", bound=6000)
    assert generate(6, 0, 0, {}, reference=False).payload == ONE.payload


def test_a_row_is_the_mean_over_levels() -> None:
    records = list[Record]()
    for level, schedule in ((6, IDS), (6, IDS), (12, None)):
        judgement = judged(schedule)
        records.append(
            Record(
                instance=f"serving-{level}-s0-k{len(records)}-00000000",
                family="serving",
                level=level,
                settings={},
                model="m",
                agent="plain",
                memory="none",
                epoch=1,
                grade=judgement,
                problem=None,
                calls=1,
                attempts=1,
                input_tokens=1,
                output_tokens=1,
                cost=None,
                seconds=0.0,
            )
        )
    headline, metrics = summarise(records)
    assert headline.value == pytest.approx(judged(IDS).score / 2)
    assert metrics["skill@12"].value == 0
    assert metrics["goodput"].value == pytest.approx(judged(IDS).metrics["goodput"])


def test_every_policy_ends_and_the_ceiling_is_no_worse_than_any_order() -> None:
    policies = family("serving").policies
    grades = {
        name: grade(ONE, Outcome(read(policy.answer(ONE), "").answers))
        for name, policy in policies.items()
    }
    assert all(g.verdict is Verdict.valid for g in grades.values())
    orders = [grades[name].score for name in ("exact", "arrival", "random")]
    assert max(orders) == orders[0]
