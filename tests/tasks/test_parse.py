"""Reading the answer out of a reply."""

import json
from time import process_time

import pytest

from tasks.base import Reply
from tasks.parse import parse_object


@pytest.mark.parametrize(
    ("text", "value", "how"),
    [
        ('{"starts": {"A": 1}}', {"A": 1}, "whole"),
        ('\n {"starts": {"A": 1}} \n', {"A": 1}, "whole"),
        ('Here:\n```json\n{"starts": {"A": 1}}\n```\nDone.', {"A": 1}, "fenced"),
        ('I think {"starts": {"A": 1}} is good', {"A": 1}, "embedded"),
        ('{"starts": {"A": 1}} no, {"starts": {"A": 2}}', {"A": 2}, "embedded"),
        ('{"starts": {"A": 1}} and {"note": 3}', {"A": 1}, "embedded"),
        ('<think>{"starts": {"A": 9}}</think>{"starts": {"A": 1}}', {"A": 1}, "whole"),
        (r'\frac{a}{b} then {"starts": {"A": 1}}', {"A": 1}, "embedded"),
        ('{broken {"starts": {"A": 1.5, "B": true}}', {"A": 1.5, "B": True}, "embedded"),
    ],
)
def test_found(text: str, value: object, how: str) -> None:
    parsed = parse_object(Reply(text), "starts")
    assert parsed.value == {"starts": value}
    assert (parsed.how, parsed.problem) == (how, None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("no idea", "no JSON object"),
        ('{"start": {"A": 1}}', "no JSON object"),
        ('{"starts": {"A": 1}', "no JSON object"),  # the inner object is not the answer
        ('["starts", 1]', "no JSON object"),
        ('{"starts": {"A": 1, "A": 2}}', "given twice"),
        ('{"starts": {"A": NaN}}', "NaN is not a number"),
        ('{"starts": {"A": Infinity}}', "Infinity is not a number"),
        ('{"starts": {"A": ' + "9" * 5000 + "}}", "digits"),
        ("{'starts': {'A': 1}}", "no JSON object"),
        ('{"starts": {"A": 1,}}', "no JSON object"),
    ],
)
def test_refused(text: str, problem: str) -> None:
    parsed = parse_object(Reply(text), "starts")
    assert parsed.value is None
    assert problem in (parsed.problem or "")


def test_a_later_doubtful_answer_is_not_replaced_by_an_earlier_one() -> None:
    parsed = parse_object(Reply('{"starts": {"A": 1}} {"starts": {"A": 1, "A": 2}}'), "starts")
    assert parsed.value is None


def test_truncation_is_said() -> None:
    parsed = parse_object(Reply('{"starts": {"A"', finish="length"), "starts")
    assert "cut off" in (parsed.problem or "")


@pytest.mark.parametrize(
    "text", ["{" * 100_000, '{"a":' * 60_000, "[" * 100_000, '{"a":[' * 30_000, '{"' * 90_000]
)
def test_hostile_nesting_ends_soon(text: str) -> None:
    began = process_time()
    assert parse_object(Reply(text), "starts").value is None
    assert process_time() - began < 20  # not a speed test: without a budget this takes minutes


def test_what_is_found_is_what_json_says() -> None:
    value = {"starts": {"A b": 1, "é": 2, 'q"': 3}}
    assert parse_object(Reply(json.dumps(value)), "starts").value == value
