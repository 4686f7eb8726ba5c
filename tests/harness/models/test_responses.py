"""What is sent to the responses API, and what comes back."""

import asyncio

from harness.models.base import Sampling
from tasks.base import Ask, Message, Tool, ToolCall, Usage, said
from tests.harness.models.talk import ASK, model_at, reply_of
from tests.loopback import Json, Loopback, plain_answer, response

SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
TOOL = Tool("find", "Finds a slot.", {"type": "object", "properties": {}})
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA=="}
CALLED = {"type": "function_call", "call_id": "c1", "name": "find", "arguments": '{"day": "mon"}'}


def test_a_plain_ask() -> None:
    with Loopback(lambda number, _body: f"answer {number}") as server:
        reply = reply_of(model_at(server, "openai-responses"))
    assert (reply.text, reply.finish, reply.model) == ("answer 1", "stop", "test")
    assert reply.usage == Usage(12, 5)
    assert reply.cost is None
    [request] = server.requests
    assert request.path == "/v1/responses"
    assert request.headers["content-type"] == "application/json"
    assert request.body == {
        "model": "test",
        "input": [
            {"role": "system", "content": "You plan."},
            {"role": "user", "content": "When?"},
        ],
        "store": False,
    }


def test_every_setting() -> None:
    sampling = Sampling(
        temperature=0.5,
        max_tokens=100,
        seed=7,
        reasoning_effort="low",
        structured=True,
        extra={"top_p": 0.9},
    )
    ask = Ask("answer", ASK.messages, schema=SCHEMA)
    with Loopback(plain_answer) as server:
        assert reply_of(model_at(server, "openai-responses", sampling), ask).text == "{}"
    body = server.requests[0].body
    del body["input"]
    assert body == {
        "model": "test",
        "temperature": 0.5,
        "max_output_tokens": 100,
        "reasoning": {"effort": "low"},
        "text": {
            "format": {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}
        },
        "top_p": 0.9,
        "store": False,
    }


def test_tools_and_reasoning_there_and_back() -> None:
    first: Json = response("", {"model": "test"}) | {"output": [THOUGHT, CALLED]}

    async def talk(server: Loopback) -> None:
        model = model_at(server, "openai-responses")
        reply = await model.reply(Ask("turn-1", ASK.messages, tools=(TOOL,)))
        assert reply.calls == (ToolCall("c1", "find", '{"day": "mon"}'),)
        results = Message("tool", "9:00", call_id="c1")
        await model.reply(Ask("turn-2", (*ASK.messages, said(reply), results), tools=(TOOL,)))
        await model.close()

    with Loopback(lambda number, _body: first if number == 1 else "done") as server:
        asyncio.run(talk(server))
    body = server.requests[1].body
    output = {"type": "function_call_output", "call_id": "c1", "output": "9:00"}
    assert body["input"][2:] == [THOUGHT, CALLED, output]
    assert body["include"] == ["reasoning.encrypted_content"]
    assert body["tools"] == [
        {
            "type": "function",
            "name": "find",
            "description": "Finds a slot.",
            "parameters": TOOL.parameters,
            "strict": False,
        }
    ]


def test_calls_without_reasoning_are_written_anew() -> None:
    call = ToolCall("c1", "find", "{}")
    messages = (*ASK.messages, Message("assistant", "Let me see.", calls=(call,)))
    with Loopback(lambda _number, _body: "hi") as server:
        reply_of(model_at(server, "openai-responses"), Ask("turn-2", messages, tools=(TOOL,)))
    assert server.requests[0].body["input"][2:] == [
        {"role": "assistant", "content": "Let me see."},
        {"type": "function_call", "call_id": "c1", "name": "find", "arguments": "{}"},
    ]
