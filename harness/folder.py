"""A run folder: manifest, instances, templates, journal. Never written over, only added to."""

import fcntl
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TextIO

import msgspec
from msgspec.structs import replace

from harness import files
from harness.budget import Price
from harness.evolve.plan import Plan
from harness.instances import Made, digest, family_of
from harness.journal import NAME, Journal
from harness.models.base import Sampling
from harness.models.policy import NO_PROGRAMS, program_of
from harness.request import digest as short_digest
from harness.suites import Suite
from tasks.base import Fields, InputError, Noun, StoreFailure
from tasks.prompts import Prompts

FORMAT = 2  # of a run folder
INSTANCES = "instances.jsonl"
PROGRAMS = "programs"
PACKAGES = ("makespan", "msgspec", "jinja2", "openai", "aiohttp", "anthropic", "litellm", "ortools")


class ModelSpec(Noun, frozen=True):
    """A model by name (`provider/name`), and where it is served if not at its provider."""

    name: str
    base_url: str | None = None


class Configuration(Noun, frozen=True):
    """Everything that shapes the results of a run; equal configurations are the same run.

    `evolve` is there if the run is a search for programs: its suite is then the instances given.
    """

    suite: Suite
    versions: dict[str, str]
    lock: str
    models: tuple[ModelSpec, ...]
    agent: str = "direct"
    memory: str = "none"
    epochs: int = 1
    sampling: Sampling = Sampling()
    evolve: Plan | None = None

    @property
    def folder_name(self) -> str:
        """`<suite>-<configuration hash>`."""
        return f"{self.suite.name}-{short_digest(self)}"

    def setup(self, model: str) -> Fields:
        """How a model was asked, where that was told: sampling settings, the server's address."""
        if model.startswith("policy/"):
            return {}
        sampling: Fields = msgspec.to_builtins(self.sampling)
        [address] = {spec.base_url for spec in self.models if spec.name == model}
        return sampling | ({"base_url": address} if address else {})


class Environment(Noun, frozen=True):
    """Where a run was begun: recorded, compared for a warning, not part of its identity."""

    created: str
    python: str
    platform: str
    commit: str | None
    packages: dict[str, str]


class Manifest(Noun, frozen=True):
    """What `manifest.json` holds.

    `limit` is the number of instances last asked for; `made` is how many there are once all are
    made, and the digest of their lines. `shard` (i, n) is the part of the episodes that is this
    folder's; `prices` by model, as given on the day `priced`.
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


class Folder:
    """An open run folder; while it is open to write, no other process can."""

    def __init__(
        self,
        path: Path,
        manifest: Manifest,
        prompts: Prompts,
        programs: Mapping[str, str] = NO_PROGRAMS,
    ) -> None:
        self.path, self.manifest = path, manifest
        self.prompts, self.programs = prompts, programs  # the latter by their digests
        self._lock: TextIO | None = None
        self._read: list[bytes] | None = None
        self._made: list[Made] | None = None

    @classmethod
    def create(
        cls,
        path: Path,
        manifest: Manifest,
        prompts: Prompts,
        given: Iterable[bytes] | None = None,
        fill: Callable[[Path], None] = lambda _: None,
        programs: Mapping[str, str] = NO_PROGRAMS,
    ) -> "Folder":
        """Begin a run folder, or take up one of an equal configuration; InputError on another.

        `given` are the instance lines of a run whose instances are not generated; `fill` adds to a
        new folder before it has its name.
        """
        if (path / "manifest.json").exists():
            folder = cls.open(path)
            folder.require(manifest.configuration)
        elif path.exists() and not path.is_dir():
            raise InputError(f"{path} is a file: use another --out")
        elif path.exists() and any(path.iterdir()):
            raise InputError(f"{path} is no run folder, but not empty: use another --out")
        else:
            folder = cls(path, manifest, prompts, programs)
            folder._begin(given, fill)
        return folder

    @classmethod
    def open(cls, path: Path) -> "Folder":
        """Open a run folder as it is; InputError if it is none."""
        try:
            text = (path / "manifest.json").read_bytes()
            manifest = msgspec.json.decode(text, type=Manifest)
        except OSError:
            raise InputError(f"{path} is no run folder: it has no manifest.json") from None
        except msgspec.DecodeError as error:
            raise InputError(f"{path / 'manifest.json'}: {error}") from None
        if manifest.format != FORMAT:
            raise InputError(f"{path} has format {manifest.format}; this makespan reads {FORMAT}")
        programs = {name[:-3]: source for name, source in _texts(path / PROGRAMS, "*.py").items()}
        folder = cls(path, manifest, Prompts(_texts(path / "templates", "*.j2")), programs)
        folder._check_whole()
        return folder

    def _check_whole(self) -> None:
        """InputError if a part is missing, or prompts or instances are not those it began with."""
        for part in (NAME, INSTANCES):
            if not (self.path / part).is_file():
                raise InputError(f"{self.path}: its {part} is missing: bring it back")
        for name, kept in self.manifest.configuration.versions.items():
            if not kept.endswith(f"prompts {self.prompts.digest(name)}"):
                raise InputError(
                    f"{self.path}: its templates of {name} are not those it began with:"
                    " bring them back, or use another --out"
                )
        for spec in self.manifest.configuration.models:
            content = program_of(spec.name)
            if content and short_digest(self.programs.get(content)) != content:
                raise InputError(
                    f"{self.path}: its {PROGRAMS}/{content}.py, which is {spec.name}, is missing or"
                    " not what it was: bring it back"
                )
        if self.manifest.made:
            count, content = self.manifest.made
            if digest(self.lines()[:count]) != content:
                raise InputError(
                    f"{self.path}: its {INSTANCES} is not what it was:"
                    " bring it back, or use another --out"
                )

    def lines(self) -> list[bytes]:
        """The instance lines that are whole: the last may still be under way."""
        if self._read is None:
            content = (self.path / INSTANCES).read_bytes()
            self._read = content[: content.rfind(b"\n") + 1].splitlines()
        return self._read

    def all_made(self) -> None:
        """Note how many instances there are, and their digest."""
        lines = self.lines()
        if self.manifest.made is None or self.manifest.made[0] != len(lines):
            self.save(replace(self.manifest, made=(len(lines), digest(lines))))

    def _begin(self, given: Iterable[bytes] | None, fill: Callable[[Path], None]) -> None:
        """Fill a hidden folder, then give it its name: a folder that is there is complete."""
        if self.path.is_symlink() or not self.path.name:
            raise InputError(f"{self.path} cannot be a new run folder: use another --out")
        hidden = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")
        try:
            parts = {f"templates/{name}": text for name, text in self.prompts.sources.items()}
            parts |= {f"{PROGRAMS}/{name}.py": text for name, text in self.programs.items()}
            for name, source in parts.items():
                target = hidden / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(source, "utf-8")
            files.write_lines(hidden / INSTANCES, given or [])
            Journal(hidden).close()
            fill(hidden)
            files.write(hidden / "manifest.json", _pretty(self.manifest))
            hidden.replace(self.path)  # an empty folder may give way
        except OSError as error:
            raise StoreFailure(f"cannot write {self.path}: {error.strerror}") from None
        except StoreFailure as failure:
            raise StoreFailure(str(failure).replace(str(hidden), str(self.path))) from None
        finally:
            shutil.rmtree(hidden, ignore_errors=True)

    def save(self, manifest: Manifest) -> None:
        """Replace the manifest."""
        self.manifest = manifest
        files.write(self.path / "manifest.json", _pretty(manifest))

    def require(self, wanted: Configuration) -> None:
        """InputError that names the first setting in which the folder's configuration differs."""
        here = msgspec.to_builtins(self.manifest.configuration)
        for where, kept, asked in differences(here, msgspec.to_builtins(wanted), ""):
            raise InputError(
                f"{self.path} holds a run of another configuration: its {where} is {kept!r},"
                f" here it is {asked!r}; use another --out"
            )

    def require_suite(self) -> None:
        """InputError if this is a search for programs: it has no episodes, but its own report."""
        if self.manifest.configuration.evolve:
            raise InputError(
                f"{self.path} is a search for programs: makespan evolve show {self.path}"
            )

    def lock(self) -> None:
        """Claim the folder for this process; InputError if another has it."""
        try:
            self._lock = (self.path / "lock").open("w")
        except OSError as error:
            raise StoreFailure(f"cannot write {self.path}: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f"another process is writing to {self.path}") from None

    def unlock(self) -> None:
        """Let others write."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def instances(self) -> list[Made]:
        """The instances made so far, each read when it is first wanted."""
        if self._made is None:
            where = str(self.path / INSTANCES)
            self._made = [Made(line, where) for line in self.lines()]
        return self._made

    def families(self) -> list[str]:
        """The family of each instance made so far."""
        return [family_of(line) for line in self.lines()]

    def add_instances(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Append instance lines as they come, each safe before the next is made."""
        path = self.path / INSTANCES
        whole = sum(len(line) + 1 for line in self.lines())
        try:
            with path.open("r+b") as out:
                out.truncate(whole)  # a last line may have been left unfinished
                out.seek(whole)
                for line in lines:
                    out.write(line + b"\n")
                    out.flush()
                    self.lines().append(line)
                    yield line
        except OSError as error:
            raise StoreFailure(f"cannot write {path}: {error.strerror}") from None


def _texts(root: Path, pattern: str) -> dict[str, str]:
    """The files below a folder by their paths in it; none if it is not there."""
    try:
        return {f.relative_to(root).as_posix(): f.read_text("utf-8") for f in root.rglob(pattern)}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{root}: cannot be read: {error}") from None


def _pretty(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def differences(here: Any, there: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    """The places where two JSON values differ: (dotted path, here, there)."""
    if isinstance(here, dict) and isinstance(there, dict):
        for key in [*here, *(k for k in there if k not in here)]:
            name = f"{where}.{key}" if where else key
            yield from differences(here.get(key), there.get(key), name)
    elif isinstance(here, list | tuple) and isinstance(there, list | tuple):
        if len(here) != len(there):
            yield f"number of {where}", len(here), len(there)
        for k, (a, b) in enumerate(zip(here, there, strict=False)):
            yield from differences(a, b, f"{where}[{k}]")
    elif here != there:
        yield where, here, there


def environment() -> Environment:
    """This machine, now."""
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
    root = Path(__file__).parents[1]
    if not (root / ".git").exists():
        return None
    try:
        found = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--abbrev=12"],
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
