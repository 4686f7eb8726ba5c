"""The exact reference of a task graph: the least makespan, or bounds on it.

Cheap bounds come first: paths and processors from below, list rules from above. Where they meet no
solver is loaded; else CP-SAT looks for something shorter. One worker, a fixed seed and
deterministic time make a reference the same bytes in every process.

With scenarios the bound is the sum of what each of them allows to whoever knows its times; the
answer is the best one plan of those that were met on the way.
"""

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from graders.dag_violations import violations
from graders.exact.cp_sat import cp_sat_engine, solver_name
from graders.exact.dag_lists import RULES, IndexedGraph, Plan, index_graph, optimistic
from tasks.base import Fields, Reference, SolverFailure
from tasks.dag import KEY, TaskGraph, value
from tasks.extras import extra

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import IntVar

LIMIT = 10.0  # deterministic seconds of CP-SAT for one set of times
PURPOSE = "the search for a least makespan"
LARGEST = 2**40  # makespan beyond which CP-SAT is not asked


class GraphSolution(NamedTuple):
    """The bound and the best plan for one set of times, and the last step's method."""

    bound: int
    plan: Plan
    solver: str = "rules"


def reference(
    graph: TaskGraph, *, deterministic_limit: float | None = None, seconds: float | None = None
) -> Reference:
    """Minimise the makespan, or the sum of the makespans of all scenarios.

    Args:
        graph: the graph.
        deterministic_limit: CP-SAT's limit for one set of times in its own measure of work;
            `LIMIT`, or the share of `seconds`, if not given.
        seconds: a limit of CP-SAT's wall time altogether; the outcome then depends on the machine.

    Returns:
        The reference, in time units: there is always an answer.

    Raises:
        MissingExtra: if cheap bounds do not meet, and CP-SAT is not installed.
        SolverFailure: if the checker refutes an answer, or the bounds cross.
    """
    indexed = index_graph(graph)
    share = None if seconds is None else seconds / (1 + len(graph.scenarios))
    limit = deterministic_limit or share or LIMIT
    stated = solve(indexed, limit, share)
    if not graph.scenarios:
        return state(graph, stated.bound, indexed.by_id(stated.plan), stated.solver)
    solutions = [solve(indexed.turned_out(times), limit, share) for times in graph.scenarios]
    plans = [stated.plan, *(rule(indexed) for rule in RULES.values())]
    plans += [as_early(indexed, each.plan) for each in solutions]
    best = min(map(indexed.by_id, plans), key=lambda schedule: value(graph, schedule))
    return state(graph, sum(each.bound for each in solutions), best, stated.solver)


def as_early(graph: IndexedGraph, plan: Plan) -> Plan:
    """Return the plan with the same processors and orders in which nothing waits needlessly."""
    free, ends = [0] * len(graph.processors), [0] * len(plan)
    moved = list(plan)
    for task in sorted(range(len(plan)), key=lambda task: (plan[task][1], task)):
        processor = plan[task][0]
        arrivals = (
            ends[other] + (data if plan[other][0] != processor else 0)
            for other, data in graph.up[task]
        )
        start = max(free[processor], *arrivals, 0)
        moved[task] = (processor, start)
        free[processor] = ends[task] = start + graph.times[task][processor]
    return moved


def solve(graph: IndexedGraph, limit: float, seconds: float | None = None) -> GraphSolution:
    """Return the best plan for one set of times, and a bound.

    Args:
        graph: n tasks.
        limit: of CP-SAT, in deterministic seconds.
        seconds: a limit of wall time, if given.

    Raises:
        MissingExtra: if cheap bounds do not meet, and CP-SAT is not installed.
        SolverFailure: if CP-SAT takes the model for invalid, or says that there is no plan.
    """
    plan = min((rule(graph) for rule in RULES.values()), key=graph.makespan)
    bound = lower_bound(graph)
    if bound < graph.makespan(plan) <= LARGEST:
        return _improve(graph, GraphSolution(bound, plan), limit, seconds)
    return GraphSolution(bound, plan)


def state(graph: TaskGraph, bound: int, schedule: Fields, solver: str) -> Reference:
    """Return a plan as a reference, once the checker agrees.

    Raises:
        SolverFailure: if the plan breaks a rule, or is worth more than the bound allows.
    """
    if problems := violations(graph, schedule):
        raise SolverFailure(
            f"{solver}: its answer breaks {len(problems)} rules, first {problems[0]}"
        )
    objective = value(graph, schedule)
    if bound > objective:
        raise SolverFailure(f"{solver}: makespan {objective} is below its lower bound {bound}")
    return Reference(
        "optimal" if bound == objective else "bounded",
        objective,
        bound,
        solver=solver,
        answer={KEY: schedule},
    )


def lower_bound(graph: IndexedGraph) -> int:
    """Return a makespan that no plan beats.

    The greater of the longest path, each of its tasks where it is best for the rest (Arabnejad &
    Barbosa's table), and of all tasks on their fastest processors, evenly shared.

    Args:
        graph: n tasks.
    """
    table = optimistic(graph)
    paths = (
        min(time + rest for time, rest in zip(row, after, strict=True))
        for row, after in zip(graph.times, table, strict=True)
    )
    work = sum(min(row) for row in graph.times)
    return max(*paths, ceil(work / len(graph.processors)))


# CP-SAT -------------------------------------------------------------------------------------


def _improve(
    graph: IndexedGraph, solution: GraphSolution, limit: float, seconds: float | None
) -> GraphSolution:
    """Let CP-SAT look for a shorter plan, from the best one on."""
    with extra("solvers", PURPOSE):
        from ortools.sat.python import cp_model

    solver = solver_name()
    model = _GraphModel(graph, solution)
    search = cp_sat_engine(limit, seconds)
    status = search.solve(model.model)
    if status in (cp_model.MODEL_INVALID, cp_model.INFEASIBLE):
        raise SolverFailure(f"{solver}: {search.status_name(status)} {model.model.validate()}")
    bound = max(solution.bound, ceil(search.best_objective_bound - 1e-6))
    if status == cp_model.UNKNOWN:
        return GraphSolution(bound, solution.plan, solver)
    plan = [
        (next(k for k, literal in enumerate(row) if search.value(literal)), search.value(start))
        for row, start in zip(model.choices, model.starts, strict=True)
    ]
    return GraphSolution(bound, min(plan, solution.plan, key=graph.makespan), solver)


class _GraphModel:
    """The CP-SAT model of a graph: least makespan, no more than that of a plan to begin with.

    Attributes:
        starts: the start variables by task.
        choices: the literals of processors by task.
    """

    def __init__(self, graph: IndexedGraph, solution: GraphSolution) -> None:
        from ortools.sat.python.cp_model import CpModel

        self.model: CpModel = CpModel()
        self._graph, self._most = graph, graph.makespan(solution.plan)
        self._makespan = self.model.new_int_var(solution.bound, self._most, "makespan")
        self.starts = [self.model.new_int_var(0, self._most, "") for _ in graph.ids]
        self.choices: list[list[IntVar]] = [
            [self.model.new_bool_var("") for _ in graph.processors] for _ in graph.ids
        ]
        self._ends = [
            start + sum(time * literal for time, literal in zip(row, choices, strict=True))
            for start, row, choices in zip(self.starts, graph.times, self.choices, strict=True)
        ]
        self._run_apart()
        self._send_data()
        self.model.minimize(self._makespan)
        self._begin_with(solution.plan)

    def _run_apart(self) -> None:
        """Give each task one processor, hold those of a processor apart, all before the end.

        Intervals are of a start and a fixed time. With variables for their ends CP-SAT 9.15 takes
        some graphs for infeasible, and proves makespans that are beaten.
        """
        for k in range(len(self._graph.processors)):
            self.model.add_no_overlap(
                self.model.new_optional_fixed_size_interval_var(
                    self.starts[task], row[k], self.choices[task][k], ""
                )
                for task, row in enumerate(self._graph.times)
            )
        for choices, end in zip(self.choices, self._ends, strict=True):
            self.model.add_exactly_one(choices)
            self.model.add(end <= self._makespan)

    def _send_data(self) -> None:
        """Hold each task behind those that it waits for, and their data if they are elsewhere."""
        for task, links in enumerate(self._graph.up):
            for other, data in links:
                self.model.add(self.starts[task] >= self._ends[other])
                for where, place in zip(self.choices[other], self.choices[task], strict=True):
                    arrival = self.model.add(self.starts[task] >= self._ends[other] + data)
                    arrival.only_enforce_if(where, ~place)

    def _begin_with(self, plan: Plan) -> None:
        for task, (processor, start) in enumerate(plan):
            self.model.add_hint(self.starts[task], start)
            for k, literal in enumerate(self.choices[task]):
                self.model.add_hint(literal, k == processor)
