"""What a dataset of published runs holds, file by file: a pure function of its runs.

Whoever publishes and in which order makes no difference: the newest run of a system is the one that
was begun last.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
from harness.export.rows import PublishedRun, cells_of, leaderboard, paired, samples, side_by_side
from harness.secrets import scrub
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
        """The run that speaks for each identity: the one begun last."""
        found: dict[str, tuple[str, str]] = {}
        for name, rows in self.runs.items():
            for row in rows:
                mine = (row["created"], name)
                found[row["identity"]] = max(found.get(row["identity"], mine), mine)
        return {identity: name for identity, (_, name) in found.items()}

    def latest(self) -> list[Fields]:
        """The newest rows of every system: by what was asked, the best score first."""
        newest = self.newest
        rows = [row for rows in self.runs.values() for row in rows]
        return sorted(_ranked([r for r in rows if newest[r["identity"]] == r["run"]]), key=_order)

    def splits(self) -> dict[str, dict[str, list[str]]]:
        """The files of each split of each configuration, as paths or patterns."""
        names = [LATEST, *sorted(self.runs)]
        found = {c: {s: [f"{c}/{s}.parquet"] for s in names} for c in ("leaderboard", "paired")}
        for family in sorted({row["family"] for rows in self.runs.values() for row in rows}):
            paths = [samples_path(row) for row in self.latest() if row["family"] == family]
            found[f"samples_{family}"] = {LATEST: list(dict.fromkeys(paths))} | {
                run: [f"samples_{family}/{run}/*.parquet"]
                for run in sorted(self.runs)
                if any(row["family"] == family for row in self.runs[run])
            }
        return found


def _ranked(rows: list[Fields]) -> list[Fields]:
    """Rows with the rank they had in their run, if those they were ranked with are just these."""
    groups: dict[str, list[Fields]] = {}
    for row in rows:
        if row["rank_of"] is not None:
            groups.setdefault(_asked(row), []).append(row)
    scored = Counter(_asked(r) for r in rows if r["kind"] == "model" and r["score"] is not None)
    whole = {
        key
        for key, group in groups.items()
        if len({row["run"] for row in group}) == 1 and group[0]["rank_of"] == scored[key]
    }
    nothing = {name: None for name in rows[0] if name.startswith("rank_")}
    return [row if _asked(row) in whole else row | nothing for row in rows]


def _asked(row: Fields) -> str:
    """What the rows of one ranking share."""
    setup = msgspec.json.decode(row["setup"])
    asked = identity(row["model"], row["agent"], row["memory"], setup)
    return text([row["lock"], row["family"], row["cell"], asked])


def _order(row: Fields) -> tuple[Any, ...]:
    score = row["score"]
    what = (row["suite"], row["lock"], row["family"], row["cell"])
    who = (row["model"], row["agent"], row["memory"], row["setup"])
    return (*what, score is None, -(score or 0.0), *who)


def samples_path(row: Fields) -> str:
    """Where the samples of a row of any table are: a file for each family and system of a run."""
    model = re.sub(r"[^A-Za-z0-9._-]+", "-", row["model"])[:80].strip(".-")
    return f"samples_{row['family']}/{row['run']}/{model}-{row['identity']}.parquet"


def write_run(run: PublishedRun, board: Board, root: Path) -> list[Fields]:
    """Write a run's own files below a folder; returns its rows of the leaderboard."""
    rows = list(leaderboard(run, board))
    for place in ("leaderboard", "paired", f"runs/{run.name}"):
        (root / place).mkdir(parents=True, exist_ok=True)
    write_parquet(root / f"leaderboard/{run.name}.parquet", LEADERBOARD, rows)
    write_parquet(root / f"paired/{run.name}.parquet", PAIRED, paired(run))
    _write_samples(run, root)
    told = msgspec.json.encode(replace(run.manifest, api_key_env=None))
    files.write(root / manifest_path(run.name), scrub(msgspec.json.format(told).decode()) + "\n")
    return rows


def manifest_path(run: str) -> str:
    """Where a run's manifest is."""
    return f"runs/{run}/manifest.json"


def _write_samples(run: PublishedRun, root: Path) -> None:
    sinks: dict[str, ParquetSink] = {}
    with ExitStack() as stack:
        for row in samples(run):
            place = samples_path(row)
            if place not in sinks:
                (root / place).parent.mkdir(parents=True, exist_ok=True)
                sinks[place] = stack.enter_context(closing(ParquetSink(root / place, SAMPLES)))
            sinks[place].add(row)


def write_latest(dataset: Dataset, fetch: Callable[[str], Path], root: Path) -> None:
    """Write the splits `latest` of leaderboard and paired; `fetch` brings another run's file."""
    newest = dataset.newest
    write_parquet(root / f"leaderboard/{LATEST}.parquet", LEADERBOARD, dataset.latest())
    cells = (
        cell
        for name in sorted(set(newest.values()))
        for row in read_parquet(fetch(f"paired/{name}.parquet"), PAIRED)
        for cell in cells_of(row)
        if newest[cell.identity] == name
    )
    write_parquet(root / f"paired/{LATEST}.parquet", PAIRED, side_by_side(cells))
