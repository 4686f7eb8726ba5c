"""The state of a search for programs, read from its folder while another process writes it."""

import sqlite3

import msgspec

from harness.costs import cost_of
from harness.evolve.answers import EPISODE
from harness.evolve.replay import replay
from harness.store import queries
from harness.store.folder import Folder
from harness.store.journal import ReplyPrice
from harness.store.search_plan import SearchPlan
from harness.watch.frame import (
    GAP,
    SLOWEST,
    ModelProgress,
    Slow,
    Snapshot,
    faults_of,
    open_journal,
    pace_of,
    plus,
    silence,
)
from tasks.base import Failure


def search_frame(folder: Folder) -> Snapshot:
    """Return the state of a search now: a line for each of its arms, in tries.

    Raises:
        StoreFailure: if the folder cannot be read.
    """
    configuration = folder.manifest.configuration
    plan = configuration.evolve
    if plan is None:
        raise Failure(f"{folder.path} is no search for programs")
    models = _models_by_arm(folder, plan)
    arms = {
        arm: ModelProgress(f"{arm}: {', '.join(names)}", plan.calls)
        for arm, names in models.items()
    }
    with open_journal(folder.path) as db:
        silent = silence(db)
        for arm, progress in arms.items():
            if len(models[arm]) == 1:
                pace_of(db, progress, models[arm][0], silent)
        _tries(db, folder, arms)
        slowest = _slowest(db)
        failures = faults_of(db)
    ready = len(folder.lines())
    return Snapshot(
        str(folder.path),
        configuration.suite.name,
        tuple(arms.values()),
        instances=(ready, ready),
        failures=failures,
        problems={},
        slowest=slowest,
        silent=silent,
        finished=_is_finished(folder, silent),
    )


def _models_by_arm(folder: Folder, plan: SearchPlan) -> dict[str, list[str]]:
    """Return the names of the models of the search, and of each search without a model."""
    models = {"search": [spec.name for spec in folder.manifest.configuration.models]}
    return models | {null.removeprefix("policy/"): [null] for null in plan.nulls}


def _slowest(db: sqlite3.Connection) -> tuple[Slow, ...]:
    return tuple(
        Slow(path, seconds, count, path="", under_way=not answers)
        for path, seconds, count, answers in db.execute(queries.SEARCH_SLOWEST, (SLOWEST,))
    )


def _is_finished(folder: Folder, silent: float | None) -> bool:
    """Return whether there is a champion; a search that makes notes is not replayed for it."""
    at_work = silent is not None and silent <= GAP
    return not at_work and replay(folder.path).report.champion is not None


def _tries(db: sqlite3.Connection, folder: Folder, arms: dict[str, ModelProgress]) -> None:
    """Count tries, and what they cost; among several models only their providers know that."""
    configuration = folder.manifest.configuration
    prices = configuration.evolve.prices if configuration.evolve else {}
    price = prices.get(configuration.models[0].name) if len(configuration.models) == 1 else None
    decoder = msgspec.json.Decoder(ReplyPrice)
    for path, text in db.execute(queries.SEARCH_ANSWERS, (EPISODE,)):
        if path.count("/") > 2:
            continue  # a later draw of a try that is counted already
        progress = arms[path.partition("/")[0]]
        progress.done += 1
        progress.answers += 1
        progress.episodes += 1
        progress.cost = progress.paid = plus(progress.cost, cost_of(decoder.decode(text), price))
    for (path,) in db.execute(queries.SEARCH_LOST, (EPISODE,)):
        progress = arms[path.partition("/")[0]]
        progress.errors += 1
        progress.episodes += 1
