"""Reads the work under way in a folder, whatever kind it is."""

import sqlite3
from pathlib import Path

from msgspec.structs import replace

from harness.store.folder import Folder
from harness.store.manifest import Manifest
from harness.watch.frame import Snapshot, open_journal, pace_of, silence
from harness.watch.run import episode_count, episode_families
from harness.watch.settled import SettledWork, count_open, slowest_of, unusable_columns


def read_frame(path: Path) -> Snapshot:
    """Return the state of a run folder now; nothing is written.

    Raises:
        StoreFailure: if the folder cannot be read.
    """
    return FrameReader(path).frame()


class FrameReader:
    """Reads the state of a run folder again and again, what has a grade only once.

    Args:
        path: of the folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._settled = SettledWork()
        self._state: tuple[Manifest, int] | None = None
        self._families: list[str] = []
        self._totals: dict[str, int] = {}

    def frame(self) -> Snapshot:
        """Return the state now; nothing is written.

        Raises:
            StoreFailure: if the folder cannot be read.
        """
        folder = Folder.open(self._path)
        if folder.manifest.configuration.evolve:
            from harness.watch.search import search_frame

            return search_frame(folder)
        self._count(folder)
        with open_journal(self._path) as db:
            return self._of_run(db, folder)

    def _count(self, folder: Folder) -> None:
        """Count the episodes that each model will have, if that may have changed."""
        state = folder.manifest, len(folder.lines())
        if state != self._state:
            self._families = episode_families(folder)
            self._totals = {
                spec.name: episode_count(folder, spec.name, self._families)
                for spec in folder.manifest.configuration.models
            }
            self._state = state

    def _of_run(self, db: sqlite3.Connection, folder: Folder) -> Snapshot:
        silent, columns = silence(db), unusable_columns(self._families)
        others = self._settled.read(db, folder, columns)
        models = {
            name: replace(self._settled.of(name), total=total)
            for name, total in self._totals.items()
        }
        problems = count_open(others, models, folder)
        for progress in models.values():
            pace_of(db, progress, progress.model, silent)
        return Snapshot(
            str(self._path),
            folder.manifest.configuration.suite.name,
            tuple(models.values()),
            instances=(len(folder.lines()[: folder.manifest.limit]), len(self._families)),
            failures=dict(self._settled.faults + others.faults),
            problems=problems,
            slowest=slowest_of(self._settled, others),
            silent=silent,
            unusable=self._settled.unusable(columns),
        )
