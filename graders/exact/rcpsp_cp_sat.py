"""The CP-SAT model of a project, and what comes of asking it for a shorter makespan."""

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from graders.exact import sgs
from graders.exact.cp_sat import cp_sat_engine, cp_sat_model, solver_name
from graders.exact.rcpsp_bounds import Pool
from graders.exact.sgs import Compiled, Ints
from tasks.base import SolverFailure
from tasks.extras import extra

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import IntervalVar, IntVar

PURPOSE = "the search for a least makespan"


class Solution(NamedTuple):
    """The bound and the best answer of a project, in time units.

    Attributes:
        bound: no answer is shorter.
        starts: the n start times of the best answer, None without one.
        solver: the name of the method of the last step.
        work: what CP-SAT took in that step, in its deterministic seconds.
    """

    bound: int
    starts: list[int] | None
    solver: str = "sgs"
    work: float = 0.0


def improve(
    project: Compiled,
    solution: Solution,
    heads: Ints,
    limit: float,
    seconds: float | None,
    *,
    tails: Ints | None = None,
    pools: Sequence[Pool] = (),
    any_schedule: bool = False,
    from_below: bool = False,
    by_costs: bool = False,
) -> Solution:
    """Let CP-SAT look for a makespan below the best one, or of the horizon at most.

    Args:
        project: the compiled project of n tasks.
        solution: the bound and the best answer so far.
        heads: the n earliest starts.
        limit: in deterministic seconds.
        seconds: a limit of wall time, if given.
        tails: the n least times from a task's end to the makespan, if they are known.
        pools: relaxations of the project, which cut off no schedule and may end the search sooner.
        any_schedule: whether the first schedule will do, and not only a shortest.
        from_below: whether it refutes one makespan after the other, the shortest first: a greater
            bound for fewer answers.
        by_costs: whether a linear relaxation leads it, by reduced costs; the best makespan is then
            not cut off, for without an answer it leads nowhere.

    Raises:
        MissingExtra: if CP-SAT is not installed.
        SolverFailure: if CP-SAT takes the model for invalid.
    """
    with extra("solvers", PURPOSE):
        from ortools.sat.python import cp_model

    solver, starts = solver_name(), solution.starts
    most = project.horizon if starts is None else sgs.makespan(project, starts) - (not by_costs)
    model = _Model(project, heads, tails or [0] * len(heads), solution.bound, most)
    for pool in pools:
        model.add_pool(pool)
    engine = cp_sat_engine(limit, seconds)
    engine.parameters.stop_after_first_solution = any_schedule
    engine.parameters.optimize_with_core = from_below
    if by_costs:
        engine.parameters.interleave_search = True
        engine.parameters.subsolvers.append("reduced_costs")
    status = engine.solve(model.model)
    work = engine.response_proto.deterministic_time
    if status == cp_model.INFEASIBLE:
        return Solution(most + 1, starts, solver, work)
    if status == cp_model.MODEL_INVALID:
        raise SolverFailure(f"{solver}: {model.model.validate()}")
    if status != cp_model.UNKNOWN:
        starts = [engine.value(start) for start in model.starts]
    bound = max(solution.bound, ceil(engine.best_objective_bound - 1e-6))
    return Solution(bound, starts, solver, work)


class _Model:
    """The CP-SAT model of a project: least makespan in [least, most].

    Attributes:
        starts: the n start variables.
    """

    def __init__(self, project: Compiled, heads: Ints, tails: Ints, least: int, most: int) -> None:
        self.model = cp_sat_model()
        self._project = project
        end = self.model.new_int_var(least, most, "makespan")
        self.starts = self._start_variables(heads, tails, most)
        self._runs = [
            self._interval(start, duration)
            for start, duration in zip(self.starts, project.durations, strict=True)
        ]
        for i in range(len(project.ids)):
            self._constrain_task(i, end)
        for r in range(len(project.capacities)):
            self._constrain_resource(r)
        self.model.minimize(end)

    def add_pool(self, pool: Pool) -> None:
        """Hold a pool's capacity too, which every schedule does."""
        runs = [self._runs[i] for i, _ in pool.units]
        if pool.capacity == 1:
            self.model.add_no_overlap(runs)
        else:
            self.model.add_cumulative(runs, [q for _, q in pool.units], pool.capacity)

    def _start_variables(self, heads: Ints, tails: Ints, most: int) -> "list[IntVar]":
        project = self._project
        latest = [
            min(most - tail, deadline) - duration
            for tail, deadline, duration in zip(
                tails, project.deadlines, project.durations, strict=True
            )
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
