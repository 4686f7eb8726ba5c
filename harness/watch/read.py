"""Reads the work under way in a folder, whatever kind it is."""

from pathlib import Path

from harness.store.folder import Folder
from harness.watch.frame import ModelProgress, Snapshot, faults_of, open_journal, pace_of, silence
from harness.watch.run import (
    count_ended,
    episode_count,
    episode_families,
    unusable_answers,
    work_under_way,
)


def read_frame(path: Path) -> Snapshot:
    """Return the state of a run folder now; nothing is written.

    Raises:
        StoreFailure: if the folder cannot be read.
    """
    folder = Folder.open(path)
    if folder.manifest.configuration.evolve:
        from harness.watch.search import search_frame

        return search_frame(folder)
    configuration = folder.manifest.configuration
    with open_journal(path) as db:
        families = episode_families(folder)
        silent = silence(db)
        models = {
            spec.name: ModelProgress(spec.name, episode_count(folder, spec.name, families))
            for spec in configuration.models
        }
        ended, problems = count_ended(db, models)
        for progress in models.values():
            pace_of(db, progress, progress.model, silent)
        slowest = work_under_way(db, folder, models, ended)
        faults = faults_of(db)
        unusable = unusable_answers(db, families)
    ready = (len(folder.lines()[: folder.manifest.limit]), len(families))
    return Snapshot(
        str(path),
        configuration.suite.name,
        tuple(models.values()),
        instances=ready,
        failures=faults,
        problems=problems,
        slowest=slowest,
        silent=silent,
        unusable=unusable,
    )
