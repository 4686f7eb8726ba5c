"""Answers asks from the journal where they are there, else from the model, with retries.

Every attempt is committed before anything is done about it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter

from harness.calls.budget import EpisodeBudget, Spent
from harness.calls.cache import cache_key
from harness.calls.checks import Checker
from harness.calls.client import ModelClient
from harness.calls.imagination import Imagination
from harness.calls.recorded import Effect, RecordedCalls, Result
from harness.calls.session_tools import NewWorld, SessionTools, no_world
from harness.calls.sessions import SessionBench
from harness.calls.training import Trainer
from harness.calls.workbench import Workbench
from harness.costs import tokens_of
from harness.failures import policy_of
from harness.mcp.direct import Tools, no_tools
from harness.models.base import ProviderFailure
from harness.models.finishes import ending_of
from harness.secrets import redact
from harness.store.journal import Journal
from tasks.base import Ask, Failure, Fields, Reply, Usage
from tasks.imagination import Imagine
from tasks.means import Check, Run, Simulate
from tasks.sessions import Session

LETTERS = 4  # of a prompt to a token, for a guess


class Stopped(Exception):
    """The run was asked to stop before this call."""


@dataclass
class LiveCalls(RecordedCalls):
    """The calls of one episode; what the journal has not is asked for, and committed to it.

    Attributes:
        clients: the model of each seat.
        bench: runs programs; None where the run's agent has none.
        checker: checks answers; None where nothing is checked.
        sessions: lets command-line agents work; None where the run has none.
        trainer: runs programs on training instances; None where there are none.
        world: returns a new world behind the tools of the episode.
        imagination: answers what is wanted of branches; None where there are none.
    """

    journal: Journal = field(kw_only=True)
    clients: Mapping[str, ModelClient] = field(kw_only=True)
    bench: Workbench | None = field(default=None, kw_only=True)
    checker: Checker | None = field(default=None, kw_only=True)
    sessions: SessionBench | None = field(default=None, kw_only=True)
    trainer: Trainer | None = field(default=None, kw_only=True)
    world: NewWorld = field(default=no_world, kw_only=True)
    imagination: Imagination | None = field(default=None, kw_only=True)

    async def _do(self, effect: Effect, request: str) -> Result:
        """Do what an agent wants beside replies, and commit what came of it."""
        if any(client.stopping.is_set() for client in self.clients.values()):
            raise Stopped
        start = perf_counter()
        outcome: Result
        if isinstance(effect, Run) and self.bench is not None:
            outcome = await self.bench.run(effect)
        elif isinstance(effect, Check) and self.checker is not None:
            outcome = self.checker(effect.reply)
        elif isinstance(effect, Session) and self.sessions is not None:
            outcome = await self.sessions.run(
                effect,
                self.settings[""],
                self.journaled,
                ask=self.perform,
                tools=SessionTools(effect.tools, self.world()) if effect.tools else None,
            )
        elif isinstance(effect, Simulate) and self.bench and self.trainer is not None:
            outcome = await self.trainer(effect, self.bench)
        elif isinstance(effect, Imagine) and self.imagination is not None:
            outcome = self.imagination.imagined(effect)
        else:
            raise Failure(f"{effect.path}: nothing here performs a {type(effect).__name__}")
        seconds = round(perf_counter() - start, 6)
        self.journal.effect(self.episode, effect.path, request, outcome, seconds)
        if not isinstance(effect, Imagine):  # lost in a crash, that comes to the same again
            await self.journal.settled()
        return outcome

    async def _ask(self, ask: Ask, request: str, tried: int) -> Reply:
        """Return a reply that the journal has not: from the cache, else from the model."""
        client = self.clients[ask.seat]
        self._require_budget(client, ask)
        ask = self.imagination.resolved(ask) if self.imagination else ask
        scope = client.cache_scope if ask.reply_limit is None else client.own_limit_scope
        key = None if client.cache is None else cache_key(scope, self.episode, ask)
        if client.cache and key and (reply := client.cache.find(key)) is not None:
            self.attempts += 1
            await self._commit(ask, tried + 1, request, reply)
            return reply
        if client.probe is not None:
            await client.probe.narrow(client.limiter, client.log)
        failed = unread = 0
        while True:
            failed += 1
            outcome = await self._attempt(client, ask, tried + failed, request)
            client.require_server(outcome)
            if isinstance(outcome, Reply):
                if client.cache and key:
                    client.cache.keep(key, outcome)
                return outcome
            unread += outcome.is_reply
            is_last = failed == client.retry.attempts or unread == client.retry.replies
            if is_last or not client.retry.should_retry(outcome):
                client.give_up(outcome)
                raise outcome
            client.log.say_once(f"{client.model.name}: {outcome}; trying again")
            await _pause(client, client.retry.wait(self.episode, failed, outcome.retry_after))

    def _require_budget(self, client: ModelClient, ask: Ask) -> None:
        """Raise `Stopped`, or `EpisodeBudget` if the episode has spent what it may."""
        if client.stopping.is_set():
            raise Stopped
        if client.episode_budget:
            spent = Spent()
            for counted in self.replies:
                spent.add(counted.reply, self.clients[counted.seat].price)
            for usage in self.journal.thrown_away(self.episode):
                spent.add(Reply("", usage=usage), client.price)
            if over := spent.over(client.episode_budget, "episode_budget."):
                raise EpisodeBudget(f"episode budget: {over} before {ask.path}")

    async def _attempt(
        self, client: ModelClient, ask: Ask, number: int, request: str
    ) -> Reply | ProviderFailure:
        """Make one attempt, committed before its place is given to another call."""
        limit = client.retry.seconds
        async with client.limiter.slot(_guess(ask) if client.limiter.tokens else 0) as ticket:
            if client.stopping.is_set():
                raise Stopped
            self.attempts += 1
            began = perf_counter()
            outcome: Reply | ProviderFailure
            try:
                async with asyncio.timeout(limit):
                    outcome = redact(await client.model.reply(ask))
            except TimeoutError:
                outcome = ProviderFailure("time limit", f"no reply in {limit:g} s")
            except ProviderFailure as raised:
                outcome = raised
                if policy_of(raised).then == "answer":  # the model's own failure
                    outcome = _empty_reply(raised, client.model.name)
            except Failure as other:  # a policy's, say: kept like any attempt, and final
                await self._commit(ask, number, request, other, perf_counter() - began)
                raise
            await self._commit(ask, number, request, outcome, perf_counter() - began)
            if isinstance(outcome, Reply):
                client.note_reply(ticket, outcome)
                _tell_unknown_ending(client, outcome)
            else:
                client.note_failure(ticket, outcome)
                if policy_of(outcome).slow:  # each cut is in the history
                    self.journal.pulse(client.model.name, client.limiter.state)
        self._log(client, ask, number, outcome, perf_counter() - began)
        return outcome

    async def _commit(
        self, ask: Ask, number: int, request: str, outcome: Reply | Failure, took: float = 0.0
    ) -> None:
        reply = outcome if isinstance(outcome, Reply) else None
        fault = None if isinstance(outcome, Reply) else _fault(outcome)
        seconds = reply.seconds if reply else round(took, 6)
        await self.journal.attempt(
            self.episode, ask.path, number, request, seconds, reply=reply, fault=fault
        )

    def _log(
        self,
        client: ModelClient,
        ask: Ask,
        number: int,
        outcome: Reply | ProviderFailure,
        took: float,
    ) -> None:
        fields = (
            {"finish": outcome.finish, "tokens": tokens_of(outcome.usage)}
            if isinstance(outcome, Reply)
            else {
                "failure": outcome.kind,
                "message": str(outcome),
                **_thrown_away(outcome),
            }
        )
        client.log.event(
            "attempt",
            episode=self.episode,
            path=ask.path,
            attempt=number,
            seconds=round(took, 3),
            **fields,
        )


def _fault(failure: Failure) -> str:
    """Return what the journal keeps of a failed attempt."""
    return failure.record if isinstance(failure, ProviderFailure) else str(failure)


def _thrown_away(failure: ProviderFailure) -> Fields:
    tokens = tokens_of(failure.usage)
    return {} if tokens is None else {"tokens": tokens}


def _tell_unknown_ending(client: ModelClient, reply: Reply) -> None:
    """Tell an ending that no list has, once: it counts as an answer, and may be none."""
    if ending_of(reply.finish) is None:
        finish = f"finish reason {reply.finish!r} is not known"
        client.log.say_once(f"{client.model.name}: {finish}; such replies count as answers")


async def _pause(client: ModelClient, seconds: float) -> None:
    """Wait, but no longer once the run is to stop."""
    try:
        async with asyncio.timeout(seconds):
            await client.stopping.wait()
    except TimeoutError:
        return


def calls_of(
    episode: str,
    settings: Mapping[str, str],
    journal: Journal,
    clients: Mapping[str, ModelClient] | None,
    tools: Tools = no_tools,
    *,
    bench: Workbench | None = None,
    checker: Checker | None = None,
    sessions: SessionBench | None = None,
    trainer: Trainer | None = None,
    world: NewWorld = no_world,
    imagination: Imagination | None = None,
) -> RecordedCalls:
    """Return the calls of one episode; without clients only the journal answers."""
    journaled, effects = journal.answered(episode), journal.effects(episode)
    if clients is None:
        return RecordedCalls(episode, settings, journaled, tools=tools, effects=effects)
    return LiveCalls(
        episode,
        settings,
        journaled,
        tools=tools,
        effects=effects,
        journal=journal,
        clients=clients,
        bench=bench,
        checker=checker,
        sessions=sessions,
        trainer=trainer,
        world=world,
        imagination=imagination,
    )


def _empty_reply(refusal: ProviderFailure, model: str) -> Reply:
    """Return the empty answer that a refused request is; nothing was spent on it."""
    finish = refusal.kind.replace(" ", "_")
    return Reply("", (), finish, usage=Usage(0, 0), model=model, cost=0.0)


def _guess(ask: Ask) -> int:
    """Return about how many tokens a request has."""
    return sum(len(message.content) for message in ask.messages) // LETTERS
