"""The runs that a run file asks for: one for each suite and each way to ask models."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import UNSET

from harness.agents.pipeline_format import AGENT
from harness.families.registry import family
from harness.models.names import FILE, START, ModelSettings, canonical_name, read_name
from harness.run.file_format import ModelTable, RunFile, SuiteTable, is_run_file, read_run_file
from harness.run.request import RunRequest
from harness.suites.suite import Suite, SuiteEntry, resolve
from tasks.base import InputError
from tasks.parts import read_part, spelled


@dataclass(frozen=True)
class Manner:
    """How some models are asked alike; one run folder holds one."""

    agent: str
    memory: str | None
    system: str | None


@dataclass(frozen=True)
class RunPlan:
    """A run file as it is to be done.

    Attributes:
        file: as it was read.
        path: of the file.
    """

    file: RunFile
    path: Path

    @property
    def requests(self) -> tuple[RunRequest, ...]:
        """Return its runs, suite by suite.

        Raises:
            InputError: it asks for nothing, or twice for the same.
        """
        if not self.file.suites:
            raise InputError(f'{self.path}: it needs `suites`, such as suites = ["mini-1"]')
        manners = self._manners()
        tables = [SuiteTable(s) if isinstance(s, str) else s for s in self.file.suites]
        requests = _fitting(
            [self._request(table, *each) for table in tables for each in manners.items()]
        )
        if self.file.out is not None:
            place = self._beside(self.file.out)
            if len(requests) == 1:
                return (replace(requests[0], out=place),)
            requests = [replace(request, runs=place) for request in requests]
        return tuple(requests)

    @property
    def prices(self) -> Mapping[str, str]:
        """Return the prices in the file, by model, as words of the command line."""
        return {
            (name := name_of(table, self.path)): f"{name}={','.join(map(str, table.price))}"
            for table in self.file.models
            if table.price
        }

    def _manners(self) -> Mapping[Manner, Sequence[ModelTable]]:
        """Return the models, by how they are asked."""
        file = self.file
        manners: dict[Manner, list[ModelTable]] = {}
        for model in file.models:
            manner = Manner(
                model.agent or file.agent, model.memory or file.memory, model.system or file.system
            )
            manners.setdefault(manner, []).append(model)
        return manners or {Manner(file.agent, file.memory, file.system): []}

    def _request(
        self, suite: SuiteTable, manner: Manner, models: Sequence[ModelTable]
    ) -> RunRequest:
        file = self.file
        return RunRequest(
            what=suite_of(suite) if suite.entry else self._target(suite.name),
            models=[name_of(table, self.path) for table in models],
            agent=agent_from(manner.agent, self._beside),
            memory=manner.memory,
            level=suite.level,
            seed=None if suite.entry else suite.seed,
            settings=suite.settings,
            data=None if suite.data is None else self._beside(suite.data),
            references=None if suite.references is None else self._beside(suite.references),
            solve=suite.solve,
            time_limit=suite.time_limit,
            limit=suite.limit or file.limit,
            epochs=file.epochs,
            sampling=file.sampling.sampling,
            api_key_env=file.api_key_env,
            base_urls=self._by_name(models, "base_url"),
            api_key_envs=self._by_name(models, "api_key_env"),
            base_url=file.base_url,
            system=manner.system,
            templates=None if file.templates is None else self._beside(file.templates),
        )

    def by_name(self, key: str) -> dict[str, str]:
        """Return what the models of the file have of their own, by their names."""
        return self._by_name(self.file.models, key)

    def _by_name(self, models: Sequence[ModelTable], key: str) -> dict[str, str]:
        return {
            name_of(table, self.path): getattr(table, key)
            for table in models
            if getattr(table, key) is not None
        }

    def _target(self, name: str) -> str | Path:
        return self._beside(name) if name.endswith((".toml", ".jsonl")) else name

    def _beside(self, name: str) -> Path:
        """Return a path that the file gives, from where the file is."""
        return self.path.parent / name


def _fitting(requests: Sequence[RunRequest]) -> list[RunRequest]:
    """Return runs without the policies that only the families of other runs have."""
    having = [{p for f in request.families for p in family(f).policies} for request in requests]
    anywhere = set().union(*having)
    fitting = []
    for request, policies in zip(requests, having, strict=True):
        models = [
            name
            for name in request.models
            if not name.startswith(START)
            or (policy := name.removeprefix(START)) in policies
            or policy not in anywhere
        ]
        if models or not request.models:
            fitting.append(replace(request, models=models))
    return fitting


def agent_from(text: str, move: Callable[[str], str | Path]) -> str:
    """Return an agent with the path of its file, if it has one, as it is from elsewhere."""
    part = read_part(text)
    if part.name != AGENT or not part.inner:
        return text
    words = [str(move(part.inner)), *(f"{key}={value}" for key, value in part.settings.items())]
    return f"{AGENT}:{','.join(words)}"


def suite_of(table: SuiteTable) -> Suite:
    """Return the suite that a table spells out; its settings become those of every entry."""
    entries = tuple(
        SuiteEntry(each.family, each.level, each.settings, count=each.count) for each in table.entry
    )
    suite = Suite(
        table.name,
        seed=table.seed or 0,
        entry=entries,
        ranked=table.ranked,
        headline=table.headline or UNSET,
    )
    return resolve(suite, table.settings)


def name_of(table: ModelTable, path: Path) -> str:
    """Return a model's name with the sampling that is its own; a program's file from `path`."""
    name = table.name
    if name.startswith(START + FILE):
        return f"{START}{FILE}{path.parent / name.removeprefix(START + FILE)}"
    base, settings = read_name(name)
    own = {key: getattr(table, key) for key in ModelSettings.__struct_fields__}
    changes = {key: value for key, value in own.items() if value is not None}
    if changes and base.startswith(START):
        raise InputError(f"{path}: {base}: a policy has no settings, but {', '.join(changes)}")
    merged = {key: getattr(settings, key) for key in ModelSettings.__struct_fields__} | changes
    return canonical_name(spelled(base, ModelSettings(**merged)))


def plan_of(path: Path) -> RunPlan | None:
    """Return the runs of a run file; None for a suite's file. InputError if it is neither."""
    return RunPlan(read_run_file(path), path) if is_run_file(path) else None
