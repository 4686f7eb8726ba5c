"""Holds scipy to one thread and to limits that are counted, and loads what it loads late.

HiGHS starts threads unless it is told not to, and a thread that cannot start is the end of a
process.
"""

from importlib import import_module
from typing import Any

SECOND = 1000  # simplex iterations and branching nodes that stand for a second of a time limit
LATE = ("scipy._lib.cobyqa", "scipy._lib.pyprima")  # loaded by the first call of their method


def tame_scipy() -> None:
    """Do so in this process, in which scipy is loaded; not undone."""
    for name in LATE:
        import_module(name)
    optimize = import_module("scipy.optimize")
    for module in (optimize._milp, optimize._linprog_highs):
        hold_highs(module)


def hold_highs(module: Any) -> None:
    """Have a module's calls of HiGHS use one thread, and count instead of reading a clock."""
    original = module._highs_wrapper

    def highs(*arguments: Any) -> Any:
        *model, options = arguments
        return original(*model, one_thread(options))

    module._highs_wrapper = highs


def one_thread(options: dict[str, Any]) -> dict[str, Any]:
    """Return options of HiGHS with one thread, and with counts in place of a time limit."""
    held = {**options, "threads": 1, "parallel": False, "time_limit": None}
    seconds = options.get("time_limit")
    if seconds is not None:
        most = max(1, int(SECOND * min(seconds, 1_000_000)))
        for name in ("simplex_iteration_limit", "mip_max_nodes"):
            held[name] = min(most, held.get(name) or most)
    return held
