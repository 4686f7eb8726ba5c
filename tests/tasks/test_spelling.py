"""The one rule of spelling: what stands for an id or a number, and what never does."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.base import Outcome, Parsed
from tasks.spelling import Ids, Mends, as_written, folded, integer, respelt, strictly
from tests.depth import examples

DIGITS = "0123456789"


def same(a: str, b: str) -> bool:
    """The rule again, letter by letter."""
    return _plain(a) == _plain(b)


def _plain(text: str) -> list[str]:
    letters: list[str] = []
    text = text.strip().casefold()
    for k, letter in enumerate(text):
        before = text[k - 1] if k else ""
        leads = before not in [*DIGITS, ".", ","] or (letters[-1:] == ["<gone>"])
        is_zero = letter == "0" and leads and text[k + 1 : k + 2] in [*DIGITS]
        letters.append("<gone>" if is_zero else letter)
    return [letter for letter in letters if letter != "<gone>"]


names = st.text(st.sampled_from("tT01.x "), min_size=1, max_size=4)


@examples(600)
@given(st.sets(names, max_size=5), names)
def test_an_id_is_read_where_it_can_be_only_one(ids: set[str], text: str) -> None:
    expected = [name for name in ids if same(name, text)]
    if text in ids:
        expected = [text]
    read = Ids(sorted(ids)).read(text)
    assert read == (expected[0] if len(expected) == 1 else None)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("t1", "T1"),
        ("T01", "T1"),
        (" T1\n", "T1"),
        ("t010", "T10"),
        (["T1"], "T1"),
        ([" t1"], "T1"),
        (7, "7"),
        (7.0, "7"),
        ([7], "7"),
        ("07", "7"),
    ],
)
def test_spellings_of_an_id(text: object, name: str) -> None:
    assert Ids(["T1", "T10", "7", "v1.5"]).read(text) == name


@pytest.mark.parametrize(
    "value",
    [
        "T",
        "1",
        "T 1",
        "T-1",
        "Task 1",
        "T1.",
        "T1,T10",
        "\u04221",
        "T\u0661",
        "",
        "v1.05",
        True,
        None,
        1,
        7.5,
        float("nan"),
        1e300,
        -7,
        [["T1"]],
        ["T1", "T10"],
        [],
        {"id": "T1"},
        '"T1"',
        '["T1"]',
    ],
)
def test_what_is_no_spelling_of_an_id(value: object) -> None:
    assert Ids(["T1", "T10", "7", "v1.5"]).read(value) is None


def test_an_ambiguous_spelling_is_none_and_an_exact_one_stands() -> None:
    ids = Ids(["T1", "t1", "T01", "J2"])
    assert [ids.read(name) for name in ("T1", "t1", "T01", "j2")] == ["T1", "t1", "T01", "J2"]
    assert [ids.read(name) for name in ("T001", " T1", "t01")] == [None, None, None]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (25, 25),
        (25.0, 25),
        ("25", 25),
        (" 25 ", 25),
        ("25.0", 25),
        ("25.", 25),
        ("-3", -3),
        ("+3", 3),
        ("007", 7),
        ([25], 25),
        (["25"], 25),
        (-0.0, 0),
        ("-0", 0),
        (2.0**53, 2**53),
    ],
)
def test_spellings_of_a_number(value: object, number: int) -> None:
    assert integer(value) == number
    assert type(integer(value)) is int


@pytest.mark.parametrize(
    "value",
    [
        25.5,
        "25.5",
        "25.01",
        True,
        False,
        [True],
        None,
        "",
        " ",
        "abc",
        "2 5",
        "1e2",
        "0x10",
        "1,000",
        "\u0662",
        "9" * 19,
        float("nan"),
        float("inf"),
        2.0**53 + 2,
        1e300,
        [[25]],
        [25, 26],
        [],
        {},
        {"start": 25},
        '{"T1": 25}',
        "25 days",
        "--3",
        "\u22123",
    ],
)
def test_what_is_no_whole_number(value: object) -> None:
    assert integer(value) is None


def test_names_of_fields_are_read_unless_their_id_has_a_field() -> None:
    ids = Ids(["accept", "ranking"])
    fields, mended = ids.renamed({"Accept": 1, " ranking": 2, "reason": 3})
    assert fields == {"accept": 1, "ranking": 2, "reason": 3}
    assert mended == ("id 'Accept' read as 'accept' (2 times)",)
    for other in ({"accept": 1, "Accept": 2}, {"Accept": 1, "ACCEPT": 2}, {"accept": 1}):
        assert ids.renamed(other) == (other, ())


def test_what_was_mended_is_told_by_kind_and_what_was_written_stays() -> None:
    mends, ids = Mends(), Ids(["T1"])
    assert [mends.id_of(v, ids) for v in ("t1", "T1", "x", ["T1"])] == ["T1", "T1", "x", "T1"]
    assert [mends.number_of(v) for v in (3, 3.0, 3.5)] == [3, 3, 3.5]
    lines = ("id 't1' read as 'T1' (2 times)", "number 3.0 read as 3")
    assert mends.lines() == lines
    before: dict[str, Any] = {"order": ["t1"]}
    after = respelt(Parsed(value=before, how="whole"), {"order": ["T1"]}, lines)
    assert after == Parsed({"order": ["T1"]}, "whole", mended=lines, written=before)
    assert strictly(Outcome((after,))) == Outcome((Parsed(before, "given"),))
    again = respelt(after, {"order": ["T1"]}, ())
    assert again is after
    of_text = Parsed(value=before, how="whole", mended=("a trailing comma at character 3",))
    both = respelt(of_text, {"order": ["T1"]}, lines)
    assert (both.written, both.mended) == (None, (*of_text.mended, *lines))
    assert as_written(both).value is None
    assert "a trailing comma at character 3" in (as_written(both).problem or "")


def test_folding_is_done_once() -> None:
    for text in (" T001 ", "a0b00c10", "1.05"):
        assert folded(folded(text)) == folded(text)
