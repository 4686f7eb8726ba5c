"""Publishing: runs to a dataset repository, in one commit that loses nobody's rows."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.calls.retry import RetryPolicy
from harness.export.columns import LEADERBOARD
from harness.export.parquet import read_parquet
from harness.export.rows import PublishedRun
from harness.publish.card import README, check_ours, write_card
from harness.publish.dataset import LATEST, Dataset, write_latest, write_run
from harness.publish.hub import Head, HubFailure, Repository, same
from tasks.base import Fields

PATIENCE = RetryPolicy(attempts=8, longest_wait=20.0)


@dataclass(frozen=True)
class Change:
    """What a commit is to do.

    Attributes:
        files: all that is published here, by its path in the repository.
        changed: the paths that the repository has not, or not so.
        gone: files of these runs that are made no longer.
    """

    files: dict[str, Path]
    changed: tuple[str, ...]
    gone: tuple[str, ...]


class Publication:
    """Some runs on their way to a repository.

    Attributes:
        root: an empty folder, for what is made.
        partial: the runs that have episodes without a grade.
    """

    def __init__(self, runs: Sequence[PublishedRun], repository: Repository, root: Path) -> None:
        self._runs, self._repository = runs, repository
        self._made, self._cache = root / "made", root / "cache"
        self.partial: list[PublishedRun] = []

    @cached_property
    def _rows(self) -> dict[str, list[Fields]]:
        """The runs' rows of the leaderboard, by name; all their own files are written then."""
        found = {}
        for run in self._runs:
            board = run.board()
            if not board.complete:
                self.partial.append(run)
            found[run.name] = write_run(run, board, self._made)
        return found

    def plan(self, head: Head) -> Change:
        """What is to be committed onto a head; nothing changes if it has it all."""
        if README in head.files:
            check_ours(self._fetch(README, head), self._repository.name)
        dataset = Dataset(self._others(head) | self._rows)
        write_latest(dataset, lambda path: self._find(path, head), self._made)
        write_card(dataset, self._repository.name, self._made)
        made = {p.relative_to(self._made).as_posix(): p for p in sorted(self._made.rglob("*"))}
        made = {path: place for path, place in made.items() if place.is_file()}
        changed = [p for p in made if not same(made[p].read_bytes(), head.files.get(p, ""))]
        gone = [p for p in sorted(head.files) if self._of_these(p) and p not in made]
        return Change(made, tuple(changed), tuple(gone))

    def publish(self, say: Callable[[str], None]) -> str | None:
        """Commit what is new, however often that takes; returns the address, None if nothing is.

        HubFailure when it cannot be done. A commit whose answer was lost is found by the next try.
        """
        for failed in range(1, PATIENCE.attempts + 1):
            try:
                head = self._repository.prepare(self._repository.head())
                change = self.plan(head)
                if not change.changed and not change.gone:
                    return None
                new = {path: change.files[path] for path in change.changed}
                return self._repository.commit(head, new, change.gone, self._message())
            except HubFailure as failure:
                if not failure.again or failed == PATIENCE.attempts:
                    raise
                say(f"{failure}; trying again")
                time.sleep(PATIENCE.wait(self._message(), failed, failure.retry_after))
        raise AssertionError("unreachable")

    def _message(self) -> str:
        return f"Publish {', '.join(run.name for run in self._runs)}"

    def _others(self, head: Head) -> dict[str, list[Fields]]:
        """The rows of the runs that are there and are not these."""
        paths = [Path(p) for p in head.files if p.startswith("leaderboard/")]
        names = sorted(p.stem for p in paths if p.suffix == ".parquet")
        return {
            name: read_parquet(self._fetch(f"leaderboard/{name}.parquet", head), LEADERBOARD)
            for name in names
            if name != LATEST and name not in self._rows
        }

    def _find(self, path: str, head: Head) -> Path:
        made = self._made / path
        return made if made.exists() else self._fetch(path, head)

    def _fetch(self, path: str, head: Head) -> Path:
        assert head.commit is not None
        return self._repository.fetch(path, head.commit, self._cache)

    def _of_these(self, path: str) -> bool:
        folder, _, rest = path.partition("/")
        return folder.startswith("samples_") and rest.partition("/")[0] in self._rows
