"""A run file of what was asked: by a command, or by the folder of a run."""

import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from harness.agents.pipeline_format import AGENT
from harness.calls.budget import Budget
from harness.calls.options import RunOptions
from harness.calls.prices import read_price
from harness.costs import Price
from harness.families.registry import FAMILIES, family
from harness.models.names import FILE, START, ModelSettings, program_of, read_name
from harness.run.file_format import EntryTable, ModelTable, RunFile, SamplingTable, SuiteTable
from harness.run.plan import agent_from
from harness.run.request import RunRequest
from harness.store.folder import GIVEN, INSTANCES, PROGRAMS, Folder
from harness.suites import suite as suites
from harness.suites.references import has_none
from harness.suites.suite import Suite
from tasks.base import InputError, Scalar
from tasks.prompts import installed

NO_BUDGET = Budget()


def file_of_request(
    request: RunRequest, options: RunOptions, prices: Iterable[str], place: Path
) -> RunFile:
    """Return the run file of what is asked.

    Args:
        request: what is asked of whom.
        options: its budgets are kept, not its pace.
        prices: of models, as words of the command line.
        place: the file that it will be, from where its paths lead.

    Raises:
        InputError: the instances are in no file.
    """
    specs = {spec.name: spec.base_url for spec in request.specs}
    names = dict(zip(specs, request.models or specs, strict=True))
    priced = dict(map(read_price, prices))
    return RunFile(
        suites=(_suite_of(request, place),),
        agent=agent_from(request.agent, partial(_from, place)),
        memory=request.memory,
        system=request.system,
        epochs=request.epochs,
        templates=None if request.templates is None else _from(place, request.templates),
        out=None if request.out is None else _from(place, request.out),
        sampling=SamplingTable.of(request.sampling),
        budget=options.budget,
        episode_budget=options.episode_budget,
        models=tuple(
            _model(
                _moved(names[name], place) if program_of(name) else name,
                address,
                request.api_key_envs.get(name, request.api_key_env),
                price=priced.get(name),
            )
            for name, address in specs.items()
        ),
    )


def _suite_of(request: RunRequest, place: Path) -> SuiteTable | str:
    """Return what is asked, by name or by path."""
    what = request.what
    if isinstance(what, Suite):
        return _spelled_out(what, request.limit)
    if not isinstance(what, str | Path):
        raise InputError("instances that are in no file cannot be kept: write them to one")
    name = str(what)
    table = SuiteTable(
        _from(place, name) if name.endswith((".toml", ".jsonl")) else name,
        level=request.level,
        seed=request.seed,
        settings=dict(request.settings),
        limit=request.limit,
        data=None if request.data is None else _from(place, request.data),
        references=None if request.references is None else _from(place, request.references),
        solve=request.solve,
        time_limit=request.time_limit,
    )
    return table.name if table == SuiteTable(table.name) else table


def file_of_folder(folder: Folder, place: Path) -> RunFile:
    """Return the run file with which a run could be asked for again.

    Args:
        folder: of the run; its instances, programs and changed templates are used from there.
        place: the file that it will be, from where its paths lead.

    Raises:
        InputError: it is a search for programs.
    """
    folder.require_suite()
    manifest = folder.manifest
    configuration = manifest.configuration
    return RunFile(
        suites=(_suite_in(folder, place),),
        agent=_agent_in(folder, place),
        memory=configuration.memory,
        system=configuration.system or None,
        epochs=configuration.epochs,
        templates=_templates_in(folder, place),
        sampling=SamplingTable.of(configuration.sampling),
        models=tuple(
            _model(
                _program(spec.name, folder, place),
                spec.base_url,
                None if spec.name.startswith(START) else manifest.key_variable(spec.name),
                price=manifest.prices.get(spec.name),
            )
            for spec in configuration.models
        ),
    )


def _agent_in(folder: Folder, place: Path) -> str:
    """Return the agent of a run; a pipeline is in its manifest."""
    configuration = folder.manifest.configuration
    if configuration.pipeline:
        return f"{AGENT}:{_from(place, folder.path / 'manifest.json')}"
    return configuration.agent


def _suite_in(folder: Folder, place: Path) -> SuiteTable:
    suite, limit = folder.manifest.configuration.suite, folder.manifest.limit
    if suite.solved:
        return SuiteTable(
            _from(place, folder.path / GIVEN), limit=limit, time_limit=suite.solved.seconds
        )
    if suite.content is not None:
        lacking = any(has_none(line.instance) for line in folder.instances())
        return SuiteTable(_from(place, folder.path / INSTANCES), limit=limit, solve=not lacking)
    if suite.name in suites.names():
        shipped = suites.load(suite.name)
        if msgspec.structs.replace(shipped, seed=suite.seed) == suite:
            seed = None if suite.seed == shipped.seed else suite.seed
            return SuiteTable(suite.name, seed=seed, limit=limit)
    return _spelled_out(suite, limit)


def _spelled_out(suite: Suite, limit: int | None) -> SuiteTable:
    """Return a suite with all that it is made of, as a family where it is one."""
    if suite.name in FAMILIES and len(suite.entry) == 1 and suite.entry[0].count is None:
        [entry] = suite.entry
        usual = family(entry.family).resolve(entry.level, {})
        unusual: dict[str, Scalar] = {
            k: v for k, v in entry.settings.items() if v is not None and v != usual.get(k)
        }
        table = SuiteTable(
            suite.name, level=entry.level, seed=suite.seed, settings=unusual, limit=limit
        )
        same = suites.find(suite.name, level=entry.level, seed=suite.seed, settings=unusual)
        if same == suite:
            return table
    entries = tuple(
        EntryTable(
            e.family,
            e.level,
            {name: value for name, value in e.settings.items() if value is not None},
            count=e.count,
        )
        for e in suite.entry
    )
    return SuiteTable(
        suite.name,
        seed=suite.seed,
        limit=limit,
        entry=entries,
        ranked=suite.ranked,
        headline=suite.headline or None,
    )


def _templates_in(folder: Folder, place: Path) -> str | None:
    """Return where a folder's templates are, if they are not those of this version."""
    sources = installed().sources
    changed = any(sources.get(name, text) != text for name, text in folder.prompts.sources.items())
    return _from(place, folder.path / "templates") if changed else None


def _program(name: str, folder: Folder, place: Path) -> str:
    """Return a model's name, where it is a program with the file that the folder has."""
    digest = program_of(name)
    path = folder.path / PROGRAMS / f"{digest}.py"
    return f"{START}{FILE}{_from(place, path)}" if digest else name


def _moved(name: str, place: Path) -> str:
    """Return the name of a model that is a program in a file, from a new place."""
    return f"{START}{FILE}{_from(place, name.removeprefix(START + FILE))}"


def _model(
    name: str, base_url: str | None, api_key_env: str | None, *, price: Price | None
) -> ModelTable:
    """Return a model as a run file has it: its settings apart from its name."""
    base, settings = read_name(name)
    own: Mapping[str, Any] = {k: getattr(settings, k) for k in ModelSettings.__struct_fields__}
    cached = () if price is None or price.cached is None else (price.cached,)
    return ModelTable(
        base,
        base_url=base_url,
        api_key_env=None if base.startswith(START) else api_key_env,
        price=() if price is None else (price.input, price.output, *cached),
        **own,
    )


def _from(place: Path, path: str | Path) -> str:
    """Return a path as it is reached from the folder of a file."""
    return os.path.relpath(path, place.parent)
