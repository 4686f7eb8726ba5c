"""The checker of years: gold wins, nearly gold does not; metrics by hand; learners really fit."""

from itertools import permutations
from math import exp, log
from random import Random
from statistics import mean
from typing import Any

import pytest

from generators.calendar import generate
from graders.calendar import grade, learning_gain, recovery, summarise, tau
from graders.calendar_learners import (
    RIDGE,
    _fit,
    logit_scores,
    prior_scores,
    ranked,
    wrong_rounds,
)
from graders.exact.calendar import reference
from graders.statistics import rate
from harness.families.calendar import POLICIES
from tasks.base import Fields, Instance, Outcome, Parsed, Record, Verdict
from tasks.calendar import RoundStep, Year, read


def make(level: int = 4, index: int = 0, **settings: Any) -> Instance[Year]:
    return generate(level, 2, index, {"rounds": 12, **settings})


def decisions(instance: Instance[Year]) -> list[Fields]:
    found: list[Fields] = (instance.reference.answer or {})["decisions"]
    return [dict(one) for one in found]


def judged(instance: Instance[Year], answers: list[Any]) -> Any:
    return grade(instance, read({"decisions": answers}, ""))


def by_policy(instance: Instance[Year], name: str) -> list[Fields]:
    return [
        POLICIES[name].answer(RoundStep(instance, k))
        for k in range(1, len(instance.payload.rounds) + 1)
    ]


@pytest.mark.parametrize("level", [2, 3, 4, 5])
@pytest.mark.parametrize("drift", [0, 2])
def test_gold_scores_1_and_one_other_decision_does_not(level: int, drift: int) -> None:
    instance = make(level, drift=drift)
    gold = judged(instance, decisions(instance))
    assert (gold.verdict, gold.score, gold.objective, gold.bound) == (Verdict.valid, 1.0, 0, 0)
    assert gold.violations == ()
    assert (gold.metrics["ord"], gold.metrics["tau"], gold.metrics["regret"]) == (1, 1, 0)
    for k, one in enumerate(instance.payload.rounds):
        for other in one.ids:
            changed = decisions(instance)
            changed[k]["accept"] = other
            found = judged(instance, changed)
            right = other == instance.payload.truth.judgements[k].decision
            assert found.score == (1.0 if right else 1 - 1 / 12)
            assert (found.metrics["regret"] > 0) != right


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({}, "not_offered"),
        ({"accept": None}, "not_offered"),
        ({"accept": "E1"}, "not_offered"),
        ({"accept": 17}, "not_offered"),
        ({"accept": True}, "not_offered"),
        ({"accept": {"id": "E17"}}, "not_offered"),
        ({"accept": "BOTH"}, "two"),
        ({"accept": "ONE IN A LIST"}, "two"),
        ("E17", "unparsable"),
        (None, "unparsable"),
    ],
)
def test_what_cannot_be_used_is_a_wrong_round_with_its_kind(answer: Any, kind: str) -> None:
    instance, k = make(), 5
    ids = list(instance.payload.rounds[k].ids)
    if kind == "two":
        answer = {"accept": ids[:2] if answer["accept"] == "BOTH" else ids[:1]}
    given: list[Any] = decisions(instance)
    given[k] = answer
    found = judged(instance, given)
    assert found.score == pytest.approx(11 / 12)
    assert [(v["kind"], v["round"]) for v in found.violations] == [(kind, 6)]
    assert found.metrics["format_failures"] == pytest.approx(1 / 12)
    values = instance.payload.truth.values(6)
    assert found.metrics["regret"] == pytest.approx((max(values) - min(values)) / 12)
    assert found.metrics["ord"] == pytest.approx(11 / 12)
    assert found.metrics["tau"] == pytest.approx(10 / 12)


@pytest.mark.parametrize("ranking", [None, [], "E1", ["E1"], "TWICE", [1, 2, 3, 4], "SHORT"])
def test_a_wrong_ranking_costs_no_decision(ranking: Any) -> None:
    instance, given = make(), decisions(make())
    ids = list(instance.payload.rounds[0].ids)
    given[0]["ranking"] = {"TWICE": [*ids[:3], ids[0]], "SHORT": ids[:3]}.get(str(ranking), ranking)
    found = judged(instance, given)
    assert found.score == 1.0
    assert [v["kind"] for v in found.violations] == ["ranking"]
    assert found.metrics["ranking_failures"] == pytest.approx(1 / 12)
    assert found.metrics["format_failures"] == 0
    assert found.metrics["ord"] == pytest.approx(11 / 12)


def test_missing_rounds_are_wrong_and_further_ones_are_ignored() -> None:
    instance = make()
    short = judged(instance, decisions(instance)[:9])
    assert (short.score, [v["kind"] for v in short.violations]) == (0.75, ["missing"] * 3)
    long = judged(instance, [*decisions(instance), {"accept": "E1"}])
    assert (long.score, [v["kind"] for v in long.violations]) == (1.0, ["surplus"])
    none = judged(instance, [])
    assert (none.verdict, none.score) == (Verdict.unparsable, 0.0)
    bad = grade(instance, Outcome(tuple(Parsed(problem="no") for _ in range(12))))
    assert (bad.verdict, bad.score, len(bad.violations)) == (Verdict.unparsable, 0.0, 12)
    assert grade(instance, read(None, "no")).verdict == Verdict.unparsable


def test_the_error_so_far() -> None:
    instance = make(rounds=80)
    given = decisions(instance)
    for k in range(20):  # all of the first quarter
        given[k] = {"accept": "none"}
    m = judged(instance, given).metrics
    assert (m["aer"], m["aer_first_quarter"], m["aer_last_quarter"]) == (0.25, 1.0, 0.0)
    assert (m["aer@1"], m["aer@25"], m["aer@50"]) == (1.0, 0.8, 0.4)
    assert m["aer@75"] == pytest.approx(20 / 75)
    assert "recovery" not in m


def test_recovery() -> None:
    calm = [False] * 30
    assert recovery([*calm, *[False] * 30], 31) == 10
    assert recovery([*calm, *[True] * 5, *[False] * 25], 31) == 15
    assert recovery([*calm, *[True] * 30], 31) == 31
    assert recovery([True] * 60, 31) == 10
    assert recovery([*calm, True, True], 31) == 3
    drifted = make(rounds=60, drift=1)
    start = drifted.payload.truth.eras[1].start
    given = decisions(drifted)
    for k in range(start - 1, start + 4):
        given[k] = {"accept": "none"}
    assert judged(drifted, given).metrics["recovery"] == 15


def test_tau_counts_pairs() -> None:
    ids = ["a", "b", "c", "d"]
    for order in permutations(ids):
        place = [order.index(i) for i in ids]
        pairs = [(i, j) for i in range(4) for j in range(i)]
        concordant = sum(place[i] > place[j] for i, j in pairs)
        assert tau(ids, order) == pytest.approx((2 * concordant - 6) / 6)
    assert (tau(ids, ids), tau(ids, ids[::-1])) == (1, -1)


def test_the_reference_and_noise() -> None:
    calm = make()
    assert (calm.reference.status, calm.reference.objective) == ("optimal", 0)
    assert reference(calm.payload, seconds=1.0) == calm.reference
    loud = make(rounds=200, noise=0.3)
    found = judged(loud, decisions(loud))
    astray = [j.decision != j.ranking[0] for j in loud.payload.truth.judgements]
    assert 40 < sum(astray) < 80
    assert loud.reference.status == "bounded"
    assert (loud.reference.objective, loud.reference.bound) == (sum(astray), 0)
    assert (found.objective, found.bound) == (sum(astray), 0)
    lucky = [{"accept": j.decision} for j in loud.payload.truth.judgements]
    assert judged(loud, lucky).objective == 0  # below the expected 60, and no less than the bound
    assert found.metrics["bayes"] == 0.3
    others = [
        j.ranking.index(j.decision)
        for j in loud.payload.truth.judgements
        if j.decision != j.ranking[0]
    ]
    assert set(others) == {1, 2, 3}


# Policies and learners -----------------------------------------------------------------------


def test_policies_answer_every_round_and_the_oracle_is_right() -> None:
    instance = make(5, rounds=20)
    for name in POLICIES:
        found = judged(instance, by_policy(instance, name))
        assert found.violations == (), name
        assert by_policy(instance, name) == by_policy(instance, name)
    assert judged(instance, by_policy(instance, "oracle")).score == 1
    assert {n for n, p in POLICIES.items() if p.kind == "ceiling"} == {"oracle"}
    firsts = [a["accept"] for a in by_policy(instance, "first")]
    assert firsts == [one.ids[0] for one in instance.payload.rounds]


def test_the_yardsticks_are_the_policies_of_that_name() -> None:
    instance = make(5, index=3, rounds=30, drift=1)
    metrics = judged(instance, []).metrics
    for name, yardstick in (("role-prior", "role_prior"), ("logit-all", "logit")):
        assert metrics[yardstick] == judged(instance, by_policy(instance, name)).metrics["aer"]


def test_a_learner_knows_only_the_past() -> None:
    """Scores of a round are the same whatever the user decides in it and later."""
    year = make(4, rounds=30, noise=0.2).payload
    other = make(4, rounds=30, noise=0.5).payload
    assert [r.ids for r in year.rounds] == [r.ids for r in other.rounds]
    pairs = zip(year.truth.judgements, other.truth.judgements, strict=True)
    k = next(k for k, (a, b) in enumerate(pairs) if a.decision != b.decision)
    for window in (5, None):
        a, b = logit_scores(year, window), logit_scores(other, window)
        assert a[: k + 1] == b[: k + 1]
        assert a != b
    assert prior_scores(year) == prior_scores(other)


def test_the_window_forgets() -> None:
    year = make(4, rounds=30).payload
    assert logit_scores(year, 30) == logit_scores(year)
    assert logit_scores(year, 8)[:9] == logit_scores(year)[:9]
    assert logit_scores(year, 8) != logit_scores(year)


def likelihood(weights: list[float], clashes: list[Any], chosen: list[int]) -> float:
    total = -RIDGE / 2 * sum(w * w for w in weights)
    for clash, choice in zip(clashes, chosen, strict=True):
        scores = [sum(weights[i] for i in has) for has in clash]
        total += scores[choice] - log(sum(exp(s) for s in scores))
    return total


def test_the_logit_is_the_maximum_of_its_likelihood() -> None:
    for seed in range(5):
        rng = Random(f"logit/{seed}")
        clashes = [
            tuple(tuple(sorted(rng.sample(range(5), rng.randint(0, 3)))) for _ in range(3))
            for _ in range(25)
        ]
        chosen = [rng.randrange(3) for _ in clashes]
        weights = [0.0] * 5
        for _ in range(5):
            weights = _fit(weights, clashes, chosen)
        best = likelihood(weights, clashes, chosen)
        for i in range(5):
            for step in (-0.01, 0.01):
                moved = [w + step * (k == i) for k, w in enumerate(weights)]
                assert likelihood(moved, clashes, chosen) < best


def test_ties_go_to_the_one_shown_first() -> None:
    assert ranked(["E3", "E1", "E2"], [0.0, 1.0, 0.0]) == ["E1", "E3", "E2"]


@pytest.mark.heavy
def test_learners_learn_and_the_prior_does_not() -> None:
    """The order that the board shows: all history, window, prior, chance; drift turns the first."""
    errors: dict[tuple[int, str], list[float]] = {}
    for drift in (0, 1):
        for index in range(4):
            year = generate(5, 0, index, {"drift": drift}, reference=False).payload
            for name, scores in (
                ("prior", prior_scores(year)),
                ("all", logit_scores(year)),
                ("20", logit_scores(year, 20)),
            ):
                errors.setdefault((drift, name), []).append(mean(wrong_rounds(year, scores)))
    aer = {key: mean(found) for key, found in errors.items()}
    assert aer[0, "all"] < 0.14 < aer[0, "20"] < 0.22
    assert 0.33 < aer[0, "prior"] < 0.5
    assert aer[1, "20"] + 0.04 < aer[1, "all"]


# On the board --------------------------------------------------------------------------------


def record(instance: Instance[Year], answers: list[Any], epoch: int = 0) -> Record:
    return Record(
        instance.id,
        "calendar",
        instance.level,
        instance.settings,
        "openai/x",
        "direct",
        "none",
        epoch,
        judged(instance, answers),
        None,
        1,
        1,
        None,
        None,
        None,
        0.0,
    )


@pytest.mark.heavy
def test_the_board() -> None:
    users = [make(index=k, rounds=24) for k in range(12)]
    score, metrics = summarise([record(u, decisions(u)) for u in users])
    assert (score.value, score.high) == (1.0, 1.0)
    assert score.low == rate(144, 144).low  # 12 users of 24 rounds: nobody is known to be perfect
    assert metrics["err"].value is None
    logit = [record(u, by_policy(u, "logit-all")) for u in users]
    prior = [record(u, by_policy(u, "role-prior")) for u in users]
    _, learned = summarise(logit)
    _, guessed = summarise(prior)
    assert learned["learnable"].value == pytest.approx(1)
    assert guessed["learnable"].value == pytest.approx(0)
    assert learned["excess_logit"].value == 0
    assert learned["aer"].value == learned["logit"].value
    assert guessed["aer"].value == learned["role_prior"].value
    gain = learning_gain(logit, prior)
    assert gain.value == pytest.approx((guessed["aer"].value or 0) - (learned["aer"].value or 0))
    assert learning_gain(logit, []).value is None


def test_nobody_gains_by_abstaining_and_epochs_are_one_user() -> None:
    user = make(rounds=24)
    half: list[Any] = [d if k % 2 else None for k, d in enumerate(decisions(user))]
    score, metrics = summarise([record(user, half), record(user, decisions(user), epoch=1)])
    assert score.value == 0.75
    assert (metrics["aer"].value, metrics["format_failures"].value) == (0.25, 0.25)


def test_err_is_pooled() -> None:
    users = [make(index=k, rounds=8) for k in range(2)]
    first, second = decisions(users[0]), decisions(users[1])
    for given, wrong in ((first, (0, 1, 6)), (second, (0, 7))):
        for k in wrong:
            given[k] = {"accept": "none"}
    _, metrics = summarise([record(users[0], list(first)), record(users[1], list(second))])
    assert metrics["err"].value == pytest.approx(1 - 2 / 3)
