"""One number an answer: asked for by a setting alone, read as a number from 0 to 1."""

import json
from typing import Any

import pytest

from generators.feasibility import generate
from tasks.base import Reply
from tasks.confidence import read_confidence
from tasks.feasibility import confidence_in, read, world
from tasks.prompts import installed


def asked(**settings: Any) -> Any:
    return next(world(generate(5, 0, 0, settings), installed()))


def test_the_ordinary_prompt_keeps_its_bytes_and_the_other_goes_on_after_it() -> None:
    plain, other = asked(), asked(confidence=True)
    [before], [after] = plain.messages, other.messages
    assert "confidence" not in before.content
    assert after.content.startswith(before.content)
    assert after.content.count('"confidence"') == 2
    assert "confidence" not in plain.schema["properties"]
    assert other.schema["required"] == ["starts", "infeasible", "confidence"]


def test_projects_and_twins_are_the_same_with_it() -> None:
    for index in range(10):
        plain, other = (generate(6, 0, index, s) for s in ({}, {"confidence": True}))
        assert plain.payload == other.payload
        assert plain.reference == other.reference
        assert plain.id != other.id
        assert "confidence" not in plain.settings
        assert generate(6, 0, index, {"confidence": False}) == plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.7, 0.7),
        (0, 0.0),
        (1, 1.0),
        ("0.7", 0.7),
        (" .5 ", 0.5),
        ("1", 1.0),
        (True, None),
        (1.01, None),
        (-0.1, None),
        (70, None),
        ("70 %", None),
        ("1e-3", None),
        ("1.5", None),
        ("high", None),
        (None, None),
        ([0.7], None),
        (float("inf"), None),
    ],
)
def test_what_counts_as_a_confidence(value: Any, expected: float | None) -> None:
    assert read_confidence(value) == expected


@pytest.mark.parametrize("judgement", [{"starts": {"T1": 0}}, {"infeasible": ["P1"]}])
def test_it_is_read_from_the_answer_that_counts(judgement: dict[str, Any]) -> None:
    text = json.dumps(judgement | {"confidence": 0.2})
    draft = '{"starts": {"T1": 9}, "confidence": 0.9} No: '
    assert confidence_in(read(None, Reply(draft + text).text)) == 0.2
    assert confidence_in(read(None, draft + json.dumps(judgement))) is None
    assert confidence_in(read(None, "nothing")) is None
