"""Commands that ask models: run, resume; and regrade, which asks nobody."""

import asyncio
import gc
import os
from argparse import Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from harness import instances, suites
from harness.agents.base import AGENTS
from harness.board import read_board
from harness.board_text import print_board
from harness.budget import Budget, Price, read_price
from harness.cli.output import say
from harness.engine import opened
from harness.folder import (
    FORMAT,
    Configuration,
    Environment,
    Folder,
    Manifest,
    ModelSpec,
    environment,
)
from harness.importers import read_files
from harness.instances import Made
from harness.journal import Journal
from harness.lane import Patience
from harness.log import Log
from harness.manner import Manner
from harness.models.base import Model, Sampling
from harness.models.build import build_model
from harness.models.keys import scrubber
from harness.models.policy import build_policy
from harness.others import neighbour
from harness.progress import Progress
from harness.registry import family
from harness.regrade import regrade as regrade_all
from harness.run import Batch
from harness.suites import Suite
from memory.base import MEMORIES, NEEDS_OTHER, NEEDS_ROUNDS
from tasks.base import InputError, Instance
from tasks.prompts import Prompts, installed

RUNS = Path("results/runs")


def run(options: Namespace) -> int:
    """`makespan run`: begin a run or take it up, then print its board."""
    gc.disable()
    for what, name, known in (
        ("agent", options.agent, AGENTS),
        ("memory", options.memory or "none", MEMORIES),
    ):
        if name not in known:
            raise InputError(f"unknown {what} {name!r}: there are {', '.join(known)}")
    suite, given = _target(options)
    prompts = installed()
    memory = _memory(options.memory, _families(suite, given))
    specs, programs = _specs(options, _families(suite, given))
    configuration = Configuration(
        suite=suite,
        versions=suite.versions(prompts) | _version_of(memory, prompts),
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
    models = _models(manifest, _families(suite, given), programs, options.max_connections)
    path = options.out or RUNS / (configuration.folder_name + _part(options.shard))
    lines = map(instances.encode, given) if given else None
    folder = Folder.create(path, manifest, prompts, lines, programs=programs)
    folder.lock()
    if folder.manifest.shard != options.shard:
        raise InputError(
            f"{path} holds{_part(folder.manifest.shard) or ' all the episodes'}, not"
            f"{_part(options.shard) or ' all of them'}: use another --out"
        )
    folder.save(replace(folder.manifest, limit=manifest.limit, api_key_env=manifest.api_key_env))
    return _perform(folder, models, options)


def _part(shard: tuple[int, int] | None) -> str:
    return f"-shard-{shard[0]}-of-{shard[1]}" if shard else ""


def resume(options: Namespace) -> int:
    """`makespan resume DIR`."""
    gc.disable()  # a third of the time to read 100,000 episodes; `_perform` turns it on again
    folder = Folder.open(options.folder)
    folder.lock()
    if folder.manifest.configuration.evolve:
        from harness.cli.evolving import take_up

        gc.enable()
        return take_up(folder, options)
    if options.engine != "local" or options.ray_address:
        raise InputError(f"{options.folder} is no search for programs: --engine is for those")
    made = (instance.family for instance in folder.instances())
    names = folder.manifest.configuration.suite.families or tuple(dict.fromkeys(made))
    models = _models(folder.manifest, names, folder.programs, options.max_connections)
    return _perform(folder, models, options)


def regrade(options: Namespace) -> int:
    """`makespan regrade DIR`."""
    folder = Folder.open(options.folder)
    folder.require_suite()
    folder.lock()
    journal = Journal(folder.path)
    batch = Batch(folder, journal, folder.instances())
    try:
        with opened(options.engine, options.jobs, options.ray_address) as engine:
            changed, total = regrade_all(batch, engine)
    finally:
        journal.close()
        folder.unlock()
    print(f"changed {changed} of {total}")
    return 0


def _target(options: Namespace) -> tuple[Suite, list[Instance[Any]]]:
    """The suite that is meant, and its instances if they come from files."""
    settings = dict(options.settings)
    if options.target.endswith(".jsonl"):
        _only_as_they_are(options)
        path = Path(options.target)
        given = instances.read(path)
        return suites.of_file(path, _content(given)), given
    suite = suites.find(options.target, level=options.level, seed=options.seed, settings=settings)
    if not suite.files:
        return suite, []
    _only_as_they_are(options)
    if options.data is None:
        raise InputError(f"suite {suite.name} needs --data FOLDER with {', '.join(suite.files)}")
    given = read_files(suite.format or "", [options.data / name for name in suite.files])
    return replace(suite, content=_content(given)), given


def _only_as_they_are(options: Namespace) -> None:
    if options.settings or options.level is not None or options.seed is not None:
        raise InputError("a file's instances are as they are: no --level, --seed or -T")


def _content(given: Sequence[Instance[Any]]) -> str:
    return instances.digest(map(instances.encode, given))


def _families(suite: Suite, given: Sequence[Instance[Any]]) -> tuple[str, ...]:
    return suite.families or tuple(dict.fromkeys(instance.family for instance in given))


def _specs(
    options: Namespace, families: tuple[str, ...]
) -> tuple[tuple[ModelSpec, ...], dict[str, str]]:
    """The models asked for; without any, all policies of the families of the run. And programs."""
    names = options.model
    if not names:
        names = [
            f"policy/{p}" for p in dict.fromkeys(p for f in families for p in family(f).policies)
        ]
        say(f"no --model given: {', '.join(names)}")
    providers = {name.partition("/")[0].partition("-")[0] for name in names} - {"policy"}
    if options.base_url and len(providers) > 1:
        raise InputError(f"--base-url is for one provider's models, not for {sorted(providers)}")
    programs: dict[str, str] = {}
    if any(name.startswith("policy/file:") for name in names):
        from harness.evolve.policy import read_programs

        names, programs = read_programs(names)
    if len(set(names)) < len(names):
        raise InputError("the same --model is given twice")
    return tuple(ModelSpec(name, _address(name, options.base_url)) for name in names), programs


def _address(name: str, base_url: str | None) -> str | None:
    """Where a model is served, if not at its provider; only what the manifest can tell counts."""
    provider = name.partition("/")[0]
    variable = f"{provider.partition('-')[0].upper()}_BASE_URL"
    if base_url is None and os.environ.get(variable):
        raise InputError(
            f"{variable} is set: give it as --base-url (and the name of the key's variable as"
            " --api-key-env), so that the run can be repeated"
        )
    return None if provider == "policy" else base_url


def _memory(name: str | None, families: tuple[str, ...]) -> str:
    """The memory asked for; by default `history` where a family has rounds."""
    single = [f for f in families if not family(f).has_rounds]
    if name in NEEDS_ROUNDS and single:
        raise InputError(f"memory {name!r} needs a family with rounds: {single[0]} has none")
    return name or ("history" if len(single) < len(families) else "none")


def _version_of(memory: str, prompts: Prompts) -> dict[str, str]:
    return {"memory": f"prompts {prompts.digest('memory')}"} if memory in NEEDS_ROUNDS else {}


def sampling(options: Namespace) -> Sampling:
    """What every request says beside the prompt, by the options of a run.

    InputError if a secret of the environment is in it.
    """
    if scrubber()(options.extra_body) != options.extra_body:
        raise InputError("--extra-body is kept in the manifest: no key in it (see --api-key-env)")
    return Sampling(
        temperature=options.temperature,
        max_tokens=options.max_output_tokens,
        seed=options.model_seed,
        reasoning_effort=options.reasoning_effort,
        structured=options.structured,
        extra=options.extra_body,
    )


def _models(
    manifest: Manifest, families: tuple[str, ...], programs: Mapping[str, str], connections: int
) -> list[Model]:
    return [
        build_policy(spec.name, families, programs)
        if spec.name.startswith("policy/")
        else build_provider(spec, manifest, connections)
        for spec in manifest.configuration.models
    ]


def build_provider(spec: ModelSpec, manifest: Manifest, connections: int) -> Model:
    """A provider's model as a run asks it; InputError if a key or a package is missing."""
    return build_model(
        spec.name,
        manifest.configuration.sampling,
        base_url=spec.base_url,
        api_key_env=manifest.api_key_env,
        max_connections=connections,
    )


def _perform(folder: Folder, models: Sequence[Model], options: Namespace) -> int:
    """Make what instances are missing, run what is open, print the board."""
    log = Log(options.log_json)
    _warn_of_versions(folder.manifest.environment, log)
    if options.price:
        asked = [spec.name for spec in folder.manifest.configuration.models]
        prices = prices_of(options, asked)
        folder.save(replace(folder.manifest, prices=prices, priced=_today()))
    made = _instances(folder)
    _enough_users(folder.manifest.configuration.memory, made)
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


def manner(options: Namespace) -> Manner:
    """How to ask, by the options of a run."""
    o = options
    return Manner(
        patience=Patience(attempts=o.max_attempts, seconds=o.attempt_timeout),
        connections=o.max_connections,
        requests=o.rpm,
        tokens=o.tpm,
        errors=o.fail_on_error,
        budget=Budget(o.max_cost, o.max_tokens, o.max_time),
        episode_budget=Budget(o.max_episode_cost, o.max_episode_tokens, o.max_episode_time),
        cache=o.cache,
    )


def prices_of(options: Namespace, models: Sequence[str]) -> dict[str, Price]:
    """The prices given; InputError if one is of no model of the run."""
    prices = dict(map(read_price, options.price))
    for name in prices:
        if name not in models:
            raise InputError(f"--price {name}: the run's models are {', '.join(models)}")
    return prices


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _enough_users(memory: str, made: Sequence[Made]) -> None:
    """InputError if a memory that shows another user's rounds finds somebody alone."""
    if memory in NEEDS_OTHER:
        run = [one.instance for one in made]
        for instance in run:
            if neighbour(instance, run) is None:
                raise InputError(f"memory {memory!r} needs two users of a kind: a larger --limit")


def _instances(folder: Folder) -> list[Made]:
    """The run's instances: those in its folder, and new ones up to the limit."""
    manifest = folder.manifest
    suite, limit = manifest.configuration.suite, manifest.limit
    made = folder.instances()
    if suite.entry:
        size = suite.size
        total = min(x for x in (size, limit) if x is not None)
        missing = islice(suite.instances(), len(made), total)
        if len(made) < total:
            _same_generators(folder)
            with Progress("instances", total - len(made)) as progress:
                for line in folder.add_instances(map(instances.make, missing)):
                    made.append(Made(line, "made"))
                    progress.add()
    folder.all_made()
    return made[:limit]


def _same_generators(folder: Folder) -> None:
    """InputError if instances are missing that this version would make otherwise."""
    began = folder.manifest.configuration
    for name, version in began.suite.versions(installed()).items():
        kept, now = (text.partition(",")[0] for text in (began.versions[name], version))
        if kept != now:
            raise InputError(
                f"{folder.path}: its instances were begun with {kept} of {name}, here it is {now}:"
                " go on with the makespan that began it"
            )


def _warn_of_versions(before: Environment, log: Log) -> None:
    now = environment().packages
    for name, version in before.packages.items():
        if now.get(name) != version:
            log.say(f"warning: begun with {name} {version}, now it is {now.get(name, 'missing')}")
