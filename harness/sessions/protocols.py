"""The protocols that the proxy speaks: a table by the end of a request's path."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from harness.sessions import chat, gemini, messages, responses
from harness.sessions.neutral import AgentRequest
from tasks.base import Fields, Reply


@dataclass(frozen=True)
class Protocol:
    """How one protocol is read and spoken.

    Attributes:
        name: of it.
        read: returns a request in neutral form.
        whole: returns the body that tells a reply; the number makes its ids.
        events: yields the events that tell it, each with its name.
        refusal: returns the body of a final refusal.
        streams: whether its path alone says that events are wanted.
    """

    name: str
    read: Callable[[Fields], AgentRequest]
    whole: Callable[[AgentRequest, Reply, int], Fields]
    events: Callable[[AgentRequest, Reply, int], Iterator[tuple[str | None, Any]]]
    refusal: Callable[[str], Fields]
    streams: bool = False


def _gemini(*, streams: bool) -> Protocol:
    return Protocol(
        "gemini",
        gemini.read,
        gemini.whole,
        events=gemini.events,
        refusal=gemini.refusal,
        streams=streams,
    )


PROTOCOLS = {
    "/chat/completions": Protocol(
        "chat", chat.read, chat.whole, events=chat.events, refusal=chat.refusal
    ),
    "/messages": Protocol(
        "messages",
        messages.read,
        messages.whole,
        events=messages.events,
        refusal=messages.refusal,
    ),
    "/responses": Protocol(
        "responses",
        responses.read,
        responses.whole,
        events=responses.events,
        refusal=responses.refusal,
    ),
    ":generateContent": _gemini(streams=False),
    ":streamGenerateContent": _gemini(streams=True),
}


def protocol_of(path: str) -> Protocol | None:
    """Return the protocol that a request's path belongs to; None if to none."""
    plain = path.partition("?")[0]
    return next((each for end, each in PROTOCOLS.items() if plain.endswith(end)), None)
