"""Performs what a search wants: from the journal if it is there, else by a model or the sandbox."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from harness.calls.client import ModelClient
from harness.calls.live import Stopped, asking
from harness.calls.recorded import NotRecorded, RecordedCalls, ReplayFailure
from harness.calls.request import first_difference, settings_digest
from harness.evolve.effects import AskModel, Begin, Evaluate, Evaluated, Join, Lost, Work
from harness.evolve.evaluator import Evaluator
from harness.failures import policy_of
from harness.models.base import ProviderFailure, Sampling
from harness.store.journal import Journal
from tasks.base import Ask, Failure, Reply

EPISODE = "evolve"  # the one episode of such a run
R = TypeVar("R")


async def drive(program: Work[R], answer: Callable[[AskModel | Evaluate], Awaitable[Any]]) -> R:
    """Perform what a search yields until it returns; what it began ends before this does."""
    running: dict[str, asyncio.Task[Any]] = {}
    value: Any = None
    try:
        while True:
            try:
                effect = program.send(value)
            except StopIteration as stop:
                result: R = stop.value
                return result
            value = None
            if isinstance(effect, Begin):
                if effect.name in running:
                    raise Failure(f"{effect.name!r} is begun twice")
                running[effect.name] = asyncio.create_task(drive(effect.program, answer))
            elif isinstance(effect, Join):
                value = await running.pop(effect.name)
            else:
                value = await answer(effect)
    except asyncio.CancelledError:
        for task in running.values():
            task.cancel()
        raise
    finally:
        await asyncio.gather(*running.values(), return_exceptions=True)


@dataclass
class Performer:
    """Answers the effects of one search; without lanes and a pool it replays.

    Attributes:
        lanes: how each model is asked, by its name; of a replay none.
        pool: threads in which the evaluator runs, one for each worker of the sandbox.
        done: told of every call that was made now, not of those replayed.
    """

    journal: Journal
    evaluator: Evaluator
    sampling: Sampling
    lanes: Mapping[str, ModelClient] = field(default_factory=dict)
    pool: ThreadPoolExecutor | None = None
    done: Callable[[Reply | Lost], None] = lambda _: None

    def __post_init__(self) -> None:
        self.stopped = False
        self._failure: Failure | None = None
        self._kept = {
            path: (request, msgspec.json.decode(text, type=Evaluated | Lost))
            for path, (request, text) in self.journal.effects(EPISODE).items()
        }
        self._asked: set[str] = set()
        self._asking: dict[str, RecordedCalls] = {}
        before = [e.elapsed for _, e in self._kept.values() if isinstance(e, Evaluated)]
        self._began = monotonic() - max(before, default=0.0)

    def stop(self) -> None:
        """Begin nothing new; what is under way is kept."""
        self.stopped = True
        for lane in self.lanes.values():
            lane.stop()

    async def perform(self, program: Work[R]) -> R:
        """Drive a search to its end; raises the first failure, or `Stopped`."""
        try:
            return await drive(program, self.answer)
        except Stopped:
            if self._failure:  # met after what it stopped
                raise self._failure from None
            raise

    async def answer(self, effect: AskModel | Evaluate) -> Reply | Lost | Evaluated:
        """The outcome of an effect; a failure stops what would come after it."""
        path = effect.ask.path if isinstance(effect, AskModel) else effect.path
        if path in self._asked:
            raise Failure(f"the path {path!r} is asked twice in one search")
        self._asked.add(path)
        try:
            if isinstance(effect, AskModel):
                return await self._call(effect.model, effect.ask)
            return await self._evaluate(effect)
        except Failure as failure:
            self._failure = self._failure or failure
            self.stop()
            raise

    async def _call(self, model: str, ask: Ask) -> Reply | Lost:
        _, kept = self._kept.get(ask.path, ("", None))
        if isinstance(kept, Lost):
            return kept
        if model not in self._asking:
            settings = settings_digest(model, self.sampling)
            self._asking[model] = asking(EPISODE, settings, self.journal, self.lanes.get(model))
        calls = self._asking[model]
        reply: Reply | Lost
        try:
            reply = await calls.answer(ask)
        except ProviderFailure as failure:
            if policy_of(failure).then != "episode" or policy_of(failure).retry:
                raise
            reply = Lost(str(failure))
            await self.journal.effect(EPISODE, ask.path, "", reply, 0.0)
        if not calls.knows(ask.path):
            self.done(reply)
        return reply

    async def _evaluate(self, effect: Evaluate) -> Evaluated:
        request = self.evaluator.request(effect)
        before, kept = self._kept.get(effect.path, ("", None))
        if isinstance(kept, Evaluated):
            if part := first_difference(before, request):
                raise ReplayFailure(f"the evaluation of {effect.path} differs in its {part}")
            return kept
        if self.pool is None:
            raise NotRecorded(f"{effect.path} has no evaluation in the journal")
        if self.stopped:
            raise Stopped
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self.pool, self.evaluator.perform, effect)
        found = replace(found, elapsed=round(monotonic() - self._began, 3))
        await self.journal.effect(EPISODE, effect.path, request, found, found.seconds)
        return found
