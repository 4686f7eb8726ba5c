"""A run as harnesses keep it: for each model and family its board rows and its episodes."""

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
        """How the model was asked, where that was told."""
        return self.run.manifest.configuration.sampling_setup(self.model)

    @property
    def name(self) -> str:
        """What tells it from every other result of every run."""
        return f"{self.run.name}/{self.family}/{self.model}"

    def row_of(self, episode: Episode) -> Row:
        """The board row that an episode is counted in."""
        settings = episode.record.settings
        return next(r for r in self.rows if all(settings.get(k) == v for k, v in r.cell.items()))


def results(run: PublishedRun) -> Iterator[ExportedResult]:
    """The run's results, one model's episodes in memory at a time."""
    board = run.board()
    for model, said in groupby(episodes(run.path), lambda e: e.record.model):
        mine = list(said)
        for family in dict.fromkeys(e.record.family for e in mine):
            rows = tuple(r for r in board.rows if (r.model, r.family) == (model, family))
            these = tuple(e for e in mine if e.record.family == family)
            yield ExportedResult(run, model, family, rows, these)


def cell_text(row: Row) -> str:
    """What tells a board row from others of its model and family; empty where there is one."""
    return " ".join(f"{k}={v}" for k, v in row.cell.items())
