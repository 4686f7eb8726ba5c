"""CP-SAT as every exact solver asks it."""

from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpModel, CpSolver


@cache
def solver_name() -> str:
    """Return CP-SAT's name as references tell it, its version in it."""
    return f"cp-sat {version('ortools')}"


@cache
def _lean_model() -> "type[CpModel]":
    from ortools.sat.python.cp_model import CpModel

    class LeanModel(CpModel):
        """A model without its methods' former names, which cost as much as a small search."""

        def _add_pre_pep8_methods(self) -> None:
            pass

    return LeanModel


def cp_sat_model() -> "CpModel":
    """Return a model without anything in it."""
    return _lean_model()()


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
