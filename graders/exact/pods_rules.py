"""Rules that place pods: the default scheduler with its preemption, repacking, single moves."""

from collections.abc import Iterator
from random import Random

from graders.exact.pods_kernel import schedule
from graders.exact.pods_packing import (
    Fill,
    IndexedCluster,
    PodPacking,
    PodRequest,
    Spots,
    emptied,
    random_orders,
)


def keep(cluster: IndexedCluster) -> Spots:
    """Return the placement as it is."""
    return list(cluster.spots)


def preempt(cluster: IndexedCluster) -> Spots:
    """Return what the default scheduler makes of the pods that wait, the highest priority first."""
    order = sorted(range(len(cluster.pods)), key=lambda pod: (cluster.ranks[pod], pod))
    return schedule(cluster, cluster.spots, order, preempts=True)


def repack(cluster: IndexedCluster, fill: Fill) -> Spots:
    """Return all pods placed anew: by priority, then the largest first."""

    def size(pod: int) -> float:
        request = cluster.requests[pod]
        return request.cpu / most.cpu + request.memory / most.memory

    most = PodRequest(*(max(each) for each in zip(*cluster.capacities, strict=True)))
    order = sorted(range(len(cluster.pods)), key=lambda pod: (cluster.ranks[pod], -size(pod), pod))
    return schedule(cluster, emptied(cluster), order, fill=fill)


def random_repacks(cluster: IndexedCluster, rng: Random) -> Iterator[Spots]:
    """Yield all pods placed anew by priority, without end: orders within one and fill are drawn."""
    empty = emptied(cluster)
    for order, fill in random_orders(cluster, rng):
        yield schedule(cluster, empty, order, fill=fill)


def one_move(cluster: IndexedCluster, evicted: Spots | None = None) -> Spots:
    """Return preemption's placement, in which one pod was moved for each that waits, if it helps.

    For each waiting pod, the highest priority first, the first running one goes to the first other
    node on which it fits, if the one that waits has its room then.

    Args:
        cluster: n pods.
        evicted: preemption's placement, where that is there already.
    """
    packing = PodPacking(cluster, preempt(cluster) if evicted is None else evicted)
    order = sorted(range(len(cluster.pods)), key=lambda pod: (cluster.ranks[pod], pod))
    for pod in [each for each in order if packing.spots[each] is None]:
        for node, other, target in _moves(packing, pod):
            packing.remove(other)
            packing.put(other, target)
            packing.put(pod, node)
            break
    return packing.spots


def _moves(packing: PodPacking, pod: int) -> Iterator[tuple[int, int, int]]:
    """Yield a node, a pod there and where that would go, so that another has its room."""
    nodes = range(len(packing.cpu))
    for node in nodes:
        for other, spot in enumerate(packing.spots):
            if spot != node or other in packing.cluster.protected:
                continue
            if not packing.fits(pod, node, [other]):
                continue
            for target in nodes:
                if target != node and packing.fits(other, target):
                    yield node, other, target
