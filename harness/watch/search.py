"""The state of a search for programs, read from its folder while another process writes it."""

import sqlite3
from contextlib import closing

import msgspec

from harness.costs import cost_of
from harness.evolve.drive import EPISODE
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
    """Return the state of a search now: a line for each of its arms, in tries.

    Raises:
        StoreFailure: if the folder cannot be read.
    """
    configuration = folder.manifest.configuration
    plan = configuration.evolve
    if plan is None:
        raise Failure(f"{folder.path} is no search for programs")
    models = {"search": [spec.name for spec in configuration.models]}
    models |= {null.removeprefix("policy/"): [null] for null in plan.nulls}
    arms = {
        arm: ModelProgress(f"{arm}: {', '.join(names)}", plan.calls)
        for arm, names in models.items()
    }
    try:
        with closing(open_to_read(folder.path)) as db:
            silent = silence(db)
            for arm, progress in arms.items():
                if len(models[arm]) == 1:
                    pace_of(db, progress, models[arm][0], silent)
            _tries(db, folder, arms)
            slowest = tuple(
                Slow(path, seconds, count, path="", under_way=not answered)
                for path, seconds, count, answered in db.execute(_SLOWEST, (SLOWEST,))
            )
            failures = faults_of(db)
    except sqlite3.Error as error:
        raise StoreFailure(f"cannot read {folder.path}: {error}") from None
    ready = len(folder.lines())
    finished = False
    if silent is None or silent > GAP:
        finished = replay(folder.path).report.champion is not None
    return Snapshot(
        str(folder.path),
        configuration.suite.name,
        tuple(arms.values()),
        instances=(ready, ready),
        failures=failures,
        problems={},
        slowest=slowest,
        silent=silent,
        finished=finished,
    )


def _tries(db: sqlite3.Connection, folder: Folder, arms: dict[str, ModelProgress]) -> None:
    """Count tries, and what they cost; among several models only their providers know that."""
    configuration = folder.manifest.configuration
    prices = configuration.evolve.prices if configuration.evolve else {}
    price = prices.get(configuration.models[0].name) if len(configuration.models) == 1 else None
    decoder = msgspec.json.Decoder(Told)
    for path, text in db.execute(_ANSWERS, (EPISODE,)):
        if path.count("/") > 2:
            continue  # a later draw of a try that is counted already
        progress = arms[path.partition("/")[0]]
        progress.done += 1
        progress.answers += 1
        progress.whole += 1
        progress.cost = progress.paid = plus(progress.cost, cost_of(decoder.decode(text), price))
    for (path,) in db.execute(_LOST, (EPISODE,)):
        progress = arms[path.partition("/")[0]]
        progress.errors += 1
        progress.whole += 1
