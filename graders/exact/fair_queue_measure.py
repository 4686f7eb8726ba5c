"""The measure of a cluster's runs: how far each job is over its fair share's time, from 1 to 10.

The fair share is that of a fluid machine: at every moment all cores are shared equally among the
users who have a job there, and each user's share equally among that user's jobs (generalised
processor sharing, Parekh & Gallager 1993, on two floors). Tasks are whole and stages wait for each
other, so that the limit is never below 1.5 times what the job takes alone.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from math import ceil
from typing import Any

from graders.exact.fair_queue_orders import ends_by_rank
from graders.exact.fair_queue_simulator import ClusterRun, Pick
from graders.exact.limits import LEAST, MOST, over_limit
from tasks.fair_queue import ClusterJob, SharedCluster

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
    times = [(job.done or 0) - job.arrived for job in run.jobs]
    return [_cost(time, limit) for time, limit in zip(times, limits, strict=True)]


def order_costs(cluster: SharedCluster, ranks: Sequence[int]) -> list[int]:
    """Return what each job costs if free cores go to the job of the least rank, in thousandths."""
    ends = ends_by_rank(cluster.jobs, cluster.cores, ranks)
    rows = zip(cluster.jobs, ends, limits_of(cluster), strict=True)
    return [_cost(end - job.at, limit) for job, end, limit in rows]


def _cost(time: int, limit: int) -> int:
    return max(LEAST, min(MOST, over_limit(time, limit)))


@lru_cache(maxsize=2000)
def limits_of(cluster: SharedCluster) -> tuple[int, ...]:
    """Return for each job the ms that it may take: its fluid time, at least 1.5 times alone."""
    ends = fluid_ends(cluster)
    return tuple(
        max(ceil(end) - job.at, -(-3 * alone(job, cluster.cores) // 2))
        for job, end in zip(cluster.jobs, ends, strict=True)
    )


def alone(job: ClusterJob, cores: int) -> int:
    """Return the ms that a job takes on an empty cluster."""
    return _alone(job.stages, cores)


@lru_cache(maxsize=2000)
def _alone(stages: tuple[tuple[int, ...], ...], cores: int) -> int:
    [end] = ends_by_rank([ClusterJob("", 0, 0, stages)], cores, [0])
    return end


class _FluidUser:
    """The jobs of a user on the fluid machine: all of them get the same.

    Attributes:
        level: what each job that has been there since the user came has got, in ms of a core.
        due: at which level a job ends, by its number.
    """

    def __init__(self) -> None:
        self.level = Fraction(0)
        self.due: dict[int, Fraction] = {}

    def serve(self, share: Fraction) -> list[int]:
        """Give each job so many ms of a core; return the jobs that end by it."""
        self.level += share
        ended = [number for number, due in self.due.items() if due <= self.level]
        for number in ended:
            del self.due[number]
        return ended


def fluid_ends(cluster: SharedCluster) -> list[Fraction]:
    """Return when each job would end if cores could be shared in any parts, exactly, in ms."""
    now, ends, users = Fraction(0), [Fraction(0)] * len(cluster.jobs), dict[int, _FluidUser]()
    coming = list(reversed([*enumerate(cluster.jobs)]))
    while coming or users:
        if not users:
            now = Fraction(coming[-1][1].at)
        while coming and coming[-1][1].at <= now:
            number, job = coming.pop()
            user = users.setdefault(job.user, _FluidUser())
            user.due[number] = user.level + job.work
        rates = {name: _rate(cluster, users, user) for name, user in users.items()}
        step = min((min(u.due.values()) - u.level) / rates[name] for name, u in users.items())
        if coming:
            step = min(step, coming[-1][1].at - now)
        now += step
        for name, user in list(users.items()):
            for number in user.serve(rates[name] * step):
                ends[number] = now
            if not user.due:
                del users[name]
    return ends


def _rate(cluster: SharedCluster, users: Mapping[int, _FluidUser], user: _FluidUser) -> Fraction:
    return Fraction(cluster.cores, len(users) * len(user.due))


def figures(costs: Sequence[int], run: ClusterRun) -> dict[str, float]:
    """Return what else there is to say of a finished run.

    `goodput` is the share of jobs within their limits; `seconds` the mean time from the coming of a
    job to its end, and `seconds_small` that of the smaller half of jobs by their work;
    `worst_user` the largest mean cost of a user's jobs.
    """
    times = [(job.done or 0) - job.arrived for job in run.jobs]
    sizes = sorted((job.work, job.id) for job in run.jobs)
    small = [number for _, number in sizes[: (len(sizes) + 1) // 2]]
    users: dict[int, list[int]] = {}
    for job, cost in zip(run.jobs, costs, strict=True):
        users.setdefault(job.user, []).append(cost)
    return {
        "goodput": sum(cost == LEAST for cost in costs) / len(costs),
        "seconds": sum(times) / len(times) / 1000,
        "seconds_small": sum(times[k] for k in small) / len(small) / 1000,
        "worst_user": max(sum(row) / len(row) for row in users.values()) / 1000,
    }
