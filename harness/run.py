"""The batch: every episode of a run, many at once, each graded and recorded as it ends."""

import asyncio
import signal
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from harness.agents.base import AGENTS
from harness.asking import Asking, Patience, Stopped
from harness.episode import drive, episode
from harness.folder import Folder
from harness.journal import Journal
from harness.models.base import Model
from harness.models.keys import scrub
from harness.models.policy import is_asked
from harness.others import other_rounds
from harness.progress import Progress
from harness.registry import family
from harness.request import settings_digest
from harness.totals import total
from memory.base import MEMORIES, NEEDS_OTHER, Memory, is_memory
from memory.context import Context, State
from tasks.base import Ask, Failure, Grade, Instance, Outcome, Problem, Record, Reply

Say = Callable[[str], None]
Answer = Callable[[Ask], Awaitable[Reply]]


@dataclass(frozen=True)
class Job:
    """One episode to be: an instance, a model, an epoch."""

    instance: Instance[Any]
    model: str
    epoch: int

    @property
    def key(self) -> str:
        """Its name in the journal."""
        return msgspec.json.encode([self.model, self.epoch, self.instance.id]).decode()


@dataclass
class Batch:
    """Drives the episodes of one run folder.

    Attributes:
        connections: calls in flight for each model, at the most.
        say: what to do with a line for the user.
    """

    folder: Folder
    journal: Journal
    instances: Sequence[Instance[Any]]
    patience: Patience = field(default_factory=Patience)
    connections: int = 10
    say: Say = print

    def __post_init__(self) -> None:
        self._stops: dict[str, asyncio.Event] = {}
        self._told: set[str] = set()
        self._configuration = self.folder.manifest.configuration
        self._latest = self.journal.latest()

    def jobs(self, model: str) -> list[Job]:
        """A model's episodes, epoch by epoch; a policy's only in the families that have it."""
        asked = [i for i in self.instances if is_asked(model, i.family)]
        return [Job(i, model, e) for e in range(self._configuration.epochs) for i in asked]

    def _open(self, job: Job) -> bool:
        """Whether an episode has no grade yet: new, cut off, or ended in an error."""
        return job.key not in self._latest or self._latest[job.key][1].grade is None

    def finished(self) -> Iterator[tuple[Job, Record]]:
        """The episodes that have a record, model by model, and their newest records."""
        for spec in self._configuration.models:
            for job in self.jobs(spec.name):
                if job.key in self._latest:
                    yield job, self._latest[job.key][1]

    async def run(self, models: Sequence[Model]) -> Counter[str]:
        """Run what is open; returns how many episodes are `done`, `errors` and `left`.

        A model that cannot go on (a refused key, say) stops alone, its calls in flight kept; the
        others go on, and its failure is raised at the end.
        """
        todo = {m.name: [j for j in self.jobs(m.name) if self._open(j)] for m in models}
        everything = sum(len(self.jobs(m.name)) for m in models)
        count = sum(map(len, todo.values()))
        if count < everything:
            self.say(f"resuming: {everything - count} of {everything} episodes are done")
        self._stops = {model.name: asyncio.Event() for model in models}
        self._failed: list[Failure] = []
        self._catch_signals()
        with Progress("episodes", count) as self._progress:
            try:
                await self._drive_all(models, todo)
            except asyncio.CancelledError:  # the second signal: what is in flight is given up
                if not self._signalled:
                    raise
            finally:
                for model in models:
                    await model.close()
        if self._failed:
            raise self._failed[0]
        done = self._progress.done
        return Counter(done=done, errors=self._progress.errors, left=count - done)

    async def _drive_all(self, models: Sequence[Model], todo: dict[str, list[Job]]) -> None:
        async with asyncio.TaskGroup() as group:
            for model in models:
                stream = iter(todo[model.name])
                for _ in range(min(self.connections, len(todo[model.name]))):
                    group.create_task(self._work(model, stream))

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
            for event in self._stops.values():
                event.set()
            self.say("stopping: waiting for the calls in flight; once more to stop at once")

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)

    async def _work(self, model: Model, jobs: Iterator[Job]) -> None:
        for job in jobs:
            if self._stops[model.name].is_set():
                return
            try:
                await self._episode(job, model)
            except Failure as failure:  # one that stops the model, or (store, replay) the run
                self._failed.append(failure)
                provider = failure.boundary == "provider"
                for name in [model.name] if provider else self._stops:
                    self._stops[name].set()

    async def _episode(self, job: Job, model: Model) -> None:
        asking = self.asking(job, model)
        outcome, state = None, State()
        grade: Grade | None = None
        problem: Problem | None = None
        try:
            outcome, state = await self.perform(job, asking.answer)
            grade = family(job.instance.family).grade(job.instance, outcome)
        except Stopped:
            return
        except Exception as error:  # the one catch-all: an error is data
            if isinstance(error, Failure) and error.stops_run:
                raise
            problem = _problem(error)
        version = self._latest[job.key][0] + 1 if job.key in self._latest else 0
        record = self._record(job, asking, state, grade, problem)
        await self.journal.record(job.key, version, record, outcome)
        self._progress.add(cost=record.cost, error=problem is not None)

    def asking(self, job: Job, model: Model | None) -> Asking:
        """The calls of an episode; without a model only those in the journal."""
        settings = settings_digest(job.model, self._configuration.sampling)
        stop = self._stops.get(job.model) or asyncio.Event()
        return Asking(job.key, settings, self.journal, model, self.patience, stop, self._say_once)

    def _say_once(self, line: str) -> None:
        """A fault that is being retried is told the first time only, its kind by model."""
        kind = ":".join(line.split(":")[:2])
        if kind not in self._told:
            self._told.add(kind)
            self.say(line)

    async def perform(self, job: Job, answer: Answer) -> tuple[Outcome, State]:
        """One episode from its world to its outcome: a pure function of the replies."""
        agent, memory = AGENTS[self._configuration.agent](), self._memory(job)
        world = family(job.instance.family).world(job.instance, self.folder.prompts)
        outcome = await drive(episode(world, agent, memory), answer)
        return outcome, memory.state()

    def _memory(self, job: Job) -> Memory:
        name, prompts = self._memory_of(job), self.folder.prompts
        others = None
        if name in NEEDS_OTHER:
            others = other_rounds(job.instance, self.instances, prompts)
        return MEMORIES[name](Context(prompts, others))

    def _memory_of(self, job: Job) -> str:
        """The memory's name; none in a family of one step, and for policies: they see the truth."""
        if job.model.startswith("policy/") or not family(job.instance.family).many_steps:
            return "none"
        return self._configuration.memory

    def _record(
        self,
        job: Job,
        asking: Asking,
        state: State,
        grade: Grade | None,
        problem: Problem | None,
    ) -> Record:
        mine = [reply for path, reply in asking.replies if not is_memory(path)]
        notes = [reply for path, reply in asking.replies if is_memory(path)]
        both = [*mine, *notes]
        lost = problem is not None and problem.boundary == "provider"  # perhaps billed
        return Record(
            instance=job.instance.id,
            family=job.instance.family,
            level=job.instance.level,
            settings=job.instance.settings,
            model=job.model,
            agent=self._configuration.agent,
            memory=self._memory_of(job),
            epoch=job.epoch,
            grade=grade,
            problem=problem,
            calls=len(mine),
            attempts=asking.attempts,
            input_tokens=None if lost else total([reply.usage.input for reply in mine]),
            output_tokens=None if lost else total([reply.usage.output for reply in mine]),
            cost=None if lost else total([reply.cost for reply in both]),
            seconds=round(sum(reply.seconds for reply in both), 6),
            memory_calls=len(notes),
            memory_tokens=total([n for r in notes for n in (r.usage.input, r.usage.output)]),
            memory_read=state.read,
            memory_written=state.written,
        )

    async def regrade(self) -> tuple[int, int]:
        """Replay every graded episode with today's graders; returns how many changed, of how many.

        No model is asked. The new grades are appended as a version of their own.
        """
        models = [spec.name for spec in self._configuration.models]
        jobs = [job for name in models for job in self.jobs(name) if not self._open(job)]
        changed = 0
        with Progress("regraded", len(jobs)) as progress:
            for start in range(0, len(jobs), 500):
                part = jobs[start : start + 500]
                changed += sum(await asyncio.gather(*(self._again(job) for job in part)))
                for _ in part:
                    progress.add()
        return changed, len(jobs)

    async def _again(self, job: Job) -> bool:
        version, before = self._latest[job.key]
        asking = self.asking(job, None)
        outcome, state = await self.perform(job, asking.answer)
        grade = family(job.instance.family).grade(job.instance, outcome)
        record = self._record(job, asking, state, grade, None)
        await self.journal.record(job.key, version + 1, record, outcome)
        return grade != before.grade


def _problem(error: Exception) -> Problem:
    if isinstance(error, Failure):
        return Problem(error.boundary, str(error))
    trace = "".join(traceback.format_exception(error))
    return Problem("world", scrub(f"{type(error).__name__}: {error}"), scrub(trace))
