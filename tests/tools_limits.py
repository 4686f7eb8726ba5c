"""How far both optima of `tools` are proven: `python -m tests.tools_limits [--calls 60 75 100]`.

Draws instances of the generator, also beyond its levels, and proves both optima of each. With
failures, `barrier` and `free` are of every attempt, and `plan` is the free optimum of its track.
Time is CPU time of one core.
"""

import argparse
from collections.abc import Callable, Iterator
from itertools import product
from time import process_time
from typing import NamedTuple

from generators import tools as generator
from graders.exact.tools import graph
from graders.exact.tools_schedule import FURTHER, BestPlan, barrier, free
from tasks.base import Scalar
from tasks.failures import InputError
from tasks.tools_payload import Errand, Hidden

DIALS: dict[str, dict[str, Scalar]] = {
    "default": {},
    "failures .3": {"failures": 0.3},
    "capacity 1": {"capacity": 1},
    "capacity 4": {"capacity": 4},
    "overhead 20": {"overhead": 20},
    "depth 5": {"depth": 5},
    "depth 20": {"depth": 20},
}


class Row(NamedTuple):
    """What came out of one optimum: the plan, CPU seconds."""

    plan: BestPlan
    seconds: float


def timed(solve: Callable[[], BestPlan]) -> Row:
    """Solve, with the time that it takes."""
    began = process_time()
    plan = solve()
    return Row(plan, process_time() - began)


def rows(errand: Errand) -> dict[str, Row]:
    """Prove the optima of an errand."""
    due, overhead = Hidden(errand).steps(), errand.overhead
    attempts, capacity = graph(errand, due, planned=False)
    planned, _ = graph(errand, due, planned=True)
    solved = {
        "barrier": timed(lambda: barrier(attempts, capacity, overhead, further=FURTHER)),
        "free": timed(lambda: free(attempts, capacity, overhead)),
    }
    if errand.failures:
        solved["plan"] = timed(lambda: free(planned, capacity, overhead))
    return solved


def errands(
    calls: int, dials: dict[str, Scalar], seeds: int, count: int
) -> Iterator[tuple[str, Errand]]:
    """Draw errands with their names, `count` of each seed; those that cannot be drawn are told."""
    for seed, index in product(range(seeds), range(count)):
        try:
            drawn = generator.generate(calls, seed, index, dials, reference=False)
        except InputError as error:
            print(f"seed {seed}: {error}", flush=True)
        else:
            yield f"seed {seed}, index {index}", drawn.payload


def summary(name: str, solved: list[Row]) -> str:
    """One line over all rows of an optimum."""
    proven = sum(row.plan.status == "optimal" for row in solved)
    gap = sum(row.plan.objective / row.plan.bound - 1 for row in solved) / len(solved)
    took = [row.seconds for row in solved]
    mean = sum(took) / len(took)
    return (
        f"{name} {proven} of {len(solved)}, gap {gap:.1%},"
        f" {mean:.1f} CPU s each, {max(took):.1f} at most"
    )


def main() -> None:
    """Print a line for every number of calls and dial."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, nargs="+", default=[60, 75, 100])
    parser.add_argument("--dials", nargs="+", choices=DIALS, default=list(DIALS))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--count", type=int, default=2, help="instances of each seed")
    options = parser.parse_args()
    generator.LARGEST = max(generator.LARGEST, *options.calls)
    for calls in options.calls:
        for name in options.dials:
            by_optimum: dict[str, list[Row]] = {}
            for task, errand in errands(calls, DIALS[name], options.seeds, options.count):
                for optimum, row in rows(errand).items():
                    by_optimum.setdefault(optimum, []).append(row)
                    if row.plan.status != "optimal":
                        print(f"  {task}: {optimum} {row.plan.objective}, bound {row.plan.bound}")
            lines = "; ".join(summary(*each) for each in by_optimum.items())
            print(f"{calls} calls, {name}: {lines}", flush=True)


if __name__ == "__main__":
    main()
