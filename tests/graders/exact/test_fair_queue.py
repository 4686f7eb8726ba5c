"""Runs of a cluster agree with runs by the millisecond; fair shares are exact; few orders best."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from itertools import permutations
from random import Random

import pytest

from graders.exact.fair_queue import case_of, cost_of, least_cost, reference
from graders.exact.fair_queue_fluid import fluid_ends
from graders.exact.fair_queue_kernel import cluster_runs
from graders.exact.fair_queue_measure import job_costs, limits_of, simulate
from graders.exact.fair_queue_orders import ends_by_rank
from graders.exact.fair_queue_rules import POLICIES, by_key, fifo, job_fair, random_order, ranked
from graders.exact.fair_queue_simulator import ClusterRun, Pick, QueuedJob, RefusedPick, replayed
from graders.exact.orders import ranks_of
from tasks.fair_queue import ClusterJob, SharedCluster
from tests.depth import often
from tests.factories.queues import dense_cluster, drawn_cluster, slow_ends, slow_fluid


def one(work: tuple[tuple[int, ...], ...], cores: int) -> SharedCluster:
    return SharedCluster(cores, (ClusterJob("A", 0, 7, work),))


def test_a_run_is_what_it_is_by_the_millisecond() -> None:
    rng = Random("fair-queue/slow")
    for _ in range(often(1200)):
        cluster = drawn_cluster(rng)
        ranks = rng.sample(range(9), len(cluster.jobs))
        run = simulate(case_of(cluster), ranked(dict(enumerate(ranks))))
        assert [job.done for job in run.jobs] == slow_ends(cluster, ranks.__getitem__)


def test_every_task_runs_once_and_no_core_has_two() -> None:
    rng = Random("fair-queue/conserved")
    for _ in range(often(300)):
        cluster = drawn_cluster(rng)
        for _, make in POLICIES.values():
            run = simulate(case_of(cluster), make())
            for job, spec in zip(run.jobs, cluster.jobs, strict=True):
                assert run.log.count(job.id) == job.ended == sum(map(len, spec.stages))
                assert job.work == spec.work
                assert (job.done or 0) >= spec.at + alone_least(spec, cluster.cores)
            assert run.free == cluster.cores
            assert not run.ready


def alone_least(job: ClusterJob, cores: int) -> int:
    return sum(max(max(stage), -(-sum(stage) // cores)) for stage in job.stages)


@pytest.mark.parametrize(
    ("stages", "cores", "time"),
    [
        (((5,),), 3, 5),
        (((5, 5, 5),), 3, 5),
        (((5, 5, 5),), 2, 10),
        (((4, 4, 2, 2), (3,)), 2, 9),
        (((1, 1, 9),), 2, 10),
        (((2,), (3,), (4,)), 8, 9),
    ],
)
def test_a_job_alone_has_its_closed_form(
    stages: tuple[tuple[int, ...], ...], cores: int, time: int
) -> None:
    cluster = one(stages, cores)
    assert cluster_runs(cluster).alone() == [time]
    run = simulate(case_of(cluster), fifo())
    assert run.jobs[0].done == 7 + time
    assert limits_of(cluster) == (max(-(-cluster.jobs[0].work // cores), -(-3 * time // 2)),)
    assert job_costs(limits_of(cluster), run) == [1000]


def test_users_share_and_so_do_the_jobs_of_each() -> None:
    jobs = (
        ClusterJob("A", 0, 0, ((8,),)),
        ClusterJob("B", 0, 0, ((8,),)),
        ClusterJob("C", 1, 0, ((8,),)),
    )
    # user 1 has half of both cores, until C ends at 8; then A and B share them
    assert fluid_ends(SharedCluster(2, jobs)) == [Fraction(12), Fraction(12), Fraction(8)]
    late = (ClusterJob("A", 0, 0, ((6,),)), ClusterJob("B", 1, 4, ((6,),)))
    assert fluid_ends(SharedCluster(1, late)) == [Fraction(8), Fraction(12)]


def test_fair_shares_are_those_of_small_steps() -> None:
    rng = Random("fair-queue/fluid")
    for _ in range(often(60)):
        cluster = drawn_cluster(rng)
        pairs = zip(fluid_ends(cluster), slow_fluid(cluster, 200), strict=True)
        assert all(abs(float(exact) - stepped) < 0.2 for exact, stepped in pairs)


def test_of_few_jobs_the_reference_is_no_worse_than_any_order() -> None:
    rng = Random("fair-queue/orders")
    for _ in range(often(60)):
        cluster = drawn_cluster(rng)
        best = reference(cluster)
        costs = [
            cost_of(cluster, ranked({job: rank for rank, job in enumerate(order)}))
            for order in permutations(range(len(cluster.jobs)))
        ]
        assert best.objective == min(costs) >= (best.bound or 0) == least_cost(cluster)
        assert (best.status == "optimal") == (best.objective == best.bound)


def test_of_many_jobs_the_reference_is_no_worse_than_any_policy() -> None:
    cluster = dense_cluster(0, 30)
    best = reference(cluster)
    for _, make in POLICIES.values():
        assert (best.objective or 0) <= cost_of(cluster, make())
    assert reference(cluster, search=False).objective is None


@pytest.mark.parametrize("name", POLICIES)
def test_a_log_played_again_is_the_same_run(name: str) -> None:
    _, make = POLICIES[name]
    for number in range(often(12)):
        case = case_of(dense_cluster(number))
        run = simulate(case, make())
        again = simulate(case, replayed(run.log))
        assert [job.done for job in again.jobs] == [job.done for job in run.jobs]
        assert again.log == run.log == simulate(case, make()).log


def test_picks_that_break_a_rule_are_refused() -> None:
    cluster = SharedCluster(2, (ClusterJob("A", 0, 0, ((3, 3),)), ClusterJob("B", 0, 9, ((1,),))))

    def refused(pick: Pick) -> str:
        with pytest.raises(RefusedPick) as error:
            simulate(case_of(cluster), pick)
        return error.value.kind

    assert refused(lambda _: 5) == refused(lambda _: -1) == refused(lambda _: None) == "unknown"
    assert refused(lambda _: True) == refused(lambda _: 0.0) == refused(lambda _: 1) == "unknown"
    assert refused(replayed([0, 0])) == refused(replayed([])) == "short"
    assert refused(lambda _: 0) == "ready"


def test_a_scheduler_sees_of_a_length_only_what_has_ended() -> None:
    cluster = SharedCluster(2, (ClusterJob("A", 0, 0, ((3, 5, 9),)),))
    seen: list[tuple[int, int, int, int]] = []

    def pick(run: ClusterRun) -> QueuedJob:
        [job] = run.ready
        seen.append((run.now, job.waiting, job.running, job.work))
        return job

    simulate(case_of(cluster), pick)
    assert seen == [(0, 3, 0, 0), (0, 2, 1, 0), (3, 1, 1, 3)]


# Policies ------------------------------------------------------------------------------------


def test_fair_queuing_by_true_work_follows_the_fluid_machine_of_jobs() -> None:
    """With one job a user the users' fluid machine is that of jobs: both end in one order."""
    rng = Random("fair-queue/job-fair")
    for _ in range(often(120)):
        jobs = tuple(
            ClusterJob(f"J{k}", k, 0, ((work,),))
            for k, work in enumerate(rng.sample(range(1, 60), rng.randint(2, 8)))
        )
        cluster = SharedCluster(1, jobs)
        works = [job.work for job in jobs]
        run = simulate(case_of(cluster), job_fair(partial(true_work, works)))
        ends = fluid_ends(cluster)
        assert run.log == sorted(range(len(jobs)), key=lambda k: (ends[k], k))


def true_work(works: list[int], job: QueuedJob) -> float:
    return works[job.id]


def uneven() -> SharedCluster:
    """One user sends six jobs, and another one, just after: all alike."""
    many = [ClusterJob(f"A{k}", 0, 0, ((100,) * 4,), 400) for k in range(6)]
    return SharedCluster(2, (*many, ClusterJob("B", 1, 1, ((100,) * 4,), 400)))


@pytest.mark.parametrize("name", ["user-fair", "uwfq"])
def test_who_sends_one_job_does_not_wait_for_all_of_another(name: str) -> None:
    def end_of_last(make: Callable[[], Pick]) -> int:
        return simulate(case_of(uneven()), make()).jobs[6].done or 0

    assert end_of_last(POLICIES[name][1]) < end_of_last(fifo) / 2 < 750


def test_ends_by_rank_are_those_of_a_run_of_the_order() -> None:
    """Also where tasks end as others do, and as jobs come."""
    rng = Random("fair-queue/ends")
    for index in range(often(600)):
        cluster = drawn_cluster(rng) if index % 10 else dense_cluster(index)
        order = rng.sample(range(len(cluster.jobs)), len(cluster.jobs))
        ranks = ranks_of(order)
        assert [ranks[number] for number in order] == list(range(len(order)))
        run = simulate(case_of(cluster), ranked(dict(enumerate(ranks))))
        assert ends_by_rank(cluster.jobs, cluster.cores, ranks) == [job.done for job in run.jobs]
        assert cluster_runs(cluster).cost(ranks) == sum(job_costs(limits_of(cluster), run))


def test_a_random_order_is_the_same_in_every_process() -> None:
    cluster = dense_cluster(1, 6)
    log = simulate(case_of(cluster), random_order(6, "0")).log
    assert list(dict.fromkeys(log)) == list(
        dict.fromkeys(simulate(case_of(cluster), random_order(6, "0")).log)
    )
    assert simulate(case_of(cluster), by_key(lambda _, job: -job.id)).log != log
