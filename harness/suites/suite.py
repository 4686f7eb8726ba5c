"""What a run covers: a suite by name, a family with a level, or a file of instances."""

from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from itertools import count as naturals
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from harness.digests import digest
from harness.families.registry import FAMILIES, family
from harness.suites.instances import InstanceSpec
from tasks.base import InputError, Noun, Scalar
from tasks.prompts import Prompts
from tasks.shipped import shipped

DEFAULT_COUNT = 20  # instances of a family run without --limit


class SuiteEntry(Noun, frozen=True):
    """Instances 0, 1, ... of one level and one setting; `count` None is as many as wanted."""

    family: str
    level: int
    settings: dict[str, Scalar] = {}
    count: int | None = None


class Suite(Noun, frozen=True):
    """A named list of entries, or instances from files by the digest of their content.

    `files` are names of the user's files in a public `format`; `content` is their digest, or that
    of one file of instances. `ranked`: whether its models are given ranks. `headline`: the measure
    that is its score, where that is not the families' own; not set, it is no part of any digest.
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

    @property
    def families(self) -> tuple[str, ...]:
        """The families it covers, each once."""
        return tuple(dict.fromkeys(entry.family for entry in self.entry))

    def versions(self, prompts: Prompts) -> dict[str, str]:
        """For each family its version and the digest of its prompts."""
        names = self.families or tuple(FAMILIES)
        return {n: f"version {family(n).version}, prompts {prompts.digest(n)}" for n in names}

    def lock(self, prompts: Prompts) -> str:
        """12 hex digits that change when anything that an agent is shown does.

        Covered are entries, seeds, the versions of families and prompts, and a headline if one is
        named. Rows of different locks do not belong on one board.
        """
        entries = msgspec.to_builtins(self.entry)
        for entry in entries:
            for name in family(entry["family"]).unseen:
                entry["settings"].pop(name, None)
        shown = [self.seed, entries, self.content, self.versions(prompts)]
        return digest(shown + ([{"headline": self.headline}] if self.headline else []))

    def instances(self) -> Iterator[InstanceSpec]:
        """Every entry's first instance, then every entry's second, ...: a prefix is a sample."""
        for index in naturals():
            left = [e for e in self.entry if e.count is None or index < e.count]
            if not left:
                return
            for entry in left:
                yield InstanceSpec(entry.family, entry.level, self.seed, index, entry.settings)

    @property
    def size(self) -> int | None:
        """How many instances there are; None if as many as wanted."""
        counts = [entry.count for entry in self.entry]
        return None if None in counts else sum(c for c in counts if c is not None)


def names() -> list[str]:
    """The suites that come with the project."""
    folder = shipped("suites")
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith("toml"))


def load(name: str, folder: Traversable | None = None) -> Suite:
    """A suite of a folder, settings resolved; `include` names others' entries.

    Without a folder it is one that comes with the project.
    """
    folder = folder or shipped("suites")
    raw = msgspec.toml.decode((folder / f"{name}.toml").read_text(encoding="utf-8"))
    included = [load(other, folder) for other in raw.pop("include", [])]
    raw["entry"] = [*(e for other in included for e in other.entry), *raw.get("entry", [])]
    suite: Suite = msgspec.convert({"name": name, **raw}, Suite)
    for other in included:
        if other.headline != suite.headline:
            raise InputError(
                f"suite {name} includes {other.name}, whose headline is"
                f" {other.headline or 'not set'}: give both the same"
            )
    return _resolved(suite, {})


def find(
    target: str, *, level: int | None, seed: int | None, settings: Mapping[str, Scalar]
) -> Suite:
    """The suite meant by a suite's name, or by a family's name (if a level is given, always).

    Settings given override those of every entry. InputError if there is no such thing.
    """
    if target in names() and level is None:
        suite = load(target)
        if seed is not None:
            suite = msgspec.structs.replace(suite, seed=seed)
        return _resolved(suite, settings) if settings else suite
    if target in FAMILIES:
        if level is None:
            raise InputError(f"run {target}: a family needs --level")
        entry = SuiteEntry(target, level)
        return _resolved(Suite(target, seed=seed or 0, entry=(entry,)), settings)
    if target in names():
        raise InputError(f"{target!r} is a suite, its levels are given: leave --level out")
    raise InputError(
        f"{target!r} is no suite ({', '.join(names())}), no family ({', '.join(FAMILIES)})"
        " and no file ending in .jsonl"
    )


def of_file(path: Path, content: str) -> Suite:
    """The suite of a file of instances, by the digest of its content."""
    return Suite(path.stem, content=content)


def _resolved(suite: Suite, settings: Mapping[str, Scalar]) -> Suite:
    _check_headline(suite)

    def full(entry: SuiteEntry) -> SuiteEntry:
        given: dict[str, Any] = {**entry.settings, **settings}
        return msgspec.structs.replace(
            entry, settings=family(entry.family).resolve(entry.level, given)
        )

    entries = tuple(full(entry) for entry in suite.entry)
    found = [(e.family, e.level, msgspec.json.encode(e.settings)) for e in entries]
    if len(set(found)) < len(found):
        given = ", ".join(f"{name}={value}" for name, value in settings.items())
        raise InputError(f"suite {suite.name}: with {given} some of its entries are the same")
    return msgspec.structs.replace(suite, entry=entries)


def _check_headline(suite: Suite) -> None:
    """InputError if the suite's headline is no measure of one of its families."""
    for name in suite.families if suite.headline else ():
        measures = family(name).headlines
        if suite.headline not in measures:
            raise InputError(
                f"suite {suite.name}: {suite.headline!r} is no headline of {name}:"
                f" there are {', '.join(measures) or 'none'}"
            )
