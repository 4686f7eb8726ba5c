"""Trials of a search for a pipeline: each is a run folder, which grows from rung to rung."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import msgspec

from graders.statistics import Estimate, mean_of
from harness import files
from harness.agents.pipeline_format import Pipeline
from harness.calls.options import RunOptions
from harness.log import Log
from harness.run.begin import begin, ready
from harness.run.request import RunRequest
from harness.store.folder import Folder
from harness.store.journal import read_records
from harness.tune.space import TunePlan
from tasks.base import Failure, InputError, Record


@dataclass(frozen=True)
class TrialResult:
    """The answers of a pipeline to the first instances of a seed.

    Attributes:
        pipeline: which answered.
        folder: of the run.
        scores: by instance, in their order.
        tokens: an answer took on average, in and out.
    """

    pipeline: Pipeline
    folder: Path
    scores: tuple[float, ...]
    tokens: float

    @property
    def score(self) -> float:
        """Return the mean score."""
        return fmean(self.scores)

    def over(self, other: "TrialResult") -> Estimate:
        """Return by how much it scores higher than another, instance by instance."""
        pairs = zip(self.scores, other.scores, strict=True)
        return mean_of([one - two for one, two in pairs])


@dataclass(frozen=True)
class Bench:
    """Where and how trials are run.

    Attributes:
        plan: of the search.
        out: the folder of all runs.
        options: how models are asked.
        log: what is told while it goes.
    """

    plan: TunePlan
    out: Path
    options: RunOptions
    log: Log

    def develop(self, pipeline: Pipeline, count: int) -> TrialResult:
        """Return how a pipeline does on the first development instances."""
        return self._run(pipeline, self.plan.seed, count, "trials")

    def hold(self, pipeline: Pipeline) -> TrialResult:
        """Return how a pipeline does on the instances that were held out."""
        return self._run(pipeline, self.plan.held_out_seed, self.plan.held_out, "held-out")

    def _run(self, pipeline: Pipeline, seed: int, count: int, kind: str) -> TrialResult:
        name = f"{pipeline.name[:80]}-{pipeline.digest}"
        file = self.out / "pipelines" / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        files.write(file, msgspec.json.encode({"pipeline": pipeline}) + b"\n")
        folder = self.out / kind / name
        opened = begin(self._request(file, folder, seed, count), self.options)
        with ready(opened, self.options, self.log) as suite_run:
            counts = asyncio.run(suite_run.run(opened.models))
        if counts["left"]:
            raise Failure(f"{folder}: {counts['left']} episodes are left: give the command again")
        return _result(pipeline, folder, count)

    def _request(self, file: Path, folder: Path, seed: int, count: int) -> RunRequest:
        plan = self.plan
        return RunRequest(
            what=plan.family,
            models=[plan.model],
            agent=f"pipeline:{file}",
            level=plan.level,
            seed=seed,
            settings=plan.settings,
            limit=count,
            sampling=plan.sampling.sampling,
            base_url=plan.base_url,
            api_key_env=plan.api_key_env,
            out=folder,
        )


def _result(pipeline: Pipeline, folder: Path, count: int) -> TrialResult:
    """Return what a run's folder holds of its first instances.

    Raises:
        Failure: an episode ended in an error: it would not be comparable.
        InputError: what calls took is unknown.
    """
    records = {record.instance: record for record in read_records(folder)}
    lines = Folder.open(folder).instances()[:count]
    whole = [records[line.id] for line in lines]
    failed = [record for record in whole if record.grade is None]
    if failed:
        raise Failure(
            f"{folder}: {len(failed)} episodes ended in errors: give the command again, which"
            " asks what is missing"
        )
    scores = tuple(record.grade.score for record in whole if record.grade)
    return TrialResult(pipeline, folder, scores, fmean(_tokens(record) for record in whole))


def _tokens(record: Record) -> int:
    if record.input_tokens is None or record.output_tokens is None:
        raise InputError(f"{record.model}: its server tells no tokens, which a search counts")
    return record.input_tokens + record.output_tokens
