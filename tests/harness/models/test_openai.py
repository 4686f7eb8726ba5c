"""What is sent to chat completions, and what comes back."""

import asyncio

import msgspec
import pytest

from harness.models.base import Sampling
from harness.models.build import Server, build_model
from harness.models.openai import OpenAI, chat_request
from tasks.base import Ask, Message, Tool, ToolCall, Usage
from tests.harness.models.talk import ASK, PLAIN, model_at, reply_of
from tests.loopback import Fault, Json, Loopback, chat_completion

SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
TOOL = Tool("find", "Finds a slot.", {"type": "object", "properties": {}})
CALL = ToolCall("c1", "find", '{"day": "mon"}')


def test_a_plain_ask() -> None:
    with Loopback(lambda number, _body: f"answer {number}") as server:
        reply = reply_of(model_at(server, "openai"))
    assert (reply.text, reply.finish, reply.model) == ("answer 1", "stop", "test")
    assert reply.usage == Usage(12, 5)
    assert 0 < reply.seconds < 5
    assert reply.cost is None
    [request] = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Bearer none"
    assert request.body == {
        "model": "test",
        "messages": [
            {"role": "system", "content": "You plan."},
            {"role": "user", "content": "When?"},
        ],
    }


def test_a_servers_cookie_comes_back_once() -> None:
    def answer(number: int, body: Json) -> Fault:
        text = msgspec.json.encode(chat_completion("so", body)).decode()
        return Fault(200, text, {"Set-Cookie": f"way={number}"})

    with Loopback(answer) as server:
        url = server.url.replace("127.0.0.1", "localhost")  # an address may set none
        model = build_model("openai/test", PLAIN, Server(url, None, 10))

        async def twice() -> None:
            await model.reply(ASK)
            await model.reply(ASK)
            await model.close()

        asyncio.run(twice())
    assert [each.headers.get("cookie") for each in server.requests] == [None, "way=1"]


def test_every_setting() -> None:
    sampling = Sampling(
        temperature=0.0,
        max_tokens=100,
        seed=7,
        reasoning_effort="low",
        structured=True,
        extra={"top_k": 5, "seed": 8},
    )
    ask = Ask("answer", ASK.messages, schema=SCHEMA)
    with Loopback(lambda _number, _body: "{}") as server:
        reply_of(model_at(server, "openai", sampling), ask)
    body = server.requests[0].body
    del body["messages"]
    assert body == {
        "model": "test",
        "temperature": 0.0,
        "max_tokens": 100,
        "seed": 8,
        "reasoning_effort": "low",
        "top_k": 5,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
        },
    }


def test_a_schema_is_sent_only_when_wanted() -> None:
    ask = Ask("answer", ASK.messages, schema=SCHEMA)
    assert "response_format" not in chat_request("m", PLAIN, ask, limit="max_tokens")
    structured = Sampling(structured=True)
    assert "response_format" not in chat_request("m", structured, ASK, limit="max_tokens")


def test_tools_there_and_back() -> None:
    ask = Ask(
        "turn-2",
        (
            Message("user", "When?"),
            Message("assistant", "", calls=(CALL,)),
            Message("tool", "9:00", call_id="c1"),
        ),
        tools=(TOOL,),
    )
    function = {"name": "find", "arguments": CALL.arguments}
    calls = [{"id": "c1", "type": "function", "function": function}]
    body = chat_completion("", {"model": "test"})
    body["choices"] = [{"message": {"tool_calls": calls}, "finish_reason": "tool_calls"}]
    with Loopback(lambda _number, _body: body) as server:
        reply = reply_of(model_at(server, "openai"), ask)
    assert (reply.calls, reply.finish) == ((CALL,), "tool_calls")
    sent = server.requests[0].body
    assert sent["messages"][1] == {"role": "assistant", "content": "", "tool_calls": calls}
    assert sent["messages"][2] == {"role": "tool", "content": "9:00", "tool_call_id": "c1"}
    assert sent["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "find",
                "description": "Finds a slot.",
                "parameters": TOOL.parameters,
            },
        }
    ]


@pytest.mark.parametrize(
    ("base_url", "limit"),
    [
        (None, "max_completion_tokens"),
        ("https://eu.api.openai.com/v1", "max_completion_tokens"),
        ("https://notapi.openai.com.example/v1", "max_tokens"),
        ("http://127.0.0.1:8091/v1", "max_tokens"),
    ],
)
def test_the_name_of_the_token_limit(
    base_url: str | None, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-key")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    model = build_model("openai/m", PLAIN, Server(base_url, None, 1))
    assert isinstance(model, OpenAI)
    assert model.limit == limit


def test_the_environments_server_gets_the_usual_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with Loopback(lambda _number, _body: "hi") as server:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-key")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        model = build_model("openai/m", PLAIN, Server(None, None, 1))
        reply_of(model)
    assert server.requests[0].headers["authorization"] == "Bearer sk-test-key"
