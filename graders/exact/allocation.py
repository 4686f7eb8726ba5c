"""The exact reference of memory mapping: rectangles of lifetime and place that do not overlap.

Cheap bounds and rules come first. Where they do not meet, CP-SAT looks for something better.
Sizes are counted in their greatest common unit: some best answer has offsets that are sums of
sizes. One worker, a fixed seed and deterministic time make a reference the same bytes in every
process.
"""

from collections.abc import Iterator
from math import ceil
from typing import TYPE_CHECKING

from graders.allocation_violations import violations
from graders.exact.allocation_rules import (
    ORDERS,
    Fit,
    Places,
    by_id,
    by_rule,
    moments,
    quick_bound,
    unit,
)
from graders.exact.cp_sat import cp_sat_engine, solver_name
from tasks.allocation import KEY, TensorProgram, value
from tasks.base import Reference, SolverFailure
from tasks.extras import require

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpSolver, IntVar, LinearExprT

LIMIT = 12.0  # deterministic seconds of CP-SAT
FITTING = 0.75  # of that to look for an answer that fits, where all must have a place
PURPOSE = "the search for a best placing"
FITS: tuple[Fit, ...] = ("first", "best")


def reference(
    program: TensorProgram,
    *,
    deterministic_limit: float | None = None,
    seconds: float | None = None,
) -> Reference:
    """Place all tensors as low as can be, or those of which least is lost.

    Args:
        program: the tensors.
        deterministic_limit: CP-SAT's limit in its own measure of work; `LIMIT`, or `seconds`, if
            not given.
        seconds: a limit of CP-SAT's wall time; the outcome then depends on the machine.

    Returns:
        The reference, optimal if it is proven. There is always an answer.

    Raises:
        MissingExtra: if cheap bounds do not meet, and CP-SAT is not installed.
        SolverFailure: if the checker refutes an answer, or the bounds cross.
    """
    bound = quick_bound(program)
    places = min(_by_rules(program), key=lambda each: value(program, by_id(program, each)))
    if value(program, by_id(program, places)) == bound:
        return stated(program, bound, by_id(program, places), "rules")
    search = _PackingSearch(program, bound, places)
    search.look(deterministic_limit or seconds or LIMIT, seconds)
    return stated(program, search.bound, by_id(program, search.places), search.solver)


def _by_rules(program: TensorProgram) -> Iterator[Places]:
    """Yield what each order leads to with each fit."""
    for name in ORDERS:
        for fit in FITS:
            yield by_rule(program, name, fit)


def stated(
    program: TensorProgram, bound: int, offsets: dict[str, int | None], solver: str
) -> Reference:
    """Return a reference of a bound and an answer.

    Args:
        program: the tensors.
        bound: that no answer goes below.
        offsets: by tensor id.
        solver: who found them.

    Raises:
        SolverFailure: the checker refutes the answer, or it is below the bound.
    """
    if problems := violations(program, offsets):
        raise SolverFailure(
            f"{solver}: its answer breaks {len(problems)} rules, first {problems[0]}"
        )
    objective = value(program, offsets)
    if bound > objective:
        raise SolverFailure(f"{solver}: a value {objective} is below its lower bound {bound}")
    return Reference(
        "optimal" if bound == objective else "bounded",
        objective,
        bound,
        solver=solver,
        answer={KEY: offsets},
    )


class _PackingSearch:
    """The search for a better answer: first one that fits the memory, then the best.

    Attributes:
        bound: that no answer goes below, so far.
        places: the best answer so far.
        solver: the name of what looks for it.
    """

    def __init__(self, program: TensorProgram, bound: int, places: Places) -> None:
        require("solvers", PURPOSE, "ortools")
        self.bound, self.places, self._program = bound, places, program
        self.solver = solver_name()

    def look(self, limit: float, seconds: float | None) -> None:
        """Look for better answers.

        Args:
            limit: in deterministic seconds altogether.
            seconds: a limit of wall time altogether, if given.

        Raises:
            SolverFailure: the solver takes it for impossible, though the rules have an answer.
        """
        is_peak = self._program.objective == "peak"
        share = 1.0
        if is_peak and self.bound <= self._program.capacity < self._value(self.places):
            share = FITTING  # to look for a peak is harder where the memory is nearly full
            self._solve(self._program.capacity, limit * share, seconds and seconds * share)
            share = 1 - share
        if self._value(self.places) > self.bound:
            most = self._value(self.places) if is_peak else self._program.capacity
            self._solve(most, limit * share, seconds and seconds * share, is_best=True)

    def _value(self, places: Places) -> int:
        return value(self._program, by_id(self._program, places))

    def _solve(
        self, most: int, limit: float, seconds: float | None, *, is_best: bool = False
    ) -> None:
        """Look for an answer within so much memory, the best one or any."""
        from ortools.sat.python import cp_model

        model = _Packing(self._program, self.bound, most)
        if is_best:
            model.minimise(self.places)
        engine = cp_sat_engine(limit, seconds)
        engine.parameters.linearization_level = 1 if self._program.objective == "peak" else 2
        status = engine.solve(model.model)
        if status == cp_model.MODEL_INVALID or (is_best and status == cp_model.INFEASIBLE):
            problem = model.model.validate()
            raise SolverFailure(f"{self.solver}: {engine.status_name(status)} {problem}".strip())
        if status == cp_model.INFEASIBLE:
            self.bound = max(self.bound, most + 1)
        elif is_best:
            self.bound = max(self.bound, model.bound(engine))
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            self.places = min(self.places, model.places(engine), key=self._value)


class _Packing:
    """The CP-SAT model of a program: sizes in their unit, times by their rank.

    Attributes:
        model: what the engine solves.
    """

    def __init__(self, program: TensorProgram, bound: int, most: int) -> None:
        from ortools.sat.python.cp_model import CpModel

        self.model: CpModel = CpModel()
        self._program, self._unit = program, unit(program)
        self._most = most // self._unit
        self._sizes = [tensor.size // self._unit for tensor in program.tensors]
        self._offsets = [
            self.model.new_int_var(0, max(0, self._most - size), "") for size in self._sizes
        ]
        self._placed: list[IntVar] = []
        self._goal = self._loss() if program.objective == "benefit" else self._peak(bound)

    def _lives(self) -> Iterator[tuple[int, int]]:
        """Yield the begin and the length of each lifetime, counted in moments of note."""
        tensors = self._program.tensors
        times = sorted({t.start for t in tensors} | {t.end for t in tensors})
        ranks = {time: rank for rank, time in enumerate(times)}
        for tensor in tensors:
            yield ranks[tensor.start], ranks[tensor.end] - ranks[tensor.start]

    def _peak(self, bound: int) -> "LinearExprT":
        """Place all tensors and return their peak, in units."""
        add = self.model.new_fixed_size_interval_var
        peak = self.model.new_int_var(min(self._most, ceil(bound / self._unit)), self._most, "")
        spaces = []
        for offset, size in zip(self._offsets, self._sizes, strict=True):
            spaces.append(add(offset, size, ""))
            self.model.add(offset + size <= peak)
        self.model.add_no_overlap_2d([add(*life, "") for life in self._lives()], spaces)
        return peak

    def _loss(self) -> "LinearExprT":
        """Place some tensors and return what is lost of the others."""
        add = self.model.new_optional_fixed_size_interval_var
        tensors, times, spaces = self._program.tensors, [], []
        for life, offset, size in zip(self._lives(), self._offsets, self._sizes, strict=True):
            placed = self.model.new_bool_var("")
            if size > self._most:
                self.model.add(placed == 0)
            times.append(add(*life, placed, ""))
            spaces.append(add(offset, size, placed, ""))
            self._placed.append(placed)
        self.model.add_no_overlap_2d(times, spaces)
        rows = {
            t.id: (size, placed)
            for t, size, placed in zip(tensors, self._sizes, self._placed, strict=True)
        }
        for alive in moments(self._program):
            taken = [size * placed for size, placed in (rows[tensor.id] for tensor in alive)]
            self.model.add(sum(taken) <= self._most)
        return sum(t.benefit * (1 - rows[t.id][1]) for t in tensors)

    def minimise(self, places: Places) -> None:
        """Set the goal, with an answer to begin with."""
        self.model.minimize(self._goal)
        for number, place in enumerate(places):
            if self._placed:
                self.model.add_hint(self._placed[number], place is not None)
            if place is not None:
                self.model.add_hint(self._offsets[number], place // self._unit)

    def bound(self, engine: "CpSolver") -> int:
        """Return the value that no answer goes below, as an engine has it."""
        scale = self._unit if self._program.objective == "peak" else 1
        return scale * ceil(engine.best_objective_bound - 1e-6)

    def places(self, engine: "CpSolver") -> Places:
        """Return the places in an engine's answer."""
        return [
            self._unit * engine.value(offset)
            if not self._placed or engine.value(self._placed[number])
            else None
            for number, offset in enumerate(self._offsets)
        ]
