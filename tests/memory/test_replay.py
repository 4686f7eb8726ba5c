"""Memories as a pure function of the replies: cut off anywhere, replayed, or fed with anything."""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory import facts, hub, summary
from memory.base import MEMORIES, is_memory
from memory.context import MemoryState
from memory.store import Store
from tasks.base import Ask
from tests.depth import examples
from tests.memory.toy import Scripted, build, diligent, play, play_journaled, year

ROUNDS = 6


@cache
def uncut(name: str) -> tuple[MemoryState, tuple[Ask, ...]]:
    memory = build(name)
    asked = play(year(ROUNDS), memory, diligent)
    return memory.state(), tuple(asked)


@pytest.mark.parametrize("name", MEMORIES)
@pytest.mark.parametrize("cut", range(0, 12, 2))
def test_cut_anywhere_and_resumed_is_the_same_as_uncut(tmp_path: Path, name: str, cut: int) -> None:
    state, asked = uncut(name)
    cut = min(cut, len(asked) - 1)
    with pytest.raises(KeyboardInterrupt):
        play_journaled(tmp_path, build(name), Scripted(diligent, cut), ROUNDS)
    memory, rest = build(name), Scripted(diligent)
    outcome = play_journaled(tmp_path, memory, rest, ROUNDS)
    assert tuple(rest.asked) == asked[cut:]
    assert memory.state() == state
    assert memory.state().digest == state.digest
    again = build(name)
    assert play_journaled(tmp_path, again, None, ROUNDS) == outcome
    assert again.state().digest == state.digest


@pytest.mark.parametrize("name", ["summary", "strategy-hub", "facts"])
def test_a_memory_that_asks_does_so_once_a_round(name: str) -> None:
    state, asked = uncut(name)
    assert [is_memory(a.path) for a in asked] == [False, True] * ROUNDS
    assert state.counts["asked"] == ROUNDS
    assert len(state.entries) > ROUNDS
    assert state.read > 0


def test_other_replies_give_another_digest() -> None:
    assert len({uncut(name)[0].digest for name in MEMORIES}) == len(MEMORIES)
    memory = build("history")
    play(year(ROUNDS), memory, lambda _: "C")
    assert memory.state().digest != uncut("history")[0].digest


texts = st.one_of(st.text(max_size=30), st.sampled_from(["x" * 301, "y" * 2100, '"OR', "a", "A"]))
junk = st.one_of(st.none(), st.booleans(), st.integers(-1, 12), texts, st.lists(texts, max_size=3))
operation = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "update", "delete", "nothing"]) | junk},
    optional={
        "text": texts | junk,
        "id": st.integers(1, 12) | junk,
        "until": st.sampled_from(["2025-01-03", "2025-01-09", "20250108", "2025-W02-7"]) | junk,
        "reason": texts | junk,
    },
)
call = st.fixed_dictionaries(
    {"action": st.sampled_from(["update", "list"]) | junk},
    optional={"strategies": st.lists(texts, max_size=12) | junk},
)
value = st.one_of(
    st.fixed_dictionaries({"operations": st.lists(operation | junk, max_size=12) | junk}),
    st.fixed_dictionaries({"summary": texts | junk}),
    call,
    junk,
)
replies = st.lists(value.map(json.dumps) | st.text(max_size=40), min_size=1, max_size=14)


def within_bounds(state: MemoryState, date: str) -> bool:
    valid = [e for e in state.entries if e.valid(date)]
    lengths = {
        kind: [len(e.text) for e in valid if e.kind == kind]
        for kind in ("summary", "strategy", "fact")
    }
    bounds = {
        "summary": (1, summary.LENGTH),
        "strategy": (hub.MOST, hub.LENGTH),
        "fact": (facts.MOST, facts.LENGTH),
    }
    return all(
        len(lengths[kind]) <= most and all(0 < n <= longest for n in lengths[kind])
        for kind, (most, longest) in bounds.items()
    )


@pytest.mark.parametrize("name", ["summary", "strategy-hub", "facts"])
@given(said=replies)
@examples(100)
def test_whatever_the_model_says_bounds_hold_and_the_log_rebuilds(
    name: str, said: list[str]
) -> None:
    def script(ask: Ask) -> str:
        return said[int(ask.path[6:9]) % len(said)]

    memory, twin = build(name), build(name)
    asked = play(year(8), memory, script)
    state = memory.state()
    for k in range(8):
        assert within_bounds(state, f"2025-01-{k + 1:02d}")
    again = Store(state.log)
    assert (again.entries(), tuple(again.log()), again.written) == (
        state.entries,
        state.log,
        state.written,
    )
    assert play(year(8), twin, script) == asked
    assert twin.state().digest == state.digest
    assert state.counts["asked"] == 8


@pytest.mark.heavy
@given(st.lists(st.text(max_size=60), min_size=5, max_size=5))
@settings(max_examples=20)
def test_anything_said_survives_the_journal(said: list[str]) -> None:
    def script(ask: Ask) -> str:
        number = int(ask.path[6:9])
        if is_memory(ask.path):
            return json.dumps({"operations": [{"op": "add", "text": said[number]}]})
        return said[number]

    with TemporaryDirectory() as folder:
        memory, again = build("facts"), build("facts")
        outcome = play_journaled(Path(folder), memory, Scripted(script), 5)
        assert play_journaled(Path(folder), again, None, 5) == outcome
        assert again.state() == memory.state()
