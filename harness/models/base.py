"""The interface of a model to the run loop, and the failure of a provider."""

from typing import Literal, Protocol

from harness.secrets import scrub
from tasks.base import Ask, Failure, Fields, Noun, Reply


class Sampling(Noun, frozen=True, omit_defaults=True):
    """Settings by which replies are drawn. None leaves a setting to the provider.

    Attributes:
        temperature: as the provider defines it.
        max_tokens: the most output tokens of one reply.
        seed: passed on if the provider has one; no promise of determinism.
        reasoning_effort: the provider's own word (`low`, `medium`, `high`, ...).
        structured: ask the provider to constrain the reply to the step's JSON schema.
        extra: merged into the request body as it is.
        max_tokens_as: the name under which chat completions send `max_tokens`; None: the usual
            one of the server.
    """

    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    reasoning_effort: str | None = None
    structured: bool = False
    extra: Fields = {}
    max_tokens_as: Literal["max_tokens", "max_completion_tokens"] | None = None


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
