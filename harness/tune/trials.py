"""Trials of a search for a pipeline: each is a run folder, which grows from rung to rung."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from time import monotonic

import msgspec

from graders.statistics import Estimate, mean_of
from harness import files
from harness.agents.pipeline_format import HIDDEN, Pipeline
from harness.calls.budget import Spent
from harness.calls.options import RunOptions
from harness.log import Log
from harness.models.names import read_name
from harness.run.begin import open_run, prepare, ready
from harness.run.request import RunRequest
from harness.run.several import add_spent, left_of, run_to_end, spent_of
from harness.store.folder import Folder
from harness.store.journal import read_records
from harness.tune.space import TunePlan
from tasks.base import InputError, Record

TRIALS, HELD_OUT, BESIDE = "trials", "held-out", "beside"  # the folders of run folders


@dataclass(frozen=True)
class TrialResult:
    """The answers of a pipeline to the first instances of a seed.

    Attributes:
        pipeline: which answered.
        model: of the run.
        folder: of the run.
        scores: by instance, in their order.
        tokens: an answer took on average, in and out.
    """

    pipeline: Pipeline
    model: str
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
        options: how models are asked; its budget is for all runs together.
        log: what is told while it goes.
        prices: of models, each `MODEL=INPUT,OUTPUT[,CACHED]` in US dollars a million tokens.
    """

    plan: TunePlan
    out: Path
    options: RunOptions
    log: Log
    prices: Sequence[str] = ()
    began: float = field(default_factory=monotonic)

    def develop(self, pipeline: Pipeline, count: int, title: str) -> TrialResult:
        """Return how a pipeline does on the first development instances.

        Raises:
            Unfinished: it was stopped, or has errors; what was answered is kept.
        """
        place = self.out / TRIALS / _name(pipeline)
        request = self._request(pipeline, place, self.plan.seed, count=count)
        return self._result(pipeline, request, title)

    def hold(
        self, pipeline: Pipeline, title: str, *, kind: str = BESIDE, model: str = ""
    ) -> TrialResult:
        """Return how a pipeline does on the instances that were held out.

        Args:
            pipeline: which.
            title: what it is, for the log.
            kind: the folder that its run folder is in.
            model: who is asked in place of the plan's model.

        Raises:
            Unfinished: it was stopped, or has errors; what was answered is kept.
        """
        name = "-".join(filter(None, (_name(pipeline), model.replace("/", "-"))))
        plan, place = self.plan, self.out / kind / name
        request = self._request(pipeline, place, plan.held_out_seed, count=plan.held_out)
        if model:
            request = replace(request, models=[model])
        result = self._result(pipeline, request, f"held out, {title}")
        self.tell(f"held out, {title}", result)
        return result

    def tell(self, title: str, result: TrialResult) -> None:
        """Say what came of a run."""
        figures = (
            f"{result.score:.3f} on {len(result.scores)}, {result.tokens:.0f} tokens an answer"
        )
        self.log.say(f"{title}: {result.pipeline.name}: {figures}")

    def _request(self, pipeline: Pipeline, place: Path, seed: int, *, count: int) -> RunRequest:
        """Return the run of a pipeline, whose file is written beside the runs."""
        plan, file = self.plan, self.out / "pipelines" / f"{_name(pipeline)}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        files.write(file, msgspec.json.encode({"pipeline": pipeline}) + b"\n")
        model = _model(pipeline, plan)
        at_home = model.partition("/")[0] == plan.model.partition("/")[0]
        return RunRequest(
            what=plan.family,
            models=[model],
            agent=f"pipeline:{file}",
            level=plan.level,
            seed=seed,
            settings=plan.settings,
            limit=count,
            sampling=plan.sampling.sampling,
            base_url=plan.base_url if at_home else None,
            api_key_env=plan.api_key_env if at_home else None,
            out=place,
        )

    def _result(self, pipeline: Pipeline, request: RunRequest, title: str) -> TrialResult:
        """Return what a run holds, which is gone on with if anything is missing."""
        place, count = Path(str(request.out)), request.limit or 0
        if len(_records(place, count)) < count:
            self.log.say(f"{title}: {pipeline.name} on {count} instances")
        self._finish(request)
        whole = _records(place, count)
        scores = tuple(record.grade.score for record in whole if record.grade)
        tokens = fmean(_tokens(record) for record in whole)
        return TrialResult(pipeline, request.models[0], place, scores=scores, tokens=tokens)

    def _finish(self, request: RunRequest) -> None:
        """Take a run to its end: nobody is asked where nothing is missing.

        Raises:
            Unfinished: it was stopped, or has errors.
        """
        options = self._left(Path(str(request.out)))
        prices = () if request.models[0].startswith(HIDDEN) else self.prices
        opened = open_run(prepare(request, options, prices))
        with ready(opened, options, self.log, prices) as suite_run:
            run_to_end(suite_run, opened)

    def _left(self, place: Path) -> RunOptions:
        """Return how to ask in a run: its budget is what the other runs have left."""
        if not self.options.budget:
            return self.options
        taken = Spent()
        for manifest in sorted(self.out.glob("*/*/manifest.json")):
            if manifest.parent != place:
                add_spent(taken, spent_of(manifest.parent))
        budget = left_of(self.options.budget, taken, monotonic() - self.began)
        return replace(self.options, budget=budget)


def _model(pipeline: Pipeline, plan: TunePlan) -> str:
    """Return the model of a pipeline's run: the plan's, else the first that the pipeline asks."""
    home = [seat for seat in pipeline.seats if not seat or seat.startswith(":")]
    return plan.model if home else read_name(pipeline.seats[0]).base


def _name(pipeline: Pipeline) -> str:
    """Return the name of a pipeline's folder and file."""
    return f"{pipeline.name[:80]}-{pipeline.digest}"


def _records(place: Path, count: int) -> list[Record]:
    """Return the graded records of a run's first instances; none where there is no run."""
    if not (place / "manifest.json").exists():
        return []
    by_instance = {record.instance: record for record in read_records(place) if record.grade}
    ids = [line.id for line in Folder.open(place).instances()[:count]]
    return [by_instance[name] for name in ids if name in by_instance]


def _tokens(record: Record) -> int:
    if record.input_tokens is None or record.output_tokens is None:
        raise InputError(f"{record.model}: its server tells no tokens, which a search counts")
    return record.input_tokens + record.output_tokens
