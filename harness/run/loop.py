"""The run of a suite: every episode, many at once, each graded and recorded as it ends."""

import asyncio
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from harness.calls.drive import drive
from harness.calls.live import Stopped
from harness.calls.loop import Loop
from harness.calls.options import RunOptions
from harness.calls.prices import spent_in
from harness.calls.sessions import SessionBench
from harness.calls.workbench import Workbench
from harness.failures import policy_of
from harness.families.registry import family
from harness.log import Log
from harness.mcp.servers import Servers
from harness.models.base import Model
from harness.run.jobs import EpisodeJob
from harness.run.recorded import RecordedRun
from harness.secrets import scrub
from harness.store.folder import INSTANCES
from memory.context import MemoryState
from tasks.base import Failure, Grade, Outcome, Problem, Record


class SuiteRun:
    """Runs the open episodes of a run folder.

    Attributes:
        stopped: whether a signal or a budget ended it, be it that nothing was left.
    """

    def __init__(
        self,
        recorded: RecordedRun,
        options: RunOptions,
        log: Log,
        *,
        bench: Workbench | None = None,
        sessions: SessionBench | None = None,
        seats: Sequence[Model] = (),
    ) -> None:
        """Make one.

        Args:
            recorded: the run as its folder has it.
            options: how it asks.
            log: what is told while it goes.
            bench: runs the programs of agents that have some.
            sessions: runs agents that are programs.
            seats: models beside the run's own that sit in seats of its agent.
        """
        self.recorded, self.options, self.log = recorded, options, log
        self._bench, self._sessions, self._seats = bench, sessions, seats
        self.stopped = False
        self._stop: Callable[[], object] = lambda: None

    def stop(self) -> None:
        """Ask nothing more of any model; another thread may say so."""
        self._stop()

    async def run(self, models: Sequence[Model]) -> Counter[str]:
        """Run what is open; return how many episodes are `done`, `errors` and `left`.

        A model that cannot go on (a refused key, say) stops alone, its calls in flight kept; the
        others go on, and its failure is raised at the end. Where a budget ended, it is only told.
        """
        run = self.recorded
        open_jobs = {model.name: run.open_jobs(model.name) for model in models}
        due = {name: jobs for name, (jobs, _) in open_jobs.items()}
        everything = sum(size for _, size in open_jobs.values())
        count = sum(map(len, due.values()))
        if count < everything:
            self.log.say(f"resuming: {everything - count} of {everything} episodes are done")
        with_tools = [m.instance for m in run.instances if family(m.family).tools]
        servers = Servers(run.folder.path / INSTANCES, with_tools)
        loop = self._loop(models, count)
        self._stop = partial(asyncio.get_running_loop().call_soon_threadsafe, loop.stop)
        try:
            async with loop, asyncio.TaskGroup() as group:
                for model_jobs in due.values():
                    stream = iter(model_jobs)
                    for _ in range(min(self.options.workers, len(model_jobs))):
                        group.create_task(self._work(loop, servers, stream))
        finally:
            await servers.close()
            self.stopped = loop.stopped
        done = loop.progress.done
        return Counter(done=done, errors=loop.progress.errors, left=count - done)

    def _loop(self, models: Sequence[Model], count: int) -> Loop:
        """Return the time in which so many open episodes are run."""
        return Loop(
            self.recorded.folder.manifest,
            self.recorded.journal,
            self.options,
            self.log,
            [*models, *self._seats],
            unit="episodes",
            total=count,
            spent=spent_in(self.recorded.folder.manifest, self.recorded.journal)
            if self.options.budget
            else None,
        )

    async def _work(self, loop: Loop, servers: Servers, jobs: Iterator[EpisodeJob]) -> None:
        """Run one episode after another, until there are no more or the model is stopped."""
        for job in jobs:
            seats = self.recorded.configuration.seats_of(job.model).values()
            if any(loop.clients[name].stopping.is_set() for name in seats):
                return
            try:
                await self._episode(job, loop, servers)
            except Failure as failure:  # one that stops the model or the run
                loop.halt(job.model, failure)

    async def _episode(self, job: EpisodeJob, loop: Loop, servers: Servers) -> None:
        """Run, grade and record an episode; raise a failure that is not its alone."""
        run = self.recorded
        grade: Grade | None = None
        outcome: Outcome | None = None
        problem: Problem | None = None
        state: MemoryState | None = None
        calls = run.calls(job, clients=loop.clients, bench=self._bench, sessions=self._sessions)
        try:
            calls.tools = servers.tools(job.instance, job.key)
            memory = run.rollout.memory(job)
            outcome = await drive(run.rollout.program(job, memory), calls.perform)
            state = memory.state()
            grade = run.rollout.grade(job.instance, outcome)
        except Stopped:
            return
        except Exception as error:  # the one catch-all: an error is data
            if isinstance(error, Failure) and policy_of(error).then in ("model", "run"):
                raise
            problem = _problem(error)
        record = run.rollout.record(job, calls, state, grade, problem)
        await run.journal.record(job.key, run.next_version(job), record, outcome)
        self._log_episode(record)
        loop.note_end(cost=record.cost, error=problem is not None)

    def _log_episode(self, record: Record) -> None:
        self.log.event(
            "episode",
            model=record.model,
            instance=record.instance,
            epoch=record.epoch,
            verdict=record.grade.verdict if record.grade else "error",
            problem=record.problem,
            attempts=record.attempts,
            seconds=record.seconds,
        )


def _problem(error: Exception) -> Problem:
    if isinstance(error, Failure):
        return Problem(error.boundary, str(error), kind=error.kind)
    trace = "".join(traceback.format_exception(error))
    message = scrub(f"{type(error).__name__}: {error}")
    return Problem("world", message, trace=scrub(trace), kind="world")
