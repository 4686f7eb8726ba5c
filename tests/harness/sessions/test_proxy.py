"""The proxy speaks each protocol, streamed or not, with tools or without, over two turns."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.sessions.neutral import AgentRequest, blotted
from harness.sessions.protocols import PROTOCOLS
from harness.sessions.proxy import FinalWord, Proxy
from tasks.base import Message, Reply, Tool, ToolCall, Usage

Json = dict[str, Any]
EXCHANGES = json.loads((Path(__file__).parent / "exchanges.json").read_text("utf-8"))
SHELL = Tool("shell", "Runs a command.", {"type": "object", "properties": {}})
CALL = ToolCall("call_1", "shell", '{"command":"ls"}')


class Scripted:
    """Calls the tool at first where there is one, then answers; keeps what it was asked."""

    def __init__(self) -> None:
        self.conversations: list[AgentRequest] = []

    async def __call__(self, conversation: AgentRequest) -> Reply:
        self.conversations.append(conversation)
        usage = Usage(7 * len(self.conversations), 5)
        if conversation.tools and len(self.conversations) == 1:
            return Reply("I look.", (ToolCall("xyz", "shell", '{"command": "ls"}'),), usage=usage)
        return Reply("Done.", usage=usage)


async def exchange(proxy: Proxy, requests: Sequence[bytes]) -> list[bytes]:
    """What each of some requests is answered, each on a connection of its own."""
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    answers = []
    async with server, asyncio.timeout(20):
        for request in requests:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            writer.write_eof()
            answers.append(await reader.read())
            writer.close()
    return answers


def post(path: str, body: Json | bytes, *headers: str) -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = (f"POST {path} HTTP/1.1", f"content-length: {len(data)}", *headers, "", "")
    return "\r\n".join(lines).encode() + data


def events_of(answer: bytes) -> list[Any]:
    """The data of a stream's events; the name of an event is its data's type."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"text/event-stream" in head
    events: list[Any] = []
    for block in body.decode().split("\n\n")[:-1]:
        *name, data = block.split("\n")
        text = data.removeprefix("data: ")
        events.append(text if text == "[DONE]" else json.loads(text))
        if name:
            assert name == [f"event: {events[-1]['type']}"]
    return events


CELLS = [(kind, stream, tools) for kind in EXCHANGES for stream in (0, 1) for tools in (0, 1)]


@pytest.mark.parametrize(("kind", "stream", "tools"), CELLS)
def test_every_protocol_streamed_or_not_with_tools_or_not(
    kind: str, stream: int, tools: int
) -> None:
    """Requests have the shape in which agents send them; answers are as real agents took them."""
    recorded = EXCHANGES[kind]["tools" if tools else "plain"]
    path = EXCHANGES[kind]["stream_path" if stream else "path"]
    bodies = [dict(body) for body in recorded["requests"]]
    if stream and kind != "gemini":
        bodies = [body | {"stream": True} for body in bodies]
    model = Scripted()
    answers = asyncio.run(exchange(Proxy(model), [post(path, body) for body in bodies]))
    for answer, expected in zip(answers, recorded["answers"], strict=True):
        if stream:
            assert events_of(answer) == expected["events"]
        else:
            assert json.loads(answer.partition(b"\r\n\r\n")[2]) == expected["whole"]
    first, second = model.conversations
    system, user = Message("system", "Be brief."), Message("user", "List the folder.")
    tool_offer = (SHELL,) if tools else ()
    assert list(first.messages) == [system, user]
    assert (first.tools, second.tools) == (tool_offer, tool_offer)
    assert first.stream is bool(stream)
    after: tuple[Message, ...]
    if tools:
        acted = Message("assistant", "I look.", (CALL,))
        after = (acted, Message("tool", "a.txt", call_id="call_1"))
    else:
        after = (Message("assistant", "Done."), Message("user", "Again."))
    assert second.messages == (system, user, *after)


def test_the_table_of_exchanges_has_every_protocol() -> None:
    assert {each.name for each in PROTOCOLS.values()} == set(EXCHANGES)


@pytest.mark.parametrize("kind", EXCHANGES)
def test_a_spent_budget_is_a_final_word_in_every_protocol(kind: str) -> None:
    """A bad request is what no agent tries again; the word is where its protocol has it."""

    async def refuse(_: AgentRequest) -> Reply:
        raise FinalWord("no calls are left")

    body = EXCHANGES[kind]["plain"]["requests"][0]
    [answer] = asyncio.run(exchange(Proxy(refuse), [post(EXCHANGES[kind]["path"], body)]))
    assert answer.startswith(b"HTTP/1.1 400 ")
    error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    assert error["message"] == "no calls are left"
    if kind != "gemini":
        assert error["type"] == "invalid_request_error"


WRONG: dict[str, tuple[Json | bytes, str]] = {
    "no JSON": (b"{", "no request of chat: DecodeError"),
    "no messages": ({"messages": []}, "a request without a message"),
    "a picture": (
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        "only text can be passed on, not a part of type 'image_url'",
    ),
    "a result of no call": (
        {"messages": [{"role": "tool", "content": "x", "tool_call_id": "c9"}]},
        "a result belongs to no call: 'c9'",
    ),
    "another role": ({"messages": [{"role": "wizard"}]}, "there is no role 'wizard'"),
    "a list": (b"[]", "no request of chat: ValidationError"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_passed_on_is_refused_and_noted(name: str) -> None:
    body, message = WRONG[name]
    proxy = Proxy(Scripted())
    [answer] = asyncio.run(exchange(proxy, [post("/v1/chat/completions", body)]))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert message in answer.decode()
    [noted] = proxy.unread
    assert noted.startswith(message)


def test_bodies_come_packed_in_chunks_or_after_a_wait() -> None:
    import gzip

    body = json.dumps(EXCHANGES["chat"]["plain"]["requests"][0]).encode()
    packed = post("/v1/chat/completions", gzip.compress(body), "content-encoding: gzip")
    waiting = post("/v1/chat/completions", body, "expect: 100-continue")
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:20], body[20:]))
    head = b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
    model = Scripted()
    answers = asyncio.run(exchange(Proxy(model), [packed, waiting, head + chunks + b"0\r\n\r\n"]))
    assert [answer.count(b"HTTP/1.1 200 OK") for answer in answers] == [1, 1, 1]
    assert answers[1].startswith(b"HTTP/1.1 100 Continue")
    assert len({c.messages for c in model.conversations}) == 1


BESIDE = {
    b"HEAD / HTTP/1.1\r\n\r\n": b"200",
    b"GET /v1/models HTTP/1.1\r\n\r\n": b"200",
    b"GET /v1/responses HTTP/1.1\r\nupgrade: websocket\r\n\r\n": b"426",
    b"GET /secret HTTP/1.1\r\n\r\n": b"404",
    b"nonsense\r\n\r\n": b"400",
    b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n": b"400",
    b"POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n": b"400",
}


def test_what_is_no_call_reaches_no_model() -> None:
    model = Scripted()
    answers = asyncio.run(exchange(Proxy(model), list(BESIDE)))
    assert [answer.split()[1] for answer in answers] == list(BESIDE.values())
    assert model.conversations == []


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (
            "Today's date is Sunday, November 29, 2026 (in words).",
            "Today's date is not told(in words).",
        ),
        ("Today's date: 2026-11-29\nx", "Today's date: not told\nx"),
        ("<current_date>2026-11-29</current_date>", "<current_date>not told</current_date>"),
        ("Chunk ID: 8f3a\nWall time: 0.0512 seconds\n", "Chunk ID: 0\nWall time: 0 seconds\n"),
        ("Process Group PGID: 4711", "Process Group PGID: 0"),
        ("due dates: J1 4, J2 5", "due dates: J1 4, J2 5"),
    ],
)
def test_what_differs_between_two_runs_is_blotted_out(text: str, plain: str) -> None:
    assert blotted(text) == plain


def test_blocks_that_a_provider_wants_back_are_put_back() -> None:
    block = {"type": "thinking", "signature": "s"}

    class Thinking(Scripted):
        async def __call__(self, conversation: AgentRequest) -> Reply:
            reply = await super().__call__(conversation)
            return Reply(reply.text, reply.calls, blocks=(block,)) if reply.calls else reply

    model = Thinking()
    recorded = EXCHANGES["messages"]["tools"]["requests"]
    asyncio.run(exchange(Proxy(model), [post("/v1/messages", body) for body in recorded]))
    [turn] = [m for m in model.conversations[1].messages if m.role == "assistant"]
    assert turn.blocks == (block,)


def test_tools_in_a_space_of_names_are_called_by_both_and_told_apart() -> None:
    inner = {"type": "function", "name": "run_tools", "parameters": {"type": "object"}}
    space = {"type": "namespace", "name": "mcp__makespan", "tools": [inner]}
    call = {"type": "function_call", "call_id": "c", "arguments": "{}"}
    turns = [
        {"role": "user", "content": "Do it."},
        call | {"name": "run_tools", "namespace": "mcp__makespan"},
        {"type": "function_call_output", "call_id": "c", "output": "x"},
    ]
    asked = []

    async def calling(conversation: AgentRequest) -> Reply:
        asked.append(conversation)
        return Reply("", (ToolCall("y", "mcp__makespan__run_tools", "{}"),))

    body = {"input": turns, "tools": [space]}
    [answer] = asyncio.run(exchange(Proxy(calling), [post("/v1/responses", body)]))
    [item] = json.loads(answer.partition(b"\r\n\r\n")[2])["output"]
    assert (item["namespace"], item["name"]) == ("mcp__makespan", "run_tools")
    assert (
        asked[0].tools[0].name == asked[0].messages[1].calls[0].name == "mcp__makespan__run_tools"
    )
