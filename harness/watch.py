"""What a run is doing, read from its folder while another process, here or elsewhere, writes it."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from time import time

import msgspec

from harness.folder import Folder
from harness.instances import family_of, id_of
from harness.journal import key_of, open_to_read
from harness.models.policy import is_asked
from harness.run import in_shard
from tasks.base import StoreFailure

WINDOW = 60.0  # seconds over which rates are taken
SLOWEST = 5

_RECORDS = """
    select key, max(version), json_extract(record, '$.problem.kind'),
        json_extract(record, '$.cost'), json_extract(record, '$.problem.boundary')
    from records join episodes on id = episode group by episode
"""
_ANSWERS = """
    select json_extract(key, '$[0]'), count(*) from attempts join episodes on id = episode
    where reply is not null group by 1
"""
_SLOWEST = """
    select key, sum(seconds), count(*), max(attempts.path),
        not exists (select 1 from records r where r.episode = attempts.episode)
    from attempts join episodes on id = episode group by episode order by 2 desc limit ?
"""
_FAULTS = """
    select substr(fault, 1, instr(fault || ':', ':') - 1), count(*) from attempts
    where fault is not null group by 1
"""
_PACE = """
    select at, allowed, flying, answers, complaints from pace where model = ?
    and at > (select max(at) from pace where model = ?) - ? order by rowid
"""


class Standing(msgspec.Struct):
    """How one model stands.

    `rate` is answers a minute over the last minute it was at work; `cost` None is unknown,
    `projected` what it comes to if the rest costs as much an episode. Numbers that only a journal
    with a pace has are None without one.
    """

    model: str
    total: int
    done: int = 0
    errors: int = 0
    cost: float | None = 0.0
    allowed: int | None = None
    flying: int | None = None
    complaints: int | None = None
    rate: float | None = None
    calls_each: float = 1.0

    @property
    def projected(self) -> float | None:
        """The cost in the end."""
        ended = self.done + self.errors
        return None if self.cost is None or not ended else self.cost * self.total / ended

    @property
    def minutes_left(self) -> float | None:
        """At this rate, if every episode has as many answers as those so far."""
        left = self.total - self.done - self.errors
        return left * self.calls_each / self.rate if self.rate else None


class Slow(msgspec.Struct, frozen=True):
    """One of the episodes that took longest so far."""

    episode: str
    seconds: float
    attempts: int
    path: str
    under_way: bool


class Frame(msgspec.Struct, frozen=True):
    """All that a view of a run shows; `silent` is seconds since its last sign of life."""

    folder: str
    suite: str
    models: tuple[Standing, ...]
    failures: dict[str, int]
    problems: dict[str, int]
    slowest: tuple[Slow, ...]
    silent: float | None

    @property
    def complete(self) -> bool:
        """Whether every episode has a record."""
        return all(m.done + m.errors >= m.total for m in self.models)


def read_frame(path: Path) -> Frame:
    """The state of a run folder now; nothing is written."""
    folder = Folder.open(path)
    folder.require_suite()
    how = folder.manifest.configuration
    try:
        with closing(open_to_read(path)) as db:
            models = {spec.name: Standing(spec.name, 0) for spec in how.models}
            for name, standing in models.items():
                standing.total = sum(1 for _ in _episodes(folder, name))
            problems = _records(db, models)
            answers = Counter(dict(db.execute(_ANSWERS)))
            for name, standing in models.items():
                _pace(db, standing)
                ended = standing.done + standing.errors
                standing.calls_each = max(1.0, answers[name] / max(1, ended))
            faults = dict(db.execute(_FAULTS))
            slowest = tuple(
                Slow(key, seconds, tried, path_, bool(open_))
                for key, seconds, tried, path_, open_ in db.execute(_SLOWEST, (SLOWEST,))
            )
            last = _last(db)
    except sqlite3.Error as error:
        raise StoreFailure(f"cannot read {path}: {error}") from None
    silent = None if last is None else max(0.0, time() - last)
    names = (str(path), how.suite.name)
    return Frame(*names, tuple(models.values()), faults, problems, slowest, silent)


def _episodes(folder: Folder, model: str) -> Iterator[str]:
    """The keys of a model's episodes in this folder."""
    manifest = folder.manifest
    lines = folder.lines()[: manifest.limit]
    asked = [id_of(line) for line in lines if is_asked(model, family_of(line))]
    for epoch in range(manifest.configuration.epochs):
        for name in asked:
            key = key_of(model, epoch, name)
            if in_shard(key, manifest.shard):
                yield key


def _records(db: sqlite3.Connection, models: dict[str, Standing]) -> dict[str, int]:
    problems: Counter[str] = Counter()
    for key, _, kind, cost, boundary in db.execute(_RECORDS):
        standing = models[json.loads(key)[0]]
        if boundary is None:
            standing.done += 1
        else:
            standing.errors += 1
            problems[kind or boundary] += 1
        known = standing.cost is not None and cost is not None
        standing.cost = standing.cost + cost if known and standing.cost is not None else None
    return dict(problems)


def _pace(db: sqlite3.Connection, standing: Standing) -> None:
    """Where its calls stand, and how many answers came in the last minute of work."""
    if not _has_pace(db):
        return
    rows = db.execute(_PACE, (standing.model, standing.model, WINDOW)).fetchall()
    if not rows:
        return
    _, standing.allowed, standing.flying, _, standing.complaints = rows[-1]
    came = sum(max(0, b[3] - a[3]) for a, b in pairwise(rows))
    took = rows[-1][0] - rows[0][0]
    standing.rate = 60 * came / took if took > 0 else None


def _last(db: sqlite3.Connection) -> float | None:
    if not _has_pace(db):
        return None
    (last,) = db.execute("select max(at) from pace").fetchone()
    return None if last is None else float(last)


def _has_pace(db: sqlite3.Connection) -> bool:
    return bool(db.execute("select 1 from sqlite_master where name = 'pace'").fetchone())
