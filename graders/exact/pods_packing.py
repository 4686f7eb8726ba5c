"""The default scheduler that places pods, its preemption, and repackings in random orders.

The scheduler is Kubernetes': of the nodes on which a pod fits the one with the greatest score, by
what is left (`LeastAllocated`, or what is taken, `MostAllocated`) and by how alike cpu and memory
are used (`BalancedAllocation`), each from 0 to 100 in whole numbers, as the plugins of release 1.30
have them. Ties, which are drawn there, go to the first node. Nodes and pods are indices here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Literal, NamedTuple, TypeAlias

from tasks.pods import PodCluster, tiers

Spots: TypeAlias = list[int | None]  # by pod: its node, None while it waits
Fill: TypeAlias = Literal["least", "most"]


class PodRequest(NamedTuple):
    """What a pod asks for."""

    cpu: int
    memory: int


@dataclass(frozen=True, slots=True)
class IndexedCluster:
    """A cluster by indices: n pods and m nodes.

    Attributes:
        pods, nodes: their ids.
        capacities: of the nodes.
        requests: of the pods.
        ranks: of the pods: 0 has the highest priority there is.
        spots: where the pods are now.
        protected: those that stay there.
    """

    pods: tuple[str, ...]
    nodes: tuple[str, ...]
    capacities: tuple[PodRequest, ...]
    requests: tuple[PodRequest, ...]
    ranks: tuple[int, ...]
    spots: tuple[int | None, ...]
    protected: frozenset[int]

    def by_id(self, spots: Sequence[int | None]) -> dict[str, str | None]:
        """Return a placement by the ids of pods and nodes."""
        return {
            name: None if spot is None else self.nodes[spot]
            for name, spot in zip(self.pods, spots, strict=True)
        }

    def waiting(self, spots: Sequence[int | None]) -> tuple[int, ...]:
        """Return for each tier, the highest first, how many pods of it or above wait."""
        counts = [0] * (max(self.ranks) + 1)
        for rank, spot in zip(self.ranks, spots, strict=True):
            if spot is None:
                for tier in range(rank, len(counts)):
                    counts[tier] += 1
        return tuple(counts)


def index_cluster(cluster: PodCluster) -> IndexedCluster:
    """Translate a cluster into indices, once, for any number of placements."""
    nodes = {node.id: k for k, node in enumerate(cluster.nodes)}
    rank = {tier: k for k, tier in enumerate(tiers(cluster))}
    return IndexedCluster(
        pods=tuple(pod.id for pod in cluster.pods),
        nodes=tuple(nodes),
        capacities=tuple(PodRequest(node.cpu, node.memory) for node in cluster.nodes),
        requests=tuple(PodRequest(pod.cpu, pod.memory) for pod in cluster.pods),
        ranks=tuple(rank[pod.priority] for pod in cluster.pods),
        spots=tuple(None if pod.node is None else nodes[pod.node] for pod in cluster.pods),
        protected=frozenset(k for k, pod in enumerate(cluster.pods) if pod.protected),
    )


# The scheduler -------------------------------------------------------------------------------


class PodPacking:
    """Pods on nodes, one after another, as the scheduler places them.

    Attributes:
        spots: where each pod is.
        cpu, memory: what is taken, by node.
    """

    def __init__(self, cluster: IndexedCluster, spots: Sequence[int | None]) -> None:
        self.cluster, self.spots = cluster, Spots(spots)
        self.cpu, self.memory = [0] * len(cluster.nodes), [0] * len(cluster.nodes)
        for pod, node in enumerate(spots):
            if node is not None:
                self.put(pod, node)

    def put(self, pod: int, node: int) -> None:
        """Place a pod that waits."""
        self.spots[pod] = node
        cpu, memory = self.cluster.requests[pod]
        self.cpu[node] += cpu
        self.memory[node] += memory

    def remove(self, pod: int) -> int:
        """Let a pod wait, and return the node that it was on."""
        node = self.spots[pod]
        assert node is not None
        self.spots[pod] = None
        cpu, memory = self.cluster.requests[pod]
        self.cpu[node] -= cpu
        self.memory[node] -= memory
        return node

    def fits(self, pod: int, node: int, gone: Iterable[int] = ()) -> bool:
        """Return whether a node has room for a pod, once others of its pods are gone."""
        request, capacity = self.cluster.requests[pod], self.cluster.capacities[node]
        cpu, memory = self.cpu[node] + request.cpu, self.memory[node] + request.memory
        for other in gone:
            cpu -= self.cluster.requests[other].cpu
            memory -= self.cluster.requests[other].memory
        return cpu <= capacity.cpu and memory <= capacity.memory

    def best_node(self, pod: int, fill: Fill) -> int | None:
        """Return where the scheduler places a pod, None if it fits nowhere."""
        (more_cpu, more_memory), best, most = self.cluster.requests[pod], None, -1
        is_least, rows = fill == "least", zip(self.cpu, self.memory, strict=True)
        for node, (cpu, memory) in enumerate(rows):
            all_cpu, all_memory = self.cluster.capacities[node]
            cpu += more_cpu
            memory += more_memory
            if cpu > all_cpu or memory > all_memory:
                continue
            apart, total = abs(cpu * all_memory - memory * all_cpu), all_cpu * all_memory
            if is_least:
                cpu, memory = all_cpu - cpu, all_memory - memory
            allocated = (100 * cpu // all_cpu + 100 * memory // all_memory) // 2
            points = allocated + 100 + -50 * apart // total
            if points > most:
                best, most = node, points
        return best

    def victims(self, pod: int) -> tuple[int, list[int]] | None:
        """Return the node where preemption for a pod costs least, and the pods that go from it.

        From a node all pods of lower priority go but those that have room again, the highest
        priority first. Least is the highest priority that goes, then the sum, then the number.
        """
        choices = []
        for node in range(len(self.cpu)):
            gone = self._gone(pod, node)
            if gone:
                ranks = [-self.cluster.ranks[other] for other in gone]
                last = len(self.cluster.pods)
                choices.append(((max(ranks), sum(last + rank for rank in ranks), node), gone))
        if not choices:
            return None
        (*_, node), gone = min(choices)
        return node, gone

    def _gone(self, pod: int, node: int) -> list[int]:
        """Return the pods that must go from a node for another; none if that does not help."""
        ranks = self.cluster.ranks
        lower = [
            other
            for other, spot in enumerate(self.spots)
            if spot == node and ranks[other] > ranks[pod] and other not in self.cluster.protected
        ]
        if not self.fits(pod, node, lower):
            return []
        gone = list(lower)
        for other in sorted(lower, key=lambda each: (ranks[each], each)):
            without = [each for each in gone if each != other]
            if self.fits(pod, node, without):
                gone = without
        return gone


def schedule(
    cluster: IndexedCluster,
    spots: Sequence[int | None],
    order: Iterable[int],
    *,
    fill: Fill = "least",
    preempts: bool = False,
) -> Spots:
    """Return where pods are once the scheduler has taken them one after another.

    Args:
        cluster: n pods.
        spots: where pods are before.
        order: of those that are to be placed; others that wait still do.
        fill: whether the emptiest or the fullest node is best.
        preempts: whether pods of lower priority are evicted for one that fits nowhere; they come
            to the end of the row.
    """
    packing = PodPacking(cluster, spots)
    queue = [pod for pod in order if spots[pod] is None]
    for pod in queue:  # it grows while pods are evicted, which ends, as each has a lower priority
        node = packing.best_node(pod, fill)
        if node is None and preempts and (choice := packing.victims(pod)):
            node, gone = choice
            for other in gone:
                packing.remove(other)
            queue += gone
        if node is not None:
            packing.put(pod, node)
    return packing.spots


def emptied(cluster: IndexedCluster) -> Spots:
    """Return a placement in which all wait but those that are protected."""
    return [spot if pod in cluster.protected else None for pod, spot in enumerate(cluster.spots)]


# Repacking -----------------------------------------------------------------------------------


def random_orders(cluster: IndexedCluster, rng: Random) -> Iterator[tuple[list[int], Fill]]:
    """Yield orders by priority, drawn within one, and whether to fill, without end.

    They are of all pods but those that are protected.
    """
    count = len(cluster.pods)
    free = [pod for pod in range(count) if pod not in cluster.protected]
    ranks = sorted(set(cluster.ranks))
    tiers = [[pod for pod in free if cluster.ranks[pod] == rank] for rank in ranks]
    while True:
        keys = [rng.random() for _ in range(count)]
        order = [pod for tier in tiers for pod in sorted(tier, key=keys.__getitem__)]
        yield order, "least" if rng.random() < 0.5 else "most"


def repacks_better(
    cluster: IndexedCluster, order: Iterable[int], fill: Fill, waiting: Sequence[int]
) -> bool:
    """Return whether fewer pods wait, the highest tier first, once all are placed anew.

    The scheduler stops as soon as that is decided.

    Args:
        cluster: n pods.
        order: all of them but those that are protected, by priority.
        fill: whether the emptiest or the fullest node is best.
        waiting: as `IndexedCluster.waiting` has it, with which is compared; not all 0.
    """
    packing, tier, count = PodPacking(cluster, emptied(cluster)), 0, 0
    for pod in order:
        rank = cluster.ranks[pod]
        if rank > tier:
            if any(count < each for each in waiting[tier:rank]):
                return True
            tier = rank
        node = packing.best_node(pod, fill)
        if node is None:
            count += 1
            if count > waiting[tier] or count == waiting[-1]:
                return False
        else:
            packing.put(pod, node)
    return True


def any_repack_better(
    cluster: IndexedCluster, rng: Random, count: int, waiting: Sequence[int]
) -> bool:
    """Return whether fewer pods wait after one of so many random repackings.

    Of those in which pods ask for the same as in one before, nothing else comes.

    Args:
        cluster: n pods.
        rng: from which orders are drawn.
        count: how many.
        waiting: as `IndexedCluster.waiting` has it, with which is compared; not all 0.
    """
    before = set[tuple[Fill | PodRequest, ...]]()
    for order, fill in islice(random_orders(cluster, rng), count):
        requests = (fill, *(cluster.requests[pod] for pod in order))
        if requests not in before:
            before.add(requests)
            if repacks_better(cluster, order, fill, waiting):
                return True
    return False
