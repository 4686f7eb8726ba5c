"""The records of several run folders together, if they were asked the same."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from harness.calls.prices import Prices, priced
from harness.models.names import program_of
from harness.store.folder import Folder
from harness.store.journal import key_of, read_records
from harness.store.manifest import differences
from tasks.base import Fields, InputError, Noun, Record


class ScoredRecord(Noun, frozen=True):
    """A record, and how its run asked: sampling settings and the server, in one order for all."""

    record: Record
    setup: Fields


def identity(model: str, agent: str, memory: str, setup: Fields) -> Fields:
    """What must be equal for two models to be ranked together or compared, beside the suite.

    `allowed`: whether the answers were its own, or a program's that may take its time.
    """
    allowed = "program" if program_of(model) else "direct"
    sampling = {k: v for k, v in setup.items() if k != "base_url"}
    return {"allowed": allowed, "agent": agent, "memory": memory, **sampling}


@dataclass(frozen=True)
class Gathered:
    """All that is known of some runs.

    Attributes:
        asked: every finished episode.
        sizes: how many episodes a model should have in each family, the most that any run wants.
        missing: models without a finished episode.
        priced: the models whose cost is from a table of prices, with its date.
        headlines: the measure that is the score of a family, where it is not the family's own.
    """

    asked: list[ScoredRecord]
    sizes: dict[str, int]
    missing: tuple[str, ...]
    priced: dict[str, date]
    ranked: bool = True
    headlines: dict[str, str] = field(default_factory=dict)


def gather(paths: Sequence[Path], prices: Prices | None = None) -> Gathered:
    """Read run folders; InputError if a family of two was not asked the same, or all are empty.

    Without `prices` only those costs are known that a provider told.
    """
    folders = [Folder.open(path) for path in paths]
    for folder in folders:
        folder.require_suite()
    counts = [_counts(folder) for folder in folders]
    for k, (folder, here) in enumerate(zip(folders, counts, strict=True)):
        for other, there in zip(folders[:k], counts, strict=False):
            if here.keys() & there.keys():
                _same_suite(other, folder)
    asked: list[ScoredRecord] = []
    known: dict[str, date] = {}
    for folder in folders:
        for a, from_table in asked_of(folder, prices):
            asked.append(a)
            if from_table and prices:
                known[a.record.model] = prices.date
    _no_episode_twice(asked)
    if not asked:
        raise InputError(f"no finished episodes in {', '.join(map(str, paths))}")
    sizes = {
        f: max(c.get(f, 0) for c in counts) for f in dict.fromkeys(f for c in counts for f in c)
    }
    done = {a.record.model for a in asked}
    wanted = [spec.name for f in folders for spec in f.manifest.configuration.models]
    missing = tuple(model for model in dict.fromkeys(wanted) if model not in done)
    ranked = all(folder.manifest.configuration.suite.ranked for folder in folders)
    return Gathered(asked, sizes, missing, known, ranked, _headlines(folders))


def _headlines(folders: Sequence[Folder]) -> dict[str, str]:
    suites = [folder.manifest.configuration.suite for folder in folders]
    return {name: s.headline for s in suites if s.headline for name in s.families}


def asked_of(folder: Folder, prices: Prices | None) -> Iterator[tuple[ScoredRecord, bool]]:
    """A folder's records, and of each whether its cost is from the table."""
    how = folder.manifest.configuration
    setups = {s.name: msgspec.json.decode(text(how.sampling_setup(s.name))) for s in how.models}
    records = list(read_records(folder.path))
    costs = priced(folder, records, prices) if prices else {}
    for r in records:
        cost = costs.get(key_of(r.model, r.epoch, r.instance)) if costs else None
        full = r if cost is None else msgspec.structs.replace(r, cost=cost)
        yield ScoredRecord(full, setups[r.model]), cost is not None


def _no_episode_twice(asked: Sequence[ScoredRecord]) -> None:
    seen = set()
    texts: dict[int, str] = {}  # a setup is shared by all episodes of a model in a folder
    for a in asked:
        r = a.record
        if id(a.setup) not in texts:
            texts[id(a.setup)] = text(a.setup)
        key = (r.model, r.agent, r.memory, texts[id(a.setup)], r.instance, r.epoch)
        if key in seen:
            raise InputError(f"the episode of {r.model} on {r.instance} is in two of the folders")
        seen.add(key)


def _counts(folder: Folder) -> Counter[str]:
    """How many episodes a model should have in each family of a folder."""
    manifest = folder.manifest
    suite, epochs = manifest.configuration.suite, manifest.configuration.epochs
    if suite.entry:
        count = min(x for x in (suite.size, manifest.limit) if x is not None)
        found = Counter(w.family for w in islice(suite.instances(), count))
    else:
        found = Counter(folder.families()[: manifest.limit])
    return Counter({name: number * epochs for name, number in found.items()})


def _same_suite(a: Folder, b: Folder) -> None:
    one, other = a.manifest.configuration, b.manifest.configuration
    if one.lock == other.lock:
        return
    scores = [how.suite.headline or "the family's own" for how in (one, other)]
    if scores[0] != scores[1]:
        raise InputError(
            f"{a.path} and {b.path} do not have the same score: {scores[0]} and {scores[1]};"
            " board them apart"
        )
    here, there = msgspec.to_builtins(one.suite), msgspec.to_builtins(other.suite)
    where, kept, asked = next(
        differences(here, there, "suite"),
        ("versions", one.versions, other.versions),
    )
    raise InputError(
        f"{a.path} and {b.path} were not asked the same: {where} is {kept!r} and {asked!r};"
        " board them apart"
    )


def text(value: Any) -> str:
    """A value as canonical JSON, to group by."""
    return msgspec.json.encode(value, order="sorted").decode()
