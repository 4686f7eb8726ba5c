"""Chat completions, as opencode and mini-swe-agent speak them."""

from collections.abc import Iterator
from typing import Any

from harness.sessions.neutral import AgentRequest, numbered, role_of, text_of
from tasks.base import Fields, Message, Reply, Tool, ToolCall

Event = tuple[str | None, Any]


def read(body: Fields) -> AgentRequest:
    """Return a request in neutral form; BadRequest if it cannot be passed on."""
    tools = [tool["function"] for tool in body.get("tools") or [] if tool["type"] == "function"]
    return AgentRequest(
        tuple(_message(each) for each in body["messages"]),
        tuple(
            Tool(tool["name"], tool.get("description") or "", tool.get("parameters") or {})
            for tool in tools
        ),
        stream=bool(body.get("stream")),
        model=body.get("model", ""),
    )


def _message(turn: Fields) -> Message:
    calls = tuple(
        ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in turn.get("tool_calls") or []
    )
    text = text_of(turn.get("content"))
    return Message(role_of(turn["role"]), text, calls=calls, call_id=turn.get("tool_call_id"))


def whole(conversation: AgentRequest, reply: Reply, number: int) -> Fields:
    """Return the body that tells a reply."""
    message: Fields = {"role": "assistant", "content": reply.text or None}
    if reply.calls:
        message["tool_calls"] = _calls(reply, number)
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 0,
        "model": conversation.model,
        "choices": [{"index": 0, "message": message, "finish_reason": _finish(reply)}],
        "usage": _usage(reply),
    }


def events(conversation: AgentRequest, reply: Reply, number: int) -> Iterator[Event]:
    """Yield the chunks that tell a reply."""
    base = whole(conversation, reply, number) | {"object": "chat.completion.chunk"}
    usage = base.pop("usage")

    def chunk(delta: Fields, finish: str | None = None) -> Event:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return None, base | {"choices": [choice]}

    yield chunk({"role": "assistant", "content": reply.text})
    for index, call in enumerate(_calls(reply, number)):
        yield chunk({"tool_calls": [{"index": index} | call]})
    yield chunk({}, _finish(reply))
    yield None, base | {"choices": [], "usage": usage}
    yield None, "[DONE]"


def _calls(reply: Reply, number: int) -> list[Fields]:
    return [
        {
            "id": name,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for name, call in numbered(reply, number)
    ]


def _finish(reply: Reply) -> str:
    if reply.calls:
        return "tool_calls"
    return "length" if reply.finish in ("length", "max_tokens") else "stop"


def _usage(reply: Reply) -> Fields:
    read_tokens, written = reply.usage.input or 0, reply.usage.output or 0
    return {
        "prompt_tokens": read_tokens,
        "completion_tokens": written,
        "total_tokens": read_tokens + written,
    }


def refusal(message: str) -> Fields:
    """Return the body of a final refusal."""
    return {"error": {"message": message, "type": "invalid_request_error", "code": None}}
