"""What a dataset of published runs holds, file by file: a pure function of its runs.

Whoever publishes and in which order makes no difference: the newest run of a system is the one that
was begun last.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from harness import files
from harness.board.board import Board
from harness.board.load import identity, text
from harness.export.columns import LEADERBOARD, PAIRED, SAMPLES
from harness.export.parquet import ParquetSink, read_parquet, write_parquet
from harness.export.rows import (
    PairedCell,
    PublishedRun,
    cells_of,
    leaderboard,
    paired,
    samples,
    side_by_side,
)
from harness.models.names import program_of
from harness.publish.addresses import AddressHider
from harness.publish.commitments import write_commitment
from harness.secrets import scrub
from harness.store.folder import Folder
from tasks.base import Fields

LATEST = "latest"


@dataclass(frozen=True)
class Dataset:
    """All that is published of some runs, as rows of the leaderboard.

    Attributes:
        runs: each run's rows by its name.
    """

    runs: Mapping[str, Sequence[Fields]]

    @property
    def newest(self) -> dict[str, str]:
        """Return the run that speaks for each identity: the one begun last."""
        newest: dict[str, tuple[str, str]] = {}
        for name, rows in self.runs.items():
            for row in rows:
                start = (row["created"], name)
                newest[row["identity"]] = max(newest.get(row["identity"], start), start)
        return {identity: name for identity, (_, name) in newest.items()}

    def latest(self) -> list[Fields]:
        """Return the newest rows of every system: by what was asked, the best score first."""
        newest = self.newest
        rows = [row for row in self.rows if newest[row["identity"]] == row["run"]]
        return sorted(_ranked(rows), key=_order)

    @property
    def rows(self) -> list[Fields]:
        """Return the rows of all runs."""
        return [row for rows in self.runs.values() for row in rows]

    def splits(self) -> dict[str, dict[str, list[str]]]:
        """Return the files of each split of each configuration, as paths or patterns."""
        splits = {table: self._table_splits(table) for table in ("leaderboard", "paired")}
        for family in sorted({row["family"] for row in self.rows}):
            splits[f"samples_{family}"] = self._sample_splits(family)
        return splits

    def _table_splits(self, table: str) -> dict[str, list[str]]:
        return {split: [f"{table}/{split}.parquet"] for split in (LATEST, *sorted(self.runs))}

    def _sample_splits(self, family: str) -> dict[str, list[str]]:
        paths = [samples_path(row) for row in self.latest() if row["family"] == family]
        return {LATEST: list(dict.fromkeys(paths))} | {
            run: [f"samples_{family}/{run}/*.parquet"]
            for run in sorted(self.runs)
            if any(row["family"] == family for row in self.runs[run])
        }


def _ranked(rows: list[Fields]) -> list[Fields]:
    """Return rows with the rank of their run, if it ranked just those that are here."""
    rankings = _whole_rankings(rows)
    unranked = {name: None for name in rows[0] if name.startswith("rank_")}
    return [row if _ranking(row) in rankings else row | unranked for row in rows]


def _whole_rankings(rows: list[Fields]) -> set[str]:
    """Return the rankings of one run whose rows are all here, without one of another run."""
    groups: dict[str, list[Fields]] = {}
    for row in rows:
        if row["rank_of"] is not None:
            groups.setdefault(_ranking(row), []).append(row)
    scored = Counter(
        _ranking(row) for row in rows if row["kind"] == "model" and row["score"] is not None
    )
    return {
        key
        for key, group in groups.items()
        if len({row["run"] for row in group}) == 1 and group[0]["rank_of"] == scored[key]
    }


def _ranking(row: Fields) -> str:
    """Return what the rows of one ranking share."""
    setup = msgspec.json.decode(row["setup"])
    means = ("program",) if program_of(row["model"]) else ("direct",)
    contestant = identity(means, row["agent"], row["memory"], setup)
    return text([*board_key(row)[1:], contestant])


def board_key(row: Fields) -> tuple[str, str, str, str]:
    """Return what the rows of one board share: suite, lock, family and cell."""
    return row["suite"], row["lock"], row["family"], row["cell"]


def _order(row: Fields) -> tuple[Any, ...]:
    score = row["score"]
    contestant = (row["model"], row["agent"], row["memory"], row["setup"])
    return (*board_key(row), score is None, -(score or 0.0), *contestant)


def samples_path(row: Fields) -> str:
    """Return the path of the samples of a row: a file for each family and system of a run.

    Args:
        row: of any of the tables.
    """
    model = re.sub(r"[^A-Za-z0-9._-]+", "-", row["model"])[:80].strip(".-")
    return f"samples_{row['family']}/{row['run']}/{model}-{row['identity']}.parquet"


def write_run(run: PublishedRun, board: Board, root: Path) -> list[Fields]:
    """Write a run's own files below a folder, and return its rows of the leaderboard."""
    hider = AddressHider(run.manifest)
    rows = [hider.row(row) for row in leaderboard(run, board)]
    for place in ("leaderboard", "paired", f"runs/{run.name}"):
        (root / place).mkdir(parents=True, exist_ok=True)
    write_parquet(root / f"leaderboard/{run.name}.parquet", LEADERBOARD, rows)
    write_parquet(root / f"paired/{run.name}.parquet", PAIRED, map(hider.row, paired(run)))
    _write_samples(run, hider, root)
    public = replace(run.manifest, api_key_env=None, keys=msgspec.UNSET)
    manifest = msgspec.json.format(msgspec.json.encode(public))
    text = hider.text(scrub(manifest.decode()))
    files.write(root / manifest_path(run.name), text + "\n")
    write_commitment(Folder.open(run.path), run.name, root)
    return rows


def manifest_path(run: str) -> str:
    """Return the path of a run's manifest."""
    return f"runs/{run}/manifest.json"


def _write_samples(run: PublishedRun, hider: AddressHider, root: Path) -> None:
    sinks: dict[str, ParquetSink] = {}
    with ExitStack() as stack:
        for row in map(hider.row, samples(run)):
            place = samples_path(row)
            if place not in sinks:
                (root / place).parent.mkdir(parents=True, exist_ok=True)
                sinks[place] = stack.enter_context(closing(ParquetSink(root / place, SAMPLES)))
            sinks[place].add(row)


def write_latest(dataset: Dataset, fetch: Callable[[str], Path], root: Path) -> None:
    """Write the splits `latest` of leaderboard and paired.

    Args:
        dataset: all published runs.
        fetch: gives the file of a path in the repository.
        root: the folder to write to.
    """
    write_parquet(root / f"leaderboard/{LATEST}.parquet", LEADERBOARD, dataset.latest())
    cells = _newest_cells(dataset, fetch)
    write_parquet(root / f"paired/{LATEST}.parquet", PAIRED, side_by_side(cells))


def _newest_cells(dataset: Dataset, fetch: Callable[[str], Path]) -> Iterator[PairedCell]:
    newest = dataset.newest
    for name in sorted(set(newest.values())):
        for row in read_parquet(fetch(f"paired/{name}.parquet"), PAIRED):
            yield from (cell for cell in cells_of(row) if newest[cell.identity] == name)
