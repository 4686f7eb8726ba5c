"""Gemini's protocol, as gemini-cli speaks it."""

from collections.abc import Iterator
from typing import Any

import msgspec

from harness.sessions.neutral import AgentRequest, BadRequest, Role, argument_object
from tasks.base import Fields, Message, Reply, Tool, ToolCall

Event = tuple[str | None, Any]
_KINDS = ("text", "functionCall", "functionResponse")


def read(body: Fields) -> AgentRequest:
    """Return a request in neutral form; BadRequest if it cannot be passed on.

    Calls without an id are told apart by their order: the first result of a name belongs to the
    first call of that name that has none yet.
    """
    reader = _TurnReader()
    for turn in body["contents"]:
        reader.add(turn)
    system = "\n".join(
        part.get("text", "") for part in (body.get("systemInstruction") or {}).get("parts") or []
    )
    opening = [Message("system", system)] if system else []
    return AgentRequest(
        (*opening, *reader.messages),
        tuple(
            Tool(
                tool["name"],
                tool.get("description") or "",
                tool.get("parametersJsonSchema") or tool.get("parameters") or {},
            )
            for group in body.get("tools") or []
            for tool in group.get("functionDeclarations") or []
        ),
    )


class _TurnReader:
    """The messages of a conversation, turn by turn."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._open: list[ToolCall] = []  # calls that have no result yet

    def add(self, turn: Fields) -> None:
        """Read one turn: the results of calls first, then its text and its own calls."""
        texts: list[str] = []
        calls: list[ToolCall] = []
        for part in turn.get("parts") or []:
            if part.get("thought"):
                continue
            if not any(kind in part for kind in _KINDS):
                raise BadRequest(f"only text can be passed on, not {', '.join(sorted(part))}")
            if "functionResponse" in part:
                self.messages.append(self._result(part["functionResponse"]))
            elif "functionCall" in part:
                calls.append(self._call(part["functionCall"], len(calls)))
            elif part["text"]:
                texts.append(part["text"])
        self._open += calls
        if texts or calls:
            role: Role = "assistant" if turn.get("role") == "model" else "user"
            self.messages.append(Message(role, "\n".join(texts), calls=tuple(calls)))

    def _call(self, call: Fields, place: int) -> ToolCall:
        name = f"turn-{len(self.messages)}-{place}"
        arguments = msgspec.json.encode(call.get("args") or {}).decode()
        return ToolCall(call.get("id") or name, call["name"], arguments)

    def _result(self, result: Fields) -> Message:
        matching = [c for c in self._open if result.get("id") == c.id] or [
            c for c in self._open if result["name"] == c.name
        ]
        if not matching:
            raise BadRequest(f"a result belongs to no call: {result['name']!r}")
        self._open.remove(matching[0])
        response = result.get("response") or {}
        output = response.get("output")
        text = output if isinstance(output, str) else msgspec.json.encode(response).decode()
        return Message("tool", text, call_id=matching[0].id)


def whole(conversation: AgentRequest, reply: Reply, number: int) -> Fields:
    """Return the body that tells a reply."""
    parts: list[Fields] = [{"text": reply.text}] if reply.text else []
    parts += [
        {"functionCall": {"name": call.name, "args": argument_object(call)}} for call in reply.calls
    ]
    read_tokens, written = reply.usage.input or 0, reply.usage.output or 0
    finish = "MAX_TOKENS" if reply.finish in ("length", "max_tokens") else "STOP"
    content = {"role": "model", "parts": parts}
    return {
        "candidates": [{"content": content, "finishReason": finish, "index": 0}],
        "usageMetadata": {
            "promptTokenCount": read_tokens,
            "candidatesTokenCount": written,
            "totalTokenCount": read_tokens + written,
        },
        "modelVersion": conversation.model,
        "responseId": f"r{number}",
    }


def events(conversation: AgentRequest, reply: Reply, number: int) -> Iterator[Event]:
    """Yield the one event that tells a reply."""
    yield None, whole(conversation, reply, number)


def refusal(message: str) -> Fields:
    """Return the body of a final refusal."""
    return {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}
