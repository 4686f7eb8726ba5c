"""The loop of every kind of run: clients, budget, signals, signs of life, errors."""

import asyncio
import signal
import threading
from collections.abc import Sequence
from functools import partial
from types import TracebackType

import msgspec
from msgspec.structs import replace

from harness.calls.budget import Halt, Spent
from harness.calls.client import PULSE, ModelClient
from harness.calls.live import Stopped
from harness.calls.options import RunOptions
from harness.failures import policy_of
from harness.log import Log
from harness.models.base import Model
from harness.progress import Progress
from harness.store.journal import Journal
from harness.store.manifest import Manifest
from tasks.base import Failure

MEND = ": mend it and give the command again"

OTHER_RUN = "; with other settings it is another run, in a folder of its own"

FIRST_PULSE = PULSE / 10  # seconds; a watcher who looks at once sees how the calls stand


class Loop:
    """The time in which a run asks its models: `async with Loop(...) as loop: ...`.

    Inside, `clients` ask. A first signal, a budget that is spent, too many errors or a model that
    cannot go on stop what would come next; calls in flight are kept. `Stopped` ends the block
    quietly, and so does the second signal. At its end what stopped the run is told, or raised.

    Attributes:
        clients: how each model is asked, by its name.
        stopped: whether nothing more is asked of any model.
        progress: what is done, with errors and cost.
    """

    def __init__(
        self,
        manifest: Manifest,
        journal: Journal,
        options: RunOptions,
        log: Log,
        models: Sequence[Model],
        *,
        unit: str,
        total: int | None,
        spent: Spent | None = None,
    ) -> None:
        """Prepare to ask `models` for `total` of some `unit`; `spent` was spent before."""
        self.options, self.log, self.journal = options, log, journal
        self.stopped = False
        self.progress = Progress(unit, total, quiet=not log.lines)
        self._spent = spent or Spent()
        self._halts: list[tuple[str, Failure]] = []
        self._signalled = False
        self._most_errors = options.most_errors(total or 0)
        self.clients: dict[str, ModelClient] = {
            model.name: options.client(
                model, manifest, log, self._spent, partial(self.halt, model.name)
            )
            for model in models
        }

    async def __aenter__(self) -> "Loop":
        self._begin_budget()
        self._catch_signals()
        self.log.failed = partial(self.halt, "")  # a log can break anywhere, also in a timer
        self.progress.__enter__()
        self._pulse = asyncio.create_task(self._pulses())
        begun = False
        try:
            self._note_state()
            await self.journal.settled()  # where nothing can be kept nothing is asked
            begun = True
        finally:
            if not begun:
                await self._close()
                self.progress.__exit__(None, None, None)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        await self._close()
        self.progress.__exit__(kind, error, trace)
        expected = isinstance(error, Stopped) or (
            isinstance(error, asyncio.CancelledError) and self._signalled
        )
        if error is None or expected:
            self._tell_halts()
        return expected

    async def _close(self) -> None:
        self._pulse.cancel()
        self._note_state()
        for client in self.clients.values():
            await client.close()
        self.log.failed = None

    def stop(self) -> None:
        """Ask nothing more of any model; what is in flight is kept."""
        self.stopped = True
        for client in self.clients.values():
            client.stop()

    def halt(self, model: str, failure: Failure) -> None:
        """Ask nothing more, of this model or at all, and remember why."""
        self._halts.append((model, failure))
        self.log.event("halt", failure=failure.kind, message=str(failure))
        if policy_of(failure).then == "run":
            self.stop()
        elif model in self.clients:
            self.clients[model].stop()

    def note_end(self, *, cost: float | None, error: bool) -> None:
        """Count one more episode or call; too many errors stop the run."""
        self.progress.add(cost=cost, error=error)
        errors = self.progress.errors
        if error and errors > self._most_errors:
            self._most_errors = float("inf")
            limit = f"`errors` {self.options.errors}"
            message = f"{errors} {self.progress.what} ended in errors: {limit}"
            self.halt("", Halt("too many errors", message))

    def _begin_budget(self) -> None:
        """Ask nothing if the budget is used up already; begin its clock."""
        budget = self.options.budget
        if over := self._spent.over(replace(budget, time=None), "budget."):
            self.halt("", Halt("budget", over))
        if budget.time:
            reached = Halt("budget", f"`budget.time` {budget.time:g} is reached")
            asyncio.get_running_loop().call_later(budget.time, self.halt, "", reached)

    def _catch_signals(self) -> None:
        """At the first signal begin nothing new; at the second stop at once.

        Signals reach the main thread only: elsewhere the caller has to say `stop`.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def stop() -> None:
            if self._signalled and task:
                task.cancel()
                return
            self._signalled = True
            self.stop()
            self.log.say("stopping: waiting for the calls in flight; once more to stop at once")

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)

    async def _pulses(self) -> None:
        """Note now and then how the calls stand, for a watcher."""
        pause = FIRST_PULSE
        while True:
            await asyncio.sleep(pause)
            self._note_state()
            pause = PULSE

    def _note_state(self) -> None:
        for name, client in self.clients.items():
            self.journal.pulse(name, client.limiter.state)
            self.log.event("pace", model=name, **msgspec.to_builtins(client.limiter.state))

    def _tell_halts(self) -> None:
        """Say what stopped the run, or raise what must be mended, of each model once."""
        broken = {m: f for m, f in reversed(self._halts) if not isinstance(f, Halt)}
        for failure in broken.values():
            if policy_of(failure).then != "model":
                raise failure
        if broken:
            reasons = "; ".join(f"{model}: {broken[model]}" for model in sorted(broken))
            is_other_run = any(failure.kind == "rejected" for failure in broken.values())
            raise Failure(
                f"{reasons}; what was answered is kept{OTHER_RUN if is_other_run else MEND}"
            )
        for _, halt in self._halts:
            self.log.say(f"stopped: {halt}")
