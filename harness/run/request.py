"""What is asked of a run, and its suite, instances and models: from names to objects."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict

from msgspec import UNSET
from msgspec.structs import replace

from harness.agents.base import pipeline_of, read_agent
from harness.agents.pipeline_file import ReadPipeline
from harness.agents.pipeline_format import AGENT
from harness.engines.open import EngineChoice
from harness.families.family import Family
from harness.families.registry import families_used, family
from harness.log import say
from harness.models.base import Sampling
from harness.models.names import START, canonical_name, read_name
from harness.secrets import scrubber
from harness.store.folder import MANIFEST, RUNS, Folder
from harness.store.manifest import ModelSpec
from harness.suites import instances
from harness.suites import suite as suites
from harness.suites.commitment import committed, read_secret
from harness.suites.formats import read_files
from harness.suites.reference_files import with_references
from harness.suites.references import has_none
from harness.suites.suite import Solved, Suite
from tasks.base import InputError, Instance, Scalar
from tasks.parts import read_part

Target = str | Path | Suite | Sequence[Instance[Any]]


class Asked(TypedDict, total=False):
    """The fields of a `RunRequest` beside what is asked and whom."""

    agent: str
    memory: str | None
    level: int | None
    seed: int | None
    settings: Mapping[str, Scalar]
    data: Path | None
    limit: int | None
    epochs: int
    sampling: Sampling
    base_url: str | None
    api_key_env: str | None
    shard: tuple[int, int] | None
    out: str | Path | None
    system: str | None
    templates: str | Path | None
    base_urls: Mapping[str, str]
    api_key_envs: Mapping[str, str]
    runs: Path
    references: Path | None
    solve: bool
    time_limit: float | None
    engine: str
    jobs: int | None
    ray_address: str | None
    commitment: Path | None


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """All that shapes the results of a run, in the words of who asks for it.

    Attributes:
        what: a suite or a family by name, a file of a suite or of instances, or instances.
        models: `provider/name`, or with settings `provider/name:key=value,...`; none means all
            policies of the families.
        agent: `NAME` or `NAME:key=value,...`: how models are asked.
        memory: the same; None is `history` where there are rounds.
        level, seed, settings: of the instances; only where `what` is a name.
        data: the folder of the files that a suite needs.
        limit: the first so many instances; None is all of a suite, 20 of a family.
        epochs: how often each instance is asked.
        sampling: how replies are drawn.
        base_url: the server of the models, where that is not their provider's own.
        api_key_env: the variable that holds that server's key.
        shard: (i, n) for the i-th of n parts of the episodes.
        out: the run folder; None is one in `runs`, by what is asked.
        system: a message of the system's role that stands before all that models read.
        templates: a folder of prompts that stand for those of the same names.
        base_urls, api_key_envs: of models that have their own, by name.
        runs: the folder of the run folders that have no `out`.
        references: a file of what is known of the optima of given instances.
        solve: whether given instances are solved that have no reference.
        time_limit: for each of those, in seconds; None is the solver's own limit, in steps, with
            which a reference is the same on every machine.
        engine, jobs, ray_address: where they are solved: see `harness.engines.open`.
        commitment: the file of the secret whose seed the suite has, instead of its public one.
    """

    what: Target
    models: Sequence[str] = ()
    agent: str = "direct"
    memory: str | None = None
    level: int | None = None
    seed: int | None = None
    settings: Mapping[str, Scalar] = field(default_factory=dict)
    data: Path | None = None
    limit: int | None = None
    epochs: int = 1
    sampling: Sampling = field(default_factory=Sampling)
    base_url: str | None = None
    api_key_env: str | None = None
    shard: tuple[int, int] | None = None
    out: str | Path | None = None
    system: str | None = None
    templates: str | Path | None = None
    base_urls: Mapping[str, str] = field(default_factory=dict)
    api_key_envs: Mapping[str, str] = field(default_factory=dict)
    runs: Path = RUNS
    references: Path | None = None
    solve: bool = True
    time_limit: float | None = None
    engine: str = "local"
    jobs: int | None = None
    ray_address: str | None = None
    commitment: Path | None = None

    def __post_init__(self) -> None:
        require_no_secret(self.sampling)

    @cached_property
    def _target(self) -> tuple[Suite, list[Instance[Any]]]:
        """Return the suite that is meant, and its instances if they are not generated."""
        if self.commitment is not None:
            return self._committed(self.commitment), []
        if isinstance(self.what, Suite):
            suite = self.what
        elif not isinstance(self.what, str | Path):
            self._require_no_dials()
            return self._given(Suite("instances"), list(self.what))
        elif str(self.what).endswith(".jsonl"):
            self._require_no_dials()
            path = Path(self.what)
            return self._given(suites.of_file(path), instances.read(path))
        else:
            target = self._begun() or str(self.what)
            suite = suites.find(target, level=self.level, seed=self.seed, settings=self.settings)
        if suite.files:
            return self._with_files(suite)
        if self.references is not None or self.time_limit is not None or not self.solve:
            raise InputError(
                f"the instances of {suite.name} are made with their references: `references`,"
                " `solve` and `time_limit` are for a file's"
            )
        return suite, []

    def _begun(self) -> str | None:
        """Return the suite that an alias meant when the run in `out` began; None if there is none.

        So the command that began a run goes on with it, whatever the alias means since.
        """
        if self.out is None or not (Path(self.out) / MANIFEST).is_file():
            return None
        entries = _parts(Folder.open(Path(self.out)).manifest.configuration.suite)
        versions = suites.versions_of(str(self.what))
        return next((each.name for each in versions if _parts(each) == entries), None)

    def _committed(self, path: Path) -> Suite:
        """Return the suite that is meant, with the seed of a commitment."""
        self._require_no_dials("a committed suite is as it is")
        if not isinstance(self.what, str | Path) or str(self.what).endswith(".jsonl"):
            raise InputError("`commitment` is for a suite by its name or file")
        suite = suites.find(str(self.what), level=None, seed=None, settings={})
        return committed(suite, read_secret(path))

    def _given(self, suite: Suite, batch: list[Instance[Any]]) -> tuple[Suite, list[Instance[Any]]]:
        """Return a suite of given instances, with what a file knows of them, and how to solve.

        Whether any of them lacks a reference goes by all of them, whatever the limit.
        """
        if self.references is not None:
            batch, count = with_references(batch, self.references)
            if count < len(batch):
                say(f"{self.references} names {count} of {len(batch)} instances")
        lacking = self.solve and any(map(has_none, batch))
        solved = Solved(self.time_limit) if lacking else UNSET
        return replace(suite, content=_content(batch), solved=solved), batch

    def _with_files(self, suite: Suite) -> tuple[Suite, list[Instance[Any]]]:
        self._require_no_dials()
        if self.data is None:
            raise InputError(
                f"suite {suite.name} needs `data` FOLDER with {', '.join(suite.files)}"
            )
        paths = [self.data / name for name in suite.files]
        return self._given(suite, read_files(suite.format or "", paths))

    def _require_no_dials(self, reason: str = "a file's instances are as they are") -> None:
        if self.settings or self.level is not None or self.seed is not None:
            raise InputError(f"{reason}: no `level`, `seed` or `settings`")

    @property
    def place(self) -> EngineChoice:
        """Return where instances are solved."""
        return EngineChoice(self.engine, self.jobs, self.ray_address)

    @property
    def suite(self) -> Suite:
        """Return the suite that is meant; InputError if there is none."""
        return self._target[0]

    @property
    def instances(self) -> list[Instance[Any]]:
        """Return the instances that are not generated; none of a suite or a family."""
        return self._target[1]

    @cached_property
    def families(self) -> tuple[str, ...]:
        """Return the families of the run, each once."""
        given = dict.fromkeys(instance.family for instance in self.instances)
        return self.suite.families or tuple(given)

    @cached_property
    def used(self) -> dict[str, Family[Any]]:
        """Return the families by name, each with the templates that its instances use."""
        given = ((instance.family, instance.settings) for instance in self.instances)
        return self.suite.used or families_used(given)

    @property
    def specs(self) -> tuple[ModelSpec, ...]:
        """Return the models that are asked for, with their servers."""
        return tuple(ModelSpec(name, self._address(name)) for name in self._named[0])

    @cached_property
    def pipeline(self) -> ReadPipeline | None:
        """Return the pipeline of the agent, with what in its file has no effect, if it is one."""
        return pipeline_of(self.agent) if read_part(self.agent).name == AGENT else None

    @property
    def seats(self) -> tuple[ModelSpec, ...]:
        """Return the models that the agent names, with their servers.

        One of a provider of the run's models is served where these are.

        Raises:
            InputError: a name is none, or the run's models would not be asked by the agent.
        """
        if self.pipeline is None:
            return ()
        named = [s for s in self.pipeline.pipeline.seats if s and not s.startswith(":")]
        seats = [canonical_name(name) for name in named]
        own = [name for name in self._named[0] if not name.startswith(START)]
        if len(named) == len(self.pipeline.pipeline.seats):
            self._require_seated(own, seats)
        providers = {_provider(name) for name in own}
        return tuple(
            ModelSpec(
                name,
                self._address(name) if _provider(name) in providers else self.base_urls.get(name),
            )
            for name in dict.fromkeys(seats)
        )

    def _require_seated(self, own: Sequence[str], seats: Sequence[str]) -> None:
        """Raise InputError if a run's model is none of those that its agent asks."""
        bases = [read_name(name).base for name in seats]
        for name in own:
            if read_name(name).base not in bases:
                raise InputError(
                    f"{self.agent} asks only the models that it names: give one of them as"
                    f" `models` ({', '.join(dict.fromkeys(bases))}), or {self.agent},models=run to"
                    f" ask {name} in all seats"
                )

    @property
    def programs(self) -> dict[str, str]:
        """Return the sources of models that are programs, by their digests."""
        return self._named[1]

    @cached_property
    def _named(self) -> tuple[list[str], dict[str, str]]:
        """Return the names of the models as a run has them, and programs by their digests."""
        names = [canonical_name(name) for name in self.models]
        if not names:
            names = self._policies
            say(f"no `models` given: {', '.join(names)}")
        elsewhere = [name for name in names if name not in self.base_urls]
        providers = {n.partition("/")[0].partition("-")[0] for n in elsewhere} - {"policy"}
        if self.base_url and len(providers) > 1:
            raise InputError(
                f"`base_url` is for one provider's models, not for {sorted(providers)}"
            )
        programs: dict[str, str] = {}
        if any(name.startswith("policy/file:") for name in names):
            from harness.evolve.program_model import read_programs

            names, programs = read_programs(names)
        if len(set(names)) < len(names):
            raise InputError("the same model is given twice")
        return names, programs

    @property
    def _policies(self) -> list[str]:
        """Return the names of those that a run asks which names no model."""
        kind, settings = read_agent(self.agent)
        wants_several = "checker" in kind.required(settings)
        policies = (each for f in self.families for each in family(f).policies.items())
        names = (name for name, policy in policies if wants_several or not policy.drawn_only)
        return [f"policy/{name}" for name in dict.fromkeys(names)]

    def _address(self, name: str) -> str | None:
        """Return where a model is served, if not at its provider; the manifest must tell it."""
        provider = name.partition("/")[0]
        variable = f"{provider.partition('-')[0].upper()}_BASE_URL"
        address = self.base_urls.get(name, self.base_url)
        if address is None and os.environ.get(variable):
            raise InputError(
                f"{variable} is set: give it as `base_url` (and the name of the key's variable as"
                " `api_key_env`), so that the run can be repeated"
            )
        return None if provider == "policy" else address


def _provider(name: str) -> str:
    return name.partition("/")[0].partition("-")[0]


def require_no_secret(sampling: Sampling) -> None:
    """Raise InputError if a key of the environment is in what every request says."""
    if scrubber()(sampling.extra) != sampling.extra:
        raise InputError(
            "`sampling.extra` is kept in the manifest: no key in it (see `api_key_env`)"
        )


def _content(lines: Sequence[Instance[Any]]) -> str:
    return instances.digest(map(instances.encode, lines))


def _parts(suite: Suite) -> list[tuple[str, int, int | None]]:
    """Return what of a suite no setting changes."""
    return [(entry.family, entry.level, entry.count) for entry in suite.entry]
