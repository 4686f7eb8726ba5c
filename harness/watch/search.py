"""What a search for programs is doing, read from its folder while another process writes it."""

import sqlite3
from contextlib import closing

import msgspec

from harness.costs import cost_of
from harness.evolve.answers import EPISODE
from harness.evolve.replay import replay
from harness.store.folder import Folder
from harness.store.journal import Told, open_to_read
from harness.watch.frame import (
    GAP,
    SLOWEST,
    ModelProgress,
    Slow,
    Snapshot,
    faults_of,
    pace_of,
    plus,
    silence,
)
from tasks.base import Failure, StoreFailure

_ANSWERS = """
    select path, reply from attempts join episodes on id = episode
    where key = ? and reply is not null
"""
_LOST = """
    select path from effects join episodes on id = episode
    where key = ? and json_extract(outcome, '$.type') = 'lost'
"""
_SLOWEST = """
    select path, sum(seconds), count(*), count(reply) from attempts group by path
    order by 2 desc limit ?
"""


def search_frame(folder: Folder) -> Snapshot:
    """The state of a search now: a line for each of its arms, in tries."""
    how = folder.manifest.configuration
    plan = how.evolve
    if plan is None:
        raise Failure(f"{folder.path} is no search for programs")
    asked = {"search": [spec.name for spec in how.models]}
    asked |= {null.removeprefix("policy/"): [null] for null in plan.nulls}
    arms = {
        arm: ModelProgress(f"{arm}: {', '.join(who)}", plan.calls) for arm, who in asked.items()
    }
    try:
        with closing(open_to_read(folder.path)) as db:
            silent = silence(db)
            for arm, standing in arms.items():
                if len(asked[arm]) == 1:
                    pace_of(db, standing, asked[arm][0], silent)
            _tries(db, folder, arms)
            slowest = tuple(
                Slow(path, seconds, count, "", not answered)
                for path, seconds, count, answered in db.execute(_SLOWEST, (SLOWEST,))
            )
            failures = faults_of(db)
    except sqlite3.Error as error:
        raise StoreFailure(f"cannot read {folder.path}: {error}") from None
    made = len(folder.lines())
    finished = False
    if silent is None or silent > GAP:
        finished = replay(folder.path).report.champion is not None
    return Snapshot(
        str(folder.path),
        how.suite.name,
        tuple(arms.values()),
        (made, made),
        failures,
        {},
        slowest,
        silent,
        finished,
    )


def _tries(db: sqlite3.Connection, folder: Folder, arms: dict[str, ModelProgress]) -> None:
    """Count tries, and what they cost; among several models only their providers know that."""
    how = folder.manifest.configuration
    known = how.evolve.prices if how.evolve else {}
    price = known.get(how.models[0].name) if len(how.models) == 1 else None
    decoder = msgspec.json.Decoder(Told)
    for path, text in db.execute(_ANSWERS, (EPISODE,)):
        if path.count("/") > 2:
            continue  # a later draw of a try that is counted already
        standing = arms[path.partition("/")[0]]
        standing.done += 1
        standing.answers += 1
        standing.whole += 1
        standing.cost = standing.paid = plus(standing.cost, cost_of(decoder.decode(text), price))
    for (path,) in db.execute(_LOST, (EPISODE,)):
        standing = arms[path.partition("/")[0]]
        standing.errors += 1
        standing.whole += 1
