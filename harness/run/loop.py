"""The batch: every episode of a run, many at once, each graded and recorded as it ends."""

import asyncio
import signal
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import msgspec
from msgspec.structs import replace

from harness.calls.budget import Halt, Spent
from harness.calls.client import PULSE, ModelClient
from harness.calls.live import Stopped, asking
from harness.calls.prices import applying, load
from harness.calls.recorded import RecordedCalls
from harness.calls.request import settings_digest
from harness.failures import policy_of
from harness.families.registry import family
from harness.log import Log
from harness.mcp.servers import Servers
from harness.models.base import Model
from harness.progress import Progress
from harness.run.jobs import EpisodeJob, in_shard
from harness.run.models import is_asked
from harness.run.options import RunOptions
from harness.run.rollout import Rollout
from harness.secrets import scrub
from harness.store.folder import INSTANCES, Folder
from harness.store.journal import Journal
from harness.suites.instances import InstanceLine
from memory.context import MemoryState
from tasks.base import Failure, Grade, Problem, Record


@dataclass
class Batch:
    """Drives the episodes of one run folder."""

    folder: Folder
    journal: Journal
    instances: Sequence[InstanceLine]
    manner: RunOptions = field(default_factory=RunOptions)
    log: Log = field(default_factory=Log)

    def __post_init__(self) -> None:
        self._lanes: dict[str, ModelClient] = {}
        self._halted: list[tuple[str, Failure]] = []
        self._configuration = self.folder.manifest.configuration
        self.kit = Rollout.of(self.folder, self.instances)
        self._verdicts = self.journal.verdicts()

    @cached_property
    def latest(self) -> dict[str, tuple[int, Record]]:
        """The newest version and record of each episode by its key, read when first wanted."""
        return self.journal.latest()

    def jobs(self, model: str) -> list[EpisodeJob]:
        """A model's episodes, epoch by epoch; a policy's only in the families that have it."""
        programs = self.folder.programs
        asked = [i for i in self.instances if is_asked(model, i.family, programs)]
        jobs = (EpisodeJob(i, model, e) for e in range(self._configuration.epochs) for i in asked)
        return [job for job in jobs if in_shard(job.key, self.folder.manifest.shard)]

    def _open(self, job: EpisodeJob) -> bool:
        """Whether an episode has no grade yet: new, cut off, or ended in an error."""
        return self._verdicts.get(job.key, (0, "error"))[1] == "error"

    def graded(self) -> list[EpisodeJob]:
        """The episodes that have a grade, model by model."""
        names = [spec.name for spec in self._configuration.models]
        return [job for name in names for job in self.jobs(name) if not self._open(job)]

    def grade(self, job: EpisodeJob) -> Grade | None:
        """The newest grade of an episode; None without one."""
        return self.latest[job.key][1].grade if job.key in self.latest else None

    def finished(self) -> Iterator[tuple[EpisodeJob, Record]]:
        """The episodes that have a record, model by model, and their newest records."""
        for spec in self._configuration.models:
            for job in self.jobs(spec.name):
                if job.key in self.latest:
                    yield job, self.latest[job.key][1]

    async def run(self, models: Sequence[Model]) -> Counter[str]:
        """Run what is open; returns how many episodes are `done`, `errors` and `left`.

        A model that cannot go on (a refused key, say) stops alone, its calls in flight kept; the
        others go on, and its failure is raised at the end. A `Halt` is only told.
        """
        jobs = {m.name: self.jobs(m.name) for m in models}
        todo = {name: [job for job in ours if self._open(job)] for name, ours in jobs.items()}
        everything = sum(map(len, jobs.values()))
        count = sum(map(len, todo.values()))
        if count < everything:
            self.log.say(f"resuming: {everything - count} of {everything} episodes are done")
        self._most_errors = self.manner.most_errors(count)
        self._begin(models)
        with_tools = [m.instance for m in self.instances if family(m.family).simulation]
        self._servers = Servers(self.folder.path / INSTANCES, with_tools)
        self._catch_signals()
        self.log.failed = partial(self._halt, "")  # a log can break anywhere, also in a timer
        with Progress("episodes", count, quiet=not self.log.lines) as self._progress:
            pulse = asyncio.create_task(self._pulse())
            try:
                self._note()
                await self.journal.settled()  # where nothing can be kept nothing is asked
                await self._drive_all(todo)
            except asyncio.CancelledError:  # the second signal: what is in flight is given up
                if not self._signalled:
                    raise
            finally:
                pulse.cancel()
                self._note()
                for lane in self._lanes.values():
                    await lane.close()
                await self._servers.close()
                self.log.failed = None
        self._tell_halts()
        done = self._progress.done
        return Counter(done=done, errors=self._progress.errors, left=count - done)

    def _begin(self, models: Sequence[Model]) -> None:
        """Open the lanes, unless the budget is used up already."""
        budget, spent = self.manner.budget, self._spent() if self.manner.budget else Spent()
        for model in models:
            halt = partial(self._halt, model.name)
            lane = self.manner.lane(model, self.folder.manifest, self.log, spent, halt)
            self._lanes[model.name] = lane
        if over := spent.over(replace(budget, time=None), "--max-"):
            self._halt("", Halt("budget", over))
        if budget.time:
            reached = Halt("budget", f"--max-time {budget.time:g} is reached")
            asyncio.get_running_loop().call_later(budget.time, self._halt, "", reached)

    def _spent(self) -> Spent:
        """What the run has spent before, in all its models."""
        spent, prices = Spent(), applying(self.folder.manifest, load(None))
        for key, reply in self.journal.replies():
            if not reply.from_cache:
                spent.add(reply, prices.get(msgspec.json.decode(key)[0]))
        return spent

    async def _drive_all(self, todo: dict[str, list[EpisodeJob]]) -> None:
        async with asyncio.TaskGroup() as group:
            for name, lane in self._lanes.items():
                stream = iter(todo[name])
                for _ in range(min(self.manner.workers, len(todo[name]))):
                    group.create_task(self._work(lane, stream))

    def _halt(self, model: str, failure: Failure) -> None:
        """Ask nothing more, of this model or at all, and remember why."""
        self._halted.append((model, failure))
        self.log.event("halt", failure=failure.kind, message=str(failure))
        for name, lane in self._lanes.items():
            if name == model or policy_of(failure).then == "run":
                lane.stop()

    def _tell_halts(self) -> None:
        """Say what stopped the run, or raise what must be mended, of each model once."""
        broken = {m: f for m, f in reversed(self._halted) if not isinstance(f, Halt)}
        for failure in broken.values():
            if policy_of(failure).then != "model":
                raise failure
        if broken:
            told = "; ".join(f"{model}: {broken[model]}" for model in sorted(broken))
            raise Failure(f"{told}; what was answered is kept: mend it and give the command again")
        for _, halt in self._halted:
            self.log.say(f"stopped: {halt}")

    async def _pulse(self) -> None:
        """Note now and then how the calls stand, for who watches."""
        pause = PULSE / 10  # who looks at once sees something
        while True:
            await asyncio.sleep(pause)
            self._note()
            pause = PULSE

    def _note(self) -> None:
        for name, lane in self._lanes.items():
            self.journal.pulse(name, lane.pace.state)
            self.log.event("pace", model=name, **msgspec.to_builtins(lane.pace.state))

    def _catch_signals(self) -> None:
        """First signal: begin nothing new, keep what is in flight. Second: stop at once."""
        loop = asyncio.get_running_loop()
        me = asyncio.current_task()
        self._signalled = False

        def stop() -> None:
            if self._signalled and me:
                me.cancel()
                return
            self._signalled = True
            for lane in self._lanes.values():
                lane.stop()
            self.log.say("stopping: waiting for the calls in flight; once more to stop at once")

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)

    async def _work(self, lane: ModelClient, jobs: Iterator[EpisodeJob]) -> None:
        for job in jobs:
            if lane.stopping.is_set():
                return
            try:
                await self._episode(job, lane)
            except Failure as failure:  # one that stops the model or the run
                self._halt(job.model, failure)

    async def _episode(self, job: EpisodeJob, lane: ModelClient) -> None:
        calls = self.asking(job, lane)
        outcome, state = None, MemoryState()
        grade: Grade | None = None
        problem: Problem | None = None
        try:
            tools = self._servers.tools(job.instance, job.key)
            outcome, state = await self.kit.perform(job, calls.answer, tools)
            grade = self.kit.grade(job.instance, outcome)
        except Stopped:
            return
        except Exception as error:  # the one catch-all: an error is data
            if isinstance(error, Failure) and policy_of(error).then in ("model", "run"):
                raise
            problem = _problem(error)
        version = self._verdicts[job.key][0] + 1 if job.key in self._verdicts else 0
        record = self.kit.record(job, calls, state, grade, problem)
        await self.journal.record(job.key, version, record, outcome)
        self._progress.add(cost=record.cost, error=problem is not None)
        self._told(record)

    def _told(self, record: Record) -> None:
        """Log a finished episode, and stop the run at too many errors."""
        told = record.grade.verdict if record.grade else "error"
        self.log.event(
            "episode",
            model=record.model,
            instance=record.instance,
            epoch=record.epoch,
            verdict=told,
            problem=record.problem,
            attempts=record.attempts,
            seconds=record.seconds,
        )
        errors = self._progress.errors
        if record.problem and errors > self._most_errors:
            self._most_errors = float("inf")
            limit = f"--fail-on-error {self.manner.errors}"
            self._halt("", Halt("too many errors", f"{errors} episodes ended in errors: {limit}"))

    def asking(self, job: EpisodeJob, lane: ModelClient | None) -> RecordedCalls:
        """The calls of an episode: from the journal, the others by the lane if there is one."""
        settings = settings_digest(job.model, self._configuration.sampling)
        return asking(job.key, settings, self.journal, lane)


def _problem(error: Exception) -> Problem:
    if isinstance(error, Failure):
        return Problem(error.boundary, str(error), kind=error.kind)
    trace = "".join(traceback.format_exception(error))
    message = scrub(f"{type(error).__name__}: {error}")
    return Problem("world", message, scrub(trace), "world")
