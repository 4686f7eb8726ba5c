"""Runs a search: its clients, its sandbox and what drives it."""

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harness.calls.client import build_provider
from harness.calls.drive import drive
from harness.calls.loop import Loop
from harness.calls.options import RunOptions
from harness.engines.base import Engine
from harness.evolve.answers import SearchAnswers
from harness.evolve.domain import Domain
from harness.evolve.evaluator import Evaluator
from harness.evolve.null import build_null
from harness.evolve.remote import Evaluating, RemoteEvaluator
from harness.evolve.study import Results, Study
from harness.log import Log, say
from harness.models.base import Model
from harness.sandbox.sandbox import Sandbox
from harness.store.journal import Journal
from harness.store.manifest import Manifest
from harness.store.search_plan import SearchPlan
from harness.suites import instances
from tasks.base import Instance

WORKERS = 2  # programs run at once on this machine


@dataclass(frozen=True)
class RecordedSearch:
    """A search as its folder has it, and the models that it asks."""

    manifest: Manifest
    journal: Journal
    models: Sequence[Model]


def build_search_models(manifest: Manifest) -> dict[str, Model]:
    plan = manifest.configuration.evolve
    assert plan is not None
    models: dict[str, Model] = {name: build_null(name) for name in plan.nulls}
    for spec in manifest.configuration.models:
        if spec.name.startswith("policy/"):
            models[spec.name] = build_null(spec.name)
        else:
            models[spec.name] = build_provider(spec, manifest, plan.lag)
    return models


@contextmanager
def open_evaluator(
    chosen: Domain,
    plan: SearchPlan,
    splits: Mapping[str, Sequence[Instance[Any]]],
    options: Namespace,
    engine: Engine,
) -> Iterator[Evaluator]:
    """Open what evaluates programs: a sandbox here, or one for each worker of Ray."""
    if options.engine == "local":
        with open_sandbox(plan, options) as sandbox:
            yield Evaluator(chosen, plan, splits, sandbox)
    else:
        lines = {name: tuple(map(instances.encode, batch)) for name, batch in splits.items()}
        work = Evaluating(plan, lines, options.unsafe)
        yield RemoteEvaluator(chosen, plan, splits, work, engine)


def open_sandbox(plan: SearchPlan, options: Namespace) -> Sandbox:
    """The sandbox of a plan; its walls are told."""
    workers = options.workers or WORKERS
    sandbox = Sandbox(workers=workers, packages=plan.packages, unsafe=options.unsafe)
    for layer in sandbox.layers:
        say(f"sandbox: {layer}")
    return sandbox


async def run_search(
    study: Study,
    evaluator: Evaluator,
    recorded: RecordedSearch,
    pool: ThreadPoolExecutor,
    options: RunOptions,
    log: Log,
) -> Results | None:
    """Go on with a search to its end; None if something stopped it before.

    Raises:
        Failure: what stopped it must be mended.
    """
    loop = Loop(
        recorded.manifest,
        recorded.journal,
        options,
        log,
        recorded.models,
        unit="calls",
        total=None,
    )
    async with loop:
        sampling = recorded.manifest.configuration.sampling
        answers = SearchAnswers(
            recorded.journal, evaluator, sampling, study.models, loop=loop, pool=pool
        )
        return await drive(study.program(), answers.perform)
    return None
