"""Looks at a journal from elsewhere before it is trusted: is it of our tables, each row once?

A journal is a database, which may hold more than rows: a view under a table's name can give one
reader other rows than the next, and a table without its key can hold an episode twice.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

from harness.store import queries
from harness.store.journal import NAME, open_to_read
from tasks.base import Verdict

OBJECTS = "select type, name, sql from sqlite_master where sql is not null"
REPEATED = "select key from episodes group by key having count(*) > 1"
SIDES = """
    select key, max(version), verdict, json_extract(record, '$.grade.verdict')
    from records join episodes on id = episode group by episode
"""
STRAY = "select count(*) from {} where episode not in (select id from episodes)"
OPTIONAL = {"effects", "pace"}  # tables that the first journals did not have


def table_problems(folder: Path) -> list[str]:
    """Return what is wrong with the tables of a run folder's journal, a line each.

    Of a journal with other tables than ours no row should be read.

    Args:
        folder: of the run.

    Raises:
        StoreFailure: there is no journal.
    """
    return _read(folder, _table_problems)


def form_problems(folder: Path) -> list[str]:
    """Return what is wrong with the rows of a journal whose tables are ours, a line each.

    Args:
        folder: of the run.

    Raises:
        StoreFailure: there is no journal.
    """
    return _read(folder, _row_problems)


def _read(folder: Path, look: Callable[[sqlite3.Connection], Iterator[str]]) -> list[str]:
    try:
        with closing(open_to_read(folder)) as db:
            db.execute("pragma trusted_schema = off")
            return list(look(db))
    except (sqlite3.Error, UnicodeError) as error:
        return [f"{NAME} cannot be read: {error}"]


@cache
def _expected() -> frozenset[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(queries.SCHEMA)
        return frozenset(db.execute(OBJECTS))


def _table_problems(db: sqlite3.Connection) -> Iterator[str]:
    objects = set(db.execute(OBJECTS))
    for kind, name, _ in sorted(objects - _expected()):
        yield f"{NAME}: the {kind} {name} is not one of a journal"
    for _, name, _ in sorted(_expected() - objects):
        if name not in OPTIONAL:
            yield f"{NAME}: it has no table {name} as a journal has it"


def _row_problems(db: sqlite3.Connection) -> Iterator[str]:
    for (line,) in db.execute("pragma quick_check(5)"):
        if line != "ok":
            yield f"{NAME}: {line}"
    for (key,) in db.execute(REPEATED):
        yield f"{key}: the episode is in {NAME} twice"
    for table in ("attempts", "records"):
        [count] = db.execute(STRAY.format(table)).fetchone()
        if count:
            yield f"{NAME}: {count} rows of {table} are of no episode"
    for key, _, column, verdict in db.execute(SIDES):
        if column != (verdict or Verdict.error.value):
            yield f"{key}: its record is {verdict or 'an error'}, its row says {column}"


def effect_count(folder: Path) -> int:
    """Return how many outcomes of programs and checks a journal has: no replay makes them anew."""
    with closing(open_to_read(folder)) as db:
        tables = {name for _, name, _ in db.execute(OBJECTS)}
        if "effects" not in tables:
            return 0
        count: int = db.execute("select count(*) from effects").fetchone()[0]
        return count
