"""The records of several run folders together, if they were asked the same.

An episode that several of them hold counts once, as the first of them has it.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec

from graders.spelling import MENDED
from harness.board.replies import ONE_ANSWER, EpisodeCalls, read_calls
from harness.board.selection import WHOLE, Selection
from harness.board.shared import SharedEpisode, require_equal
from harness.calls.prices import Prices, priced
from harness.families.registry import family
from harness.models.names import START
from harness.store.folder import Folder, by_content
from harness.store.journal import key_of, read_latest, read_outcome
from harness.store.manifest import Configuration, differences
from harness.suites.commitment import REVEALED, problems_of, read_secret
from harness.suites.grading import Reading, graded_strictly
from tasks.base import Fields, InputError, Noun, Record, Scalar, StoreFailure

EpisodeIdentity = tuple[str, str, str, str, str, int]


class CommitmentState(Noun, frozen=True):
    """A commitment behind a board's instances.

    Attributes:
        suite: its name.
        digest: of the secret, published before the run.
        drawn: the day on which that was drawn, as its owner says.
        revealed: the day on which it was shown; None while nobody can check the seed.
    """

    suite: str
    digest: str
    drawn: str
    revealed: str | None = None

    @property
    def words(self) -> str:
        """Return what a reader is told of it."""
        return f"seed by commitment {self.digest}, {self.dates}"

    @property
    def dates(self) -> str:
        """Return when it was drawn and revealed."""
        state = f"revealed on {self.revealed}" if self.revealed else "not revealed yet"
        return f"drawn on {self.drawn}, {state}"


class ScoredRecord(Noun, frozen=True, gc=False):
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
        shares: by folder every finished episode that is shown and in no folder before it.
        dials: by family the settings that tell its rows apart.
        sizes: how many episodes a model should have in each family, the most that any run wants.
        missing: models without a finished episode.
        priced: the models whose cost is from a table of prices, with its date.
        ranked: whether the suites of all runs are for ranking.
        headlines: the measure that is the score of a family, where it is not the family's own.
        reading: of spelling, by which the records are graded.
        selection: what is shown.
        commitments: those behind the seeds of the suites, each once.
    """

    shares: list[list[ScoredRecord]]
    dials: dict[str, list[str]]
    sizes: dict[str, int]
    missing: tuple[str, ...]
    priced: dict[str, date]
    ranked: bool = True
    headlines: dict[str, str] = field(default_factory=dict)
    reading: Reading = "canonical"
    selection: Selection = WHOLE
    commitments: tuple[CommitmentState, ...] = ()

    @property
    def records(self) -> list[ScoredRecord]:
        """Return every finished episode."""
        return [scored for share in self.shares for scored in share]


def gather(
    paths: Sequence[Path],
    prices: Prices | None = None,
    reading: Reading = "canonical",
    selection: Selection = WHOLE,
) -> Gathered:
    """Read run folders.

    Args:
        paths: of the folders.
        prices: without them only those costs are known that a provider told.
        reading: of spelling.
        selection: the part of the folders that is shown.

    Raises:
        InputError: a family of two folders was not asked the same, an episode that is in two of
            them is not the same, none has a finished episode, or nothing is what is selected.
    """
    folders = [Folder.open(path) for path in paths]
    for folder in folders:
        folder.require_suite()
    counts = [_episode_counts(folder) for folder in folders]
    selection.require(models_of(folders), chain.from_iterable(counts))
    counts = [_shown_counts(count, selection) for count in counts]
    _require_same_suites(folders, counts)
    shares, dates = _read_all(folders, prices, reading)
    dials = dials_of(scored.record for share in shares for scored in share)
    missing = tuple(_missing(folders, shares, selection))
    shares = _once(folders, [_shown(share, selection) for share in shares])
    if not any(shares):
        of = "" if selection.is_whole else f" of {selection.words}"
        raise InputError(f"no finished episodes{of} in {', '.join(map(str, paths))}")
    return Gathered(
        shares,
        dials,
        sizes=_sizes(counts),
        missing=missing,
        priced={name: day for name, day in dates.items() if selection.has_model(name)},
        ranked=all(folder.manifest.configuration.suite.ranked for folder in folders),
        headlines=_headlines(folders),
        reading=reading,
        selection=selection,
        commitments=commitments_of(folders),
    )


def commitments_of(folders: Sequence[Folder]) -> tuple[CommitmentState, ...]:
    """Return the commitments behind the seeds of runs, each once: revealed if one of them says."""
    states: dict[tuple[str, str, str], CommitmentState] = {}
    for state in filter(None, map(commitment_of, folders)):
        name = (state.suite, state.digest, state.drawn)
        days = [each.revealed for each in (states.get(name), state) if each and each.revealed]
        states[name] = msgspec.structs.replace(state, revealed=min(days, default=None))
    return tuple(states.values())


def commitment_of(folder: Folder) -> CommitmentState | None:
    """Return the commitment behind the seed of a run, and whether it is revealed; None without.

    A secret that is not that of the digest reveals nothing.
    """
    suite = folder.manifest.configuration.suite
    if not suite.commitment:
        return None
    state = CommitmentState(suite.name, suite.commitment.digest, suite.commitment.drawn)
    place = folder.path / REVEALED
    if not place.is_file():
        return state
    secret = read_secret(place)
    is_shown = not problems_of(suite, folder.prompts, secret)
    return msgspec.structs.replace(state, revealed=secret.revealed if is_shown else None)


def _shown(records: list[ScoredRecord], selection: Selection) -> list[ScoredRecord]:
    if selection.is_whole:
        return records
    return [each for each in records if selection.has(each.record.model, each.record.family)]


def _shown_counts(count: Counter[str], selection: Selection) -> Counter[str]:
    return Counter({name: size for name, size in count.items() if selection.has_family(name)})


def dials_of(records: Iterable[Record]) -> dict[str, list[str]]:
    """Return by family the settings by which its rows differ: not the ramp, nor what all share."""
    values: dict[str, dict[str, set[Scalar | None]]] = {}
    shared = {(record.family, id(record.settings)): record.settings for record in records}
    for (name_of_family, _), source in shared.items():  # many records have the same object
        settings = values.setdefault(name_of_family, {})
        absent = dict.fromkeys(family(name_of_family).asked_templates)
        for name, value in (absent | source).items():
            settings.setdefault(name, set()).add(value)
    return {
        name: sorted(k for k, v in settings.items() if len(v) > 1 and k not in family(name).ramp)
        for name, settings in values.items()
    }


def _require_same_suites(folders: Sequence[Folder], counts: Sequence[Counter[str]]) -> None:
    """Raise InputError where two folders share a family and were not asked the same."""
    for k, folder in enumerate(folders):
        for earlier, count in zip(folders[:k], counts, strict=False):
            if count.keys() & counts[k].keys():
                _require_same_suite(earlier, folder)


def _read_all(
    folders: Sequence[Folder], prices: Prices | None, reading: Reading
) -> tuple[list[list[ScoredRecord]], dict[str, date]]:
    """Return all records by folder, and the date of the prices by each model that has them."""
    shares: list[list[ScoredRecord]] = []
    from_table: set[str] = set()
    for folder in folders:
        share: list[ScoredRecord] = []
        for scored, is_priced in scored_records(folder, prices, reading):
            share.append(scored)
            if is_priced:
                from_table.add(scored.record.model)
        shares.append(share)
    priced_models = [name for name in models_of(folders) if name in from_table]
    return shares, dict.fromkeys(priced_models, prices.date) if prices else {}


def _once(
    folders: Sequence[Folder], shares: Sequence[list[ScoredRecord]]
) -> list[list[ScoredRecord]]:
    """Return each folder's records without those that a folder before it has, if they are equal."""
    if len(shares) < 2:
        return list(shares)
    first: dict[EpisodeIdentity, tuple[int, Record]] = {}
    shared: dict[tuple[int, int], list[SharedEpisode]] = {}
    single: list[list[ScoredRecord]] = []
    for number, share in enumerate(shares):
        single.append([])
        for scored, episode in zip(share, _identities(share), strict=True):
            if episode in first:
                owner, record = first[episode]
                pair = SharedEpisode(record, scored.record)
                shared.setdefault((owner, number), []).append(pair)
            else:
                first[episode] = number, scored.record
                single[-1].append(scored)
    for (owner, number), episodes in shared.items():
        require_equal(folders[owner], folders[number], episodes)
    return single


def require_agreement(paths: Sequence[Path], selection: Selection) -> None:
    """Raise InputError if two folders hold an episode of one suite, and not the same.

    Or if nothing is what is selected.
    """
    folders = [Folder.open(path) for path in paths]
    families = chain.from_iterable(map(_episode_counts, folders))
    selection.require(models_of(folders), families)
    by_lock: dict[str, list[Folder]] = {}
    for folder in folders:
        by_lock.setdefault(by_content(folder).lock, []).append(folder)
    for group in by_lock.values():
        shares, _ = _read_all(group, None, "canonical") if len(group) > 1 else ([], {})
        _once(group, [_shown(share, selection) for share in shares])


def _identities(share: Sequence[ScoredRecord]) -> Iterator[EpisodeIdentity]:
    """Yield what makes each episode that one: who was asked how, on which instance and epoch."""
    texts: dict[int, str] = {}  # a setup is shared by all episodes of a model in a folder
    for scored in share:
        r = scored.record
        if id(scored.setup) not in texts:
            texts[id(scored.setup)] = text([scored.setup, scored.means, scored.versions])
        yield r.model, r.agent, r.memory, texts[id(scored.setup)], r.instance, r.epoch


def _sizes(counts: Sequence[Counter[str]]) -> dict[str, int]:
    families = dict.fromkeys(family for count in counts for family in count)
    return {family: max(count.get(family, 0) for count in counts) for family in families}


def _missing(
    folders: Sequence[Folder], shares: Sequence[list[ScoredRecord]], selection: Selection
) -> Iterator[str]:
    """Yield the models of the manifests that are to be shown and have no record."""
    finished = {(each.record.model, each.record.family) for share in shares for each in share}
    everywhere = {model for model, _ in finished}
    shown = {model for model, name in finished if selection.has_family(name)}
    for model in models_of(folders):
        ended = shown if _takes_part(model, selection.families) else everywhere
        if selection.has_model(model) and model not in ended:
            yield model


def _takes_part(model: str, families: Sequence[str]) -> bool:
    """Return whether a model must have episodes in some families.

    A policy is of its own families, a program of one that its source tells: without a record it may
    be of any.
    """
    policy = model.removeprefix(START)
    return policy == model or any(policy in family(name).policies for name in families)


def models_of(folders: Iterable[Folder]) -> list[str]:
    """Return the models that folders ask, each once."""
    configurations = (folder.manifest.configuration for folder in folders)
    return list(dict.fromkeys(spec.name for each in configurations for spec in each.models))


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
    records, numbers = _numbered(folder)
    if reading == "strict":
        records = _read_strictly(folder, records)
    costs = priced(folder, records, numbers, prices) if prices else [None] * len(records)
    models = {name for name in setups if not name.startswith("policy/")}
    calls = read_calls(folder.path) if models else {}
    versions_of = cache(partial(part_versions_of, versions=parts))
    for place, (number, cost) in enumerate(zip(numbers, costs, strict=True)):
        r = records[place]
        if cost is not None:
            records[place] = r = msgspec.structs.replace(r, cost=cost)
        replies = calls.get(number, ONE_ANSWER) if r.model in models else None
        scored = ScoredRecord(
            r, setups[r.model], means[r.model], versions=versions_of(r.memory), calls=replies
        )
        yield scored, cost is not None


def _numbered(folder: Folder) -> tuple[list[Record], Sequence[int]]:
    """Return the newest record of each episode, and its number in the journal."""
    records, numbers = list[Record](), array("q")
    for each in read_latest(folder.path):
        records.append(each.record)
        numbers.append(each.number)
    return records, numbers


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


def part_versions_of(memory: str, versions: Mapping[str, str]) -> tuple[str, ...]:
    """Return the versions of a record's agent and memory, of those that say something to models.

    Args:
        memory: of the record; one without a memory has no version of it.
        versions: of the parts of its run, by name.
    """
    names = ["agent"] if memory == "none" else ["agent", "memory"]
    return tuple(f"{name}: {versions[name]}" for name in names if name in versions)


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
