"""The compiled twin of `tools_lean.LeanSearch`, where the install had a C compiler.

Where there is none Python looks at the same sets.
"""

import ctypes
import weakref
from collections.abc import Iterator
from functools import cache
from typing import Protocol

from graders.exact.kernels import PAUSED, Kernel, Longs, longs
from graders.exact.tools_lean import FLOORS, LeanProblem, LeanSearch, TurnSearchLimits
from graders.exact.tools_search import Turns, by_tool

_MOST_CALLS = 255  # chains are counted in bytes
_MOST_TIME = 1 << 28  # what no sum of times in the kernel may reach
_MOST_BUCKETS = 1 << 24
_LOOKS = 10_000  # sets between two moments at which Python may be interrupted
_WORDS, _WORD = 4, 64  # of a mask

KERNEL = Kernel(
    "tools",
    ("tools_kernel.c", "tools_options.h", "tools_memory.h"),
    {
        "tools_new": ([ctypes.c_int32] * 3 + [Longs], ctypes.c_void_p),
        "tools_free": ([ctypes.c_void_p], None),
        "tools_begin": ([ctypes.c_void_p, ctypes.c_int32] + [ctypes.c_int64] * 3, ctypes.c_int),
        "tools_run": ([ctypes.c_void_p, ctypes.c_int64], ctypes.c_int),
        "tools_result": ([ctypes.c_void_p, Longs, Longs], ctypes.c_int),
    },
)


class Searcher(Protocol):
    """Searches turns of one problem."""

    def run(
        self, limit: int, limits: TurnSearchLimits, *, width: int = 0
    ) -> tuple[int, Turns | None]:
        """Search turns shorter than a limit: see `LeanSearch.run`."""


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled kernel, or None if there is none for this machine and these sources."""
    return KERNEL.load(KERNEL.place, KERNEL.paths)


def searcher(problem: LeanProblem, *, compiled: bool = True) -> Searcher:
    """Return the kernel's search where there is one, else Python's.

    Args:
        problem: the calls.
        compiled: whether the kernel may be used.
    """
    kernel = library() if compiled and fits(problem) else None
    return LeanSearch(problem) if kernel is None else KernelTurnSearch(kernel, problem)


def fits(problem: LeanProblem) -> bool:
    """Return whether no number of this problem is too large for the kernel."""
    count, longest = len(problem.calls), _longest(problem)
    return (
        count <= _MOST_CALLS
        and longest * max(problem.capacity) < _MOST_TIME
        and longest * (count + 1) < _MOST_BUCKETS
        and len(problem.capacity) < _MOST_TIME
    )


def _longest(problem: LeanProblem) -> int:
    """Return the time of all calls, one a turn."""
    return sum(problem.overhead + call.duration for call in problem.calls)


class KernelTurnSearch:
    """`LeanSearch` in C: the same sets in the same order; dropping it frees its memory."""

    def __init__(self, kernel: ctypes.CDLL, problem: LeanProblem) -> None:
        self._kernel, self._count = kernel, len(problem.calls)
        self._longest = _longest(problem)
        numbers = list(_numbers(problem))
        self._handle = kernel.tools_new(
            self._count,
            len(problem.capacity),
            problem.overhead,
            longs(numbers),
        )
        if not self._handle:
            raise MemoryError("tools kernel: no memory to begin")
        weakref.finalize(self, kernel.tools_free, self._handle)

    def run(
        self, limit: int, limits: TurnSearchLimits, *, width: int = 0
    ) -> tuple[int, Turns | None]:
        """Search turns shorter than a limit.

        Raises:
            MemoryError: if the kernel gets no memory.
        """
        most = min(limit, self._longest + 1)
        status = self._kernel.tools_begin(self._handle, most, width, *limits)
        while status == PAUSED:
            status = self._kernel.tools_run(self._handle, _LOOKS)
        if status < 0:
            raise MemoryError("tools kernel: no memory")
        return self._result()

    def _result(self) -> tuple[int, Turns | None]:
        bound, at = ctypes.c_int64(), (ctypes.c_int64 * self._count)()
        if not self._kernel.tools_result(self._handle, ctypes.byref(bound), at):
            return bound.value, None
        turns: Turns = [[] for _ in range(max(at) + 1)]
        for call, turn in enumerate(at):
            turns[turn].append(call)
        return bound.value, turns


def _numbers(problem: LeanProblem) -> Iterator[int]:
    """Yield what `tools_new` takes."""
    graph, pools = problem.graph, by_tool(problem.calls, len(problem.capacity))
    yield from problem.capacity
    yield from (sum(map(len, pools[:k])) for k in range(len(pools) + 1))
    for pool in pools:
        yield from sorted(pool, key=lambda i: -graph.tail[i])
    yield from _padded(problem.gains)
    for i, call in enumerate(problem.calls):
        yield from (call.duration, call.tool, graph.tail[i])
        for mask in (graph.needs[i], graph.successors[i], graph.after[i]):
            yield from _words(mask)
        yield from _padded(problem.chains[i])


def _padded(values: list[int]) -> list[int]:
    return values + [0] * (FLOORS - len(values))


def _words(mask: int) -> list[int]:
    """Return a mask in words, as signed numbers."""
    words = [mask >> _WORD * k & (1 << _WORD) - 1 for k in range(_WORDS)]
    return [word - (word >> _WORD - 1 << _WORD) for word in words]
