"""A run as other harnesses keep it: for each model and family its board rows and its episodes."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from harness.board.board import Row
from harness.export.rows import PublishedRun
from harness.replay.transcript import Episode, episodes
from tasks.base import Fields


@dataclass(frozen=True)
class ExportedResult:
    """One model on one family; `rows` has one of each cell."""

    run: PublishedRun
    model: str
    family: str
    rows: tuple[Row, ...]
    episodes: tuple[Episode, ...]

    @property
    def setup(self) -> Fields:
        """Return how the model was asked, as far as the run set that."""
        return self.run.manifest.configuration.sampling_setup(self.model)

    @property
    def name(self) -> str:
        """Return a name that no other result of any run has."""
        return f"{self.run.name}/{self.family}/{self.model}"

    def row_of(self, episode: Episode) -> Row:
        """Return the board row that an episode is counted in."""
        settings = episode.record.settings
        return next(r for r in self.rows if all(settings.get(k) == v for k, v in r.cell.items()))


def results(run: PublishedRun) -> Iterator[ExportedResult]:
    """Yield the run's results, one model's episodes in memory at a time."""
    board = run.board()
    for model, group in groupby(episodes(run.path), lambda e: e.record.model):
        by_family: dict[str, list[Episode]] = {}
        for episode in group:
            by_family.setdefault(episode.record.family, []).append(episode)
        for family, members in by_family.items():
            rows = tuple(r for r in board.rows if (r.model, r.family) == (model, family))
            yield ExportedResult(run, model, family, rows=rows, episodes=tuple(members))


def cell_text(row: Row) -> str:
    """Return the settings by which rows of a model and family differ; empty if there is one."""
    return " ".join(f"{k}={v}" for k, v in row.cell.items())
