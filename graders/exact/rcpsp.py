"""The exact reference of a project: the least makespan, or bounds on it.

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

import msgspec

from graders.exact import sgs
from graders.exact.sgs import Compiled, Ints
from graders.rcpsp_violations import violations
from tasks.base import Reference, SolverFailure
from tasks.extras import extra
from tasks.rcpsp import Project

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpSolver, IntervalVar, IntVar

LIMIT = 3.0  # deterministic seconds of CP-SAT, each about 2 CPU seconds
SAMPLES = 20  # random lists tried for an upper bound; more met the lower one hardly more often
CACHED_BOUNDS = 1000
_BOUNDS: dict[bytes, int] = {}  # by the JSON of their projects
PURPOSE = "the search for a least makespan"
LARGEST = 2**53  # horizon times capacity beyond which CP-SAT's sums might overflow


class Solution(NamedTuple):
    """The bound and the best answer of a project, in time units.

    Attributes:
        bound: no answer is shorter.
        starts: the n start times of the best answer, None without one.
        solver: the name of the method of the last step.
    """

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
    """Minimise the makespan under every constraint, the horizon included.

    Args:
        project: the project.
        deterministic_limit: CP-SAT's limit in its own measure of work; `seconds`, or else `LIMIT`,
            if not given.
        seconds: a limit of CP-SAT's wall time; the outcome then depends on the machine.
        hint: a start time for each task id; saves work if it is feasible.

    Returns:
        The reference, in time units. `infeasible` is proven; `none` has a bound but no answer.

    Raises:
        MissingExtra: if cheap bounds do not meet, and CP-SAT is not installed.
        SolverFailure: if the checker refutes an answer, or the bounds cross.
    """
    compiled = _trim_horizon(sgs.compile_project(project))
    heads, tails = earliest_starts(compiled), longest_tails(compiled)
    solution = Solution(lower_bound(compiled, heads, tails), None)
    if solution.bound <= compiled.horizon:
        hints = _feasible_hints(project, compiled, hint)
        starts = upper_bound(compiled, solution.bound, tails, hints)
        solution = Solution(solution.bound, starts)
        if not _is_optimal(compiled, solution) and _fits_solver(compiled):
            limit = deterministic_limit or seconds or LIMIT
            solution = improve(compiled, solution, heads, limit, seconds)
    return state(project, compiled, solution)


def _trim_horizon(project: Compiled) -> Compiled:
    """Cut a far horizon: shifted left, a schedule never waits past the last release or downtime."""
    latest = _last_event(project) + sum(project.durations)
    return replace(
        project,
        horizon=min(project.horizon, latest),
        deadlines=tuple(min(deadline, latest) for deadline in project.deadlines),
    )


def _last_event(project: Compiled) -> int:
    """Return the last release, or end of a downtime."""
    ends = [end for spans in project.downtimes for _, end in spans]
    return max([*project.releases, *ends])


def _feasible_hints(
    project: Project, compiled: Compiled, hint: Mapping[str, int] | None
) -> list[list[int]]:
    if hint is None or violations(project, hint):
        return []
    return [[hint[name] for name in compiled.ids]]


def _is_optimal(project: Compiled, solution: Solution) -> bool:
    starts = solution.starts
    return starts is not None and sgs.makespan(project, starts) == solution.bound


def _fits_solver(project: Compiled) -> bool:
    return project.horizon * max([1, *project.capacities]) <= LARGEST


def state(project: Project, compiled: Compiled, solution: Solution) -> Reference:
    """Return a solution as a reference, once the checker agrees.

    Raises:
        SolverFailure: if the answer breaks a rule, or is shorter than the bound.
    """
    bound, starts, solver = solution
    if starts is None and bound > compiled.horizon:
        return Reference("infeasible", solver=solver)
    if starts is None:
        return Reference("none", bound=bound, solver=solver)
    answer = sgs.by_id(compiled, starts)
    objective = sgs.makespan(compiled, starts)
    _check(project, solution, answer, objective)
    return Reference(
        "optimal" if bound == objective else "bounded",
        objective,
        bound,
        solver=solver,
        answer={"starts": answer},
    )


def _check(project: Project, solution: Solution, answer: Mapping[str, int], objective: int) -> None:
    bound, _, solver = solution
    problems = violations(project, answer)
    if problems:
        raise SolverFailure(
            f"{solver}: its answer breaks {len(problems)} rules, first {problems[0]}"
        )
    if bound > objective:
        raise SolverFailure(f"{solver}: makespan {objective} is below its lower bound {bound}")


# From below ---------------------------------------------------------------------------------


def earliest_starts(project: Compiled) -> list[int]:
    """Return the n heads: earliest starts by release dates, precedence and downtimes alone."""
    timelines = sgs.timelines(project)
    heads = list(project.releases)
    for i in project.order:
        ends = [heads[j] + project.durations[j] for j in project.predecessors[i]]
        heads[i] = _earliest_run(project, timelines, i, max([heads[i], *ends]))
    return heads


def _earliest_run(
    project: Compiled, timelines: Sequence[sgs.CapacityProfile], task: int, start: int
) -> int:
    """Return the first moment from `start` on at which every resource allows a task alone."""
    tried = -1
    while start != tried:
        tried = start
        for r, amount in project.demands[task]:
            start = timelines[r].earliest(start, project.durations[task], amount)
    return start


def longest_tails(project: Compiled) -> list[int]:
    """Return the n tails: least times from a task's end to the makespan, by precedence alone."""
    tails = [0] * len(project.ids)
    for i in reversed(project.order):
        tails[i] = max((project.durations[j] + tails[j] for j in project.successors[i]), default=0)
    return tails


def lower_bound(project: Compiled, heads: Ints, tails: Ints) -> int:
    """Return a makespan that no answer beats, past the horizon if it is proven that none exists.

    The greatest of the critical path and, for each resource, head h and tail t: the moment when
    the work of all tasks with no lesser head and tail can be done if it starts at h, plus t.

    Args:
        project: the compiled project of n tasks.
        heads: the n earliest starts.
        tails: the n least times from a task's end to the makespan.
    """
    ends = [h + d for h, d in zip(heads, project.durations, strict=True)]
    if any(end > deadline for end, deadline in zip(ends, project.deadlines, strict=True)):
        return project.horizon + 1
    bound = max(end + tail for end, tail in zip(ends, tails, strict=True))
    for resource in range(len(project.capacities)):
        bound = _energy_bound(project, resource, heads, tails, bound)
    return bound


def quick_bound(project: Project) -> int:
    """Return `lower_bound` of a project, in time units, without a search; kept by its content."""
    content = msgspec.json.encode(project)
    bound = _BOUNDS.get(content)
    if bound is None:
        compiled = sgs.compile_project(project)
        bound = lower_bound(compiled, earliest_starts(compiled), longest_tails(compiled))
        if len(_BOUNDS) >= CACHED_BOUNDS:
            _BOUNDS.clear()
        _BOUNDS[content] = bound
    return bound


def _energy_bound(project: Compiled, resource: int, heads: Ints, tails: Ints, bound: int) -> int:
    """Return the greater of a bound and that of a resource's work.

    The end of work is looked for only where it would be past the bound with all downtimes in it.
    """
    jobs, capacity = _areas(project, resource, heads, tails), project.capacities[resource]
    for head in {job[1] for job in jobs}:
        downtimes = (up - max(down, head) for down, up in project.downtimes[resource] if up > head)
        latest, work = head + sum(downtimes), 0
        for minus_tail, start, area in jobs:
            if start >= head:
                work += area
                if latest - (-work // capacity) - minus_tail > bound:
                    bound = max(bound, _work_end(project, resource, head, work) - minus_tail)
    return bound


def _areas(
    project: Compiled, resource: int, heads: Ints, tails: Ints
) -> list[tuple[int, int, int]]:
    """Return (-tail, head, units times time) of the tasks that use a resource, sorted."""
    return sorted(
        (-tails[i], heads[i], amount * project.durations[i])
        for i in range(len(project.ids))
        for r, amount in project.demands[i]
        if r == resource
    )


def _work_end(project: Compiled, resource: int, start: int, work: int) -> int:
    """Return when the full capacity from `start` on, outside downtimes, has delivered the work.

    `work` is in units times time, above 0.
    """
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
    project: Compiled, lower: int, tails: Ints, hints: Sequence[list[int]] = ()
) -> list[int] | None:
    """Return the best feasible list schedule, improved forward and backward; None without one.

    Args:
        project: the compiled project of n tasks.
        lower: a bound on the makespan; a schedule that attains it ends the search.
        tails: the n least times from a task's end to the makespan.
        hints: feasible schedules to improve first, n start times each.
    """
    best: list[int] | None = None
    shortest = project.horizon + 1
    for starts in _candidates(project, tails, hints):
        if sgs.in_time(project, starts):
            improved = sgs.forward_backward(project, starts)
            length = sgs.makespan(project, improved)
            if length < shortest:
                best, shortest = improved, length
            if shortest <= lower:
                break
    return best


def _candidates(project: Compiled, tails: Ints, hints: Sequence[list[int]]) -> Iterator[list[int]]:
    yield from hints
    for keys in _priorities(project, tails):
        yield sgs.serial(project, sgs.priority_list(project, keys))
    rng = Random("exact/rcpsp")
    for _ in range(SAMPLES):
        yield sgs.serial(project, sgs.random_list(project, rng))


def _priorities(project: Compiled, tails: Ints) -> tuple[list[int], ...]:
    """Return the keys of latest finish time, longest tail with duration, and deadline."""
    longest_tail = [-tail - d for tail, d in zip(tails, project.durations, strict=True)]
    return sgs.lft(project), longest_tail, sgs.edf(project)


# CP-SAT -------------------------------------------------------------------------------------


def improve(
    project: Compiled,
    solution: Solution,
    heads: Ints,
    limit: float,
    seconds: float | None,
    *,
    any_schedule: bool = False,
) -> Solution:
    """Let CP-SAT look for a makespan below the best one, or of the horizon at most.

    Args:
        project: the compiled project of n tasks.
        solution: the bound and the best answer so far.
        heads: the n earliest starts.
        limit: in deterministic seconds.
        seconds: a limit of wall time, if given.
        any_schedule: whether the first schedule will do, and not only a shortest.

    Raises:
        MissingExtra: if CP-SAT is not installed.
        SolverFailure: if CP-SAT takes the model for invalid.
    """
    with extra("solvers", PURPOSE):
        from ortools.sat.python import cp_model

    solver, starts = f"cp-sat {version('ortools')}", solution.starts
    most = project.horizon if starts is None else sgs.makespan(project, starts) - 1
    model = _Model(project, heads, solution.bound, most)
    engine = cp_sat_engine(limit, seconds)
    engine.parameters.stop_after_first_solution = any_schedule
    status = engine.solve(model.model)
    if status == cp_model.INFEASIBLE:
        return Solution(most + 1, starts, solver)
    if status == cp_model.MODEL_INVALID:
        raise SolverFailure(f"{solver}: {model.model.validate()}")
    if status != cp_model.UNKNOWN:
        starts = [engine.value(start) for start in model.starts]
    bound = max(solution.bound, ceil(engine.best_objective_bound - 1e-6))
    return Solution(bound, starts, solver)


def cp_sat_engine(limit: float, seconds: float | None) -> "CpSolver":
    """Return CP-SAT as it is asked everywhere: the same answer in every process without `seconds`.

    Args:
        limit: in deterministic seconds.
        seconds: a limit of wall time, if given.
    """
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


class _Model:
    """The CP-SAT model of a project: least makespan in [least, most].

    Attributes:
        starts: the n start variables.
    """

    def __init__(self, project: Compiled, heads: Ints, least: int, most: int) -> None:
        from ortools.sat.python.cp_model import CpModel

        self.model = CpModel()
        self._project = project
        end = self.model.new_int_var(least, most, "makespan")
        self.starts = self._start_variables(heads, most)
        self._runs = [
            self._interval(start, duration)
            for start, duration in zip(self.starts, project.durations, strict=True)
        ]
        for i in range(len(project.ids)):
            self._constrain_task(i, end)
        for r in range(len(project.capacities)):
            self._constrain_resource(r)
        self.model.minimize(end)

    def _start_variables(self, heads: Ints, most: int) -> "list[IntVar]":
        project = self._project
        latest = [
            min(most, deadline) - duration
            for deadline, duration in zip(project.deadlines, project.durations, strict=True)
        ]
        rows = zip(heads, latest, project.ids, strict=True)
        return [self.model.new_int_var(low, high, name) for low, high, name in rows]

    def _interval(self, start: "IntVar | int", duration: int) -> "IntervalVar":
        return self.model.new_fixed_size_interval_var(start, duration, "")

    def _constrain_task(self, i: int, end: "IntVar") -> None:
        """Hold a task before the end and its successors, and apart from its partners."""
        task_end = self.starts[i] + self._project.durations[i]
        self.model.add(task_end <= end)
        for j in self._project.successors[i]:
            self.model.add(task_end <= self.starts[j])
        self._separate(i)

    def _separate(self, i: int) -> None:
        for j in self._project.partners[i]:
            if i < j:
                self.model.add_no_overlap([self._runs[i], self._runs[j]])

    def _constrain_resource(self, resource: int) -> None:
        """Hold usage within a resource's capacity; a downtime uses all of it."""
        capacity = self._project.capacities[resource]
        demands = enumerate(self._project.demands)
        uses = [(self._runs[i], q) for i, pairs in demands for r, q in pairs if r == resource]
        for down, up in self._project.downtimes[resource]:
            uses.append((self._interval(down, up - down), capacity))
        self.model.add_cumulative([run for run, _ in uses], [q for _, q in uses], capacity)
