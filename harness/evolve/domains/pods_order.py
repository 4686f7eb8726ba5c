"""Orders in which pods are placed anew, and where: `order(pod, node, cluster) -> float`."""

from collections.abc import Mapping
from random import Random
from statistics import fmean
from typing import Any

from msgspec.structs import replace

from generators import pods as generator
from graders import pods as grader
from graders.exact.pods import quick_bound
from graders.exact.pods import reference as solve
from graders.exact.pods_kernel import schedule
from graders.exact.pods_packing import Fill, IndexedCluster, Spots, emptied, index_cluster
from harness.evolve.domain import Domain, WrongSolution, entries
from harness.families.pods import POLICIES
from harness.suites.suite import Suite
from tasks.base import Fields, Grade, Instance, Number, Outcome, Reference, Scalar, Verdict, short
from tasks.pods import KEY, VERSION, PodCluster, split_value, value

ORDERS = 50  # random ones that set the zero of the scale
BEST = 1000  # the cost of an optimum; eviction has twice that
WORST = 4 * BEST

FACTS = """\
A cluster has nodes, all alike, with cpu and memory; pods ask for some of both and have priorities.
The scheduler let some of them wait, and by evicting pods it gets no further. Place all anew: as
many as can be of the highest priority, then of the two highest together, and so on.

All pods are taken off their nodes at first, but those that must stay. Then one pair after another
is taken: of all pairs of a pod that has no node yet and a node that has room for it the one with
the SMALLEST value of `order(pod, node, cluster)` is next (ties: the earlier pod, then the earlier
node). It ends when no pod fits anywhere; the others wait. A placement costs 1 at the optimum and 2
where it is as good as eviction, in between by how far it is from the optimum in the first
priority in which they differ, and 4 at the most; minimise the mean. The three arguments are dicts
that must not be changed:
pod: "index" (from 0); "cpu" and "memory" (shares of what a node has); "priority" (more is first)
and "tier" (0 for the highest there is); "running" (the index of the node that it ran on, or None);
"alike" (how many without a node ask for the same at the same priority, it included).
node: "index"; "free_cpu" and "free_memory" (shares of the node, before); "pods" (how many are on
it); "fullest" and "emptiest" (the scheduler's scores of the node with the pod on it, 0 to 200: more
where more is taken, or less, and where cpu and memory are used alike).
cluster: "nodes" (how many); "tiers"; "placed" and "left" (pods with and without a node);
"free_cpu" and "free_memory" (shares of all nodes); "left_cpu" and "left_memory" (what the pods
without a node ask for, as shares of all nodes).
It returns a finite number."""

DRIVER = """\
def points(taken, most, fill):
    shares = [used if fill == "fullest" else all_ - used for used, all_ in zip(taken, most)]
    allocated = sum(100 * share // all_ for share, all_ in zip(shares, most))
    total = most[0] * most[1]
    apart = abs(taken[0] * most[1] - taken[1] * most[0])
    return allocated // 2 + (200 * total - 100 * apart) // (2 * total)


def about(pod, left, case):
    most = case["node"]
    alike = sum(other[:3] == pod[:3] for other in left.values())
    return {"cpu": pod[0] / most[0], "memory": pod[1] / most[1], "priority": pod[2],
            "tier": case["tiers"].index(pod[2]), "running": pod[3], "alike": alike}


def state(left, taken, case):
    most, nodes = case["node"], len(taken)
    totals = [sum(row[k] for row in taken) / (nodes * most[k]) for k in (0, 1)]
    rest = [sum(pod[k] for pod in left.values()) / (nodes * most[k]) for k in (0, 1)]
    return {"nodes": nodes, "tiers": len(case["tiers"]), "placed": len(case["pods"]) - len(left),
            "left": len(left), "free_cpu": 1 - totals[0], "free_memory": 1 - totals[1],
            "left_cpu": rest[0], "left_memory": rest[1]}


def solve(function, case):
    most, spots = case["node"], list(case["fixed"])
    taken = [[0, 0] for _ in range(case["nodes"])]
    counts = [0] * case["nodes"]
    for pod, node in zip(case["pods"], spots):
        if node is not None:
            taken[node] = [taken[node][0] + pod[0], taken[node][1] + pod[1]]
            counts[node] += 1
    left = {k: pod for k, pod in enumerate(case["pods"]) if spots[k] is None}
    while True:
        best, cluster = None, state(left, taken, case)
        for k, asked in left.items():
            pod = {"index": k, **about(asked, left, case)}
            for place, used in enumerate(taken):
                after = (used[0] + asked[0], used[1] + asked[1])
                if after[0] > most[0] or after[1] > most[1]:
                    continue
                node = {"index": place, "free_cpu": 1 - used[0] / most[0],
                        "free_memory": 1 - used[1] / most[1], "pods": counts[place],
                        "fullest": points(after, most, "fullest"),
                        "emptiest": points(after, most, "emptiest")}
                before = (dict(pod), dict(node), dict(cluster))
                key = number(function(pod, node, cluster))
                if (pod, node, cluster) != before:
                    return {"failure": "arguments", "detail": "an argument is not what it was"}
                if best is None or key < best[0]:
                    best = (key, k, place)
        if best is None:
            return spots
        _, k, place = best
        spots[k] = place
        pod = left.pop(k)
        taken[place] = [taken[place][0] + pod[0], taken[place][1] + pod[1]]
        counts[place] += 1
"""

FULLEST = """\
def order(pod, node, cluster):
    size = pod["cpu"] + pod["memory"]
    return -1e9 * pod["priority"] - 1e6 * size - node["fullest"] / 1000
"""

EMPTIEST = """\
def order(pod, node, cluster):
    size = pod["cpu"] + pod["memory"]
    return -1e9 * pod["priority"] - 1e6 * size - node["emptiest"] / 1000
"""

STAYING = """\
def order(pod, node, cluster):
    stays = pod["running"] == node["index"]
    return -1e9 * pod["priority"] - 1e6 * stays - node["fullest"] / 1000
"""

WEIGHED = """\
def order(pod, node, cluster):
    a, b, c = 0.0, 0.0, 0.0
    size = pod["cpu"] + pod["memory"]
    stays = pod["running"] == node["index"]
    uneven = abs(node["free_cpu"] - node["free_memory"])
    return (
        -1e9 * pod["priority"]
        - 1e6 * (size + a * stays + b * pod["alike"] + c * uneven)
        - node["fullest"] / 1000
    )
"""

USUAL: dict[str, Scalar] = {}


def _split(name: str, seed: int, each: int) -> Suite:
    """Return a split of what a search sees."""
    parts = (*entries("pods", 4, each, USUAL), *entries("pods", 5, each, USUAL))
    return Suite(name, "4 and 5 nodes", seed, entry=parts)


SUITES = {
    "train": _split("train", 9411, 12),
    "validation": _split("validation", 9412, 24),
    "test": _split("test", 9413, 36),
    "larger": Suite("larger", "8 nodes", 9414, entry=entries("pods", 8, 12, USUAL)),
    "cells": Suite(
        "cells",
        "6 pods a node, or 2 priorities, or some that must stay",
        9415,
        entry=entries("pods", 4, 8, {"per_node": 6}, {"priorities": 2}, {"protected": 0.2}),
    ),
}


# Costs ---------------------------------------------------------------------------------------


def cost(instance: Instance[PodCluster], objective: Number) -> int:
    """Return what a placement costs: `BEST` at the optimum, twice that as eviction, or `WORST`.

    Args:
        instance: whose reference's answer is the optimum by the pods that wait; where that is not
            proven, the bound that takes no search stands for it.
        objective: the value of the placement, as the family's grader has it.
    """
    cluster, reference = instance.payload, instance.reference
    best = quick_bound(cluster)
    if reference.status == "optimal" and reference.answer is not None:
        best = value(cluster, reference.answer[KEY])
    least, evicted, waiting = (
        split_value(cluster, int(each))[0] for each in (best, grader.preempted(cluster), objective)
    )
    above = -(-BEST * (waiting - least) // max(1, evicted - least))  # rounded up
    return min(WORST, BEST + above)


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[PodCluster]:
    """Return a cluster whose reference is in costs; it is optimal if what waits is proven.

    Args:
        level, seed, index, settings: as the family's generator has them.
        reference: whether the solver looks for the optimum.
    """
    instance = generator.generate(level, seed, index, settings, reference=False)
    if not reference:
        return instance
    cluster = instance.payload
    found = solve(cluster, share=0)  # costs know no disruption
    assert found.objective is not None
    assert found.bound is not None
    ends = [split_value(cluster, int(each))[0] for each in (found.objective, found.bound)]
    known = Reference("optimal", BEST, BEST, solver=found.solver, answer=found.answer)
    if ends[0] > ends[1]:
        known = Reference("bounded", bound=BEST, solver=found.solver, answer=found.answer)
    return replace(instance, reference=known)


def grade(instance: Instance[PodCluster], outcome: Outcome) -> Grade:
    """Grade a placement by its cost.

    Args:
        instance: with a reference in costs.
        outcome: one answer of the family.
    """
    found = grader.grade(replace(instance, reference=Reference("none")), outcome)
    if found.verdict is not Verdict.valid or found.objective is None:
        return found
    return replace(found, objective=cost(instance, found.objective))


# What programs see and say -------------------------------------------------------------------


def case(instance: Instance[PodCluster]) -> Any:
    """Return the cluster by indices: pods as [cpu, memory, priority, node], those that stay."""
    cluster = instance.payload
    indexed = index_cluster(cluster)
    first = indexed.capacities[0]
    return {
        "node": [first.cpu, first.memory],
        "nodes": len(cluster.nodes),
        "pods": [
            [pod.cpu, pod.memory, pod.priority, spot]
            for pod, spot in zip(cluster.pods, indexed.spots, strict=True)
        ],
        "tiers": sorted({pod.priority for pod in cluster.pods}, reverse=True),
        "fixed": emptied(indexed),
    }


def answer(instance: Instance[PodCluster], solution: Any) -> Fields:
    """Return the placement of a solution, a node's index or None for each pod.

    Raises:
        WrongSolution: if it is none.
    """
    indexed = index_cluster(instance.payload)
    if not isinstance(solution, list):
        raise WrongSolution("wrong type", f"not a list of nodes but {short(solution)}")
    if len(solution) != len(indexed.pods):
        raise WrongSolution("wrong count", f"{len(solution)} places for {len(indexed.pods)} pods")
    for node in solution:
        if node is not None and (type(node) is not int or not 0 <= node < len(indexed.nodes)):
            raise WrongSolution("wrong type", f"{short(node)} is no number of a node")
    return {KEY: indexed.by_id(solution)}


def chance(instance: Instance[PodCluster]) -> float:
    """Return the mean cost of 50 random orders, which know of no priority."""
    indexed = index_cluster(instance.payload)
    rng = Random(f"pods/random orders/{len(indexed.pods)}")
    placements = [indexed.by_id(_at_random(indexed, rng)) for _ in range(ORDERS)]
    return fmean(cost(instance, value(instance.payload, each)) for each in placements)


def _at_random(indexed: IndexedCluster, rng: Random) -> Spots:
    """Return all pods placed anew in a random order, each on the fullest or the emptiest node."""
    order = rng.sample(range(len(indexed.pods)), len(indexed.pods))
    fill: Fill = "least" if rng.random() < 0.5 else "most"
    return schedule(indexed, emptied(indexed), order, fill=fill)


RULES = ("keep", "preempt", "repack-least", "repack-most", "one-move", "random-200")

DOMAIN = Domain(
    name="pods-order",
    family="pods",
    description="order(pod, node, cluster) -> float: which pod is placed next, and where",
    function="order",
    arguments=("pod", "node", "cluster"),
    facts=FACTS,
    driver=DRIVER,
    programs={
        "fullest": FULLEST,
        "emptiest": EMPTIEST,
        "staying": STAYING,
        "weighed": WEIGHED,
    },
    rules={name: POLICIES[name].answer for name in RULES},
    splits=SUITES,
    case=case,
    answer=answer,
    chance=chance,
    generate=generate,
    version=VERSION,
    grade=grade,
)
