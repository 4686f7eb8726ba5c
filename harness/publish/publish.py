"""Publishing: runs to a dataset repository, in one commit that loses nobody's rows."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from harness.calls.retry import RetryPolicy
from harness.export.columns import LEADERBOARD
from harness.export.instances import instance_splits
from harness.export.parquet import read_parquet
from harness.export.rows import PublishedRun
from harness.publish.card import README, check_ours, licence_of, write_card
from harness.publish.commitments import read_commitments
from harness.publish.dataset import LATEST, Dataset, write_latest, write_run
from harness.publish.hub import Head, HubFailure, has_digest
from harness.publish.neighbours import Neighbours
from tasks.base import Fields

PATIENCE = RetryPolicy(attempts=8, longest_wait=20.0)


class Target(Protocol):
    """Where runs are published to: a repository of a hub, or a folder in its place."""

    name: str

    def head(self) -> Head:
        """Return it as it is now."""

    def prepare(self, head: Head) -> Head:
        """Make it if it is not there, and return its head then."""

    def fetch(self, path: str, commit: str, cache: Path) -> Path:
        """Return a file as it was at a commit."""

    def commit(self, head: Head, changed: Mapping[str, Path], gone: Sequence[str], say: str) -> str:
        """Write files onto a head, and return the address of what has become of it."""


@dataclass(frozen=True)
class Change:
    """The content of a commit.

    Attributes:
        files: all files of these runs and of `latest`, by their path in the repository.
        changed: the paths that the repository has not, or with another content.
        gone: the paths of files of these runs that are no longer written.
    """

    files: dict[str, Path]
    changed: tuple[str, ...]
    gone: tuple[str, ...]


class Publication:
    """Some runs on their way to a repository.

    Attributes:
        root: an empty folder, for the files.
        partial: the runs that have episodes without a grade.
    """

    def __init__(
        self,
        runs: Sequence[PublishedRun],
        repository: Target,
        root: Path,
        licence: str | None = None,
        neighbours: Neighbours | None = None,
    ) -> None:
        """Take some runs and a place for them.

        Args:
            runs: to be published.
            repository: where to.
            root: an empty folder, for the files.
            licence: of the tables; None is the one that the repository has, if any.
            neighbours: what is put beside the tables; None leaves what is there.
        """
        self._neighbours = neighbours or Neighbours()
        self._runs, self._repository, self._licence = runs, repository, licence
        self._output, self._cache = root / "made", root / "cache"
        self.partial: list[PublishedRun] = []

    @cached_property
    def _rows(self) -> dict[str, list[Fields]]:
        """Return the runs' rows of the leaderboard by run, once their own files are written."""
        return {run.name: self._write_own(run) for run in self._runs}

    def _write_own(self, run: PublishedRun) -> list[Fields]:
        board = run.board()
        if not board.complete:
            self.partial.append(run)
        return write_run(run, board, self._output)

    def plan(self, head: Head) -> Change:
        """Return what is to be committed onto a head; nothing changes if it has it all.

        Raises:
            InputError: the repository is not one of such tables.
            HubFailure: it could not be read.
        """
        files = self._write(head)
        changed = [p for p in files if not has_digest(files[p].read_bytes(), head.files.get(p, ""))]
        gone = [p for p in sorted(head.files) if self._of_these(p) and p not in files]
        return Change(files, tuple(changed), tuple(gone))

    def _write(self, head: Head) -> dict[str, Path]:
        """Write all files that belong on a head, and return them by path."""
        licence = self._licence
        if README in head.files:
            card = self._fetch(README, head)
            check_ours(card, self._repository.name)
            licence = licence or licence_of(card)
        dataset = Dataset(self._other_rows(head) | self._rows)
        write_latest(dataset, lambda path: self._find(path, head), self._output)
        self._neighbours.write(self._output)
        own = [path for path in self._own_paths() if self._neighbours.owns(path)]
        others = [path for path in head.files if not self._neighbours.owns(path)]
        splits = instance_splits([*own, *others])
        states = read_commitments(
            [*self._own_paths(), *head.files], dataset.runs, lambda path: self._find(path, head)
        )
        write_card(dataset, self._repository.name, self._output, licence, splits, states)
        return {path: self._output / path for path in self._own_paths()}

    def _own_paths(self) -> list[str]:
        """Return the paths of all files that are written, below their folder."""
        paths = [path for path in sorted(self._output.rglob("*")) if path.is_file()]
        return [path.relative_to(self._output).as_posix() for path in paths]

    def publish(self, say: Callable[[str], None]) -> str | None:
        """Commit what is new, however often that takes.

        A commit whose answer was lost is seen by the next try.

        Args:
            say: takes a line about a try that failed.

        Returns:
            The commit's address; None if nothing is new.

        Raises:
            InputError: the repository is not one of such tables.
            HubFailure: it cannot be done.
        """
        for failed in range(1, PATIENCE.attempts + 1):
            try:
                return self._try_once()
            except HubFailure as failure:
                if not failure.again or failed == PATIENCE.attempts:
                    raise
                say(f"{failure}; trying again")
                time.sleep(PATIENCE.wait(self._message(), failed, failure.retry_after))
        raise AssertionError("unreachable")

    def _try_once(self) -> str | None:
        head = self._repository.prepare(self._repository.head())
        change = self.plan(head)
        if not change.changed and not change.gone:
            return None
        new = {path: change.files[path] for path in change.changed}
        return self._repository.commit(head, new, change.gone, self._message())

    def _message(self) -> str:
        return f"Publish {', '.join(run.name for run in self._runs)}"

    def _other_rows(self, head: Head) -> dict[str, list[Fields]]:
        """Return the rows of the runs on a head that are not these."""
        paths = [Path(p) for p in head.files if p.startswith("leaderboard/")]
        names = sorted(p.stem for p in paths if p.suffix == ".parquet")
        return {
            name: read_parquet(self._fetch(f"leaderboard/{name}.parquet", head), LEADERBOARD)
            for name in names
            if name != LATEST and name not in self._rows
        }

    def _find(self, path: str, head: Head) -> Path:
        place = self._output / path
        return place if place.exists() else self._fetch(path, head)

    def _fetch(self, path: str, head: Head) -> Path:
        assert head.commit is not None
        return self._repository.fetch(path, head.commit, self._cache)

    def _of_these(self, path: str) -> bool:
        if self._neighbours.owns(path):
            return True
        folder, _, inside = path.partition("/")
        return folder.startswith("samples_") and inside.partition("/")[0] in self._rows
