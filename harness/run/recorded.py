"""A run as its folder has it: its episodes, their grades and their calls. Nothing is asked."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property, partial

from harness.calls.checks import checked
from harness.calls.client import ModelClient
from harness.calls.imagination import Imagination
from harness.calls.live import calls_of
from harness.calls.recorded import RecordedCalls
from harness.calls.request import settings_of_seats
from harness.calls.sessions import SessionBench
from harness.calls.training import simulated
from harness.calls.workbench import Workbench
from harness.mcp.direct import Tools, no_tools, world_of
from harness.run.jobs import EpisodeJob, in_shard
from harness.run.models import is_asked
from harness.run.rollout import Rollout
from harness.store.folder import Folder
from harness.store.journal import Journal, key_of
from harness.suites.instances import InstanceLine
from tasks.base import Grade, Record


class RecordedRun:
    """The episodes of one run folder.

    Attributes:
        epochs: how many of each instance are meant, where not all that the run has.
        rollout: what its episodes are made with.
    """

    def __init__(
        self,
        folder: Folder,
        journal: Journal,
        instances: Sequence[InstanceLine],
        epochs: int | None = None,
    ) -> None:
        self.folder, self.journal, self.instances = folder, journal, instances
        self.configuration = folder.manifest.configuration
        self.epochs = epochs or self.configuration.epochs
        self.rollout = Rollout.of(folder, instances)
        self._open = journal.open_episodes()

    @cached_property
    def latest(self) -> dict[str, tuple[int, Record]]:
        """The newest version and record of each episode by its key, read when first wanted."""
        return self.journal.latest()

    def jobs(self, model: str) -> list[EpisodeJob]:
        """Return a model's episodes, epoch by epoch; a policy's in the families that have it."""
        return [EpisodeJob(line, model, epoch) for line, epoch, _ in self._episodes(model)]

    def open_jobs(self, model: str) -> tuple[list[EpisodeJob], int]:
        """Return those of a model's episodes that have no grade yet, and how many it has in all."""
        jobs, count = list[EpisodeJob](), 0
        for line, epoch, key in self._episodes(model):
            count += 1
            if key in self._open:
                jobs.append(EpisodeJob(line, model, epoch))
        return jobs, count

    def _episodes(self, model: str) -> Iterator[tuple[InstanceLine, int, str]]:
        """Yield the instance, the epoch and the key of each episode of a model."""
        programs, shard = self.folder.programs, self.folder.manifest.shard
        takes_part = cache(lambda name: is_asked(model, name, programs))
        asked_lines = [line for line in self.instances if takes_part(line.family)]
        for epoch in range(self.epochs):
            for line in asked_lines:
                key = key_of(model, epoch, line.id)
                if in_shard(key, shard):
                    yield line, epoch, key

    def is_open(self, job: EpisodeJob) -> bool:
        """Return whether an episode has no grade yet: new, cut off, or ended in an error."""
        return job.key in self._open

    def next_version(self, job: EpisodeJob) -> int:
        """Return the version of the next record of an open episode."""
        return self._open.next_version(job.key)

    def graded(self) -> list[EpisodeJob]:
        """Return the episodes that have a grade, model by model."""
        names = [spec.name for spec in self.configuration.models]
        return [job for name in names for job in self.jobs(name) if not self.is_open(job)]

    def grade(self, job: EpisodeJob) -> Grade | None:
        """Return the newest grade of an episode; None without one."""
        return self.latest[job.key][1].grade if job.key in self.latest else None

    def finished(
        self, records: Mapping[str, Record] | None = None
    ) -> Iterator[tuple[EpisodeJob, Record]]:
        """Yield the episodes that have a record, model by model, with their newest records.

        Args:
            records: the newest of those that are wanted, by key; None is all, read when wanted.
        """
        if records is None:
            records = {key: record for key, (_, record) in self.latest.items()}
        for spec in self.configuration.models:
            for line, epoch, key in self._episodes(spec.name):
                if key in records:
                    yield EpisodeJob(line, spec.name, epoch), records[key]

    def calls(
        self,
        job: EpisodeJob,
        tools: Tools = no_tools,
        clients: Mapping[str, ModelClient] | None = None,
        bench: Workbench | None = None,
        sessions: SessionBench | None = None,
    ) -> RecordedCalls:
        """Return what answers an episode: the journal, and beyond it the clients, if any.

        Programs are run on the bench, if there is one, and command-line agents where `sessions`
        lets them; answers are checked if there are clients.
        """
        names = self.configuration.seats_of(job.model)
        settings = settings_of_seats(self.configuration, job.model)
        seats = None
        if clients is not None and job.model in clients:
            seats = {seat: clients[name] for seat, name in names.items()}
        return calls_of(
            job.key,
            settings,
            self.journal,
            seats,
            tools,
            bench=bench,
            checker=partial(checked, job.instance, self.rollout.prompts),
            sessions=sessions,
            trainer=partial(simulated, job.instance, self.rollout.prompts),
            world=partial(world_of, job.instance),
            imagination=Imagination(job.instance, self.rollout.prompts),
        )
