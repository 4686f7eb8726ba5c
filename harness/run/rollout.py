"""What every episode of a run is made with, and what it comes to: no journal, no model, no clock.

Two sides use it: the run itself, and whoever replays its episodes, here or on another machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from harness.agents.base import Agent, read_agent
from harness.calls.recorded import CountedReply, RecordedCalls
from harness.costs import Price, cost_of, sum_or_none
from harness.families.registry import family
from harness.models.names import program_of
from harness.run.episode import episode
from harness.run.jobs import EpisodeJob
from harness.run.placebo import other_rounds
from harness.store.folder import Folder
from harness.store.manifest import Configuration
from harness.suites.instances import InstanceLine
from memory.base import Memory, is_memory, read_memory
from memory.context import Context, MemoryState
from tasks.base import Grade, Instance, Outcome, Problem, Program, Record, SolverFailure
from tasks.prompts import Prompts


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
        others = read_memory(manifest.configuration.memory)[0].needs_other
        return cls(
            manifest.configuration, folder.prompts, manifest.prices, instances if others else ()
        )

    def agent(self) -> Agent:
        """A fresh agent of the run's kind."""
        kind, settings = read_agent(self.configuration.agent)
        return kind.make(self.prompts, settings)

    def memory(self, job: EpisodeJob) -> Memory:
        """An empty memory of the run's kind."""
        kind, settings = read_memory(self.memory_of(job))
        others = None
        if kind.needs_other:
            run = [made.instance for made in self.instances]
            others = other_rounds(job.instance, run, self.prompts)
        return kind.new(Context(self.prompts, others), settings)

    def memory_of(self, job: EpisodeJob) -> str:
        """The memory's name; none without rounds, and for policies: they see the truth."""
        if job.model.startswith("policy/") or not family(job.instance.family).has_rounds:
            return "none"
        return self.configuration.memory

    def program(self, job: EpisodeJob, memory: Memory) -> Program[Outcome]:
        """Return an episode from its world to its outcome, with a memory that is still empty."""
        world = family(job.instance.family).world(job.instance, self.prompts)
        return episode(world, self.agent(), memory)

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
        state: MemoryState | None,
        grade: Grade | None,
        problem: Problem | None,
    ) -> Record:
        """An episode that has ended, as the board reads it."""
        paid = [each.reply for each in calls.replies if not is_memory(each.path)]
        notes = [each for each in calls.replies if is_memory(each.path)]
        price = self.prices.get(job.model)
        lost = problem is not None and problem.boundary == "provider"  # perhaps billed
        everything = [*paid, *(note.reply for note in notes)]
        state = state or MemoryState()
        is_program = program_of(job.model) is not None
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
            calls=len(paid),
            attempts=calls.attempts,
            input_tokens=None if lost else sum_or_none([reply.usage.input for reply in paid]),
            output_tokens=None if lost else sum_or_none([reply.usage.output for reply in paid]),
            cost=None if lost else sum_or_none([cost_of(reply, price) for reply in everything]),
            seconds=round(sum(reply.seconds for reply in everything), 6),
            memory_calls=len(notes),
            memory_tokens=_tokens(notes),
            memory_read=state.read,
            memory_written=state.written,
            recall_tokens=_tokens([note for note in notes if note.ledger == "recall"]),
            sandbox_seconds=round(sum(r.seconds for r in paid), 6) if is_program else 0.0,
        )


def _tokens(replies: Sequence[CountedReply]) -> int | None:
    """Return the tokens of some replies, in and out; None if one is unknown."""
    usages = [each.reply.usage for each in replies]
    tokens: int | None = sum_or_none([n for usage in usages for n in (usage.input, usage.output)])
    return tokens
