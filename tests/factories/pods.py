"""Small clusters of pods, and what they are worth by trying everything."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from hypothesis import strategies as st

from graders.exact.pods import pod_sets
from graders.exact.pods_packing import index_cluster
from tasks.base import Instance, Reference
from tasks.pods import Pod, PodCluster, PodNode

Placement = dict[str, str | None]


def cluster(
    nodes: Sequence[tuple[int, int]],
    pods: Sequence[tuple[int, int, int, int | None]],
    protected: Sequence[int] = (),
) -> PodCluster:
    """Nodes n0, n1, ... (cpu, memory) and pods p0, p1, ... (cpu, memory, priority, node)."""
    return PodCluster(
        tuple(PodNode(f"n{k}", *each) for k, each in enumerate(nodes)),
        tuple(
            Pod(
                f"p{k}",
                cpu,
                memory,
                priority=priority,
                node=None if node is None else f"n{node}",
                protected=k in protected,
            )
            for k, (cpu, memory, priority, node) in enumerate(pods)
        ),
    )


def instance(
    payload: PodCluster,
    reference: Reference = Reference("none"),  # noqa: B008
) -> Instance[PodCluster]:
    """An instance of a cluster."""
    return Instance("i", "pods", len(payload.nodes), None, 0, {}, 1, payload, reference)


@st.composite
def small(draw: st.DrawFn, most: int = 5) -> PodCluster:
    """Up to so many pods on up to two nodes, some of which run, and some of those must stay."""
    sizes = st.tuples(st.integers(2, 6), st.integers(2, 6))
    nodes = draw(st.lists(sizes, min_size=1, max_size=2))
    kinds = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
    free, pods, protected = [list(each) for each in nodes], [], []
    for number, (cpu, memory, priority) in enumerate(
        draw(st.lists(kinds, min_size=1, max_size=most))
    ):
        node = draw(st.none() | st.integers(0, len(nodes) - 1))
        if node is not None and (free[node][0] < cpu or free[node][1] < memory):
            node = None
        if node is not None:
            free[node] = [free[node][0] - cpu, free[node][1] - memory]
            protected += [number] * (draw(st.integers(0, 5)) == 0)
        pods.append((cpu, memory, priority, node))
    return cluster(nodes, pods, protected)


# Trying everything ---------------------------------------------------------------------------


def placements(payload: PodCluster) -> Iterator[Placement]:
    """Every placement, those that break a rule too."""
    choices: list[str | None] = [None, *(node.id for node in payload.nodes)]
    names = [pod.id for pod in payload.pods]
    for each in product(choices, repeat=len(names)):
        yield dict(zip(names, each, strict=True))


def faults(payload: PodCluster, placement: Mapping[str, Any]) -> set[tuple[Any, ...]]:
    """What is wrong with a placement, found by taking what pods need unit by unit."""
    wrong: set[tuple[Any, ...]] = set()
    left = {
        (node.id, resource): getattr(node, resource)
        for node in payload.nodes
        for resource in ("cpu", "memory")
    }
    for pod in payload.pods:
        node = placement[pod.id]
        if pod.protected and node != pod.node:
            wrong.add(("protected", pod.id))
        for resource in ("cpu", "memory"):
            for _ in range(getattr(pod, resource) if node is not None else 0):
                left[node, resource] -= 1
    return wrong | {("capacity", *key) for key, units in left.items() if units < 0}


def worth(payload: PodCluster, placement: Mapping[str, str | None]) -> tuple[int, ...]:
    """Waiting pods of each tier or above, then the trouble: what is compared, as a tuple."""
    counts = [
        len([p for p in payload.pods if p.priority >= tier and placement[p.id] is None])
        for tier in sorted({pod.priority for pod in payload.pods})[::-1]
    ]
    trouble = sum(
        {pod.node: 0, None: 1}.get(placement[pod.id], 2) for pod in payload.pods if pod.node
    )
    return (*counts, trouble)


def best_of_all(payload: PodCluster) -> tuple[int, ...]:
    """The least worth of all placements that keep the rules."""
    return min(worth(payload, each) for each in placements(payload) if not faults(payload, each))


def fewest_by_the_paper(payload: PodCluster) -> tuple[int, ...]:
    """What waits, tier by tier, in the optimum of *Priority Matters* (arXiv 2511.08373).

    There the disruption of a tier and those above is made least and fixed before the next tier, so
    that no pod of high priority is moved for the sake of lower ones.
    """
    from ortools.sat.python.cp_model import OPTIMAL, CpModel, CpSolver

    indexed = index_cluster(payload)
    model, solver, sets = CpModel(), CpSolver(), pod_sets(indexed)
    solver.parameters.num_workers, solver.parameters.linearization_level = 1, 2
    on = [[model.new_int_var(0, each.size, "") for _ in payload.nodes] for each in sets]
    waits, trouble = [], []
    for each, row in zip(sets, on, strict=True):
        model.add(sum(row) <= each.size)
        stays = [model.new_int_var(0, len(before), "") for before in each.running]
        for stay, count in zip(stays, row, strict=True):
            model.add(stay <= count)
        running = each.size - len(each.waiting)
        moved = model.new_int_var(0, running, "")
        model.add(moved >= sum(row) - sum(stays) - len(each.waiting))
        waits.append(each.size - sum(row))
        trouble.append(running - sum(stays) + moved)
    for number, capacity in enumerate(indexed.capacities):
        for resource, most in enumerate(capacity):
            rows = zip(sets, on, strict=True)
            model.add(sum(each.request[resource] * row[number] for each, row in rows) <= most)
    counts = []
    for tier in range(max(indexed.ranks) + 1):
        chosen = [k for k, each in enumerate(sets) if each.rank <= tier]
        for parts in (waits, trouble):
            goal = sum(parts[k] for k in chosen)
            model.minimize(goal)
            assert solver.solve(model) == OPTIMAL
            counts.append(round(solver.objective_value))
            model.add(goal <= counts[-1])
    return tuple(counts[::2])
