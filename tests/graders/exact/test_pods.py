"""Pods by priority: the solver is right, the scheduler does what it says, the paper's cells."""

from collections.abc import Iterator
from itertools import accumulate, islice
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from generators.pods import PodSettings, generate, started, workload
from graders.exact.pods import pod_sets, quick_bound, reference
from graders.exact.pods_kernel import schedule
from graders.exact.pods_packing import (
    Fill,
    PodPacking,
    PodRequest,
    emptied,
    index_cluster,
    random_orders,
    repacks_better,
)
from graders.exact.pods_rules import keep, one_move, preempt, random_repacks, repack
from graders.pods_violations import violations
from tasks.pods import KEY, PodCluster, composed, now, split_value, value, waiting
from tests.depth import examples, often
from tests.factories.pods import (
    best_of_all,
    cluster,
    faults,
    fewest_by_the_paper,
    placements,
    small,
    worth,
)

FILLS: tuple[Fill, ...] = ("least", "most")

# Optima ---------------------------------------------------------------------------------------


@pytest.mark.heavy
@examples(2000)
@given(small())
def test_the_solver_agrees_with_trying_every_placement(payload: PodCluster) -> None:
    found = reference(payload)
    assert found.status == "optimal"
    assert found.objective == found.bound == composed(payload, best_of_all(payload))
    assert found.answer is not None
    assert violations(payload, found.answer[KEY]) == []
    assert worth(payload, found.answer[KEY]) == best_of_all(payload)


@examples(300)
@given(small(4))
def test_values_are_in_the_order_of_what_is_compared(payload: PodCluster) -> None:
    every = [each for each in placements(payload) if not faults(payload, each)]
    ranked = sorted(every, key=lambda each: worth(payload, each))
    numbers = [value(payload, each) for each in ranked]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == len({worth(payload, each) for each in every})
    assert quick_bound(payload) <= numbers[0]


@examples(600)
@given(small(6), st.integers(0, 10**9))
def test_rules_are_valid_and_never_beat_the_optimum(payload: PodCluster, seed: int) -> None:
    indexed, best = index_cluster(payload), reference(payload).objective or 0
    rules = [keep(indexed), preempt(indexed), one_move(indexed)]
    rules += [repack(indexed, "least"), repack(indexed, "most")]
    rules += islice(random_repacks(indexed, Random(seed)), 3)
    for spots in rules:
        placement = indexed.by_id(spots)
        assert violations(payload, placement) == []
        assert value(payload, placement) >= best
        assert indexed.waiting(spots) == worth(payload, placement)[:-1]
    assert indexed.waiting(preempt(indexed)) <= indexed.waiting(keep(indexed))
    assert indexed.waiting(one_move(indexed)) <= indexed.waiting(preempt(indexed))


def test_a_reference_is_the_same_bytes_again_and_honest_when_it_is_cut_off() -> None:
    payload = generate(6, 0, 1, {}, reference=False).payload
    cut, again = (reference(payload, deterministic_limit=0.001) for _ in range(2))
    assert cut == again
    assert cut.status == "bounded"
    assert cut.bound is not None
    assert cut.objective is not None
    assert quick_bound(payload) <= cut.bound < cut.objective
    assert cut.answer is not None
    assert violations(payload, cut.answer[KEY]) == []
    whole = generate(3, 0, 1, {}).payload
    short, best = reference(whole, deterministic_limit=0.001), reference(whole)
    assert best.status == "optimal"
    assert (short.bound or 0) <= (best.objective or 0) <= (short.objective or 0)


def test_where_nothing_waits_no_solver_is_asked() -> None:
    found = reference(cluster([(4, 4)], [(1, 1, 1, 0), (2, 2, 2, None)]))
    assert (found.status, found.objective, found.solver) == ("optimal", 0, "rules")


def test_replicas_are_one_set_but_those_that_must_stay() -> None:
    payload = cluster([(9, 9), (9, 9)], [(1, 1, 1, 0), (1, 1, 1, None), (1, 1, 1, 1)] * 2, [5])
    [only] = pod_sets(index_cluster(payload))
    assert only.running == ((0, 3), (2,))
    assert only.waiting == (1, 4)
    assert only.size == 5


# The scheduler --------------------------------------------------------------------------------


def score(capacity: PodRequest, taken: PodRequest, fill: Fill) -> int:
    """The scheduler's score of a node, as its plugins have it one after another."""
    pairs = zip(capacity, taken, strict=True)
    shares = [all_ - used if fill == "least" else used for all_, used in pairs]
    allocated = sum(100 * share // all_ for share, all_ in zip(shares, capacity, strict=True))
    total = capacity.cpu * capacity.memory
    apart = abs(taken.cpu * capacity.memory - taken.memory * capacity.cpu)
    return allocated // 2 + (200 * total - 100 * apart) // (2 * total)


def test_scores_of_nodes_by_hand() -> None:
    """Half of both is left: 50, and alike: 100; cpu .5 and memory 1: 25, a deviation of .25: 75."""
    half, uneven = PodRequest(500, 500), PodRequest(500, 1000)
    assert score(PodRequest(1000, 1000), half, "least") == 150
    assert score(PodRequest(1000, 1000), half, "most") == 150
    assert score(PodRequest(1000, 1000), uneven, "least") == 100
    assert score(PodRequest(1000, 1000), uneven, "most") == 150
    assert score(PodRequest(3, 3), PodRequest(1, 2), "least") == (66 + 33) // 2 + 83


def test_a_pod_goes_to_the_node_of_the_best_score() -> None:
    """Nodes of any sizes, so that scores differ by little and round otherwise."""
    for k in range(often(2000)):
        rng = Random(f"scores/{k}")
        nodes = [(rng.randint(5, 40), rng.randint(5, 40)) for _ in range(4)]
        pods = [(rng.randint(1, 5), rng.randint(1, 5), 1, spot) for spot in (0, 1, 2, None)]
        indexed = index_cluster(cluster(nodes, pods))
        packing, fill = PodPacking(indexed, indexed.spots), rng.choice(FILLS)
        scores = {}
        for node, capacity in enumerate(indexed.capacities):
            rows = [pods[3], *(pod for pod in pods if pod[3] == node)]
            taken = PodRequest(sum(pod[0] for pod in rows), sum(pod[1] for pod in rows))
            if taken.cpu <= capacity.cpu and taken.memory <= capacity.memory:
                scores[node] = score(capacity, taken, fill)
        assert packing.best_node(3, fill) == max(scores, key=lambda n: scores[n], default=None)


@examples(600)
@given(small(8), st.integers(0, 10**9))
def test_a_repack_is_better_exactly_where_fewer_wait_in_the_end(
    payload: PodCluster, seed: int
) -> None:
    indexed, rng = index_cluster(payload), Random(seed)
    for order, fill in islice(random_orders(indexed, rng), 5):
        waits = indexed.waiting(schedule(indexed, emptied(indexed), order, fill=fill))
        other = [rng.randint(0, 2) for _ in waits]
        for base in (indexed.waiting(preempt(indexed)), tuple(accumulate(other))):
            if any(base):
                assert repacks_better(indexed, order, fill, base) == (waits < base)


def test_a_pod_goes_to_the_emptiest_or_the_fullest_node_and_ties_to_the_first() -> None:
    payload = cluster([(9, 9), (9, 9)], [(3, 3, 1, 1), (1, 1, 1, None), (1, 1, 1, None)])
    indexed = index_cluster(payload)
    assert schedule(indexed, indexed.spots, [1, 2]) == [1, 0, 0]
    assert schedule(indexed, indexed.spots, [1, 2], fill="most") == [1, 1, 1]
    empty = index_cluster(cluster([(9, 9), (9, 9)], [(1, 1, 1, None)]))
    assert schedule(empty, empty.spots, [0]) == [0]


def test_preemption_evicts_where_the_least_is_lost_and_spares_what_has_room() -> None:
    pods = [(2, 2, 2, 0), (2, 2, 1, 0), (4, 4, 2, 1), (3, 3, 3, None)]
    indexed = index_cluster(cluster([(5, 5), (5, 5)], pods))
    packing = PodPacking(indexed, indexed.spots)
    assert packing.victims(3) == (0, [1])  # priority 2 has room again beside it
    assert preempt(indexed) == [0, None, 1, 0]
    assert one_move(indexed) == [0, None, 1, 0]


def test_preemption_never_evicts_an_equal_or_a_protected_pod() -> None:
    equal = index_cluster(cluster([(4, 4)], [(4, 4, 1, 0), (1, 1, 1, None), (1, 1, 1, None)]))
    assert preempt(equal) == [0, None, None]
    held = index_cluster(cluster([(4, 4)], [(4, 4, 1, 0), (1, 1, 2, None)], [0]))
    assert preempt(held) == keep(held)


def test_an_evicted_pod_comes_to_the_end_of_the_row_and_may_evict_too() -> None:
    pods = [(4, 4, 2, 0), (4, 4, 1, 1), (4, 4, 3, None)]
    indexed = index_cluster(cluster([(4, 4), (4, 4)], pods))
    assert preempt(indexed) == [0, None, 1]
    lonely = index_cluster(cluster([(4, 4), (4, 4)], [(4, 4, 2, 0), (1, 1, 1, 1), (4, 4, 3, None)]))
    assert preempt(lonely) == [0, None, 1]


def test_one_move_makes_room() -> None:
    pods = [(2, 2, 1, 0), (2, 2, 1, 1), (4, 4, 1, None)]
    indexed = index_cluster(cluster([(4, 4), (4, 4)], pods))
    assert preempt(indexed) == [0, 1, None]
    assert one_move(indexed) == [1, 1, 0]
    assert reference(cluster([(4, 4), (4, 4)], pods)).objective == 2


# The paper ------------------------------------------------------------------------------------

CELLS = {  # 4 nodes of 4 pods, load .90, by priorities: share improved in its order, and in ours
    1: (1.0, 1.0),
    2: (0.6, 0.95),
    4: (0.35, 1.0),
}


def crowded(priorities: int, count: int) -> Iterator[PodCluster]:
    """Clusters in which pods wait though the scheduler evicted as they came."""
    settings, attempt = PodSettings(priorities=priorities, load=0.9), 0
    while count:
        payload = workload(f"cells/{attempt}", 4, settings)
        attempt += 1
        if any(pod.node is None for pod in started(payload).pods):
            indexed = index_cluster(payload)
            order = range(len(payload.pods))
            nodes = indexed.by_id(schedule(indexed, indexed.spots, order, preempts=True))
            pods = tuple(replace(pod, node=nodes[pod.id]) for pod in payload.pods)
            yield replace(payload, pods=pods)
            count -= 1


def improved(priorities: int, count: int) -> tuple[float, float]:
    """In which share more pods could run, by priority: in the paper's order, and in ours."""
    gains = []
    for payload in crowded(priorities, count):
        before = waiting(payload, now(payload))
        best, _ = split_value(payload, int(reference(payload).objective or 0))
        ours = best < split_value(payload, value(payload, now(payload)))[0]
        gains.append((fewest_by_the_paper(payload) < before, ours))
    first, second = (fmean(column) for column in zip(*gains, strict=True))
    return round(first, 3), round(second, 3)


@pytest.mark.heavy
@pytest.mark.parametrize("priorities", [pytest.param(1, marks=pytest.mark.slow), 2, 4])
def test_more_priorities_leave_less_to_gain_only_in_the_order_of_the_paper(
    priorities: int,
) -> None:
    assert improved(priorities, 20) == CELLS[priorities]
