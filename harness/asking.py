"""Answers one ask: from the journal if it is there, else from the model, with retries.

Every attempt is committed before anything is done about it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter

from harness.budget import EpisodeBudget, spent_by, tokens_of
from harness.cache import cache_key
from harness.failures import what
from harness.journal import Answered, Journal
from harness.lane import Lane
from harness.models.base import ProviderFailure
from harness.models.keys import unsaid
from harness.request import first_difference, request_parts
from tasks.base import Ask, Failure, Reply, Usage

LETTERS = 4  # of a prompt to a token, for a guess


class ReplayFailure(Failure):
    """The journal holds another request under this path: two experiments would mix."""

    boundary = "replay"


class NotKept(ReplayFailure):
    """The journal ends before this: what is replayed was not finished."""


class Stopped(Exception):
    """The run was asked to stop before this call."""


@dataclass
class Kept:
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
        raise NotKept(f"{self.episode}: {ask.path} has no reply in the journal")


@dataclass
class Asking(Kept):
    """The calls of one episode; what the journal has not is asked for, and committed to it."""

    journal: Journal = field(kw_only=True)
    lane: Lane = field(kw_only=True)

    async def _new(self, ask: Ask, request: str, tried: int) -> Reply:
        """A reply that the journal has not: from the cache, else asked for."""
        lane = self.lane
        if lane.stopping.is_set():
            raise Stopped
        if lane.episode_budget:
            spent = spent_by((reply for _, reply in self.replies), lane.price)
            if over := spent.over(lane.episode_budget, "--max-episode-"):
                raise EpisodeBudget(f"episode budget: {over} before {ask.path}")
        if lane.cache is None:
            return await self._try(lane, ask, request, tried)
        key = cache_key(lane.setting, self.episode, ask)
        reply = lane.cache.find(key)
        if reply is None:
            reply = await self._try(lane, ask, request, tried)
            lane.cache.keep(key, reply)
        else:
            self.attempts += 1
            await self._keep(ask, tried + 1, request, reply)
        return reply

    async def _try(self, lane: Lane, ask: Ask, request: str, tried: int) -> Reply:
        failed = 0
        while True:
            failed += 1
            heard = await self._attempt(lane, ask, tried + failed, request)
            if isinstance(heard, Reply):
                return heard
            if failed == lane.patience.attempts or not lane.patience.bears(heard):
                lane.gave_up(heard)
                raise heard
            lane.log.say_once(f"{lane.model.name}: {heard}; trying again")
            await self._pause(lane, lane.patience.wait(self.episode, failed, heard.retry_after))

    async def _attempt(
        self, lane: Lane, ask: Ask, number: int, request: str
    ) -> Reply | ProviderFailure:
        """One attempt, committed before its place is given to another call."""
        limit = lane.patience.seconds
        async with lane.pace.slot(_guess(ask) if lane.pace.tokens else 0) as ticket:
            if lane.stopping.is_set():
                raise Stopped
            self.attempts += 1
            began = perf_counter()
            heard: Reply | ProviderFailure
            try:
                async with asyncio.timeout(limit):
                    heard = unsaid(await lane.model.reply(ask))
            except TimeoutError:
                heard = ProviderFailure("time limit", f"no reply in {limit:g} s")
            except ProviderFailure as raised:
                heard = raised
                if what(raised).then == "answer":  # the model's own failure
                    heard = _nothing(raised, lane.model.name)
            except Failure as other:  # a policy's, say: kept like any attempt, and final
                await self._keep(ask, number, request, other, perf_counter() - began)
                raise
            await self._keep(ask, number, request, heard, perf_counter() - began)
            if isinstance(heard, Reply):
                lane.heard(ticket, heard)
            else:
                lane.failed(ticket, heard)
                if what(heard).slow:  # each cut is in the history
                    self.journal.pulse(lane.model.name, lane.pace.state)
        self._log(lane, ask, number, heard, perf_counter() - began)
        return heard

    async def _keep(
        self, ask: Ask, number: int, request: str, heard: Reply | Failure, took: float = 0.0
    ) -> None:
        reply = heard if isinstance(heard, Reply) else None
        fault = None if isinstance(heard, Reply) else str(heard)
        seconds = reply.seconds if reply else round(took, 6)
        await self.journal.attempt(
            self.episode, ask.path, number, request, seconds, reply=reply, fault=fault
        )

    def _log(
        self, lane: Lane, ask: Ask, number: int, heard: Reply | ProviderFailure, took: float
    ) -> None:
        told = (
            {"finish": heard.finish, "tokens": tokens_of(heard.usage)}
            if isinstance(heard, Reply)
            else {"failure": heard.kind, "message": str(heard)}
        )
        lane.log.event(
            "attempt", episode=self.episode, path=ask.path, attempt=number,
            seconds=round(took, 3), **told,
        )  # fmt: skip

    async def _pause(self, lane: Lane, seconds: float) -> None:
        """Wait, but no longer once the run is to stop."""
        try:
            async with asyncio.timeout(seconds):
                await lane.stopping.wait()
        except TimeoutError:
            return


def asking(episode: str, settings: str, journal: Journal, lane: Lane | None) -> Kept:
    """The calls of one episode; without a lane only the journal answers."""
    known = journal.answered(episode)
    if lane is None:
        return Kept(episode, settings, known)
    return Asking(episode, settings, known, journal=journal, lane=lane)


def _nothing(refusal: ProviderFailure, model: str) -> Reply:
    """The empty answer that a refused request is; nothing was spent on it."""
    return Reply("", (), refusal.kind.replace(" ", "_"), Usage(0, 0), model=model, cost=0.0)


def _guess(ask: Ask) -> int:
    """About how many tokens a request has."""
    return sum(len(message.content) for message in ask.messages) // LETTERS
