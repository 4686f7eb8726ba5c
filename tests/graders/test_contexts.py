"""Answers about a project: each right or not, on every form that an answer may have."""

from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import pytest
from msgspec.structs import replace

from graders.contexts import examine, grade, learning_gain, reward, reward_question, summarise
from harness.board.text import print_board
from tasks.base import Grade, Outcome, Parsed, Record, SolverFailure, Verdict
from tasks.contexts import read
from tests.factories.contexts import context
from tests.factories.records import build_board, record

ONE = context(questions=7, foretold=3)
RIGHT: list[int] = (ONE.reference.answer or {})["answers"]


def judged(answers: Any) -> Grade:
    return grade(ONE, read({"answers": answers}, ""))


def test_right_answers_are_worth_one_and_each_other_one_less() -> None:
    whole = judged(RIGHT)
    assert (whole.verdict, whole.score, whole.objective) == (Verdict.valid, 1.0, 0)
    assert whole.violations == ()
    for k in range(7):
        wrong = [value + (place == k) for place, value in enumerate(RIGHT)]
        each = judged(wrong)
        assert (each.verdict, each.objective) == (Verdict.valid, 1)
        assert each.score == pytest.approx(6 / 7)
        kind = ONE.payload.questions[k].kind
        [violation] = each.violations
        assert violation == {"kind": "wrong", "asked": kind, "value": wrong[k], "question": k + 1}
        assert each.metrics[f"score_{kind}"] == 0
        foretold = "foretold" if kind in ONE.payload.foretold else "not_foretold"
        assert each.metrics[foretold] < 1
        assert reward(ONE, each).value == pytest.approx(6 / 7)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("soon", "wrong_form"),
        (None, "wrong_form"),
        (True, "wrong_form"),
        (1.5, "wrong_form"),
        ([], "wrong_form"),
        ({"day": 3}, "wrong_form"),
        (-1, "wrong"),
        (10**9, "wrong"),
    ],
)
def test_what_stands_for_an_answer_is_told(value: Any, kind: str) -> None:
    each = judged([value, *RIGHT[1:]])
    assert [v["kind"] for v in each.violations] == [kind]
    assert each.score == pytest.approx(6 / 7)
    assert each.metrics["wrong_form"] == pytest.approx((kind == "wrong_form") / 7)


def test_missing_and_surplus_answers_are_told() -> None:
    short = judged(RIGHT[:5])
    assert [(v["kind"], v["question"]) for v in short.violations] == [
        ("missing", 6),
        ("missing", 7),
    ]
    assert short.score == pytest.approx(5 / 7)
    long = judged([*RIGHT, 1, 2])
    assert long.violations == ({"kind": "surplus", "amount": 2},)
    assert long.score == 1


def test_nothing_that_can_be_used_is_unparsable() -> None:
    for outcome in (read(None, "I do not know"), read({"answers": ["?"] * 7}, ""), Outcome(())):
        each = grade(ONE, outcome)
        assert (each.verdict, each.score) == (Verdict.unparsable, 0.0)
        assert each.metrics["wrong_form"] == 1
        assert reward(ONE, each).value == 0
    unparsable = grade(ONE, Outcome((Parsed(problem="the reply is empty"),)))
    assert unparsable.violations[0] == {
        "kind": "unparsable",
        "reason": "the reply is empty",
        "question": 1,
    }


def test_numbers_are_read_by_the_rule_of_spelling() -> None:
    texts = [f" {value}.0" for value in RIGHT]
    answers = tuple(Parsed({"answer": text}, how="whole") for text in texts)
    each = grade(ONE, Outcome(answers))
    assert each.score == 1
    assert each.metrics["mended"] == 7
    assert each.metrics["strict"] == 0
    given = grade(ONE, read({"answers": texts}, ""))
    assert given.score == 0  # what a program answers is held to the letter


def test_a_reference_that_the_project_refutes_is_no_fault_of_the_answer() -> None:
    wrong = replace(ONE.reference, answer={"answers": [value + 1 for value in RIGHT]})
    with pytest.raises(SolverFailure, match="refutes"):
        grade(replace(ONE, reference=wrong), read({"answers": RIGHT}, ""))


def test_the_reward_of_questions_is_that_of_the_context() -> None:
    texts = [f'{{"answer": {value + k % 2}}}' for k, value in enumerate(RIGHT)]
    texts[0] = "none"
    each = [reward_question(ONE, k, text) for k, text in enumerate(texts, 1)]
    whole = reward(ONE, grade(ONE, Outcome(tuple(_parsed(text) for text in texts))))
    assert sum(one.value for one in each) / 7 == pytest.approx(whole.value)
    assert [one.components["usable"] for one in each] == [0, *[1] * 6]


def _parsed(text: str) -> Parsed:
    from tasks.base import Reply
    from tasks.parse import read_object

    return read_object(Reply(text), "answer")


def test_a_board_says_by_level() -> None:
    board = build_board([*rows(RIGHT), *rows(RIGHT, level=2)], {"contexts": 2})
    out = StringIO()
    with redirect_stdout(out):
        print_board(board)
    assert "contexts: score by level" in out.getvalue()


def rows(*answers: list[int], level: int = 1) -> list[Record]:
    return [
        record(
            k,
            instance=f"contexts-{level}-s0-k{k}-aaaaaaaa",
            family="contexts",
            level=level,
            settings=ONE.settings,
            grade=judged(each),
        )
        for k, each in enumerate(answers)
    ]


def test_a_board_has_shares_by_kind_and_by_what_was_foretold() -> None:
    named = [q.kind in ONE.payload.foretold for q in ONE.payload.questions]
    half = [v if known else v + 1 for v, known in zip(RIGHT, named, strict=True)]
    score, metrics = summarise(rows(*[half] * 6))
    assert score.value == pytest.approx(3 / 7)
    assert metrics["foretold"].value == 1
    assert metrics["not_foretold"].value == 0
    assert metrics["foretelling"].value == 1
    assert metrics["score@1"].value == pytest.approx(3 / 7)
    assert {m for m in metrics if m.startswith("score_")} == {
        f"score_{q.kind}" for q in ONE.payload.questions
    }


def test_a_gain_is_paired_by_context_and_an_exam_has_both_errors() -> None:
    wrong = [value + 1 for value in RIGHT]
    gain = learning_gain(rows(*[RIGHT] * 6), rows(*[wrong] * 6))
    assert gain.value == 1
    metrics = examine(
        ONE,
        ONE,
        read({"answers": RIGHT}, ""),
        read({"answers": wrong}, ""),
        ["a note"],
        [],
    )
    assert metrics == {"error": 0, "bare_error": 1, "entries": 1}
