"""The exact reference of a line of tanks: the least period, or bounds on it.

Cheap bounds come first: tanks and the hoist from below, one part at a time from above. Where they
meet no solver is loaded; else CP-SAT minimises the period as a variable. It is never searched for
by halving: a line may allow a period and not the next longer one.

The model has the time of each move in the cycle, and for each pair of moves a literal that says
which of them is first. A part is put into a tank and taken out in the same cycle if the move into
it is first there, else in the next one: so the order tells all that a count of cycles would, and
there is no product of variables. One worker, a fixed seed and deterministic time make a reference
the same bytes in every process.
"""

from itertools import combinations
from math import ceil
from typing import TYPE_CHECKING

from graders.exact.cp_sat import cp_sat_engine, solver_name
from graders.exact.hoist_rules import HoistCycle, lower_bound, serial
from graders.hoist_violations import violations
from tasks.base import Reference, SolverFailure
from tasks.extras import extra
from tasks.hoist import KEY, HoistLine, SoakWindow, gap

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import IntVar, LinearExprT, LiteralT

LIMIT = 10.0  # deterministic seconds of CP-SAT
PURPOSE = "the search for a least period"
LARGEST = 2**40  # period beyond which CP-SAT is not asked


def reference(
    line: HoistLine, *, deterministic_limit: float | None = None, seconds: float | None = None
) -> Reference:
    """Minimise the period.

    Args:
        line: the line.
        deterministic_limit: CP-SAT's limit in its own measure of work; `seconds`, or else `LIMIT`,
            if not given.
        seconds: a limit of CP-SAT's wall time; the outcome then depends on the machine.

    Returns:
        The reference, in time units: there is always an answer.

    Raises:
        MissingExtra: if cheap bounds do not meet, and CP-SAT is not installed.
        SolverFailure: if the checker refutes an answer, or the bounds cross.
    """
    bound, cycle, solver = lower_bound(line), serial(line), "rules"
    if bound < cycle.period <= LARGEST:
        limit = deterministic_limit or seconds or LIMIT
        bound, cycle, solver = _improve(line, bound, cycle, limit, seconds)
    return state(line, bound, cycle, solver)


def state(line: HoistLine, bound: int, cycle: HoistCycle, solver: str) -> Reference:
    """Return a cycle as a reference, once the checker agrees.

    Raises:
        SolverFailure: if the cycle breaks a rule, or is shorter than the bound.
    """
    answer = cycle.by_id(line)
    if problems := violations(line, cycle.period, answer[KEY]):
        raise SolverFailure(
            f"{solver}: its answer breaks {len(problems)} rules, first {problems[0]}"
        )
    if bound > cycle.period:
        raise SolverFailure(f"{solver}: period {cycle.period} is below its lower bound {bound}")
    return Reference(
        "optimal" if bound == cycle.period else "bounded",
        cycle.period,
        bound,
        solver=solver,
        answer=answer,
    )


def _improve(
    line: HoistLine, bound: int, cycle: HoistCycle, limit: float, seconds: float | None
) -> tuple[int, HoistCycle, str]:
    """Let CP-SAT look for a shorter cycle than one; return the bound, the cycle and the solver."""
    with extra("solvers", PURPOSE):
        from ortools.sat.python import cp_model

    solver = solver_name()
    model = _CycleModel(line, bound, cycle)
    search = cp_sat_engine(limit, seconds)
    status = search.solve(model.model)
    if status in (cp_model.MODEL_INVALID, cp_model.INFEASIBLE):
        raise SolverFailure(f"{solver}: {search.status_name(status)} {model.model.validate()}")
    bound = max(bound, ceil(search.best_objective_bound - 1e-6))
    if status == cp_model.UNKNOWN:
        return bound, cycle, solver
    period, times = search.value(model.period), [0]
    moments = [search.value(moment) for moment in model.moments]
    for k in range(1, len(moments)):  # the moments of a cycle, one part's times again
        times.append(times[-1] + (moments[k] - moments[k - 1]) % period)
    return bound, HoistCycle(period, times), solver


class _CycleModel:
    """The CP-SAT model of a line: least period, no more than that of a cycle to begin with.

    Attributes:
        period: the variable.
        moments: when each move begins in the cycle, which begins with move 0.
    """

    def __init__(self, line: HoistLine, bound: int, cycle: HoistCycle) -> None:
        from ortools.sat.python.cp_model import CpModel

        self.model: CpModel = CpModel()
        self.period = self.model.new_int_var(bound, cycle.period, "period")
        self.moments: list[IntVar] = [
            self.model.new_int_var(0, cycle.period if k else 0, "") for k in range(len(line.loaded))
        ]
        self._line, self._cycle = line, cycle
        self._move_one_at_a_time()
        self._stay()
        self.model.minimize(self.period)
        self._begin_with()

    def _move_one_at_a_time(self) -> None:
        """Order the moves of a cycle, and give the hoist its way between any two, also round it."""
        self._first: dict[tuple[int, int], LiteralT] = {}
        for a, b in combinations(range(len(self.moments)), 2):
            is_first: IntVar = self.model.new_bool_var("")
            self._first[a, b], self._first[b, a] = is_first, ~is_first
            self._leave_way(a, b)
            self._leave_way(b, a)
            self.model.add_hint(is_first, True)  # as one part at a time
            if a == 0:
                self.model.add(is_first == 1)

    def _leave_way(self, before: int, after: int) -> None:
        """Leave the hoist its way where one move of a cycle is before another."""
        time = self.moments[after] - self.moments[before]
        literal = self._first[before, after]
        self.model.add(time >= gap(self._line, before, after)).only_enforce_if(literal)
        back = self.period - time >= gap(self._line, after, before)
        self.model.add(back).only_enforce_if(literal)

    def _stay(self) -> None:
        """Hold stays in their windows: a part that is not taken out in a cycle is in the next."""
        for k, tank in enumerate(self._line.tanks, 1):
            stay = self.moments[k] - self.moments[k - 1] - self._line.loaded[k - 1]
            window = SoakWindow(tank.least, tank.most)
            self._hold(stay, window, self._first[k - 1, k])
            self._hold(stay + self.period, window, self._first[k, k - 1])
        if self._line.station is not None:
            stay = self.period - self.moments[-1] - self._line.loaded[-1]
            self._hold(stay, self._line.station)

    def _hold(self, stay: "LinearExprT", window: SoakWindow, *literals: "LiteralT") -> None:
        self.model.add(stay >= window.least).only_enforce_if(*literals)
        if window.most is not None:
            self.model.add(stay <= window.most).only_enforce_if(*literals)

    def _begin_with(self) -> None:
        self.model.add_hint(self.period, self._cycle.period)
        for moment, time in zip(self.moments, self._cycle.times, strict=True):
            self.model.add_hint(moment, time)
