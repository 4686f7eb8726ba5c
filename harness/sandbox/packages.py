"""The packages that programs may be allowed to import beside the standard library.

A fork server loads them before it locks its forks in, which cannot open a file: what is not loaded
cannot be imported.
"""

import sys
from collections.abc import Iterable
from importlib import import_module, metadata
from typing import NamedTuple


class Package(NamedTuple):
    """A package that programs may import.

    Attributes:
        modules: loaded beforehand; they and what they load are all that can be imported of it.
        needs: other packages of this table that it loads.
        beside: distributions that it loads too, whose version may change a result.
        extra: the extra of this project that brings it.
        locks: whether its native code sets itself up late, behind locks that it wakes (see
            `seccomp`).
    """

    modules: tuple[str, ...]
    needs: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    extra: str = "stats"
    locks: bool = False


PACKAGES: dict[str, Package] = {
    "numpy": Package(
        (
            "numpy",
            "numpy.fft",
            "numpy.linalg",
            "numpy.ma",
            "numpy.polynomial",
            "numpy.random",
        )
    ),
    "scipy": Package(
        (
            "scipy",
            "scipy.integrate",
            "scipy.interpolate",
            "scipy.linalg",
            "scipy.optimize",
            "scipy.sparse",
            "scipy.sparse.csgraph",
            "scipy.sparse.linalg",
            "scipy.spatial",
            "scipy.spatial.distance",
            "scipy.special",
            "scipy.stats",
        ),
        needs=("numpy",),
        extra="scipy",
        locks=True,
    ),
    "ortools": Package(
        (
            "ortools",
            "ortools.algorithms.python.knapsack_solver",
            "ortools.constraint_solver.pywrapcp",
            "ortools.constraint_solver.routing_enums_pb2",
            "ortools.constraint_solver.routing_parameters_pb2",
            "ortools.graph.python.linear_sum_assignment",
            "ortools.graph.python.max_flow",
            "ortools.graph.python.min_cost_flow",
            "ortools.linear_solver.python.model_builder",
            "ortools.linear_solver.pywraplp",
            "ortools.sat.python.cp_model",
            "ortools.sat.sat_parameters_pb2",
            "ortools.util.python.sorted_interval_list",
        ),
        needs=("numpy",),
        beside=("pandas",),
        extra="solvers",
        locks=True,
    ),
}
# Optional parts of pandas that start threads as they load: a process with more than one thread
# cannot enter a user namespace, and its forks would not be alike.
BLOCKED = ("pyarrow", "numexpr", "bottleneck")


def closure(names: Iterable[str]) -> tuple[str, ...]:
    """Return packages with those that they need, in the order of `PACKAGES`.

    Raises:
        ValueError: one is not in `PACKAGES`.
    """
    wanted: set[str] = set()
    for name in names:
        if name not in PACKAGES:
            raise ValueError(f"no package {name!r} in `packages`: there are {', '.join(PACKAGES)}")
        wanted |= {name, *PACKAGES[name].needs}
    return tuple(name for name in PACKAGES if name in wanted)


def versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of packages and of all that they bring, by distribution: an identity.

    Args:
        names: of packages; those that they need are counted in.

    Raises:
        ValueError: one is not in `PACKAGES`.
        importlib.metadata.PackageNotFoundError: one is not installed.
    """
    needed = closure(names)
    distributions = {*needed, *(beside for name in needed for beside in PACKAGES[name].beside)}
    return {name: metadata.version(name) for name in sorted(distributions)}


def load(names: Iterable[str]) -> None:
    """Load packages into this process, without the optional parts that would start threads."""
    for blocked in BLOCKED:
        sys.modules[blocked] = None  # type: ignore[assignment]
    for name in names:
        for module in PACKAGES[name].modules:
            import_module(module)
