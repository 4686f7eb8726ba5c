"""The compiled twin of `rcpsp_layers.PlainLayers`, where the install had a C compiler.

Where there is none Python makes the same states.
"""

import ctypes
import weakref
from functools import cache
from itertools import chain

from graders.exact.kernels import NO_MEMORY, PAUSED, Kernel, Longs, Signatures, longs
from graders.exact.rcpsp_layers import LayeredSearch, LayerProblem, PlainLayers
from graders.exact.sgs import Ints

MOST_TASKS = 64  # a set of tasks is a word
MOST_WIDE = 128  # and two in the wide kernel
MET = 1  # what `rcpsp_run` returns of a target that can be met
_WORD = (1 << 64) - 1
_MOST = 1 << 62  # what no sum or product in the kernel may reach
_STRAIN = 1 << 24  # what times and units are multiplied by in a strain, at most

_Words = ctypes.POINTER(ctypes.c_uint64)
_SIGNATURES: Signatures = {
    "rcpsp_new": (
        [
            *(ctypes.c_int32, ctypes.c_int32, ctypes.c_int32),
            *(Longs, _Words, Longs, Longs),
            *(ctypes.c_int64, Longs, ctypes.c_int64),
        ],
        ctypes.c_void_p,
    ),
    "rcpsp_free": ([ctypes.c_void_p], None),
    "rcpsp_run": ([ctypes.c_void_p, ctypes.c_int64], ctypes.c_int),
    "rcpsp_is_narrowed": ([ctypes.c_void_p], ctypes.c_int32),
    "rcpsp_most_tasks": ([], ctypes.c_int32),
    "rcpsp_children": ([ctypes.c_void_p], ctypes.c_int64),
    "rcpsp_starts": ([ctypes.c_void_p, Longs], None),
}
_SOURCES = ("rcpsp_kernel.c", "rcpsp_layers.h", "rcpsp_state.h")
KERNEL = Kernel("rcpsp", _SOURCES, _SIGNATURES)
WIDE_KERNEL = Kernel("rcpsp_wide", ("rcpsp_wide_kernel.c", *_SOURCES), _SIGNATURES)


@cache
def library(*, is_wide: bool = False) -> ctypes.CDLL | None:
    """Return a compiled kernel, or None if there is none for this machine and these sources."""
    kernel = WIDE_KERNEL if is_wide else KERNEL
    return kernel.load(kernel.place, kernel.paths)


def layered_search(problem: LayerProblem, *, compiled: bool = True) -> LayeredSearch:
    """Return a search: a kernel's where there is one for its tasks, else Python's.

    Args:
        problem: with its target.
        compiled: whether a kernel may be used.
    """
    is_wide = len(problem.durations) > MOST_TASKS
    kernel = library(is_wide=is_wide) if compiled and fits(problem) else None
    if kernel and len(problem.durations) > kernel.rcpsp_most_tasks():
        kernel = None  # a machine without sets of two words
    return PlainLayers(problem) if kernel is None else KernelLayers(kernel, problem)


def fits(problem: LayerProblem) -> bool:
    """Return whether no sum or product over these tasks can overflow 64 bits."""
    times = sum(problem.durations) + max([0, *problem.latest, *map(abs, problem.heads)])
    times += sum(up for spans in problem.downtimes for _, up in spans)
    units = (max([pool.capacity, *(q for _, q in pool.units)]) for pool in problem.pools)
    most = times * (1 + max(units, default=0)) * (_STRAIN if problem.width else 1)
    return len(problem.durations) <= MOST_WIDE and most < _MOST


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
            _row_of_sets(list(chain.from_iterable(sets)), kernel.rcpsp_most_tasks() // 64),
            longs(pools),
            longs(each.get(i, 0) for each in units for i in range(self._tasks)),
            len(spans),
            longs(moment for span in spans for moment in span),
            problem.width,
        )
        if not self._handle:
            raise MemoryError("rcpsp kernel: no memory to begin")
        weakref.finalize(self, kernel.rcpsp_free, self._handle)

    @property
    def children(self) -> int:
        """The number of states made so far, those left out among them."""
        return int(self._kernel.rcpsp_children(self._handle))

    @property
    def is_narrowed(self) -> bool:
        """Return whether states were left out for the width: a target may be met that was not."""
        return bool(self._kernel.rcpsp_is_narrowed(self._handle))

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


def _row_of_sets(sets: Ints, words: int) -> "ctypes.Array[ctypes.c_uint64]":
    """Return sets as a kernel takes them: of so many words each, the lowest first."""
    row = [each >> 64 * word & _WORD for each in sets for word in range(words)]
    return (ctypes.c_uint64 * len(row))(*row)
