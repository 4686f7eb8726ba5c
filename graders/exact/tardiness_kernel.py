"""The compiled twin of `tardiness_search.PlainSearch`, where the install had a C compiler.

Where there is none Python walks the same states.
"""

import ctypes
import weakref
from functools import cache

from graders.exact.kernels import Kernel, Longs
from graders.exact.tardiness_local import Ints

_MOST = 1 << 62  # what no sum of times in the kernel may reach

KERNEL = Kernel(
    "tardiness",
    ("tardiness_kernel.c", "tardiness_memory.h"),
    {
        "tardiness_new": ([ctypes.c_int32, Longs, Longs], ctypes.c_void_p),
        "tardiness_free": ([ctypes.c_void_p], None),
        "tardiness_run": ([ctypes.c_void_p, ctypes.c_int64, Longs], ctypes.c_int),
        "tardiness_nodes": ([ctypes.c_void_p], ctypes.c_int64),
        "tardiness_split": (
            [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int32), ctypes.c_int32, ctypes.c_int64],
            ctypes.c_int32,
        ),
    },
)


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled kernel, or None if there is none for this machine and these sources."""
    return KERNEL.load(KERNEL.place, KERNEL.paths)


def fits(p: Ints, d: Ints) -> bool:
    """Return whether no sum over these jobs can overflow 64 bits.

    Args:
        p: n processing times >= 1.
        d: n due dates.
    """
    furthest = max((abs(due) for due in d), default=0)
    return (len(p) + 1) * (sum(p) + furthest) < _MOST


class KernelSearch:
    """`PlainSearch` in C: the same states in the same order; dropping it frees its memory."""

    def __init__(self, kernel: ctypes.CDLL, p: Ints, d: Ints) -> None:
        self._kernel = kernel
        longs = ctypes.c_int64 * len(p)
        self._handle = kernel.tardiness_new(len(p), longs(*p), longs(*d))
        if not self._handle:
            raise MemoryError("tardiness kernel: no memory to begin")
        weakref.finalize(self, kernel.tardiness_free, self._handle)

    @property
    def nodes(self) -> int:
        """The number of states expanded so far."""
        return int(self._kernel.tardiness_nodes(self._handle))

    def run(self, nodes: int) -> int | None:
        """Expand at most so many states more; return the least total tardiness, or None so far.

        Raises:
            MemoryError: if the kernel gets no memory.
        """
        value = ctypes.c_int64()
        status = self._kernel.tardiness_run(self._handle, nodes, ctypes.byref(value))
        if status < 0:
            raise MemoryError(f"tardiness kernel: no memory after {self.nodes} nodes")
        return value.value if status else None

    def split(self, jobs: list[int], start: int) -> int:
        """Return the best position of the longest job among stripped `jobs`, after the search.

        Raises:
            KeyError: if the search has not split these jobs at `start`.
        """
        array = (ctypes.c_int32 * len(jobs))(*jobs)
        position = int(self._kernel.tardiness_split(self._handle, array, len(jobs), start))
        if position < 0:
            raise KeyError(f"tardiness kernel: {len(jobs)} jobs at {start} were never split")
        return position
