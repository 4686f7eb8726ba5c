"""Commands that ask models: run, resume; and regrade, which asks nobody."""

import asyncio
import gc
from argparse import Namespace
from collections.abc import Sequence

from msgspec.structs import replace

from harness.agents.base import AGENTS
from harness.board.board import read_board
from harness.board.text import print_board
from harness.calls.prices import prices_of
from harness.cli.options import manner, sampling
from harness.log import Log
from harness.models.base import Model
from harness.run.loop import Batch
from harness.run.prepare import (
    build_models,
    check_memory,
    family_names,
    find_target,
    memory_version,
    model_specs,
    require_enough_users,
    run_instances,
    shard_suffix,
    today,
    warn_of_versions,
)
from harness.store.folder import RUNS, Folder
from harness.store.journal import Journal
from harness.store.manifest import FORMAT, Configuration, Manifest, environment
from harness.suites import instances
from harness.suites import suite as suites
from memory.base import MEMORIES
from tasks.base import InputError
from tasks.prompts import installed


def run(options: Namespace) -> int:
    """`makespan run`: begin a run or take it up, then print its board."""
    gc.disable()
    for what, name, known in (
        ("agent", options.agent, AGENTS),
        ("memory", options.memory or "none", MEMORIES),
    ):
        if name not in known:
            raise InputError(f"unknown {what} {name!r}: there are {', '.join(known)}")
    suite, given = find_target(options)
    prompts = installed()
    memory = check_memory(options.memory, family_names(suite, given))
    specs, programs = model_specs(options, family_names(suite, given))
    configuration = Configuration(
        suite=suite,
        versions=suite.versions(prompts) | memory_version(memory, prompts),
        lock=suite.lock(prompts),
        models=specs,
        agent=options.agent,
        memory=memory,
        epochs=options.epochs,
        sampling=sampling(options),
    )
    limit = options.limit
    if limit is None and suite.size is None:
        limit = suites.DEFAULT_COUNT
    manifest = Manifest(
        FORMAT, configuration, environment(), limit, None, options.api_key_env, options.shard
    )
    models = build_models(manifest, family_names(suite, given), programs, options.max_connections)
    path = options.out or RUNS / (configuration.folder_name + shard_suffix(options.shard))
    lines = map(instances.encode, given) if given else None
    folder = Folder.create(path, manifest, prompts, lines, programs=programs)
    folder.lock()
    if folder.manifest.shard != options.shard:
        raise InputError(
            f"{path} holds{shard_suffix(folder.manifest.shard) or ' all the episodes'}, not"
            f"{shard_suffix(options.shard) or ' all of them'}: use another --out"
        )
    folder.save(replace(folder.manifest, limit=manifest.limit, api_key_env=manifest.api_key_env))
    return perform(folder, models, options)


def perform(folder: Folder, models: Sequence[Model], options: Namespace) -> int:
    """Make what instances are missing, run what is open, print the board."""
    log = Log(options.log_json)
    warn_of_versions(folder.manifest.environment, log)
    if options.price:
        asked = [spec.name for spec in folder.manifest.configuration.models]
        prices = prices_of(options, asked)
        folder.save(replace(folder.manifest, prices=prices, priced=today()))
    made = run_instances(folder)
    require_enough_users(folder.manifest.configuration.memory, made)
    journal = Journal(folder.path)
    batch = Batch(folder, journal, made, manner(options), log)
    log.event("begin", folder=str(folder.path), episodes=len(made))
    gc.freeze()  # what was read stays
    gc.enable()
    try:
        counts = asyncio.run(batch.run(models))
    finally:
        journal.close()
        folder.unlock()
    if counts["done"] or not counts["left"]:
        print_board(read_board([folder.path]))
    log.say(f"run folder: {folder.path}")
    if counts["left"]:
        log.say(f"{counts['left']} episodes are left: makespan resume {folder.path}")
    if counts["errors"]:
        log.say(f"{counts['errors']} episodes ended in errors: makespan resume {folder.path}")
    log.event("end", **counts)
    return 1 if counts["left"] or counts["errors"] else 0
