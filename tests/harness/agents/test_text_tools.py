"""Tool calls as JSON in text: what a model without calls sees, and what is read of its replies."""

import json

import pytest

from harness.agents.text_tools import TextTools, calls_in
from tasks.base import Ask, Message, Reply, Tool, ToolCall
from tasks.prompts import installed

TOOL = Tool(
    "find",
    "Finds a person.",
    {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string", "description": "the name of a person"}},
    },
)
CALL = ToolCall("u", "find", '{"name": "Ann"}')


def asked(ask: Ask, reply: Reply) -> tuple[Ask, Reply]:
    """What the agent asks the model, and what it makes of the model's reply."""
    program = TextTools(installed()).reply(ask)
    seen = next(program)
    assert isinstance(seen, Ask)
    with pytest.raises(StopIteration) as stopped:
        program.send(reply)
    return seen, stopped.value.value


def test_a_conversation_becomes_text() -> None:
    messages = (
        Message("system", "Rules."),
        Message("user", "Request."),
        Message("assistant", "", (CALL, CALL)),
        Message("tool", "one", call_id="u"),
        Message("tool", "two", call_id="v"),
        Message("assistant", "I call again.", (CALL,)),
        Message("tool", "three", call_id="w"),
    )
    seen, reply = asked(Ask("turn-003", messages, (TOOL,), view="hidden"), Reply("done"))
    assert (seen.path, seen.tools, seen.view) == ("turn-003", (), "hidden")
    assert [m.role for m in seen.messages] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]
    assert not any(m.calls or m.call_id for m in seen.messages)
    first = seen.messages[0].content
    assert first.startswith("Rules.\n\n")
    assert "find(name): Finds a person." in first
    assert "name: the name of a person" in first
    assert json.loads(seen.messages[2].content) == {
        "calls": [{"tool": "find", "arguments": {"name": "Ann"}}] * 2
    }
    assert seen.messages[3].content.splitlines()[1:] == ["1. one", "2. two"]
    assert seen.messages[4].content == "I call again."
    assert reply == Reply("done")


def test_the_prompt_is_told_anew_in_each_turn_and_the_same() -> None:
    ask = Ask("t", (Message("user", "Request."),), (TOOL,))
    assert asked(ask, Reply("a"))[0] == asked(ask, Reply("b"))[0]


def test_an_ask_without_tools_passes_as_it_is() -> None:
    ask = Ask("select", (Message("user", "?"),))
    assert asked(ask, Reply('{"calls": [{"tool": "find"}]}')) == (
        ask,
        Reply('{"calls": [{"tool": "find"}]}'),
    )


def test_a_models_own_calls_are_kept() -> None:
    own = Reply("", (CALL,))
    assert asked(Ask("t", (Message("user", "?"),), (TOOL,)), own)[1] == own


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        (
            'So: {"calls": [{"tool": "find", "arguments": {"name": "Ann"}}]}',
            [("find", '{"name":"Ann"}')],
        ),
        (
            '```json\n{"calls": [{"name": "find", "arguments": {}}, {"tool": "x"}]}\n```',
            [("find", "{}"), ("x", "null")],
        ),
        ('{"calls": [{"tool": 3, "arguments": [1]}, "find"]}', [("", "[1]"), ("", "null")]),
        ('{"calls": []}', []),
        ('{"calls": "find"}', []),
        ('{"answer": {"a": "b"}}', []),
        ('<think>{"calls": [{"tool": "find"}]}</think> {"answer": {}}', []),
        ("", []),
    ],
)
def test_calls_are_read_from_text(text: str, calls: list[tuple[str, str]]) -> None:
    assert [(c.name, c.arguments) for c in calls_in(Reply(text))] == calls


def test_calls_of_a_reply_that_was_cut_off_are_none() -> None:
    assert calls_in(Reply('{"calls": [{"tool": "find"}]} {"x', finish="length")) == ()
