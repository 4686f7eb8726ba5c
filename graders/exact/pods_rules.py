"""Rules that place pods: the default scheduler with its preemption, repacking, single moves.

The scheduler is Kubernetes': of the nodes on which a pod fits the one with the greatest score, by
what is left (`LeastAllocated`, or what is taken, `MostAllocated`) and by how alike cpu and memory
are used (`BalancedAllocation`), each from 0 to 100 in whole numbers, as the plugins of release 1.30
have them. Ties, which are drawn there, go to the first node. Nodes and pods are indices here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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


def score(capacity: PodRequest, taken: PodRequest, fill: Fill) -> int:
    """Return the scheduler's score of a node on which so much would be taken, 0 to 200."""
    allocated = 0
    for most, used in zip(capacity, taken, strict=True):
        allocated += 100 * (most - used if fill == "least" else used) // most
    total = capacity.cpu * capacity.memory
    apart = abs(taken.cpu * capacity.memory - taken.memory * capacity.cpu)
    return allocated // 2 + (200 * total - 100 * apart) // (2 * total)


class PodPacking:
    """Pods on nodes, one after another, as the scheduler places them.

    Attributes:
        spots: where each pod is.
        taken: by node, the cpu and the memory.
    """

    def __init__(self, cluster: IndexedCluster, spots: Sequence[int | None]) -> None:
        self.cluster, self.spots = cluster, Spots(spots)
        self.taken = [PodRequest(0, 0) for _ in cluster.nodes]
        for pod, node in enumerate(spots):
            if node is not None:
                self._take(node, pod, 1)

    def _take(self, node: int, pod: int, sign: int) -> None:
        request, taken = self.cluster.requests[pod], self.taken[node]
        self.taken[node] = PodRequest(
            taken.cpu + sign * request.cpu, taken.memory + sign * request.memory
        )

    def put(self, pod: int, node: int) -> None:
        """Place a pod that waits."""
        self.spots[pod] = node
        self._take(node, pod, 1)

    def remove(self, pod: int) -> int:
        """Let a pod wait, and return the node that it was on."""
        node = self.spots[pod]
        assert node is not None
        self.spots[pod] = None
        self._take(node, pod, -1)
        return node

    def fits(self, pod: int, node: int, gone: Iterable[int] = ()) -> bool:
        """Return whether a node has room for a pod, once others of its pods are gone."""
        request, capacity, taken = (
            self.cluster.requests[pod],
            self.cluster.capacities[node],
            self.taken[node],
        )
        cpu, memory = taken.cpu + request.cpu, taken.memory + request.memory
        for other in gone:
            cpu -= self.cluster.requests[other].cpu
            memory -= self.cluster.requests[other].memory
        return cpu <= capacity.cpu and memory <= capacity.memory

    def best_node(self, pod: int, fill: Fill) -> int | None:
        """Return where the scheduler places a pod, None if it fits nowhere."""
        request, best, most = self.cluster.requests[pod], None, -1
        for node, (capacity, taken) in enumerate(
            zip(self.cluster.capacities, self.taken, strict=True)
        ):
            after = PodRequest(taken.cpu + request.cpu, taken.memory + request.memory)
            if after.cpu > capacity.cpu or after.memory > capacity.memory:
                continue
            points = score(capacity, after, fill)
            if points > most:
                best, most = node, points
        return best

    def victims(self, pod: int) -> tuple[int, list[int]] | None:
        """Return the node where preemption for a pod costs least, and the pods that go from it.

        From a node all pods of lower priority go but those that have room again, the highest
        priority first. Least is the highest priority that goes, then the sum, then the number.
        """
        choices = []
        for node in range(len(self.taken)):
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


# Rules ---------------------------------------------------------------------------------------


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
    while True:
        keys = [rng.random() for _ in cluster.pods]
        order = sorted(range(len(keys)), key=lambda pod: (cluster.ranks[pod], keys[pod]))
        fill: Fill = "least" if rng.random() < 0.5 else "most"
        yield schedule(cluster, empty, order, fill=fill)


def emptied(cluster: IndexedCluster) -> Spots:
    """Return a placement in which all wait but those that are protected."""
    return [spot if pod in cluster.protected else None for pod, spot in enumerate(cluster.spots)]


def one_move(cluster: IndexedCluster) -> Spots:
    """Return preemption's placement, in which one pod was moved for each that waits, if it helps.

    For each waiting pod, the highest priority first, the first running one goes to the first other
    node on which it fits, if the one that waits has its room then.
    """
    packing = PodPacking(cluster, preempt(cluster))
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
    nodes = range(len(packing.taken))
    for node in nodes:
        for other, spot in enumerate(packing.spots):
            if spot != node or other in packing.cluster.protected:
                continue
            if not packing.fits(pod, node, [other]):
                continue
            for target in nodes:
                if target != node and packing.fits(other, target):
                    yield node, other, target
