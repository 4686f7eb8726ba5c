"""The agent, memory, grade and record of every episode of a run: no journal, no model, no clock.

The run itself uses it, and a replay of its episodes, here or on another machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET

from harness.agents.base import Agent, Direct, read_agent
from harness.agents.briefed import Briefed
from harness.calls.recorded import CountedReply, RecordedCalls
from harness.costs import Price, cost_of, sum_or_none
from harness.families.registry import family
from harness.models.names import program_of
from harness.run.episode import episode
from harness.run.jobs import EpisodeJob
from harness.run.placebo import other_rounds
from harness.store.folder import Folder
from harness.store.manifest import Configuration
from harness.suites.grading import graded
from harness.suites.instances import InstanceLine
from memory.base import Memory, is_memory, read_memory
from memory.context import Context, MemoryState
from tasks.base import Fields, Grade, Instance, Outcome, Problem, Program, Record
from tasks.prompts import Prompts


@dataclass(frozen=True)
class Rollout:
    """The parts that the episodes of one run are made with; it can be sent to another process.

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
        """Return that of a run folder."""
        manifest = folder.manifest
        others = read_memory(manifest.configuration.memory)[0].needs_other
        return cls(
            manifest.configuration, folder.prompts, manifest.prices, instances if others else ()
        )

    def agent(self, job: EpisodeJob) -> Agent:
        """A fresh agent of the run's kind; a model that is a program answers as it is.

        So does a policy in place of a command-line agent, which it could not drive.
        """
        if program_of(job.model):
            return Direct()
        kind, settings = read_agent(self.configuration.agent, self.configuration.pipeline)
        if kind.sessions and job.model.startswith("policy/"):
            return Direct()
        agent = kind.make(self.prompts, settings)
        return Briefed(agent, self.configuration.system) if self.configuration.system else agent

    def memory(self, job: EpisodeJob) -> Memory:
        """An empty memory of the run's kind."""
        kind, settings = read_memory(self.memory_of(job))
        others = None
        if kind.needs_other:
            run = [line.instance for line in self.instances]
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
        return episode(world, self.agent(job), memory)

    def grade(self, instance: Instance[Any], outcome: Outcome) -> Grade:
        """The family's grade; its score is the measure that the suite names as headline, if any.

        NoReference if the instance's reference lacks what the score needs.
        """
        return graded(instance, outcome, self.headline)

    @property
    def headline(self) -> str | None:
        """Return what the suite names as its score; None where that is the families' own."""
        return self.configuration.suite.headline or None

    def _prices_of(self, job: EpisodeJob) -> dict[str, Price | None]:
        """Return the price of the model in each seat, None where it is unknown."""
        seats = self.configuration.seats_of(job.model)
        return {seat: self.prices.get(name) for seat, name in seats.items()}

    def record(
        self,
        job: EpisodeJob,
        calls: RecordedCalls,
        state: MemoryState | None,
        grade: Grade | None,
        problem: Problem | None,
    ) -> Record:
        """An episode that has ended, as the board reads it."""
        instance, memory = job.instance, state or MemoryState()
        return Record(
            instance=instance.id,
            family=instance.family,
            level=instance.level,
            settings=instance.settings,
            model=job.model,
            agent=self.configuration.agent,
            memory=self.memory_of(job),
            epoch=job.epoch,
            grade=grade,
            problem=problem,
            attempts=calls.attempts,
            memory_read=memory.read,
            memory_written=memory.written,
            notes=dict(sorted(calls.notes.items())) or UNSET,
            **_spending(job, calls, problem, self._prices_of(job)),
        )


def _spending(
    job: EpisodeJob,
    calls: RecordedCalls,
    problem: Problem | None,
    prices: Mapping[str, Price | None],
) -> Fields:
    """Return the fields of a record that say what the replies of an episode took.

    Where a call failed for good it was perhaps billed: tokens and cost are unknown.
    """
    replies = calls.replies
    answers = [each for each in replies if not is_memory(each.path)]
    notes = [each for each in replies if is_memory(each.path)]
    is_lost = problem is not None and problem.boundary == "provider"
    usages = [each.reply.usage for each in answers]
    costs = [cost_of(each.reply, prices[each.seat]) for each in (*answers, *notes)]
    programs = answers if program_of(job.model) else []
    return {
        "calls": len(answers),
        "input_tokens": None if is_lost else sum_or_none([usage.input for usage in usages]),
        "output_tokens": None if is_lost else sum_or_none([usage.output for usage in usages]),
        "cost": None if is_lost else sum_or_none(costs),
        "seconds": _seconds([*answers, *notes]),
        "memory_calls": len(notes),
        "memory_tokens": _tokens(notes),
        "recall_tokens": _tokens([note for note in notes if note.ledger == "recall"]),
        "sandbox_seconds": round(_seconds(programs) + calls.sandbox_seconds, 6),
        "own_tokens": sum_or_none([end.own_tokens for end in calls.session_ends]),
        "side_tokens": sum_or_none([end.side_tokens for end in calls.session_ends]),
    }


def _seconds(replies: Sequence[CountedReply]) -> float:
    """Return the seconds of some replies together."""
    return round(sum(each.reply.seconds for each in replies), 6)


def _tokens(replies: Sequence[CountedReply]) -> int | None:
    """Return the tokens of some replies, in and out; None if one is unknown."""
    usages = [each.reply.usage for each in replies]
    tokens: int | None = sum_or_none([n for usage in usages for n in (usage.input, usage.output)])
    return tokens
