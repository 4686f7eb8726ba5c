"""The kernel's runs and fluid machine are those in Python."""

from random import Random
from time import process_time

import pytest
from msgspec.structs import replace

from graders.exact import fair_queue_kernel
from graders.exact.fair_queue_kernel import (
    KernelClusterRuns,
    PlainClusterRuns,
    cluster_runs,
    fits,
    packed,
)
from graders.exact.orders import WHOLE
from tasks.fair_queue import LONGEST, ClusterJob, SharedCluster
from tests.depth import often
from tests.factories.queues import dense_cluster, drawn_cluster


@pytest.fixture
def kernel() -> None:
    if fair_queue_kernel.library() is None:
        pytest.skip("no compiled kernel: install again where there is a C compiler")


def compare_runs(cluster: SharedCluster, rng: Random) -> None:
    fast, plain = cluster_runs(cluster), cluster_runs(cluster, compiled=False)
    assert isinstance(fast, KernelClusterRuns)
    assert isinstance(plain, PlainClusterRuns)
    assert fast.alone() == plain.alone()
    count = len(cluster.jobs)
    assert fast.times(tuple(range(count))) == plain.times(tuple(range(count)))
    for share in (WHOLE, 0, rng.randint(0, WHOLE)):
        assert fast.limits(share) == plain.limits(share)
        ranks = tuple(rng.sample(range(count), count))
        assert fast.cost(ranks, share) == plain.cost(ranks, share)


@pytest.mark.usefixtures("kernel")
def test_small_runs_are_the_same() -> None:
    rng = Random("fair-queue/kernel")
    for _ in range(often(4000)):
        compare_runs(drawn_cluster(rng, 9), rng)


@pytest.mark.usefixtures("kernel")
def test_larger_runs_are_the_same() -> None:
    rng = Random("fair-queue/kernel/larger")
    for number in range(often(40)):
        compare_runs(dense_cluster(number, 12), rng)
        compare_runs(dense_cluster(number, 20, users=6, cores=3), rng)
        compare_runs(dense_cluster(number, 12, users=1, cores=64), rng)


@pytest.mark.usefixtures("kernel")
def test_many_jobs_one_by_one_take_no_longer_than_in_python() -> None:
    count, seconds = 20_000, list[float]()
    jobs = tuple(ClusterJob(f"J{k}", 0, 3 * k, ((1, 1),)) for k in range(count))
    cluster = SharedCluster(1, jobs)
    ranks = tuple(Random("fair-queue/kernel/many").sample(range(count), count))
    for compiled in (True, False):
        runs, begin = cluster_runs(cluster, compiled=compiled), process_time()
        assert runs.times(ranks) == [2] * count
        assert runs.limits() == (3,) * count
        seconds.append(process_time() - begin)
    assert seconds[0] < seconds[1]


@pytest.mark.usefixtures("kernel")
def test_shares_that_are_too_fine_for_the_kernel_are_left_to_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng, asked = Random("fair-queue/kernel/fine"), list[int]()
    times = sorted(rng.randrange(30_000) for _ in range(80))
    jobs = tuple(
        ClusterJob(f"J{k}", 0, time, ((rng.randint(1, 3000),),)) for k, time in enumerate(times)
    )
    cluster = SharedCluster(3, jobs)
    limits = PlainClusterRuns(cluster).limits()

    def noted(_: PlainClusterRuns, share: int) -> tuple[int, ...]:
        asked.append(share)
        return limits

    monkeypatch.setattr(PlainClusterRuns, "limits", noted)
    runs = cluster_runs(cluster)
    assert isinstance(runs, KernelClusterRuns)
    assert runs.limits() == runs.limits() == limits
    assert asked == [WHOLE]
    monkeypatch.undo()
    compare_runs(replace(cluster, jobs=jobs[:30]), rng)


@pytest.mark.usefixtures("kernel")
def test_long_times_give_the_same() -> None:
    rng = Random("fair-queue/kernel/long")
    stages = ((LONGEST, 1), (LONGEST,) * 3)
    jobs = [ClusterJob(f"J{k}", 10**30 * k, LONGEST, stages) for k in range(3)]
    compare_runs(SharedCluster(2, tuple(jobs)), rng)
    compare_runs(SharedCluster(1 << 20, tuple(jobs)), rng)


def test_bound_of_the_fluid_machine_covers_a_ms_of_all_cores() -> None:
    jobs = tuple(ClusterJob(f"J{k}", k, 0, ((1,),)) for k in range(3))
    [*_, cores, bound], _ = packed(SharedCluster(1 << 20, jobs))
    assert cores == 1 << 20
    assert bound >= cores * 9


def test_what_might_overflow_is_left_to_python() -> None:
    jobs = tuple(ClusterJob(f"J{k}", 0, LONGEST, ((1,),)) for k in range(2000))
    assert not fits(SharedCluster(1 << 20, jobs))
    assert not fits(SharedCluster((1 << 20) + 1, jobs[:1]))
    assert isinstance(cluster_runs(SharedCluster(1 << 21, jobs[:2])), PlainClusterRuns)
