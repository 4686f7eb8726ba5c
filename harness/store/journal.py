"""The append-only journal of a run: every attempt, before anything is done with it.

SQLite in WAL mode, one writer process. Rows that arrive while the event loop is busy are
committed together; whoever wrote one goes on only when it is committed. A process killed at any
moment loses no committed row (a machine that loses power may lose the last moments, never more).
"""

import asyncio
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic, time
from typing import Any, NamedTuple

import msgspec

from harness.files import has_room, require_room
from harness.store import queries
from harness.store.open_episodes import OpenEpisodes
from harness.store.records import LatestRecord, latest, packed
from harness.store.rows import Answered, Performed, Row
from tasks.base import Outcome, Record, Reply, StoreFailure, Usage


class LimiterState(msgspec.Struct, frozen=True):
    """The state of a model's calls, as the journal keeps it every other second."""

    allowed: int = 0
    flying: int = 0
    calls: int = 0
    answers: int = 0
    complaints: int = 0


NAME = "journal.sqlite"

LONGEST_SILENCE = 20.0  # seconds between two signs of life

MEASURED = 0.1  # seconds for which the room on the disk is taken to be as it was


class UnreadReply(msgspec.Struct):
    """What a fault tells of a reply that could not be read; the body beside it is for people."""

    usage: Usage = Usage()


def _counted(text: str) -> Usage | None:
    """Return the tokens that the second line of a fault tells; None if it does not tell both."""
    usage = _UNREAD.decode(text).usage
    return None if usage.input is None or usage.output is None else usage


_REPLY = msgspec.json.Decoder(Reply)
_UNREAD = msgspec.json.Decoder(UnreadReply)


def answered_of(rows: Sequence[Row], where: str) -> dict[str, Answered]:
    """Return what rows say of an episode's calls, by path; StoreFailure if they cannot be read."""
    calls: dict[str, Answered] = {}
    with _readable(where):
        for path, request, text in rows:
            tried = calls[path].attempts + 1 if path in calls else 1
            reply = _REPLY.decode(text) if text else None
            calls[path] = Answered(tried, request, reply)
    return calls


class _Batch:
    """Rows waiting for one commit, and those who wait for it."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[Any, ...]]] = {}  # by their statement
        self.done = asyncio.Event()
        self.failure: StoreFailure | None = None


class Journal:
    """Opened to write by one process only; `read_only` and `read_records` serve everyone else."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.path = folder / NAME
        self._read_only = read_only
        try:
            if read_only:
                self._db = open_to_read(folder)
            else:
                require_room(self.path)
                self._db = sqlite3.connect(self.path, isolation_level=None)
                self._db.executescript(queries.SCHEMA)
            self._ids: dict[str, int] = dict(self._db.execute(queries.EPISODE_IDS))
            self._shared: dict[str, int] = dict(self._db.execute(queries.SHARED_IDS))
            self._last = max(self._ids.values(), default=0)
        except (sqlite3.Error, OSError) as error:
            raise self._failure(error) from None
        self._measured = monotonic()
        self._batch: _Batch | None = None
        self._pulses: dict[str, tuple[LimiterState | None, float]] = {}
        self._broken: StoreFailure | None = None  # after a failed commit nothing more is written

    def close(self) -> None:
        """Fold the write-ahead log into the file and close it."""
        try:
            if self._batch is not None:
                self._flush()
            if not self._read_only:
                self._db.execute(queries.FOLD_LOG)
        except sqlite3.Error as error:
            raise self._failure(error) from None
        finally:
            self._db.close()

    def answered(self, episode: str) -> dict[str, Answered]:
        """Return what is known of an episode's calls, by path.

        Raises:
            StoreFailure: it cannot be read.
        """
        return answered_of(self.rows(episode), f"{self.path}, {episode}")

    def rows(self, episode: str) -> list[Row]:
        """The attempts at an episode's calls as they are kept, by path; see `answered_of`."""
        if episode not in self._ids:
            return []
        with _readable(f"{self.path}, {episode}"):
            return self._db.execute(queries.ATTEMPTS_OF, (self._ids[episode],)).fetchall()

    async def attempt(
        self,
        episode: str,
        path: str,
        number: int,
        request: str,
        seconds: float,
        *,
        reply: Reply | None = None,
        fault: str | None = None,
    ) -> None:
        """Commit one attempt, answered or failed; return when it is safe."""
        text = msgspec.json.encode(reply).decode() if reply else None
        row = (self._id(episode), path, number, request, text, fault, seconds)
        await self._commit(queries.ADD_ATTEMPT, row)

    async def record(
        self, episode: str, version: int, record: Record, outcome: Outcome | None
    ) -> None:
        """Commit the grade of an episode, and what was parsed and how, as the next version."""
        shared, fields = packed(record)
        text = msgspec.json.encode(outcome).decode() if outcome else None
        verdict = record.grade.verdict.value if record.grade else "error"
        row = (self._id(episode), version, verdict, self._shared_id(shared), fields, text)
        await self._commit(queries.ADD_RECORD, row)

    def effect(
        self, episode: str, path: str, request: str, outcome: msgspec.Struct, seconds: float
    ) -> None:
        """Give what came of an effect that is no call to the next commit: it is not tried again."""
        text = msgspec.json.encode(outcome).decode()
        self._add(queries.ADD_EFFECT, (self._id(episode), path, request, text, seconds))

    def effects(self, episode: str) -> dict[str, Performed]:
        """Return what is known of an episode's effects, by path.

        Raises:
            StoreFailure: it cannot be read.
        """
        if episode not in self._ids:
            return {}
        with _readable(f"{self.path}, {episode}"):
            rows = self._db.execute(queries.EFFECTS_OF, (self._ids[episode],))
            return {path: Performed(request, outcome) for path, request, outcome in rows}

    def open_episodes(self) -> OpenEpisodes:
        """Return the episodes that have no grade now.

        Raises:
            StoreFailure: the journal cannot be read.
        """
        with _readable(self.path):
            return OpenEpisodes(self._ids, dict(self._db.execute(queries.OPEN)))

    def pulse(self, model: str, state: LimiterState) -> None:
        """Note how a model's calls stand, if that has changed or is long ago; never replayed."""
        now, (before, at) = time(), self._pulses.get(model, (None, 0.0))
        if self._broken is None and (before != state or now - at > LONGEST_SILENCE):
            self._pulses[model] = state, now
            row = (state.allowed, state.flying, state.calls, state.answers, state.complaints)
            self._add(queries.ADD_PACE, (round(now, 3), model, *row))

    def replies(self) -> Iterator[tuple[str, Reply]]:
        """The episode and the reply of every answered call."""
        for key, text in self._db.execute(queries.REPLIES):
            yield key, _REPLY.decode(text)

    def thrown_away(self, episode: str) -> list[Usage]:
        """Return the tokens of an episode's replies that could not be read, where they told them.

        Raises:
            StoreFailure: it cannot be read.
        """
        with _readable(f"{self.path}, {episode}"):
            rows = self._db.execute(queries.THROWN_AWAY_OF, (self._ids.get(episode),)).fetchall()
            return [usage for (text,) in rows if (usage := _counted(text)) is not None]

    def all_thrown_away(self) -> list[tuple[str, Usage]]:
        """Return the same of all episodes, each with its episode.

        Raises:
            StoreFailure: it cannot be read.
        """
        with _readable(self.path):
            rows = self._db.execute(queries.THROWN_AWAY).fetchall()
            return [(key, usage) for key, text in rows if (usage := _counted(text)) is not None]

    def latest(self) -> dict[str, tuple[int, Record]]:
        """The newest version and record of each episode."""
        with _readable(self.path):
            return {each.key: (each.version, each.record) for each in latest(self._db)}

    def outcome(self, episode: str) -> Outcome | None:
        """Return what was parsed of an episode's replies when it was last graded."""
        with _readable(self.path):
            return _outcome(self._db, episode)

    def _id(self, episode: str) -> int:
        if episode not in self._ids:
            self._last += 1
            self._ids[episode] = number = self._last
            self._add(queries.ADD_EPISODE, (number, episode))
        return self._ids[episode]

    def _shared_id(self, fields: str) -> int:
        if fields not in self._shared:
            self._shared[fields] = number = len(self._shared) + 1
            self._add(queries.ADD_SHARED, (number, fields))
        return self._shared[fields]

    def _add(self, statement: str, row: tuple[Any, ...]) -> _Batch:
        if self._broken:
            raise self._broken
        if self._batch is None:
            self._batch = _Batch()
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._flush)  # a turn later: what comes in it goes too
        self._batch.rows.setdefault(statement, []).append(row)
        return self._batch

    async def _commit(self, statement: str, row: tuple[Any, ...]) -> None:
        self._add(statement, row)
        await self.settled()

    async def settled(self) -> None:
        """Return when all rows given so far are safe; StoreFailure if they are not to be."""
        if self._broken:
            raise self._broken
        if (batch := self._batch) is not None:
            await batch.done.wait()
            if batch.failure:
                raise batch.failure

    def _flush(self) -> None:
        batch, self._batch = self._batch, None
        if batch is None:  # the journal was closed before this was due
            return
        try:
            if monotonic() - self._measured > MEASURED:
                require_room(self.path)
                self._measured = monotonic()
            self._db.execute("begin immediate")
            for statement, rows in batch.rows.items():
                self._db.executemany(statement, rows)
            self._db.execute("commit")
        except (sqlite3.Error, OSError, UnicodeEncodeError, StoreFailure) as error:
            batch.failure = self._broken = self._failure(error)
            if self._db.in_transaction:
                self._db.execute("rollback")
        batch.done.set()

    def _failure(self, error: Exception) -> StoreFailure:
        if self._read_only:
            return StoreFailure(f"cannot read {self.path}: {error}")
        reason = error if isinstance(error, StoreFailure) else f"cannot write {self.path}: {error}"
        return StoreFailure(
            f"{reason}; what was committed is kept: mend it, then give the same command again"
        )


def key_of(model: str, epoch: int, instance: str) -> str:
    """An episode's name in the journal."""
    return msgspec.json.encode([model, epoch, instance]).decode()


def read_records(folder: Path) -> Iterator[Record]:
    """The newest record of each episode, in the order in which the episodes were begun."""
    with _reading(folder) as db:
        yield from (each.record for each in latest(db))


def read_latest(folder: Path) -> Iterator[LatestRecord]:
    """The same with the number of each episode, by which calls are found beside them."""
    with _reading(folder) as db:
        yield from latest(db)


class EpisodeScore(msgspec.Struct, frozen=True):
    """An episode as a list of runs reads it.

    Attributes:
        key: of the episode.
        shared: what many records have in common, by the number of their row.
        verdict: `error` without a grade.
        score: of the grade; None without one.
        grade: as JSON, where the whole of it was asked for.
    """

    key: str
    shared: int
    verdict: str
    score: float | None = None
    grade: str | None = None


class RunScores(msgspec.Struct, frozen=True):
    """The scores of a run folder, and what its records share, by number."""

    shared: dict[int, dict[str, Any]]
    episodes: list[EpisodeScore]


def read_scores(folder: Path, *, grades: bool = False) -> RunScores:
    """Return the verdict and score of each episode, without reading the records themselves.

    Args:
        folder: of the run.
        grades: whether the whole grades are wanted, in place of their scores.

    Raises:
        StoreFailure: the folder cannot be read.
    """
    with _reading(folder) as db:
        shared = {n: msgspec.json.decode(fields) for n, fields in db.execute(queries.SHARED_FIELDS)}
        rows = db.execute(queries.GRADES if grades else queries.SCORES)
        name = "grade" if grades else "score"
        episodes = [EpisodeScore(key, s, v, **{name: x}) for key, _, s, v, x in rows]
    return RunScores(shared, episodes)


def last_sign(folder: Path) -> float | None:
    """Return when a run last gave a sign of life, in seconds since 1970; None if it never did."""
    with _reading(folder) as db:
        if not db.execute(queries.HAS_PACE).fetchone():
            return None
        at: float | None = db.execute(queries.LAST_SIGN).fetchone()[0]
    return at


def count_search(folder: Path) -> tuple[int, int]:
    """Return how many tries of a search are over, and how many programs its report has run."""
    with _reading(folder) as db:
        [tries] = db.execute(queries.SEARCH_TRIES).fetchone()
        [reported] = db.execute(queries.SEARCH_REPORTED).fetchone()
    return tries, reported


class ReplyPrice(msgspec.Struct):
    """The price of a stored reply, as far as it says it."""

    usage: Usage = Usage()
    cost: float | None = None


def prices_within(
    db: sqlite3.Connection, first: int, last: int
) -> Iterator[tuple[int, str, ReplyPrice]]:
    """Of every reply the episode's number and key, its usage and the cost that was told.

    Args:
        db: the journal.
        first, last: the numbers of the episodes, both ends included.
    """
    decoder = msgspec.json.Decoder(ReplyPrice)
    with _readable(NAME):
        for number, key, reply in db.execute(queries.PRICES_WITHIN, (first, last)):
            yield number, key, decoder.decode(reply)


def read_prices(folder: Path) -> Iterator[tuple[int, ReplyPrice]]:
    """Of every reply the episode's number, usage and cost, in the order of the numbers."""
    decoder = msgspec.json.Decoder(ReplyPrice)
    with _reading(folder) as db:
        for number, reply in db.execute(queries.PRICES):
            yield number, decoder.decode(reply)


def read_odd_replies(folder: Path) -> Iterator[tuple[int, str]]:
    """Yield the number of an episode and a reply (JSON), of each that may be no plain answer."""
    with _reading(folder) as db:
        yield from db.execute(queries.ODD_REPLIES)


def read_unusual_calls(folder: Path) -> Iterator[tuple[int, int, bool]]:
    """Yield the number of an episode, its replies, and whether a call was tried more than once.

    An episode of one reply at the first try is left out.
    """
    with _reading(folder) as db:
        yield from (
            (number, n, bool(tried)) for number, n, tried in db.execute(queries.UNUSUAL_CALLS)
        )
        yield from ((number, 0, False) for (number,) in db.execute(queries.SILENT))


def read_outcome(folder: Path, key: str) -> Outcome | None:
    """The newest outcome of an episode by its key; None if it has none."""
    with _reading(folder) as db:
        return _outcome(db, key)


class Evidence(NamedTuple):
    """All that the grade of an episode rests on: its newest outcome (JSON), its calls by path."""

    outcome: str | None
    calls: Mapping[str, Answered]


def read_evidence(folder: Path, keys: Iterable[str]) -> Iterator[Evidence]:
    """Yield what the journal has of each of some episodes, by their keys."""
    with _reading(folder) as db:
        ids: dict[str, int] = dict(db.execute(queries.EPISODE_IDS))
        for key in keys:
            row = db.execute(queries.OUTCOME_OF, (ids[key],)).fetchone()
            attempts = db.execute(queries.ATTEMPTS_OF, (ids[key],)).fetchall()
            yield Evidence(row[0] if row else None, answered_of(attempts, f"{folder}, {key}"))


def _outcome(db: sqlite3.Connection, key: str) -> Outcome | None:
    row = db.execute(
        queries.LATEST_OUTCOME,
        (key,),
    ).fetchone()
    return msgspec.json.decode(row[0], type=Outcome) if row and row[0] else None


@contextmanager
def _reading(folder: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads; StoreFailure if there is nothing to be read."""
    with _readable(folder / NAME), closing(open_to_read(folder)) as db:
        yield db


@contextmanager
def _readable(where: Path | str) -> Iterator[None]:
    """StoreFailure where a journal's pages or rows are not what they should be."""
    try:
        yield
    except (sqlite3.Error, msgspec.MsgspecError) as error:
        raise StoreFailure(f"cannot read {where}: {error}") from None


def open_to_read(folder: Path) -> sqlite3.Connection:
    """The journal of a run folder for a reader, also while the run is under way."""
    path = folder / NAME
    if not path.is_file():
        raise StoreFailure(f"{folder} is not a run folder: it has no {NAME}")
    return sqlite3.connect(reading_uri(path), uri=True)


def reading_uri(path: Path) -> str:
    """A journal for a reader, who may not be allowed to write its folder.

    A folder that cannot be written, and with nothing in the write-ahead log, is an archive.
    """
    log = Path(f"{path}-wal")
    writable = os.access(path.parent, os.W_OK) and has_room(path.parent)
    archived = not writable and not (log.exists() and log.stat().st_size)
    return f"{path.resolve().as_uri()}?{'immutable=1' if archived else 'mode=ro'}"
