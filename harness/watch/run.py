"""The state of a run, read from its folder while another process, here or elsewhere, writes it."""

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from heapq import nlargest
from itertools import islice
from statistics import fmean
from typing import NamedTuple

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
_KEY = msgspec.json.Decoder(tuple[str, int, str])


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
    present = len(ids) * len(epochs)
    if manifest.shard:
        present = sum(in_shard(key_of(model, e, i), manifest.shard) for e in epochs for i in ids)
    unmade = sum(is_asked(model, name, programs) for name in families[len(lines) :])
    return present + round(unmade * len(epochs) / (manifest.shard[1] if manifest.shard else 1))


def count_ended(
    db: sqlite3.Connection, models: Mapping[str, ModelProgress]
) -> tuple[set[int], dict[str, int]]:
    """Count the episodes that have a record.

    Args:
        db: the journal.
        models: their counts are changed.

    Returns:
        The numbers of those episodes, and the number of errors among them by name.
    """
    problems: Counter[str] = Counter()
    ended = set()
    for number, key, _, problem in db.execute(queries.PROBLEMS):
        ended.add(number)
        progress = models[_model_of(key)]
        if problem is None:
            progress.done += 1
        else:
            kind, boundary = json.loads(problem)
            progress.errors += 1
            problems[kind or boundary] += 1
    return ended, dict(problems)


def _model_of(key: str) -> str:
    return _KEY.decode(key)[0]


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
                shares.setdefault(_model_of(key), []).append(share)
        unusable += [Unusable(m, fmean(s), column.unusable) for m, s in shares.items() if any(s)]
    return tuple(unusable)


def work_under_way(
    db: sqlite3.Connection,
    folder: Folder,
    models: Mapping[str, ModelProgress],
    ended: set[int],
) -> tuple[Slow, ...]:
    """Count answers and costs, and return the episodes that took longest.

    Args:
        db: the journal.
        folder: of the run.
        models: their counts are changed.
        ended: the numbers of episodes that have a record.
    """
    costs = _costs(folder, models)
    under_way: list[_Work] = []
    work = map(_Work._make, db.execute(queries.WORK))
    longest = nlargest(SLOWEST, _counted(work, models, costs, ended, under_way), _seconds_of)
    for progress in models.values():
        progress.episodes = progress.done + progress.errors
    _count_under_way(under_way, models, costs, dict(_rounds(folder)) if under_way else {})
    return tuple(
        Slow(_label(w.key), w.seconds, w.tries, path=w.path, under_way=w.number not in ended)
        for w in longest
    )


class _Work(NamedTuple):
    """What was done of an episode; `path` is the last of its calls, `tries` their attempts."""

    number: int
    key: str
    answers: int
    path: str
    seconds: float
    tries: int


def _seconds_of(work: _Work) -> float:
    return work.seconds


def _counted(
    work: Iterable[_Work],
    models: Mapping[str, ModelProgress],
    costs: Mapping[int, float | None],
    ended: set[int],
    under_way: list[_Work],
) -> Iterator[_Work]:
    """Yield episodes after counting those that have a record; the others are put aside."""
    for each in work:
        if each.number in ended:
            progress = models[_model_of(each.key)]
            progress.answers += each.answers
            progress.paid = plus(progress.paid, costs.get(each.number, 0.0))
        else:
            under_way.append(each)
        yield each


def _count_under_way(
    under_way: Iterable[_Work],
    models: Mapping[str, ModelProgress],
    costs: Mapping[int, float | None],
    rounds: Mapping[str, int],
) -> None:
    """Count the episodes without a record by the share of them that is done."""
    usual = {m.model: m.answers / max(1, m.done + m.errors) for m in models.values()}
    for each in under_way:
        model, _, instance = _KEY.decode(each.key)
        progress = models[model]
        share = _share(each.path, each.answers, rounds.get(instance), usual[model])
        if share:
            progress.answers += each.answers
            progress.paid = plus(progress.paid, costs.get(each.number, 0.0))
        progress.episodes += share


def _label(key: str) -> str:
    model, epoch, instance = _KEY.decode(key)
    return f"{instance}, {model}" + (f", epoch {epoch}" if epoch else "")


def _costs(folder: Folder, models: Mapping[str, ModelProgress]) -> dict[int, float | None]:
    """Return the cost of each episode's replies, and add it to that of its model."""
    prices = applying(folder.manifest, load(None))
    costs: dict[int, float | None] = {}
    for number, key, reply in read_replies(folder.path):
        model = _model_of(key)
        cost = cost_of(reply, prices.get(model))
        costs[number] = plus(costs.get(number, 0.0), cost)
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
