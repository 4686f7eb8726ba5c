"""Mending of almost JSON: what it stands for, and what is refused with its place."""

import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.base import Reply
from tasks.mending import Defect, mended
from tasks.parse import parse_object, read_object
from tests.depth import examples
from tests.factories.misspelt import Misspeller

ANSWER = {"order": ["A", "B"]}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('{"order": ["A", "B",]}', ["a trailing comma at character 20"]),
        ('{"order": ["A", "B"],}', ["a trailing comma at character 21"]),
        ('{"order": ["A", "B",],}', ["a trailing comma at character 20 (2 times)"]),
        ('{"order": ["A", /* x */ "B"] // y\n}', ["a comment at character 17 (2 times)"]),
        ('{"order": ["A", # x}\n"B"]}', ["a comment at character 17"]),
        ("{'order': ['A', 'B']}", ["single quotes at character 2 (3 times)"]),
        ('{\u201corder\u201d: ["A", "B"]}', ["typographic quotes at character 2"]),
        ("{\u201eorder\u201c: ['A', \u2018B\u2019]}", ["typographic quotes", "single quotes"]),
        ('{"order": ["A", "B"]', ["a missing } at character 21"]),
        ('x ```json\n{"order": ["A", "B"]\n```', ["a missing } at character 32"]),
        ('{"order": ["A", "B"}', ["a missing ] at character 20"]),
        ('{"order": ["A", "B"]]}', ["a ] too many at character 21"]),
        ('{"order":\u00a0["A", "B"]}', ["an odd blank at character 10"]),
        ('{"order": ["A", "B"], "why": "a\nb"}', ["a line break in a string at character 30"]),
        ("""{"order": ["A", "B"], "why": "it\\'s"}""", ["an escaped apostrophe at character 30"]),
        ("""{'order': ['A', 'B'], 'why': 'say "it\\'s"'}""", ["single quotes"]),
        ('{"Order": ["A", "B"]}', ["id 'Order' read as 'order'"]),
        ('<think>{"x": 1,}</think>{"order": ["A", "B",]}', ["a trailing comma at character 44"]),
        ('{"note": 1,} {"order": ["A", "B",]}', ["a trailing comma at character 33"]),
    ],
)
def test_mended(text: str, lines: list[str]) -> None:
    parsed = read_object(Reply(text), "order")
    assert parsed.value is not None
    assert parsed.value["order"] == ["A", "B"]
    assert len(parsed.mended) == len(lines)
    assert all(m.startswith(line) for m, line in zip(parsed.mended, lines, strict=True))
    assert parse_object(Reply(text), "order").value is None
    assert read_object(Reply(text, finish="length"), "order").value is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"order": [A, B]}', "A without quotes at character 12"),
        ("{order: ['A', 'B']}", "no JSON object"),
        ('{"order": ["A" "B"]}', "a comma or a closing brace is missing at character 16"),
        ('{"order": ["A",, "B"]}', "',' in place of a value at character 16"),
        ('{"order" ["A", "B"]}', "a colon is missing at character 10"),
        ('{"order": ["A", "B"', "2 closing braces are missing at character 20"),
        ('{"order": ["A", "B"],', "the end of the object is missing at character 22"),
        ('{"order": [["A", "B"}', "} in place of ] at character 21"),
        ('{"order": ["A", "B)]}', "a string without an end at character 17"),
        ("{'order': ['it's', 'B']}", "a comma or a closing brace is missing at character 16"),
        ('{"order": ["A", "B\\x"]}', "an escape that JSON does not know at character 17"),
        ('{"order": [01, 2]}', "01 without quotes"),
        ('{"order": [.5, 2]}', "'.' in place of a value at character 12"),
        ('{"order": {"A"}}', "a colon is missing at character 15"),
        ('{"order": ["A", "B"]], "x": 1}}', "] in place of }"),
        ('{"order": }', "a value is missing at character 11"),
        ('{"order": ["A"], "order": ["B"],}', 'the key "order" is given twice'),
        ("{'order': [NaN]}", "NaN is not a number"),
        ('{"order": [' + "9" * 30 + ",]}", "a number of 30 digits"),
        ("{'final': {'order': ['A']}}", "no JSON object"),
        ('{"x": oops, "final": {"order": ["A",]}}', "oops without quotes"),
        ('{"order": ["A",]} {"order": ["A", "B",, "C"]} {"order": ["\\ud800"]}', "surrogate"),
    ],
)
def test_refused_with_the_place(text: str, problem: str) -> None:
    parsed = read_object(Reply(text), "order")
    assert parsed.value is None
    assert problem in (parsed.problem or "")
    assert not parsed.mended


def test_where_the_strict_reading_has_an_answer_nothing_is_mended() -> None:
    text = """{"order": ["A"]} or {'order': ['B']} or {"order": ["C",]}"""
    assert read_object(Reply(text), "order") == parse_object(Reply(text), "order")
    assert read_object(Reply(text), "order").value == {"order": ["A"]}


fragments = st.lists(
    st.sampled_from(
        [
            '{"order": ["A"]}',
            '{"order"',
            ": ",
            "[",
            "]",
            "{",
            "}",
            ",",
            '"A"',
            "'B'",
            "\u201cC\u201d",
            "//",
            "/*",
            "*/",
            "\n",
            "# ",
            "```",
            "\\",
            '"',
            "'",
            "1.0",
            "NaN",
            "A",
            "<think>",
            "</think>",
            '{"order": ["B",]}',
            "\u00a0",
            "\x00",
            '"order": ',
            "01",
        ]
    ),
    max_size=12,
).map("".join)


@examples(3000)
@given(fragments)
def test_any_text_is_read_or_refused_and_the_strict_reading_stands(text: str) -> None:
    strict, parsed = parse_object(Reply(text), "order"), read_object(Reply(text), "order")
    if strict.value is not None:
        assert parsed == strict
    elif parsed.value is None:
        assert parsed.problem
        assert not parsed.mended
    else:
        assert parsed.mended
        assert "order" in parsed.value


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@examples(500)
@given(st.dictionaries(st.text(max_size=4), json_values, max_size=4), st.booleans())
def test_json_is_left_as_it_is(value: dict[str, Any], ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    found = mended(f"x{text}y", 1)
    assert json.loads(found.json) == value
    assert (found.end, found.mends) == (len(text) + 1, ())


@examples(500)
@given(
    st.integers(0, 10**9),
    st.dictionaries(st.text("ab\n\"'\u2019é", max_size=4), json_values, max_size=3),
)
def test_what_a_misspelling_hand_writes_is_read_as_it_was_meant(seed: int, rest: Any) -> None:
    hand = Misspeller(seed, set())
    value = {"order": ["A", "B"], "more": rest}
    if hand.style != '""':
        value = {"order": ["A", "B"], "more": {"x": [True, None, -1.5e-3]}}
    text = hand.reply({"order": value["order"], "more": value["more"]})
    parsed = read_object(Reply(text), "order")
    assert _plain(parsed.value) == _plain(value), text
    assert bool(parsed.mended) == (parse_object(Reply(text), "order").value is None)


def _plain(value: Any) -> Any:
    """A value in which numbers and lists of one item have one spelling: the hand changes them."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        parts = [_plain(part) for part in value]
        return parts[0] if len(parts) == 1 and type(parts[0]) is int else parts
    if isinstance(value, str):
        try:
            return int(float(value))
        except (ValueError, OverflowError):
            return value
    return int(value) if isinstance(value, float) and value.is_integer() else value


@pytest.mark.heavy
@pytest.mark.parametrize(
    "text",
    [
        "{'" * 60_000,
        "{'a':" * 40_000,
        "{'a':[" * 33_000,
        "{//" * 60_000,
        "{/*" * 60_000,
        "{'order':[" + "'b'," * 40_000 + "x",
        "{\u201ca" * 60_000,
        "{'a':1," * 28_000,
        "{'order':['a']]" * 13_000,
        "{" + "\u00a0" * 199_000,
        "{'order':" + "[" * 190_000,
        "{'a':'" + "\\'" * 90_000,
        '{"order":["a"' * 15_000,
        "{'order':NaN}" * 14_000,
        "{'a':x}" * 28_000,
        "{#" * 90_000,
        ('{"a":' * 500 + "x") * 80,
    ],
)
def test_hostile_text_ends_soon(text: str) -> None:
    began = process_time()
    assert read_object(Reply(text), "order").value is None
    assert process_time() - began < 20  # not a speed test: without a budget this takes minutes


def test_a_defect_names_its_place() -> None:
    with pytest.raises(Defect) as found:
        mended('{"a": oops}', 0)
    assert (found.value.reason, found.value.position) == ("oops without quotes", 6)
