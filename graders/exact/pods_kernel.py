"""The compiled twin of the scheduler of pods, where the install had a C compiler.

Where there is none Python places the same pods on the same nodes.
"""

import ctypes
from array import array
from collections.abc import Iterable, Sequence
from functools import cache
from random import Random

from graders.exact import pods_packing
from graders.exact.kernels import NO_MEMORY, Kernel, Longs, longs
from graders.exact.pods_packing import Fill, IndexedCluster, Spots, emptied

_MOST = 1 << 61  # what no sum or product in the kernel may reach
_DRAWN = 25  # repackings at a time: mostly one of the first is better
_BETTER = 2  # what `pods_any_better` returns where one is
_WAITS = -1

_Doubles = ctypes.POINTER(ctypes.c_double)
_Long = ctypes.c_int64
KERNEL = Kernel(
    "pods",
    ("pods_kernel.c",),
    {
        "pods_schedule": ([Longs, Longs, Longs, _Long, _Long, _Long], ctypes.c_int),
        "pods_any_better": ([Longs, Longs, _Doubles, _Long, Longs, _Long], ctypes.c_int),
    },
)


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled kernel, or None if there is none for this machine and these sources."""
    return KERNEL.load(KERNEL.place, KERNEL.paths)


def fits(cluster: IndexedCluster) -> bool:
    """Return whether no sum or product over this cluster can overflow 64 bits."""
    requests = map(sum, zip(*cluster.requests, strict=True))
    cpu, memory = map(int.__add__, requests, map(max, zip(*cluster.capacities, strict=True)))
    return 200 * cpu * memory < _MOST


def schedule(
    cluster: IndexedCluster,
    spots: Sequence[int | None],
    order: Iterable[int],
    *,
    fill: Fill = "least",
    preempts: bool = False,
    compiled: bool = True,
) -> Spots:
    """Return where pods are once the scheduler has taken them: see `pods_packing.schedule`.

    Args:
        cluster: n pods.
        spots: where pods are before.
        order: of those that are to be placed, each once; others that wait still do.
        fill: whether the emptiest or the fullest node is best.
        preempts: whether pods of lower priority are evicted for one that fits nowhere.
        compiled: whether the kernel may be used.

    Raises:
        MemoryError: if the kernel gets no memory.
    """
    kernel = library() if compiled and fits(cluster) else None
    if kernel is None:
        return pods_packing.schedule(cluster, spots, order, fill=fill, preempts=preempts)
    queue = [pod for pod in order if spots[pod] is None]
    row = longs(_WAITS if spot is None else spot for spot in spots)
    places = longs(queue)
    status = kernel.pods_schedule(
        _numbers(cluster), row, places, len(queue), fill == "least", preempts
    )
    if status == NO_MEMORY:
        raise MemoryError("pods kernel: no memory for a schedule")
    return [None if spot == _WAITS else spot for spot in row]


def any_repack_better(
    cluster: IndexedCluster,
    rng: Random,
    count: int,
    waiting: Sequence[int],
    *,
    compiled: bool = True,
) -> bool:
    """Return whether fewer pods wait after one of so many random repackings.

    Args:
        cluster: n pods.
        rng: from which those orders are drawn that `pods_packing.random_orders` has.
        count: how many.
        waiting: as `IndexedCluster.waiting` has it, with which is compared; not all 0.
        compiled: whether the kernel may be used.

    Raises:
        MemoryError: if the kernel gets no memory.
    """
    kernel = library() if compiled and fits(cluster) else None
    if kernel is None:
        return pods_packing.any_repack_better(cluster, rng, count, waiting)
    numbers, base = _numbers(cluster), longs(waiting)
    spots = longs(_WAITS if spot is None else spot for spot in emptied(cluster))
    each = len(cluster.pods) + 1
    for begun in range(0, count, _DRAWN):
        drawn = min(_DRAWN, count - begun)
        keys = array("d", [rng.random() for _ in range(drawn * each)])
        row = (ctypes.c_double * len(keys)).from_buffer(keys)
        status = kernel.pods_any_better(numbers, spots, row, drawn, base, len(base))
        if status == NO_MEMORY:
            raise MemoryError("pods kernel: no memory for a repacking")
        if status == _BETTER:
            return True
    return False


def _numbers(cluster: IndexedCluster) -> "ctypes.Array[ctypes.c_int64]":
    """Return a cluster as the kernel reads it."""
    pods = range(len(cluster.pods))
    columns = [*zip(*cluster.capacities, strict=True), *zip(*cluster.requests, strict=True)]
    protected = [pod in cluster.protected for pod in pods]
    numbers = [len(pods), len(cluster.nodes)]
    for column in (*columns, cluster.ranks, protected):
        numbers += column
    return longs(numbers)
