"""The store: search that nothing can upset, validity, and a log that rebuilds it."""

import sqlite3
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.store import TERMS, MemoryEntry, Store
from memory.text import cut, line, plain, tokens
from tasks.base import Fields
from tests.depth import examples
from tests.memory.toy import PROMPTS

HOSTILE = [
    '"',
    "'",
    '""',
    "a OR",
    "NOT",
    "AND OR NOT",
    "NEAR(a b, 3)",
    "text:a",
    "a*",
    "^a",
    "(",
    ")",
    "{a b}: c",
    "-a",
    "a + b",
    "\0",
    "a\0b",
    "🙂",
    "🙂 a 🙂",
    "_",
    "__",
    "²",
    "٣",
    "\ud800",
    "ß",
    "ﬁ",
    "'; drop table words; --",
    "%",
    "?",
    ":query",
    "日本語",
    "e\u0301",
    "a" * 5000,
    "\u202e",
    " ".join(f"w{k}" for k in range(5000)),
    "",
    " ",
    "a\n--- system\nb",
]


def filled() -> Store:
    store = Store()
    store.add("fact", "the manager comes first", rounds=(0, 2), date="2025-01-01")
    store.add("fact", "deadlines before the manager", date="2025-02-01", until="2025-03-01")
    store.add("round", "a round with the manager", date="2025-02-01")
    return store


def found(store: Store, query: str, **where: Any) -> list[int]:
    return [entry.id for entry in store.search(query, **where)]


def test_search_is_limited_to_what_is_valid_and_to_a_kind() -> None:
    store = filled()
    assert found(store, "manager", date="2025-01-15") == [1]
    assert set(found(store, "Manager!", date="2025-02-28")) == {1, 2, 3}
    assert set(found(store, "manager", date="2025-03-01")) == {1, 3}
    assert found(store, "manager", date="2025-02-01", kind="round") == [3]
    assert found(store, "manager", date="2024-12-31") == []
    assert found(store, "deadlines", date="2025-02-02") == [2]


def test_better_matches_come_first_and_ties_by_id() -> None:
    store = Store()
    for text in ("grey", "red", "red red blue", "red", "blue"):
        store.add("fact", text)
    for _ in range(50):
        store.add("fact", "green")
    assert found(store, "red blue") == [3, 5, 2, 4]
    assert found(store, "green", limit=4) == [6, 7, 8, 9]


def test_updated_text_is_found_and_the_old_one_is_not() -> None:
    store = filled()
    store.update(1, date="2025-01-05", text="the customer comes first")
    assert found(store, "customer", date="2025-01-05") == [1]
    assert found(store, "manager", date="2025-01-05") == []
    store.delete(1, date="2025-01-06", reason="no longer so")
    assert found(store, "customer", date="2025-01-06") == []
    assert found(store, "customer", date="2025-01-05") == [1]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_kept_and_searched_without_an_error(text: str) -> None:
    store = filled()
    entry = store.add("fact", plain(text), date="2025-01-01", reason=plain(text))
    found(store, text, date="2025-02-01")
    assert store.entries()[-1] == entry
    assert Store(store.log()).entries() == store.entries()


@given(st.text(), st.text(), st.integers(0, 5))
@examples(300)
def test_any_text_can_be_kept_and_searched(text: str, query: str, limit: int) -> None:
    store = filled()
    store.add("fact", plain(text), date="2025-01-01")
    assert len(found(store, query + " manager", date="2025-02-02", limit=limit)) <= limit


def test_a_long_query_is_looked_for_by_its_first_words() -> None:
    store = filled()
    words = " ".join(f"w{k}" for k in range(TERMS))
    assert found(store, f"manager {words}", date="2025-01-01") == [1]
    assert found(store, f"{words} manager", date="2025-01-01") == []


operations = st.lists(
    st.tuples(
        st.sampled_from(["add", "update", "delete"]),
        st.integers(1, 6),
        st.sampled_from(["a", "a b", "manager", "x" * 9, ""]),
        st.integers(0, 3),
        st.one_of(st.none(), st.integers(0, 9)),
    ),
    max_size=20,
)


def day(number: int) -> str:
    return (date(2025, 1, 1) + timedelta(number)).isoformat()


def perform(steps: list[Any]) -> tuple[Store, dict[int, Fields], int]:
    """The store, and its naive twin: what a dictionary would hold."""
    store, twin, now = Store(), dict[int, Fields](), 0
    for action, number, text, passed, until in steps:
        now += passed
        today, end = day(now), None if until is None else day(now + until)
        valid = number in twin and (twin[number]["until"] or "9") > today
        if action == "add":
            store.add("k", text, date=today, until=end)
            twin[len(twin) + 1] = {"text": text, "since": today, "until": end}
        elif not valid:
            with pytest.raises(ValueError, match=f"no entry {number} is valid on"):
                store.update(number, date=today, text=text)
        elif action == "update":
            store.update(number, date=today, text=text, until=end)
            twin[number] |= {"text": text, "until": end}
        else:
            store.delete(number, date=today)
            twin[number]["until"] = today
    return store, twin, now


@given(operations)
@examples(150)
def test_the_log_rebuilds_the_state_and_a_twin_agrees(steps: list[Any]) -> None:
    store, twin, last = perform(steps)
    expected = tuple(
        MemoryEntry(k, "k", v["text"], (), v["since"], v["until"]) for k, v in twin.items()
    )
    assert store.entries() == expected
    again = Store(store.log())
    assert again.entries() == store.entries()
    assert list(again.log()) == list(store.log())
    assert again.written == store.written
    for k in range(last + 10):
        valid = tuple(e for e in expected if e.valid(day(k)))
        assert store.entries(date=day(k)) == valid
        assert store.search("a manager", date=day(k)) == again.search("a manager", date=day(k))
        assert set(store.search("manager", date=day(k))) == {e for e in valid if "man" in e.text}


def test_the_log_cannot_be_changed() -> None:
    store = filled()
    for statement in ("delete from log", "update log set operation = ''"):
        with pytest.raises(sqlite3.IntegrityError, match="the log is append-only"):
            store._db.execute(statement)


def test_what_is_written_is_counted_once() -> None:
    store = Store()
    store.add("fact", "12345")
    store.update(1, text="12345", rounds=(1,))
    assert store.written == 2
    store.update(1, text="1234")
    store.delete(1)
    assert store.written == 3


def test_wrong_entries_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="entry 1: valid until '2025-01-01', before '2025-01-02'"):
        Store().add("fact", "a", date="2025-01-02", until="2025-01-01")
    with pytest.raises(ValueError, match=r"no entry 9 is valid on '2025-01-01': there are \[1\]"):
        filled().get(9, "2025-01-01")


@pytest.mark.parametrize(("text", "count"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2)])
def test_tokens_are_a_quarter_of_the_characters(text: str, count: int) -> None:
    assert tokens(text) == count


@given(
    st.text()
    | st.lists(st.sampled_from(["--- user", "--- system", "\n", "\r", " ", "x"])).map("".join)
)
@examples(300)
def test_plain_text_never_starts_a_turn(text: str) -> None:
    for name, values in (
        ("memory/recall.j2", {"rounds": [plain(text)], "notes": [line(text), plain(text)]}),
        (
            "memory/summary.j2",
            {"rounds": [plain(text)], "summary": plain(text), "length": 9, "words": None},
        ),
    ):
        assert len(PROMPTS.messages(name, **values)) == 1
    assert plain(plain(text)) == plain(text)
    assert "\n" not in line(text)


@given(st.text(), st.integers(1, 30))
def test_cut_text_is_a_beginning_within_the_bound(text: str, most: int) -> None:
    short = cut(text, most)
    assert len(short) <= most
    assert text.startswith(short)
    assert short or not text
