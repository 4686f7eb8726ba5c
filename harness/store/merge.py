"""Shards and copies of a run or of a search become one run folder, by union of their journals.

Every table of a journal is merged. The rows of an episode are merged by what the schema says of
them: rows of an equal primary key must be equal, but for what was measured, and count once.
"""

import os
import sqlite3
from collections import ChainMap
from collections.abc import Sequence
from contextlib import closing
from functools import reduce
from pathlib import Path

from msgspec.structs import replace

from harness import files
from harness.costs import Price
from harness.store import queries
from harness.store.folder import GIVEN, INSTANCES, Folder, by_content
from harness.store.growth import grown
from harness.store.journal import NAME, key_of, reading_uri
from harness.store.manifest import Configuration
from harness.suites.instances import id_of
from tasks.base import InputError, StoreFailure


def merge(paths: Sequence[Path], out: Path) -> int:
    """Write the union of run folders to a new one; returns how many episodes were there twice.

    A search is one episode. The new run has the models and epochs of all. InputError if they are
    not of one run, if two of them disagree on an instance, a call, an effect or a grade, if a
    journal holds more than this version knows, or if one is being written to. Nothing is left
    behind then.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there already: use another `out`")
    places = [path.resolve() for path in paths]
    for path, place in zip(paths, places, strict=True):
        if places.count(place) > 1:
            raise InputError(f"{path} is given twice")
    folders = [Folder.open(path) for path in paths]
    for folder in folders:
        folder.require(by_content(folders[0]))
        if os.access(folder.path, os.W_OK):
            folder.claim()
    lines, prices = _instances(folders), _prices(folders)
    manifest = replace(
        reduce(grown, (folder.manifest for folder in folders)),
        made=max((f.manifest.made for f in folders if f.manifest.made), default=None),
        prices=prices,
        shard=None,
    )
    keys = _keys(manifest.configuration, lines)
    twice = 0

    def fill(hidden: Path) -> None:
        nonlocal twice
        twice = _join(hidden / NAME, folders, keys)
        _copy_given(folders[0], hidden)

    programs = dict(ChainMap(*(dict(folder.programs) for folder in folders)))
    Folder.create(out, manifest, folders[0].prompts, lines, fill, programs)
    return twice


def _copy_given(folder: Folder, hidden: Path) -> None:
    """Keep what a larger limit goes on from, where instances are solved first."""
    if given := folder.given():
        files.write_lines(hidden / GIVEN, given)


def _instances(folders: Sequence[Folder]) -> list[bytes]:
    """The instance lines of the folder that has most; the others' must be its first ones."""
    longest = max(folders, key=lambda folder: len(folder.lines()))
    lines = longest.lines()
    for folder in folders:
        for number, (line, longest_line) in enumerate(zip(folder.lines(), lines, strict=False), 1):
            if line != longest_line:
                raise InputError(
                    f"{folder.path / INSTANCES}:{number} is another instance than that of"
                    f" {longest.path}: they were not made, or not solved, by the same version"
                )
    return lines


def _prices(folders: Sequence[Folder]) -> dict[str, Price]:
    prices: dict[str, Price] = {}
    for folder in folders:
        for model, price in folder.manifest.prices.items():
            if prices.setdefault(model, price) != price:
                raise InputError(f"{folder.path}: its `price` of {model} is not the others'")
    return prices


def _keys(configuration: Configuration, lines: Sequence[bytes]) -> list[str]:
    """The keys of a run's episodes in the order of one run; none of a search, which has its own."""
    if configuration.evolve:
        return []
    models, epochs = configuration.models, range(configuration.epochs)
    ids = [id_of(line) for line in lines]
    return [key_of(model.name, epoch, i) for model in models for epoch in epochs for i in ids]


def _join(path: Path, folders: Sequence[Folder], keys: Sequence[str]) -> int:
    """Fill the journal, its episodes in the order of the keys."""
    twice = 0
    try:
        with closing(sqlite3.connect(path, isolation_level=None, uri=True)) as db:
            db.execute(queries.EXCLUSIVE)  # the folder has no name yet
            db.execute(queries.UNSAFE)
            tables = _tables_of_episodes(db)
            db.execute(queries.UNIQUE_KEYS)
            db.execute("begin")
            db.executemany(queries.ADD_KEY, [(key,) for key in keys])
            db.execute("commit")
            for folder in folders:
                twice += _add(db, folder, folders[0], tables)
            db.execute(queries.delete_unbegun(table.name for table in tables))
            db.execute(queries.DROP_KEYS)
            db.execute("vacuum")
    except sqlite3.Error as error:
        raise StoreFailure(f"cannot merge into {path.parent}: {error}") from None
    return twice


def _add(
    db: sqlite3.Connection, folder: Folder, first: Folder, tables: Sequence[queries.EpisodeTable]
) -> int:
    """Add a folder's journal; returns how many of its episodes were there before."""
    db.execute("attach ? as other", (reading_uri(folder.path / NAME),))
    names = {name for (name,) in db.execute(queries.TABLES.format("other"))}
    if unknown := sorted(names - set(queries.BY_HAND) - {table.name for table in tables}):
        raise InputError(
            f"{folder.path}: its {NAME} has the table {unknown[0]!r}, which this makespan does not"
            " know: merge with the one that wrote it"
        )
    present = [table for table in tables if table.name in names]  # a journal may be older
    db.execute("begin")
    for name in queries.BY_HAND:
        if name in names:
            db.execute(queries.BY_HAND[name])
    for table in present:
        for key, difference in db.execute(table.conflict):
            raise InputError(
                f"{folder.path} and another folder (of {first.path}, ...) disagree on the episode"
                f" {key}, {difference}: they asked for it apart; merge one of them only"
            )
    (twice,) = db.execute(queries.count_common(present)).fetchone()
    for table in present:
        db.execute(table.insertion)
    db.execute("commit")
    db.execute("detach other")
    return int(twice)


def _tables_of_episodes(db: sqlite3.Connection) -> list[queries.EpisodeTable]:
    """The tables of this version's journal whose rows belong to an episode."""
    names = [name for (name,) in db.execute(queries.TABLES.format("main"))]
    tables = [_table(db, name) for name in names if name not in queries.BY_HAND]
    return [table for table in tables if "episode" in table.key]


def _table(db: sqlite3.Connection, name: str) -> queries.EpisodeTable:
    columns = db.execute(queries.COLUMNS, (name,)).fetchall()
    key = sorted((pk, column) for column, pk in columns if pk)
    return queries.EpisodeTable(
        name, tuple(column for column, _ in columns), tuple(column for _, column in key)
    )
