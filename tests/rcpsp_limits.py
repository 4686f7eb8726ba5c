"""How far the reference of `rcpsp` reaches: `python -m tests.rcpsp_limits FOLDER [--every K]`.

FOLDER holds PSPLIB files (`.sm`) and, in `optimum.csv` or `best.csv` (problem,value), what is
published for them: a makespan, or `104..112`, a bound and a makespan. Every Kth problem of the
table is solved. Without FOLDER it is projects made by the generator, and what each family of bounds
closes alone. Time is CPU time of one core.
"""

import argparse
import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import mean
from time import process_time
from typing import NamedTuple

from generators.psplib import read_psplib
from generators.rcpsp import generate
from graders.exact import sgs
from graders.exact.rcpsp import reference
from graders.exact.rcpsp_bounds import (
    Pool,
    bound_by,
    earliest_starts,
    longest_tails,
    lower_bound,
    resource_pools,
)
from graders.exact.rcpsp_covering import covering_pools
from graders.exact.rcpsp_energy import destructive_bound
from graders.exact.rcpsp_pools import clique_pools, later_heads, longer_tails, rounded_pools
from graders.exact.rcpsp_targets import ask_targets
from graders.exact.sgs import Compiled
from tasks.base import Scalar
from tasks.rcpsp import Project
from tests.factories.projects import scarce

TABLES = ("optimum.csv", "best.csv")
STATES = 1_000_000  # of all layers of a project
SETTINGS: dict[str, Scalar] = {"axes": "downtime,disjunctions", "horizon_factor": 2.0}


class Case(NamedTuple):
    """A project, the least and the best makespan published for it, a schedule to begin with."""

    name: str
    project: Project
    least: int = 0
    value: int | None = None
    hint: dict[str, int] | None = None


class Row(NamedTuple):
    """What came out: status, makespan, bound, CPU seconds."""

    case: Case
    status: str
    objective: int | None
    bound: int | None
    seconds: float

    @property
    def gap(self) -> float:
        """The makespan above the bound, as a share of the bound; 1 without an answer."""
        return self.objective / self.bound - 1 if self.objective and self.bound else 1.0

    @property
    def is_contradiction(self) -> bool:
        """Whether a published makespan is below our bound, or ours below a published bound."""
        value, objective = self.case.value, self.objective
        below = objective is not None and objective < self.case.least
        return value is not None and (below or (self.bound or 0) > value)


def published(folder: Path, every: int) -> Iterator[Case]:
    """Every Kth problem of a table of values, in the order of the table."""
    table = next(folder / name for name in TABLES if (folder / name).exists())
    with table.open(encoding="utf-8") as file:
        for row in list(csv.DictReader(file))[::every]:
            name, value = row.values()
            bounds = [value, value] if table.name == TABLES[0] else ["0", *value.split("..")]
            yield Case(name, read_psplib(folder / name), int(bounds[-2] or 0), int(bounds[-1]))


def generated(tasks: int, count: int) -> Iterator[Case]:
    """Projects of the generator with twice the horizon, begun with their witnesses."""
    for index in range(count):
        instance = generate(tasks, 0, index, SETTINGS, reference=False)
        answer = instance.reference.answer
        yield Case(instance.id, instance.payload, hint=answer["starts"] if answer else None)


def solved(case: Case, limit: float) -> Row:
    """Solve a project within deterministic seconds."""
    began = process_time()
    best = reference(case.project, deterministic_limit=limit, hint=case.hint)
    took = process_time() - began
    objective = None if best.objective is None else int(best.objective)
    bound = None if best.bound is None else int(best.bound)
    return Row(case, best.status, objective, bound, took)


def summary(rows: Sequence[Row]) -> str:
    """One line over all rows."""
    proven = sum(row.status == "optimal" for row in rows)
    above = [r.objective / r.case.value - 1 for r in rows if r.objective and r.case.value]
    return (
        f"{proven} of {len(rows)} proven,"
        f" mean gap to the own bound {mean(row.gap for row in rows):.2%},"
        + (f" to the published values {mean(above):.2%}," if above else "")
        + f" {sum(row.is_contradiction for row in rows)} contradictions,"
        f" CPU s {sum(row.seconds for row in rows):.0f} in total,"
        f" {max(row.seconds for row in rows):.1f} at most"
    )


# Families of bounds -------------------------------------------------------------------------

Family = Callable[[Compiled], int]


def _with(pools: Callable[[Compiled], list[Pool]]) -> Family:
    return lambda c: max(cheap(c), bound_by(c, pools(c), earliest_starts(c), longest_tails(c)))


def cheap(project: Compiled) -> int:
    """The critical path and each resource's work."""
    return lower_bound(project, earliest_starts(project), longest_tails(project))


def rounded(project: Compiled) -> list[Pool]:
    return [each for pool in resource_pools(project) for each in rounded_pools(pool)]


def covering(project: Compiled) -> list[Pool]:
    return covering_pools(project, earliest_starts(project), longest_tails(project))


def paths(project: Compiled) -> int:
    """The work before and after each task."""
    pools = resource_pools(project)
    heads = later_heads(project, pools, earliest_starts(project))
    tails = longer_tails(project, pools, longest_tails(project))
    return bound_by(project, pools, heads, tails)


def energy(project: Compiled) -> int:
    """Energetic reasoning on the resources alone."""
    bound = cheap(project)
    heads, tails = earliest_starts(project), longest_tails(project)
    return destructive_bound(project, resource_pools(project), heads, tails, bound, 2 * bound)


def layers(project: Compiled) -> int:
    """Targets refuted in layers, with all pools, from the bound of all pools on."""
    pools = resource_pools(project)
    pools += [*rounded(project), *clique_pools(project), *covering(project)]
    heads = later_heads(project, pools, earliest_starts(project))
    tails = longer_tails(project, pools, longest_tails(project))
    targets = range(bound_by(project, pools, heads, tails), project.horizon + 1)
    return ask_targets(project, pools, heads, tails, targets, children=STATES).bound


FAMILIES: dict[str, Family] = {
    "cheap": cheap,
    "rounded resources": _with(rounded),
    "disjunctive sets": _with(clique_pools),
    "linear covering": _with(covering),
    "work before and after": paths,
    "energetic reasoning": energy,
    "targets in layers, with all of them": layers,
}


def families(tasks: int, count: int, limit: float) -> None:
    """Print what each family closes of scarce projects, and the mean of its gaps."""
    projects = [sgs.compile_project(scarce(tasks, seed)) for seed in range(count)]
    rows = [solved(Case(str(k), scarce(tasks, k)), limit) for k in range(count)]
    print(f"{tasks} tasks, scarce resources: {summary(rows)}")
    for name, family in FAMILIES.items():
        began = process_time()
        bounds = [family(project) for project in projects]
        took = (process_time() - began) / count
        pairs = [(row.objective or 0, b) for row, b in zip(rows, bounds, strict=True)]
        closed = sum(objective == b for objective, b in pairs)
        gap = mean(objective / b - 1 for objective, b in pairs)
        print(f"  {name}: closes {closed} of {count}, mean gap {gap:.1%}, {took:.3f} CPU s each")


def main() -> None:
    """Print a line a project that stays open, and one line over all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--every", type=int, default=1, help="only every Kth problem")
    parser.add_argument("--limit", type=float, default=3.0, help="deterministic seconds for each")
    parser.add_argument("--tasks", type=int, default=120, help="of generated projects")
    parser.add_argument("--count", type=int, default=4, help="of generated projects")
    options = parser.parse_args()
    if options.folder is None:
        families(30, options.count, options.limit)
        cases = generated(options.tasks, options.count)
    else:
        cases = published(options.folder, options.every)
    rows = []
    for case in cases:
        rows.append(solved(case, options.limit))
        if rows[-1].status != "optimal":
            _, status, objective, bound, took = rows[-1]
            print(f"{case.name}: {status} {objective} {bound}, {took:.1f} CPU s", flush=True)
    print(summary(rows))


if __name__ == "__main__":
    main()
