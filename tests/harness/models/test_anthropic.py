"""What is sent to the messages API, and what comes back."""

import asyncio

import msgspec

from harness.models.anthropic import messages_request
from harness.models.base import Sampling
from tasks.base import Ask, Message, Reply, Tool, ToolCall, Usage, said
from tests.harness.models.talk import ASK, PLAIN, model_at, reply_of
from tests.loopback import Loopback, message
from tests.optional import needs

pytestmark = needs("anthropic")

SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
TOOL = Tool("find", "Finds a slot.", {"type": "object", "properties": {}})
CALL = ToolCall("c1", "find", '{"day":"mon"}')


def test_a_plain_ask() -> None:
    with Loopback(lambda number, _body: f"answer {number}") as server:
        reply = reply_of(model_at(server, "anthropic"))
    assert (reply.text, reply.finish, reply.model) == ("answer 1", "stop", "test")
    assert reply.usage == Usage(12, 5)
    assert 0 < reply.seconds < 5
    [request] = server.requests
    assert request.path == "/v1/messages"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["anthropic-version"]
    assert request.body == {
        "model": "test",
        "max_tokens": 4096,
        "system": "You plan.",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "When?"}]}],
    }


def test_every_setting() -> None:
    sampling = Sampling(
        temperature=0.5,
        max_tokens=100_000,
        seed=7,
        reasoning_effort="low",
        structured=True,
        extra={"top_k": 5},
    )
    ask = Ask("answer", ASK.messages, schema=SCHEMA)
    with Loopback(lambda _number, _body: "{}") as server:
        reply_of(model_at(server, "anthropic", sampling), ask)
    body = server.requests[0].body
    del body["messages"], body["system"]
    assert body == {
        "model": "test",
        "temperature": 0.5,
        "max_tokens": 100_000,
        "top_k": 5,
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
    }


def test_tools_there_and_back() -> None:
    ask = Ask(
        "turn-2",
        (
            Message("user", "When?"),
            Message("assistant", "Let me see.", calls=(CALL, ToolCall("c2", "find", ""))),
            Message("tool", "9:00", call_id="c1"),
            Message("tool", "none", call_id="c2"),
            Message("user", "Well?"),
        ),
        tools=(TOOL,),
    )
    use = {"type": "tool_use", "id": "c1", "name": "find", "input": {"day": "mon"}}
    body = message("", {"model": "test"}) | {"content": [use], "stop_reason": "tool_use"}
    with Loopback(lambda _number, _body: body) as server:
        reply = reply_of(model_at(server, "anthropic"), ask)
    assert (reply.calls, reply.finish, reply.text) == ((CALL,), "tool_calls", "")
    sent = server.requests[0].body
    assert sent["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Let me see."},
                use,
                use | {"id": "c2", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "9:00"},
                {"type": "tool_result", "tool_use_id": "c2", "content": "none"},
                {"type": "text", "text": "Well?"},
            ],
        },
    ]
    assert sent["tools"] == [
        {"name": "find", "description": "Finds a slot.", "input_schema": TOOL.parameters}
    ]


def test_thinking_goes_back_unchanged_with_the_results() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "sig/+=="}
    use = {"type": "tool_use", "id": "c1", "name": "find", "input": {"day": "mon", "at": 9.0}}
    text = {"type": "text", "text": "Let me see."}
    content = [thought, text, use]
    first = message("", {"model": "test"}) | {"content": content, "stop_reason": "tool_use"}

    async def talk(server: Loopback) -> None:
        model = model_at(server, "anthropic")
        reply = await model.reply(Ask("turn-1", ASK.messages, tools=(TOOL,)))
        kept = msgspec.json.decode(msgspec.json.encode(reply), type=Reply)  # as from a journal
        results = Message("tool", "9:00", call_id="c1")
        await model.reply(Ask("turn-2", (*ASK.messages, said(kept), results), tools=(TOOL,)))
        await model.close()

    with Loopback(lambda number, _body: first if number == 1 else "done") as server:
        asyncio.run(talk(server))
    turns = server.requests[1].body["messages"]
    assert turns[1] == {"role": "assistant", "content": content}
    assert list(turns[1]["content"][2]["input"]) == ["day", "at"]
    assert turns[2]["content"][0]["type"] == "tool_result"


def test_turns_alternate() -> None:
    spoken = [
        ("user", "a"),
        ("user", "b"),
        ("assistant", ""),
        ("system", "s"),
        ("user", "c"),
        ("assistant", "d"),
        ("assistant", "e"),
    ]
    messages = tuple(Message(role, text) for role, text in spoken)  # type: ignore[arg-type]
    body = messages_request("m", PLAIN, Ask("answer", messages))
    turns = [(t["role"], [block["text"] for block in t["content"]]) for t in body["messages"]]
    assert turns == [("user", ["a", "b", "c"]), ("assistant", ["d", "e"])]
    assert body["system"] == "s"
