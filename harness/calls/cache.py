"""Replies kept across runs: who asks the very same thing again need not pay again.

A reply is found again only by everything that shaped it: provider, server, model, sampling
settings, messages, tools and schema, and by which of the draws it was: epoch, instance and path.
So no epoch and no second candidate is ever served another one's reply.
"""

import sqlite3
from hashlib import sha256
from pathlib import Path

import msgspec

from harness.files import require_room
from tasks.base import Ask, Reply, StoreFailure

NAME = "cache.sqlite"
_SCHEMA = """
pragma journal_mode = wal;
pragma synchronous = normal;
create table if not exists replies (key blob primary key, reply text not null) without rowid;
"""


class Cache:
    """A file of replies, which several runs may read and write at once."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            require_room(self.path)
            self._db = sqlite3.connect(self.path, isolation_level=None, timeout=60)
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise self._failure(error) from None

    def find(self, key: bytes) -> Reply | None:
        """The reply kept under a key, its cost now 0."""
        try:
            row = self._db.execute("select reply from replies where key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise self._failure(error) from None
        if row is None:
            return None
        try:
            reply = msgspec.json.decode(row[0], type=Reply)
        except msgspec.DecodeError as error:
            raise self._failure(error) from None
        return msgspec.structs.replace(reply, cost=0.0, from_cache=True)

    def keep(self, key: bytes, reply: Reply) -> None:
        """Keep a reply; the first one under a key stays."""
        text = msgspec.json.encode(reply).decode()
        try:
            require_room(self.path)
            self._db.execute("insert or ignore into replies values (?, ?)", (key, text))
        except (sqlite3.Error, OSError, UnicodeEncodeError) as error:
            raise self._failure(error) from None

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _failure(self, error: Exception) -> StoreFailure:
        why = error.strerror if isinstance(error, OSError) else error
        return StoreFailure(
            f"cannot use the cache {self.path}: {why}; leave `cache` out, or use another folder"
        )


def cache_key(scope: object, episode: str, ask: Ask) -> bytes:
    """The digest of all that shapes a reply; `scope` is server and sampling."""
    whole = [scope, episode, ask.path, ask.messages, ask.tools, ask.schema]
    if ask.reply_limit is not None:
        whole.append(ask.reply_limit)
    return sha256(msgspec.json.encode(whole, order="sorted")).digest()
