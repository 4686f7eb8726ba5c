"""Gold scores 1; whatever is wrong with an episode is told by its kind; nothing beats SRPT."""

import json
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from generators.flow import generate
from graders.exact.flow import decisions, op_srpt, reference, simulate
from graders.flow import grade, reward
from harness.families.registry import family
from tasks.base import Grade, Outcome, Parsed, Reference, SolverFailure, Verdict
from tasks.flow import read
from tasks.flow_machine import OneMachine
from tests.depth import often
from tests.factories.machines import drawn_flow, instance_with

ONE = generate(3, 0, 0, {})
RUNS: list[Any] = (ONE.reference.answer or {})["runs"]


def judged(runs: Any) -> Grade:
    return grade(ONE, read({"runs": runs}, ""))


def kinds(judgement: Grade) -> list[Any]:
    return [violation["kind"] for violation in judgement.violations]


def test_gold_is_one() -> None:
    best = judged(RUNS)
    assert (best.verdict, best.score, best.gap, best.against) == (Verdict.valid, 1, 0, "optimum")
    assert best.violations == ()
    assert best.metrics["over_fifo"] == best.metrics["beats_fifo"] == 1
    assert best.metrics["regret_informed"] <= 0
    assert reward(ONE, best).value == reward(ONE, best).near_miss == 1


@pytest.mark.parametrize(
    ("runs", "verdict", "expected"),
    [
        (RUNS[:-1], Verdict.infeasible, ["unfinished"]),
        ([], Verdict.unparsable, ["unfinished"]),
        ([None, 3, {}], Verdict.unparsable, ["no_decision"] * 3 + ["unfinished"]),
        (["J99"] * 3, Verdict.infeasible, ["unknown_job"] * 3 + ["unfinished"]),
        (["J99"] * 99, Verdict.infeasible, ["unknown_job"] * 3 + ["surplus", "unfinished"]),
        (RUNS[:2] + [""] * 3, Verdict.infeasible, ["unknown_job"] * 3 + ["unfinished"]),
        ([*RUNS, "J01"], Verdict.valid, ["surplus"]),
        ("J01", Verdict.unparsable, ["unparsable", "unfinished"]),
    ],
)
def test_cheats_are_refused_by_kind(runs: Any, verdict: Verdict, expected: list[str]) -> None:
    judgement = judged(runs)
    assert (judgement.verdict, kinds(judgement)) == (verdict, expected)
    assert judgement.score == (1 if verdict is Verdict.valid else 0)
    assert reward(ONE, judgement).value == judgement.score
    if verdict is Verdict.unparsable:
        assert reward(ONE, judgement).near_miss == 0


def test_a_job_that_is_to_come_or_done_cannot_run() -> None:
    machine = OneMachine(ONE.payload)
    later = next(job.id for job in ONE.payload.jobs if job.id not in machine.waiting)
    judgement = judged([later, *RUNS])
    assert judgement.violations[0] == {"kind": "unknown_job", "value": later, "turn": 1}
    done = next(iter(simulate(ONE.payload, op_srpt).completed))
    names = decisions(ONE.payload, op_srpt)[0]
    assert kinds(judged([*names[:-1], done]))[0] == "unknown_job"


def test_a_lost_turn_costs_time_and_not_the_episode() -> None:
    instance = replace(ONE, payload=replace(ONE.payload, pause=1))
    machine, answers = OneMachine(instance.payload), [Parsed(problem="lost")]
    machine.decide(answers[0])
    while not machine.is_over:
        name = min(machine.waiting, key=machine.rest)
        answers.append(Parsed({"run": name}))
        machine.run(name)
    judgement = grade(instance, Outcome(tuple(answers)))
    assert (judgement.verdict, kinds(judgement)) == (Verdict.valid, ["unparsable"])
    assert 0 < judgement.score < 1
    assert judgement.metrics["invalid_turns"] == 1


def test_spelling_is_mended_and_told() -> None:
    text = json.dumps({"runs": [name.lower() for name in RUNS]})
    judgement = grade(ONE, read(None, text))
    assert judgement.score == 1
    assert judgement.metrics["mended"] == len(RUNS)
    assert judgement.metrics["strict"] == 0
    assert grade(ONE, read({"runs": [RUNS[0].lower(), *RUNS[1:]]}, "")).score < 1


def test_a_reference_that_is_beaten_is_an_error() -> None:
    total = int(ONE.reference.objective or 0) + 1
    wrong = replace(ONE, reference=Reference("optimal", total, total))
    with pytest.raises(SolverFailure, match="is below"):
        grade(wrong, read({"runs": RUNS}, ""))
    bare = replace(ONE, reference=Reference("none"))
    assert grade(bare, read({"runs": RUNS}, "")).score == 1


def test_no_random_agent_beats_the_reference_and_rewards_are_in_order() -> None:
    rng = Random("flow/agents")
    for _ in range(often(500)):
        instance = instance_with(drawn_flow(rng, jobs=5, largest=9, latest=20))
        best = reference(instance.payload).objective
        assert best is not None
        grades = []
        for sloppy in (0.0, 0.2, 0.7):
            machine, answers = OneMachine(instance.payload), list[Parsed]()
            while not machine.is_over:
                name = rng.choice(list(machine.waiting))
                lost = rng.random() < sloppy
                answers.append(Parsed(problem="lost") if lost else Parsed({"run": name}))
                machine.decide(answers[-1])
            grades.append(grade(instance, Outcome(tuple(answers))))
            grades.append(grade(instance, Outcome(tuple(answers[: len(answers) // 2]))))
        rewards = [(g, reward(instance, g)) for g in grades]
        valid = [r.value for g, r in rewards if g.verdict is Verdict.valid]
        for judgement, value in rewards:
            if judgement.verdict is Verdict.valid:
                assert judgement.objective is not None
                assert judgement.objective >= best
                assert (
                    value.value
                    == value.near_miss
                    == judgement.score
                    == pytest.approx(best / judgement.objective)
                )
                assert (value.value == 1) == (judgement.objective == best)
            else:
                assert value.value == 0
                assert value.near_miss < min(valid, default=1)


def test_the_slowest_finished_episode_is_above_every_near_miss() -> None:
    """Two turns are lost before each decision, and the longest job always runs."""
    machine, answers = OneMachine(ONE.payload), list[Parsed]()
    while not machine.is_over:
        for _ in range(2):
            answers.append(Parsed(problem="lost"))
            machine.decide(answers[-1])
        answers.append(Parsed({"run": max(machine.waiting, key=machine.rest)}))
        machine.decide(answers[-1])
    slowest = grade(ONE, Outcome(tuple(answers)))
    broken = grade(ONE, Outcome(tuple(answers[:-1])))
    assert slowest.verdict is Verdict.valid
    assert broken.verdict is Verdict.infeasible
    assert 0 < reward(ONE, broken).near_miss < reward(ONE, slowest).value


@pytest.mark.heavy
def test_every_policy_finishes_and_only_the_ceiling_is_always_optimal() -> None:
    from makespan import start

    for name, policy in family("flow").policies.items():
        scores = []
        for index in range(4):
            instance = generate(4, 7, index, {"jobs": 8})
            episode = start(instance)
            while not episode.done:
                effect: Any = episode._stepper.effect
                episode.reply(json.dumps(policy.answer(effect.view)))
            assert episode.grade().verdict is Verdict.valid
            scores.append(episode.grade().score)
        assert (min(scores) == 1) == (policy.kind == "ceiling"), name
