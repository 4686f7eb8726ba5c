"""The state of a run, read from its folder while another process, here or elsewhere, writes it."""

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from statistics import fmean
from typing import Any

import msgspec

from harness.calls.prices import applying, load
from harness.costs import cost_of
from harness.families.registry import family
from harness.run.jobs import in_shard
from harness.run.models import is_asked
from harness.store import queries
from harness.store.folder import Folder
from harness.store.journal import key_of, read_replies
from harness.suites.instances import family_of, id_of
from harness.watch.frame import SLOWEST, ModelProgress, Slow, Unusable, plus
from tasks.base import Scalar

_ROUND = re.compile(r"round-(\d+)")


def episode_families(folder: Folder) -> list[str]:
    """Return the families of all instances of a run, those included that are still to be made."""
    manifest, suite = folder.manifest, folder.manifest.configuration.suite
    families = folder.families()[: manifest.limit]
    if not suite.entry:
        return families
    counts = [count for count in (suite.size, manifest.limit) if count is not None]
    return families + [
        spec.family for spec in islice(suite.instances(), len(families), min(counts))
    ]


def episode_count(folder: Folder, model: str, families: list[str]) -> int:
    """Return a model's episodes in this folder; of instances not yet made a shard has its part."""
    manifest = folder.manifest
    lines = folder.lines()[: manifest.limit]
    programs, epochs = folder.programs, range(manifest.configuration.epochs)
    ids = [id_of(line) for line in lines if is_asked(model, family_of(line), programs)]
    present = sum(in_shard(key_of(model, e, i), manifest.shard) for e in epochs for i in ids)
    unmade = sum(is_asked(model, name, programs) for name in families[len(lines) :])
    return present + round(unmade * len(epochs) / (manifest.shard[1] if manifest.shard else 1))


def count_ended(
    db: sqlite3.Connection, models: Mapping[str, ModelProgress]
) -> tuple[set[str], dict[str, int]]:
    """Count the episodes that have a record.

    Args:
        db: the journal.
        models: their counts are changed.

    Returns:
        The keys of those episodes, and the number of errors among them by name.
    """
    problems: Counter[str] = Counter()
    ended_keys = set()
    for key, _, kind, boundary in db.execute(queries.PROBLEMS):
        ended_keys.add(key)
        progress = models[json.loads(key)[0]]
        if boundary is None:
            progress.done += 1
        else:
            progress.errors += 1
            problems[kind or boundary] += 1
    return ended_keys, dict(problems)


def unusable_answers(db: sqlite3.Connection, families: Iterable[str]) -> tuple[Unusable, ...]:
    """Return for each model the mean shares of answers that could not be used, where not 0.

    Args:
        db: the journal.
        families: of the run's instances.
    """
    columns = [c for name in sorted(set(families)) for c in family(name).columns if c.unusable]
    unusable = []
    for column in columns:
        shares: dict[str, list[float]] = {}
        for key, _, share in db.execute(queries.MEASURED, (f'$.grade.metrics."{column.name}"',)):
            if share is not None:
                shares.setdefault(json.loads(key)[0], []).append(share)
        unusable += [Unusable(m, fmean(s), column.unusable) for m, s in shares.items() if any(s)]
    return tuple(unusable)


def work_under_way(
    db: sqlite3.Connection,
    folder: Folder,
    models: Mapping[str, ModelProgress],
    ended_keys: set[str],
) -> tuple[Slow, ...]:
    """Count answers and costs, and return the episodes that took longest.

    Args:
        db: the journal.
        folder: of the run.
        models: their counts are changed.
        ended: the keys of episodes that have a record.
    """
    costs = _costs(folder, models)
    rows = list(db.execute(queries.WORK))
    usual_answers = _count_answers(rows, models, ended_keys)
    rounds = dict(_rounds(folder))
    for key, answers, path, *_ in rows:
        model, _, instance = json.loads(key)
        progress, share = models[model], 1.0
        if key not in ended_keys:
            share = _share(path, answers, rounds.get(instance), usual_answers[model])
            progress.answers += answers if share else 0
            progress.episodes += share
        if share:
            progress.paid = plus(progress.paid, costs.get(key, 0.0))
    longest = sorted(rows, key=lambda row: -row[3])[:SLOWEST]
    return tuple(
        Slow(_label(key), seconds, n, path=path, under_way=key not in ended_keys)
        for key, _, path, seconds, n in longest
    )


def _count_answers(
    rows: Sequence[tuple[Any, ...]], models: Mapping[str, ModelProgress], ended_keys: set[str]
) -> dict[str, float]:
    """Count the answers of the episodes that have a record; return their mean for each model."""
    for key, answers, *_ in rows:
        if key in ended_keys:
            models[json.loads(key)[0]].answers += answers
    for progress in models.values():
        progress.episodes = progress.done + progress.errors
    return {m.model: m.answers / max(1, m.done + m.errors) for m in models.values()}


def _label(key: str) -> str:
    model, epoch, instance = json.loads(key)
    return f"{instance}, {model}" + (f", epoch {epoch}" if epoch else "")


def _costs(folder: Folder, models: Mapping[str, ModelProgress]) -> dict[str, float | None]:
    """Return the cost of each episode's replies, and add it to that of its model."""
    prices = applying(folder.manifest, load(None))
    costs: dict[str, float | None] = {}
    for key, reply in read_replies(folder.path):
        model = json.loads(key)[0]
        cost = cost_of(reply, prices.get(model))
        costs[key] = plus(costs.get(key, 0.0), cost)
        models[model].cost = plus(models[model].cost, cost)
    return costs


def _share(path: str, answers: int, rounds: int | None, usual: float) -> float:
    """Return the part of an episode under way that is done; 0 if it cannot be told."""
    if rounds and (match := _ROUND.match(path)):
        return (int(match[1]) - 1) / rounds
    return min(1.0, answers / usual) if usual else 0.0


class _InstanceHead(msgspec.Struct):
    id: str
    family: str
    settings: dict[str, Scalar]


def _rounds(folder: Folder) -> Iterator[tuple[str, int]]:
    """Yield the id and the number of rounds of each instance that has rounds."""
    decoder = msgspec.json.Decoder(_InstanceHead)
    for line in folder.lines():
        head = decoder.decode(line)
        rounds = family(head.family).rounds
        if rounds:
            yield head.id, int(head.settings[rounds.setting] or 0)
