"""The instances that a run covers: a suite by name, a family with a level, or a file."""

import re
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from itertools import count as naturals
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from harness.digests import digest
from harness.families.family import Family
from harness.families.registry import FAMILIES, families_used, family
from harness.suites.instances import InstanceSpec
from tasks.base import InputError, Noun, Scalar
from tasks.near import did_you_mean
from tasks.prompts import Prompts, installed
from tasks.shipped import shipped

DEFAULT_COUNT = 20  # instances of a family run without --limit


class SuiteEntry(Noun, frozen=True):
    """Instances 0, 1, ... of one level and one setting; a `count` of None means without end."""

    family: str
    level: int
    settings: dict[str, Scalar] = {}
    count: int | None = None


class Solved(Noun, frozen=True):
    """How the instances of a file that have no reference get one: from this project's solvers.

    Attributes:
        seconds: a limit of wall time for each; None is the solver's own limit, which counts steps.
    """

    seconds: float | None = None


class Commitment(Noun, frozen=True):
    """The digest of the secret behind a suite's seed, and the day on which that was drawn."""

    digest: str
    drawn: str


class Suite(Noun, frozen=True):
    """A named list of entries, or instances from files by the digest of their content.

    `files` are names of the user's files in a public `format`; `content` is their digest, or that
    of one file of instances. `ranked`: whether its models are given ranks. `headline`: the measure
    that is its score, where that is not the families' own; not set, it is no part of any digest.
    `solved`: how references are found that its instances lack; not set if they lack none, or are to
    go without, and then no part of any digest. `content` is that of the instances as they were
    given, so that nothing need be solved to know which run it is. `commitment`: of a seed that is
    drawn from a secret; not set of a public one, and then no part of any digest.
    """

    name: str
    about: str = ""
    seed: int = 0
    entry: tuple[SuiteEntry, ...] = ()
    format: str | None = None
    files: tuple[str, ...] = ()
    content: str | None = None
    ranked: bool = True
    headline: str | UnsetType = UNSET
    solved: Solved | UnsetType = UNSET
    commitment: Commitment | UnsetType = UNSET

    @property
    def families(self) -> tuple[str, ...]:
        """Return the families it covers, each once."""
        return tuple(dict.fromkeys(entry.family for entry in self.entry))

    @property
    def used(self) -> dict[str, Family[Any]]:
        """Return the families by name, with the templates that its settings use."""
        return families_used((entry.family, entry.settings) for entry in self.entry)

    def lock(self, versions: Mapping[str, str]) -> str:
        """Return 12 hex digits that change when anything that an agent sees does.

        Covered are entries, seeds, the versions of families and prompts, and a headline if one is
        named. Rows of different locks do not belong on one board.

        Args:
            versions: those of the families that it covers, and of no others.
        """
        entries = msgspec.to_builtins(self.entry)
        for entry in entries:
            for name in family(entry["family"]).unseen:
                entry["settings"].pop(name, None)
        content = [self.seed, entries, self.content, dict(versions)]
        further = {
            "headline": self.headline,
            "solved": self.solved,
            "commitment": self.commitment,
        }
        return digest(content + [{name: each} for name, each in further.items() if each])

    def instances(self) -> Iterator[InstanceSpec]:
        """Yield every entry's first instance, then every second one, ...: a prefix is a sample."""
        for index in naturals():
            entries = [e for e in self.entry if e.count is None or index < e.count]
            if not entries:
                return
            for entry in entries:
                yield InstanceSpec(
                    entry.family, entry.level, self.seed, index=index, settings=entry.settings
                )

    @property
    def size(self) -> int | None:
        """Return how many instances there are; None if they have no end."""
        counts = [entry.count for entry in self.entry]
        return None if None in counts else sum(c for c in counts if c is not None)


def family_versions(families: Mapping[str, Family[Any]], prompts: Prompts) -> dict[str, str]:
    """Return for each family its version and the digest of the prompts that it uses.

    Args:
        families: by name, as the suite uses them.
        prompts: that have theirs among them.
    """
    return {
        name: f"version {each.version}, prompts {prompts.digest(each.templates)}"
        for name, each in families.items()
    }


ALIASES = {"standard": "standard-2", "mini": "mini-2"}  # the newest that are frozen


def names() -> list[str]:
    """Return the suites that come with the project."""
    folder = shipped("suites")
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith("toml"))


def versions_of(alias: str) -> list[Suite]:
    """Return the suites that a name has meant, the newest first; none if it is no alias."""
    if alias not in ALIASES:
        return []
    return [load(name) for name in reversed(names()) if name.startswith(f"{alias}-")]


def load_file(path: Path) -> Suite:
    """Load a suite of the user's own, with its settings resolved.

    Its `include` names files beside it, without their ending, or suites of the project.

    Raises:
        InputError: it cannot be read, is no suite, or has a level or setting that no family has.
    """
    try:
        suite = load(path.stem, path.parent)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text") from None
    except msgspec.DecodeError as error:
        fields = re.search(r"unknown field `(.*?)`", str(error))
        names = (*Suite.__struct_fields__, *SuiteEntry.__struct_fields__, "include")
        raise InputError(
            f"{path}: {error}{did_you_mean(fields[1], names) if fields else ''}"
        ) from None
    except RecursionError:
        raise InputError(f"{path}: it includes itself") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    if not suite.entry and not suite.files:
        raise InputError(f"{path}: a suite needs [[entry]] tables with family, level and count")
    return suite


def load(name: str, folder: Traversable | None = None) -> Suite:
    """Load a suite with its settings resolved.

    Args:
        name: of the file without its ending; its `include` names suites whose entries it takes.
        folder: where it is; None for those that come with the project.

    Raises:
        InputError: if the suites it includes have another headline, or no family has it.
    """
    folder = folder or shipped("suites")
    raw = msgspec.toml.decode((folder / f"{name}.toml").read_text(encoding="utf-8"))
    frozen = raw.pop("frozen", None)
    included = [load(each, _folder_of(each, folder)) for each in raw.pop("include", [])]
    raw["entry"] = [*(e for each in included for e in each.entry), *raw.get("entry", [])]
    suite: Suite = msgspec.convert({"name": name, **raw}, Suite)
    for each in included:
        if each.headline != suite.headline:
            raise InputError(
                f"suite {name} includes {each.name}, whose headline is"
                f" {each.headline or 'not set'}: give both the same"
            )
    suite = resolve(suite, {})
    if frozen:
        _require_frozen(suite, frozen)
    return suite


def _folder_of(name: str, folder: Traversable) -> Traversable:
    """Return where an included suite is: in the folder, else among those of the project."""
    return folder if (folder / f"{name}.toml").is_file() else shipped("suites")


def _require_frozen(suite: Suite, frozen: str) -> None:
    """Raise InputError if this version would make another suite than the one of that lock."""
    lock = suite.lock(family_versions(suite.used, installed()))
    if lock != frozen:
        raise InputError(
            f"suite {suite.name} is frozen with the lock {frozen}; this makespan would make {lock}:"
            " run it with the makespan that froze it, or run a newer suite (makespan list)"
        )


def find(
    target: str, *, level: int | None, seed: int | None, settings: Mapping[str, Scalar]
) -> Suite:
    """Return the suite of a suite's name, or of a family's name (with a level always).

    Args:
        target: the name of a suite or a family, or the path of a suite's file.
        level: of a family; None for a suite.
        seed: instead of the suite's own; None for 0 or its own.
        settings: override those of every entry.

    Raises:
        InputError: if there is no such suite or family, or the level is missing or not wanted.
    """
    target = ALIASES.get(target, target)
    is_file = target.endswith(".toml")
    if (is_file or target in names()) and level is None:
        suite = load_file(Path(target)) if is_file else load(target)
        if seed is not None:
            suite = msgspec.structs.replace(suite, seed=seed)
        return resolve(suite, settings) if settings else suite
    if target in FAMILIES:
        if level is None:
            raise InputError(f"run {target}: a family needs a `level`")
        entry = SuiteEntry(target, level)
        return resolve(Suite(target, seed=seed or 0, entry=(entry,)), settings)
    if is_file or target in names():
        raise InputError(f"{target!r} is a suite, its levels are given: leave `level` out")
    raise InputError(
        f"{target!r} is no suite ({', '.join(names())}), no family ({', '.join(FAMILIES)})"
        " and no file ending in .jsonl or .toml"
        + did_you_mean(target, [*ALIASES, *names(), *FAMILIES])
    )


def of_file(path: Path, content: str | None = None) -> Suite:
    """Return the suite of a file of instances, by the digest of its content."""
    return Suite(path.stem, content=content)


def resolve(suite: Suite, settings: Mapping[str, Scalar]) -> Suite:
    """Return a suite with all settings of its entries as they will be.

    Args:
        suite: whose entries may leave settings to their defaults.
        settings: stand for those of every entry.

    Raises:
        InputError: a family has no such level or setting, or two entries become the same.
    """
    _check_headline(suite)

    def with_defaults(entry: SuiteEntry) -> SuiteEntry:
        merged: dict[str, Any] = {**entry.settings, **settings}
        return msgspec.structs.replace(
            entry, settings=family(entry.family).resolve(entry.level, merged)
        )

    entries = tuple(with_defaults(entry) for entry in suite.entry)
    keys = [(e.family, e.level, msgspec.json.encode(e.settings)) for e in entries]
    if len(set(keys)) < len(keys):
        overrides = ", ".join(f"{name}={value}" for name, value in settings.items())
        raise InputError(f"suite {suite.name}: with {overrides} some of its entries are the same")
    return msgspec.structs.replace(suite, entry=entries)


def _check_headline(suite: Suite) -> None:
    """Raise InputError if the suite's headline is no measure of one of its families."""
    for name in suite.families if suite.headline else ():
        measures = family(name).headlines
        if suite.headline not in measures:
            raise InputError(
                f"suite {suite.name}: {suite.headline!r} is no headline of {name}:"
                f" there are {', '.join(measures) or 'none'}"
            )
