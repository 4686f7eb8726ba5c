"""Shards and copies of a run become one run folder, by union of their journals."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from harness.costs import Price
from harness.store.folder import INSTANCES, Folder
from harness.store.journal import NAME, key_of, reading_uri
from harness.suites.instances import id_of
from tasks.base import InputError, StoreFailure

_EPISODES = "insert or ignore into episodes (key) select key from other.episodes order by id"
_SHARED = "insert or ignore into shared (fields) select fields from other.shared order by id"
_HERE = """
    join other.episodes there on there.id = b.episode
    join main.episodes here on here.key = there.key
"""
_CONFLICT = {
    "attempts": f"""
        select here.key, b.path || ', attempt ' || b.attempt from other.attempts b {_HERE}
        join main.attempts a
            on a.episode = here.id and a.path = b.path and a.attempt = b.attempt
        where (a.request, a.reply, a.fault) is not (b.request, b.reply, b.fault) limit 1
    """,
    "records": f"""
        select here.key, 'record ' || b.version from other.records b {_HERE}
        join main.records a on a.episode = here.id and a.version = b.version
        where (a.verdict, a.record, a.outcome) is not (b.verdict, b.record, b.outcome) limit 1
    """,
}
_TWICE = f"""
    select count(distinct here.id) from other.attempts b {_HERE}
    where here.id in (select episode from main.attempts)
"""
_UNION = {
    "attempts": f"""
        insert or ignore into attempts
        select here.id, b.path, b.attempt, b.request, b.reply, b.fault, b.seconds
        from other.attempts b {_HERE}
    """,
    "records": f"""
        insert or ignore into records
        select here.id, b.version, b.verdict, mine.id, b.record, b.outcome
        from other.records b {_HERE}
        join other.shared theirs on theirs.id = b.shared
        join main.shared mine on mine.fields = theirs.fields
    """,
}
_UNBEGUN = """
    delete from episodes where id not in (select episode from attempts)
    and id not in (select episode from records)
"""


def merge(paths: Sequence[Path], out: Path) -> int:
    """Write the union of run folders to a new one; returns how many episodes were there twice.

    InputError if they are not of one configuration, if two of them disagree on an instance or a
    call, or if one is being written to. Nothing is left behind then.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there already: use another --out")
    places = [path.resolve() for path in paths]
    for path, place in zip(paths, places, strict=True):
        if places.count(place) > 1:
            raise InputError(f"{path} is given twice")
    folders = [Folder.open(path) for path in paths]
    for folder in folders:
        folder.require_suite()
        folder.require(folders[0].manifest.configuration)
        if os.access(folder.path, os.W_OK):
            folder.claim()
    lines = _instances(folders)
    limits = [folder.manifest.limit for folder in folders]
    manifest = replace(
        folders[0].manifest,
        limit=None if None in limits else max(limit for limit in limits if limit is not None),
        made=max((f.manifest.made for f in folders if f.manifest.made), default=None),
        prices=_prices(folders),
        shard=None,
    )
    twice = 0

    def fill(hidden: Path) -> None:
        nonlocal twice
        twice = _join(hidden / NAME, folders, lines)

    Folder.create(out, manifest, folders[0].prompts, lines, fill, folders[0].programs)
    return twice


def _instances(folders: Sequence[Folder]) -> list[bytes]:
    """The instance lines of the folder that has most; the others' must be its first ones."""
    longest = max(folders, key=lambda folder: len(folder.lines()))
    lines = longest.lines()
    for folder in folders:
        for number, (here, there) in enumerate(zip(folder.lines(), lines, strict=False), 1):
            if here != there:
                raise InputError(
                    f"{folder.path / INSTANCES}:{number} is another instance than that of"
                    f" {longest.path}: they were not made by the same version"
                )
    return lines


def _prices(folders: Sequence[Folder]) -> dict[str, Price]:
    prices: dict[str, Price] = {}
    for folder in folders:
        for model, price in folder.manifest.prices.items():
            if prices.setdefault(model, price) != price:
                raise InputError(f"{folder.path}: its --price of {model} is not the others'")
    return prices


def _join(path: Path, folders: Sequence[Folder], lines: Sequence[bytes]) -> int:
    """Fill the journal, its episodes in the order of one run."""
    how = folders[0].manifest.configuration
    ids = [id_of(line) for line in lines]
    keys = [key_of(m.name, e, i) for m in how.models for e in range(how.epochs) for i in ids]
    twice = 0
    try:
        with closing(sqlite3.connect(path, isolation_level=None, uri=True)) as db:
            db.execute("pragma main.locking_mode = exclusive")  # the folder has no name yet
            db.execute("pragma synchronous = off")
            db.execute("create unique index keys on episodes (key)")
            db.execute("begin")
            db.executemany("insert into episodes (key) values (?)", [(key,) for key in keys])
            db.execute("commit")
            for folder in folders:
                twice += _add(db, folder, folders[0])
            db.execute(_UNBEGUN)
            db.execute("drop index keys")
            db.execute("vacuum")
    except sqlite3.Error as error:
        raise StoreFailure(f"cannot merge into {path.parent}: {error}") from None
    return twice


def _add(db: sqlite3.Connection, folder: Folder, first: Folder) -> int:
    db.execute("attach ? as other", (reading_uri(folder.path / NAME),))
    db.execute("begin")
    db.execute(_EPISODES)
    db.execute(_SHARED)
    for query in _CONFLICT.values():
        for key, where in db.execute(query):
            raise InputError(
                f"{folder.path} and another folder (of {first.path}, ...) disagree on the episode"
                f" {key}, {where}: they asked for it apart; merge one of them only"
            )
    (twice,) = db.execute(_TWICE).fetchone()
    for query in _UNION.values():
        db.execute(query)
    if db.execute("select 1 from other.sqlite_master where name = 'pace'").fetchone():
        db.execute("insert into pace select * from other.pace order by at")
    db.execute("commit")
    db.execute("detach other")
    return int(twice)
