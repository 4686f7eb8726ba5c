"""The store of a memory's texts: SQLite in memory, full-text search, a log that rebuilds it.

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
    """A piece of text that holds from `since` until before `until`.

    `kind` names what it is, `rounds` are the numbers of the rounds it comes from.
    """

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
        """Return whether it holds on a simulated date."""
        return self.since <= date and (self.until is None or self.until > date)


class Operation(Noun, frozen=True):
    """A line of the log: an action, its simulated date, its reason, and the entry after it."""

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
        """Store a text and return its entry.

        Args:
            kind: what it is, such as `round`.
            text: to be shown again.
            rounds: the numbers of the rounds it comes from.
            date: from when on it holds.
            until: from when on it no longer does, if that is known.
            reason: for the log.

        Raises:
            ValueError: `until` is before `date`.
        """
        ((last,),) = self._db.execute("select coalesce(max(id), 0) from entries")
        entry = MemoryEntry(
            id=last + 1, kind=kind, text=text, rounds=tuple(rounds), since=date, until=until
        )
        return self._perform(Operation("add", date, reason, entry=entry))

    def update(
        self, number: int, *, date: str = "", reason: str = "", **changes: Any
    ) -> MemoryEntry:
        """Change an entry and return what it is then.

        Args:
            number: its id.
            date: of the change.
            reason: for the log.
            changes: new values of `text`, `rounds` or `until`.

        Raises:
            ValueError: no entry of that id is valid on the date.
        """
        entry = replace(self.get(number, date), **changes)
        return self._perform(Operation("update", date, reason, entry=entry))

    def delete(self, number: int, *, date: str = "", reason: str = "") -> MemoryEntry:
        """End the validity of an entry on a date, and return it; before that date it still holds.

        Raises:
            ValueError: no entry of that id is valid on the date.
        """
        entry = replace(self.get(number, date), until=date)
        return self._perform(Operation("delete", date, reason, entry=entry))

    def get(self, number: int, date: str) -> MemoryEntry:
        """Return the entry of an id.

        Raises:
            ValueError: none of that id is valid on the date; the message lists those that are.
        """
        entry = self._read(number)
        if entry is None or not entry.valid(date):
            valid_ids = [e.id for e in self.entries(date=date)]
            raise ValueError(f"no entry {number} is valid on {date!r}: there are {valid_ids}")
        return entry

    def entries(self, kind: str | None = None, date: str | None = None) -> tuple[MemoryEntry, ...]:
        """Return entries in order of id: all, or those of a kind, or those valid on a date."""
        values = {"kind": kind, "date": date}
        return tuple(_entry(row) for row in self._db.execute(_ENTRIES, values))

    def search(
        self, query: str, *, date: str = "", kind: str | None = None, limit: int = 10
    ) -> tuple[MemoryEntry, ...]:
        """Return the entries that share a word with a text, the best by BM25 first, then by id.

        Args:
            query: the text; its words are only words, quotes and operators mean nothing.
            date: on which entries have to be valid.
            kind: of the entries, any without it.
            limit: the most entries.
        """
        words = list(dict.fromkeys(re.findall(r"\w+", query.lower())))[:TERMS]
        if not words:
            return ()
        match = " OR ".join(f'"{word}"' for word in words)
        values = {"query": match, "date": date, "kind": kind, "limit": limit}
        return tuple(_entry(row) for row in self._db.execute(_SEARCH, values))

    def log(self) -> Iterator[Operation]:
        """Yield every operation, in order."""
        decoder = msgspec.json.Decoder(Operation)
        for (text,) in self._db.execute("select operation from log order by step"):
            yield decoder.decode(text)

    def _perform(self, operation: Operation) -> MemoryEntry:
        """Write an operation to the log, then do it: the only way in which anything changes."""
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
    numbers = tuple(msgspec.json.decode(rounds))
    return MemoryEntry(number, kind, text, rounds=numbers, since=since, until=until)
