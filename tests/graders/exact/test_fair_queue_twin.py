"""Twins: the same until a moment; who looks ahead is caught on them, and nobody else ever is."""

import json

import pytest

from graders.exact.fair_queue import case_of
from graders.exact.fair_queue_simulator import ClusterRun, QueuedJob
from graders.exact.fair_queue_twin import twin_of
from tests.depth import often
from tests.factories.foresight import FAIR_QUEUE, picks, picks_caught
from tests.factories.queues import dense_cluster


@pytest.mark.parametrize("cheat", FAIR_QUEUE.cheats)
def test_who_looks_ahead_is_caught(cheat: str) -> None:
    count = often(48)
    cases = [case_of(dense_cluster(k, 40)) for k in range(count)]
    make = FAIR_QUEUE.cheats[cheat]
    hits = sum(picks_caught(case, make, str(k)) for k, case in enumerate(cases))
    assert hits >= count / 8


def test_a_twin_is_the_same_before_its_moment_and_another_after() -> None:
    cluster = dense_cluster(3)
    case = json.loads(json.dumps(case_of(cluster)))
    log = picks(case, FAIR_QUEUE.honest["fair"])
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
