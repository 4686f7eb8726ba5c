"""The state of work under way, and the queries that runs and searches share."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from time import time

import msgspec

from harness.store import queries
from harness.store.journal import LONGEST_SILENCE, open_to_read
from tasks.base import StoreFailure

WINDOW = 60.0  # seconds over which rates are taken

DEAD = 60.0  # seconds of silence after which a run is taken for stopped; it breathes every 20

GAP = LONGEST_SILENCE + 5  # seconds between two notes; if there are more, nobody was at work

SLOWEST = 5


class ModelProgress(msgspec.Struct):
    """The progress of one model.

    Attributes:
        cost: of all replies so far, as a budget counts it; None is unknown.
        episodes: how many episodes' worth is done: those that ended, and parts of those under way.
        answers, paid: what that took.
        rate: answers a minute over the last minute it was at work.
        allowed, in_flight, complaints: calls that may be and are under way, and how often the
            provider wanted fewer. Like `rate` None if nothing is known of it.
    """

    model: str
    total: int
    done: int = 0
    errors: int = 0
    cost: float | None = 0.0
    episodes: float = 0.0
    answers: int = 0
    paid: float | None = 0.0
    allowed: int | None = None
    in_flight: int | None = None
    complaints: int | None = None
    rate: float | None = None

    @property
    def ended(self) -> bool:
        """Return whether every episode has a record."""
        return self.done + self.errors >= self.total

    @property
    def projected(self) -> float | None:
        """Return the final cost, if the other episodes cost as much each; None if it is unknown."""
        if self.cost is None or self.paid is None or not self.episodes:
            return None
        return max(self.cost, self.paid * self.total / self.episodes)

    @property
    def minutes_left(self) -> float | None:
        """Return the minutes to the end, if other episodes take as many answers at this rate."""
        if not self.rate or not self.episodes:
            return None
        return (self.total - self.episodes) * self.answers / self.episodes / self.rate


class Slow(msgspec.Struct, frozen=True):
    """One of the episodes that took longest so far; of a search, which has none, a call."""

    label: str
    seconds: float
    attempts: int
    path: str
    under_way: bool


class Unusable(msgspec.Struct, frozen=True):
    """A share of a model's answers, in episodes that ended, that could not be used; in words."""

    model: str
    share: float
    words: str


class Snapshot(msgspec.Struct, frozen=True):
    """All that a view of a run shows.

    Attributes:
        instances: how many there are now, and how many there will be.
        failures, problems: failed attempts, and episodes ended in errors, by name.
        silent: seconds since the last sign of life; None: there was none.
        unusable: where answers could not be used, though their episodes are no errors.
        finished: whether a search has its champion; None of anything else.
    """

    folder: str
    suite: str
    models: tuple[ModelProgress, ...]
    instances: tuple[int, int]
    failures: dict[str, int]
    problems: dict[str, int]
    slowest: tuple[Slow, ...]
    silent: float | None
    finished: bool | None = None
    unusable: tuple[Unusable, ...] = ()

    @property
    def stopped(self) -> bool:
        """Return whether it has been silent for so long that no process can be at work."""
        return self.silent is not None and self.silent > DEAD

    @property
    def complete(self) -> bool:
        """Return whether every episode has a record, and no failed one is being tried again."""
        if self.finished is not None:
            return self.finished
        ended = all(m.ended for m in self.models)
        is_retrying = any(m.errors and m.in_flight for m in self.models)
        return ended and not is_retrying and self.instances[0] >= self.instances[1]


@contextmanager
def open_journal(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield the journal of a folder; StoreFailure if it, or the folder, cannot be read."""
    try:
        with closing(open_to_read(path)) as db:
            yield db
    except sqlite3.Error as error:
        raise StoreFailure(f"cannot read {path}: {error}") from None
    except OSError as error:
        raise StoreFailure(f"cannot read {path}: {error.strerror}") from None


def plus(a: float | None, b: float | None) -> float | None:
    """Return a sum; None if one of the two is unknown."""
    return None if a is None or b is None else a + b


def pace_of(
    db: sqlite3.Connection, progress: ModelProgress, model: str, silent: float | None
) -> None:
    """Set how a model's calls stand, and how many answers came in the last minute of work.

    Args:
        db: the journal.
        progress: is changed.
        model: the name in the journal.
        silent: seconds since the last sign of life.
    """
    if silent is None:
        return
    rows = db.execute(queries.PACE_OF_LATE, (model, model, WINDOW)).fetchall()
    if not rows:
        return
    _, progress.allowed, flying, _, progress.complaints = rows[-1]
    progress.in_flight = flying if silent <= DEAD else 0
    steps = [(b[0] - a[0], max(0, b[3] - a[3])) for a, b in pairwise(rows)]
    while steps and progress.ended and not steps[-1][1]:
        steps.pop()  # it is done, others are not
    span = sum(min(seconds, GAP) for seconds, _ in steps)
    progress.rate = 60 * sum(answers for _, answers in steps) / span if span > 0 else None


def faults_of(db: sqlite3.Connection) -> dict[str, int]:
    """Return the number of failed attempts by name."""
    return dict(db.execute(queries.FAULTS))


def silence(db: sqlite3.Connection) -> float | None:
    """Return the seconds since the last sign of life; None if there never was one."""
    if not db.execute(queries.HAS_PACE).fetchone():
        return None
    (latest,) = db.execute(queries.LAST_SIGN).fetchone()
    return None if latest is None else max(0.0, time() - latest)
