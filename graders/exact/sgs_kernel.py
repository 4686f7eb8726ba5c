"""The compiled twin of `sgs.serial` and `sgs.justified`, where the install had a C compiler.

Where there is none Python makes the same schedules.
"""

import ctypes
import weakref
from array import array
from collections.abc import Iterator
from functools import cache
from itertools import accumulate, chain, repeat, starmap
from random import Random
from typing import NamedTuple, Protocol

from graders.exact import sgs
from graders.exact.kernels import Kernel, Longs, longs
from graders.exact.sgs import Compiled, Groups, Ints

_MOST = 1 << 61  # what no sum of times in the kernel may reach

KERNEL = Kernel(
    "sgs",
    ("sgs_kernel.c",),
    {
        "sgs_new": ([ctypes.c_int64, ctypes.c_int64, Longs, ctypes.c_int64], ctypes.c_void_p),
        "sgs_free": ([ctypes.c_void_p], None),
        "sgs_serial": ([ctypes.c_void_p, Longs, Longs], None),
        "sgs_justified": ([ctypes.c_void_p, Longs], None),
        "sgs_shortened": ([ctypes.c_void_p, Longs, ctypes.c_int64], None),
        "sgs_random": (
            [ctypes.c_void_p, ctypes.c_int64, ctypes.POINTER(ctypes.c_double), Longs],
            ctypes.c_int64,
        ),
    },
)


class RandomSchedules(NamedTuple):
    """Schedules of random lists, n start times each, and the first of them that is shortest."""

    starts: list[list[int]]
    shortest: list[int]


class Scheduler(Protocol):
    """Makes schedules of one project."""

    def serial(self, order: Ints) -> list[int]:
        """Return the n starts of the list schedule: see `sgs.serial`."""

    def justified(self, starts: Ints) -> list[int]:
        """Return a schedule pushed right within its makespan, then left: see `sgs.justified`."""

    def shortened(self, starts: Ints, lower: int = 0) -> list[int]:
        """Return a schedule pushed right and left for as long as it gets shorter.

        Args:
            starts: n start times under which the constraints hold that `sgs.serial` names.
            lower: a bound on the makespan, below which nothing is looked for.
        """

    def random_schedules(self, rng: Random, count: int) -> RandomSchedules:
        """Return the schedules of so many lists of `sgs.random_list`, at least one."""


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled kernel, or None if there is none for this machine and these sources."""
    return KERNEL.load(KERNEL.place, KERNEL.paths)


def scheduler(project: Compiled, *, compiled: bool = True) -> Scheduler:
    """Return the kernel's scheduler where there is one, else Python's.

    Args:
        project: the compiled project of n tasks.
        compiled: whether the kernel may be used.
    """
    kernel = library() if compiled and fits(project) else None
    return PlainScheduler(project) if kernel is None else KernelScheduler(kernel, project)


def fits(project: Compiled) -> bool:
    """Return whether no sum of times of this project can overflow 64 bits."""
    ends = [up for spans in project.downtimes for _, up in spans]
    latest = max([project.horizon, *ends, *project.releases, *project.deadlines])
    units = max([0, *project.capacities])
    return 2 * (latest + sum(project.durations) + sum(ends)) < _MOST and units < _MOST


class PlainScheduler:
    """The schedules in Python."""

    def __init__(self, project: Compiled) -> None:
        self._project = project

    def serial(self, order: Ints) -> list[int]:
        """Return the n starts of the list schedule."""
        return sgs.serial(self._project, order)

    def justified(self, starts: Ints) -> list[int]:
        """Return a schedule pushed right within its makespan, then left."""
        return sgs.justified(self._project, starts)

    def shortened(self, starts: Ints, lower: int = 0) -> list[int]:
        """Return a schedule pushed right and left for as long as it gets shorter."""
        return sgs.shortened(self._project, starts, lower)

    def random_schedules(self, rng: Random, count: int) -> RandomSchedules:
        """Return the schedules of so many random lists."""
        project = self._project
        starts = [self.serial(sgs.random_list(project, rng)) for _ in range(count)]
        return RandomSchedules(starts, min(starts, key=lambda each: sgs.makespan(project, each)))


class KernelScheduler:
    """`PlainScheduler` in C; dropping it frees its memory."""

    def __init__(self, kernel: ctypes.CDLL, project: Compiled) -> None:
        self._kernel = kernel
        self._row = ctypes.c_int64 * len(project.ids)
        numbers = [
            *project.durations,
            *project.releases,
            *project.deadlines,
            *project.order,
            *project.capacities,
            *_groups(project.predecessors),
            *_groups(project.successors),
            *_groups(project.partners),
            *_groups([tuple(chain.from_iterable(pairs)) for pairs in project.demands]),
            *_groups([tuple(chain.from_iterable(pairs)) for pairs in project.downtimes]),
        ]
        row = longs(numbers)
        self._handle = kernel.sgs_new(len(project.ids), len(project.capacities), row, len(numbers))
        if not self._handle:
            raise MemoryError("sgs kernel: no memory to begin")
        weakref.finalize(self, kernel.sgs_free, self._handle)

    def serial(self, order: Ints) -> list[int]:
        """Return the n starts of the list schedule."""
        starts = self._row()
        self._kernel.sgs_serial(self._handle, self._row(*order), starts)
        return list(starts)

    def justified(self, starts: Ints) -> list[int]:
        """Return a schedule pushed right within its makespan, then left."""
        row = self._row(*starts)
        self._kernel.sgs_justified(self._handle, row)
        return list(row)

    def shortened(self, starts: Ints, lower: int = 0) -> list[int]:
        """Return a schedule pushed right and left for as long as it gets shorter."""
        row = self._row(*starts)
        self._kernel.sgs_shortened(self._handle, row, lower)
        return list(row)

    def random_schedules(self, rng: Random, count: int) -> RandomSchedules:
        """Return the schedules of so many random lists."""
        tasks = len(self._row())
        draws = array("d", starmap(rng.random, repeat((), count * tasks)))
        starts = (ctypes.c_int64 * len(draws))()
        noise = (ctypes.c_double * len(draws)).from_buffer(draws)
        best = self._kernel.sgs_random(self._handle, count, noise, starts)
        every = list(starts)
        rows = [every[k : k + tasks] for k in range(0, len(every), tasks)]
        return RandomSchedules(rows, rows[best])


def _groups(groups: Groups | list[tuple[int, ...]]) -> Iterator[int]:
    """Yield where each group begins among the items, and one past the last; then the items."""
    return chain(accumulate(map(len, groups), initial=0), chain.from_iterable(groups))
