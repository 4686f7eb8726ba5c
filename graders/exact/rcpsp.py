"""The exact reference of a project: the least makespan, or how near to it we know we are.

Cheap bounds come first: a critical path and the resources' energy from below, list schedules
from above. Where they meet no solver is loaded; else CP-SAT looks for something shorter. One
worker, a fixed seed and deterministic time make a reference the same bytes in every process.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from math import ceil
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from graders.exact import sgs
from graders.exact.sgs import Compiled
from graders.rcpsp import violations
from tasks.base import Reference, SolverFailure
from tasks.rcpsp import Project

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpModel, CpSolver, IntVar

LIMIT = 3.0  # deterministic seconds of CP-SAT, each about 2 CPU seconds
SAMPLES = 20  # random lists tried for an upper bound; more met the lower one hardly more often
LARGEST = 2**53  # horizon times capacity beyond which CP-SAT's sums might overflow


class Known(NamedTuple):
    """No answer is shorter than `bound`; `starts` is the best one found; `solver` did the last."""

    bound: int
    starts: list[int] | None
    solver: str = "sgs"


def reference(
    project: Project,
    *,
    deterministic_limit: float | None = None,
    seconds: float | None = None,
    hint: Mapping[str, int] | None = None,
) -> Reference:
    """Minimise the makespan, in time units, under every constraint, the horizon included.

    `seconds` limits CP-SAT's wall time, and the outcome then depends on the machine;
    `deterministic_limit` its own measure of work, by default `seconds`, or else `LIMIT`. `hint`
    (task id -> start) saves work if it is feasible. `infeasible` is proven; `none` has a bound but
    no answer. SolverFailure if the checker refutes an answer, or the bounds cross.
    """
    compiled = _trimmed(sgs.compile_project(project))
    heads, tails = earliest_starts(compiled), longest_tails(compiled)
    bound = lower_bound(compiled, heads, tails)
    known = Known(bound, None)
    if bound <= compiled.horizon:
        given = [] if hint is None or violations(project, hint) else [_listed(compiled, hint)]
        known = Known(bound, upper_bound(compiled, bound, tails, given))
        if not _settled(compiled, known) and _fits_solver(compiled):
            limit = deterministic_limit or seconds or LIMIT
            known = improve(compiled, known, heads, limit, seconds)
    return state(project, compiled, known)


def _trimmed(project: Compiled) -> Compiled:
    """Cut a far horizon: shifted left, a schedule never waits past the last release or downtime."""
    ends = [end for spans in project.downtimes for _, end in spans]
    latest = max([*project.releases, *ends]) + sum(project.durations)
    return replace(
        project,
        horizon=min(project.horizon, latest),
        deadlines=tuple(min(deadline, latest) for deadline in project.deadlines),
    )


def _listed(project: Compiled, starts: Mapping[str, int]) -> list[int]:
    return [starts[name] for name in project.ids]


def _settled(project: Compiled, known: Known) -> bool:
    return known.starts is not None and sgs.makespan(project, known.starts) == known.bound


def _fits_solver(project: Compiled) -> bool:
    return project.horizon * max([1, *project.capacities]) <= LARGEST


def state(project: Project, compiled: Compiled, known: Known) -> Reference:
    """What is known as a reference, once the checker agrees; SolverFailure if it does not."""
    bound, starts, solver = known
    if starts is None and bound > compiled.horizon:
        return Reference("infeasible", solver=solver)
    if starts is None:
        return Reference("none", bound=bound, solver=solver)
    answer = sgs.by_id(compiled, starts)
    wrong = violations(project, answer)
    if wrong:
        raise SolverFailure(f"{solver}: its answer breaks {len(wrong)} rules, first {wrong[0]}")
    objective = sgs.makespan(compiled, starts)
    if bound > objective:
        raise SolverFailure(f"{solver}: makespan {objective} is below its lower bound {bound}")
    return Reference(
        "optimal" if bound == objective else "bounded", objective, bound, solver, {"starts": answer}
    )


# From below ---------------------------------------------------------------------------------


def earliest_starts(project: Compiled) -> list[int]:
    """The n heads: earliest starts by release dates, precedence and downtimes alone."""
    timelines = sgs.timelines(project)
    heads = list(project.releases)
    for i in project.order:
        duration = project.durations[i]
        start = max([heads[i], *(heads[j] + project.durations[j] for j in project.predecessors[i])])
        tried = -1
        while start != tried:
            tried = start
            for r, amount in project.demands[i]:
                start = timelines[r].earliest(start, duration, amount)
        heads[i] = start
    return heads


def longest_tails(project: Compiled) -> list[int]:
    """The n tails: least times between a task's end and the makespan, by precedence alone."""
    tails = [0] * len(project.ids)
    for i in reversed(project.order):
        tails[i] = max((project.durations[j] + tails[j] for j in project.successors[i]), default=0)
    return tails


def lower_bound(project: Compiled, heads: Sequence[int], tails: Sequence[int]) -> int:
    """A makespan that no answer beats, past the horizon if there is proof that none exists.

    The greatest of the critical path and, for each resource, head h and tail t: the moment when
    the work of all tasks with no lesser head and tail can be done if it starts at h, plus t.
    """
    ends = [h + d for h, d in zip(heads, project.durations, strict=True)]
    if any(end > deadline for end, deadline in zip(ends, project.deadlines, strict=True)):
        return project.horizon + 1
    bound = max(end + tail for end, tail in zip(ends, tails, strict=True))
    for r in range(len(project.capacities)):
        bound = max(bound, _energy_bound(project, r, heads, tails))
    return bound


def _energy_bound(
    project: Compiled, resource: int, heads: Sequence[int], tails: Sequence[int]
) -> int:
    jobs = sorted(
        (-tails[i], heads[i], amount * project.durations[i])
        for i in range(len(project.ids))
        for r, amount in project.demands[i]
        if r == resource
    )
    bound = 0
    for head in {job[1] for job in jobs}:
        work = 0
        for minus_tail, start, area in jobs:
            if start >= head:
                work += area
                bound = max(bound, _done(project, resource, head, work) - minus_tail)
    return bound


def _done(project: Compiled, resource: int, start: int, work: int) -> int:
    """When the full capacity from `start` on, outside downtimes, has delivered `work` > 0."""
    capacity = project.capacities[resource]
    for down, up in project.downtimes[resource]:
        if up > start:
            room = max(0, down - start) * capacity
            if work <= room:
                break
            work -= room
            start = up
    return start - (-work // capacity)


# From above ---------------------------------------------------------------------------------


def upper_bound(
    project: Compiled, lower: int, tails: Sequence[int], given: Sequence[list[int]] = ()
) -> list[int] | None:
    """The n starts of the best feasible list schedule found, improved forward and backward.

    `given` are feasible schedules to improve first. Stops when the makespan is `lower`.
    """
    best: list[int] | None = None
    shortest = project.horizon + 1
    for starts in _candidates(project, tails, given):
        if sgs.in_time(project, starts):
            improved = sgs.forward_backward(project, starts)
            length = sgs.makespan(project, improved)
            if length < shortest:
                best, shortest = improved, length
            if shortest <= lower:
                break
    return best


def _candidates(
    project: Compiled, tails: Sequence[int], given: Sequence[list[int]]
) -> Iterator[list[int]]:
    yield from given
    rank = [-tail - d for tail, d in zip(tails, project.durations, strict=True)]
    for keys in (sgs.lft(project), rank, sgs.edf(project)):
        yield sgs.serial(project, sgs.priority_list(project, keys))
    rng = Random("exact/rcpsp")
    for _ in range(SAMPLES):
        yield sgs.serial(project, sgs.random_list(project, rng))


# CP-SAT -------------------------------------------------------------------------------------


def improve(
    project: Compiled, known: Known, heads: Sequence[int], limit: float, seconds: float | None
) -> Known:
    """Let CP-SAT look for a makespan below the best known one, or at most the horizon.

    `heads` are the n earliest starts; `limit` is in deterministic seconds, `seconds` of wall time.
    """
    from ortools.sat.python import cp_model

    solver = f"cp-sat {version('ortools')}"
    best = known.starts
    most = project.horizon if best is None else sgs.makespan(project, best) - 1
    model, starts = _model(project, heads, known.bound, most)
    engine = _engine(limit, seconds)
    status = engine.solve(model)
    if status == cp_model.INFEASIBLE:
        return Known(most + 1, best, solver)
    if status == cp_model.MODEL_INVALID:
        raise SolverFailure(f"{solver}: {model.validate()}")
    bound = max(known.bound, ceil(engine.best_objective_bound - 1e-6))
    if status != cp_model.UNKNOWN:
        best = [engine.value(start) for start in starts]
    return Known(bound, best, solver)


def _engine(limit: float, seconds: float | None) -> "CpSolver":
    from ortools.sat.python.cp_model import CpSolver

    engine = CpSolver()
    engine.parameters.num_workers = 1
    engine.parameters.random_seed = 0
    engine.parameters.catch_sigint_signal = False  # Ctrl-C is ours; a cut-off search is no proof
    engine.parameters.max_deterministic_time = limit
    # a linear relaxation only costs here: without it the hard j30 take half the time
    engine.parameters.linearization_level = 0
    if seconds is not None:
        engine.parameters.max_time_in_seconds = seconds
    return engine


def _model(
    project: Compiled, heads: Sequence[int], least: int, most: int
) -> "tuple[CpModel, list[IntVar]]":
    """Minimise the makespan in [least, most]; returns the model and its n start variables."""
    from ortools.sat.python.cp_model import CpModel

    model = CpModel()
    durations, count = project.durations, len(project.ids)
    end = model.new_int_var(least, most, "makespan")
    starts = [
        model.new_int_var(heads[i], min(most, project.deadlines[i]) - durations[i], name)
        for i, name in enumerate(project.ids)
    ]
    runs = [model.new_fixed_size_interval_var(starts[i], durations[i], "") for i in range(count)]
    for i in range(count):
        model.add(starts[i] + durations[i] <= end)
        for j in project.successors[i]:
            model.add(starts[i] + durations[i] <= starts[j])
        for j in project.partners[i]:
            if i < j:
                model.add_no_overlap([runs[i], runs[j]])
    for r, capacity in enumerate(project.capacities):
        uses = [(runs[i], q) for i in range(count) for k, q in project.demands[i] if k == r]
        for down, up in project.downtimes[r]:
            uses.append((model.new_fixed_size_interval_var(down, up - down, ""), capacity))
        model.add_cumulative([run for run, _ in uses], [amount for _, amount in uses], capacity)
    model.minimize(end)
    return model, starts
