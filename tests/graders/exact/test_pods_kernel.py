"""The kernel's scheduler and repackings are those of the plain ones."""

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.pods import PodSettings, started, workload
from graders.exact import pods_kernel, pods_packing
from graders.exact.pods_kernel import any_repack_better, fits, schedule
from graders.exact.pods_packing import Fill, IndexedCluster, emptied, index_cluster
from graders.exact.pods_rules import preempt
from tasks.pods import PodCluster
from tests.depth import examples, often
from tests.factories.pods import cluster, small

pytestmark = pytest.mark.skipif(
    pods_kernel.library() is None,
    reason="no compiled kernel: install again where there is a C compiler",
)


def compare_schedules(indexed: IndexedCluster, rng: Random) -> None:
    assert fits(indexed)
    order = rng.sample(range(len(indexed.pods)), len(indexed.pods))
    for spots in (indexed.spots, emptied(indexed)):
        fill: Fill = rng.choice(["least", "most"])
        for preempts in (False, True):
            plain = pods_packing.schedule(indexed, spots, order, fill=fill, preempts=preempts)
            assert schedule(indexed, spots, order, fill=fill, preempts=preempts) == plain


def compare_repacks(indexed: IndexedCluster, seed: int) -> bool:
    base = indexed.waiting(preempt(indexed))
    if not any(base):
        return False
    outcomes = {
        any_repack_better(indexed, Random(seed), 60, base, compiled=compiled)
        for compiled in (True, False)
    }
    assert len(outcomes) == 1
    return outcomes == {True}


@examples(1000)
@given(small(8), st.integers(0, 10**9))
def test_small_placements_are_the_same(payload: PodCluster, seed: int) -> None:
    indexed = index_cluster(payload)
    compare_schedules(indexed, Random(seed))
    compare_repacks(indexed, seed)


def drawn() -> Iterator[IndexedCluster]:
    for k in range(often(400)):
        rng = Random(f"kernel/{k}")
        settings = PodSettings(
            per_node=rng.randint(2, 6), priorities=rng.randint(1, 4), load=rng.uniform(0.8, 1.3)
        )
        yield index_cluster(started(workload(f"kernel/{k}", rng.randint(2, 9), settings)))


def test_drawn_placements_are_the_same() -> None:
    outcomes = set()
    for k, indexed in enumerate(drawn()):
        compare_schedules(indexed, Random(k))
        outcomes.add(compare_repacks(indexed, k))
    assert outcomes == {True, False}


def test_large_numbers_are_divided_as_they_are() -> None:
    """Products beyond 32 bits, which the kernel divides otherwise."""
    for k in range(often(400)):
        rng = Random(f"large/{k}")
        nodes = [(rng.randrange(10**7, 10**8), rng.randrange(10**7)) for _ in range(4)]
        nodes = [(cpu, memory + 1) for cpu, memory in nodes]
        pods = [
            (rng.randrange(1, 15 * 10**6), rng.randrange(1, 15 * 10**5), rng.randint(1, 3), None)
            for _ in range(12)
        ]
        compare_schedules(index_cluster(cluster(nodes, pods)), rng)


def test_what_might_overflow_is_left_to_python() -> None:
    far = index_cluster(cluster([(2**40, 2**40)], [(2**39, 2**39, 1, None), (1, 1, 1, None)]))
    assert not fits(far)
    assert schedule(far, far.spots, [0, 1]) == [0, 0]
    assert any_repack_better(far, Random(0), 3, (1,))
