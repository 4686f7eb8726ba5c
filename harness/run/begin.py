"""A run from what is asked for to its end: its folder, its models, and the loop that asks them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from msgspec import UNSET
from msgspec.structs import replace

from harness import files
from harness.calls.options import CONNECTIONS, RunOptions, require_prices
from harness.calls.prices import prices_of
from harness.engines.open import HERE, EngineChoice
from harness.log import Log, say
from harness.models.base import Model
from harness.run.loop import SuiteRun
from harness.run.prepare import (
    build_models,
    build_seats,
    choose_agent,
    choose_memory,
    open_bench,
    require_bench,
    require_enough_users,
    require_solvers,
    run_instances,
    today,
    warn_of_versions,
)
from harness.run.recorded import RecordedRun
from harness.run.reply_limit import began_without, with_limit
from harness.run.request import RunRequest
from harness.run.sessions import open_sessions
from harness.run.templates import overridden
from harness.store.folder import GIVEN, Folder
from harness.store.journal import Journal
from harness.store.manifest import FORMAT, Configuration, Manifest, environment
from harness.store.versions import part_versions, speaking_parts
from harness.suites import instances
from harness.suites import suite as suites
from tasks.base import InputError
from tasks.prompts import Prompts, prompts_of


@dataclass(frozen=True)
class OpenRun:
    """A run folder that this process has claimed, and the part of its run that is gone on with.

    Attributes:
        models: those that are asked.
        epochs: how often each instance is.
        limit: how many instances are; None is all.
        engine: where instances are solved that have no reference.
        seats: further models, that sit in seats of the agent.
    """

    folder: Folder
    models: Sequence[Model]
    epochs: int
    limit: int | None
    engine: EngineChoice = HERE
    seats: Sequence[Model] = ()


@dataclass(frozen=True)
class PreparedRun:
    """A run that could begin: all that it needs is there, and nothing is written yet."""

    request: RunRequest
    manifest: Manifest
    prompts: Prompts
    models: Sequence[Model]
    seats: Sequence[Model] = ()


def prepare(request: RunRequest, options: RunOptions, prices: Sequence[str] = ()) -> PreparedRun:
    """Return the run that is asked for, ready to begin. Nothing is written.

    Args:
        request: what is asked of whom.
        options: how it will ask.
        prices: of models, each `MODEL=INPUT,OUTPUT[,CACHED]` in US dollars a million tokens.

    Raises:
        InputError: there is no such part, something is missing (a key, a package, a policy), or a
            budget of money cannot be kept because a price is unknown.
        SandboxFailure: the agent runs programs, which would not be isolated here.
    """
    manifest, prompts = manifest_of(request, unsafe=options.unsafe)
    without = replace(
        manifest, configuration=replace(manifest.configuration, sampling=request.sampling)
    )
    if began_without(_place(request, without)):
        manifest = without
    connections = options.connections or CONNECTIONS
    models = build_models(manifest, request.families, request.programs, connections)
    names = [spec.name for spec in manifest.configuration.asked]
    require_prices(replace(manifest, prices=prices_of(prices, names)), options)
    require_bench(manifest.configuration, options)
    return PreparedRun(
        request, manifest, prompts, models=models, seats=build_seats(manifest, connections)
    )


def begin(request: RunRequest, options: RunOptions) -> OpenRun:
    """Begin the run that is asked for, or take it up where its folder is there.

    A folder that has less grows; what it has beyond what is asked for is left as it is. What is
    missing (a key, a package, a policy) is told before anything is written.

    Raises:
        InputError: there is no such part, or the folder holds another run.
    """
    return open_run(prepare(request, options))


def open_run(prepared: PreparedRun) -> OpenRun:
    """Begin a run, or take it up where its folder is there.

    A folder that has less grows; what it has beyond what is asked for is left as it is.

    Raises:
        InputError: the folder holds another run.
    """
    request, manifest = prepared.request, prepared.manifest
    given, solved = [*map(instances.encode, request.instances)], request.suite.solved
    folder = Folder.create(
        _place(request, manifest),
        manifest,
        prepared.prompts,
        [] if solved else given,
        lambda hidden: files.write_lines(hidden / GIVEN, given) if solved else None,
        programs=request.programs,
    )
    folder.claim()
    folder.require(manifest.configuration)  # as it is now that nobody else can write
    _require_shard(folder, request.shard)
    folder.grow(manifest, request.programs)
    return OpenRun(
        folder,
        prepared.models,
        manifest.configuration.epochs,
        limit=manifest.limit,
        engine=request.place,
        seats=prepared.seats,
    )


def _place(request: RunRequest, manifest: Manifest) -> Path:
    """Return the folder of a run."""
    name = manifest.configuration.folder_name + _suffix(request.shard)
    return Path(request.out or request.runs / name)


def manifest_of(request: RunRequest, *, unsafe: bool = False) -> tuple[Manifest, Prompts]:
    """Return the manifest of a run as it is asked for, here and now, and its templates.

    Args:
        request: what is asked of whom.
        unsafe: whether a command-line agent works even where there is no jail.
    """
    suite, families = request.suite, request.families
    agent = choose_agent(request.agent, families, unsafe=unsafe)
    memory = choose_memory(request.memory, families)
    asides = request.asides
    parts = speaking_parts(agent.name, memory, families, asides)
    templates = {name: part.templates for name, part in parts.items()}
    specs, prompts = request.specs, prompts_of(parts.values())
    if request.templates is not None:
        prompts = overridden(prompts, Path(request.templates))
    versions = suites.family_versions(families, prompts, asides)
    configuration = Configuration(
        suite=suite,
        versions=versions | part_versions(templates, families, prompts),
        lock=suite.lock(versions),
        models=specs,
        agent=agent.name,
        memory=memory,
        epochs=request.epochs,
        sampling=with_limit(request.sampling),
        means=agent.means,
        session=agent.session,
        system=request.system or UNSET,
        pipeline=agent.pipeline,
        seats=request.seats or UNSET,
    )
    _tell_idle(request)
    manifest = Manifest(
        format=FORMAT,
        configuration=configuration,
        environment=environment(),
        limit=_limit(request),
        api_key_env=request.api_key_env,
        keys=_keys(request) or UNSET,
        shard=request.shard,
        templates=templates,
    )
    return manifest, prompts


def _limit(request: RunRequest) -> int | None:
    """Return how many instances of an entry are asked; of a suite without an end, the usual."""
    is_endless = request.limit is None and request.suite.size is None
    return suites.DEFAULT_COUNT if is_endless else request.limit


def _tell_idle(request: RunRequest) -> None:
    """Say what in the file of a pipeline has no effect."""
    for line in request.pipeline.notes if request.pipeline else ():
        say(f"{request.agent}: {line}")


def _keys(request: RunRequest) -> dict[str, str | None]:
    """Return the variables of the keys of models that have their own.

    Who sits in a seat and is of none of the models' providers has its provider's own.
    """
    providers = {spec.name.partition("/")[0] for spec in request.specs}
    elsewhere = [s.name for s in request.seats if s.name.partition("/")[0] not in providers]
    return dict.fromkeys(elsewhere) | dict(request.api_key_envs)


def _suffix(shard: tuple[int, int] | None) -> str:
    return f"-shard-{shard[0]}-of-{shard[1]}" if shard else ""


def _require_shard(folder: Folder, shard: tuple[int, int] | None) -> None:
    """Raise InputError if a folder holds another part of the episodes."""
    if folder.manifest.shard != shard:
        raise InputError(
            f"{folder.path} holds{_suffix(folder.manifest.shard) or ' all the episodes'}, not"
            f"{_suffix(shard) or ' all of them'}: use another `out`"
        )


def take_up(folder: Folder, options: RunOptions) -> OpenRun:
    """Take up all of a run from its folder, which this process has claimed.

    Raises:
        InputError: a key or a package is missing.
    """
    kinds = map(instances.family_of, folder.given() or folder.lines())
    names = folder.manifest.configuration.suite.families or tuple(dict.fromkeys(kinds))
    manifest, connections = folder.manifest, options.connections or CONNECTIONS
    models = build_models(manifest, names, folder.programs, connections)
    return OpenRun(
        folder,
        models,
        manifest.configuration.epochs,
        limit=manifest.limit,
        seats=build_seats(manifest, connections),
    )


@contextmanager
def ready(
    run: OpenRun, options: RunOptions, log: Log, prices: Sequence[str] = ()
) -> Iterator[SuiteRun]:
    """Make what instances are missing and open the journal while the block runs.

    The folder is released at its end. Nobody is asked yet: `await suite_run.run(run.models)`.

    Args:
        run: begun or taken up.
        options: how it will ask.
        log: what is told while it goes.
        prices: of models, each `MODEL=INPUT,OUTPUT[,CACHED]` in US dollars a million tokens.

    Raises:
        InputError: a price is none, or instances are missing that cannot be made here.
        SandboxFailure: the agent runs programs, which would not be isolated here.
    """
    folder = run.folder
    warn_of_versions(folder.manifest.environment, log)
    names = [spec.name for spec in folder.manifest.configuration.asked]
    folder.note_prices(prices_of(prices, names), today())
    require_prices(folder.manifest, options)
    lines = run_instances(folder, run.limit, run.engine)
    require_enough_users(folder.manifest.configuration.memory, lines)
    require_solvers([model.name for model in run.models], lines)
    sessions = open_sessions(folder.manifest.configuration, options)
    bench = open_bench(folder.manifest.configuration, options)
    journal = Journal(folder.path)
    log.event("begin", folder=str(folder.path), episodes=len(lines))
    try:
        recorded = RecordedRun(folder, journal, lines, run.epochs)
        yield SuiteRun(recorded, options, log, bench=bench, sessions=sessions, seats=run.seats)
    finally:
        if bench:
            bench.close()
        journal.close()
        folder.release()
