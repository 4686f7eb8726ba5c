"""Anthropic's messages, as claude speaks them."""

from collections.abc import Iterator
from typing import Any

import msgspec

from harness.sessions.neutral import (
    AgentRequest,
    argument_object,
    numbered,
    role_of,
    text_of,
)
from tasks.base import Fields, Message, Reply, Tool, ToolCall

Event = tuple[str | None, Any]
_DROPPED = ("thinking", "redacted_thinking")  # the proxy tells no thoughts, so none is missed


def read(body: Fields) -> AgentRequest:
    """Return a request in neutral form; BadRequest if it cannot be passed on.

    Tools that the provider would perform itself are not on offer.
    """
    system = text_of(body.get("system"))
    messages = [Message("system", system)] if system else []
    for turn in body["messages"]:
        messages += _turns(turn)
    return AgentRequest(
        tuple(messages),
        tuple(
            Tool(tool["name"], tool.get("description") or "", tool.get("input_schema") or {})
            for tool in body.get("tools") or []
            if tool.get("type", "custom") == "custom"
        ),
        stream=bool(body.get("stream")),
        model=body.get("model", ""),
    )


def _turns(turn: Fields) -> Iterator[Message]:
    """Yield what a turn is: results of calls first, as the protocol wants them, then the rest."""
    content = turn["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    calls, texts = [], []
    for block in blocks:
        if block["type"] == "tool_result":
            text = text_of(block.get("content"))
            yield Message("tool", text, call_id=block["tool_use_id"])
        elif block["type"] == "tool_use":
            arguments = msgspec.json.encode(block["input"]).decode()
            calls.append(ToolCall(block["id"], block["name"], arguments))
        elif block["type"] not in _DROPPED:
            texts.append(block)
    if texts or calls:
        yield Message(role_of(turn["role"]), text_of(texts), calls=tuple(calls))


def whole(conversation: AgentRequest, reply: Reply, number: int) -> Fields:
    """Return the body that tells a reply."""
    content: list[Fields] = [{"type": "text", "text": reply.text}] if reply.text else []
    content += [
        {"type": "tool_use", "id": f"toolu_{name}", "name": call.name}
        | {"input": argument_object(call)}
        for name, call in numbered(reply, number)
    ]
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": conversation.model,
        "content": content,
        "stop_reason": _finish(reply),
        "stop_sequence": None,
        "usage": {
            "input_tokens": reply.usage.input or 0,
            "output_tokens": reply.usage.output or 0,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        },
    }


def _finish(reply: Reply) -> str:
    if reply.calls:
        return "tool_use"
    return "max_tokens" if reply.finish in ("length", "max_tokens") else "end_turn"


def events(conversation: AgentRequest, reply: Reply, number: int) -> Iterator[Event]:
    """Yield the events that tell a reply."""
    message = whole(conversation, reply, number)
    content = message["content"]
    opened = message | {"content": [], "stop_reason": None}
    yield _event("message_start", message=opened)
    for index, block in enumerate(content):
        if block["type"] == "text":
            start = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        else:
            start = block | {"input": {}}
            written = msgspec.json.encode(block["input"]).decode()
            delta = {"type": "input_json_delta", "partial_json": written}
        yield _event("content_block_start", index=index, content_block=start)
        yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield _event("message_delta", delta=end, usage=message["usage"])
    yield _event("message_stop")


def _event(kind: str, **fields: Any) -> Event:
    return kind, {"type": kind} | fields


def refusal(message: str) -> Fields:
    """Return the body of a final refusal."""
    error = {"type": "invalid_request_error", "message": message}
    return {"type": "error", "error": error}
