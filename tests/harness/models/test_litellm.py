"""The same server through litellm, whose environment must be its own (it caps openai below 3)."""

import asyncio

import pytest

from harness.models.base import Sampling
from harness.models.build import Server, build_model
from tasks.base import Ask, Message, Tool, ToolCall, Usage, said
from tests.harness.models.talk import ASK, PLAIN, failure_of, model_at, reply_of
from tests.loopback import ECHO_KEY, FAULTS, Loopback, chat_completion, message, says
from tests.optional import needs

pytestmark = needs("litellm")

KEY = "sk-verysecret-0123456789"
KINDS = {
    "rate limit": "rate limit",
    "server": "server",
    "overloaded": "overloaded",
    "truncated": "server",
    "html": "server",
    "error object": "server",
    "empty": "server",
    "drop": "server",
    "cut": "server",
}


def test_a_plain_ask() -> None:
    with Loopback(lambda number, _body: f"answer {number}") as server:
        sampling = Sampling(temperature=0.0, max_tokens=9, seed=1, extra={"top_p": 0.5})
        reply = reply_of(model_at(server, "litellm/openai", sampling))
    assert (reply.text, reply.finish, reply.usage) == ("answer 1", "stop", Usage(12, 5))
    assert reply.cost is None, "an unknown model's cost is unknown"
    [request] = server.requests
    assert request.headers["authorization"] == "Bearer none"
    body = request.body
    assert (body["temperature"], body["max_tokens"], body["top_p"]) == (0.0, 9, 0.5)


def test_a_known_model_has_a_cost() -> None:
    with Loopback(lambda _number, _body: "hi") as server:
        model = build_model("litellm/openai/gpt-4o", PLAIN, Server(server.url, None, 1))
        assert (reply_of(model).cost or 0) > 0


def test_tools_there_and_back() -> None:
    call = ToolCall("c1", "find", '{"day": "mon"}')
    messages = (
        Message("user", "When?"),
        Message("assistant", "", calls=(call,)),
        Message("tool", "9:00", call_id="c1"),
    )
    ask = Ask("turn-2", messages, tools=(Tool("find", "Finds.", {"type": "object"}),))
    function = {"name": "find", "arguments": call.arguments}
    body = chat_completion("", {"model": "test"})
    made = {"role": "assistant", "content": None}
    calls = [{"id": "c1", "type": "function", "function": function}]
    body["choices"][0] |= {"message": made | {"tool_calls": calls}, "finish_reason": "tool_calls"}
    with Loopback(lambda _number, _body: body) as server:
        reply = reply_of(model_at(server, "litellm/openai"), ask)
    assert (reply.calls, reply.finish) == ((call,), "tool_calls")
    assert server.requests[0].body["tools"][0]["function"]["name"] == "find"


@pytest.mark.parametrize("fault", KINDS)
def test_fault(fault: str) -> None:
    with Loopback(lambda _number, _body: FAULTS[fault]) as server:
        failure = failure_of(model_at(server, "litellm/openai"))
    assert failure.kind == KINDS[fault]
    assert failure.retry_after == (0.05 if fault == "rate limit" else None)
    assert len(server.requests) == 1, "litellm tried again by itself"


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "no", "bad request"),
        (400, "This model's maximum context length is 10", "context length"),
        (404, "no such model", "no such model"),
        (403, "no", "authentication"),
        (409, "no", "server"),
    ],
)
def test_status(status: int, message: str, kind: str) -> None:
    with Loopback(lambda _number, _body: says(status, message)) as server:
        assert failure_of(model_at(server, "litellm/openai")).kind == kind


def test_an_echoed_key_goes_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SERVERS_KEY", KEY)
    with Loopback(lambda _number, _body: ECHO_KEY) as server:
        model = build_model("litellm/openai/test", PLAIN, Server(server.url, "MY_SERVERS_KEY", 1))
        failure = failure_of(model)
    assert KEY in server.requests[0].headers["authorization"]
    assert failure.kind == "authentication"
    assert KEY not in str(failure)
    assert failure.__cause__ is failure.__context__ is None


def test_no_key_of_the_user_is_sent_to_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with Loopback(lambda _number, _body: "hi") as server:
        reply_of(model_at(server, "litellm/openai"))
    assert not any(KEY in value for value in server.requests[0].headers.values())


def test_a_hang_ends_with_the_callers_patience() -> None:
    async def talk(server: Loopback) -> None:
        model = model_at(server, "litellm/openai")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await model.reply(ASK)
        await model.close()

    with Loopback(lambda _number, _body: FAULTS["hang"]) as server:
        asyncio.run(talk(server))


def test_thinking_goes_back_with_the_results() -> None:
    """Through litellm's own reading and writing of messages."""
    thought = {"type": "thinking", "thinking": "hm", "signature": "sig/+=="}
    use = {"type": "tool_use", "id": "c1", "name": "find", "input": {"day": "mon"}}
    first = message("", {"model": "test"}) | {"content": [thought, use], "stop_reason": "tool_use"}
    tool = Tool("find", "Finds.", {"type": "object", "properties": {}})

    async def talk(server: Loopback) -> None:
        model = build_model("litellm/anthropic/test", PLAIN, Server(server.root, None, 1))
        reply = await model.reply(Ask("turn-1", ASK.messages, tools=(tool,)))
        assert reply.calls[0].name == "find"
        results = Message("tool", "9:00", call_id="c1")
        again = Ask("turn-2", (*ASK.messages, said(reply), results), tools=(tool,))
        await model.reply(again)
        await model.close()

    with Loopback(lambda number, _body: first if number == 1 else "done") as server:
        asyncio.run(talk(server))
    turn = server.requests[1].body["messages"][1]
    assert turn["role"] == "assistant"
    assert turn["content"][0] == thought
    assert turn["content"][1]["id"] == "c1"
