"""Tool calls as JSON in text, for models without calls of their own."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import msgspec
from msgspec.structs import replace

from tasks.base import Ask, Message, Program, Reply, ToolCall
from tasks.parse import parse_object
from tasks.prompts import Prompts
from tasks.tools_plan import PLAN


class TextTools:
    """Tells the tools in the prompt and reads calls from the reply; other asks pass as they are."""

    def __init__(self, prompts: Prompts, settings: object = None) -> None:  # noqa: ARG002
        self._prompts = prompts

    def reply(self, ask: Ask) -> Program[Reply]:
        """Return the reply to one call of the model, its calls read from the text."""
        reply: Reply
        if not ask.tools:
            reply = yield ask
            return reply
        [notice] = self._prompts.messages("tools/text.j2", tools=ask.tools)
        messages = tuple(_in_text(_with(notice.content, ask.messages)))
        reply = yield replace(ask, messages=messages, tools=())
        return reply if reply.calls else replace(reply, calls=calls_in(reply))


def _with(notice: str, messages: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation with the tools told at the end of its first message."""
    first, *rest = messages
    return (replace(first, content=f"{first.content}\n\n{notice}"), *rest)


def _in_text(messages: Sequence[Message]) -> Iterator[Message]:
    """The conversation without calls and results of their own kind."""
    for role, group in groupby(messages, key=lambda message: message.role):
        if role == "tool":
            results = [f"{n}. {message.content}" for n, message in enumerate(group, 1)]
            yield Message("user", "\n".join(["Results of the calls, in their order:", *results]))
            continue
        for message in group:
            yield Message(role, message.content or _written(message.calls))


def _written(calls: Sequence[ToolCall]) -> str:
    listed = [
        {"tool": call.name, "arguments": msgspec.Raw(call.arguments.encode())} for call in calls
    ]
    return msgspec.json.encode({PLAN: listed}).decode()


def calls_in(reply: Reply) -> tuple[ToolCall, ...]:
    """The calls in a reply's text; of an entry that is none, one that will be refused."""
    entries = (parse_object(reply, PLAN).value or {}).get(PLAN)
    if not isinstance(entries, list):
        return ()
    calls = []
    for entry in entries:
        fields = entry if isinstance(entry, dict) else {}
        name = fields.get("tool", fields.get("name"))
        arguments = msgspec.json.encode(fields.get("arguments")).decode()
        calls.append(ToolCall("", name if isinstance(name, str) else "", arguments))
    return tuple(calls)
