"""Right answers are worth 1, and no longer after one change; each verdict by hand."""

import json
from datetime import date
from random import Random
from statistics import fmean
from typing import Any

import pytest
from msgspec.structs import replace

from generators.temporal import KINDS, Kind
from graders.clusters import strata
from graders.temporal import grade, reward, summarise
from harness.families.temporal import POLICIES
from tasks.base import Grade, Instance, Outcome, Parsed, Record, Reference, SolverFailure, Verdict
from tasks.temporal import KEY, TimeQuestion, read
from tasks.temporal_dates import DateStep, DateSteps
from tasks.temporal_facts import Busy, CommonSlot, IntervalComposition
from tests.depth import often
from tests.factories.misspelt import Misspeller
from tests.factories.questions import of_facts, question


def graded(instance: Instance[TimeQuestion], answer: Any) -> Grade:
    return grade(instance, read(None, json.dumps({KEY: answer})))


def right(instance: Instance[TimeQuestion]) -> Any:
    return POLICIES["oracle"].answer(instance)[KEY]


def changed(answer: Any, rng: Random) -> Any:
    """An answer of the same form that is another one."""
    if isinstance(answer, int):
        return answer + rng.choice((-1, 1))
    if isinstance(answer, list):
        return answer[1:] or [*answer, "before" if answer != ["before"] else "after"]
    digits = [k for k, letter in enumerate(answer) if letter.isdigit()]
    if not digits:
        return "Monday" if answer != "Monday" else "Sunday"
    place = digits[-1]
    return answer[:place] + str((int(answer[place]) + 1) % 10) + answer[place + 1 :]


@pytest.mark.parametrize("kind", KINDS)
def test_a_right_answer_has_1_and_a_changed_one_0(kind: Kind) -> None:
    rng = Random(f"changed/{kind}")
    for index in range(often(120)):
        one = question(kind, 1 + index % 8, index)
        best = graded(one, right(one))
        assert (best.verdict, best.score, best.objective, best.bound) == (Verdict.valid, 1, 0, 0)
        assert (best.gap, best.violations) == (None, ())
        worse = graded(one, changed(right(one), rng))
        assert worse.score == 0
        assert worse.verdict is not Verdict.valid
        assert str(right(one)) not in str(worse.violations)
        assert reward(one, best).value == reward(one, best).near_miss == 1
        assert reward(one, worse).value == reward(one, worse).near_miss == 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_of_the_form_is_unparsable(kind: Kind) -> None:
    one = question(kind)
    values: list[Any] = [None, True, 1.5, {}, {"answer": right(one)}, [[]], [None], "\ud7ff"]
    for value in values:
        made = graded(one, value)
        is_text = isinstance(value, str) and one.payload.facts.form in ("name", "minute")
        assert made.verdict is (Verdict.infeasible if is_text else Verdict.unparsable), value
        assert made.violations[0]["kind"] == ("wrong" if is_text else "wrong_form")


def room(*busy: tuple[int, int]) -> Instance[TimeQuestion]:
    """The earliest half an hour in which somebody is free."""
    return of_facts(CommonSlot((Busy("Ada", busy),), 30, 0, last=1440))


ROOM = room((0, 605))
STEPS = of_facts(DateSteps(date(2024, 1, 31), (DateStep(1, "months"),)))
SETS = of_facts(IntervalComposition(("overlaps", "overlaps")))


@pytest.mark.parametrize(
    ("instance", "answer", "verdict", "score", "strict"),
    [
        (ROOM, "10:05", Verdict.valid, 1, None),
        (ROOM, ["10:05"], Verdict.valid, 1, 0),
        (ROOM, "10:06", Verdict.infeasible, 0, None),
        (ROOM, "10:05 AM", Verdict.unparsable, 0, None),
        (ROOM, "10.05", Verdict.unparsable, 0, None),
        (room((0, 485)), "8:05", Verdict.valid, 1, 0),
        (room(), "00:00", Verdict.valid, 1, None),
        (room(), "0:00", Verdict.valid, 1, 0),
        (room(), "24:00", Verdict.unparsable, 0, None),
        (STEPS, "2024-02-29", Verdict.valid, 1, None),
        (STEPS, "29 February 2024", Verdict.valid, 1, 0),
        (STEPS, "February 29, 2024", Verdict.unparsable, 0, None),
        (STEPS, "2024-02-30", Verdict.unparsable, 0, None),
        (STEPS, "2024-03-02", Verdict.infeasible, 0, None),
        (SETS, ["before", "meets", "overlaps"], Verdict.valid, 1, None),
        (SETS, ["overlaps", "before", "meets", "meets"], Verdict.valid, 1, None),
        (SETS, ["Overlaps ", "before", "meets"], Verdict.valid, 1, 0),
        (SETS, ["before", "meets"], Verdict.infeasible, 0, None),
        (SETS, ["before", "meets", "overlaps", "after"], Verdict.infeasible, 0, None),
        (SETS, ["before", "meets", "overlaps", "near"], Verdict.infeasible, 0, None),
        (SETS, "before, meets, overlaps", Verdict.unparsable, 0, None),
        (SETS, [], Verdict.infeasible, 0, None),
    ],
)
def test_verdicts_by_hand(
    instance: Instance[TimeQuestion], answer: Any, verdict: Verdict, score: int, strict: int | None
) -> None:
    made = graded(instance, answer)
    assert (made.verdict, made.score) == (verdict, score)
    assert made.metrics.get("strict") == strict


def test_an_order_is_one_of_all() -> None:
    one = question("ordering")
    names = right(one)
    assert graded(one, names[::-1]).verdict is Verdict.infeasible
    assert graded(one, [*names, names[0]]).score == 0
    assert graded(one, [name.lower() for name in names]).metrics == {"mended": 1.0, "strict": 0.0}


def test_no_answer_is_unparsable_and_says_why() -> None:
    made = grade(ROOM, read(None, "It is five past ten."))
    assert made.verdict is Verdict.unparsable
    assert made.violations[0]["reason"] == 'no JSON object with the key "answer" in the reply'
    made = grade(ROOM, Outcome((Parsed(value={"time": "10:05"}, how="given"),)))
    assert made.violations == ({"kind": "unparsable", "reason": 'no "answer" in the answer'},)


def test_a_reference_that_the_facts_refute_is_an_error() -> None:
    wrong = Reference("optimal", 0, 0, solver="s", answer={KEY: "10:06"})
    with pytest.raises(SolverFailure, match="an answer that its facts refute"):
        graded(replace(ROOM, reference=wrong), "10:05")


SPELLED: tuple[Kind, ...] = (
    "weekday",
    "interval_relation",
    "interval_composition",
    "ordering",
    "durations",
    "days_between",
    "network",
)


@pytest.mark.parametrize("kind", SPELLED)
def test_an_answer_is_worth_the_same_in_every_spelling(kind: Kind) -> None:
    """A right one stays right, and a wrong one never becomes right."""
    mended = 0
    for seed in range(often(300)):
        rng = Random(f"spellings/{kind}/{seed}")
        one = question(kind, 1 + seed % 8, seed)
        answer = right(one) if seed % 2 else changed(right(one), rng)
        hand = Misspeller(f"{kind}/{seed}", set(one.payload.facts.options))
        text = hand.reply({KEY: answer})
        made = grade(one, read(None, text))
        assert made.score == float(seed % 2), text
        assert hand.faults or not made.metrics, text
        mended += bool(made.metrics)
    assert mended > often(100)


# Floors and boards ----------------------------------------------------------------------------


def records(policy: str, count: int = 16) -> list[Record]:
    made = []
    for level in (1, 3):
        for index in range(count):
            one = question(KINDS[index % len(KINDS)], level, index)
            outcome = read(POLICIES[policy].answer(one), "")
            made.append(
                Record(
                    instance=one.id,
                    family="temporal",
                    level=level,
                    settings=one.settings,
                    model=f"policy/{policy}",
                    agent="direct",
                    memory="none",
                    epoch=0,
                    grade=grade(one, outcome),
                    problem=None,
                    calls=1,
                    attempts=1,
                    input_tokens=0,
                    output_tokens=0,
                    cost=0.0,
                    seconds=0.0,
                )
            )
    return made


@pytest.mark.parametrize("policy", POLICIES)
def test_policies_answer_in_the_form_that_is_asked_for(policy: str) -> None:
    batch = records(policy)
    headline, metrics = summarise(batch)
    assert {r.grade.verdict for r in batch if r.grade} <= {Verdict.valid, Verdict.infeasible}
    assert headline.value == (1 if policy == "oracle" else pytest.approx(_mean(batch)))
    if policy != "oracle":
        assert headline.value is not None
        assert headline.value < 0.15
    assert metrics["wrong_form"].value == 0
    assert {name for name in metrics if "@" in name} == {"score@1", "score@3"}
    assert {f"score_{kind}" for kind in KINDS} < set(metrics)


def _mean(batch: list[Record]) -> float:
    return fmean(fmean(r.grade.score for r in level if r.grade) for level in strata(batch))


def test_a_board_row_counts_what_is_of_no_form() -> None:
    batch = records("oracle")
    one = question("clock")
    bad = graded(one, "noon")
    batch[:4] = [replace(r, grade=bad) for r in batch[:4]]
    headline, metrics = summarise(batch)
    assert headline.value == pytest.approx((12 / 16 + 1) / 2)
    assert metrics["wrong_form"].value == pytest.approx(4 / 32)


def test_a_guess_falls_with_the_level_where_it_is_an_order() -> None:
    def hits(level: int) -> int:
        batch = [question("durations", level, index) for index in range(240)]
        return sum(POLICIES["random"].answer(one)[KEY] == right(one) for one in batch)

    assert hits(1) > hits(3)
