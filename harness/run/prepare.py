"""From names to objects: suite, instances, models and memory of a run."""

import os
from argparse import Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from harness.agents.base import DIRECT, read_agent
from harness.calls.client import build_provider
from harness.families.registry import family
from harness.log import Log, say
from harness.models.base import Model
from harness.models.names import START, canonical_name
from harness.progress import Progress
from harness.run.models import build_policy
from harness.run.placebo import neighbour
from harness.store.folder import Folder
from harness.store.manifest import Environment, Manifest, ModelSpec, environment
from harness.suites import instances
from harness.suites import suite as suites
from harness.suites.formats import read_files
from harness.suites.instances import InstanceLine
from harness.suites.suite import Suite
from memory.base import read_memory
from tasks.base import InputError, Instance
from tasks.extras import MissingExtra, is_missing
from tasks.parts import spelled
from tasks.prompts import installed


def shard_suffix(shard: tuple[int, int] | None) -> str:
    return f"-shard-{shard[0]}-of-{shard[1]}" if shard else ""


def find_target(options: Namespace) -> tuple[Suite, list[Instance[Any]]]:
    """The suite that is meant, and its instances if they come from files."""
    settings = dict(options.settings)
    if options.target.endswith(".jsonl"):
        _only_as_they_are(options)
        path = Path(options.target)
        instances_read = instances.read(path)
        return suites.of_file(path, _content(instances_read)), instances_read
    suite = suites.find(options.target, level=options.level, seed=options.seed, settings=settings)
    if not suite.files:
        return suite, []
    _only_as_they_are(options)
    if options.data is None:
        raise InputError(f"suite {suite.name} needs --data FOLDER with {', '.join(suite.files)}")
    instances_read = read_files(suite.format or "", [options.data / name for name in suite.files])
    return replace(suite, content=_content(instances_read)), instances_read


def _only_as_they_are(options: Namespace) -> None:
    if options.settings or options.level is not None or options.seed is not None:
        raise InputError("a file's instances are as they are: no --level, --seed or -T")


def _content(instances_read: Sequence[Instance[Any]]) -> str:
    return instances.digest(map(instances.encode, instances_read))


def family_names(suite: Suite, instances_read: Sequence[Instance[Any]]) -> tuple[str, ...]:
    return suite.families or tuple(dict.fromkeys(instance.family for instance in instances_read))


def model_specs(
    options: Namespace, families: tuple[str, ...]
) -> tuple[tuple[ModelSpec, ...], dict[str, str]]:
    """The models asked for; without any, all policies of the families of the run. And programs."""
    names = [canonical_name(name) for name in options.model or ()]
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
        from harness.evolve.program_model import read_programs

        names, programs = read_programs(names)
    if len(set(names)) < len(names):
        raise InputError("the same --model is given twice")
    return tuple(ModelSpec(name, _address(name, options.base_url)) for name in names), programs


def _address(name: str, base_url: str | None) -> str | None:
    """Return where a model is served, if not at its provider; the manifest must tell it."""
    provider = name.partition("/")[0]
    variable = f"{provider.partition('-')[0].upper()}_BASE_URL"
    if base_url is None and os.environ.get(variable):
        raise InputError(
            f"{variable} is set: give it as --base-url (and the name of the key's variable as"
            " --api-key-env), so that the run can be repeated"
        )
    return None if provider == "policy" else base_url


def choose_memory(name: str | None, families: tuple[str, ...]) -> str:
    """Return the memory asked for, spelled shortest; `history` if none is and there are rounds.

    Raises:
        InputError: there is no such memory, or it needs rounds that a family does not have.
    """
    single = [f for f in families if not family(f).has_rounds]
    if name is None:
        return "history" if len(single) < len(families) else "none"
    kind, settings = read_memory(name)
    if kind.needs_rounds and single:
        raise InputError(f"memory {kind.name!r} needs a family with rounds: {single[0]} has none")
    return spelled(kind.name, settings)


class ChosenAgent(NamedTuple):
    """An agent spelled shortest, and what it lets models use if that is more than the prompt."""

    name: str
    means: tuple[str, ...] | UnsetType


def choose_agent(name: str) -> ChosenAgent:
    """Return the agent that is asked for.

    Raises:
        InputError: there is no such agent, or it has no such setting.
    """
    kind, settings = read_agent(name)
    means = kind.means(settings)
    return ChosenAgent(spelled(kind.name, settings), UNSET if means == DIRECT else means)


def build_models(
    manifest: Manifest, families: tuple[str, ...], programs: Mapping[str, str], connections: int
) -> list[Model]:
    return [
        build_policy(spec.name, families, programs)
        if spec.name.startswith("policy/")
        else build_provider(spec, manifest, connections)
        for spec in manifest.configuration.models
    ]


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def require_enough_users(memory: str, lines: Sequence[InstanceLine]) -> None:
    """InputError if a memory that shows another user's rounds finds somebody alone."""
    if read_memory(memory)[0].needs_other:
        run = [line.instance for line in lines]
        for instance in run:
            if neighbour(instance, run) is None:
                raise InputError(f"memory {memory!r} needs two users of a kind: a larger --limit")


def require_solvers(specs: Sequence[ModelSpec], lines: Sequence[InstanceLine]) -> None:
    """Raise MissingExtra if a policy would solve an instance for which no solver is installed."""
    if not is_missing("ortools"):
        return
    for spec in specs:
        for line in lines:
            policy = family(line.family).policies.get(spec.name.removeprefix(START))
            if policy and policy.solves(line.instance):
                purpose = f"{spec.name} at {line.id}, which has no proven reference,"
                raise MissingExtra.of("solvers", purpose, "ortools")


def run_instances(folder: Folder) -> list[InstanceLine]:
    """The run's instances: those in its folder, and new ones up to the limit."""
    manifest = folder.manifest
    suite, limit = manifest.configuration.suite, manifest.limit
    lines = folder.instances()
    if suite.entry:
        size = suite.size
        total = min(x for x in (size, limit) if x is not None)
        missing = islice(suite.instances(), len(lines), total)
        if len(lines) < total:
            _same_generators(folder)
            with Progress("instances", total - len(lines)) as progress:
                for line in folder.add_instances(map(instances.make, missing)):
                    lines.append(InstanceLine(line, "made"))
                    progress.add()
    folder.all_made()
    return lines[:limit]


def _same_generators(folder: Folder) -> None:
    """InputError if instances are missing that this version would make otherwise."""
    began = folder.manifest.configuration
    for name, version in suites.family_versions(began.suite.families, installed()).items():
        recorded, now = (text.partition(",")[0] for text in (began.versions[name], version))
        if recorded != now:
            raise InputError(
                f"{folder.path}: its instances were begun with {recorded} of {name}, here it is"
                f" {now}: go on with the makespan that began it"
            )


def warn_of_versions(before: Environment, log: Log) -> None:
    now = environment().packages
    for name, version in before.packages.items():
        if now.get(name) != version:
            log.say(f"warning: begun with {name} {version}, now it is {now.get(name, 'missing')}")
