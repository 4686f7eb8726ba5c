"""The answers to a search: from the journal where it has them, else from a model or the sandbox."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import msgspec
from msgspec.structs import replace

from harness.calls.budget import EpisodeBudget, Halt
from harness.calls.client import ModelClient
from harness.calls.live import Stopped, calls_of
from harness.calls.loop import Loop
from harness.calls.recorded import NotRecorded, ReplayFailure
from harness.calls.request import first_difference, settings_digest
from harness.evolve.evaluation import Evaluate, Evaluated, Lost
from harness.evolve.evaluator import Evaluator
from harness.failures import policy_of
from harness.models.base import ProviderFailure, Sampling
from harness.store.journal import Journal
from tasks.base import Ask, Failure, Outside, Reply

EPISODE = "evolve"  # the one episode of such a run


class SearchAnswers:
    """Answers what one search wants; without a loop and a pool it only replays.

    Attributes:
        replies: how many replies, and lost calls, were given.
    """

    def __init__(
        self,
        journal: Journal,
        evaluator: Evaluator,
        sampling: Sampling,
        models: Sequence[str],
        loop: Loop | None = None,
        pool: ThreadPoolExecutor | None = None,
    ) -> None:
        """Make what answers.

        Args:
            journal: of the search.
            evaluator: runs programs, or only tells evaluations apart.
            sampling: how replies are drawn.
            models: the names of the seats: each model sits under its own name.
            loop: asks the models; None for a replay.
            pool: threads in which the evaluator runs, one for each worker of the sandbox.
        """
        self._journal, self._evaluator, self._loop, self._pool = journal, evaluator, loop, pool
        settings = {name: settings_digest(name, sampling) for name in models}
        clients = loop.clients if loop else None
        self._calls = calls_of(EPISODE, settings, journal, clients)
        self._effects = {
            path: (request, msgspec.json.decode(text, type=Evaluated | Lost))
            for path, (request, text) in journal.effects(EPISODE).items()
        }
        before = [e.elapsed for _, e in self._effects.values() if isinstance(e, Evaluated)]
        self._began = monotonic() - max(before, default=0.0)

    async def perform(self, effect: Outside) -> Any:
        """Return the answer to an effect; a failure stops what would come after it.

        Raises:
            Stopped: the search was asked to stop before this, or something failed.
            NotRecorded: this is a replay, and the journal ends before this.
        """
        try:
            if isinstance(effect, Evaluate):
                return await self._evaluate(effect)
            if isinstance(effect, Ask):
                return await self._ask(effect)
            return await self._calls.perform(effect)
        except Failure as failure:
            if self._loop is None:
                raise
            if isinstance(failure, EpisodeBudget):  # a search is one episode
                failure = Halt("budget", str(failure))
            self._loop.halt(effect.seat if isinstance(effect, Ask) else "", failure)
            self._loop.stop()
            raise Stopped from None

    async def _ask(self, ask: Ask) -> Reply | Lost:
        """Return a model's reply, or that there will be none."""
        _, journaled = self._effects.get(ask.path, ("", None))
        if isinstance(journaled, Lost):
            return journaled
        is_new = not self._calls.has_reply(ask.path)
        reply: Reply | Lost
        try:
            reply = await self._calls.perform(ask)
        except ProviderFailure as failure:
            if policy_of(failure).then != "episode" or policy_of(failure).retry:
                raise
            reply = Lost(str(failure))
            self._journal.effect(EPISODE, ask.path, "", reply, 0.0)
            await self._journal.settled()
        if self._loop and not ask.seat.startswith("policy/"):  # what draws makes no calls
            self._count(self._loop, self._loop.clients[ask.seat], reply, is_new)
        return reply

    def _count(self, loop: Loop, client: ModelClient, reply: Reply | Lost, is_new: bool) -> None:
        """Count a call: a new one as progress, one of an earlier process in the budget."""
        if is_new:
            lost = isinstance(reply, Lost)
            loop.note_end(cost=None if isinstance(reply, Lost) else reply.cost, error=lost)
        elif isinstance(reply, Reply) and not reply.from_cache:
            client.charge(reply)

    async def _evaluate(self, effect: Evaluate) -> Evaluated:
        """Return what came of a program, as it was when it was run."""
        request = self._evaluator.request(effect)
        journaled_request, journaled = self._effects.get(effect.path, ("", None))
        if isinstance(journaled, Evaluated):
            if part := first_difference(journaled_request, request):
                raise ReplayFailure(f"the evaluation of {effect.path} differs in its {part}")
            return journaled
        if self._loop is None or self._pool is None:
            raise NotRecorded(f"{effect.path} has no evaluation in the journal")
        if self._loop.stopped:
            raise Stopped
        loop = asyncio.get_running_loop()
        evaluated = await loop.run_in_executor(self._pool, self._evaluator.perform, effect)
        evaluated = replace(evaluated, elapsed=round(monotonic() - self._began, 3))
        self._journal.effect(EPISODE, effect.path, request, evaluated, evaluated.seconds)
        await self._journal.settled()
        return evaluated
