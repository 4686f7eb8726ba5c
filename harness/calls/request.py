"""A short digest for each part of a request, to know a replay from another experiment."""

from msgspec.structs import replace

from harness.digests import digest
from harness.models.base import Sampling
from harness.store.manifest import Configuration
from tasks.base import Ask, Message
from tasks.imagination import Imagine
from tasks.means import Check, Run, Simulate
from tasks.sessions import Session


def request_parts(settings: str, ask: Ask) -> str:
    """The digests of a request: `settings=... message-0=... tools=... schema=... limit=...`.

    What a provider wants back is in none: it is a part of the replies before, which the journal
    holds, and journals are older than it is.
    """
    parts = [f"settings={settings}"]
    parts += [f"message-{k}={_digest(message)}" for k, message in enumerate(ask.messages)]
    if ask.tools:
        parts.append(f"tools={digest(ask.tools)}")
    if ask.schema:
        parts.append(f"schema={digest(ask.schema)}")
    if ask.reply_limit is not None:
        parts.append(f"limit={ask.reply_limit}")
    return " ".join(parts)


def effect_parts(effect: Run | Check | Simulate | Session | Imagine) -> str:
    """The digests of all that shapes what comes of an effect: `source=... problem=...`."""
    if isinstance(effect, Check):
        return f"reply={digest([effect.reply.text, effect.reply.finish])}"
    if isinstance(effect, Imagine):
        replies = [[reply.text, reply.calls, reply.finish] for reply in effect.replies]
        return f"replies={digest(replies)} charged={digest(effect.charged)}"
    parts: dict[str, object]
    if isinstance(effect, Session):
        parts = {"agent": effect.agent, "files": effect.files, "stays": effect.stays}
        parts |= {"tools": effect.tools} if effect.tools else {}
    elif isinstance(effect, Simulate):
        parts = {"source": effect.source, "number": effect.number}
    else:
        parts = {"source": effect.source, "problem": effect.problem}
    parts |= {"limits": effect.limits}
    return " ".join(f"{name}={digest(part)}" for name, part in parts.items())


def _digest(message: Message) -> str:
    return digest(replace(message, blocks=()) if message.blocks else message)


def first_difference(journaled: str, request: str) -> str | None:
    """The first part in which two requests differ, or None."""
    a = dict(part.split("=") for part in journaled.split())
    b = dict(part.split("=") for part in request.split())
    return next((name for name in [*a, *b] if a.get(name) != b.get(name)), None)


def settings_digest(model: str, sampling: Sampling) -> str:
    """The digest of all that shapes a call apart from its content."""
    return digest([model, sampling])


def settings_of_seats(configuration: Configuration, model: str) -> dict[str, str]:
    """Return by seat the digest of all that shapes a call of one of a run's models."""
    return {
        seat: settings_digest(name, configuration.sampling)
        for seat, name in configuration.seats_of(model).items()
    }
