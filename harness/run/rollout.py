"""What every episode of a run is made with, and what it comes to: no journal, no model, no clock.

Two sides use it: the run itself, and whoever replays its episodes, here or on another machine.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from harness.agents.base import AGENTS, Agent
from harness.calls.recorded import RecordedCalls
from harness.costs import Price, cost_of, sum_or_none
from harness.families.registry import family
from harness.mcp.direct import Tools
from harness.run.episode import drive, episode
from harness.run.jobs import EpisodeJob
from harness.run.placebo import other_rounds
from harness.store.folder import Folder
from harness.store.manifest import Configuration
from harness.suites.instances import InstanceLine
from memory.base import MEMORIES, NEEDS_OTHER, Memory, is_memory
from memory.context import Context, MemoryState
from tasks.base import Ask, Grade, Instance, Outcome, Problem, Record, Reply, SolverFailure
from tasks.prompts import Prompts

Answer = Callable[[Ask], Awaitable[Reply]]


@dataclass(frozen=True)
class Rollout:
    """What the episodes of one run are made with; it can be sent to another process.

    Attributes:
        prices: by model, as the run was told them.
        instances: all of the run's, where its memory shows another user's rounds; else none.
    """

    configuration: Configuration
    prompts: Prompts
    prices: Mapping[str, Price]
    instances: Sequence[InstanceLine] = ()

    @classmethod
    def of(cls, folder: Folder, instances: Sequence[InstanceLine]) -> "Rollout":
        """That of a run folder."""
        manifest = folder.manifest
        others = manifest.configuration.memory in NEEDS_OTHER
        return cls(
            manifest.configuration, folder.prompts, manifest.prices, instances if others else ()
        )

    def agent(self) -> Agent:
        """A fresh agent of the run's kind."""
        return AGENTS[self.configuration.agent](self.prompts)

    def memory(self, job: EpisodeJob) -> Memory:
        """An empty memory of the run's kind."""
        name = self.memory_of(job)
        others = None
        if name in NEEDS_OTHER:
            run = [made.instance for made in self.instances]
            others = other_rounds(job.instance, run, self.prompts)
        return MEMORIES[name](Context(self.prompts, others))

    def memory_of(self, job: EpisodeJob) -> str:
        """The memory's name; none without rounds, and for policies: they see the truth."""
        if job.model.startswith("policy/") or not family(job.instance.family).has_rounds:
            return "none"
        return self.configuration.memory

    async def perform(
        self, job: EpisodeJob, answer: Answer, tools: Tools
    ) -> tuple[Outcome, MemoryState]:
        """One episode from its world to its outcome: a pure function of the replies."""
        agent, memory = self.agent(), self.memory(job)
        world = family(job.instance.family).world(job.instance, self.prompts)
        outcome = await drive(episode(world, agent, memory), answer, tools)
        return outcome, memory.state()

    def grade(self, instance: Instance[Any], outcome: Outcome) -> Grade:
        """The family's grade; its score is the measure that the suite names as headline, if any.

        SolverFailure if the instance's reference lacks what that measure needs.
        """
        grade, headline = family(instance.family).grade(instance, outcome), self.headline
        if not headline:
            return grade
        score = family(instance.family).headlines[headline](grade)
        if score is None:
            raise SolverFailure(
                f"{instance.id}: its reference is {instance.reference.status} with the bound"
                f" {instance.reference.bound}, too little for the suite's headline {headline}"
            )
        return replace(grade, score=score)

    @property
    def headline(self) -> str | None:
        """What the suite names as its score; None where that is the families' own."""
        return self.configuration.suite.headline or None

    def record(
        self,
        job: EpisodeJob,
        calls: RecordedCalls,
        state: MemoryState,
        grade: Grade | None,
        problem: Problem | None,
    ) -> Record:
        """An episode that has ended, as the board reads it."""
        mine = [reply for path, reply in calls.replies if not is_memory(path)]
        notes = [reply for path, reply in calls.replies if is_memory(path)]
        both = [*mine, *notes]
        price = self.prices.get(job.model)
        lost = problem is not None and problem.boundary == "provider"  # perhaps billed
        return Record(
            instance=job.instance.id,
            family=job.instance.family,
            level=job.instance.level,
            settings=job.instance.settings,
            model=job.model,
            agent=self.configuration.agent,
            memory=self.memory_of(job),
            epoch=job.epoch,
            grade=grade,
            problem=problem,
            calls=len(mine),
            attempts=calls.attempts,
            input_tokens=None if lost else sum_or_none([reply.usage.input for reply in mine]),
            output_tokens=None if lost else sum_or_none([reply.usage.output for reply in mine]),
            cost=None if lost else sum_or_none([cost_of(reply, price) for reply in both]),
            seconds=round(sum(reply.seconds for reply in both), 6),
            memory_calls=len(notes),
            memory_tokens=sum_or_none([n for r in notes for n in (r.usage.input, r.usage.output)]),
            memory_read=state.read,
            memory_written=state.written,
        )
