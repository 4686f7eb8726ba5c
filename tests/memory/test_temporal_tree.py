"""The memory `temporal-tree`: which intervals get a note, what is recalled, who pays for it."""

import json
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.base import MEMORIES, is_memory, read_memory
from memory.context import Context, MemoryState
from memory.intervals import LEVELS
from memory.temporal_tree import FALLBACK, LENGTH, PLANS
from tasks.base import Ask, InputError, Message, Outcome, Outside, Program, Reply, ask, tell
from tasks.play import play as play_program
from tests.depth import examples
from tests.memory.toy import PROMPTS, Script, by_path, compose, shown

Moment = tuple[str, str]  # an ISO date, a time of the day


def year(moments: Sequence[Moment], window: int = 20) -> Program[Outcome]:
    """A round at each of the moments."""
    for k, (day, time) in enumerate(moments):
        yield from ask(f"round-{k:03d}/answer", (Message("user", f"Round {k}: A or B?"),))
        facts = {"round": k, "text": f"R{k} word{k % 7}", "date": day, "time": time}
        yield from tell(f"round-{k:03d}/feedback", {**facts, "history": window})
    return Outcome(())


def live(
    moments: Sequence[Moment], script: Script, memory: str = "temporal-tree", window: int = 20
) -> tuple[list[Ask], MemoryState]:
    """What was asked in such a year, and what the memory then holds."""
    kind, settings = read_memory(memory)
    tree, asked = kind.new(Context(PROMPTS), settings), []

    def perform(effect: Outside) -> Reply:
        assert isinstance(effect, Ask)
        asked.append(effect)
        return Reply(script(effect))

    play_program(compose(year(moments, window), tree), perform)
    assert len({each.path for each in asked}) == len(asked)
    return asked, tree.state()


def noting(words: str = "noted") -> Script:
    """Writes a note whenever one is asked for."""
    return by_path(lambda path: {"note": f"{words} {path[6:9]} {path.split('/')[2]}"})


def notes_of(state: MemoryState, kind: str) -> list[tuple[int, ...]]:
    return [entry.rounds for entry in state.entries if entry.kind == kind]


def daily(*counts: int, start: str = "2025-01-06") -> list[Moment]:
    """Moments of days in a row, so many an hour apart on each from 9 o'clock on."""
    first = date.fromisoformat(start)
    return [
        (f"{first + timedelta(k)}", f"{9 + hour:02d}:00")
        for k, count in enumerate(counts)
        for hour in range(count)
    ]


# Intervals ----------------------------------------------------------------------------------


moment = st.tuples(
    st.dates(date(2024, 12, 1), date(2025, 4, 1)).map(str),
    st.sampled_from(["", "09:00", "11:59", "12:00", "16:00"]),
)


@examples(300)
@given(moment, moment)
def test_each_interval_lies_within_one_of_the_next_level(one: Moment, other: Moment) -> None:
    names = [
        [level.interval(date.fromisoformat(day), time) for level in LEVELS]
        for day, time in (one, other)
    ]
    same = [a == b for a, b in zip(*names, strict=True)]
    assert same == sorted(same)
    days = [date.fromisoformat(day) for day, _ in (one, other)]
    assert same[1] == (days[0] == days[1])
    assert same[2] == (days[0].isocalendar()[:2] == days[1].isocalendar()[:2])


def test_a_session_is_half_a_day_and_a_week_is_of_the_month_of_its_monday() -> None:
    names = [level.interval(date(2025, 4, 1), "12:00") for level in LEVELS]
    assert names == ["2025-04-01 after noon", "2025-04-01", "the week from 2025-03-31", "2025-03"]
    assert LEVELS[0].interval(date(2025, 4, 1), "11:00") == "2025-04-01 before noon"
    assert LEVELS[0].interval(date(2025, 4, 1), "") == "2025-04-01"


# Which intervals get a note -----------------------------------------------------------------


def test_a_note_is_written_when_an_interval_has_closed_and_holds_two() -> None:
    asked, state = live([*daily(2, 1, 0, 6), ("2025-01-13", "09:00")], noting())
    paths = [each.path for each in asked if is_memory(each.path)]
    assert paths == [
        "round-002/feedback/session/memory/temporal-tree",
        "round-006/feedback/session/memory/temporal-tree",
        "round-009/feedback/session/memory/temporal-tree",
        "round-009/feedback/day/memory/temporal-tree",
        "round-009/feedback/week/memory/temporal-tree",
    ]
    assert notes_of(state, "session") == [(0, 1), (3, 4, 5), (6, 7, 8)]
    assert notes_of(state, "day") == [(3, 4, 5, 6, 7, 8)]
    assert notes_of(state, "week") == [tuple(range(9))]
    assert notes_of(state, "profile") == []
    texts = [entry.text for entry in state.entries if entry.kind in ("day", "week")]
    assert texts == ["(2025-01-09) noted 009 day", "(the week from 2025-01-06) noted 009 week"]
    assert state.counts["asked"] == 5
    week = asked[-1].messages[0].content  # from the first day's session, a round, and a day
    assert "(2025-01-06 before noon) noted 002 session\n\nR2 word2\n\n(2025-01-09) noted" in week


def test_a_note_is_written_with_the_three_of_its_level_before_it() -> None:
    asked, _ = live(daily(*[2] * 6), noting())
    prompts = [each.messages[0].content for each in asked if is_memory(each.path)]
    assert "Your notes on" not in prompts[0]
    assert prompts[4].count("noted") == 3
    assert "(2025-01-06 before noon)" not in prompts[4]


Rounds = tuple[int, ...]


def by_hand(
    moments: Sequence[Moment], readable: Callable[[str], bool], levels: int
) -> tuple[list[tuple[str, Rounds]], list[Rounds]]:
    """The notes of some lowest levels on what is over, and what then stands for the rounds."""
    if not levels:
        return [], [(k,) for k in range(len(moments))]
    notes, below = by_hand(moments, readable, levels - 1)
    level, standing = LEVELS[levels - 1], list[Rounds]()

    def name(rounds: Rounds) -> str:
        day, time = moments[rounds[0]]
        return level.interval(date.fromisoformat(day), time)

    for interval, group in groupby(below, name):
        children = list(group)
        is_over = interval != name((len(moments) - 1,))
        if is_over and len(children) > 1 and readable(interval):
            children = [tuple(n for child in children for n in child)]
            notes.append((level.name, children[0]))
        standing += children
    return notes, standing


@examples(200)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(9, 16)), min_size=1, max_size=40),
    st.integers(1, 4),
)
def test_the_tree_is_what_it_is_by_hand(steps: list[tuple[int, int]], modulus: int) -> None:
    """Also where replies on some intervals cannot be read: nothing is lost."""
    days, moments = date(2025, 1, 6), []
    for gap, hour in steps:
        days += timedelta(gap if gap < 9 else 0)
        moments.append((f"{days}", f"{hour:02d}:00"))
    moments.sort()

    def readable(interval: str) -> bool:
        return sum(map(ord, interval)) % modulus == 0

    def script(ask: Ask) -> str:
        text = ask.messages[-1].content.partition(" has passed: ")[2]
        interval = text.partition(". Write ")[0]
        return json.dumps({"note": "n" if readable(interval) else ""}) if text else "A"

    asked, state = live(moments, script)
    notes, _ = by_hand(moments, readable, len(LEVELS))
    stored = [(e.kind, e.rounds) for e in state.entries if e.kind != "round"]
    assert sorted(stored) == sorted(notes)
    again = live(moments, script)
    assert again[0] == asked
    assert again[1].digest == state.digest


@pytest.mark.parametrize("reply", ["no", '{"note": 7}', '{"note": " "}', "[]", '{"text": "a"}'])
def test_where_a_note_cannot_be_read_its_rounds_go_into_the_interval_above(reply: str) -> None:
    def script(ask: Ask) -> str:
        if is_memory(ask.path):
            return reply if "/session/" in ask.path else '{"note": "day"}'
        return "A"

    _, state = live(daily(2, 1), script)
    assert state.counts["unreadable"] == 1
    assert notes_of(state, "session") == []
    assert notes_of(state, "day") == [(0, 1)]


def test_a_long_note_is_cut() -> None:
    _, state = live(daily(2, 1), by_path(lambda _: {"note": "word " * 1000}))
    (note,) = (e.text for e in state.entries if e.kind == "session")
    assert LENGTH < len(note) <= LENGTH + len("(2025-01-06 before noon) ")
    assert state.counts["cut"] == 1


def test_a_world_without_dates_has_no_notes_and_asks_nothing() -> None:
    asked, state = live([("", "09:00")] * 6, noting())
    assert not any(is_memory(each.path) for each in asked)
    assert {entry.kind for entry in state.entries} == {"round"}
    assert "R4 word4" in shown(asked)[5]


# What is recalled ---------------------------------------------------------------------------


def rounds_in(text: str) -> list[int]:
    return [int(word[1:]) for word in text.split() if word[0] == "R" and word[1:].isdigit()]


def test_rounds_are_by_turns_the_newest_and_those_that_match() -> None:
    def asking(moments: Sequence[Moment]) -> Program[Outcome]:
        yield from year(moments[:-1], window=4)
        yield from ask("round-029/answer", (Message("user", "Round 29: A or B? word3"),))
        return Outcome(())

    moments = [(f"2025-01-{k + 1:02d}", "") for k in range(30)]
    memory, asked = MEMORIES["temporal-tree"].new(Context(PROMPTS)), []

    def perform(effect: Outside) -> Reply:
        assert isinstance(effect, Ask)
        asked.append(effect)
        return Reply("A")

    play_program(compose(asking(moments), memory), perform)
    assert rounds_in(asked[-1].messages[-1].content) == [3, 10, 27, 28]


def test_the_limits_are_the_papers_and_can_be_set() -> None:
    moments = [moment for k in range(6) for moment in daily(*[4] * 3, start=f"2025-0{k + 1}-06")]
    moments += daily(4, start="2025-07-07")
    for memory, limits in (
        ("temporal-tree", {"R": 20, "session": 4, "day": 2, "week": 2, "profile": 1}),
        (
            "temporal-tree:rounds=9,sessions=1,days=0,weeks=1,profiles=0",
            {"R": 9, "session": 1, "day": 0, "week": 1, "profile": 0},
        ),
    ):
        asked, _ = live(moments, by_path(lambda p: {"note": f"*{p.split('/')[2]}"}), memory)
        text = shown(asked)[-1]
        notes = {level.name: text.count(f"*{level.name}") for level in LEVELS}
        assert {"R": len(rounds_in(text)), **notes} == limits


def test_notes_are_those_on_the_rounds_that_are_recalled() -> None:
    asked, state = live(daily(*[2] * 22), noting(), "temporal-tree:rounds=2,profiles=0")
    text = shown(asked)[-1]
    assert rounds_in(text) == [41, 42]
    notes = {entry.kind: entry.rounds for entry in state.entries if entry.text in text}
    assert notes == {"round": (42,), "session": (40, 41), "week": tuple(range(28, 42))}


def test_no_more_rounds_than_the_world_says_but_all_notes() -> None:
    asked, state = live(daily(4, 4, 4), noting(), window=0)
    text = shown(asked)[-1]
    assert rounds_in(text) == []
    assert notes_of(state, "session") == [(0, 1, 2), (4, 5, 6), (8, 9, 10)]
    assert ["noted 003 session" in text, "noted 007 session" in text] == [True, True]


def planned(complexity: object, keep: Callable[[str], object]) -> Script:
    """A model with a plan and a gate."""

    def script(ask: Ask) -> str:
        if ask.path.endswith("-plan"):
            return json.dumps({"complexity": complexity, "keywords": ["word2", 5, "word3"]})
        if ask.path.endswith("-gate"):
            return json.dumps({"keep": keep(ask.messages[-1].content)})
        return json.dumps({"note": ask.path.split("/")[2]}) if is_memory(ask.path) else "A"

    return script


def always(keep: object) -> Callable[[str], object]:
    """A gate that answers the same whatever is on offer."""
    return lambda _: keep


MONTHS = [*daily(4, 4, 0, 4, 4, 0, 0, 4, 4), *daily(4, 4, start="2025-02-03")]


@pytest.mark.parametrize("complexity", [*PLANS, "unheard of", ["simple"]])
def test_a_plan_says_which_levels_are_recalled(complexity: object) -> None:
    script = planned(complexity, lambda _: [])
    asked, state = live(MONTHS, script, "temporal-tree:planner=true")
    text = shown(asked)[-1]
    is_plan = isinstance(complexity, str) and complexity in PLANS
    levels = PLANS[complexity] if is_plan else PLANS["complex"]  # type: ignore[index]
    marks = {"session": "noon) session", "day": ") day", "week": ") week", "profile": ") profile"}
    assert {level for level, mark in marks.items() if mark in text} == set(levels)
    count = state.counts[f"plan: {complexity}" if is_plan else "plan: unreadable"]
    assert count == len(MONTHS) - 1  # nothing is to be planned in the first round


def test_a_gate_lets_through_what_it_names_and_a_bad_one_the_first_five() -> None:
    offers: list[list[int]] = []

    def keep(text: str) -> object:
        lines = [line for line in text.splitlines() if line[:1] == "["]
        offers.append([int(line[1:].partition("]")[0]) for line in lines])
        return [offers[-1][0], 10**6, True, "2", offers[-1][-1]]

    asked, state = live(MONTHS, planned("hybrid", keep), "temporal-tree:gate=true")
    texts = {entry.id: entry.text for entry in state.entries}
    gated = [each for each in asked if each.path.endswith("-gate")]
    assert len(gated) == len(MONTHS) - 1
    assert "about 15 to 30 of them" in gated[-1].messages[-1].content  # no planner: all levels
    for text, offer in zip(shown(asked)[1:], offers, strict=True):
        assert offer == sorted(offer)
        passed = {number for number in offer if texts[number] in text.splitlines()}
        passed |= {number for number in offer if f"- {texts[number]}" in text.splitlines()}
        assert passed == {offer[0], offer[-1]}
    assert state.counts["gate: none kept"] == 0
    assert state.counts["gate: offered"] == sum(map(len, offers))
    for bad in ("none", [], [10**6], None):
        asked, state = live(MONTHS, planned("simple", always(bad)), "temporal-tree:gate=1")
        assert state.counts["gate: none kept"] == len(MONTHS) - 1
        assert len(rounds_in(shown(asked)[-1])) == FALLBACK


def test_planner_and_gate_are_billed_as_recall_and_notes_as_sleep() -> None:
    asked, _ = live(MONTHS, planned("hybrid", lambda _: []), "temporal-tree:planner=1,gate=1")
    for each in asked:
        end = each.path.rpartition("/")[2]
        ledgers = {"answer": "test", "temporal-tree": "sleep"}
        assert each.ledger == ledgers.get(end, "recall"), each.path
    assert {each.ledger for each in asked} == {"test", "sleep", "recall"}


def test_a_wrong_setting_is_told() -> None:
    with pytest.raises(InputError, match="temporal-tree: unknown setting 'gates'"):
        read_memory("temporal-tree:gates=true")
