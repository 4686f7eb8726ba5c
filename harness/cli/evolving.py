"""The commands of `makespan evolve`: run, score, show, export, compare; and how a run goes on."""

import asyncio
import signal
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from harness import files, instances
from harness.asking import Stopped
from harness.cli.output import print_json, say
from harness.cli.runs import RUNS, build_provider, prices_of, sampling
from harness.engine import Engine, opened
from harness.evolve import report_text
from harness.evolve.comparing import compare_runs
from harness.evolve.domain import SPLITS, Domain, domain
from harness.evolve.drive import Performer
from harness.evolve.elsewhere import Evaluating, EvaluatorElsewhere
from harness.evolve.evaluator import Evaluator
from harness.evolve.exporting import exported
from harness.evolve.null import build_null
from harness.evolve.plan import MUTATE, NULLS, Plan
from harness.evolve.replay import replay, study_of
from harness.evolve.report import report
from harness.evolve.scoring import score_program
from harness.evolve.study import Results, Study
from harness.folder import FORMAT, Configuration, Folder, Manifest, ModelSpec, environment
from harness.journal import Journal
from harness.lane import Lane, Patience
from harness.log import Log
from harness.models.base import Model
from harness.pace import Pace
from harness.progress import Progress
from harness.request import digest
from harness.run import PULSE
from harness.sandbox.sandbox import Sandbox
from harness.suites import Suite
from tasks.base import InputError, Instance
from tasks.prompts import installed

WORKERS = 2  # programs run at once on this machine


def run(options: Namespace) -> int:
    """`makespan evolve run DOMAIN`: begin a search or take it up, then print its report."""
    about, prompts = domain(options.domain), installed()
    plan = _plan(options, about)
    wanted = [w for split in SPLITS for w in about.wanted(split, plan.limit)]
    suite = Suite(f"evolve-{about.name}", about.about, content=digest(wanted))
    configuration = Configuration(
        suite=suite,
        versions={"evolve": f"prompts {prompts.digest('evolve')}"},
        lock=digest([suite, about.lock, prompts.digest("evolve")]),
        models=_specs(options),
        agent="evolve",
        sampling=sampling(options),
        evolve=plan,
    )
    manifest = Manifest(FORMAT, configuration, environment(), None, None, options.api_key_env)
    models = _models(manifest)  # what is missing is told before anything is made
    path = options.out or RUNS / configuration.folder_name

    with opened(options.engine, None, options.ray_address) as engine:

        def made() -> Iterator[bytes]:
            with Progress("instances", len(wanted)) as progress:
                for line in engine.map(instances.make, wanted, str):
                    yield line
                    progress.add()

        folder = Folder.create(path, manifest, prompts, made())
        folder.lock()
        folder.all_made()
        return _perform(folder, models, options, engine)


def _plan(options: Namespace, about: Domain) -> Plan:
    return Plan(
        domain=about.name,
        lock=about.lock,
        calls=options.calls,
        seed=options.seed,
        islands=options.islands,
        lag=options.lag,
        axis=options.axis,
        edit=options.edit,
        limit=options.limit,
        prices=prices_of(options, options.model),
        tokens=options.max_tokens,
        cost=options.max_cost,
        wall=options.max_time,
        seconds=options.program_seconds,
        memory_mb=options.program_memory,
        numpy=options.numpy,
        nulls=tuple(n for n in NULLS if n not in options.model),
        mutate=MUTATE,
    )


def _specs(options: Namespace) -> tuple[ModelSpec, ...]:
    if len(set(options.model)) < len(options.model):
        raise InputError("the same --model is given twice")
    if len(options.model) > 1 and any(name.startswith("policy/") for name in options.model):
        raise InputError("a search without a model stands alone: give one --model policy/...")
    return tuple(
        ModelSpec(name, None if name.startswith("policy/") else options.base_url)
        for name in options.model
    )


def _models(manifest: Manifest) -> dict[str, Model]:
    plan = manifest.configuration.evolve
    assert plan is not None
    made: dict[str, Model] = {name: build_null(name) for name in plan.nulls}
    for spec in manifest.configuration.models:
        if spec.name.startswith("policy/"):
            made[spec.name] = build_null(spec.name)
        else:
            made[spec.name] = build_provider(spec, manifest, plan.lag)
    return made


# A run folder -------------------------------------------------------------------------------


def take_up(folder: Folder, options: Namespace) -> int:
    """`makespan resume DIR` of a search; the folder is locked."""
    models = _models(folder.manifest)
    with opened(options.engine, None, options.ray_address) as engine:
        return _perform(folder, models, options, engine)


def _perform(
    folder: Folder, models: Mapping[str, Model], options: Namespace, engine: Engine
) -> int:
    """Go on with a search, and print its report; status 1 if it is not finished."""
    study, splits = study_of(folder)
    plan, manifest, log = study.plan, folder.manifest, Log()
    journal = Journal(folder.path)
    try:
        with (
            _evaluator(study.domain, plan, splits, options, engine) as evaluator,
            ThreadPoolExecutor(options.workers or max(engine.room, WORKERS)) as pool,
            Progress("calls", None) as progress,
        ):
            performer = Performer(
                journal,
                evaluator,
                manifest.configuration.sampling,
                _lanes(models, plan, options, log),
                pool,
                lambda reply: progress.add(cost=getattr(reply, "cost", None)),
            )
            results = asyncio.run(_driven(study, performer, log))
    finally:
        journal.close()
    made = report(study, results)
    report_text.print_report(made)
    log.say(f"run folder: {folder.path}")
    if results is None:
        log.say(f"not finished: makespan resume {folder.path}")
    return 1 if results is None else 0


def _lanes(
    models: Mapping[str, Model], plan: Plan, options: Namespace, log: Log
) -> dict[str, Lane]:
    """How each model is asked: up to the lag at once, within what its provider bears."""
    patience = Patience(attempts=options.max_attempts, seconds=options.attempt_timeout)
    return {
        name: Lane(model, Pace(plan.lag, options.rpm, options.tpm), patience, log=log)
        for name, model in models.items()
    }


@contextmanager
def _evaluator(
    about: Domain, plan: Plan, splits: Mapping[str, Sequence[Instance[Any]]],
    options: Namespace, engine: Engine,
) -> Iterator[Evaluator]:  # fmt: skip
    """What evaluates the programs of a search: a sandbox here, or one for each worker of Ray."""
    if options.engine == "local":
        with _sandbox(plan, options) as sandbox:
            yield Evaluator(about, plan, splits, sandbox)
    else:
        lines = {name: tuple(map(instances.encode, made)) for name, made in splits.items()}
        work = Evaluating(plan, lines, options.unsafe)
        yield EvaluatorElsewhere(about, plan, splits, work, engine)


def _sandbox(plan: Plan, options: Namespace) -> Sandbox:
    """The sandbox of a plan; its walls are told."""
    workers = options.workers or WORKERS
    sandbox = Sandbox(workers=workers, numpy=plan.numpy, unsafe=options.unsafe)
    for layer in sandbox.layers:
        say(f"sandbox: {layer}")
    return sandbox


async def _driven(study: Study, performer: Performer, log: Log) -> Results | None:
    """Drive to the end, or until it is stopped (None); a second signal does not wait for calls."""
    loop, me = asyncio.get_running_loop(), asyncio.current_task()

    def stop() -> None:
        if performer.stopped and me:
            me.cancel()
            return
        performer.stop()
        log.say("stopping: waiting for what is under way; once more to stop at once")

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    pulse = asyncio.create_task(_pulse(performer))
    try:
        return await performer.perform(study.program())
    except Stopped:
        return None
    except asyncio.CancelledError:
        if not performer.stopped:
            raise
        return None
    finally:
        pulse.cancel()
        for lane in performer.lanes.values():
            await lane.close()


async def _pulse(performer: Performer) -> None:
    """Note now and then how the calls stand, for who watches."""
    while True:
        for name, lane in performer.lanes.items():
            performer.journal.pulse(name, lane.pace.state)
        await asyncio.sleep(PULSE)


# Looking at it ------------------------------------------------------------------------------


def show(options: Namespace) -> int:
    """`makespan evolve show DIR`; status 1 if the run is not finished."""
    found = replay(options.folder)
    folder, made = found.folder, found.report
    if options.json:
        print_json(made)
    else:
        report_text.print_report(made)
    if made.champion is None:
        say(f"not finished: makespan resume {folder.path}")
    return 1 if made.champion is None else 0


def export(options: Namespace) -> int:
    """`makespan evolve export DIR --out best.py`."""
    found = replay(options.folder)
    folder, made = found.folder, found.report
    if made.champion is None:
        raise InputError(f"{folder.path} is not finished: makespan resume {folder.path}")
    files.write(options.out, exported(folder, made))
    say(f"{options.out}: {made.champion.name} of {folder.path}")
    return 0


def compare(options: Namespace) -> int:
    """`makespan evolve compare DIR...`: arms over runs."""
    found = [replay(path) for path in options.folders]
    result = compare_runs([(one.folder, one.report) for one in found], options.split)
    if options.json:
        print_json(result)
    else:
        report_text.print_comparison(result)
    return 0


def score(options: Namespace) -> int:
    """`makespan evolve score FILE.py --domain D`; a bad program is a result, not an error."""
    about = domain(options.domain)
    try:
        source = options.file.read_text("utf-8")
    except OSError as error:
        raise InputError(f"cannot read {options.file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{options.file} is not UTF-8 text") from None
    wanted = about.wanted(options.split, options.limit)
    made: list[Instance[Any]] = []
    with Progress("instances", len(wanted)) as progress:
        for one in wanted:
            made.append(instances.decode(instances.make(one), "made"))
            progress.add()
    plan = Plan(about.name, about.lock, 1, seconds=options.program_seconds,
                memory_mb=options.program_memory, numpy=options.numpy)  # fmt: skip
    with _sandbox(plan, options) as sandbox:
        evaluator = Evaluator(about, plan, {options.split: made}, sandbox)
        found = score_program(evaluator, options.split, source)
    if options.json:
        print_json(found)
    else:
        report_text.print_score(found)
    return 0
