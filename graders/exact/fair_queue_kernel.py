"""What orders of a cluster's jobs cost, and what each may take: compiled where that can be.

The kernel is a twin of `ends_by_rank` and of the fluid machine. Where there is none, or a cluster
is too large for its numbers, Python does the same.
"""

import ctypes
import weakref
from functools import cache
from math import ceil
from typing import Any, Protocol

from msgspec.structs import replace

from graders.exact.fair_queue_fluid import fluid_ends
from graders.exact.fair_queue_orders import ends_by_rank
from graders.exact.kernels import Kernel, Longs, constants, longs
from graders.exact.limits import over_limit, within
from graders.exact.orders import WHOLE
from tasks.fair_queue import SharedCluster

_MOST = 1 << 60  # what no number in the kernel may reach
_LARGEST = 1 << 20  # of cores, and of tasks

Ranks = tuple[int, ...]

KERNEL = Kernel(
    "fair_queue",
    ("fair_queue_kernel.c",),
    {
        "fair_queue_new": ([Longs, Longs, Longs], ctypes.c_void_p),
        "fair_queue_free": ([ctypes.c_void_p], None),
        "fair_queue_limits": ([ctypes.c_void_p, ctypes.c_int64, Longs], ctypes.c_int64),
        "fair_queue_times": ([ctypes.c_void_p, Longs, Longs], None),
        "fair_queue_cost": ([ctypes.c_void_p, Longs, ctypes.c_int64, Longs], ctypes.c_int64),
    },
)


class ClusterRuns(Protocol):
    """Runs of one cluster, whose jobs come at a share of their times, in millionths."""

    def cost(self, ranks: Ranks, share: int = WHOLE) -> int:
        """Return what all jobs cost together by their ranks, in thousandths.

        Args:
            ranks: of jobs, by their numbers: free cores go to the smallest first.
            share: of their times.
        """

    def times(self, ranks: Ranks) -> list[int]:
        """Return the ms that each job takes from its coming, by their ranks, as they come."""

    def limits(self, share: int = WHOLE) -> tuple[int, ...]:
        """Return the ms that each job may take: its fluid time, at least 1.5 times alone."""

    def alone(self) -> list[int]:
        """Return the ms that each job takes on an empty cluster."""


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled kernel, or None if there is none for this machine and these sources."""
    return KERNEL.load(KERNEL.place, KERNEL.paths)


def cluster_runs(cluster: SharedCluster, *, compiled: bool = True) -> ClusterRuns:
    """Return the runs of a cluster, by the kernel where there is one.

    Args:
        cluster: with its jobs.
        compiled: whether the kernel may be used.
    """
    kernel = library() if compiled and fits(cluster) else None
    return PlainClusterRuns(cluster) if kernel is None else KernelClusterRuns(kernel, cluster)


def fits(cluster: SharedCluster) -> bool:
    """Return whether no time of a run can become too large, nor one on the fluid machine."""
    tasks = sum(len(stage) for job in cluster.jobs for stage in job.stages)
    return cluster.cores <= _LARGEST and tasks <= _LARGEST and _bound(cluster) < _MOST


def _bound(cluster: SharedCluster) -> int:
    """Return more than any work on the fluid machine, or a ms of it, times what divides them."""
    works = sum(job.work for job in cluster.jobs)
    return ((cluster.jobs[-1].at + 1) * cluster.cores + works) * len(cluster.jobs) ** 2


class PlainClusterRuns:
    """Runs in Python."""

    def __init__(self, cluster: SharedCluster) -> None:
        self._cluster = cluster
        self._limits: dict[int, tuple[int, ...]] = {}
        self._alone: list[int] = []

    def cost(self, ranks: Ranks, share: int = WHOLE) -> int:
        """Return what all jobs cost together by their ranks."""
        rows = zip(_times(self._coming(share), ranks), self.limits(share), strict=True)
        return sum(within(over_limit(time, limit)) for time, limit in rows)

    def times(self, ranks: Ranks) -> list[int]:
        """Return the ms that each job takes from its coming, by their ranks."""
        return _times(self._cluster, ranks)

    def limits(self, share: int = WHOLE) -> tuple[int, ...]:
        """Return the ms that each job may take."""
        if share not in self._limits:
            cluster = self._coming(share)
            rows = zip(cluster.jobs, fluid_ends(cluster), self.alone(), strict=True)
            self._limits[share] = tuple(
                max(ceil(end) - job.at, -(-3 * alone // 2)) for job, end, alone in rows
            )
        return self._limits[share]

    def alone(self) -> list[int]:
        """Return the ms that each job takes on an empty cluster."""
        if not self._alone:
            jobs, cores = self._coming(0).jobs, self._cluster.cores
            self._alone = [ends_by_rank([job], cores, [0])[0] for job in jobs]
        return self._alone

    def _coming(self, share: int) -> SharedCluster:
        jobs = tuple(replace(job, at=job.at * share // WHOLE) for job in self._cluster.jobs)
        return replace(self._cluster, jobs=jobs)


def _times(cluster: SharedCluster, ranks: Ranks) -> list[int]:
    ends = ends_by_rank(cluster.jobs, cluster.cores, ranks)
    return [end - job.at for job, end in zip(cluster.jobs, ends, strict=True)]


class KernelClusterRuns:
    """`PlainClusterRuns` in C; dropping it frees its memory."""

    def __init__(self, kernel: ctypes.CDLL, cluster: SharedCluster) -> None:
        self._kernel, self._cluster = kernel, cluster
        self._row = ctypes.c_int64 * len(cluster.jobs)
        self._alone, self._limits = self._row(), dict[int, Any]()
        self._handle = kernel.fair_queue_new(*map(longs, packed(cluster)), self._alone)
        if not self._handle:
            raise MemoryError("fair-queue kernel: no memory to begin")
        weakref.finalize(self, kernel.fair_queue_free, self._handle)

    def cost(self, ranks: Ranks, share: int = WHOLE) -> int:
        """Return what all jobs cost together by their ranks."""
        row, limits = constants(ranks), self._limits_row(share)
        cost: int = self._kernel.fair_queue_cost(self._handle, row, share, limits)
        return cost

    def times(self, ranks: Ranks) -> list[int]:
        """Return the ms that each job takes from its coming, by their ranks."""
        row = self._row()
        self._kernel.fair_queue_times(self._handle, constants(ranks), row)
        return list(row)

    def limits(self, share: int = WHOLE) -> tuple[int, ...]:
        """Return the ms that each job may take."""
        return tuple(self._limits_row(share))

    def alone(self) -> list[int]:
        """Return the ms that each job takes on an empty cluster."""
        return list(self._alone)

    def _limits_row(self, share: int) -> Any:
        """Return the limits, by Python where fractions become too fine for the kernel."""
        if share not in self._limits:
            row = self._row()
            if not self._kernel.fair_queue_limits(self._handle, share, row):
                row = self._row(*PlainClusterRuns(self._cluster).limits(share))
            self._limits[share] = row
        return self._limits[share]


def packed(cluster: SharedCluster) -> tuple[list[int], list[int]]:
    """Return how much there is of all, cores and a bound; then numbers of jobs, stages, tasks."""
    users: dict[int, int] = {}
    jobs, counts, lengths = list[int](), list[int](), list[int]()
    for job in cluster.jobs:
        user = users.setdefault(job.user, len(users))
        jobs += (user, job.at, len(counts), len(job.stages), len(lengths), job.work)
        for stage in job.stages:
            counts.append(len(stage))
            lengths += stage
    sizes = [len(cluster.jobs), len(counts), len(lengths), len(users)]
    return [*sizes, cluster.cores, _bound(cluster)], jobs + counts + lengths
