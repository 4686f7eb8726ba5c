"""Memories the model writes: what it may change, what is refused, what is shown."""

import json
from typing import Any

import pytest

from memory import facts, hub, summary
from memory.context import Context, MemoryState
from memory.hub import read_call
from tasks.base import Ask, Message, Reply, Tell, ToolCall
from tests.memory.toy import PROMPTS, build, by_path, play, shown, year


def live(state: MemoryState, kind: str) -> list[str]:
    return [e.text for e in state.entries if e.kind == kind and e.until is None]


def after(name: str, *replies: object) -> MemoryState:
    """The state after as many rounds as replies of the model to the memory."""
    memory, told = build(name), iter(replies)
    play(year(len(replies)), memory, by_path(lambda _: next(told)))
    return memory.state()


def test_the_worlds_system_messages_stand_before_the_memorys_own() -> None:
    memory = facts.Facts(Context(PROMPTS))
    question = Ask("q", (Message("system", "Ada runs the lab."), Message("user", "?")))
    list(memory.recall(question))
    list(memory.observe(Tell("q/told", {"text": "a round", "date": "2025-01-01"})))
    asked = next(memory.idle("q/told"))
    assert isinstance(asked, Ask)
    assert asked.messages[0] == question.messages[0]
    assert [message.role for message in asked.messages] == ["system", "user"]
    assert asked.path == "q/told/memory/facts"


# Summary ------------------------------------------------------------------------------------


def test_summary_is_rewritten_and_shown() -> None:
    memory = build("summary")
    asked = play(year(4), memory, by_path(lambda path: {"summary": f"after {path[6:9]}"}))
    texts = shown(asked)
    assert "noted" not in texts[0]
    assert ["after 002" in text for text in texts] == [False, False, False, True]
    paths = [a.path for a in asked]
    assert paths[:3] == [
        "round-000/answer",
        "round-000/feedback/memory/summary",
        "round-001/answer",
    ]
    (entry,) = (e for e in memory.state().entries if e.kind == "summary")
    assert (entry.text, entry.rounds, entry.since) == ("after 003", (0, 1, 2, 3), "2025-01-01")
    assert "after 001" in asked[5].messages[0].content
    assert "Round 2 of Ada" in asked[5].messages[0].content


@pytest.mark.parametrize("reply", ["no", {"summary": 7}, {"summary": " \n"}, {"text": "a"}, []])
def test_a_summary_that_cannot_be_read_changes_nothing(reply: object) -> None:
    state = after("summary", {"summary": "kept"}, reply)
    assert live(state, "summary") == ["kept"]
    assert state.counts == {"asked": 2, "cut": 0, "unreadable": 1, "written": 1}


def test_a_long_summary_is_cut() -> None:
    state = after("summary", {"summary": "word " * 1000})
    (text,) = live(state, "summary")
    assert summary.LENGTH - 5 <= len(text) <= summary.LENGTH
    assert state.counts["cut"] == 1


# Strategy hub -------------------------------------------------------------------------------


def update(*strategies: object) -> dict[str, Any]:
    return {"action": "update", "strategies": list(strategies)}


def test_the_hub_is_replaced_by_an_update_and_keeps_where_a_strategy_comes_from() -> None:
    state = after("strategy-hub", update("a", "b"), {"action": "list"}, update("b", " c\n c "))
    assert live(state, "strategy") == ["b", "c c"]
    rounds = {e.text: e.rounds for e in state.entries if e.kind == "strategy"}
    assert rounds == {"a": (0,), "b": (0,), "c c": (2,)}
    assert state.counts == {"asked": 3, "kept": 1, "updated": 2}
    assert [o.entry.text for o in state.log if o.action == "delete"] == ["a"]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("nothing to do", "unreadable"),
        ([], "unreadable"),
        ({"strategies": ["b"]}, "unreadable"),
        ({"action": "update"}, "invalid"),
        ({"action": "remove", "strategies": []}, "invalid"),
        ({"action": ["update"], "strategies": []}, "invalid"),
        (update("b", 7), "invalid"),
        (update("b", ""), "invalid"),
        ({"action": "update", "strategies": "b"}, "invalid"),
        (update("x" * (hub.LENGTH + 1)), "invalid"),
        (update(*map(str, range(hub.MOST + 1))), "invalid"),
    ],
)
def test_an_invalid_update_leaves_the_hub_unchanged(reply: object, kind: str) -> None:
    state = after("strategy-hub", update("a"), reply)
    assert live(state, "strategy") == ["a"]
    assert state.counts == {"asked": 2, "updated": 1, kind: 1}


def test_the_bounds_of_the_hub_can_be_reached_and_it_can_be_emptied() -> None:
    full = [f"{k}{'x' * (hub.LENGTH - 1)}" for k in range(hub.MOST)]
    assert live(after("strategy-hub", update(*full)), "strategy") == full
    assert live(after("strategy-hub", update(*full), update()), "strategy") == []
    assert live(after("strategy-hub", update("a", "a", " a")), "strategy") == ["a"]


def test_the_hub_is_offered_as_a_tool_and_shown() -> None:
    asked = play(year(3), build("strategy-hub"), by_path(lambda path: update(f"from {path[6:9]}")))
    calls = [a for a in asked if a.path.endswith("/memory/strategy-hub")]
    assert [a.tools for a in calls] == [(hub.TOOL,)] * 3
    assert "(none)" in calls[0].messages[0].content
    assert "- from 000" in calls[1].messages[0].content
    assert ["- from 001" in text for text in shown(asked)] == [False, False, True]


def test_a_call_is_read_however_it_is_written() -> None:
    wanted = update("a")
    text = json.dumps(wanted)
    other = ToolCall("1", "Other", "{}")
    for reply in (
        Reply(
            "",
            (
                ToolCall("1", "StrategyHub", '{"action": "list"}'),
                ToolCall("2", "StrategyHub", text),
            ),
        ),
        Reply("I will.", (other, ToolCall("1", "StrategyHub", text))),
        Reply(f"```json\n{text}\n```", (other,)),
        Reply('<tool_call>{"name": "StrategyHub", "arguments": ' + text + "}</tool_call>"),
    ):
        assert read_call(reply) == wanted
    assert read_call(Reply("", (ToolCall("1", "StrategyHub", "{"),))) is None
    assert read_call(Reply('{"arguments": "x"}')) is None


# Facts --------------------------------------------------------------------------------------


def ops(*operations: object) -> dict[str, Any]:
    return {"operations": list(operations)}


def add(text: object, **more: object) -> dict[str, Any]:
    return {"op": "add", "text": text, **more}


def test_facts_are_added_updated_and_deleted() -> None:
    state = after(
        "facts",
        ops(add("a", reason="seen"), add("b", until="2025-01-03")),
        ops({"op": "update", "id": 2, "text": "A", "until": "2025-02-01"}, {"op": "nothing"}),
        ops({"op": "delete", "id": 2, "reason": "wrong"}, add("c", until=None)),
    )
    facts = {e.text: e for e in state.entries if e.kind == "fact"}
    assert (facts["A"].rounds, facts["A"].until) == ((0, 1), "2025-01-03")
    assert facts["b"].until == "2025-01-03"
    assert live(state, "fact") == ["c"]
    assert state.counts == {"added": 3, "asked": 3, "deleted": 1, "nothing": 1, "updated": 1}
    assert [o.reason for o in state.log if o.entry.kind == "fact"] == ["seen", "", "", "wrong", ""]


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        (add(""), "no text"),
        (add(None), "no text"),
        (add(["a"]), "no text"),
        (add("x" * (facts.LENGTH + 1)), "too long"),
        (add(" KNOWN "), "duplicate"),
        (add("new", until="soon"), "bad date"),
        (add("new", until=7), "bad date"),
        (add("new", until="2025-01-02"), "bad date"),
        ({"op": "update", "id": 9, "text": "new"}, "unknown id"),
        ({"op": "update", "id": True, "text": "new"}, "unknown id"),
        ({"op": "update", "id": 1, "text": "a round is no fact"}, "unknown id"),
        ({"op": "update", "id": 2}, "no text"),
        ({"op": "update", "id": 2, "text": "known"}, "no change"),
        ({"op": "delete", "id": "2"}, "unknown id"),
        ({"op": "delete"}, "unknown id"),
        ({"op": "forget", "id": 2}, "unknown operation"),
        ({"op": ["add"]}, "unknown operation"),
        ({}, "unknown operation"),
        ("add", "not an object"),
        (None, "not an object"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_the_rest_applies(operation: object, why: str) -> None:
    state = after("facts", ops(add("known")), ops(operation, add("also")))
    assert live(state, "fact") == ["known", "also"]
    assert state.counts == {"added": 2, "asked": 2, f"refused: {why}": 1}


@pytest.mark.parametrize("reply", ["no", {"operations": {}}, {"ops": []}, 7])
def test_an_unreadable_reply_changes_nothing(reply: object) -> None:
    state = after("facts", ops(add("known")), reply)
    assert live(state, "fact") == ["known"]
    assert state.counts["unreadable"] == 1


def test_an_update_may_not_repeat_another_fact() -> None:
    state = after("facts", ops(add("a"), add("b")), ops({"op": "update", "id": 3, "text": "A"}))
    assert live(state, "fact") == ["a", "b"]
    assert state.counts["refused: duplicate"] == 1


def test_facts_are_bounded() -> None:
    many = [ops(*(add(f"{k} {n}") for n in range(facts.OPERATIONS + 1))) for k in range(7)]
    state = after("facts", *many)
    assert len(live(state, "fact")) == facts.MOST
    assert state.counts["refused: too many operations"] == 7
    assert state.counts["refused: too many facts"] == 7 * facts.OPERATIONS - facts.MOST


def test_a_fact_is_shown_until_its_day() -> None:
    memory = build("facts")
    script = by_path(lambda p: ops(add("for a while", until="2025-01-03")) if "000" in p else ops())
    texts = shown(play(year(5), memory, script))
    assert ["for a while" in text for text in texts] == [False, True, True, False, False]


def test_of_many_facts_those_that_bear_on_the_question_are_shown() -> None:
    memory = facts.Facts(Context(PROMPTS))
    for k in range(facts.MOST):
        memory.store.add("fact", f"number {k}" + (" of B" if k < 2 else ""))
    notes = memory.notes(Ask("q", ()))
    assert notes == [f"number {k}" for k in range(facts.SHOWN, facts.MOST)]
    question = play(year(1), build("none"), lambda _: "")[0]
    notes = memory.notes(question)
    assert notes[:2] == ["number 0 of B", "number 1 of B"]
    assert len(notes) == facts.SHOWN


def test_time_never_goes_back() -> None:
    memory = facts.Facts(Context(PROMPTS))
    for date in ("2025-02-01", "2025-01-01"):
        list(memory.observe(Tell(date, {"text": "a", "date": date})))
    assert [e.since for e in memory.state().entries] == ["2025-02-01"] * 2
