"""Small clusters of several users, and runs of them millisecond by millisecond."""

from collections.abc import Callable
from random import Random
from typing import Any

from generators.fair_queue import FairQueueSettings, at_leisure, denser
from tasks.base import Instance
from tasks.fair_queue import ClusterJob, SharedCluster


def drawn_cluster(rng: Random, jobs: int = 5) -> SharedCluster:
    """A few jobs of short tasks, many of them at the same moments."""
    now, drawn = 0, []
    for k in range(rng.randint(1, jobs)):
        now += rng.choice((0, 0, rng.randint(0, 12)))
        stages = tuple(
            tuple(rng.randint(1, 6) for _ in range(rng.randint(1, 5)))
            for _ in range(rng.randint(1, 3))
        )
        hint = rng.choice((None, rng.randint(1, 40)))
        drawn.append(ClusterJob(f"J{k}", rng.randint(0, 2), now, stages, hint))
    return SharedCluster(rng.randint(1, 4), tuple(drawn))


def dense_cluster(number: int, jobs: int = 24, **settings: Any) -> SharedCluster:
    """A cluster of the generator on which many jobs wait."""
    dials = FairQueueSettings(**settings)
    return denser(at_leisure(jobs, f"small/{number}", dials), 30)


def instance_with(cluster: SharedCluster) -> Instance[SharedCluster]:
    """An instance of a cluster, without a reference."""
    return Instance("i", "fair-queue", len(cluster.jobs), None, 0, {}, 1, cluster)


def slow_ends(cluster: SharedCluster, key: Callable[[int], Any]) -> list[int]:
    """When each job ends if the smallest by a key gets every free core, a millisecond at a time."""
    left = [[list(stage) for stage in job.stages] for job in cluster.jobs]
    running: list[list[int]] = []  # (job, ms left)
    ends, now = [0] * len(cluster.jobs), 0
    while any(left) or running:
        for k, job in enumerate(cluster.jobs):
            is_busy = any(number == k for number, _ in running)
            if left[k] and not left[k][0] and not is_busy:
                del left[k][0]
                if not left[k]:
                    ends[k] = now
            assert job.stages
        while len(running) < cluster.cores:
            able = [
                k for k, job in enumerate(cluster.jobs) if job.at <= now and left[k] and left[k][0]
            ]
            if not able:
                break
            first = min(able, key=lambda k: (key(k), k))
            running.append([first, left[first][0].pop(0)])
        now += 1
        for entry in running:
            entry[1] -= 1
        running = [entry for entry in running if entry[1]]
    return ends


def slow_fluid(cluster: SharedCluster, steps: int) -> list[float]:
    """When each job ends if cores are shared in any parts, in steps of 1/`steps` ms."""
    left = {k: float(job.work) for k, job in enumerate(cluster.jobs)}
    ends, tick = [0.0] * len(cluster.jobs), 0
    while left:
        there = [k for k in left if cluster.jobs[k].at * steps <= tick]
        users = {cluster.jobs[k].user for k in there}
        tick += 1
        for k in there:
            beside = sum(cluster.jobs[j].user == cluster.jobs[k].user for j in there)
            left[k] -= cluster.cores / (len(users) * beside) / steps
            if left[k] <= 1e-9:
                ends[k] = tick / steps
        left = {k: work for k, work in left.items() if work > 1e-9}
    return ends
