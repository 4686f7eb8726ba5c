"""The records of several run folders together, if they were asked the same."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from graders.spelling import MENDED
from harness.board.replies import SILENT, EpisodeCalls, read_calls
from harness.calls.prices import Prices, priced
from harness.store.folder import Folder, by_content
from harness.store.journal import key_of, read_outcome, read_records
from harness.store.manifest import Configuration, differences
from harness.suites.grading import Reading, graded_strictly
from tasks.base import Fields, InputError, Noun, Record, StoreFailure


class ScoredRecord(Noun, frozen=True):
    """A record, and how its run asked.

    Attributes:
        setup: sampling settings and the server, in one order for all.
        means: what the model might use to answer, sorted.
        versions: of its agent and its memory: digests of what they say to a model.
        calls: what its journal tells of them; None of a policy, or where there is no journal.
    """

    record: Record
    setup: Fields
    means: tuple[str, ...] = ("direct",)
    versions: tuple[str, ...] = ()
    calls: EpisodeCalls | None = None


@dataclass(frozen=True)
class CanonicalFields:
    """Fields as a key to group by: equal where their canonical JSON is.

    Attributes:
        text: the canonical JSON, keys in order.
        source: the fields themselves, keys in any order.
    """

    text: str
    source: Fields = field(compare=False, repr=False)

    @classmethod
    def of(cls, fields: Fields) -> "CanonicalFields":
        """Return the key of some fields."""
        return cls(text(fields), fields)

    @property
    def fields(self) -> Fields:
        """Return the fields, at every depth with their keys in order."""
        ordered: Fields = msgspec.to_builtins(self.source, order="sorted")
        return ordered


def identity(
    means: Sequence[str], agent: str, memory: str, setup: Fields, versions: Sequence[str] = ()
) -> Fields:
    """Return what must be equal, beside the suite, for two models to be ranked or compared.

    Args:
        means: what a model might use to answer, sorted.
        agent, memory: with their settings.
        setup: sampling settings; the server's address does not count.
        versions: of agent and memory.
    """
    return {
        "means": ", ".join(means),
        "agent": agent,
        "memory": memory,
        "versions": "; ".join(versions),
        **sampling_of(setup),
    }


def sampling_of(setup: Fields) -> Fields:
    """Return how a model was asked, without its server."""
    return {k: v for k, v in setup.items() if k != "base_url"}


@dataclass(frozen=True)
class Gathered:
    """All that is known of some runs.

    Attributes:
        records: every finished episode.
        sizes: how many episodes a model should have in each family, the most that any run wants.
        missing: models without a finished episode.
        priced: the models whose cost is from a table of prices, with its date.
        ranked: whether the suites of all runs are for ranking.
        headlines: the measure that is the score of a family, where it is not the family's own.
    """

    records: list[ScoredRecord]
    sizes: dict[str, int]
    missing: tuple[str, ...]
    priced: dict[str, date]
    ranked: bool = True
    headlines: dict[str, str] = field(default_factory=dict)


def gather(
    paths: Sequence[Path], prices: Prices | None = None, reading: Reading = "canonical"
) -> Gathered:
    """Read run folders.

    Args:
        paths: of the folders.
        prices: without them only those costs are known that a provider told.
        reading: of spelling.

    Raises:
        InputError: a family of two folders was not asked the same, an episode is in two of them,
            or none has a finished episode.
    """
    folders = [Folder.open(path) for path in paths]
    for folder in folders:
        folder.require_suite()
    counts = [_episode_counts(folder) for folder in folders]
    _require_same_suites(folders, counts)
    records, dates = _read_all(folders, prices, reading)
    _require_no_episode_twice(records)
    if not records:
        raise InputError(f"no finished episodes in {', '.join(map(str, paths))}")
    return Gathered(
        records,
        _sizes(counts),
        _missing(folders, records),
        priced=dates,
        ranked=all(folder.manifest.configuration.suite.ranked for folder in folders),
        headlines=_headlines(folders),
    )


def _require_same_suites(folders: Sequence[Folder], counts: Sequence[Counter[str]]) -> None:
    """Raise InputError where two folders share a family and were not asked the same."""
    for k, folder in enumerate(folders):
        for earlier, count in zip(folders[:k], counts, strict=False):
            if count.keys() & counts[k].keys():
                _require_same_suite(earlier, folder)


def _read_all(
    folders: Sequence[Folder], prices: Prices | None, reading: Reading
) -> tuple[list[ScoredRecord], dict[str, date]]:
    """Return all records, and the date of the prices by each model whose cost is from them."""
    records: list[ScoredRecord] = []
    dates: dict[str, date] = {}
    for folder in folders:
        for scored, from_table in scored_records(folder, prices, reading):
            records.append(scored)
            if from_table and prices:
                dates[scored.record.model] = prices.date
    return records, dates


def _sizes(counts: Sequence[Counter[str]]) -> dict[str, int]:
    families = dict.fromkeys(family for count in counts for family in count)
    return {family: max(count.get(family, 0) for count in counts) for family in families}


def _missing(folders: Sequence[Folder], records: Sequence[ScoredRecord]) -> tuple[str, ...]:
    """Return the models of the manifests that have no record."""
    finished = {scored.record.model for scored in records}
    return tuple(model for model in _models(folders) if model not in finished)


def _models(folders: Sequence[Folder]) -> Iterable[str]:
    configurations = (folder.manifest.configuration for folder in folders)
    return dict.fromkeys(spec.name for each in configurations for spec in each.models)


def _headlines(folders: Sequence[Folder]) -> dict[str, str]:
    suites = [folder.manifest.configuration.suite for folder in folders]
    return {name: s.headline for s in suites if s.headline for name in s.families}


def scored_records(
    folder: Folder, prices: Prices | None, reading: Reading = "canonical"
) -> Iterator[tuple[ScoredRecord, bool]]:
    """Yield a folder's records, and of each whether its cost is from the table of prices."""
    configuration = folder.manifest.configuration
    setups = {
        spec.name: CanonicalFields.of(configuration.sampling_setup(spec.name)).fields
        for spec in configuration.models
    }
    means = {spec.name: configuration.allowed(spec.name) for spec in configuration.models}
    parts = by_content(folder).versions
    records = list(read_records(folder.path))
    if reading == "strict":
        records = _read_strictly(folder, records)
    costs = priced(folder, records, prices) if prices else {}
    models = {name for name in setups if not name.startswith("policy/")}
    calls = read_calls(folder.path) if models else {}
    for r in records:
        key = key_of(r.model, r.epoch, r.instance) if costs or models else ""
        cost = costs.get(key)
        full = r if cost is None else msgspec.structs.replace(r, cost=cost)
        versions = part_versions_of(r, parts)
        told = calls.get(key, SILENT) if r.model in models else None
        yield (
            ScoredRecord(
                full, setups[r.model], means=means[r.model], versions=versions, calls=told
            ),
            cost is not None,
        )


def _read_strictly(folder: Folder, records: Sequence[Record]) -> list[Record]:
    """Return records in which no answer is mended: those that have one are graded once more."""
    headline = folder.manifest.configuration.suite.headline or None
    lines = {line.id: line for line in folder.instances()}
    strict = []
    for r in records:
        if r.grade and MENDED in r.grade.metrics:
            outcome = read_outcome(folder.path, key_of(r.model, r.epoch, r.instance))
            if outcome is None:
                raise StoreFailure(f"{folder.path}: what {r.model} answered {r.instance} is gone")
            grade = graded_strictly(lines[r.instance].instance, outcome, headline)
            r = msgspec.structs.replace(r, grade=grade)
        strict.append(r)
    return strict


def part_versions_of(record: Record, versions: Mapping[str, str]) -> tuple[str, ...]:
    """Return the versions of a record's agent and memory, of those that say something to models.

    Args:
        record: one without a memory has no version of it.
        versions: of the parts of its run, by name.
    """
    names = ["agent"] if record.memory == "none" else ["agent", "memory"]
    return tuple(f"{name}: {versions[name]}" for name in names if name in versions)


def _require_no_episode_twice(records: Sequence[ScoredRecord]) -> None:
    seen = set()
    texts: dict[int, str] = {}  # a setup is shared by all episodes of a model in a folder
    for scored in records:
        r = scored.record
        if id(scored.setup) not in texts:
            texts[id(scored.setup)] = text(scored.setup)
        key = (r.model, r.agent, r.memory, texts[id(scored.setup)], r.instance, r.epoch)
        if key in seen:
            raise InputError(f"the episode of {r.model} on {r.instance} is in two of the folders")
        seen.add(key)


def _episode_counts(folder: Folder) -> Counter[str]:
    """Return how many episodes a model should have in each family of a folder."""
    manifest = folder.manifest
    suite, epochs = manifest.configuration.suite, manifest.configuration.epochs
    if suite.entry:
        size = min(x for x in (suite.size, manifest.limit) if x is not None)
        counts = Counter(spec.family for spec in islice(suite.instances(), size))
    else:
        counts = Counter(folder.families()[: manifest.limit])
    return Counter({name: count * epochs for name, count in counts.items()})


def _require_same_suite(a: Folder, b: Folder) -> None:
    configurations = by_content(a), by_content(b)
    if configurations[0].lock == configurations[1].lock:
        return
    scores = [each.suite.headline or "the family's own" for each in configurations]
    if scores[0] != scores[1]:
        raise InputError(
            f"{a.path} and {b.path} do not have the same score: {scores[0]} and {scores[1]};"
            " board them apart"
        )
    if versions := _versions_only(*configurations):
        raise InputError(
            f"{a.path} and {b.path} differ in versions only: {versions}; board them apart, or run"
            " the older anew"
        )
    setting, value_a, value_b = _first_difference(*configurations)
    raise InputError(
        f"{a.path} and {b.path} were not asked the same: {setting} is {value_a!r} and {value_b!r};"
        " board them apart"
    )


def _versions_only(a: Configuration, b: Configuration) -> str:
    """Return the versions in which two suites differ; nothing if they differ in more."""
    if a.suite.lock({}) != b.suite.lock({}):
        return ""
    names = [name for name in a.versions if a.versions[name] != b.versions.get(name)]
    return ", ".join(f"{name} is {a.versions[name]} and {b.versions.get(name)}" for name in names)


def _first_difference(a: Configuration, b: Configuration) -> tuple[str, Any, Any]:
    """Return the first setting in which the suites differ, or the versions of the families."""
    suites = msgspec.to_builtins(a.suite), msgspec.to_builtins(b.suite)
    return next(differences(*suites, "suite"), ("versions", a.versions, b.versions))


def text(value: Any) -> str:
    """Return a value as canonical JSON, to group by."""
    return msgspec.json.encode(value, order="sorted").decode()
