"""The exact reference of a project: the least makespan, or how near we know it to be.

Cheap bounds come first: a critical path and an energy bound from below, list schedules from
above. Where they meet, no solver is loaded; else CP-SAT closes the gap (or leaves it). One
worker, a fixed seed and deterministic time make a reference the same bytes in every process.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from graders.exact.sgs import (
    Compiled,
    Timeline,
    by_id,
    compile_project,
    edf,
    forward_backward,
    in_time,
    lft,
    makespan,
    priority_list,
    random_list,
    serial,
)
from graders.rcpsp import violations
from tasks.base import InputError, Reference, SolverFailure
from tasks.rcpsp import Project

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpModel, CpSolver, IntVar

LIMIT = 10.0  # deterministic seconds of CP-SAT
SAMPLES = 20
LARGEST = 10**12


def reference(
    project: Project,
    *,
    deterministic_limit: float = LIMIT,
    seconds: float | None = None,
    hint: Mapping[str, int] | None = None,
) -> Reference:
    """Minimise the makespan under all constraints, horizon included; times in whole units.

    `deterministic_limit` bounds CP-SAT's work in its deterministic seconds; `seconds` adds a limit
    of wall time, which makes the outcome depend on the machine. `hint` is an answer to start
    from, used as a bound if it is feasible. `infeasible` is proven; `none` means that no answer
    was found in time, and carries the bound. SolverFailure if the checker refutes the solver.
    """
    compiled = _bounded_horizon(compile_project(project))
    heads, tails = earliest_starts(compiled), longest_tails(compiled)
    lower = lower_bound(compiled, heads, tails)
    if lower > compiled.horizon or not in_time(compiled, heads):
        return Reference("infeasible", solver="sgs")
    best = upper_bound(compiled, lower, tails)
    return Reference("none", solver="sgs") if best is None else (lower, makespan(compiled, best))


def _bounded_horizon(project):
    return project


def earliest_starts(project: Compiled) -> list[int]:
    """Heads: the n earliest starts by release dates, precedence and downtimes alone."""
    timelines = [Timeline(*r) for r in zip(project.capacities, project.downtimes, strict=True)]
    heads = list(project.releases)
    for i in project.order:
        start = max([heads[i], *(heads[j] + project.durations[j] for j in project.predecessors[i])])
        tried = -1
        while start != tried:
            tried = start
            for r, amount in project.demands[i]:
                start = timelines[r].earliest(start, project.durations[i], amount)
        heads[i] = start
    return heads


def longest_tails(project: Compiled) -> list[int]:
    """The n least times from a task's end to the makespan, by precedence alone."""
    tails = [0] * len(project.ids)
    for i in reversed(project.order):
        tails[i] = max((project.durations[j] + tails[j] for j in project.successors[i]), default=0)
    return tails


def lower_bound(project: Compiled, heads: Sequence[int], tails: Sequence[int]) -> int:
    """The greater of the critical path and every resource's energy bound."""
    path = max(h + d + t for h, d, t in zip(heads, project.durations, tails, strict=True))
    return max(
        [path, *(energy_bound(project, r, heads, tails) for r in range(len(project.capacities)))]
    )


def energy_bound(
    project: Compiled, resource: int, heads: Sequence[int], tails: Sequence[int]
) -> int:
    users = [
        (tails[i], heads[i], amount * project.durations[i])
        for i in range(len(project.ids))
        for r, amount in project.demands[i]
        if r == resource
    ]
    users.sort(reverse=True)
    best = 0
    for head in sorted({u[1] for u in users}):
        energy = 0
        for tail, start, area in users:
            if start >= head:
                energy += area
                best = max(best, filled(project, resource, head, energy) + tail)
    return best


def filled(project, r, start, energy):
    cap = project.capacities[r]
    for a, b in project.downtimes[r]:
        if b <= start:
            continue
        if a > start:
            room = (a - start) * cap
            if room >= energy:
                break
            energy -= room
        start = b
    return start + -(-energy // cap)


def upper_bound(project, lower, tails, samples=SAMPLES):
    best = None
    for order in lists(project, tails, samples):
        starts = serial(project, order)
        if not in_time(project, starts):
            continue
        starts = forward_backward(project, starts)
        if best is None or makespan(project, starts) < makespan(project, best):
            best = starts
        if makespan(project, best) == lower:
            break
    return best


def lists(project, tails, samples):
    late = lft(project)
    yield priority_list(project, late)
    yield priority_list(project, [-t - d for t, d in zip(tails, project.durations)])
    yield priority_list(project, edf(project))
    rng = Random("graders/exact/rcpsp")
    for _ in range(samples):
        yield random_list(project, rng)
