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
        (r'{"see {"starts": {"A": 1}}', {"A": 1}, "embedded"),
        (r"\frac{a}{b} \{" * 2000 + '{"starts": {"A": 1}}', {"A": 1}, "embedded"),
        ('{"A", "B"} {"starts": {"A": 1}}', {"A": 1}, "embedded"),
        ('{\'wrapped\': {"starts": {"A": 1}}}', {"A": 1}, "embedded"),
        ('{"note": oh no. Final: {"starts": {"A": 1}}', {"A": 1}, "embedded"),  # given up
        ('As {"starts": {"A": ...}}: {"starts": {"A": 1}}', {"A": 1}, "embedded"),
        ('{"starts": {"A": 1}} as {"starts": {"A": ...}}', {"A": 1}, "embedded"),
        ('{"starts": {"A": 1}} {"x": 1, "x": 2}', {"A": 1}, "embedded"),
        ('{"starts": {"A": 1}} {"x": {"starts": {"A": 2, "A": 3}}}', {"A": 1}, "embedded"),
        ('{"starts": {"A": 1}} {"x": NaN} {"y": 1e999}', {"A": 1}, "embedded"),
        ('{"starts": {"A": 9, "A": 8}} {"starts": {"A": 1}}', {"A": 1}, "embedded"),
        ('{"starts": {"\\ud83d\\ude00": 1}}', {"\U0001f600": 1}, "whole"),
        ('\ud800 {"starts": {"A": 1}}', {"A": 1}, "embedded"),
        ('{"starts": {"A": 1}} <think>{"starts": {"A": 9}}', {"A": 1}, "whole"),
        ('so {"starts": {"A": 9}}</think>{"starts": {"A": 1}}', {"A": 1}, "whole"),
        ("<think>" + "x" * 300_000 + '</think>{"starts": {"A": 1}}', {"A": 1}, "whole"),
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
        ('{"starts": {"A": 1e999}}', "1e999 is too large"),
        ('{"starts": {"A": [-1e999]}}', "too large"),
        ('{"starts": {"\\ud800": 1}}', "surrogate"),
        ('{"starts": {"A": "\\udc00"}}', "surrogate"),
        ('{"starts": {"A": [[1, "\\ud800x"]]}}', "surrogate"),
        ('{"starts": {"\ud800": 1}}', "surrogate"),  # raw, not escaped
        ('{"starts": {"\ud83d\\ude00": 1}}', "surrogate"),  # half raw, half escaped
        ('{"starts": {"\\ud800": 1, "\\ud800": 2}}', "surrogate"),
        ('{"final": {"starts": {"A": 1}}, "x": oops}', "no JSON object"),
        ('{"x": oops, "final": {"starts": {"A": 1}}}', "no JSON object"),
        ('{"x": "}", "y": oops "}", "final": {"starts": {"A": 1}}}', "no JSON object"),
        ('{"final": {"starts": {"A": 1}}, "x": oops', "no JSON object"),
        ('{"a": {"starts": {"A": 4}}, "a": {"starts": {"A": 5}}}', "given twice"),
        ('{"a": 1, "a": 2, "b": {"starts": {"A": 5}}}', "given twice"),
        ('{"x": NaN, "final": {"starts": {"A": 1}}}', "NaN is not a number"),
        ('<think>{"starts": {"A": 9}}', "empty"),
        ('{"starts": {"A": 9}}</think> I do not know', "no JSON object"),
        ("<think>" + "x" * 300_000 + '{"starts": {"A": 1}}', "empty"),
    ],
)
def test_refused(text: str, problem: str) -> None:
    parsed = parse_object(Reply(text), "starts")
    assert parsed.value is None
    assert problem in (parsed.problem or "")
    assert (parsed.problem or "").encode()


def test_a_problem_is_one_short_line() -> None:
    name = "\n" * 5000
    parsed = parse_object(
        Reply(json.dumps({"A": 1})[:-1] + f",{json.dumps(name)}:1" * 2 + "}"), "A"
    )
    assert "given twice" in (parsed.problem or "")
    assert len((parsed.problem or "").splitlines()) == 1
    assert len(parsed.problem or "") < 300


def test_a_later_doubtful_answer_is_not_replaced_by_an_earlier_one() -> None:
    parsed = parse_object(Reply('{"starts": {"A": 1}} {"starts": {"A": 1, "A": 2}}'), "starts")
    assert parsed.value is None


def test_truncation_is_said() -> None:
    parsed = parse_object(Reply('{"starts": {"A"', finish="length"), "starts")
    assert "cut off" in (parsed.problem or "")


@pytest.mark.parametrize(
    "text",
    [
        '{"starts": {"A": 1}} no, better: {"starts": {"A"',
        '{"starts": {"A": 1}} no, better: {"starts": {"A": "}} x',
        '{"starts": {"A": 1}}} no, }} better: {"starts": {',
        '{"starts": {"A": 1}} {"final": {"starts": {"A": 2}}, "x": tr',
        '{"starts": {"A": 1}} {"starts": { // by hand\n"A": 2,',
        '{"final": {"starts": {"A": 2}}, "x": "I thi',
        '{"starts": {"A": 1}} <think>{"starts": {"A": 2}}',
        '<think>{"starts": {"A": 2}}',
    ],
)
def test_a_draft_before_the_cut_is_no_answer(text: str) -> None:
    parsed = parse_object(Reply(text, finish="length"), "starts")
    assert parsed.value is None
    assert "cut off" in (parsed.problem or "")


@pytest.mark.parametrize("after", ["", " Let me chec", " as {A, B} sho", ' {"note": 1} and', " }"])
def test_an_answer_before_a_cut_in_prose_stands(after: str) -> None:
    text = '{broken \\frac{a}{b} {"starts": {"A": 1}}' + after
    assert parse_object(Reply(text, finish="length"), "starts").value == {"starts": {"A": 1}}


@pytest.mark.heavy
@pytest.mark.parametrize(
    "text",
    [
        "{" * 100_000,
        '{"a":' * 60_000,
        "[" * 100_000,
        '{"a":[' * 30_000,
        '{"' * 90_000,
        '{"a":x' * 33_000,
        '{"a":x}' * 28_000,
        ('{"a":' * 500 + "x") * 80,
        '{"a":x "' + '\\"' * 99_000,
        '{"a":x {"' + '\\"{' * 60_000,
        "<think>" * 100_000,
        "</think>" * 100_000,
        "<think></think>" * 50_000,
        '{"starts":NaN}' * 14_000,
        '{"starts":1}' * 16_000 + '{"starts":NaN}',
        '{"a":[' + '"b",' * 49_000 + "x",
        "{" + " " * 199_000,
        '{"' + '\\"' * 99_000,
    ],
)
def test_hostile_nesting_ends_soon(text: str) -> None:
    began = process_time()
    for finish in ("stop", "length"):
        assert parse_object(Reply(text, finish=finish), "starts").value is None
    assert process_time() - began < 20  # not a speed test: without a budget this takes minutes


def test_what_is_found_is_what_json_says() -> None:
    value = {"starts": {"A b": 1, "é": 2, 'q"': 3}}
    assert parse_object(Reply(json.dumps(value)), "starts").value == value
