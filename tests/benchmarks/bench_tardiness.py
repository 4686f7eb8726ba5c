"""Exact total tardiness: published sets, the generated grid to 500 jobs, CP-SAT beside it."""

import json
import resource
from collections.abc import Iterator
from itertools import product
from random import Random
from time import process_time
from typing import NamedTuple

from graders.exact.tardiness import OrderSolution, solve
from graders.exact.tardiness_kernel import library
from tests.benchmarks.limits import Limit, cpu_limit
from tests.data import data_folder

CELLS = tuple(product((0.2, 0.4, 0.6, 0.8), (0.2, 0.4, 0.6, 0.8, 1.0)))  # (TF, RDD)
SEEDS = 3  # instances of a cell
PATIENCE = 5.0  # deterministic seconds of CP-SAT an instance, each about 2 CPU seconds


class Timed(NamedTuple):
    """A solution and its CPU seconds."""

    found: OrderSolution
    seconds: float

    @property
    def proven(self) -> bool:
        return self.found.objective == self.found.bound


def timed(p: list[int], d: list[int], *, compiled: bool = True) -> Timed:
    """Solve n jobs with processing times p and due dates d."""
    began = process_time()
    found = solve(p, d, compiled=compiled)
    return Timed(found, process_time() - began)


def jobs(n: int, tf: float, rdd: float, seed: int) -> tuple[list[int], list[int]]:
    """p from U[1, 100], d from U[P(1-TF-RDD/2), P(1-TF+RDD/2)] with P the sum of p."""
    rng = Random(f"bench/tardiness/{n}/{tf}/{rdd}/{seed}")
    p = [rng.randint(1, 100) for _ in range(n)]
    low, high = (round(sum(p) * (1 - tf + side * rdd / 2)) for side in (-1, 1))
    return p, [rng.randint(low, high) for _ in range(n)]


def published() -> Iterator[Limit]:
    """The 200 sets of 100 jobs with known optima, if they are there."""
    path = data_folder() / "smtt" / "n100.jsonl"
    if not path.exists():
        print("tardiness: no smtt/n100.jsonl, set MAKESPAN_DATA")
        return
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for compiled, limit in ((False, 20), (True, 2)):
        name = "kernel" if compiled else "plain Python"
        runs = [timed(line["p"], line["d"], compiled=compiled) for line in lines]
        equal = sum(
            run.found.objective == run.found.bound == line["opt"]
            for run, line in zip(runs, lines, strict=True)
        )
        total = sum(run.seconds for run in runs)
        worst = max(run.seconds for run in runs)
        print(f"n=100, {name}: {equal} of {len(runs)} equal, {total:.2f} CPU s, worst {worst:.2f}")
        yield Limit(f"tardiness n=100, {name}: equal to the optimum", equal, len(lines), least=True)
        yield cpu_limit(f"tardiness n=100, {name}, all", total, limit)


def grid(n: int, limit: float) -> Iterator[Limit]:
    """A row a cell: CPU seconds and nodes of the worst of its instances."""
    print(f"\nn={n}   TF  RDD  proven  mean T*       nodes   CPU s (worst)")
    all_runs: list[Timed] = []
    for tf, rdd in CELLS:
        runs = [timed(*jobs(n, tf, rdd, seed)) for seed in range(SEEDS)]
        all_runs += runs
        proven = sum(run.proven for run in runs)
        mean = sum(run.found.objective for run in runs) / len(runs)
        nodes, seconds = max(run.found.nodes for run in runs), max(run.seconds for run in runs)
        print(
            f"{tf:10} {rdd:4} {proven:3}/{len(runs)} {mean:10.0f} {nodes:11,} {seconds:10.3f}",
            flush=True,
        )
    proven = sum(run.proven for run in all_runs)
    worst = max(run.seconds for run in all_runs)
    print(
        f"n={n}: {proven} of {len(all_runs)} proven, {sum(r.seconds for r in all_runs):.1f} CPU s"
    )
    yield Limit(f"tardiness n={n}: proven", proven, len(all_runs), least=True)
    yield cpu_limit(f"tardiness n={n}, worst", worst, limit)


def memory() -> Limit:
    """Peak resident memory of this process so far, in GB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return Limit("tardiness to n=500: peak GB of the process", peak, 4)


# Against CP-SAT -----------------------------------------------------------------------------


def cp_sat(p: list[int], d: list[int]) -> tuple[bool, int, float]:
    """One no-overlap model: (proven, objective, CPU seconds); one worker."""
    from ortools.sat.python.cp_model import OPTIMAL, CpModel, CpSolver

    began, model, total = process_time(), CpModel(), sum(p)
    ends = [model.new_int_var(length, total, "") for length in p]
    late = [model.new_int_var(0, max(0, total - due), "") for due in d]
    model.add_no_overlap(
        [
            model.new_interval_var(end - length, length, end, "")
            for end, length in zip(ends, p, strict=True)
        ]
    )
    for end, due, tardy in zip(ends, d, late, strict=True):
        model.add(tardy >= end - due)
    model.minimize(sum(late))
    solver = CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = PATIENCE
    status = solver.solve(model)
    return status == OPTIMAL, round(solver.objective_value), process_time() - began


def against_cp_sat(n: int) -> Iterator[Limit]:
    """The first instance of each cell, to CP-SAT and to plain Python."""
    theirs = ours = 0.0
    proven = best = 0
    for tf, rdd in CELLS:
        p, d = jobs(n, tf, rdd, 0)
        done, objective, seconds = cp_sat(p, d)
        theirs += seconds
        runs = [timed(p, d, compiled=False) for _ in range(10)]
        ours += sum(run.seconds for run in runs) / len(runs)
        best += objective == runs[0].found.objective
        proven += done
        assert not done or objective == runs[0].found.objective, (p, d)
    print(
        f"n={n}: CP-SAT proves {proven} of {len(CELLS)} and finds {best} optima in {theirs:.1f}"
        f" CPU s, with a limit; decomposition in plain Python proves all in {ours:.4f}"
    )
    yield Limit(f"tardiness n={n}: CPU of CP-SAT over plain Python", theirs / ours, 100, least=True)


def main() -> list[Limit]:
    """Measure."""
    limits = [Limit("tardiness: the kernel is compiled", library() is not None, 1, least=True)]
    limits += [*published(), *grid(200, 5), *grid(500, 60), memory()]
    print()
    return [*limits, *against_cp_sat(15), *against_cp_sat(20)]


if __name__ == "__main__":
    print(*main(), sep="\n")
