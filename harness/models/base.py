"""The interface of a model to the run loop, and the failure of a provider."""

from typing import Literal, Protocol

import msgspec

from harness.secrets import scrub
from tasks.base import Ask, Failure, Fields, Noun, Reply, Usage

LONGEST_BODY = 100_000  # characters of an unreadable body that are kept: its beginning and its end

# the names of the most output tokens in requests
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")

REPLY_LIMIT = 32_000  # output tokens, thinking included, of a reply where nobody says how many


class Sampling(Noun, frozen=True, omit_defaults=True):
    """Settings by which replies are drawn. None leaves a setting to the provider.

    Attributes:
        temperature: as the provider defines it.
        max_tokens: the most output tokens of one reply; a run that is begun without has
            `REPLY_LIMIT`, which its manifest then says.
        seed: passed on if the provider has one; no promise of determinism.
        reasoning_effort: the provider's own word (`low`, `medium`, `high`, ...).
        structured: ask the provider to constrain the reply to the step's JSON schema.
        extra: merged into the request body as it is.
        max_tokens_as: the name under which chat completions send `max_tokens`; None: the usual
            one of the server.
        top_p: the share of the likeliest tokens that one is drawn from.
    """

    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    reasoning_effort: str | None = None
    structured: bool = False
    extra: Fields = {}
    max_tokens_as: Literal["max_tokens", "max_completion_tokens"] | None = None
    top_p: float | None = None


def extra_of(sampling: Sampling, ask: Ask) -> Fields:
    """Return what is merged into a request's body: no other limit where the ask has its own."""
    if ask.reply_limit is None:
        return sampling.extra
    return {name: value for name, value in sampling.extra.items() if name not in LIMITS}


class Model(Protocol):
    """A provider behind one async method. It makes one attempt: retries are the run loop's."""

    name: str

    async def reply(self, ask: Ask) -> Reply:
        """Answer one ask, or raise `ProviderFailure`."""

    async def close(self) -> None:
        """Give back connections."""


class ProviderFailure(Failure):
    """A failure of one attempt, whose message never holds a key, whatever a server echoed into it.

    Args:
        kind: of the table of failures.
        message: what went wrong.
        retry_after: seconds that the provider asks for.
        status: of HTTP, or the number that an error under a good status has; None for none.
    """

    boundary = "provider"
    kind = ""

    def __init__(
        self,
        kind: str,
        message: str,
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(scrub(f"{kind}: {message}"))
        self.kind = kind
        self.retry_after = retry_after
        self.status = status

    @property
    def usage(self) -> Usage:
        """Return the tokens of what was thrown away; unknown unless a body told them."""
        return Usage()

    @property
    def is_reply(self) -> bool:
        """Return whether the provider did reply: asked again, it may well reply the same."""
        return False

    @property
    def record(self) -> str:
        """Return what the journal keeps of the attempt: one line, and what was thrown away."""
        return str(self)


class ThrownAway(Noun, frozen=True, omit_defaults=True):
    """A body that could not be read, as the journal keeps it in a line of its own.

    Attributes:
        body: its text, without keys; of a long one the beginning and the end.
        usage: the tokens that it tells.
    """

    body: str
    usage: Usage = Usage()


class MalformedBody(ProviderFailure):
    """A body that is no reply, or one whose answer cannot be read; it is kept.

    Args:
        message: what is wrong with it.
        body: its text.
        usage: the tokens that it tells.
        is_reply: whether it has the form of a reply: one that was made, and paid for.
    """

    def __init__(self, message: str, body: str, usage: Usage, *, is_reply: bool) -> None:
        super().__init__("malformed body", message)
        self.thrown_away = ThrownAway(_bounded(scrub(body)), usage)
        self._is_reply = is_reply

    @property
    def usage(self) -> Usage:
        """Return the tokens that the body tells."""
        return self.thrown_away.usage

    @property
    def is_reply(self) -> bool:
        """Return whether the body has the form of a reply."""
        return self._is_reply

    @property
    def record(self) -> str:
        """Return the message, and in a second line the body as JSON."""
        return f"{self}\n{msgspec.json.encode(self.thrown_away).decode()}"


def _bounded(text: str) -> str:
    half = LONGEST_BODY // 2
    return text if len(text) <= LONGEST_BODY else f"{text[:half]}\n[...]\n{text[-half:]}"


class ConnectionRefused(ProviderFailure):
    """A connection that nobody took: no server is there, or none any more.

    Args:
        message: with the address.
    """

    def __init__(self, message: str) -> None:
        super().__init__("connection", message)
