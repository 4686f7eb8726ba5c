"""Commands that ask models: run, resume; and regrade, which asks nobody."""

import asyncio
import gc
from argparse import Namespace
from collections.abc import Sequence

from msgspec.structs import replace

from harness.board.board import read_board
from harness.board.text import print_board
from harness.calls.options import CONNECTIONS
from harness.calls.prices import prices_of
from harness.cli.options import run_options, sampling
from harness.log import Log
from harness.models.base import Model
from harness.run.loop import SuiteRun
from harness.run.prepare import (
    build_models,
    choose_agent,
    choose_memory,
    family_names,
    find_target,
    model_specs,
    require_enough_users,
    require_solvers,
    run_instances,
    shard_suffix,
    today,
    warn_of_versions,
)
from harness.run.recorded import RecordedRun
from harness.store.folder import RUNS, Folder
from harness.store.journal import Journal
from harness.store.manifest import FORMAT, Configuration, Manifest, environment
from harness.store.versions import part_versions, templates_used
from harness.suites import instances
from harness.suites import suite as suites
from tasks.base import InputError
from tasks.extras import MissingExtra
from tasks.prompts import installed


def run(options: Namespace) -> int:
    """`makespan run`: begin a run or take it up, then print its board."""
    gc.disable()
    suite, batch = find_target(options)
    families = family_names(suite, batch)
    agent, memory = choose_agent(options.agent), choose_memory(options.memory, families)
    specs, programs = model_specs(options, families)
    templates = templates_used(agent.name, memory, families)
    prompts = installed().only(name for names in templates.values() for name in names)
    versions = suites.family_versions(families, prompts)
    configuration = Configuration(
        suite=suite,
        versions=versions | part_versions(templates, families, prompts),
        lock=suite.lock(versions),
        models=specs,
        agent=agent.name,
        memory=memory,
        epochs=options.epochs,
        sampling=sampling(options),
        means=agent.means,
    )
    manifest = _manifest(options, configuration, templates)
    models = build_models(manifest, families, programs, options.max_connections or CONNECTIONS)
    name = manifest.configuration.folder_name + shard_suffix(options.shard)
    path = options.out or RUNS / name
    lines = map(instances.encode, batch) if batch else None
    folder = Folder.create(path, manifest, prompts, lines, programs=programs)
    folder.claim()
    _require_shard(folder, options.shard)
    folder.save(replace(folder.manifest, limit=manifest.limit, api_key_env=manifest.api_key_env))
    return go_on(folder, models, options)


def _require_shard(folder: Folder, shard: tuple[int, int] | None) -> None:
    """Raise InputError if a folder holds another part of the episodes."""
    if folder.manifest.shard != shard:
        raise InputError(
            f"{folder.path} holds{shard_suffix(folder.manifest.shard) or ' all the episodes'}, not"
            f"{shard_suffix(shard) or ' all of them'}: use another --out"
        )


def _manifest(
    options: Namespace, configuration: Configuration, templates: dict[str, tuple[str, ...]]
) -> Manifest:
    """Return the manifest of a run as it is asked for, here and now."""
    limit = options.limit
    if limit is None and configuration.suite.size is None:
        limit = suites.DEFAULT_COUNT
    return Manifest(
        format=FORMAT,
        configuration=configuration,
        environment=environment(),
        limit=limit,
        api_key_env=options.api_key_env,
        shard=options.shard,
        templates=templates,
    )


def go_on(folder: Folder, models: Sequence[Model], options: Namespace) -> int:
    """Make what instances are missing, run what is open, print the board."""
    log = Log(options.log_json)
    warn_of_versions(folder.manifest.environment, log)
    names = [spec.name for spec in folder.manifest.configuration.models]
    folder.note_prices(prices_of(options, names), today())
    lines = run_instances(folder)
    require_enough_users(folder.manifest.configuration.memory, lines)
    require_solvers(folder.manifest.configuration.models, lines)
    journal = Journal(folder.path)
    suite_run = SuiteRun(RecordedRun(folder, journal, lines), run_options(options), log)
    log.event("begin", folder=str(folder.path), episodes=len(lines))
    gc.freeze()  # what was read stays
    gc.enable()
    try:
        counts = asyncio.run(suite_run.run(models))
    finally:
        journal.close()
        folder.release()
    if counts["done"] or not counts["left"]:
        _print_board(folder, log)
    log.say(f"run folder: {folder.path}")
    if counts["left"]:
        log.say(f"{counts['left']} episodes are left: makespan resume {folder.path}")
    if counts["errors"]:
        log.say(f"{counts['errors']} episodes ended in errors: makespan resume {folder.path}")
    log.event("end", **counts)
    return 1 if counts["left"] or counts["errors"] else 0


def _print_board(folder: Folder, log: Log) -> None:
    """Print a run's board, or what it needs that is not installed: the run itself is done."""
    try:
        board = read_board([folder.path])
    except MissingExtra as missing:
        log.say(f"no board: {missing}, then makespan board {folder.path}")
    else:
        print_board(board)
