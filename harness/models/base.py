"""The interface of a model to the run loop, and the failure of a provider."""

from typing import Protocol

from harness.secrets import scrub
from tasks.base import Ask, Failure, Fields, Noun, Reply

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
        top_p: the share of the likeliest tokens that one is drawn from.
    """

    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    reasoning_effort: str | None = None
    structured: bool = False
    extra: Fields = {}
    top_p: float | None = None


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
    """

    boundary = "provider"
    kind = ""

    def __init__(self, kind: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(scrub(f"{kind}: {message}"))
        self.kind = kind
        self.retry_after = retry_after


class ConnectionRefused(ProviderFailure):
    """A connection that nobody took: no server is there, or none any more.

    Args:
        message: with the address.
    """

    def __init__(self, message: str) -> None:
        super().__init__("connection", message)
