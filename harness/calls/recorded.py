"""Calls answered from the journal alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.calls.request import first_difference, request_parts
from harness.store.journal import Answered
from tasks.base import Ask, Failure, Fields, Message, Reply, Tool


class ReplayFailure(Failure):
    """The journal holds another request under this path: two experiments would mix."""

    boundary = "replay"


class NotRecorded(ReplayFailure):
    """The journal ends before this: what is replayed was not finished."""


@dataclass
class RecordedCalls:
    """The calls of one episode as the journal has them, `known` by path; nobody is asked."""

    episode: str
    settings: str
    known: Mapping[str, Answered]
    replies: list[tuple[str, Reply]] = field(default_factory=list)
    attempts: int = 0

    def knows(self, path: str) -> bool:
        """Whether the journal holds a reply under this path."""
        return path in self.known and self.known[path].reply is not None

    @property
    def unanswered(self) -> frozenset[str]:
        """The calls that the journal has attempts at, but no reply to."""
        return frozenset(path for path, known in self.known.items() if known.reply is None)

    @property
    def answered(self) -> int:
        """How many replies the journal has."""
        return len(self.known) - len(self.unanswered)

    async def answer(self, ask: Ask) -> Reply:
        """The reply to an ask; raises the provider's last failure, `ReplayFailure` or `Stopped`."""
        request = request_parts(self.settings, ask)
        known = self.known.get(ask.path, Answered(0))
        self.attempts += known.attempts
        if known.reply is not None:
            self._same(ask.path, known.request or "", request)
            reply = known.reply
        else:
            reply = await self._new(ask, request, known.attempts)
        self.replies.append((ask.path, reply))
        return reply

    def _same(self, path: str, kept: str, request: str) -> None:
        if part := first_difference(kept, request):
            raise ReplayFailure(
                f"{self.episode}: the request of {path} differs from the journal's in its {part}"
            )

    async def _new(self, ask: Ask, request: str, tried: int) -> Reply:  # noqa: ARG002
        raise NotRecorded(f"{self.episode}: {ask.path} has no reply in the journal")


@dataclass(frozen=True)
class RecordedCall:
    """One call as the model saw it.

    Attributes:
        path: its name in the episode; `memory.base.is_memory(path)` tells a memory's own calls.
        reply: None for the call at which the episode ended in an error.
    """

    path: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...]
    schema: Fields | None
    reply: Reply | None
