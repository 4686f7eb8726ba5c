"""Where a memory keeps text: SQLite in memory, full-text search, a log that rebuilds it.

A store is derived state, made empty for each episode and filled by what happens in it. Dates are
simulated, ISO text, compared as text; "" is the date of a world that has none.
"""

import re
import sqlite3
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from memory.text import tokens
from tasks.base import Noun, StoreFailure

TERMS = 100  # distinct words of a query that are looked for, the first ones
_SCHEMA = """
create table entries (
    id integer primary key, kind text not null, text text not null, rounds text not null,
    since text not null, until text
);
create virtual table words using fts5(text, tokenize = 'unicode61');
create table log (step integer primary key, operation text not null);
create trigger log_is_kept before delete on log
    begin select raise(abort, 'the log is append-only'); end;
create trigger log_is_fixed before update on log
    begin select raise(abort, 'the log is append-only'); end;
"""
_FIELDS = "entries.id, kind, entries.text, rounds, since, until"
_VALID = "since <= :date and (until is null or until > :date)"
_ENTRIES = f"""
select {_FIELDS} from entries
where (:kind is null or kind = :kind) and (:date is null or {_VALID}) order by id
"""
_SEARCH = f"""
select {_FIELDS} from words join entries on entries.id = words.rowid
where words match :query and {_VALID} and (:kind is null or kind = :kind)
order by round(bm25(words), 9), entries.id limit :limit
"""


class MemoryEntry(Noun, frozen=True):
    """A piece of text: what kind, from which rounds, true from `since` until before `until`."""

    id: int
    kind: str
    text: str
    rounds: tuple[int, ...] = ()
    since: str = ""
    until: str | None = None

    def __post_init__(self) -> None:
        if self.until is not None and self.until < self.since:
            raise ValueError(f"entry {self.id}: valid until {self.until!r}, before {self.since!r}")

    def valid(self, date: str) -> bool:
        """Whether it holds on a simulated date."""
        return self.since <= date and (self.until is None or self.until > date)


class Operation(Noun, frozen=True):
    """One line of the log: what was done, when in simulated time, why, and the entry after it."""

    action: Literal["add", "update", "delete"]
    date: str
    reason: str
    entry: MemoryEntry


class Store:
    """Entries by id from 1 on, never reused; `Store(other.log())` holds the same as `other`."""

    def __init__(self, log: Iterable[Operation] = ()) -> None:
        self._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._db.close)
        try:
            self._db.executescript(_SCHEMA)
        except sqlite3.OperationalError as error:
            raise StoreFailure(f"this Python's SQLite cannot hold a memory: {error}") from None
        self.written = 0
        for operation in log:
            self._perform(operation)

    def add(
        self,
        kind: str,
        text: str,
        *,
        rounds: Iterable[int] = (),
        date: str = "",
        until: str | None = None,
        reason: str = "",
    ) -> MemoryEntry:
        """Keep a text, valid from `date` on."""
        ((last,),) = self._db.execute("select coalesce(max(id), 0) from entries")
        entry = MemoryEntry(last + 1, kind, text, tuple(rounds), date, until)
        return self._perform(Operation("add", date, reason, entry))

    def update(
        self, number: int, *, date: str = "", reason: str = "", **changes: Any
    ) -> MemoryEntry:
        """Change `text`, `rounds` or `until` of an entry; ValueError unless valid on `date`."""
        entry = replace(self.get(number, date), **changes)
        return self._perform(Operation("update", date, reason, entry))

    def delete(self, number: int, *, date: str = "", reason: str = "") -> MemoryEntry:
        """End the validity of an entry on `date`; what it said before that date is kept."""
        entry = replace(self.get(number, date), until=date)
        return self._perform(Operation("delete", date, reason, entry))

    def get(self, number: int, date: str) -> MemoryEntry:
        """The entry of that id; ValueError if there is none that is valid on the date."""
        entry = self._read(number)
        if entry is None or not entry.valid(date):
            known = [e.id for e in self.entries(date=date)]
            raise ValueError(f"no entry {number} is valid on {date!r}: there are {known}")
        return entry

    def entries(self, kind: str | None = None, date: str | None = None) -> tuple[MemoryEntry, ...]:
        """By id: all, or those of a kind, or those valid on a date."""
        values = {"kind": kind, "date": date}
        return tuple(_entry(row) for row in self._db.execute(_ENTRIES, values))

    def search(
        self, query: str, *, date: str = "", kind: str | None = None, limit: int = 10
    ) -> tuple[MemoryEntry, ...]:
        """The entries valid on a date that share a word with any text, best BM25 first, then by id.

        Words of the query are only ever words: quotes and operators in it mean nothing.
        """
        words = list(dict.fromkeys(re.findall(r"\w+", query.lower())))[:TERMS]
        if not words:
            return ()
        wanted = " OR ".join(f'"{word}"' for word in words)
        values = {"query": wanted, "date": date, "kind": kind, "limit": limit}
        return tuple(_entry(row) for row in self._db.execute(_SEARCH, values))

    def log(self) -> Iterator[Operation]:
        """Every operation, in order."""
        decoder = msgspec.json.Decoder(Operation)
        for (text,) in self._db.execute("select operation from log order by step"):
            yield decoder.decode(text)

    def _perform(self, operation: Operation) -> MemoryEntry:
        """The one way anything changes: the log first, then what it says."""
        entry = operation.entry
        text = msgspec.json.encode(operation).decode()
        self._db.execute("insert into log (operation) values (?)", (text,))
        before = self._read(entry.id)
        if before is None or before.text != entry.text:
            self.written += tokens(entry.text)
            self._db.execute("delete from words where rowid = ?", (entry.id,))
            self._db.execute(
                "insert into words (rowid, text) values (?, ?)", (entry.id, entry.text)
            )
        self._db.execute("insert or replace into entries values (?, ?, ?, ?, ?, ?)", _row(entry))
        return entry

    def _read(self, number: int) -> MemoryEntry | None:
        rows = self._db.execute(f"select {_FIELDS} from entries where id = ?", (number,))
        return next(map(_entry, rows), None)


def _row(entry: MemoryEntry) -> tuple[Any, ...]:
    rounds = msgspec.json.encode(entry.rounds).decode()
    return entry.id, entry.kind, entry.text, rounds, entry.since, entry.until


def _entry(row: tuple[Any, ...]) -> MemoryEntry:
    number, kind, text, rounds, since, until = row
    return MemoryEntry(number, kind, text, tuple(msgspec.json.decode(rounds)), since, until)
