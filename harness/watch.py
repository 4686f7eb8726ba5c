"""What a run is doing, read from its folder while another process, here or elsewhere, writes it."""

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice, pairwise
from pathlib import Path
from time import time

import msgspec

from harness.budget import cost_of
from harness.folder import Folder
from harness.instances import family_of, id_of
from harness.journal import LONGEST_SILENCE, key_of, open_to_read, read_replies
from harness.models.policy import is_asked
from harness.prices import applying, load
from harness.run import in_shard
from tasks.base import StoreFailure

WINDOW = 60.0  # seconds over which rates are taken
DEAD = 60.0  # seconds of silence after which a run is taken for stopped; it breathes every 20
GAP = LONGEST_SILENCE + 5  # seconds between two notes; if there are more, nobody was at work
SLOWEST = 5
_ROUND = re.compile(r"round-(\d+)")

_VERDICTS = """
    select key, max(version), json_extract(record, '$.problem.kind'),
        json_extract(record, '$.problem.boundary')
    from records join episodes on id = episode group by episode
"""
_WORK = """
    select key, count(reply), max(path), sum(seconds), count(*)
    from attempts join episodes on id = episode group by episode
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

    Attributes:
        cost: of all replies so far, as a budget counts it; None is unknown.
        whole: how many episodes' worth is done: those that ended, and parts of those under way.
        answers, paid: what that took.
        rate: answers a minute over the last minute it was at work.
        allowed, flying, complaints: calls that may be and are under way, and how often the provider
            wanted fewer. Like `rate` None where nothing is known of it.
    """

    model: str
    total: int
    done: int = 0
    errors: int = 0
    cost: float | None = 0.0
    whole: float = 0.0
    answers: int = 0
    paid: float | None = 0.0
    allowed: int | None = None
    flying: int | None = None
    complaints: int | None = None
    rate: float | None = None

    @property
    def ended(self) -> bool:
        """Whether every episode has a record."""
        return self.done + self.errors >= self.total

    @property
    def projected(self) -> float | None:
        """The cost in the end, if the rest costs as much an episode."""
        if self.cost is None or self.paid is None or not self.whole:
            return None
        return max(self.cost, self.paid * self.total / self.whole)

    @property
    def minutes_left(self) -> float | None:
        """At this rate, if the rest has as many answers an episode."""
        if not self.rate or not self.whole:
            return None
        return (self.total - self.whole) * self.answers / self.whole / self.rate


class Slow(msgspec.Struct, frozen=True):
    """One of the episodes that took longest so far; of a search, which has none, a call."""

    what: str
    seconds: float
    attempts: int
    path: str
    under_way: bool


class Frame(msgspec.Struct, frozen=True):
    """All that a view of a run shows.

    Attributes:
        made: instances that are there, and how many there will be.
        failures, problems: failed attempts, and episodes ended in errors, by name.
        silent: seconds since the last sign of life; None: there was none.
        finished: whether a search has its champion; None of anything else.
    """

    folder: str
    suite: str
    models: tuple[Standing, ...]
    made: tuple[int, int]
    failures: dict[str, int]
    problems: dict[str, int]
    slowest: tuple[Slow, ...]
    silent: float | None
    finished: bool | None = None

    @property
    def stopped(self) -> bool:
        """Whether it has been silent for so long that nobody can be at work."""
        return self.silent is not None and self.silent > DEAD

    @property
    def complete(self) -> bool:
        """Whether every episode has a record, and none with an error is being tried again."""
        if self.finished is not None:
            return self.finished
        ended = all(m.ended for m in self.models)
        again = any(m.errors and m.flying for m in self.models)
        return ended and not again and self.made[0] >= self.made[1]


def read_frame(path: Path) -> Frame:
    """The state of a run folder now; nothing is written."""
    folder = Folder.open(path)
    if folder.manifest.configuration.evolve:
        from harness.watch_search import search_frame

        return search_frame(folder)
    how = folder.manifest.configuration
    try:
        wanted = _wanted(folder)
        with closing(open_to_read(path)) as db:
            silent = silence(db)
            models = {
                spec.name: Standing(spec.name, _total(folder, spec.name, wanted))
                for spec in how.models
            }
            ended, problems = _ended(db, models)
            for standing in models.values():
                pace_of(db, standing, standing.model, silent)
            slowest = _work(db, folder, models, ended)
            faults = faults_of(db)
    except sqlite3.Error as error:
        raise StoreFailure(f"cannot read {path}: {error}") from None
    except OSError as error:
        raise StoreFailure(f"cannot read {path}: {error.strerror}") from None
    made = (len(folder.lines()[: folder.manifest.limit]), len(wanted))
    named = (str(path), how.suite.name)
    return Frame(*named, tuple(models.values()), made, faults, problems, slowest, silent)


def _wanted(folder: Folder) -> list[str]:
    """The families of all instances of a run, those included that are still to be made."""
    manifest, suite = folder.manifest, folder.manifest.configuration.suite
    here = folder.families()[: manifest.limit]
    if not suite.entry:
        return here
    counts = [count for count in (suite.size, manifest.limit) if count is not None]
    return here + [w.family for w in islice(suite.instances(), len(here), min(counts))]


def _total(folder: Folder, model: str, wanted: list[str]) -> int:
    """A model's episodes in this folder; of instances not made yet a shard has its even part."""
    manifest = folder.manifest
    here = folder.lines()[: manifest.limit]
    programs, epochs = folder.programs, range(manifest.configuration.epochs)
    asked = [id_of(line) for line in here if is_asked(model, family_of(line), programs)]
    known = sum(in_shard(key_of(model, e, i), manifest.shard) for e in epochs for i in asked)
    unmade = sum(is_asked(model, name, programs) for name in wanted[len(here) :])
    return known + round(unmade * len(epochs) / (manifest.shard[1] if manifest.shard else 1))


def _ended(
    db: sqlite3.Connection, models: Mapping[str, Standing]
) -> tuple[set[str], dict[str, int]]:
    """The episodes that have a record, counted; and the errors among them by name."""
    problems: Counter[str] = Counter()
    ended = set()
    for key, _, kind, boundary in db.execute(_VERDICTS):
        ended.add(key)
        standing = models[json.loads(key)[0]]
        if boundary is None:
            standing.done += 1
        else:
            standing.errors += 1
            problems[kind or boundary] += 1
    return ended, dict(problems)


def _work(
    db: sqlite3.Connection, folder: Folder, models: Mapping[str, Standing], ended: set[str]
) -> tuple[Slow, ...]:
    """What was answered and paid, and the episodes that took longest."""
    costs = _costs(folder, models)
    rows = list(db.execute(_WORK))
    for key, answers, *_ in rows:
        if key in ended:
            models[json.loads(key)[0]].answers += answers
    usual = {m.model: m.answers / max(1, m.done + m.errors) for m in models.values()}
    rounds = dict(_rounds(folder))
    for standing in models.values():
        standing.whole = standing.done + standing.errors
    for key, answers, path, *_ in rows:
        model, _, instance = json.loads(key)
        standing, share = models[model], 1.0
        if key not in ended:
            share = _share(path, answers, rounds.get(instance), usual[model])
            standing.answers += answers if share else 0
            standing.whole += share
        if share:
            standing.paid = plus(standing.paid, costs.get(key, 0.0))
    slow = sorted(rows, key=lambda row: -row[3])[:SLOWEST]
    return tuple(
        Slow(_named(key), seconds, n, path, key not in ended) for key, _, path, seconds, n in slow
    )


def _named(key: str) -> str:
    model, epoch, instance = json.loads(key)
    return f"{instance}, {model}" + (f", epoch {epoch}" if epoch else "")


def _costs(folder: Folder, models: Mapping[str, Standing]) -> dict[str, float | None]:
    """What each episode's replies cost; they are added to the models'."""
    prices = applying(folder.manifest, load(None))
    costs: dict[str, float | None] = {}
    for key, told in read_replies(folder.path):
        model = json.loads(key)[0]
        cost = cost_of(told, prices.get(model))
        costs[key] = plus(costs.get(key, 0.0), cost)
        models[model].cost = plus(models[model].cost, cost)
    return costs


def plus(a: float | None, b: float | None) -> float | None:
    """A sum; None if one of them is unknown."""
    return None if a is None or b is None else a + b


def _share(path: str, answers: int, rounds: int | None, usual: float) -> float:
    """How much of an episode under way is done; 0 where nobody can tell."""
    if rounds and (found := _ROUND.match(path)):
        return (int(found[1]) - 1) / rounds
    return min(1.0, answers / usual) if usual else 0.0


class _Settings(msgspec.Struct):
    rounds: int | None = None


class _Head(msgspec.Struct):
    id: str
    settings: _Settings


def _rounds(folder: Folder) -> Iterator[tuple[str, int]]:
    """How many rounds each instance has."""
    decoder = msgspec.json.Decoder(_Head)
    for line in folder.lines():
        head = decoder.decode(line)
        if head.settings.rounds:
            yield head.id, head.settings.rounds


def pace_of(db: sqlite3.Connection, standing: Standing, model: str, silent: float | None) -> None:
    """Where a model's calls stand, and how many answers came in the last minute of work."""
    if silent is None:
        return
    rows = db.execute(_PACE, (model, model, WINDOW)).fetchall()
    if not rows:
        return
    _, standing.allowed, flying, _, standing.complaints = rows[-1]
    standing.flying = flying if silent <= DEAD else 0
    steps = [(b[0] - a[0], max(0, b[3] - a[3])) for a, b in pairwise(rows)]
    while steps and standing.ended and not steps[-1][1]:
        steps.pop()  # it is done, others are not
    took = sum(min(seconds, GAP) for seconds, _ in steps)
    standing.rate = 60 * sum(came for _, came in steps) / took if took > 0 else None


def faults_of(db: sqlite3.Connection) -> dict[str, int]:
    """Failed attempts by name."""
    return dict(db.execute(_FAULTS))


def silence(db: sqlite3.Connection) -> float | None:
    """Seconds since the last sign of life; None if there never was one."""
    if not db.execute("select 1 from sqlite_master where name = 'pace'").fetchone():
        return None
    (last,) = db.execute("select max(at) from pace").fetchone()
    return None if last is None else max(0.0, time() - last)
