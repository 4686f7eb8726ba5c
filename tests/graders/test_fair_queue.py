"""A reference's own run has what it says; one change that breaks a rule is told by its kind."""

import json
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from generators.fair_queue import generate
from graders.exact.fair_queue import least_cost, random_cost
from graders.fair_queue import grade, reward, summarise
from harness.families.registry import family
from tasks.base import Fields, Grade, Record, Reference, SolverFailure, Verdict
from tasks.fair_queue import read
from tests.depth import often
from tests.factories.queues import drawn_cluster, instance_with

ONE = generate(6, 0, 0, {})
IDS = [job.id for job in ONE.payload.jobs]
LOG: list[int] = family("fair-queue").policies["fifo"].answer(ONE)["schedule"]


def judged(schedule: Any) -> Grade:
    return grade(ONE, read({"schedule": schedule}, ""))


def test_the_reference_has_what_it_says() -> None:
    best = grade(ONE, read(ONE.reference.answer or {}, ""))
    assert (best.verdict, best.objective) == (Verdict.valid, ONE.reference.objective)
    assert best.bound == ONE.reference.bound == least_cost(ONE.payload) == 6000
    chance = random_cost(ONE.payload)
    assert best.score == pytest.approx((chance - (best.objective or 0)) / (chance - 6000))
    assert 0.5 < best.score <= 1


@pytest.mark.parametrize(
    ("schedule", "verdict", "expected"),
    [
        (None, Verdict.unparsable, {"kind": "not_a_list", "value": None}),
        ({"J01": 1}, Verdict.unparsable, {"kind": "not_a_list", "value": "{'J01': 1}"}),
        ([*IDS[:-1], 3], Verdict.unparsable, {"kind": "unknown", "value": 3}),
        (IDS[:-1], Verdict.infeasible, {"kind": "missing", "job": IDS[-1]}),
        ([*IDS, IDS[0]], Verdict.infeasible, {"kind": "duplicate", "job": IDS[0]}),
        ([*IDS, "J99"], Verdict.infeasible, {"kind": "unknown", "value": "J99"}),
        ([], Verdict.infeasible, {"kind": "missing", "job": IDS[0]}),
    ],
)
def test_cheats_are_refused_by_kind(schedule: Any, verdict: Verdict, expected: Fields) -> None:
    judgement = judged(schedule)
    assert judgement.verdict is verdict
    assert expected in judgement.violations
    assert (judgement.score, reward(ONE, judgement).value) == (0, 0)


@pytest.mark.parametrize(
    ("log", "rule"),
    [
        (LOG[:-1], "short"),
        ([*LOG, 0], "long"),
        ([99, *LOG[1:]], "unknown"),
        ([-1, *LOG[1:]], "unknown"),
        ([5, *LOG[1:]], "unknown"),  # it has not come
        ([0] * len(LOG), "ready"),
    ],
)
def test_a_log_that_breaks_a_rule_says_which(log: list[int], rule: str) -> None:
    judgement = judged(log)
    assert judgement.verdict is Verdict.infeasible
    assert judgement.violations[0]["rule"] == rule
    assert reward(ONE, judgement).near_miss == 0


def test_a_log_is_worth_what_its_run_is() -> None:
    by_order = judged(IDS)  # the order of arrival is first come, first served
    assert judged(LOG) == by_order
    assert by_order.verdict is Verdict.valid


def test_spelling_is_mended_and_told() -> None:
    text = json.dumps({"schedule": [name.lower() for name in IDS]})
    judgement = grade(ONE, read(None, text))
    assert judgement.verdict is Verdict.valid
    assert (judgement.metrics["mended"], judgement.metrics["strict"]) == (1, 0)


def test_a_reference_that_is_beaten_is_an_error() -> None:
    wrong = replace(ONE, reference=Reference("bounded", 10**6, 10**6 - 1))
    with pytest.raises(SolverFailure, match="is below"):
        grade(wrong, read({"schedule": IDS}, ""))
    bare = replace(ONE, reference=Reference("none"))
    assert grade(bare, read({"schedule": IDS}, "")).score == judged(IDS).score


def test_rewards_are_in_order_and_no_run_beats_the_bound() -> None:
    rng = Random("fair-queue/rewards")
    for _ in range(often(240)):
        instance = instance_with(drawn_cluster(rng))
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


def test_a_row_is_the_mean_over_levels() -> None:
    records = list[Record]()
    for level, schedule in ((6, IDS), (6, IDS), (12, None)):
        records.append(
            Record(
                instance=f"fair-queue-{level}-s0-k{len(records)}-00000000",
                family="fair-queue",
                level=level,
                settings={},
                model="m",
                agent="plain",
                memory="none",
                epoch=1,
                grade=judged(schedule),
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
    for name in ("job_cost", "goodput", "seconds", "seconds_small", "worst_user"):
        assert metrics[name].value == pytest.approx(judged(IDS).metrics[name]), name


def test_every_policy_ends_and_the_ceiling_is_no_worse_than_any_order() -> None:
    policies = family("fair-queue").policies
    grades = {n: grade(ONE, read(policy.answer(ONE), "")) for n, policy in policies.items()}
    assert all(g.verdict is Verdict.valid for g in grades.values())
    scores = [grades[name].score for name in ("exact", "arrival", "smallest", "random")]
    assert max(scores) == scores[0]


def test_a_log_of_many_picks_is_read_from_text() -> None:
    text = json.dumps({"schedule": LOG})
    assert grade(ONE, read(None, text)) == judged(LOG)
    long = json.dumps({"schedule": [*LOG, *[0] * 90_000]})
    assert grade(ONE, read(None, long)).violations[0]["rule"] == "long"
