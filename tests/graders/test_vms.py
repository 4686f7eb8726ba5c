"""Gold is 1 and doing nothing 0; whatever breaks a rule has its kind; nothing beats the optimum."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from generators.vms import generate
from graders.exact.vms import reference
from graders.vms import grade, reward, summarise
from harness.families.registry import family
from tasks.base import (
    Grade,
    Instance,
    NoReference,
    Outcome,
    Parsed,
    Record,
    Reference,
    Scalar,
    SolverFailure,
    Verdict,
)
from tasks.vms import read
from tasks.vms_course import PLAN, STOP, WAIT
from tasks.vms_payload import Cluster
from tests.depth import often
from tests.factories.clusters import (
    cluster,
    fewest,
    fragments,
    instance_of,
    played_by_hand,
    random_entries,
    start,
    with_events,
)
from tests.factories.records import record

ONE = generate(3, 0, 0, {})
MOVES: list[Any] = (ONE.reference.answer or {})[PLAN]
TURNS = generate(2, 0, 0, {"track": "reactive"})


def judged(moves: Any, instance: Instance[Cluster] = ONE) -> Grade:
    return grade(instance, read({PLAN: moves}, ""))


def kinds(judgement: Grade) -> list[Any]:
    return [violation["kind"] for violation in judgement.violations]


def test_gold_is_one_and_doing_nothing_is_zero() -> None:
    best, nothing = judged(MOVES), judged([])
    assert (best.verdict, best.score, best.gap, best.against) == (Verdict.valid, 1, 0, "optimum")
    assert (best.metrics["gain"], best.metrics["made"], best.metrics["optimal"]) == (
        1,
        len(MOVES),
        1,
    )
    assert (nothing.verdict, nothing.score, nothing.violations) == (Verdict.valid, 0, ())
    assert nothing.metrics["gain"] == nothing.metrics["optimal"] == 0
    assert nothing.objective == nothing.metrics["idle"]
    assert reward(ONE, best).value == reward(ONE, best).near_miss == 1
    assert 0 < reward(ONE, nothing).value < 1


FIRST = MOVES[0]
PLACE = next(v for v in ONE.payload.vms if v.id == FIRST["vm"])


@pytest.mark.parametrize(
    ("moves", "verdict", "expected"),
    [
        ([*MOVES, FIRST], Verdict.infeasible, ["again"]),
        ([{**FIRST, "vm": "vm-99"}], Verdict.infeasible, ["unknown"]),
        ([{**FIRST, "host": "h9"}, *MOVES[1:]], Verdict.infeasible, ["destination"]),
        ([{**FIRST, "host": PLACE.host, "numa": PLACE.numa}], Verdict.infeasible, ["destination"]),
        ([{**FIRST, "numa": "both" if PLACE.numa in (0, 1) else 0}], None, ["destination"]),
        ([*MOVES, 7], Verdict.unparsable, ["not_a_move"]),
        ("MOVES", Verdict.unparsable, ["not_a_list"]),
        ({}, Verdict.unparsable, ["not_a_list"]),
        (None, Verdict.unparsable, ["unparsable"]),
    ],
)
def test_cheats_are_refused_by_kind(
    moves: Any, verdict: Verdict | None, expected: list[str]
) -> None:
    judgement = judged(moves)
    assert (judgement.verdict, kinds(judgement)) == (verdict or Verdict.infeasible, expected)
    assert (judgement.score, judgement.objective) == (0, None)
    assert reward(ONE, judgement).value == 0
    assert (reward(ONE, judgement).near_miss > 0) == (
        judgement.verdict is Verdict.infeasible and judgement.metrics["legal"] > 0
    )


def test_more_moves_than_there_are_is_one_plan_too_many() -> None:
    few = replace(ONE, payload=replace(ONE.payload, moves=len(MOVES) - 1))
    bare = replace(few, reference=Reference("none"))
    assert kinds(judged(MOVES, bare)) == ["too_many"]
    assert judged(MOVES[:-1], bare).verdict is Verdict.valid


@pytest.mark.parametrize(
    "text",
    ["", "no idea", '{"moves": NaN}', '{"moves": [[]]}', '{"moves": true}', "[]", "{" * 3000],
)
def test_garbage_is_worth_nothing(text: str) -> None:
    for instance in (ONE, TURNS):
        judgement = grade(instance, read(None, text))
        assert judgement.verdict is Verdict.unparsable
        assert reward(instance, judgement).near_miss == 0


@pytest.mark.heavy
def test_scores_are_those_of_counting_by_hand() -> None:
    """Random plans on clusters whose optimum is that of trying all moves: none beats it."""
    verdicts = dict.fromkeys(Verdict, 0)
    for k in range(often(3000)):
        payload = cluster(f"grades/{k % often(500)}")
        before, least = fragments(payload, start(payload)), fewest(payload)
        instance = instance_of(payload, Reference("optimal", least, least))
        entries = random_entries(payload, k)
        kind, left, _ = played_by_hand(payload, entries)
        judgement = judged(entries, instance)
        verdicts[judgement.verdict] += 1
        if kind:
            assert (judgement.verdict, judgement.score) == (Verdict.infeasible, 0)
            assert kinds(judgement)[0] == kind
            continue
        assert (judgement.verdict, judgement.objective) == (Verdict.valid, left)
        assert left >= least
        gain = (before - left) / (before - least) if before > least else float(left == least)
        assert judgement.score == max(0.0, gain) <= 1
        assert (judgement.score == 1) == (left == least)
    assert min(verdicts[Verdict.valid], verdicts[Verdict.infeasible]) > often(3000) // 5


def test_no_random_agent_beats_a_reference_that_knows_the_events() -> None:
    for k in range(often(500)):
        payload = with_events(cluster(f"agents/{k}"), k, pace=1 + k % 4)
        instance = instance_of(payload, reference(payload))
        for part in range(3):
            judgement = judged(random_entries(payload, f"{k}/{part}"), instance)
            if judgement.objective is not None:
                assert judgement.objective >= (instance.reference.bound or 0)
        own = judged((instance.reference.answer or {})[PLAN], instance)
        assert own.objective == instance.reference.objective


def test_a_reference_that_is_beaten_is_an_error_and_none_has_no_score() -> None:
    optimum = int(ONE.reference.objective or 0)
    wrong = replace(ONE, reference=Reference("optimal", optimum + 1, optimum + 1))
    with pytest.raises(SolverFailure, match="below a bound"):
        judged(MOVES, wrong)
    bare = replace(ONE, reference=Reference("none"))
    with pytest.raises(NoReference, match="a score in vms needs an optimum or a bound"):
        family("vms").score(bare, read({PLAN: MOVES}, ""))
    assert reward(bare, judged(MOVES, bare)).value <= reward(ONE, judged(MOVES)).value


def test_where_nothing_can_be_gained_having_lost_nothing_is_one() -> None:
    for k in range(400):
        payload = cluster(f"nothing/{k}")
        before = fragments(payload, start(payload))
        if fewest(payload) == before:
            instance = instance_of(payload, Reference("optimal", before, before))
            assert judged([], instance).score == 1
            plans = [random_entries(payload, j) for j in range(60)]
            ends = [(plan, *played_by_hand(payload, plan)[:2]) for plan in plans]
            lost = [plan for plan, kind, left in ends if kind is None and left > before]
            if lost:
                assert judged(lost[0], instance).score == 0
                return
    pytest.fail("no such cluster")


# Turns ---------------------------------------------------------------------------------------


def test_a_lost_turn_is_counted_and_all_lost_are_no_answer() -> None:
    best: list[Any] = (TURNS.reference.answer or {})[PLAN]
    assert judged(best, TURNS).score == 1
    wrong = {**best[0], "vm": "vm-99"}
    late = judged([wrong, *best], TURNS)
    assert (late.verdict, kinds(late)) == (Verdict.valid, ["unknown"])
    assert late.metrics["turns_lost"] == pytest.approx(1 / (1 + len(best)))
    lost = judged([wrong] * TURNS.payload.moves, TURNS)
    assert (lost.verdict, lost.score) == (Verdict.infeasible, 0)
    assert judged([7, 8], TURNS).verdict is Verdict.unparsable
    assert judged([WAIT, STOP, best[0]], TURNS).verdict is Verdict.valid
    assert "turns_lost" not in judged(MOVES).metrics


def test_an_answer_after_the_last_turn_changes_nothing() -> None:
    best: list[Any] = (TURNS.reference.answer or {})[PLAN]
    moves = [*best, *[WAIT] * (TURNS.payload.moves - len(best) + 3)]
    judgement = judged(moves, TURNS)
    assert (judgement.score, kinds(judgement)) == (1, ["too_many"])
    assert judgement.violations[0]["amount"] == 3


@pytest.mark.heavy
def test_no_policy_beats_the_bound_of_turns_with_events() -> None:
    from makespan import start as begin

    settings: dict[str, Scalar] = {"track": "reactive", "churn": 1}
    for index in range(3):
        instance = generate(2, 7, index, settings)
        scores = {}
        for name, policy in family("vms").policies.items():
            episode = begin(instance)
            while not episode.done:
                effect: Any = episode._stepper.effect
                episode.reply(json.dumps(policy.answer(effect.view)))
            judgement = episode.grade()
            assert judgement.verdict is Verdict.valid, name
            assert judgement.objective is not None
            assert judgement.objective >= (instance.reference.bound or 0)
            scores[name] = judgement.score
        assert scores["nothing"] == 0
        assert scores["exact"] > 0


# Boards --------------------------------------------------------------------------------------


def records(delays: dict[int, float]) -> list[Record]:
    """Three episodes a number of events before a plan, all with one score."""
    made = []
    for delay, score in delays.items():
        metrics = {"planned_anew": 0.5, "stale_moves": float(delay)} if delay else {}
        judgement = Grade(Verdict.valid, score, against="optimum", metrics=metrics)
        settings = {"delay": delay}
        made += [
            record(k, family="vms", level=8, settings=settings, grade=judgement) for k in range(3)
        ]
    return made


def test_staleness_is_estimated_by_the_events_before_a_plan() -> None:
    headline, metrics = summarise(records({0: 1.0, 8: 0.5, 32: 0.0}))
    assert headline.value == 0.5
    assert [metrics[f"score@delay={k}"].value for k in (0, 8, 32)] == [1, 0.5, 0]
    assert metrics["planned_anew@delay=8"].value == 0.5
    assert metrics["stale_moves@delay=32"].value == 32
    assert "planned_anew@delay=0" not in metrics
    assert not any("delay" in name for name in summarise(records({8: 0.5}))[1])


def test_every_metric_of_a_grade_is_finite_and_every_reward_is_in_its_range() -> None:
    for k in range(often(600)):
        payload = with_events(cluster(f"range/{k}"), k, pace=k % 3)
        instance = instance_of(payload)
        outcome = Outcome((Parsed(value={PLAN: random_entries(payload, k)}),))
        judgement = grade(instance, outcome)
        value = reward(instance, judgement)
        assert 0 <= value.value <= value.near_miss <= 1
        assert all(number == number for number in judgement.metrics.values())
        assert judgement.metrics["legal"] <= 1
