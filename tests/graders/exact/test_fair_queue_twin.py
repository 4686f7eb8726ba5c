"""Twins: the same until a moment; who looks ahead is caught on them, and nobody else ever is."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from graders.exact.fair_queue import case_of
from graders.exact.fair_queue_rules import POLICIES, by_key, job_fair, shortest
from graders.exact.fair_queue_simulator import ClusterRun, Pick, QueuedJob
from graders.exact.fair_queue_twin import twin_of
from tasks.fair_queue import SharedCluster
from tests.depth import often
from tests.factories.queues import dense_cluster

Make = Callable[[ClusterRun], Pick]


def run(case: Any, make: Make, until: int | None = None) -> list[int]:
    cluster = ClusterRun(case, lambda run: run.ready[0], until)
    cluster.pick = make(cluster)
    return cluster.run()


def is_caught(cluster: SharedCluster, make: Make, seed: str) -> bool:
    case = case_of(cluster)
    log = run(case, make)
    twin = twin_of(case, log, seed)
    assert twin is not None
    return log[: twin.picks] != run(json.loads(json.dumps(twin.case)), make, twin.picks)


@pytest.mark.parametrize("name", POLICIES)
def test_who_does_not_look_ahead_is_never_caught(name: str) -> None:
    for number in range(often(24)):
        assert not is_caught(dense_cluster(number), lambda _: POLICIES[name][1](), f"{number}")


def shortest_ahead(cluster: ClusterRun) -> Pick:
    works = [sum(map(sum, stages)) for stages in cluster.lengths]
    return shortest(lambda job: works[job.id])


def job_fair_ahead(cluster: ClusterRun) -> Pick:
    works = [sum(map(sum, stages)) for stages in cluster.lengths]
    return job_fair(lambda job: works[job.id])


def next_task_ahead(cluster: ClusterRun) -> Pick:
    def length(_: ClusterRun, job: QueuedJob) -> int:
        lengths = cluster.lengths[job.id][job.stage]
        return int(lengths[len(lengths) - job.waiting])

    return by_key(length)


@pytest.mark.parametrize("cheat", [shortest_ahead, job_fair_ahead, next_task_ahead])
def test_who_looks_ahead_is_caught(cheat: Make) -> None:
    count = often(48)
    hits = sum(is_caught(dense_cluster(k, 40), cheat, str(k)) for k in range(count))
    assert hits >= count / 8


def test_a_twin_is_the_same_before_its_moment_and_another_after() -> None:
    cluster = dense_cluster(3)
    case = json.loads(json.dumps(case_of(cluster)))
    log = run(case, lambda _: POLICIES["fair"][1]())
    twin = twin_of(case, log, "x")
    assert twin is not None
    assert twin == twin_of(case, log, "x")
    assert twin.case != case
    times: list[int] = []

    def noted(cluster: ClusterRun) -> QueuedJob:
        times.append(cluster.now)
        return cluster.ready[0]

    ClusterRun(twin.case, noted, twin.picks).run()
    assert len(times) == twin.picks
    for old, new in zip(case["jobs"], twin.case["jobs"], strict=True):
        if old["at"] <= times[-1]:
            assert (new["at"], new["hint"], new["user"]) == (old["at"], old["hint"], old["user"])
            assert list(map(len, new["stages"])) == list(map(len, old["stages"]))
        else:
            assert new["at"] > times[-1]


def test_what_has_no_run_has_no_twin() -> None:
    case = case_of(dense_cluster(0))
    assert twin_of(case, [10**6], "x") is None
    assert twin_of(case, [], "x") is None
