"""Checks a placement of pods against every rule.

`pods.py` lists the kinds of violations and their fields.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from tasks.base import Fields, short
from tasks.pods import PodCluster

Answer: TypeAlias = Mapping[str, Any]  # what stands for a pod's node, by pod id


def violations(cluster: PodCluster, placement: Answer) -> list[Fields]:
    """Return all violations of a placement; none if it is feasible.

    Pods without a node that there is take nothing of any.

    Args:
        cluster: the cluster.
        placement: what the answer gives as the node of each pod id; ids may be missing or unknown,
            and values anything.
    """
    ids = {pod.id for pod in cluster.pods}
    return [
        *_check_pods(cluster, placement),
        *({"kind": "unknown", "pod": short(name)} for name in placement if name not in ids),
        *_check_nodes(cluster, placement),
    ]


def _check_pods(cluster: PodCluster, placement: Answer) -> Iterator[Fields]:
    nodes = {node.id for node in cluster.nodes}
    for pod in cluster.pods:
        if pod.id not in placement:
            yield {"kind": "missing", "pod": pod.id}
            continue
        node = placement[pod.id]
        if node is not None and not isinstance(node, str):
            yield {"kind": "not_a_node", "pod": pod.id, "value": short(node)}
        elif node is not None and node not in nodes:
            yield {"kind": "unknown_node", "pod": pod.id, "value": short(node)}
        elif pod.protected and node != pod.node:
            yield {"kind": "protected", "pod": pod.id, "node": pod.node}


def _check_nodes(cluster: PodCluster, placement: Answer) -> Iterator[Fields]:
    for node in cluster.nodes:
        pods = [pod for pod in cluster.pods if placement.get(pod.id) == node.id]
        for resource in ("cpu", "memory"):
            over = sum(getattr(pod, resource) for pod in pods) - getattr(node, resource)
            if over > 0:
                fields: Fields = {"node": node.id, "resource": resource, "amount": over}
                yield {"kind": "capacity", **fields}


_OF_PODS = ("missing", "not_a_node", "unknown_node", "protected")


def broken_share(cluster: PodCluster, problems: list[Fields]) -> float:
    """Return the share of constraints not satisfied, in [0, 1].

    One constraint each are a pod (a node that there is or null, its own if it is protected) and
    each of the two resources of a node; without a place for every pod no node's is satisfied. All
    ids that are no pod's count as one more that is broken. So the share is 0 only without a
    violation, and leaving pods out never lowers it.

    Args:
        cluster: the cluster.
        problems: the placement's violations, as `violations` gives them.
    """
    faulty = {v["pod"] for v in problems if v["kind"] in _OF_PODS}
    placeless = any(v["kind"] in _OF_PODS[:-1] for v in problems)
    over = sum(v["kind"] == "capacity" for v in problems)
    resources = 2 * len(cluster.nodes)
    unknown = any(v["kind"] == "unknown" for v in problems)
    broken = len(faulty) + (resources if placeless else over) + unknown
    return broken / (len(cluster.pods) + resources + unknown)
