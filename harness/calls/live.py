"""Answers one ask: from the journal if it is there, else from the model, with retries.

Every attempt is committed before anything is done about it.
"""

import asyncio
from dataclasses import dataclass, field
from time import perf_counter

from harness.calls.budget import EpisodeBudget, spent_by
from harness.calls.cache import cache_key
from harness.calls.client import ModelClient
from harness.calls.recorded import RecordedCalls
from harness.costs import tokens_of
from harness.failures import policy_of
from harness.models.base import ProviderFailure
from harness.secrets import redact
from harness.store.journal import Journal
from tasks.base import Ask, Failure, Reply, Usage

LETTERS = 4  # of a prompt to a token, for a guess


class Stopped(Exception):
    """The run was asked to stop before this call."""


@dataclass
class LiveCalls(RecordedCalls):
    """The calls of one episode; what the journal has not is asked for, and committed to it."""

    journal: Journal = field(kw_only=True)
    lane: ModelClient = field(kw_only=True)

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

    async def _try(self, lane: ModelClient, ask: Ask, request: str, tried: int) -> Reply:
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
        self, lane: ModelClient, ask: Ask, number: int, request: str
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
                    heard = redact(await lane.model.reply(ask))
            except TimeoutError:
                heard = ProviderFailure("time limit", f"no reply in {limit:g} s")
            except ProviderFailure as raised:
                heard = raised
                if policy_of(raised).then == "answer":  # the model's own failure
                    heard = _nothing(raised, lane.model.name)
            except Failure as other:  # a policy's, say: kept like any attempt, and final
                await self._keep(ask, number, request, other, perf_counter() - began)
                raise
            await self._keep(ask, number, request, heard, perf_counter() - began)
            if isinstance(heard, Reply):
                lane.heard(ticket, heard)
            else:
                lane.failed(ticket, heard)
                if policy_of(heard).slow:  # each cut is in the history
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
        self, lane: ModelClient, ask: Ask, number: int, heard: Reply | ProviderFailure, took: float
    ) -> None:
        told = (
            {"finish": heard.finish, "tokens": tokens_of(heard.usage)}
            if isinstance(heard, Reply)
            else {"failure": heard.kind, "message": str(heard)}
        )
        lane.log.event(
            "attempt",
            episode=self.episode,
            path=ask.path,
            attempt=number,
            seconds=round(took, 3),
            **told,
        )

    async def _pause(self, lane: ModelClient, seconds: float) -> None:
        """Wait, but no longer once the run is to stop."""
        try:
            async with asyncio.timeout(seconds):
                await lane.stopping.wait()
        except TimeoutError:
            return


def asking(
    episode: str, settings: str, journal: Journal, lane: ModelClient | None
) -> RecordedCalls:
    """The calls of one episode; without a lane only the journal answers."""
    known = journal.answered(episode)
    if lane is None:
        return RecordedCalls(episode, settings, known)
    return LiveCalls(episode, settings, known, journal=journal, lane=lane)


def _nothing(refusal: ProviderFailure, model: str) -> Reply:
    """The empty answer that a refused request is; nothing was spent on it."""
    return Reply("", (), refusal.kind.replace(" ", "_"), Usage(0, 0), model=model, cost=0.0)


def _guess(ask: Ask) -> int:
    """About how many tokens a request has."""
    return sum(len(message.content) for message in ask.messages) // LETTERS
