"""Generates clusters in which pods wait, though more of them could run.

After the workload of *Priority Matters* (arXiv 2511.08373): sets of 1 to 4 replicas, requests of
each resource U{100..1000}, priorities U{1..k}, nodes alike, with the sum of all requests over the
utilisation. Pods come in their order to the default scheduler, which does not evict; those that fit
nowhere wait. A cluster is kept if a search without a solver finds a placement of more pods, by
priority, than eviction alone has: where that is the best there is, nothing is left to plan.
"""

from collections.abc import Mapping, Sequence
from math import ceil
from random import Random
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from generators.base import plain_settings, settings_as
from generators.jobshop import numbered
from graders.exact.pods import PURPOSE
from graders.exact.pods import reference as solve
from graders.exact.pods_kernel import any_repack_better, schedule
from graders.exact.pods_packing import index_cluster
from graders.exact.pods_rules import one_move, preempt, repack
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.extras import require
from tasks.ids import instance_id
from tasks.pods import VERSION, Pod, PodCluster, PodNode

LEAST, LARGEST = 2, 16  # nodes
LOW, HIGH = 100, 1000  # requests
REPLICAS = 4  # the most of a set
ATTEMPTS = 1000  # clusters that are drawn until one lets something be gained
REPACKS = 200  # placements that are drawn until one of a cluster is better than eviction


class PodSettings(Noun, frozen=True):
    """The dials of a cluster.

    Attributes:
        per_node: pods for each node.
        priorities: how many there can be.
        load: the requests of all pods over what the nodes have, of each resource.
        protected: the chance that a pod that runs must stay where it is.
        setting: the words of the prompt.
    """

    per_node: Annotated[int, Meta(ge=2, le=8)] = 4
    priorities: Annotated[int, Meta(ge=1, le=4)] = 3
    load: Annotated[float, Meta(ge=0.5, le=1.5)] = 0.95
    protected: Annotated[float, Meta(ge=0, le=1)] = 0.0
    setting: Literal["plain"] = "plain"


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with their defaults, in one spelling.

    Args:
        level: the number of nodes.
        settings: those that are given; see `PodSettings`.

    Raises:
        InputError: the level or a setting is wrong.
    """
    if not LEAST <= level <= LARGEST:
        raise InputError(f"level {level}: a cluster has {LEAST} to {LARGEST} nodes")
    return plain_settings(settings_as(PodSettings, "pods", settings))


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[PodCluster]:
    """Return a cluster; levels share nothing.

    Args:
        level: the number of nodes.
        seed: of all streams.
        index: the number of the instance, from 0.
        settings: those that are given; see `PodSettings`.
        reference: whether the solver looks for the optimum; else nothing is known of it.

    Raises:
        InputError: the level or a setting is wrong, or leaves nothing to gain.
        MissingExtra: the solver is to look, and is not installed.
    """
    if reference:  # not at the first cluster that needs it, in the middle of a file
        require("solvers", PURPOSE, "ortools")
    resolved = resolve(level, settings)
    cluster = _gainful(f"pods/{VERSION}/{level}/{seed}/{index}", level, resolved)
    return Instance(
        id=instance_id("pods", level, seed, index, VERSION, resolved, apart=True),
        family="pods",
        level=level,
        seed=seed,
        index=index,
        settings=resolved,
        version=VERSION,
        payload=cluster,
        reference=solve(cluster) if reference else Reference("none"),
    )


def _gainful(streams: str, level: int, settings: Mapping[str, Scalar]) -> PodCluster:
    """Return the first cluster drawn in which something can be gained."""
    typed = msgspec.convert(settings, PodSettings)
    for attempt in range(ATTEMPTS):
        cluster = started(workload(f"{streams}/{attempt}", level, typed))
        cluster = _protect(cluster, typed.protected, Random(f"{streams}/{attempt}/protected"))
        if can_gain(cluster, Random(f"{streams}/{attempt}/search")):
            return cluster
    raise InputError(f"level {level}: with these settings no cluster lets anything be gained")


def workload(streams: str, level: int, settings: PodSettings) -> PodCluster:
    """Draw pods that all wait, every ingredient from its own stream.

    Args:
        streams: with which the names of the streams begin.
        level: the number of nodes.
        settings: the dials.
    """
    count = level * settings.per_node
    sizes, requests = Random(f"{streams}/sets"), Random(f"{streams}/requests")
    priorities = Random(f"{streams}/priorities {settings.priorities}")
    pods, names = list[Pod](), numbered("pod-", count)
    while len(pods) < count:
        replicas = sizes.randint(1, min(REPLICAS, count - len(pods)))
        cpu, memory = requests.randint(LOW, HIGH), requests.randint(LOW, HIGH)
        priority = priorities.randint(1, settings.priorities)
        pods += [
            Pod(name, cpu, memory, priority=priority)
            for name in names[len(pods) : len(pods) + replicas]
        ]
    node = PodNode(
        "",
        _capacity([pod.cpu for pod in pods], settings.load, level),
        _capacity([pod.memory for pod in pods], settings.load, level),
    )
    nodes = tuple(replace(node, id=name) for name in numbered("n", level))
    return PodCluster(nodes, tuple(pods), setting=settings.setting)


def _capacity(requests: Sequence[int], load: float, nodes: int) -> int:
    """Return what each node has of a resource: at least what the largest pod asks for."""
    return max(*requests, ceil(ceil(sum(requests) / load) / nodes))


def started(cluster: PodCluster) -> PodCluster:
    """Return a cluster to which its pods have come in their order: some wait, none is evicted."""
    indexed = index_cluster(cluster)
    spots = schedule(indexed, indexed.spots, range(len(cluster.pods)))
    nodes = indexed.by_id(spots)
    pods = tuple(replace(pod, node=nodes[pod.id]) for pod in cluster.pods)
    return replace(cluster, pods=pods)


def _protect(cluster: PodCluster, chance: float, rng: Random) -> PodCluster:
    """Draw which of the pods that run must stay."""
    if not chance:
        return cluster
    draws = [rng.random() < chance for _ in cluster.pods]
    pods = tuple(
        replace(pod, protected=drawn and pod.node is not None)
        for pod, drawn in zip(cluster.pods, draws, strict=True)
    )
    return replace(cluster, pods=pods)


def can_gain(cluster: PodCluster, rng: Random) -> bool:
    """Return whether a search finds a placement of more pods, by priority, than eviction has.

    It repacks and moves by rule, and then tries `REPACKS` random orders.
    """
    indexed = index_cluster(cluster)
    evicted = preempt(indexed)
    base = indexed.waiting(evicted)
    if not any(base):
        return False
    quick = (one_move(indexed, evicted), repack(indexed, "least"), repack(indexed, "most"))
    if any(indexed.waiting(spots) < base for spots in quick):
        return True
    return any_repack_better(indexed, rng, REPACKS, base)
