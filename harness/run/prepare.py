"""The agent, memory, models and instances of a run that is asked for, or taken up."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from msgspec import UNSET, UnsetType

from harness.agents.base import (
    AgentKind,
    agent_name,
    read_agent,
)
from harness.agents.pipeline_format import Pipeline
from harness.calls.client import build_provider
from harness.calls.options import RunOptions
from harness.calls.workbench import Workbench
from harness.engines.open import EngineChoice, open_engine
from harness.families.family import Family
from harness.families.registry import family
from harness.log import Log, say
from harness.models.base import Model
from harness.models.names import START
from harness.progress import Progress
from harness.run.models import build_policy
from harness.run.placebo import neighbour
from harness.run.sessions import Means, allowed, declared
from harness.store.folder import GIVEN, Folder
from harness.store.manifest import Configuration, Environment, Manifest, environment
from harness.suites import instances
from harness.suites import suite as suites
from harness.suites.instances import InstanceLine
from harness.suites.references import completed, has_none
from harness.suites.suite import Solved, Suite
from memory.base import read_memory
from tasks.base import InputError, Noun
from tasks.extras import MissingExtra, is_missing
from tasks.parts import spelled
from tasks.prompts import installed
from tasks.sessions import AgentFile


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
    """An agent as it is chosen.

    Attributes:
        name: spelled shortest.
        means: what it lets models use, if that is more than the prompt.
        session: the declaration of a command-line agent.
    """

    name: str
    means: Means
    session: AgentFile | UnsetType
    pipeline: Pipeline | UnsetType


def choose_agent(name: str, families: Iterable[str], *, unsafe: bool = False) -> ChosenAgent:
    """Return the agent that is asked for.

    Args:
        name: as it is spelled.
        families: that it is to answer.
        unsafe: whether a command-line agent works even where there is no jail.

    Raises:
        InputError: there is no such agent, it has no such setting, a package is missing that its
            programs may import, or a family does not allow what it does.
        SandboxFailure: it is a command-line agent, and there is no jail for it.
    """
    kind, settings = read_agent(name)
    settings, file = declared(settings)
    for each in families:
        require_allowed(kind, settings, each, file)
    return ChosenAgent(
        name=agent_name(kind, settings),
        means=allowed(kind, settings, file, unsafe=unsafe),
        session=file,
        pipeline=settings if isinstance(settings, Pipeline) else UNSET,
    )


def require_allowed(
    kind: AgentKind, settings: Noun, name: str, file: AgentFile | UnsetType = UNSET
) -> None:
    """Raise InputError if a family does not allow what an agent lets models use."""
    whole = family(name)
    if file and whole.tools and file.mcp is None:
        raise InputError(
            f"agent {kind.name!r} is not for {name}, whose tools are offered over MCP: its"
            " declaration has no `mcp`"
        )
    if isinstance(settings, Pipeline) and whole.tools:
        raise InputError(
            f"agent {kind.name!r} is not for {name}: calls of tools cannot be ranked, fused or"
            " voted on"
        )
    if lacking := sorted(kind.required(settings) - set(whole.means)):
        raise InputError(f"agent {kind.name!r} is not for {name}, which {_why(lacking[0], whole)}")


def _why(lacking: str, whole: Family[Any]) -> str:
    """Return why a family does not allow something, as the end of a sentence."""
    if lacking == "imagine" and whole.tools is None:
        return "has no tools whose calls could be imagined; `checker` takes the best of answers"
    return f"allows no {'branches' if lacking == 'imagine' else lacking}: {whole.no_means}"


def open_bench(configuration: Configuration, options: RunOptions) -> Workbench | None:
    """Return what runs the programs of an agent; None for one that runs none.

    Raises:
        MissingExtra: a package is not installed that its programs may import.
        SandboxFailure: programs would not be isolated here.
    """
    kind, settings = read_agent(configuration.agent, configuration.pipeline)
    limits = kind.limits(settings)
    if limits is None:
        return None
    return Workbench(limits, at_once=options.programs, unsafe=options.unsafe)


def require_bench(configuration: Configuration, options: RunOptions) -> None:
    """Raise as `open_bench` does, if the programs of an agent cannot be run here."""
    if bench := open_bench(configuration, options):
        bench.close()


def build_models(
    manifest: Manifest, families: tuple[str, ...], programs: Mapping[str, str], connections: int
) -> list[Model]:
    """Return the models of a run."""
    return [
        build_policy(spec.name, families, programs)
        if spec.name.startswith("policy/")
        else build_provider(spec, manifest, connections)
        for spec in manifest.configuration.models
    ]


def build_seats(manifest: Manifest, connections: int) -> list[Model]:
    """Return the models in seats of a run's agent that are none of its own."""
    names = {spec.name for spec in manifest.configuration.models}
    return [
        build_provider(spec, manifest, connections)
        for spec in manifest.configuration.asked
        if spec.name not in names
    ]


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def require_enough_users(memory: str, lines: Sequence[InstanceLine]) -> None:
    """InputError if a memory that shows another user's rounds finds somebody alone."""
    if read_memory(memory)[0].needs_other:
        run = [line.instance for line in lines]
        for instance in run:
            if neighbour(instance, run) is None:
                raise InputError(f"memory {memory!r} needs two users of a kind: a larger `limit`")


def require_solvers(models: Sequence[str], lines: Sequence[InstanceLine]) -> None:
    """Raise MissingExtra if a policy would solve an instance for which no solver is installed."""
    if not is_missing("ortools"):
        return
    for name in models:
        for line in lines:
            policy = family(line.family).policies.get(name.removeprefix(START))
            if policy and policy.solves(line.instance):
                purpose = f"{name} at {line.id}, which has no proven reference,"
                raise MissingExtra.of("solvers", purpose, "ortools")


def run_instances(folder: Folder, limit: int | None, engine: EngineChoice) -> list[InstanceLine]:
    """Return the run's first instances: those in its folder, and new ones up to the limit.

    They are made, or solved where they were given without a reference.

    Args:
        folder: of the run.
        limit: how many; None is all.
        engine: where instances are solved.
    """
    suite = folder.manifest.configuration.suite
    if suite.entry:
        _make_missing(folder, suite, limit)
    elif suite.solved:
        _solve_missing(folder, suite.solved, limit, engine=engine)
    folder.all_made()
    return folder.instances()[:limit]


def _make_missing(folder: Folder, suite: Suite, limit: int | None) -> None:
    """Generate the instances that are missing up to the limit."""
    count = len(folder.instances())
    total = min(x for x in (suite.size, limit) if x is not None)
    if count < total:
        _same_generators(folder)
        missing = islice(suite.instances(), count, total)
        _add(folder, "instances", total - count, map(instances.make, missing))


def _solve_missing(
    folder: Folder, solved: Solved, limit: int | None, *, engine: EngineChoice
) -> None:
    """Solve the given instances that are missing up to the limit, each kept before the next."""
    missing = folder.given()[:limit][len(folder.instances()) :]
    batch = [instances.decode(line, str(folder.path / GIVEN)) for line in missing]
    lacking = sum(map(has_none, batch))
    if lacking:
        say(f"{lacking} of {len(batch)} instances have no reference: they are solved first")
    work = partial(completed, seconds=solved.seconds)
    with open_engine(*engine) as place:
        _add(folder, "solved", len(batch), place.map(work, missing, instances.id_of))


def _add(folder: Folder, unit: str, count: int, lines: Iterator[bytes]) -> None:
    """Append so many instance lines to a run as they come."""
    if count:
        with Progress(unit, count) as progress:
            for line in folder.add_instances(lines):
                folder.instances().append(InstanceLine(line, "made"))
                progress.add()


def _same_generators(folder: Folder) -> None:
    """InputError if instances are missing that this version would make otherwise."""
    began = folder.manifest.configuration
    for name, version in suites.family_versions(began.suite.used, installed()).items():
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
