"""The measure of a cluster's runs: how far each job is over its fair share's time, from 1 to 10.

The fair share is that of a fluid machine (see `graders.exact.fair_queue_fluid`). Tasks are whole
and stages wait for each other, so that the limit is never below 1.5 times what the job takes alone.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from graders.exact.fair_queue_kernel import cluster_runs
from graders.exact.fair_queue_simulator import ClusterRun, Pick
from graders.exact.limits import LEAST, over_limit, within
from tasks.fair_queue import SharedCluster

Fields = dict[str, Any]


def simulate(case: Mapping[str, Any], pick: Pick) -> ClusterRun:
    """Return a finished run of a cluster, given as JSON; RefusedPick if a pick breaks a rule."""
    run = ClusterRun(case, pick)
    run.run()
    return run


def job_costs(limits: Sequence[int], run: ClusterRun) -> list[int]:
    """Return what each job of a finished run costs, in thousandths, from 1000 to 10000.

    Args:
        limits: of each job, in ms from its coming (see `limits_of`).
        run: of the same cluster.
    """
    return time_costs(limits, flow_times(run))


def time_costs(limits: Sequence[int], times: Sequence[int]) -> list[int]:
    """Return what jobs cost by the ms that each takes from its coming, in thousandths."""
    return [within(over_limit(time, limit)) for time, limit in zip(times, limits, strict=True)]


def flow_times(run: ClusterRun) -> list[int]:
    """Return the ms from each job's coming to its end in a finished run."""
    return [(job.done or 0) - job.arrived for job in run.jobs]


@lru_cache(maxsize=2000)
def limits_of(cluster: SharedCluster) -> tuple[int, ...]:
    """Return for each job the ms that it may take: its fluid time, at least 1.5 times alone."""
    return cluster_runs(cluster).limits()


def figures(cluster: SharedCluster, costs: Sequence[int], times: Sequence[int]) -> dict[str, float]:
    """Return what else there is to say of a finished run.

    `goodput` is the share of jobs within their limits; `seconds` the mean time from the coming of a
    job to its end, and `seconds_small` that of the smaller half of jobs by their work;
    `worst_user` the largest mean cost of a user's jobs.

    Args:
        cluster: with its jobs.
        costs: of each, in thousandths.
        times: ms from its coming to its end.
    """
    sizes = sorted((job.work, number) for number, job in enumerate(cluster.jobs))
    small = [number for _, number in sizes[: (len(sizes) + 1) // 2]]
    users: dict[int, list[int]] = {}
    for job, cost in zip(cluster.jobs, costs, strict=True):
        users.setdefault(job.user, []).append(cost)
    return {
        "goodput": sum(cost == LEAST for cost in costs) / len(costs),
        "seconds": sum(times) / len(times) / 1000,
        "seconds_small": sum(times[k] for k in small) / len(small) / 1000,
        "worst_user": max(sum(row) / len(row) for row in users.values()) / 1000,
    }
