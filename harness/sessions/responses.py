"""OpenAI's responses, as codex speaks them."""

from collections.abc import Iterator
from typing import Any

import msgspec

from harness.sessions.chat import refusal as refusal
from harness.sessions.neutral import (
    AgentRequest,
    BadRequest,
    argument_object,
    numbered,
    role_of,
    text_of,
)
from tasks.base import Fields, Message, Reply, Tool, ToolCall

Event = tuple[str | None, Any]
_TEXTS = ("text", "input_text", "output_text")
_PLAIN: Fields = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
}


def read(body: Fields) -> AgentRequest:
    """Return a request in neutral form; BadRequest if it cannot be passed on.

    A tool that takes plain text is offered as one with the argument `input`; tools that the
    provider would perform itself are not on offer.
    """
    inputs = body["input"]
    items = [{"role": "user", "content": inputs}]
    if not isinstance(inputs, str):
        items = inputs
    instructions = body.get("instructions") or ""
    messages = [Message("system", instructions)] if instructions else []
    for item in items:
        messages += _turn(item)
    tools = list(_offers(body.get("tools") or []))
    return AgentRequest(
        tuple(_joined(messages)),
        tuple(
            Tool(tool["name"], tool.get("description") or "", tool.get("parameters") or _PLAIN)
            for tool in tools
        ),
        stream=bool(body.get("stream")),
        model=body.get("model", ""),
        custom=tuple(tool["name"] for tool in tools if tool["type"] == "custom"),
        spaces={tool["name"]: tool["space"] for tool in tools if "space" in tool},
    )


def _offers(tools: list[Fields]) -> Iterator[Fields]:
    """Yield the tools that an agent performs; those in a space of names are called by both."""
    for tool in tools:
        if tool["type"] == "namespace":
            for inner in _offers(tool["tools"]):
                space = (tool["name"], inner["name"])
                yield inner | {"name": _joined_name(*space), "space": space}
        elif tool["type"] in ("function", "custom"):
            yield tool


def _joined_name(space: str, name: str) -> str:
    return f"{space}__{name}" if space else name


def _turn(item: Fields) -> Iterator[Message]:
    kind = item.get("type", "message")
    if kind == "message":
        yield Message(role_of(item["role"]), text_of(item.get("content"), _TEXTS))
    elif kind in ("function_call", "custom_tool_call"):
        plain = kind == "custom_tool_call"
        arguments = (
            msgspec.json.encode({"input": item["input"]}).decode() if plain else item["arguments"]
        )
        name = _joined_name(item.get("namespace") or "", item["name"])
        yield Message("assistant", "", (ToolCall(item["call_id"], name, arguments),))
    elif kind in ("function_call_output", "custom_tool_call_output"):
        yield Message("tool", text_of(item["output"], _TEXTS), call_id=item["call_id"])
    elif kind != "reasoning":  # the proxy tells no thoughts, so none is missed
        raise BadRequest(f"an item of type {kind!r} cannot be passed on")


def _joined(messages: list[Message]) -> Iterator[Message]:
    """Yield messages in which the text and the calls of one turn are one message again."""
    held: Message | None = None
    for message in messages:
        if held is not None and message.role == "assistant" and message.calls:
            held = Message("assistant", held.content, calls=(*held.calls, *message.calls))
            continue
        if held is not None:
            yield held
        held = message if message.role == "assistant" else None
        if held is None:
            yield message
    if held is not None:
        yield held


def whole(conversation: AgentRequest, reply: Reply, number: int) -> Fields:
    """Return the body that tells a reply."""
    read_tokens, written = reply.usage.input or 0, reply.usage.output or 0
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 0,
        "model": conversation.model,
        "status": "completed",
        "output": list(_items(conversation, reply, number)),
        "parallel_tool_calls": True,
        "tools": [],
        "tool_choice": "auto",
        "usage": {
            "input_tokens": read_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read_tokens + written,
        },
    }


def _items(conversation: AgentRequest, reply: Reply, number: int) -> Iterator[Fields]:
    if reply.text:
        part = {"type": "output_text", "text": reply.text, "annotations": []}
        message = {"type": "message", "id": f"msg_{number}", "role": "assistant"}
        yield message | {"status": "completed", "content": [part]}
    for name, call in numbered(reply, number):
        space, plain_name = conversation.spaces.get(call.name, ("", call.name))
        shared = {"id": f"item_{name}", "call_id": name, "name": plain_name, "status": "completed"}
        shared |= {"namespace": space} if space else {}
        if call.name in conversation.custom:
            plain = argument_object(call).get("input")
            text = plain if isinstance(plain, str) else call.arguments
            yield shared | {"type": "custom_tool_call", "input": text}
        else:
            yield shared | {"type": "function_call", "arguments": call.arguments}


def events(conversation: AgentRequest, reply: Reply, number: int) -> Iterator[Event]:
    """Yield the events that tell a reply, numbered."""
    for place, (kind, fields) in enumerate(_told(conversation, reply, number)):
        yield kind, {"type": kind, "sequence_number": place} | fields


def _told(conversation: AgentRequest, reply: Reply, number: int) -> Iterator[tuple[str, Fields]]:
    response = whole(conversation, reply, number)
    opened = response | {"status": "in_progress", "output": []}
    yield "response.created", {"response": opened}
    for index, item in enumerate(response["output"]):
        place = {"output_index": index}
        if item["type"] == "message":
            yield from _text_events(item, place)
        else:
            started = item | {"status": "in_progress"}
            yield "response.output_item.added", place | {"item": started}
        yield "response.output_item.done", place | {"item": item}
    yield "response.completed", {"response": response}


def _text_events(item: Fields, place: Fields) -> Iterator[tuple[str, Fields]]:
    [part] = item["content"]
    where = place | {"item_id": item["id"], "content_index": 0}
    started = item | {"status": "in_progress", "content": []}
    yield "response.output_item.added", place | {"item": started}
    yield "response.content_part.added", where | {"part": part | {"text": ""}}
    yield "response.output_text.delta", where | {"delta": part["text"]}
    yield "response.output_text.done", where | {"text": part["text"]}
    yield "response.content_part.done", where | {"part": part}
