"""The compiled twin of `tools_layers.PlainCallLayers`, where the install had a C compiler.

Where there is none Python makes the same states.
"""

import ctypes
import weakref
from collections.abc import Iterator
from functools import cache

from graders.exact.kernels import NO_MEMORY, PAUSED, Kernel, Longs, longs
from graders.exact.rcpsp_layers import TargetLayers
from graders.exact.tools_layers import CallLayersProblem, PlainCallLayers

_MOST_CALLS = 256  # a set of calls is four words
_MOST_TIME = 1 << 28  # what no sum of times in the kernel may reach
_MET = 1  # what `tools_layers_run` returns of a target that can be met

KERNEL = Kernel(
    "tools_layers",
    ("tools_layers_kernel.c", "tools_memory.h"),
    {
        "tools_layers_new": ([ctypes.c_int32, ctypes.c_int32, Longs, Longs], ctypes.c_void_p),
        "tools_layers_free": ([ctypes.c_void_p], None),
        "tools_layers_run": ([ctypes.c_void_p, ctypes.c_int64], ctypes.c_int),
        "tools_layers_children": ([ctypes.c_void_p], ctypes.c_int64),
        "tools_layers_starts": ([ctypes.c_void_p, Longs], None),
    },
)


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled kernel, or None if there is none for this machine and these sources."""
    return KERNEL.load(KERNEL.place, KERNEL.paths)


def call_layers(problem: CallLayersProblem, *, compiled: bool = True) -> TargetLayers:
    """Return the kernel's search where there is one, else Python's.

    Args:
        problem: with its target.
        compiled: whether the kernel may be used.
    """
    kernel = library() if compiled and fits(problem) else None
    return PlainCallLayers(problem) if kernel is None else KernelCallLayers(kernel, problem)


def fits(problem: CallLayersProblem) -> bool:
    """Return whether no number of this problem is too large for the kernel."""
    times = (*problem.heads, *problem.latest, *(t for waits in problem.waits for _, t in waits))
    return (
        len(problem.durations) <= _MOST_CALLS
        and sum(problem.durations) + 2 * max(map(abs, times), default=0) < _MOST_TIME
        and sum(problem.places) < _MOST_TIME
    )


class KernelCallLayers:
    """`PlainCallLayers` in C: the same states in the same order; dropping it frees its memory."""

    def __init__(self, kernel: ctypes.CDLL, problem: CallLayersProblem) -> None:
        self._kernel, self._calls = kernel, len(problem.durations)
        self._handle = kernel.tools_layers_new(
            self._calls, len(problem.places), longs(problem.places), longs(_numbers(problem))
        )
        if not self._handle:
            raise MemoryError("tools layers kernel: no memory to begin")
        weakref.finalize(self, kernel.tools_layers_free, self._handle)

    @property
    def children(self) -> int:
        """The number of states made so far, those left out among them."""
        return int(self._kernel.tools_layers_children(self._handle))

    def run(self, children: int) -> bool | None:
        """Make at least so many states more; return whether the target can be met, None so far.

        Raises:
            MemoryError: if the kernel gets no memory.
        """
        status = self._kernel.tools_layers_run(self._handle, children)
        if status == NO_MEMORY:
            raise MemoryError(f"tools layers kernel: no memory after {self.children} states")
        return None if status == PAUSED else status == _MET

    def starts(self) -> list[int]:
        """Return the n starts of a schedule that meets the target, after a search that did."""
        starts = (ctypes.c_int64 * self._calls)()
        self._kernel.tools_layers_starts(self._handle, starts)
        return list(starts)


def _numbers(problem: CallLayersProblem) -> Iterator[int]:
    """Yield the calls as `tools_layers_new` takes them."""
    rows = zip(
        problem.durations, problem.pools, problem.heads, problem.latest, problem.waits, strict=True
    )
    for *numbers, waits in rows:
        yield from (*numbers, len(waits))
    for waits in problem.waits:
        for wait in waits:
            yield from wait
