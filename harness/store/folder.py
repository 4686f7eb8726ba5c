"""A run folder: manifest, instances, templates, journal. Never written over, only added to."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from time import sleep
from typing import Any, TextIO

import msgspec
from msgspec.structs import replace

from harness import files
from harness.costs import Price
from harness.digests import digest as short_digest
from harness.families.family import Family
from harness.families.registry import families_used
from harness.log import say
from harness.models.names import NO_PROGRAMS, program_of
from harness.store.growth import grown, growth
from harness.store.journal import NAME, Journal
from harness.store.manifest import (
    FORMAT,
    READABLE,
    Configuration,
    Manifest,
    differences,
    pretty_json,
)
from harness.store.versions import part_versions, templates_used
from harness.suites.instances import InstanceLine, digest, family_of, use_of
from tasks.base import Fields, InputError, StoreFailure
from tasks.prompts import Prompts

RUNS = Path("results/runs")
MANIFEST = "manifest.json"

INSTANCES = "instances.jsonl"

LOCK = "lock"

CLAIMS, MOMENT = 3, 0.02  # tries at a claim: who asks `is_claimed` holds it for less than a moment

GIVEN = "given.jsonl"  # the instances as they were given, where they are solved first

PROGRAMS = "programs"


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
        self._claim: TextIO | None = None
        self._read: list[bytes] | None = None
        self._made: list[InstanceLine] | None = None

    @classmethod
    def create(
        cls,
        path: Path,
        manifest: Manifest,
        prompts: Prompts,
        lines: Iterable[bytes] | None = None,
        fill: Callable[[Path], None] = lambda _: None,
        programs: Mapping[str, str] = NO_PROGRAMS,
    ) -> "Folder":
        """Begin a run folder, or take up one of the same run; InputError on another (`require`).

        `lines` are the instances of a run whose instances are not generated; `fill` adds to a
        new folder before it has its name.
        """
        if (path / MANIFEST).exists():
            folder = cls.open(path)
            folder.require(manifest.configuration)
        elif path.exists() and not path.is_dir():
            raise InputError(f"{path} is a file: use another `out`")
        elif path.exists() and any(path.iterdir()):
            raise InputError(f"{path} is no run folder, but not empty: use another `out`")
        else:
            folder = cls(path, manifest, prompts, programs)
            folder._begin(lines, fill)
        return folder

    @classmethod
    def open(cls, path: Path) -> "Folder":
        """Open a run folder as it is; InputError if it is none."""
        manifest = _read_manifest(path)
        prompts = Prompts(_texts(path / "templates", "*.j2"))
        folder = cls(path, manifest, prompts, _programs(path))
        folder._check_whole()
        return folder

    def _check_whole(self) -> None:
        """InputError if a part is missing, or prompts or instances are not those it began with."""
        for part in (NAME, INSTANCES):
            if not (self.path / part).is_file():
                raise InputError(f"{self.path}: its {part} is missing: bring it back")
        for name, version in self.manifest.configuration.versions.items():
            names = self.manifest.templates.get(name) or self.prompts.names(name)
            if not version.endswith(f"prompts {self.prompts.digest(names)}"):
                raise InputError(
                    f"{self.path}: its templates of {name} are not those it began with:"
                    " bring them back, or use another `out`"
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
                    " bring it back, or use another `out`"
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

    def _begin(self, lines: Iterable[bytes] | None, fill: Callable[[Path], None]) -> None:
        """Fill a hidden folder, then give it its name: a folder that is there is complete."""
        if self.path.is_symlink() or not self.path.name:
            raise InputError(f"{self.path} cannot be a new run folder: use another `out`")
        hidden = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")
        try:
            parts = {f"templates/{name}": text for name, text in self.prompts.sources.items()}
            parts |= {f"{PROGRAMS}/{name}.py": text for name, text in self.programs.items()}
            for name, source in parts.items():
                target = hidden / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(source, "utf-8")
            files.write_lines(hidden / INSTANCES, lines or [])
            Journal(hidden).close()
            fill(hidden)
            files.write(hidden / MANIFEST, pretty_json(self.manifest))
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
        files.write(self.path / MANIFEST, pretty_json(manifest))

    def note_prices(self, prices: Mapping[str, Price], day: str) -> None:
        """Keep the prices of models as they were given on a day; those of others stay."""
        if prices:
            self.save(replace(self.manifest, prices={**self.manifest.prices, **prices}, priced=day))

    def require(self, configuration: Configuration) -> None:
        """Raise InputError that names the first setting in which a configuration is another run.

        How the suite is called does not count, nor do models and epochs, by which a run may grow;
        in a search nothing may.
        """
        recorded = by_content(self)
        is_search = bool(recorded.evolve or configuration.evolve)
        contents = [_content_of(each, whole=is_search) for each in (recorded, configuration)]
        moved = _moved(_servers(recorded), _servers(configuration))
        for where, value, other in chain(differences(contents[0], contents[1], ""), moved):
            raise InputError(
                f"{self.path} holds a run of another configuration: its {where} is {value!r},"
                f" here it is {other!r}; use another `out`"
            )

    def grow(self, more: Manifest, programs: Mapping[str, str] = NO_PROGRAMS) -> None:
        """Take in what is asked of this run beyond what it has; who may do so has its claim.

        Killed at any moment, the folder is whole: it has grown, or it has not.

        Args:
            more: a manifest of the same run (see `require`).
            programs: the sources of its models that are programs, by their digests.
        """
        before = self.manifest.configuration
        for name in programs.keys() - self.programs.keys():
            place = self.path / PROGRAMS / f"{name}.py"
            files.make_folder(place.parent)
            files.write(place, programs[name])
        self.programs = {**self.programs, **programs}
        self.save(grown(self.manifest, more))
        if larger := ", ".join(growth(before, self.manifest.configuration)):
            say(f"{self.path} grows by {larger}")

    def require_suite(self) -> None:
        """InputError if this is a search for programs: it has no episodes, but its own report."""
        if self.manifest.configuration.evolve:
            raise InputError(
                f"{self.path} is a search for programs: makespan evolve show {self.path}"
            )

    def claim(self) -> None:
        """Claim the folder for this process; InputError if another has it.

        What others have written since it was opened is read anew.
        """
        try:
            self._claim = (self.path / LOCK).open("w")
        except OSError as error:
            raise StoreFailure(f"cannot write {self.path}: {error.strerror}") from None
        if not any(_locked(self._claim) for _ in range(CLAIMS)):
            raise InputError(f"another process is writing to {self.path}")
        manifest = _read_manifest(self.path)
        if manifest != self.manifest:
            self.manifest, self.programs = manifest, _programs(self.path)
            self._read = self._made = None

    def release(self) -> None:
        """Let others write."""
        if self._claim is not None:
            self._claim.close()
            self._claim = None

    def instances(self) -> list[InstanceLine]:
        """The instances made so far, each read when it is first wanted."""
        if self._made is None:
            where = str(self.path / INSTANCES)
            self._made = [InstanceLine(line, where) for line in self.lines()]
        return self._made

    def given(self) -> list[bytes]:
        """Return the lines of the instances that are solved before they are run; none of others.

        Raises:
            InputError: they are not those that the run began with.
        """
        suite = self.manifest.configuration.suite
        if not suite.solved:
            return []
        lines = (self.path / GIVEN).read_bytes().splitlines() if self._has_given() else []
        if digest(lines) != suite.content:
            raise InputError(
                f"{self.path}: its {GIVEN} is not what it was: bring it back, or use another `out`"
            )
        return lines

    def _has_given(self) -> bool:
        return (self.path / GIVEN).is_file()

    def families(self) -> list[str]:
        """The family of each instance made so far."""
        return [family_of(line) for line in self.lines()]

    def used(self) -> dict[str, Family[Any]]:
        """The run's families by name, each with the templates that its instances use."""
        suite = self.manifest.configuration.suite
        return suite.used or families_used(map(use_of, self.lines()))

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


def _locked(claim: TextIO) -> bool:
    """Return whether a claim is this process's now; wait a moment if not."""
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sleep(MOMENT)
        return False
    return True


def is_claimed(path: Path) -> bool:
    """Return whether a process, of this machine or of one that shares its locks, is writing."""
    try:
        with (path / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # nobody ever claimed it, or it cannot be told
        return False
    return False


def by_content(folder: Folder) -> Configuration:
    """Return a folder's configuration, its versions and lock by nothing but what the run uses.

    Of a folder of format 2 these are computed anew, from its own templates: there they cover all
    families where instances are from a file, and the templates of all memories.
    """
    configuration = folder.manifest.configuration
    if folder.manifest.format >= FORMAT or configuration.evolve:
        return configuration
    families = folder.used()
    versions = {
        name: _with_prompts(configuration.versions[name], folder.prompts, each.templates)
        for name, each in families.items()
    }
    lock = configuration.suite.lock(versions)
    templates = templates_used(configuration.agent, configuration.memory, families)
    versions |= part_versions(templates, families, folder.prompts)
    return replace(configuration, versions=versions, lock=lock)


def _content_of(configuration: Configuration, *, whole: bool) -> Fields:
    """Return a configuration as JSON, without what its suite is called.

    Args:
        configuration: of a run or of a search.
        whole: whether that is with what a run may grow by.
    """
    fields: Fields = msgspec.to_builtins(configuration)
    for name in ("name", "about"):
        fields["suite"].pop(name)
    for name in () if whole else ("models", "epochs"):
        fields.pop(name)
    return fields


def _servers(configuration: Configuration) -> Fields:
    specs = (*configuration.models, *(configuration.seats or ()))
    return {f"server of {spec.name}": spec.base_url for spec in specs}


def _moved(recorded: Fields, servers: Fields) -> Iterator[tuple[str, Any, Any]]:
    """Yield the models of both that are not asked at the same server."""
    return differences(recorded, recorded | {k: v for k, v in servers.items() if k in recorded}, "")


def _with_prompts(version: str, prompts: Prompts, names: Iterable[str]) -> str:
    """Return a version's text with the digest of these templates."""
    number, _, _ = version.rpartition("prompts ")
    return f"{number}prompts {prompts.digest(names)}"


def _read_manifest(path: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode((path / MANIFEST).read_bytes(), type=Manifest)
    except OSError:
        raise InputError(f"{path} is no run folder: it has no manifest.json") from None
    except msgspec.DecodeError as error:
        raise InputError(f"{path / 'manifest.json'}: {error}") from None
    if manifest.format not in READABLE:
        formats = " and ".join(map(str, READABLE))
        raise InputError(f"{path} has format {manifest.format}; this makespan reads {formats}")
    return manifest


def _programs(path: Path) -> dict[str, str]:
    return {name[:-3]: source for name, source in _texts(path / PROGRAMS, "*.py").items()}


def _texts(root: Path, pattern: str) -> dict[str, str]:
    """The files below a folder by their paths in it; none if it is not there."""
    try:
        return {f.relative_to(root).as_posix(): f.read_text("utf-8") for f in root.rglob(pattern)}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{root}: cannot be read: {error}") from None
