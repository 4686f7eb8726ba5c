"""The commands of `makespan evolve`: run, score, show, export, compare; and how a run goes on."""

import asyncio
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict, replace

from harness import files
from harness.calls.prices import prices_of
from harness.cli.evolve_file import filled
from harness.cli.options import run_options, sampling
from harness.cli.output import print_json, screen_of
from harness.digests import digest
from harness.engines.base import Engine
from harness.engines.open import open_engine
from harness.evolve import report_text
from harness.evolve.champion import champion_text
from harness.evolve.compare import compare_runs
from harness.evolve.domain import Domain
from harness.evolve.domains import domain
from harness.evolve.evaluator import Evaluator
from harness.evolve.looks import Look, note_look
from harness.evolve.outside import write_domain
from harness.evolve.replay import replay, study_of
from harness.evolve.report import report
from harness.evolve.run import (
    WORKERS,
    RecordedSearch,
    build_search_models,
    open_evaluator,
    open_sandbox,
    run_search,
)
from harness.evolve.score_text import print_score
from harness.evolve.scoring import score_program
from harness.log import Log, say
from harness.models.base import Model, Sampling
from harness.progress import Progress
from harness.run.prepare import today, warn_of_versions
from harness.run.reply_limit import began_without, with_limit
from harness.run.request import require_no_secret
from harness.screen import Screen
from harness.store.folder import RUNS, Folder
from harness.store.journal import Journal
from harness.store.manifest import FORMAT, Configuration, Manifest, ModelSpec, environment
from harness.store.search_plan import MUTATE, NULLS, SearchPlan
from harness.suites import instances
from harness.suites.instances import InstanceSpec
from harness.suites.suite import Suite
from tasks.base import InputError, Instance
from tasks.prompts import Prompts, installed


def run(options: Namespace) -> int:
    """`makespan evolve run DOMAIN`: begin a search or take it up, then print its report."""
    options = filled(options)
    chosen, names = domain(options.domain), installed().names("evolve")
    prompts = installed().only(names)
    specs = [w for split in chosen.splits for w in chosen.specs(split, options.limit)]
    suite = Suite(f"evolve-{chosen.name}", chosen.description, content=digest(specs))
    manifest = _manifest(options, chosen, suite, prompts)
    without = replace(
        manifest, configuration=replace(manifest.configuration, sampling=_sampling(options))
    )
    if began_without(_place(options, without)):
        manifest = without
    models = build_search_models(manifest)  # what is missing is told before anything is made
    path = _place(options, manifest)

    with open_engine(options.engine, None, options.ray_address) as engine:

        def made() -> Iterator[bytes]:
            with Progress("instances", len(specs)) as progress:
                for line in engine.map(partial(make_instance, chosen.name), specs, str):
                    yield line
                    progress.add()

        folder = Folder.create(path, manifest, prompts, made())
        folder.claim()
        folder.all_made()
        return _perform(folder, models, options, engine)


def _place(options: Namespace, manifest: Manifest) -> Path:
    """Return the folder of a search."""
    return options.out or RUNS / manifest.configuration.folder_name


def _manifest(options: Namespace, chosen: Domain, suite: Suite, prompts: Prompts) -> Manifest:
    """Return the manifest of a search as it is asked for, here and now."""
    names = tuple(prompts.sources)
    configuration = Configuration(
        suite=suite,
        versions={"evolve": f"prompts {prompts.digest(names)}"},
        lock=digest([suite, chosen.lock, prompts.digest(names)]),
        models=_specs(options),
        agent="evolve",
        sampling=with_limit(_sampling(options)),
        evolve=_plan(options, chosen),
    )
    return Manifest(
        format=FORMAT,
        configuration=configuration,
        environment=environment(),
        api_key_env=options.api_key_env,
        keys=options.api_key_envs or UNSET,
        templates={"evolve": names},
    )


def make_instance(name: str, spec: InstanceSpec) -> bytes:
    """Generate an instance of a domain as a line, in whatever process."""
    return domain(name).make(spec)


def _sampling(options: Namespace) -> Sampling:
    """Return how replies are drawn; InputError if a key is in it."""
    chosen = sampling(options)
    require_no_secret(chosen)
    return chosen


def _plan(options: Namespace, chosen: Domain) -> SearchPlan:
    return SearchPlan(
        domain=chosen.name,
        lock=chosen.lock,
        calls=options.calls,
        seed=options.seed,
        islands=options.islands,
        lag=options.lag,
        axis=options.axis,
        edit=options.edit,
        limit=options.limit,
        prices=prices_of(options.price, options.model),
        seconds=options.program_seconds,
        memory_mb=options.program_memory,
        numpy=options.numpy,
        nulls=tuple(n for n in NULLS if n not in options.model),
        mutate=MUTATE,
    )


def _specs(options: Namespace) -> tuple[ModelSpec, ...]:
    if len(set(options.model)) < len(options.model):
        raise InputError("the same model is given twice")
    if len(options.model) > 1 and any(name.startswith("policy/") for name in options.model):
        raise InputError("a search without a model stands alone: give one --model policy/...")
    return tuple(
        ModelSpec(
            name,
            None if name.startswith("policy/") else options.base_urls.get(name, options.base_url),
        )
        for name in options.model
    )


# A run folder -------------------------------------------------------------------------------


def go_on(folder: Folder, options: Namespace) -> int:
    """`makespan resume DIR` of a search; the folder is locked."""
    models = build_search_models(folder.manifest)
    with open_engine(options.engine, None, options.ray_address) as engine:
        return _perform(folder, models, options, engine)


def _perform(
    folder: Folder, models: Mapping[str, Model], options: Namespace, engine: Engine
) -> int:
    """Go on with a search, and print its report; status 1 if it is not finished."""
    study, splits = study_of(folder)
    log = Log(options.log_json)
    warn_of_versions(folder.manifest.environment, log)
    folder.note_prices(prices_of(options.price, list(models)), today())
    journal = Journal(folder.path)
    log.event("begin", folder=str(folder.path), episodes=1)
    try:
        with (
            open_evaluator(study.domain, study.plan, splits, options, engine) as evaluator,
            ThreadPoolExecutor(options.workers or max(engine.room, WORKERS)) as pool,
        ):
            recorded = RecordedSearch(folder.manifest, journal, list(models.values()))
            results = asyncio.run(
                run_search(study, evaluator, recorded, pool, run_options(options), log)
            )
    finally:
        journal.close()
    result = report(study, results)
    way = f"makespan evolve show {folder.path} --wide shows all"
    report_text.print_report(result, Screen(way=way))
    sys.stdout.flush()  # what is said next comes after it
    if results is None:
        log.say(f"not finished: makespan resume {folder.path}")
    log.say(f"run folder: {folder.path}")
    log.event("end", finished=results is not None)
    return 1 if results is None else 0


# Looking at it ------------------------------------------------------------------------------


def show(options: Namespace) -> int:
    """`makespan evolve show DIR`; status 1 if the run is not finished."""
    search = replay(options.folder)
    folder, result = search.folder, search.report
    if options.json:
        print_json(result)
    else:
        report_text.print_report(result, screen_of(options))
    if result.champion is None:
        say(f"not finished: makespan resume {folder.path}")
    return 1 if result.champion is None else 0


def export(options: Namespace) -> int:
    """`makespan evolve export DIR --out best.py`, or a domain `--format openevolve`."""
    if options.format is not None:
        write_domain(domain(options.source), options.out)
        say(f"{options.out}: {options.source} for evolvers of others")
        return 0
    search = replay(Path(options.source))
    folder, result = search.folder, search.report
    if result.champion is None:
        raise InputError(f"{folder.path} is not finished: makespan resume {folder.path}")
    files.write(options.out, champion_text(folder, result))
    say(f"{options.out}: {result.champion.name} of {folder.path}")
    return 0


def compare(options: Namespace) -> int:
    """`makespan evolve compare DIR...`: arms over runs."""
    searches = [replay(path) for path in options.folders]
    result = compare_runs([(search.folder, search.report) for search in searches], options.split)
    if options.json:
        print_json(result)
    else:
        report_text.print_comparison(result, screen_of(options))
    return 0


def score(options: Namespace) -> int:
    """`makespan evolve score FILE.py --domain D`; status 1 if the program is not valid."""
    chosen = domain(options.domain)
    try:
        source = options.file.read_text("utf-8")
    except OSError as error:
        raise InputError(f"cannot read {options.file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{options.file} is not UTF-8 text") from None
    specs = chosen.specs(options.split, options.limit)
    batch: list[Instance[Any]] = []
    with Progress("instances", len(specs)) as progress:
        for spec in specs:
            batch.append(instances.decode(chosen.make(spec), "made"))
            progress.add()
    plan = SearchPlan(
        chosen.name,
        chosen.lock,
        1,
        seconds=options.program_seconds,
        memory_mb=options.program_memory,
        numpy=options.numpy,
    )
    looks = None
    with open_sandbox(plan, options) as sandbox:
        evaluator = Evaluator(chosen, plan, {options.split: batch}, sandbox)
        if options.split in chosen.reported:
            look = Look(options.split, options.limit, digest(source), file=options.file.name)
            looks = note_look(chosen.name, look)
        result = score_program(evaluator, options.split, source)
    if options.json:
        print_json({**asdict(result), "looks": looks})
    else:
        print_score(result, looks)
    return 0 if result.valid else 1
