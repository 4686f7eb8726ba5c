"""Holds OR-Tools to one worker and to limits that are counted, and refuses what needs threads.

A solver that cannot start a thread ends its process, and a time limit by the wall makes a result
hang on the load of the machine. CP-SAT counts its own work; a time limit becomes that many units of
it, few enough that a program that asks for the seconds it has is not stopped before. Others count
nodes or solutions. What a program undoes of this is its own loss: threads still cannot start.
"""

import re
from importlib import import_module
from math import inf
from typing import Any

from harness.sandbox.clock import CLOCK
from harness.sandbox.refusals import Refusal

UNITS = 0.1  # of CP-SAT's deterministic time for a second of a limit; a unit took 4 to 9 CPU s
NODES = 100  # of SCIP for a second of a time limit
SOLUTIONS = 25  # of a routing model for a second of a time limit
BRANCHES = 10_000  # of the old constraint solver for a second of a time limit
FOREVER = 1_000_000_000  # seconds
THREADED = ("CBC",)  # backends that end a process without threads
INSTEAD = "use SCIP, SAT or CP-SAT"
KNAPSACK = "use KNAPSACK_MULTIDIMENSION_BRANCH_AND_BOUND_SOLVER"


def tame_ortools() -> None:
    """Do so in this process, in which OR-Tools is loaded; not undone."""
    cp_model = import_module("ortools.sat.python.cp_model")
    hold_cp_sat(cp_model)
    linear = import_module("ortools.linear_solver.pywraplp")
    hold_linear(linear)
    builder = import_module("ortools.linear_solver.python.model_builder")
    hold_builder(builder)
    routing = import_module("ortools.constraint_solver.pywrapcp")
    hold_routing(routing)
    hold_knapsack(import_module("ortools.algorithms.python.knapsack_solver"))
    import_module("pandas.io.formats.string")  # by the first table that is printed
    _warm_up(cp_model)


# CP-SAT -------------------------------------------------------------------------------------


def hold_cp_sat(cp_model: Any) -> None:
    """Have `CpSolver` use one worker, count its work, and tell times by that count."""
    solver, callback = cp_model.CpSolver, cp_model.CpSolverSolutionCallback
    original, stats = solver.solve, solver.response_stats

    def solve(self: Any, model: Any, solution_callback: Any = None) -> Any:
        parameters = self.parameters
        written = _held_fields(parameters)
        hold_parameters(parameters)
        try:
            status = original(self, model, solution_callback)
        finally:
            for name, value in written.items():
                setattr(parameters, name, value)
        CLOCK.advance(seconds_of(self))
        return status

    def response_stats(self: Any) -> str:
        return re.sub(r"(?m)^(walltime|usertime): .*", rf"\1: {seconds_of(self):g}", stats(self))

    solver.solve, solver.response_stats = solve, response_stats
    solver.wall_time = solver.user_time = property(seconds_of)
    callback.wall_time = callback.user_time = property(seconds_of)
    callback.WallTime = callback.UserTime = seconds_of


def seconds_of(solver: Any) -> float:
    """Return the seconds that a solver or callback of CP-SAT counts for its work."""
    units = solver.deterministic_time
    return float(units() if callable(units) else units) / UNITS


def hold_parameters(parameters: Any) -> None:
    """Set one worker, and units of work in place of a time limit."""
    parameters.num_workers, parameters.num_search_workers = 1, 0
    limit = parameters.max_time_in_seconds
    if limit < inf:
        counted = min(parameters.max_deterministic_time, UNITS * limit)
        parameters.max_deterministic_time, parameters.max_time_in_seconds = counted, inf


def _held_fields(parameters: Any) -> dict[str, Any]:
    names = (
        "num_workers",
        "num_search_workers",
        "max_deterministic_time",
        "max_time_in_seconds",
    )
    return {name: getattr(parameters, name) for name in names}


def held_text(text: str) -> str:
    """Return parameters of CP-SAT, as text, with one worker and with work in place of time."""
    kept = re.sub(r"\bnum_(?:search_)?workers\s*:\s*\d+[,;]?", "", text)
    limit = re.search(r"\bmax_time_in_seconds\s*:\s*([0-9.eE+-]+)[,;]?", kept)
    if limit:
        units = UNITS * float(limit[1])
        kept = kept.replace(limit[0], "") + f" max_deterministic_time: {units:.9g}"
    return f"{kept} num_workers: 1"


# Linear solvers -----------------------------------------------------------------------------


def check_backend(name: object) -> None:
    """Raise Refusal of a backend that starts threads, by any of its names."""
    backend = re.split("_(?:MIXED|INTEGER|LINEAR)_", str(name).upper())[0]
    if backend in THREADED:
        raise Refusal(f"{backend} needs threads, and there are none: {INSTEAD}")


def counted_limit(version: str, seconds: float) -> str:
    """Return parameters of a linear solver that count work in place of a time limit.

    Args:
        version: of the solver, as it tells it; its name comes first.
        seconds: of the limit.
    """
    if version.startswith("SCIP"):
        return f"limits/totalnodes = {max(1, int(NODES * seconds))}"
    if version.startswith(("CP-SAT", "Glop")):
        return f"max_deterministic_time: {UNITS * seconds:.9g}"
    return ""


def hold_linear(linear: Any) -> None:
    """Have `pywraplp.Solver` refuse backends with threads, use one thread, and count its limits."""
    solver = linear.Solver
    create, begin, solve = solver.CreateSolver, solver.__init__, solver.Solve
    write = solver.SetSolverSpecificParametersAsString

    def create_solver(solver_id: str) -> Any:
        check_backend(solver_id)
        return create(solver_id)

    def initialise(self: Any, name: str, problem_type: int) -> None:
        check_backend("CBC" if problem_type == solver.CBC_MIXED_INTEGER_PROGRAMMING else "")
        begin(self, name, problem_type)

    def set_parameters(self: Any, parameters: str) -> bool:
        self.own_parameters = parameters
        return bool(write(self, _linear_parameters(self)))

    def set_time_limit(self: Any, milliseconds: float) -> None:
        self.counted_limit = counted_limit(self.SolverVersion(), milliseconds / 1000)

    def solve_alone(self: Any, *arguments: Any) -> Any:
        if text := _linear_parameters(self):
            write(self, text)
        status = solve(self, *arguments)
        CLOCK.advance(max(0, self.nodes()) / NODES)
        return status

    solver.CreateSolver, solver.__init__ = staticmethod(create_solver), initialise
    solver.SetSolverSpecificParametersAsString = set_parameters
    solver.SetTimeLimit = solver.set_time_limit = set_time_limit
    solver.SetNumThreads = lambda *_: True
    solver.Solve = solve_alone
    solver.wall_time = solver.WallTime = lambda _: CLOCK.milliseconds


def _linear_parameters(solver: Any) -> str:
    """Return the parameters of a linear solver: its author's, and those that hold it."""
    own, limit = getattr(solver, "own_parameters", ""), getattr(solver, "counted_limit", "")
    text = "\n".join(filter(None, [own, limit]))
    return held_text(text) if solver.SolverVersion().startswith("CP-SAT") else text


def hold_builder(builder: Any) -> None:
    """Have the solver of `model_builder` do the same."""
    solver = builder.Solver
    begin, solve = solver.__init__, solver.solve
    write = solver.set_solver_specific_parameters

    def initialise(self: Any, solver_name: str) -> None:
        check_backend(solver_name)
        begin(self, solver_name)
        name = solver_name.upper()
        self.version = {"SCIP": "SCIP", "GLOP": "Glop"}.get(name, "CP-SAT" if "SAT" in name else "")
        self.own_parameters = self.counted_limit = ""

    def set_parameters(self: Any, parameters: str) -> None:
        self.own_parameters = parameters

    def set_time_limit(self: Any, limit: float) -> None:
        self.counted_limit = counted_limit(self.version, limit)

    def solve_alone(self: Any, model: Any) -> Any:
        text = "\n".join(filter(None, [self.own_parameters, self.counted_limit]))
        write(self, held_text(text) if self.version == "CP-SAT" else text)
        return solve(self, model)

    solver.__init__, solver.solve = initialise, solve_alone
    solver.set_solver_specific_parameters = set_parameters
    solver.set_time_limit_in_seconds = set_time_limit


# Routing and the rest -----------------------------------------------------------------------


def hold_routing(routing: Any) -> None:
    """Have routing models stop after solutions, and the old solver after branches, not by time."""
    model, solver = routing.RoutingModel, routing.Solver
    for name in ("SolveWithParameters", "SolveFromAssignmentWithParameters"):
        _hold_search(model, name)
    model.UpdateTimeLimit = lambda *_: None
    solver.TimeLimit = lambda self, time: self.BranchesLimit(max(1, int(BRANCHES * time / 1000)))
    solver.WallTime = lambda _: CLOCK.milliseconds


def _hold_search(model: Any, name: str) -> None:
    """Have a method of routing models that takes search parameters count solutions."""
    original, is_first = getattr(model, name), name == "SolveWithParameters"

    def solve(self: Any, *arguments: Any) -> Any:
        place = 0 if is_first else 1
        held = [*arguments]
        held[place] = counted_search(arguments[place])
        solution = original(self, *held)
        CLOCK.advance(self.solver().Solutions() / SOLUTIONS)
        return solution

    setattr(model, name, solve)


def counted_search(parameters: Any) -> Any:
    """Return a copy of search parameters that counts solutions in place of a time limit."""
    held = type(parameters)()
    held.CopyFrom(parameters)
    if held.HasField("time_limit"):
        seconds = held.time_limit.seconds + held.time_limit.nanos / 1e9
        held.solution_limit = min(held.solution_limit, max(1, int(SOLUTIONS * seconds)))
        held.ClearField("time_limit")
    held.lns_time_limit.seconds = FOREVER
    held.sat_parameters.num_workers = 1
    return held


def hold_knapsack(knapsack: Any) -> None:
    """Have the knapsack solver refuse the method that starts threads; it has no limit by work."""
    original: Any = knapsack.KnapsackSolver
    cbc = knapsack.SolverType.KNAPSACK_MULTIDIMENSION_CBC_MIP_SOLVER
    sat = knapsack.SolverType.KNAPSACK_MULTIDIMENSION_CP_SAT_SOLVER

    class KnapsackSolver(original):  # type: ignore[misc]
        """A solver of knapsack problems that runs in one thread."""

        def __init__(self, solver_type: Any, name: str) -> None:
            if solver_type in (cbc, sat):
                raise Refusal(f"{solver_type.name} needs threads, and there are none: {KNAPSACK}")
            super().__init__(solver_type, name)

        def set_time_limit(self, time_limit_seconds: float) -> None:
            """Do nothing: its search cannot be limited but by the clock."""

    knapsack.KnapsackSolver = KnapsackSolver


def _warm_up(cp_model: Any) -> None:
    """Solve once: the first time reads what no fork can read, for random numbers of its own."""
    model, solver = cp_model.CpModel(), cp_model.CpSolver()
    model.maximize(model.new_int_var(0, 9, "x"))
    solver.solve(model)
