"""Replays the graded episodes of a run with today's graders: no model, any number of processes."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from harness.calls.drive import drive
from harness.calls.recorded import RecordedCalls
from harness.calls.request import settings_of_seats
from harness.engines.base import Engine
from harness.mcp.direct import direct
from harness.progress import Progress
from harness.run.jobs import EpisodeJob
from harness.run.recorded import RecordedRun
from harness.run.rollout import Rollout
from harness.store.journal import Journal, answered_of
from harness.store.rows import Performed, Row
from tasks.base import Grade, NoReference, Outcome, Problem, Record

CALLS = 200  # about so many are replayed together: little to send, little to wait for


class ReplayedEpisode(NamedTuple):
    """A graded episode, the rows of its calls in the journal, and its other effects by path."""

    job: EpisodeJob
    rows: list[Row]
    effects: dict[str, Performed]


class Graded(NamedTuple):
    """The record of a replay, with its grade or the reason why it has none."""

    key: str
    record: Record
    outcome: Outcome


@dataclass(frozen=True)
class Regrading:
    """Replays episodes and grades them: a pure function of what the journal has of them."""

    rollout: Rollout

    def __call__(self, group: Sequence[ReplayedEpisode]) -> list[Graded]:
        """Return the grade of each; raise the first failure."""
        return asyncio.run(self._all(group))

    async def _all(self, group: Sequence[ReplayedEpisode]) -> list[Graded]:
        return [await self._one(each) for each in group]

    def recorded(self, episode: ReplayedEpisode) -> RecordedCalls:
        """Return what answers an episode: its journal, and nobody beyond it."""
        job, rows, effects = episode
        settings = settings_of_seats(self.rollout.configuration, job.model)
        journaled, tools = answered_of(rows, job.key), direct(job.instance)
        return RecordedCalls(job.key, settings, journaled, tools=tools, effects=effects)

    async def _one(self, each: ReplayedEpisode) -> Graded:
        job, calls = each.job, self.recorded(each)
        memory = self.rollout.memory(job)
        outcome = await drive(self.rollout.program(job, memory), calls.perform)
        grade, problem = self._graded(job, outcome)
        record = self.rollout.record(job, calls, memory.state(), grade, problem)
        return Graded(job.key, record, outcome)

    def _graded(self, job: EpisodeJob, outcome: Outcome) -> tuple[Grade | None, Problem | None]:
        """Return a grade, or why there is none: older graders took no reference for 0."""
        try:
            return self.rollout.grade(job.instance, outcome), None
        except NoReference as failure:
            return None, Problem(failure.boundary, str(failure), kind=failure.kind)


def regrade(run: RecordedRun, engine: Engine) -> tuple[int, int]:
    """Grade again what has a grade; returns how many grades changed, of how many.

    The new ones are appended as a version of their own, by this process alone.
    """
    jobs, latest, changed = run.graded(), run.latest, 0
    work, groups = Regrading(run.rollout), grouped_episodes(jobs, run.journal)

    async def commit(graded: Sequence[Graded]) -> None:
        await asyncio.gather(
            *(
                run.journal.record(key, latest[key][0] + 1, record, outcome)
                for key, record, outcome in graded
            )
        )

    with Progress("regraded", len(jobs)) as progress, asyncio.Runner() as runner:
        for graded in engine.map(work, groups, _name):
            runner.run(commit(graded))
            for key, record, _ in graded:
                changed += record.grade != latest[key][1].grade
                progress.add()
    return changed, len(jobs)


def grouped_episodes(
    jobs: Sequence[EpisodeJob], journal: Journal
) -> Iterator[list[ReplayedEpisode]]:
    """Yield the jobs in groups of about `CALLS` calls, each read when it is wanted."""
    group: list[ReplayedEpisode] = []
    calls = 0
    for job in jobs:
        rows = journal.rows(job.key)
        group.append(ReplayedEpisode(job, rows, journal.effects(job.key)))
        calls += max(len(rows), 1)
        if calls >= CALLS:
            yield group
            group, calls = [], 0
    if group:
        yield group


def _name(group: Sequence[ReplayedEpisode]) -> str:
    more = f" and {len(group) - 1} more" if len(group) > 1 else ""
    return f"the replay of {group[0].job.key}{more}"
