"""The compiled twin of `rcpsp_layers.PlainLayers`, where the install had a C compiler.

Where there is none Python makes the same states.
"""

import ctypes
import weakref
from functools import cache

from graders.exact.kernels import NO_MEMORY, PAUSED, Kernel, Longs, longs
from graders.exact.rcpsp_layers import LayeredSearch, LayerProblem, PlainLayers

MOST_TASKS = 64  # a set of tasks is a word
MET = 1  # what `rcpsp_run` returns of a target that can be met
_MOST = 1 << 62  # what no sum or product in the kernel may reach

_Words = ctypes.POINTER(ctypes.c_uint64)
KERNEL = Kernel(
    "rcpsp",
    ("rcpsp_kernel.c", "rcpsp_layers.h"),
    {
        "rcpsp_new": (
            [*[ctypes.c_int32] * 3, Longs, _Words, Longs, Longs, ctypes.c_int64, Longs],
            ctypes.c_void_p,
        ),
        "rcpsp_free": ([ctypes.c_void_p], None),
        "rcpsp_run": ([ctypes.c_void_p, ctypes.c_int64], ctypes.c_int),
        "rcpsp_children": ([ctypes.c_void_p], ctypes.c_int64),
        "rcpsp_starts": ([ctypes.c_void_p, Longs], None),
    },
)


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled kernel, or None if there is none for this machine and these sources."""
    return KERNEL.load(KERNEL.place, KERNEL.paths)


def layered_search(problem: LayerProblem, *, compiled: bool = True) -> LayeredSearch:
    """Return a search: the kernel's where there is one, else Python's.

    Args:
        problem: of at most `MOST_TASKS` tasks.
        compiled: whether the kernel may be used.
    """
    kernel = library() if compiled and fits(problem) else None
    return PlainLayers(problem) if kernel is None else KernelLayers(kernel, problem)


def fits(problem: LayerProblem) -> bool:
    """Return whether no sum or product over these tasks can overflow 64 bits."""
    times = sum(problem.durations) + max([0, *problem.latest, *map(abs, problem.heads)])
    times += sum(up for spans in problem.downtimes for _, up in spans)
    units = (max([pool.capacity, *(q for _, q in pool.units)]) for pool in problem.pools)
    return len(problem.durations) <= MOST_TASKS and times * (1 + max(units, default=0)) < _MOST


class KernelLayers:
    """`PlainLayers` in C: the same states in the same order; dropping it frees its memory."""

    def __init__(self, kernel: ctypes.CDLL, problem: LayerProblem) -> None:
        self._kernel, self._tasks = kernel, len(problem.durations)
        spans, pools = list[tuple[int, int]](), list[int]()
        for pool in problem.pools:
            pools += (pool.capacity, len(spans), len(spans) + len(pool.downtimes))
            spans += pool.downtimes
        units = [dict(pool.units) for pool in problem.pools]
        times = zip(problem.durations, problem.heads, problem.latest, strict=True)
        sets = zip(problem.predecessors, problem.partners, strict=True)
        self._handle = kernel.rcpsp_new(
            self._tasks,
            len(problem.capacities),
            len(problem.pools),
            longs(value for row in times for value in row),
            (ctypes.c_uint64 * (2 * self._tasks))(*(bits for row in sets for bits in row)),
            longs(pools),
            longs(each.get(i, 0) for each in units for i in range(self._tasks)),
            len(spans),
            longs(moment for span in spans for moment in span),
        )
        if not self._handle:
            raise MemoryError("rcpsp kernel: no memory to begin")
        weakref.finalize(self, kernel.rcpsp_free, self._handle)

    @property
    def children(self) -> int:
        """The number of states made so far, those left out among them."""
        return int(self._kernel.rcpsp_children(self._handle))

    def run(self, children: int) -> bool | None:
        """Make at least so many states more; return whether the target can be met, None so far.

        Raises:
            MemoryError: if the kernel gets no memory.
        """
        status = self._kernel.rcpsp_run(self._handle, children)
        if status == NO_MEMORY:
            raise MemoryError(f"rcpsp kernel: no memory after {self.children} states")
        return None if status == PAUSED else status == MET

    def starts(self) -> list[int]:
        """Return the n starts of the shortest schedule, after a search that met the target."""
        starts = (ctypes.c_int64 * self._tasks)()
        self._kernel.rcpsp_starts(self._handle, starts)
        return list(starts)
