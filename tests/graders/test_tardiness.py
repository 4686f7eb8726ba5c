"""The checker of orders: what cheats is refused with its kind; gold wins, nearly gold does not."""

import re
from itertools import pairwise, permutations
from random import Random
from statistics import fmean, mean
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.tardiness import generate
from graders.statistics import skill
from graders.tardiness import by_dial, grade, summarise, violations, yardsticks
from harness.families.tardiness import POLICIES
from tasks.base import (
    Grade,
    Instance,
    Outcome,
    Parsed,
    Record,
    Reference,
    SolverFailure,
    Verdict,
)
from tasks.tardiness import Job, Jobs, read, tardiness


def instance(payload: Jobs, reference: Reference) -> Instance[Jobs]:
    return Instance("x", "tardiness", len(payload.jobs), None, 0, {}, 1, payload, reference)


def solved(payload: Jobs) -> tuple[Instance[Jobs], tuple[Job, ...]]:
    """With its optimum by brute force, and an order that attains it."""
    best = min(permutations(payload.jobs), key=tardiness)
    value = tardiness(best)
    return instance(payload, Reference("optimal", value, value)), best


def names(jobs: tuple[Job, ...]) -> dict[str, Any]:
    return {"order": [job.id for job in jobs]}


@st.composite
def small(draw: st.DrawFn) -> Jobs:
    n = draw(st.integers(1, 6))
    return Jobs(
        tuple(
            Job(
                f"J{k}", draw(st.integers(1, 9)), draw(st.integers(-3, 25)), draw(st.integers(1, 3))
            )
            for k in range(n)
        )
    )


@pytest.mark.heavy
@settings(max_examples=200)
@given(small())
def test_gold_scores_1_and_worse_orders_less(payload: Jobs) -> None:
    gold, best = solved(payload)
    found = grade(gold, read(names(best), ""))
    assert (found.verdict, found.score, found.against) == (Verdict.valid, 1.0, "optimum")
    for k in range(len(best) - 1):  # neighbours swapped
        other = (*best[:k], best[k + 1], best[k], *best[k + 2 :])
        swapped = grade(gold, read(names(other), ""))
        assert swapped.objective == tardiness(other)
        assert (swapped.score < 1.0) == (tardiness(other) > tardiness(best))


JOBS = Jobs((Job("J1", 5, 4), Job("J2", 3, 9), Job("J3", 1, 2)))


@pytest.mark.parametrize(
    ("order", "kinds", "verdict"),
    [
        (None, ["not_a_list"], "unparsable"),
        ("J1J2J3", ["not_a_list"], "unparsable"),
        ({"J1": 0}, ["not_a_list"], "unparsable"),
        (5, ["not_a_list"], "unparsable"),
        ([], ["missing"] * 3, "infeasible"),
        (["J1", "J2"], ["missing"], "infeasible"),
        (["J1", "J2", "J3", "J4"], ["unknown"], "infeasible"),
        (["J3", "J3", "J3"], ["duplicate", "missing", "missing"], "infeasible"),
        (["J1", "J2", "J3", "J3"], ["duplicate"], "infeasible"),
        ([0, 1, 2], ["unknown"] * 3 + ["missing"] * 3, "unparsable"),
        ([-1, -2, -3], ["unknown"] * 3 + ["missing"] * 3, "unparsable"),
        ([0.0, 1.0, 2.0], ["unknown"] * 3 + ["missing"] * 3, "unparsable"),
        ([True, False, True], ["unknown"] * 3 + ["missing"] * 3, "unparsable"),
        (["1", "2", "3"], ["unknown"] * 3 + ["missing"] * 3, "infeasible"),
        (["j1", "J2 ", "J3"], ["unknown"] * 2 + ["missing"] * 2, "infeasible"),
        ([["J1", "J2", "J3"]], ["unknown"] + ["missing"] * 3, "unparsable"),
        (["J1", "J2", ["J3"]], ["unknown", "missing"], "unparsable"),
        ([{"id": "J1"}, "J2", "J3"], ["unknown", "missing"], "unparsable"),
        ([None, "J2", "J3"], ["unknown", "missing"], "unparsable"),
    ],
)
def test_cheats_are_refused_with_their_kind(order: object, kinds: list[str], verdict: str) -> None:
    """As they are given: what a text says is read by the rule of spelling first."""
    assert [v["kind"] for v in violations(JOBS, order)] == kinds
    given_order = Outcome((Parsed(value={"order": order}, how="given"),))
    found = grade(instance(JOBS, Reference("none")), given_order)
    assert (found.verdict, found.score, found.objective) == (verdict, 0.0, None)


@pytest.mark.parametrize("value", [None, {}, {"orders": ["J1", "J2", "J3"]}])
def test_without_an_order_it_is_unparsable(value: Any) -> None:
    found = grade(instance(JOBS, Reference("none")), Outcome((Parsed(value=value),)))
    assert (found.verdict, found.score) == (Verdict.unparsable, 0.0)


def test_skill_is_not_clipped_and_knows_its_ends() -> None:
    assert skill(10, 10, 30) == 1
    assert skill(30, 10, 30) == 0
    assert skill(50, 10, 30) == -1
    assert skill(0, 0, 0) == 1
    assert skill(5, 0, 0) == 0


@pytest.mark.parametrize("count", [1, 2, 5, 6, 21, 22, 60])
def test_the_random_orders_are_drawn_by_the_number_of_jobs(count: int) -> None:
    """Positions are drawn once for all instances; drawing the jobs themselves gives the same."""
    for index in range(3):
        payload = generate(count, 8, index, {"weights": True}, reference=False).payload
        rng = Random(f"tardiness/random orders/{count}")
        chance = mean(tardiness(rng.sample(payload.jobs, count)) for _ in range(200))
        assert msgspec.json.encode(yardsticks(payload)[0]) == msgspec.json.encode(chance)


def test_a_bound_is_said_to_be_one() -> None:
    found = grade(
        instance(JOBS, Reference("bounded", 5, 2)), read({"order": ["J3", "J1", "J2"]}, "")
    )
    assert (found.against, found.bound) == ("bound", 2)
    assert found.metrics["reference"] == 2
    nothing = grade(instance(JOBS, Reference("none")), read({"order": ["J3", "J1", "J2"]}, ""))
    assert (nothing.against, nothing.metrics["reference"]) == ("bound", 2)


def drawn(k: int, model: str, epoch: int = 0) -> Record:
    rng = Random(f"board/{k}")
    payload = Jobs(tuple(Job(f"J{i}", rng.randint(1, 9), rng.randint(1, 20)) for i in range(6)))
    gold, best = solved(payload)
    answers: dict[str, Any] = {
        "exact": names(best),
        "worst": names(max(permutations(payload.jobs), key=tardiness)),
        "shy": names(best) if k % 2 else {},
    }
    made: Grade = grade(gold, read(answers[model], ""))
    return Record(
        f"i{k}",
        "tardiness",
        6,
        {},
        f"openai/{model}",
        "direct",
        "none",
        epoch,
        made,
        None,
        1,
        1,
        None,
        None,
        None,
        0.0,
    )


def test_the_board_pays_no_one_for_abstaining() -> None:
    exact, exactly = summarise([drawn(k, "exact") for k in range(20)])
    shy, shyly = summarise([drawn(k, "shy") for k in range(20)])
    worst, _ = summarise([drawn(k, "worst") for k in range(20)])
    assert exact.value == 1.0
    assert exactly["ratio_of_sums"].value == 1.0
    assert exactly["share_optimal"].value == 1.0
    assert shy.value == 0.5
    assert shyly["ratio_of_sums"].value is not None
    assert shyly["ratio_of_sums"].value > 1.2
    assert worst.value is not None
    assert worst.value < 0
    wins = [exactly[f"{what}_mddc"].value for what in ("win", "tie", "loss")]
    assert sum(w or 0 for w in wins) == pytest.approx(1)
    assert wins[2] == 0


@pytest.mark.parametrize("reference", [Reference("optimal", 6, 6), Reference("bounded", 9, 6)])
def test_an_answer_that_refutes_the_reference_is_no_gap(reference: Reference) -> None:
    with pytest.raises(SolverFailure, match=r"^x: .* 2 is below the reference's bound 6"):
        grade(instance(JOBS, reference), read({"order": ["J3", "J1", "J2"]}, ""))
    invalid = grade(instance(JOBS, reference), read({"order": ["J3"]}, ""))
    assert invalid.verdict == Verdict.infeasible


def test_epochs_of_an_instance_are_one_trial_in_every_metric() -> None:
    """Ten looks at one instance weigh no more than one, and mixed epochs weigh their mean."""
    once = [drawn(k, ("exact", "worst", "shy")[k % 3]) for k in range(18)]
    often = once + [
        drawn(k, ("exact", "worst", "shy")[k % 3], e) for k in (1, 2) for e in (1, 2, 3)
    ]
    score, metrics = summarise(once)
    again, repeated = summarise(often)
    assert again.value == pytest.approx(score.value)
    assert set(repeated) == set(metrics)
    for name, found in metrics.items():
        assert repeated[name].value == pytest.approx(found.value), name
        assert repeated[name].low == pytest.approx(found.low), name
    mixed = summarise([drawn(0, "exact"), drawn(0, "worst", 1), drawn(2, "exact")])[1]
    assert mixed["share_optimal"].value == 0.75
    assert mixed["zero_references"].value == 0


# What is hard -------------------------------------------------------------------------------


def suite_of(policy: str, levels: tuple[int, ...] = (5, 10, 20)) -> list[Record]:
    """Records of a policy on the grid, as the suite asks it."""
    made = [generate(level, 0, index, {}) for level in levels for index in range(40)]
    return [
        Record(
            i.id,
            "tardiness",
            i.level,
            i.settings,
            f"policy/{policy}",
            "direct",
            "none",
            0,
            grade(i, read(POLICIES[policy].answer(i), "")),
            None,
            1,
            1,
            None,
            None,
            None,
            0.0,
        )
        for i in made
    ]


def along(policy: str, prefix: str) -> list[float]:
    metrics = summarise(suite_of(policy))[1]
    return [e.value or 0.0 for name, e in metrics.items() if re.fullmatch(prefix + r"[\d.]+", name)]


def test_a_floor_falls_along_each_dial_of_the_board() -> None:
    skill_by_tf, optimal_by_level = along("edd", "skill@tf="), along("mdd", "share_optimal@")
    assert len(skill_by_tf) == 4
    assert len(optimal_by_level) == 3
    for values in (skill_by_tf, optimal_by_level):
        assert all(less < more for more, less in pairwise(values))
        assert values[-1] < values[0] - 0.2


def test_the_ceiling_stands_at_1_along_both_dials() -> None:
    assert along("exact", "skill@tf=") == [1.0] * 4
    assert along("exact", "share_optimal@") == [1.0] * 3


def test_metrics_by_dial_are_over_the_records_that_they_name() -> None:
    records = suite_of("edd", (5, 10))
    names = [f"skill@tf={x}" for x in (0.2, 0.4, 0.6, 0.8)]
    names += [f"{metric}@{level}" for metric in ("skill", "share_optimal") for level in (5, 10)]
    metrics = by_dial(records)
    assert list(metrics) == names
    for factor in (0.2, 0.8):
        scores = [r.grade.score for r in records if r.settings["tf"] == factor and r.grade]
        assert len(scores) == 20
        assert metrics[f"skill@tf={factor}"].value == pytest.approx(fmean(scores))
    bare = [msgspec.structs.replace(r, settings={"source": "n20"}) for r in records]
    assert list(by_dial(bare)) == names[4:]
