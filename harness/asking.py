"""Answers one ask: from the journal if it is there, else from the model, with retries.

Every attempt is committed before anything is done about it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from time import perf_counter

from harness.journal import Answered, Journal
from harness.models.base import Model, ProviderFailure
from harness.request import first_difference, request_parts
from tasks.base import Ask, Failure, Reply


class ReplayFailure(Failure):
    """The journal holds another request under this path: two experiments would mix."""

    boundary = "replay"

    @property
    def stops_run(self) -> bool:
        """Every other episode is in doubt too."""
        return True


class Stopped(Exception):
    """The run was asked to stop before this call."""


@dataclass(frozen=True)
class Patience:
    """How long to keep trying.

    Attributes:
        attempts: the most attempts at one call, over one process.
        seconds: the time limit of each attempt.
        first_wait, longest_wait: seconds of the backoff, which doubles from attempt to attempt.
        longest_told: the longest Retry-After that is waited for; a longer one gives the call up.
    """

    attempts: int = 10
    seconds: float = 600.0
    first_wait: float = 0.5
    longest_wait: float = 60.0
    longest_told: float = 600.0

    def wait(self, key: str, failed: int, retry_after: float | None) -> float:
        """Seconds before the next attempt: as the provider says, else backoff with jitter."""
        jitter = 0.5 + Random(f"{key}/{failed}").random()  # spread, and the same when replayed
        backoff = min(self.longest_wait, self.first_wait * 2.0 ** (failed - 1)) * jitter
        return max(backoff, retry_after or 0.0)


@dataclass
class Asking:
    """The calls of one episode."""

    episode: str
    settings: str
    journal: Journal
    model: Model | None
    patience: Patience
    stopping: asyncio.Event
    tell: Callable[[str], None] = lambda _: None
    replies: list[tuple[str, Reply]] = field(default_factory=list)
    attempts: int = 0

    def __post_init__(self) -> None:
        self._known = self.journal.answered(self.episode)

    @property
    def unanswered(self) -> frozenset[str]:
        """The calls that the journal has attempts at, but no reply to."""
        return frozenset(path for path, known in self._known.items() if known.reply is None)

    @property
    def answered(self) -> int:
        """How many replies the journal has."""
        return len(self._known) - len(self.unanswered)

    async def answer(self, ask: Ask) -> Reply:
        """The reply to an ask; raises the provider's last failure, `ReplayFailure` or `Stopped`."""
        request = request_parts(self.settings, ask)
        known = self._known.get(ask.path, Answered(0))
        if known.reply is not None:
            self._same(ask.path, known.request or "", request)
            reply = known.reply
            self.attempts += known.attempts
        elif self.model is None:
            raise ReplayFailure(f"{self.episode}: {ask.path} has no reply in the journal")
        else:
            self.attempts += known.attempts
            reply = await self._try(self.model, ask, request, known.attempts)
        self.replies.append((ask.path, reply))
        return reply

    def _same(self, path: str, kept: str, request: str) -> None:
        if part := first_difference(kept, request):
            raise ReplayFailure(
                f"{self.episode}: the request of {path} differs from the journal's in its {part}"
            )

    async def _try(self, model: Model, ask: Ask, request: str, tried: int) -> Reply:
        for failed in range(1, self.patience.attempts + 1):
            if self.stopping.is_set():
                raise Stopped
            number = tried + failed
            self.attempts += 1
            started = perf_counter()
            try:
                async with asyncio.timeout(self.patience.seconds):
                    reply = await model.reply(ask)
            except TimeoutError:
                failure = ProviderFailure("time limit", f"no reply in {self.patience.seconds:g} s")
            except ProviderFailure as raised:
                failure = raised
            except Failure as other:  # a policy's, say: kept like any attempt, and final
                await self._keep(ask, number, request, started, fault=str(other))
                raise
            else:
                await self._keep(ask, number, request, started, reply=reply)
                return reply
            if failure.kind == "context length":  # the model's own limit: an answer it cannot give
                reply = Reply("", finish="context_length", model=model.name)
                await self._keep(ask, number, request, started, reply=reply)
                return reply
            await self._keep(ask, number, request, started, fault=str(failure))
            if failed == self.patience.attempts or not self._worth_waiting(failure):
                break
            self.tell(f"{model.name}: {failure}; trying again")
            await self._pause(self.patience.wait(self.episode, failed, failure.retry_after))
        raise failure

    def _worth_waiting(self, failure: ProviderFailure) -> bool:
        return failure.fault.retry and (failure.retry_after or 0) <= self.patience.longest_told

    async def _keep(
        self,
        ask: Ask,
        number: int,
        request: str,
        started: float,
        *,
        reply: Reply | None = None,
        fault: str | None = None,
    ) -> None:
        seconds = reply.seconds if reply else round(perf_counter() - started, 6)
        await self.journal.attempt(
            self.episode, ask.path, number, request, seconds, reply=reply, fault=fault
        )

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer once the run is to stop."""
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            return
