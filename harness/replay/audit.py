"""Audits a run: does every episode replay to the same grade, and what are the memory's notes worth?

The exams of the memories are asked once and kept in the journal, under paths that begin with
`audit`; after that an audit asks nobody.
"""

import asyncio
from collections.abc import Sequence
from hashlib import blake2b
from statistics import mean
from typing import Any

import msgspec
from msgspec.structs import replace

from graders.statistics import Estimate, mean_of
from harness.calls.drive import Perform, drive
from harness.calls.live import Stopped
from harness.calls.loop import Loop
from harness.calls.options import RunOptions
from harness.calls.recorded import ReplayFailure
from harness.failures import policy_of
from harness.families.registry import family
from harness.log import Log
from harness.mcp.direct import direct
from harness.models.base import Model
from harness.run.episode import episode
from harness.run.jobs import EpisodeJob
from harness.run.recorded import RecordedRun
from memory.base import Memory, NoMemory, is_memory, read_memory
from memory.context import MemoryState
from memory.notebook import ROUND
from tasks.base import Ask, Failure, Instance, Noun, Outcome, Outside, Program, Tell
from tasks.spelling import is_mended

CLASHES = 20  # held-out steps for each user, enough to tell notes from nothing over a dozen of them
NOTES, BARE = EXAMS = ("audit/notes", "audit/bare")


class Exam(Noun, frozen=True):
    """The worth of the notes of one episode: the family's metrics."""

    instance: str
    model: str
    memory: str
    epoch: int
    metrics: dict[str, float]


class ExamRow(Noun, frozen=True):
    """The exams of a model with a memory: means over users, with an interval by user.

    `gain` is the error without the notes less the error with them, paired by user.
    """

    model: str
    memory: str
    users: int
    held_out: int
    gain: Estimate
    metrics: dict[str, Estimate]


class AuditReport(Noun, frozen=True):
    """The findings of an audit.

    Attributes:
        episodes: graded episodes of the run.
        replayed: those whose every request is the journal's.
        differ: what is wrong with the others, and grades that today's graders give otherwise.
        digest: of outcomes and memories, in the order of the run.
        unexamined: exams that failed, with the reason.
    """

    episodes: int
    replayed: int
    differ: tuple[str, ...]
    digest: str
    rows: tuple[ExamRow, ...]
    unexamined: tuple[str, ...] = ()


class Audit:
    """Replays the episodes of a run, and examines the memories that took notes."""

    def __init__(
        self, run: RecordedRun, options: RunOptions, log: Log, models: Sequence[Model]
    ) -> None:
        """Make one; `models` are asked for the exams that are not in the journal yet."""
        self._run, self._options, self._log, self._models = run, options, log, models
        self._differ: list[str] = []
        self._unexamined: list[str] = []

    def calls_due(self) -> int:
        """Return how many calls the exams still need, at one a step; 0 if nobody will be asked."""
        return sum(map(self._due, self._jobs()))

    def _due(self, job: EpisodeJob) -> int:
        rounds, name = family(job.instance.family).rounds, self._run.rollout.memory_of(job)
        if rounds is None or not read_memory(name)[0].takes_notes:
            return 0
        answered = self._run.journal.answered(job.key)
        exams = [path for path in answered if path.startswith(EXAMS) and not is_memory(path)]
        return max(0, 2 * CLASHES - sum(answered[path].reply is not None for path in exams))

    def _jobs(self) -> list[EpisodeJob]:
        """Return the episodes that have a grade."""
        names = [spec.name for spec in self._run.configuration.models]
        return [job for name in names for job in self._run.jobs(name) if self._run.grade(job)]

    async def run(self) -> AuditReport:
        """Return what the whole audit comes to."""
        jobs = self._jobs()
        room = asyncio.Semaphore(self._options.workers)
        results: list[tuple[str, Exam | None] | None] = []
        loop = Loop(
            self._run.folder.manifest,
            self._run.journal,
            self._options,
            self._log,
            self._models,
            unit="audited",
            total=len(jobs),
        )
        async with loop:

            async def audit(job: EpisodeJob) -> tuple[str, Exam | None] | None:
                async with room:
                    result = await self._job(job, loop)
                loop.progress.add()
                return result

            results = await asyncio.gather(*map(audit, jobs))
        replayed = [result for result in results if result is not None]
        digest = blake2b("".join(d for d, _ in replayed).encode(), digest_size=8).hexdigest()
        return AuditReport(
            episodes=len(jobs),
            replayed=len(replayed),
            differ=tuple(self._differ),
            digest=digest,
            rows=summarise([exam for _, exam in replayed if exam]),
            unexamined=tuple(self._unexamined),
        )

    async def _job(self, job: EpisodeJob, loop: Loop) -> tuple[str, Exam | None] | None:
        """Return the digest of an episode's outcome and memory, and its exam if there is one."""
        memory = self._run.rollout.memory(job)
        try:
            calls = self._run.calls(job, direct(job.instance))
            outcome = await drive(self._run.rollout.program(job, memory), calls.perform)
            grade = self._run.rollout.grade(job.instance, outcome)
        except Failure as failure:  # of the journal, or of a grader whose reference is refuted
            reason = str(failure)
            self._differ.append(reason if job.key in reason else f"{job.key}: {reason}")
            return None
        if difference := _difference(outcome, self._run.journal.outcome(job.key)):
            self._differ.append(f"{job.key}: {difference}")
        elif grade != self._run.grade(job):
            self._differ.append(f"{job.key}: today's grader gives another grade: makespan regrade")
        state = memory.state()
        text = msgspec.json.encode([job.key, outcome, state.digest], order="sorted")
        digest = blake2b(text, digest_size=8).hexdigest()
        try:
            return digest, await self._examine(job, memory, state, loop)
        except Stopped:
            self._unexamined.append(f"{job.key}: {job.model} is asked nothing more")
            return digest, None
        except Failure as failure:
            if policy_of(failure).then == "run" and not isinstance(failure, ReplayFailure):
                raise
            self._unexamined.append(f"{job.key}: {failure}")
            return digest, None

    async def _examine(
        self, job: EpisodeJob, memory: Memory, state: MemoryState, loop: Loop
    ) -> Exam | None:
        """Ask held-out steps with nothing but the notes, and again without them."""
        rounds = family(job.instance.family).rounds
        name = self._run.rollout.memory_of(job)
        takes_notes = read_memory(name)[0].takes_notes
        if rounds is None or not takes_notes:
            return None
        held = rounds.held_out(job.instance, CLASHES)
        if any(memory.observe(Tell(NOTES, {"history": 0}))):
            raise Failure(f"memory {name} asks something where nothing has happened")
        noted, bare = await self._sit(job, held, memory, loop)
        day = max((op.date for op in state.log), default="")
        notes = [e.text for e in state.entries if e.kind != ROUND and e.valid(day)]
        others = [m.instance for m in self._run.instances if m.family == job.instance.family]
        metrics = rounds.examine(job.instance, held, noted, bare, notes, others)
        return Exam(job.instance.id, job.model, name, epoch=job.epoch, metrics=metrics)

    async def _sit(
        self, job: EpisodeJob, held: Instance[Any], memory: Memory, loop: Loop
    ) -> tuple[Outcome, Outcome]:
        """Return how the model decides held-out steps with its notes, and without them."""
        prompts, agent = self._run.folder.prompts, self._run.rollout.agent(job)
        calls = self._run.calls(job, direct(held), loop.clients)
        outcomes = []
        for prefix, examined in ((NOTES, ReadOnlyMemory(memory)), (BARE, NoMemory())):
            world = family(held.family).world(held, prompts)
            perform = with_prefix(prefix, calls.perform)
            outcomes.append(await drive(episode(world, agent, examined), perform))
        return outcomes[0], outcomes[1]


def _difference(outcome: Outcome, stored: Outcome | None) -> str:
    """Return how a replayed outcome differs from the stored one; nothing where it does not.

    The same replies may have been read otherwise: their spelling was not mended then, or another
    reason was given why there is no answer.
    """
    if outcome == stored:
        return ""
    if stored is not None:
        values, before = ([p.value for p in each.answers] for each in (outcome, stored))
        if is_mended(outcome) or (values, outcome.calls) == (before, stored.calls):
            return "its replies are read otherwise now: makespan regrade"
    return "its replies are not those that were graded"


class ReadOnlyMemory:
    """A memory that can be read, and learns no more."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def recall(self, ask: Ask) -> Program[Ask]:
        """Return what the memory recalls."""
        return self._memory.recall(ask)

    def observe(self, tell: Tell) -> Program[None]:  # noqa: ARG002
        """Take no note of it."""
        yield from ()

    def idle(self, path: str) -> Program[None]:  # noqa: ARG002
        """Do nothing."""
        yield from ()

    def state(self) -> MemoryState:
        """Return the state as it was."""
        return self._memory.state()


def with_prefix(prefix: str, perform: Perform) -> Perform:
    """Return what performs effects under paths that begin with a prefix."""

    async def perform_there(effect: Outside) -> Any:
        return await perform(replace(effect, path=f"{prefix}/{effect.path}"))

    return perform_there


def summarise(exams: Sequence[Exam]) -> tuple[ExamRow, ...]:
    """A row for each model and memory; epochs of a user count as their mean."""
    groups: dict[tuple[str, str], dict[str, list[dict[str, float]]]] = {}
    for exam in exams:
        users = groups.setdefault((exam.model, exam.memory), {})
        users.setdefault(exam.instance, []).append(exam.metrics)
    return tuple(_row(*key, list(users.values())) for key, users in groups.items())


def _row(model: str, memory: str, users: Sequence[Sequence[dict[str, float]]]) -> ExamRow:
    means = [
        {
            n: mean(epoch_metrics[n] for epoch_metrics in epochs if n in epoch_metrics)
            for n in {k: 0 for e in epochs for k in e}
        }
        for epochs in users
    ]
    names = dict.fromkeys(name for user in means for name in user)
    metrics = {name: mean_of([user[name] for user in means if name in user]) for name in names}
    gain = mean_of([user["bare_error"] - user["error"] for user in means])
    return ExamRow(model, memory, len(means), held_out=CLASHES, gain=gain, metrics=metrics)
