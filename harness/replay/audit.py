"""Audits a run: does every episode replay to the same grade, and what are the memory's notes worth?

The exams of the memories are asked once and kept in the journal, under paths that begin with
`audit`; after that an audit asks nobody.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from statistics import mean
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from graders.statistics import Estimate, mean_of
from harness.agents.base import Agent
from harness.calls.client import ModelClient
from harness.calls.live import Stopped
from harness.calls.recorded import ReplayFailure
from harness.failures import policy_of
from harness.families.registry import family
from harness.mcp.direct import direct
from harness.progress import Progress
from harness.run.episode import drive, episode
from harness.run.jobs import EpisodeJob
from harness.run.loop import Batch
from memory.base import TAKE_NOTES, Memory, NoMemory
from memory.context import MemoryState
from memory.notebook import ROUND
from tasks.base import Ask, Failure, Noun, Outcome, Program, Tell

R = TypeVar("R")
CLASHES = 20  # held-out steps for each user, enough to tell notes from nothing over a dozen of them
NOTES, BARE = "audit/notes", "audit/bare"


class Exam(Noun, frozen=True):
    """What the notes of one episode were worth: the family's metrics."""

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
    """What an audit found.

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


@dataclass
class Audit:
    """Replays the episodes of a run, and examines the memories that took notes.

    `lanes` ask the models whose exams are not in the journal yet.
    """

    batch: Batch
    lanes: dict[str, ModelClient]
    differ: list[str] = field(default_factory=list)
    unexamined: list[str] = field(default_factory=list)

    async def run(self) -> AuditReport:
        """The whole audit."""
        names = [spec.name for spec in self.batch.folder.manifest.configuration.models]
        jobs = [job for name in names for job in self.batch.jobs(name) if self.batch.grade(job)]
        room = asyncio.Semaphore(self.batch.manner.workers)
        with Progress("audited", len(jobs)) as progress:

            async def one(job: EpisodeJob) -> tuple[str, Exam | None] | None:
                async with room:
                    found = await self._job(job)
                progress.add()
                return found

            try:
                found = await asyncio.gather(*map(one, jobs))
            finally:
                for lane in self.lanes.values():
                    await lane.close()
        whole = [f for f in found if f is not None]
        digest = blake2b("".join(d for d, _ in whole).encode(), digest_size=8).hexdigest()
        rows = summarise([exam for _, exam in whole if exam])
        return AuditReport(
            len(jobs), len(whole), tuple(self.differ), digest, rows, tuple(self.unexamined)
        )

    async def _job(self, job: EpisodeJob) -> tuple[str, Exam | None] | None:
        """The digest of an episode's outcome and memory, and its exam if there is one."""
        agent, memory = self.batch.kit.agent(), self.batch.kit.memory(job)
        about = family(job.instance.family)
        world = about.world(job.instance, self.batch.folder.prompts)
        try:
            answer = self.batch.asking(job, None).answer
            outcome = await drive(episode(world, agent, memory), answer, direct(job.instance))
            grade = self.batch.kit.grade(job.instance, outcome)
        except Failure as failure:  # of the journal, or of a grader whose reference is refuted
            told = str(failure)
            self.differ.append(told if job.key in told else f"{job.key}: {told}")
            return None
        if outcome != self.batch.journal.outcome(job.key):
            self.differ.append(f"{job.key}: its replies are not those that were graded")
        elif grade != self.batch.grade(job):
            self.differ.append(f"{job.key}: today's grader gives another grade: makespan regrade")
        state = memory.state()
        text = msgspec.json.encode([job.key, outcome, state.digest], order="sorted")
        digest = blake2b(text, digest_size=8).hexdigest()
        try:
            return digest, await self._examine(job, agent, memory, state)
        except Stopped:
            self.unexamined.append(f"{job.key}: {job.model} is asked nothing more")
            return digest, None
        except Failure as failure:
            if policy_of(failure).then == "run" and not isinstance(failure, ReplayFailure):
                raise
            self.unexamined.append(f"{job.key}: {failure}")
            return digest, None

    async def _examine(
        self, job: EpisodeJob, agent: Agent, memory: Memory, state: MemoryState
    ) -> Exam | None:
        """Ask held-out steps with nothing but the notes, and again without them."""
        about = family(job.instance.family)
        name = self.batch.kit.memory_of(job)
        if about.held_out is None or about.examine is None or name not in TAKE_NOTES:
            return None
        held = about.held_out(job.instance, CLASHES)
        prompts = self.batch.folder.prompts
        answer = self.batch.asking(job, self.lanes.get(job.model)).answer
        for effect in memory.observe(Tell(NOTES, {"history": 0})):
            raise Failure(f"memory {name} asks {effect.path!r} where nothing has happened")
        tools = direct(held)

        async def sit(path: str, shown: Memory) -> Outcome:
            return await drive(
                under(path, episode(about.world(held, prompts), agent, shown)), answer, tools
            )

        noted, bare = await sit(NOTES, Closed(memory)), await sit(BARE, NoMemory())
        day = max((op.date for op in state.log), default="")
        notes = [e.text for e in state.entries if e.kind != ROUND and e.valid(day)]
        others = [m.instance for m in self.batch.instances if m.family == job.instance.family]
        metrics = about.examine(job.instance, held, noted, bare, notes, others)
        return Exam(job.instance.id, job.model, name, job.epoch, metrics)


class Closed:
    """A memory that can be read, and learns no more."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def recall(self, ask: Ask) -> Program[Ask]:
        """What the memory recalls."""
        return self._memory.recall(ask)

    def observe(self, tell: Tell) -> Program[None]:  # noqa: ARG002
        """Take no note."""
        yield from ()

    def idle(self, path: str) -> Program[None]:  # noqa: ARG002
        """Rest."""
        yield from ()

    def state(self) -> MemoryState:
        """As it was."""
        return self._memory.state()


def under(prefix: str, program: Program[R]) -> Program[R]:
    """The same program, all its paths under a prefix."""
    value = None
    while True:
        try:
            effect = program.send(value)
        except StopIteration as stop:
            result: R = stop.value
            return result
        value = yield replace(effect, path=f"{prefix}/{effect.path}")


def summarise(exams: Sequence[Exam]) -> tuple[ExamRow, ...]:
    """A row for each model and memory; epochs of a user count as their mean."""
    groups: dict[tuple[str, str], dict[str, list[dict[str, float]]]] = {}
    for exam in exams:
        users = groups.setdefault((exam.model, exam.memory), {})
        users.setdefault(exam.instance, []).append(exam.metrics)
    return tuple(_row(*key, list(users.values())) for key, users in groups.items())


def _row(model: str, memory: str, users: Sequence[Sequence[dict[str, float]]]) -> ExamRow:
    means = [
        {n: mean(one[n] for one in epochs if n in one) for n in {k: 0 for e in epochs for k in e}}
        for epochs in users
    ]
    names = dict.fromkeys(name for user in means for name in user)
    metrics = {name: mean_of([user[name] for user in means if name in user]) for name in names}
    gain = mean_of([user["bare_error"] - user["error"] for user in means])
    return ExamRow(model, memory, len(means), CLASHES, gain, metrics)
