"""A reference's own placing has what it says; one change that breaks a rule is told by its kind."""

import json
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from generators.placement import generate
from graders.exact.placement import least_cost, random_cost
from graders.placement import grade, reward, summarise
from harness.families.registry import family
from tasks.base import Fields, Grade, Record, Reference, SolverFailure, Verdict
from tasks.placement import read
from tests.depth import often
from tests.factories.fleets import drawn_fleet, instance_with, partitions, slow_seconds

ONE = generate(10, 0, 0, {})
IDS = [task.id for task in ONE.payload.tasks]
BEST: dict[str, int] = (ONE.reference.answer or {})["hosts"]


def judged(hosts: Any) -> Grade:
    return grade(ONE, read({"hosts": hosts}, ""))


def test_the_reference_has_what_it_says() -> None:
    best, objective = judged(BEST), ONE.reference.objective
    assert (best.verdict, best.objective, best.score) == (Verdict.valid, objective, 1)
    assert (ONE.reference.status, best.against, best.gap) == ("optimal", "optimum", 0)
    assert reward(ONE, best).value == 1
    assert best.metrics["over_bound"] == 1
    alone = judged({name: k for k, name in enumerate(IDS, 1)})
    assert alone.objective == sum(task.time for task in ONE.payload.tasks)
    chance = random_cost(ONE.payload)
    expected = (chance - (alone.objective or 0)) / (chance - (objective or 0))
    assert alone.score == pytest.approx(expected)
    assert alone.score < 0


@pytest.mark.parametrize(
    ("hosts", "verdict", "expected"),
    [
        (None, Verdict.unparsable, {"kind": "unparsable"}),
        ([1, 2], Verdict.unparsable, {"kind": "unparsable"}),
        ({**BEST, IDS[0]: "h"}, Verdict.unparsable, {"kind": "not_integer", "value": "h"}),
        ({**BEST, IDS[0]: 1.5}, Verdict.unparsable, {"kind": "not_integer", "value": 1.5}),
        ({**BEST, IDS[0]: True}, Verdict.unparsable, {"kind": "not_integer", "value": True}),
        ({**BEST, IDS[0]: 0}, Verdict.infeasible, {"kind": "host", "task": IDS[0], "value": 0}),
        ({**BEST, IDS[0]: 11}, Verdict.infeasible, {"kind": "host", "value": 11}),
        ({**BEST, "T99": 1}, Verdict.infeasible, {"kind": "unknown", "task": "T99"}),
        ({k: v for k, v in BEST.items() if k != IDS[3]}, Verdict.infeasible, {"kind": "missing"}),
        ({}, Verdict.infeasible, {"kind": "missing", "task": IDS[0]}),
        (dict.fromkeys(IDS, 1), Verdict.infeasible, {"kind": "room", "host": 1}),
    ],
)
def test_cheats_are_refused_by_kind(hosts: Any, verdict: Verdict, expected: Fields) -> None:
    judgement = judged(hosts)
    assert judgement.verdict is verdict
    assert any(expected.items() <= problem.items() for problem in judgement.violations)
    worth = reward(ONE, judgement)
    assert (judgement.score, worth.value) == (0, 0)
    assert (worth.near_miss == 0) == (verdict is Verdict.unparsable or hosts == {})


def test_room_is_what_it_is_second_by_second() -> None:
    rng = Random("placement/room")
    for _ in range(often(600)):
        fleet = drawn_fleet(rng)
        hosts = {task.id: rng.randint(1, len(fleet.tasks)) for task in fleet.tasks}
        judgement = grade(instance_with(fleet), read({"hosts": hosts}, ""))
        seconds = slow_seconds(fleet, hosts)
        assert (judgement.verdict is Verdict.valid) == (seconds is not None)
        assert judgement.objective == seconds


def test_spelling_is_mended_and_told() -> None:
    text = json.dumps({"hosts": {name.lower(): str(number) for name, number in BEST.items()}})
    judgement = grade(ONE, read(None, text))
    assert (judgement.verdict, judgement.score) == (Verdict.valid, 1)
    assert (judgement.metrics["mended"], judgement.metrics["strict"]) == (1, 0)
    twice = grade(ONE, read(None, json.dumps({"hosts": {**BEST, IDS[0].lower(): 1}})))
    assert twice.verdict is not Verdict.valid


def test_a_reference_that_is_beaten_is_an_error() -> None:
    wrong = replace(ONE, reference=Reference("bounded", 10**6, 10**6 - 1))
    with pytest.raises(SolverFailure, match="are below"):
        grade(wrong, read({"hosts": BEST}, ""))


def test_rewards_are_in_order_with_a_reference_and_without() -> None:
    rng = Random("placement/rewards")
    for _ in range(often(120)):
        fleet = drawn_fleet(rng, 5)
        bare = instance_with(fleet)
        grades = [
            grade(bare, read({"hosts": dict(zip([t.id for t in fleet.tasks], p, strict=True))}, ""))
            for p in partitions(len(fleet.tasks))
        ]
        best = min(int(g.objective) for g in grades if g.objective is not None)
        solved = replace(bare, reference=Reference("optimal", best, best))
        valid = [g for g in grades if g.verdict is Verdict.valid]
        invalid = [g for g in grades if g.verdict is not Verdict.valid]
        for one in (bare, solved):
            by_cost = sorted((g.objective or 0, -reward(one, g).value) for g in valid)
            assert [value for _, value in by_cost] == sorted(value for _, value in by_cost)
            worst = -by_cost[-1][1]
            assert all(reward(one, g).near_miss < worst for g in invalid)
        for g in valid:
            assert reward(bare, g).value <= reward(solved, g).value
            assert (reward(solved, g).value == 1) == (g.objective == best)
            assert reward(bare, g).value < 1 or g.objective == best == least_cost(fleet)


def test_a_row_is_the_mean_over_levels() -> None:
    records = list[Record]()
    for level, hosts in ((10, BEST), (10, BEST), (20, None)):
        records.append(
            Record(
                instance=f"placement-{level}-s0-k{len(records)}-00000000",
                family="placement",
                level=level,
                settings={},
                model="m",
                agent="plain",
                memory="none",
                epoch=1,
                grade=judged(hosts),
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
    assert headline.value == pytest.approx(0.5)
    assert metrics["skill@20"].value == 0
    assert metrics["feasible"].value == pytest.approx(2 / 3)
    assert metrics["over_bound"].value == 1


def test_every_policy_is_valid_and_the_ceiling_is_no_worse() -> None:
    policies = family("placement").policies
    grades = {n: grade(ONE, read(policy.answer(ONE), "")) for n, policy in policies.items()}
    assert all(g.verdict is Verdict.valid for g in grades.values())
    assert max(g.score for g in grades.values()) == grades["exact"].score
