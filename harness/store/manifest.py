"""The manifest of a run folder: what was asked, of whom, and where it ran."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from harness.agents.pipeline_format import Pipeline
from harness.costs import Price
from harness.digests import digest as short_digest
from harness.models.base import Sampling
from harness.models.names import program_of, read_name, seated
from harness.store.search_plan import SearchPlan
from harness.suites.suite import Suite
from tasks.base import Fields, Noun
from tasks.sessions import AgentFile

FORMAT = 3  # of a run folder
READABLE = (2, FORMAT)  # in 2, versions and lock cover more than what the run uses

PACKAGES = ("makespan", "msgspec", "jinja2", "openai", "aiohttp", "anthropic", "litellm", "ortools")


class ModelSpec(Noun, frozen=True):
    """A model by name (`provider/name`), and where it is served if not at its provider."""

    name: str
    base_url: str | None = None


class Configuration(Noun, frozen=True):
    """Everything that shapes the results of a run; equal configurations are the same run.

    `evolve` is there if the run is a search for programs: its suite is then the instances given.
    `means`: what the agent lets models use; unset, they are only asked (see `allowed`).
    `session`: the declaration of the command-line agent, so that its file is needed no more.
    `system`: the user's own message of the system's role that stands before all that models read.
    `pipeline`: the content of the agent, if that is one; `seats`: the models that it names.
    """

    suite: Suite
    versions: dict[str, str]
    lock: str
    models: tuple[ModelSpec, ...]
    agent: str = "direct"
    memory: str = "none"
    epochs: int = 1
    sampling: Sampling = Sampling()
    evolve: SearchPlan | None = None
    means: tuple[str, ...] | UnsetType = UNSET
    system: str | UnsetType = UNSET
    session: AgentFile | UnsetType = UNSET
    pipeline: Pipeline | UnsetType = UNSET
    seats: tuple[ModelSpec, ...] | UnsetType = UNSET

    def seats_of(self, model: str) -> dict[str, str]:
        """Return who sits in each seat of the agent, where a model of the run is asked."""
        names = self.pipeline.seats if self.pipeline else ()
        return {"": model} | {seat: seated(model, seat) for seat in names}

    @property
    def asked(self) -> tuple[ModelSpec, ...]:
        """Return all that are asked, each once: the models, and those in seats of the agent."""
        specs = {spec.name: spec for spec in (*self.models, *(self.seats or ()))}
        for spec in self.models:
            for name in self.seats_of(spec.name).values():
                specs.setdefault(name, ModelSpec(name, spec.base_url))
        return tuple(specs.values())

    @property
    def folder_name(self) -> str:
        """`<suite>-<configuration hash>`."""
        return f"{self.suite.name}-{short_digest(self)}"

    def sampling_of(self, model: str) -> Sampling:
        """Return how the replies of a model are drawn: by the run's settings, then by its own."""
        settings = read_name(model).settings
        shared = self.sampling
        return msgspec.structs.replace(
            shared,
            temperature=shared.temperature
            if settings.temperature is None
            else settings.temperature,
            max_tokens=settings.max_output_tokens or shared.max_tokens,
            seed=shared.seed if settings.seed is None else settings.seed,
            reasoning_effort=settings.reasoning_effort or shared.reasoning_effort,
            top_p=shared.top_p if settings.top_p is None else settings.top_p,
        )

    def allowed(self, model: str) -> tuple[str, ...]:
        """Return what a model might use to answer, sorted: `direct` is nothing but the prompt."""
        if program_of(model):
            return ("program",)
        return self.means or ("direct",)

    def sampling_setup(self, model: str) -> Fields:
        """Return how a model was asked, where that was said.

        That is its sampling, the digest of the user's system message, and the server's address.
        """
        if model.startswith("policy/"):
            return {}
        sampling: Fields = msgspec.to_builtins(self.sampling_of(model))
        [address] = {spec.base_url for spec in self.models if spec.name == model}
        system = {"system": short_digest(self.system)} if self.system else {}
        elsewhere = {spec.name: spec.base_url for spec in self.seats or () if spec.base_url}
        seats = {"seats": elsewhere} if elsewhere else {}
        return sampling | system | seats | ({"base_url": address} if address else {})


class Environment(Noun, frozen=True):
    """The machine and packages with which a run was begun: no part of its identity."""

    created: str
    python: str
    platform: str
    commit: str | None
    packages: dict[str, str]


class Extent(Noun, frozen=True):
    """The part of a configuration that may grow: whom it asks, and how often each instance."""

    models: tuple[ModelSpec, ...]
    epochs: int


class Manifest(Noun, frozen=True):
    """The content of `manifest.json`.

    Attributes:
        format: of the run folder.
        configuration: all that shapes the run's results.
        environment: where it was begun.
        limit: the largest number of instances that was asked for; None is all.
        made: how many instances there are once all are made, and the digest of their lines.
        api_key_env: the variable that holds the key of the server; see `key_variable`.
        shard: (i, n), the part of the episodes that is this folder's.
        prices: by model, in US dollars.
        priced: the day on which the prices were given.
        templates: the names of those that each part with a version uses.
        began: the models and epochs that it began with, where it has grown since.
        keys: by model its variable, where that is another than `api_key_env`.
    """

    format: int
    configuration: Configuration
    environment: Environment
    limit: int | None = None
    made: tuple[int, str] | None = None
    api_key_env: str | None = None
    shard: tuple[int, int] | None = None
    prices: dict[str, Price] = {}
    priced: str | None = None
    templates: dict[str, tuple[str, ...]] = {}
    began: Extent | UnsetType = UNSET
    keys: dict[str, str | None] | UnsetType = UNSET

    @property
    def beginning(self) -> Configuration:
        """Return the configuration as it was when the run began."""
        if not self.began:
            return self.configuration
        models, epochs = self.began.models, self.began.epochs
        return msgspec.structs.replace(self.configuration, models=models, epochs=epochs)

    def key_variable(self, model: str) -> str | None:
        """Return the variable that holds the key of a model's server; None is its provider's."""
        return (self.keys or {}).get(model, self.api_key_env)


def pretty_json(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def differences(a_value: Any, b_value: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    """The places where two JSON values differ: (dotted path, here, there)."""
    if isinstance(a_value, dict) and isinstance(b_value, dict):
        for key in [*a_value, *(k for k in b_value if k not in a_value)]:
            name = f"{where}.{key}" if where else key
            yield from differences(a_value.get(key), b_value.get(key), name)
    elif isinstance(a_value, list | tuple) and isinstance(b_value, list | tuple):
        if len(a_value) != len(b_value):
            yield f"number of {where}", len(a_value), len(b_value)
        for k, (a, b) in enumerate(zip(a_value, b_value, strict=False)):
            yield from differences(a, b, f"{where}[{k}]")
    elif a_value != b_value:
        yield where, a_value, b_value


def environment() -> Environment:
    """Return what this machine is, and which packages it has."""
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return Environment(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        python=platform.python_version(),
        platform=f"{sys.platform} {os.uname().machine}",
        commit=_commit(),
        packages=packages,
    )


def _commit() -> str | None:
    """The git commit of the project's own source tree, `+` if it has changes; None without one."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    try:
        described = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--abbrev=12"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()
