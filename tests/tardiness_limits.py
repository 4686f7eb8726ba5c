"""How far total tardiness is proven: `python -m tests.tardiness_limits [JOBS] [INDICES]`.

One instance of seed 0 a cell of the grid, each in a process of its own: its optimum or bounds, the
states that were expanded, CPU seconds and peak memory. INDICES are numbers with commas between.
"""

import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from resource import RUSAGE_SELF, getrusage
from time import process_time
from typing import NamedTuple

from generators.tardiness import GRID, generate
from graders.exact.tardiness import OrderSolution, solve


class SolvedCell(NamedTuple):
    """An instance, what is proven of it, and its cost.

    Attributes:
        number: the number of the instance, which names its cell.
        solution: the best order and its bound.
        seconds: of CPU, for the solver alone.
        megabytes: the peak of the process, with Python and all that is imported.
    """

    number: int
    solution: OrderSolution
    seconds: float
    megabytes: int


def solved(jobs: int, index: int) -> SolvedCell:
    """Return an instance as the solver leaves it, measured in this process."""
    payload = generate(jobs, 0, index, {}, reference=False).payload
    began = process_time()
    solution = solve([job.p for job in payload.jobs], [job.d for job in payload.jobs])
    seconds, peak = process_time() - began, getrusage(RUSAGE_SELF).ru_maxrss
    return SolvedCell(index, solution, seconds, megabytes=peak // 1024)


def each_apart(jobs: int, indices: Iterable[int]) -> Iterable[SolvedCell]:
    """Yield instances, one process after the other, so that each has a peak of its own."""
    for index in indices:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            yield pool.submit(solved, jobs, index).result()


def line(cell: SolvedCell) -> str:
    """Return a row of the table."""
    tf, rdd = GRID[cell.number % len(GRID)]
    objective, bound = cell.solution.objective, cell.solution.bound
    status = "optimal" if objective == bound else f"bounded by {bound}"
    nodes = f"{cell.solution.nodes:,} states"
    cost = f"{cell.seconds:.2f} CPU s | {cell.megabytes} MB"
    return f"{cell.number} | TF {tf} RDD {rdd} | {objective} {status} | {nodes} | {cost}"


def main(jobs: str = "500", indices: str = "") -> None:
    """Print a row a cell, then the share proven and the worst cost."""
    wanted = [int(k) for k in indices.split(",")] if indices else list(range(len(GRID)))
    cells = []
    for cell in each_apart(int(jobs), wanted):
        cells.append(cell)
        print(line(cell), flush=True)
    proven = sum(cell.solution.objective == cell.solution.bound for cell in cells)
    seconds = max(cell.seconds for cell in cells)
    peak = max(cell.megabytes for cell in cells)
    print(f"proven {proven} of {len(cells)}, at most {seconds:.2f} CPU s and {peak} MB")


if __name__ == "__main__":
    main(*sys.argv[1:])
