"""What a run would ask, take and cost: counted where that can be, else estimated from past runs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec
from msgspec.structs import replace

from harness.calls.prices import applying, load, prices_of
from harness.costs import Price, sum_or_none
from harness.families.registry import family
from harness.models.build import require_provider
from harness.models.names import START, read_name
from harness.run.begin import manifest_of
from harness.run.models import build_policy, is_asked
from harness.run.request import RunRequest
from harness.store.journal import NAME, read_records
from harness.store.manifest import Manifest
from tasks.base import Noun, Record, StoreFailure, Usage

PLAIN = ("none", "history", "full-history", "placebo")  # memories that ask nothing themselves

Group = tuple[str, int]  # a family and a level


class ModelEstimate(Noun, frozen=True):
    """What one model would be asked in one family.

    Attributes:
        model, family: who, and in what.
        episodes: how many.
        calls, input_tokens, output_tokens, cost: expected, cost in US dollars; None is unknown.
        basis: where these are from, in words.
    """

    model: str
    family: str
    episodes: int
    calls: float | None
    input_tokens: float | None
    output_tokens: float | None
    cost: float | None
    basis: str


@dataclass(frozen=True)
class Past:
    """The episodes of past runs that ended with a grade, of models that were asked.

    Attributes:
        records: by family.
        runs: how many folders they are from.
    """

    records: Mapping[str, Sequence[Record]]
    runs: int

    @classmethod
    def of(cls, folder: Path) -> "Past":
        """Return what the run folders in a folder hold; one that cannot be read holds nothing."""
        records: dict[str, list[Record]] = {}
        runs = 0
        for path in sorted(folder.glob(f"*/{NAME}")):
            kept = list(_asked_records(path.parent))
            runs += bool(kept)
            for record in kept:
                records.setdefault(record.family, []).append(record)
        return cls(records, runs)

    def like(self, model: str, group: Group) -> tuple[Sequence[Record], str]:
        """Return the past episodes most like those of a model, and what they are, in words."""
        name, level = group
        base = read_name(model).base
        everything = self.records.get(name, ())
        own = [r for r in everything if model == r.model]
        own = own or [r for r in everything if read_name(r.model).base == base]
        pool, whose = (own, "its") if own else (everything, "other models'")
        same = [r for r in pool if r.level == level]
        return same or pool, f"{whose} past episodes{'' if same else ' at other levels'}"


def _asked_records(folder: Path) -> Iterator[Record]:
    try:
        for record in read_records(folder):
            if record.problem is None and not record.model.startswith(START):
                yield record
    except (StoreFailure, msgspec.DecodeError, OSError):
        return


def estimate(request: RunRequest, prices: Sequence[str], past: Past) -> list[ModelEstimate]:
    """Return what each model of a run would be asked in each family. Nothing is written.

    Args:
        request: what is asked of whom.
        prices: of models, each `MODEL=INPUT,OUTPUT[,CACHED]` in US dollars a million tokens.
        past: what is known of runs that were done.

    Raises:
        InputError: there is no such part, or a price is none.
    """
    manifest, _ = manifest_of(request)
    names = [spec.name for spec in manifest.configuration.models]
    for name in names:
        if name.startswith(START):
            build_policy(name, request.families, request.programs)
        else:
            require_provider(read_name(name).base)
    table = applying(replace(manifest, prices=prices_of(prices, names)), load(None))
    groups = _groups(request, manifest)
    return [
        _one(name, each, _counts(groups, each, request), past, table.get(name), manifest)
        for name in names
        for each in request.families
        if is_asked(name, each, request.programs)
    ]


def _groups(request: RunRequest, manifest: Manifest) -> Counter[Group]:
    """Return how many instances a run has, by family and level."""
    limit = manifest.limit
    if request.instances:
        return Counter((i.family, i.level) for i in request.instances[:limit])
    specs = request.suite.instances()
    return Counter((spec.family, spec.level) for spec in islice(specs, limit))


def _counts(groups: Mapping[Group, int], name: str, request: RunRequest) -> dict[Group, int]:
    """Return a family's episodes by level; of a shard its part, about."""
    share = request.epochs / (request.shard[1] if request.shard else 1)
    return {group: round(n * share) for group, n in groups.items() if group[0] == name}


def _one(
    model: str,
    name: str,
    counts: Mapping[Group, int],
    past: Past,
    price: Price | None,
    manifest: Manifest,
) -> ModelEstimate:
    if model.startswith(START):
        return _policy(model, name, sum(counts.values()))
    bases: dict[str, int] = {}
    calls, reading, writing, costs = [], [], [], []
    for group, n in counts.items():
        records, words = past.like(model, group)
        calls.append(_per_episode(n, [r.calls + r.memory_calls for r in records]))
        reading.append(_per_episode(n, [r.input_tokens for r in records]))
        writing.append(_per_episode(n, [r.output_tokens for r in records]))
        costs.append(_per_episode(n, [_cost(r, price, model) for r in records]))
        bases[words] = bases.get(words, 0) + len(records)
    basis = "; ".join(f"by {n} of {words}" for words, n in bases.items() if n)
    return ModelEstimate(
        model,
        name,
        sum(counts.values()),
        calls=sum_or_none(calls) if basis else _plain_calls(name, counts, manifest),
        input_tokens=sum_or_none(reading),
        output_tokens=sum_or_none(writing),
        cost=sum_or_none(costs),
        basis=basis or "no past run tells",
    )


def _policy(model: str, name: str, episodes: int) -> ModelEstimate:
    return ModelEstimate(
        model,
        name,
        episodes,
        calls=0,
        input_tokens=0,
        output_tokens=0,
        cost=0.0,
        basis="asks nobody",
    )


def _per_episode(episodes: int, values: Sequence[float | None]) -> float | None:
    """Return what episodes take at the mean of values; None if nothing is known."""
    numbers = [value for value in values if value is not None]
    return episodes * sum(numbers) / len(numbers) if numbers else None


def _cost(record: Record, price: Price | None, model: str) -> float | None:
    """Return what an episode would cost: at the price, else as much as this model's did."""
    if price is None:
        return record.cost if record.model == model else None
    cost = price.of(Usage(record.input_tokens, record.output_tokens))
    return cost if cost is None or not record.memory_tokens else None


def _plain_calls(name: str, counts: Mapping[Group, int], manifest: Manifest) -> float | None:
    """Return how many calls a family asks for; None where that is up to the model."""
    declared = family(name)
    if manifest.configuration.means:
        return None
    if declared.tools or (declared.rounds and manifest.configuration.memory not in PLAIN):
        return None
    if declared.rounds is None:
        return sum(counts.values())
    setting = declared.rounds.setting
    rounds = [
        e.settings.get(setting) for e in manifest.configuration.suite.entry if e.family == name
    ]
    if not rounds or len(set(rounds)) > 1 or not isinstance(rounds[0], int):
        return None
    return sum(counts.values()) * rounds[0]


def totals(rows: Iterable[ModelEstimate]) -> ModelEstimate:
    """Return the sum of some rows; unknown where one of them is."""
    lines = list(rows)
    sums = {
        name: sum_or_none([getattr(row, name) for row in lines])
        for name in ("calls", "input_tokens", "output_tokens", "cost")
    }
    return ModelEstimate(
        model="all", family="", episodes=sum(row.episodes for row in lines), basis="", **sums
    )
