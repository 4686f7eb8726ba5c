"""A request of a command-line agent in a form that no protocol shapes: the same at each replay.

Agents put into their requests what differs between two runs: ids of calls, dates, process groups.
All that is blotted out *before* a model is asked, so that the model reads what the journal keeps,
and the request itself is the key by which a reply is found again.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from tasks.base import Fields, Message, Noun, Reply, Tool, ToolCall

_NOISE = (
    (r"(?i)(today's date(?: is)?:? ?)(?=\S)[^\n(]*", r"\1not told"),
    (r"<current_date>[^<]*</current_date>", "<current_date>not told</current_date>"),
    (r"Process Group PGID: \d+", "Process Group PGID: 0"),
    (r"Chunk ID: \w+", "Chunk ID: 0"),
    (r"Wall time: [\d.]+ seconds", "Wall time: 0 seconds"),
)
Role = Literal["system", "user", "assistant", "tool"]
_ROLES: dict[str, Role] = {
    "developer": "system",
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
NOISE = tuple((re.compile(pattern), text) for pattern, text in _NOISE)


class BadRequest(ValueError):
    """A request that the proxy cannot pass on; its text is told to the agent."""


class AgentRequest(Noun, frozen=True):
    """What an agent wants a model to answer.

    Attributes:
        messages: so far.
        tools: that the model may call.
        stream: whether the answer is to come as events.
        model: the name that the agent uses; only echoed.
        custom: tools whose arguments are plain text to the agent.
        spaces: of tools that the agent has in a space of names, by what they are called here: the
            space, and the name in it.
    """

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    stream: bool = False
    model: str = ""
    custom: tuple[str, ...] = ()
    spaces: dict[str, tuple[str, str]] = {}


def canonical(conversation: AgentRequest) -> AgentRequest:
    """Return a conversation without what differs between two runs of the same agent.

    Calls get ids by their order; each result goes to the call whose id or, where an agent tells
    none, whose name it has.
    """
    names: dict[str, str] = {}
    messages: list[Message] = []
    for message in conversation.messages:
        calls = []
        for call in message.calls:
            names[call.id] = f"call_{len(names) + 1}"
            calls.append(ToolCall(names[call.id], call.name, plain_arguments(call.arguments)))
        messages.append(
            Message(
                message.role,
                blotted(message.content),
                calls=tuple(calls),
                call_id=None if message.call_id is None else _named(names, message.call_id),
            )
        )
    return replace(conversation, messages=tuple(messages))


def _named(names: Mapping[str, str], call_id: str) -> str:
    if call_id not in names:
        raise BadRequest(f"a result belongs to no call: {call_id!r}")
    return names[call_id]


def blotted(text: str) -> str:
    """Return a text without dates, process groups and times that an agent puts into it."""
    for pattern, replacement in NOISE:
        text = pattern.sub(replacement, text)
    return text


def plain_arguments(text: str) -> str:
    """Return the arguments of a call in one spelling; a text that is no JSON as it is."""
    try:
        return msgspec.json.encode(msgspec.json.decode(text)).decode()
    except msgspec.DecodeError:
        return text


def argument_object(call: ToolCall) -> Fields:
    """Return a call's arguments as an object; what is none stands in the field `arguments`."""
    try:
        value = msgspec.json.decode(call.arguments or "{}")
    except msgspec.DecodeError:
        value = call.arguments
    return value if isinstance(value, dict) else {"arguments": value}


def role_of(name: str) -> Role:
    """Return the role of a turn; BadRequest if there is none of that name."""
    if name not in _ROLES:
        raise BadRequest(f"there is no role {name!r}")
    return _ROLES[name]


def text_of(content: Any, kinds: Sequence[str] = ("text",)) -> str:
    """Return the text of a message's content: a string, or parts of which each is text.

    Raises:
        BadRequest: a part is a picture, say.
    """
    if content is None or isinstance(content, str):
        return content or ""
    texts = []
    for part in content:
        kind = "text" if isinstance(part, str) else part.get("type", "text")
        if kind not in kinds:
            raise BadRequest(f"only text can be passed on, not a part of type {kind!r}")
        texts.append(part if isinstance(part, str) else part.get("text", ""))
    return "\n".join(texts)


def numbered(reply: Reply, number: int) -> Iterable[tuple[str, ToolCall]]:
    """Yield the calls of a reply with the ids under which an agent is told them."""
    for place, call in enumerate(reply.calls, 1):
        yield f"call_{number}_{place}", call


class Blocks:
    """What providers want back of turns with calls: agents do not keep it, so it is kept here."""

    def __init__(self) -> None:
        self._blocks: dict[bytes, tuple[Fields, ...]] = {}

    def note(self, reply: Reply) -> None:
        """Remember the blocks of a reply."""
        if reply.blocks:
            self._blocks[_turn(reply.text, reply.calls)] = reply.blocks

    def put_back(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """Return a conversation whose turns of the model have their blocks again."""
        return tuple(
            replace(message, blocks=self._blocks.get(_turn(message.content, message.calls), ()))
            if message.role == "assistant"
            else message
            for message in messages
        )


def _turn(text: str, calls: Sequence[ToolCall]) -> bytes:
    listed = [(call.name, plain_arguments(call.arguments)) for call in calls]
    return msgspec.json.encode([blotted(text), listed])
