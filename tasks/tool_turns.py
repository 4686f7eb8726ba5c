"""Turns with tool calls as messages that a provider takes back."""

import re
from collections.abc import Sequence

from msgspec.structs import replace

from tasks.base import Called, Message, Reply, ToolCall, said
from tasks.tools_clock import arguments_of

_NAME = re.compile(r"[^A-Za-z0-9_-]")


def conversation(
    reply: Reply, turn: int, performed_calls: Sequence[Called], ids: set[str]
) -> tuple[Message, ...]:
    """Return the messages of a turn: the assistant's with its calls, and a result for each.

    Args:
        reply: the assistant's.
        turn: its number, from 1.
        performed_calls: the calls with their results, in the order of the reply.
        ids: those used in turns before; those of this turn are added.
    """
    calls = []
    for number, call in enumerate(reply.calls, 1):
        name = call.id if call.id and call.id not in ids else f"call-{turn}-{number}"
        ids.add(name)
        calls.append(_acceptable(call, name))
    results = (
        Message("tool", performed_call.result.text, call_id=call.id)
        for call, performed_call in zip(calls, performed_calls, strict=True)
    )
    return (replace(said(reply), calls=tuple(calls)), *results)


def _acceptable(call: ToolCall, name: str) -> ToolCall:
    """Return a call under another id, mended where a provider might refuse to take it back.

    Strange characters in the tool's name become `_`, arguments that are no object `{}`.
    """
    arguments = call.arguments if arguments_of(call) is not None else "{}"
    return ToolCall(name, _NAME.sub("_", call.name)[:64] or "_", arguments)
