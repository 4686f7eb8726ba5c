"""The exact reference of memory mapping: rectangles of lifetime and place that do not overlap.

Cheap bounds and rules come first. Where they do not meet, CP-SAT looks for something better.
Sizes are counted in their greatest common unit: some best answer has offsets that are sums of
sizes. One worker, a fixed seed and deterministic time make a reference the same bytes in every
process.
"""

from collections.abc import Iterator
from importlib.metadata import version
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
from graders.exact.rcpsp import cp_sat_engine
from tasks.allocation import KEY, TensorProgram, value
from tasks.base import Reference, SolverFailure
from tasks.extras import extra

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpSolver, IntVar, LinearExprT

LIMIT = 10.0  # deterministic seconds of CP-SAT
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
    model = _Packing(program, bound, places)
    solver = f"cp-sat {version('ortools')}"
    engine = cp_sat_engine(deterministic_limit or seconds or LIMIT, seconds)
    engine.parameters.linearization_level = 2 if program.objective == "benefit" else 1
    return stated(program, *model.solved(engine, solver), solver)


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
    status = "optimal" if bound == objective else "bounded"
    return Reference(status, objective, bound, solver=solver, answer={KEY: offsets})


class _Packing:
    """The CP-SAT model of a program, sizes in their unit; it begins with the rules' best.

    Attributes:
        model: what the engine solves.
    """

    def __init__(self, program: TensorProgram, bound: int, places: Places) -> None:
        with extra("solvers", PURPOSE):
            from ortools.sat.python.cp_model import CpModel

        self.model: CpModel = CpModel()
        self._program, self._bound, self._places = program, bound, places
        self._unit = unit(program)
        self._sizes = [tensor.size // self._unit for tensor in program.tensors]
        is_peak = program.objective == "peak"
        best = value(program, by_id(program, places))
        self._most = (best if is_peak else program.capacity) // self._unit
        self._offsets = [
            self.model.new_int_var(0, max(0, self._most - size), "") for size in self._sizes
        ]
        self._placed: list[IntVar] = []
        self.model.minimize(self._peak() if is_peak else self._loss())
        self._hint()

    def _peak(self) -> "LinearExprT":
        """Place all tensors and return their peak, in units."""
        peak = self.model.new_int_var(ceil(self._bound / self._unit), self._most, "")
        times, spaces = [], []
        for tensor, offset, size in zip(
            self._program.tensors, self._offsets, self._sizes, strict=True
        ):
            life = tensor.end - tensor.start
            times.append(self.model.new_fixed_size_interval_var(tensor.start, life, ""))
            spaces.append(self.model.new_fixed_size_interval_var(offset, size, ""))
            self.model.add(offset + size <= peak)
        self.model.add_no_overlap_2d(times, spaces)
        return peak

    def _loss(self) -> "LinearExprT":
        """Place some tensors and return what is lost of the others."""
        add = self.model.new_optional_fixed_size_interval_var
        times, spaces = [], []
        for tensor, offset, size in zip(
            self._program.tensors, self._offsets, self._sizes, strict=True
        ):
            placed = self.model.new_bool_var("")
            if size > self._most:
                self.model.add(placed == 0)
            times.append(add(tensor.start, tensor.end - tensor.start, placed, ""))
            spaces.append(add(offset, size, placed, ""))
            self._placed.append(placed)
        self.model.add_no_overlap_2d(times, spaces)
        rows = dict(zip(self._program.tensors, zip(self._sizes, self._placed, strict=True)))
        for alive in moments(self._program):
            taken = sum(rows[tensor][0] * rows[tensor][1] for tensor in alive)
            self.model.add(taken <= self._most)
        return sum(t.benefit * (1 - placed) for t, (_, placed) in rows.items())

    def _hint(self) -> None:
        for number, place in enumerate(self._places):
            if self._placed:
                self.model.add_hint(self._placed[number], place is not None)
            if place is not None:
                self.model.add_hint(self._offsets[number], place // self._unit)

    def solved(self, engine: "CpSolver", solver: str) -> tuple[int, dict[str, int | None]]:
        """Return the best bound and the best answer once an engine has looked.

        Args:
            engine: CP-SAT with its limits.
            solver: its name, for the message.

        Raises:
            SolverFailure: the model has no answer, though the rules have one.
        """
        from ortools.sat.python import cp_model

        status = engine.solve(self.model)
        if status in (cp_model.MODEL_INVALID, cp_model.INFEASIBLE):
            raise SolverFailure(
                f"{solver}: {engine.status_name(status)} {self.model.validate()}".strip()
            )
        scale = self._unit if self._program.objective == "peak" else 1
        bound = max(self._bound, scale * ceil(engine.best_objective_bound - 1e-6))
        places = self._places
        if status != cp_model.UNKNOWN:
            places = min(
                (places, self._found(engine)),
                key=lambda each: value(self._program, by_id(self._program, each)),
            )
        return bound, by_id(self._program, places)

    def _found(self, engine: "CpSolver") -> Places:
        """Return the places in the engine's answer."""
        return [
            self._unit * engine.value(offset)
            if not self._placed or engine.value(self._placed[number])
            else None
            for number, offset in enumerate(self._offsets)
        ]
