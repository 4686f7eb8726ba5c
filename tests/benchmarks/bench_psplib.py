"""All PSPLIB j30 projects, one worker each: how many are proven, and none against its optimum.

`python -m tests.benchmarks.bench_psplib [--limit N] [--seconds 10]`
"""

import argparse
import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from time import process_time

from generators.psplib import read_psplib
from graders.exact.rcpsp import reference
from tests.benchmarks.limits import Limit
from tests.data import data_folder

FOLDER = "psplib/j30"
WANTED = 1  # share proven


@dataclass
class Figures:
    """Counts over the projects of one run; CPU time in seconds."""

    projects: int = 0
    proven: int = 0
    without_solver: int = 0
    contradictions: int = 0
    cpu: float = 0.0
    slowest: float = 0.0

    def add(self, path: Path, optimum: int, seconds: float) -> None:
        """Solve one file within `seconds` of wall time and compare."""
        began = process_time()
        best = reference(read_psplib(path), seconds=seconds)
        took = process_time() - began
        self.projects += 1
        self.proven += best.status == "optimal"
        self.without_solver += best.solver == "sgs"
        self.contradictions += not (
            best.objective is not None
            and best.bound is not None
            and best.bound <= optimum <= best.objective
        )
        self.cpu += took
        self.slowest = max(self.slowest, took)


def measure(limit: int | None = None, seconds: float = 10.0) -> Figures:
    """Solve the first `limit` projects of the optimum file, or all; progress to standard error."""
    folder = data_folder() / FOLDER
    with (folder / "optimum.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:limit]
    figures = Figures()
    for row in rows:
        figures.add(folder / row["problem"], int(row["optimum"]), seconds)
        if figures.projects % 40 == 0:
            print(f"{figures.projects}/{len(rows)}: {figures}", file=sys.stderr, flush=True)
    return figures


def limits(limit: int | None = None, seconds: float = 10.0) -> list[Limit]:
    """The figures on standard output, and what they promise; nothing without the data."""
    if not (data_folder() / FOLDER / "optimum.csv").exists():
        print(f"no {FOLDER}: set MAKESPAN_DATA to the folder of public data")
        return []
    figures = measure(limit, seconds)
    print(
        f"PSPLIB j30, {seconds:g} s limit: {figures.proven} of {figures.projects} proven,"
        f" {figures.without_solver} without solver, {figures.contradictions} contradictions,"
        f" {figures.cpu:.1f} CPU s in total, {figures.slowest:.1f} for the slowest"
    )
    wanted = int(figures.projects * WANTED)
    return [
        Limit("j30 projects proven", figures.proven, wanted, least=True),
        Limit("j30 contradictions of the optimum file", figures.contradictions, 0),
    ]


def main() -> int:
    """Status 1 if a promise is broken or there is no data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, help="only the first N projects")
    parser.add_argument("--seconds", type=float, default=10.0, help="wall time for each")
    options = parser.parse_args()
    promised = limits(options.limit, options.seconds)
    for limit in promised:
        print(limit)
    return 0 if promised and all(limit.kept for limit in promised) else 1


if __name__ == "__main__":
    sys.exit(main())
