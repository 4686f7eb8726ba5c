"""What is known of the best run of a cluster: a bound by definition, and the best of many runs.

The bound is 1 a job: no job costs less. Above it stands, of few jobs, their best order: of all of
them up to six jobs, else where a descent ends. Of more jobs it is the best of the policies and of
clairvoyant ones, which know how long each task lasts.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from statistics import fmean

import msgspec

from graders.exact.fair_queue_kernel import cluster_runs
from graders.exact.fair_queue_measure import job_costs, limits_of, simulate
from graders.exact.fair_queue_orders import random_orders
from graders.exact.fair_queue_rules import (
    POLICIES,
    earliest_due,
    job_fair,
    least_slack,
    ranked,
    shortest,
    uwfq,
)
from graders.exact.fair_queue_simulator import Pick
from graders.exact.limits import LEAST
from graders.exact.orders import FEW, best_order, ranks_of
from tasks.base import Fields, Reference
from tasks.fair_queue import KEY, SharedCluster

ORDERS = 3  # random orders that set the zero of skill
ORDERS_OF_FEW = 20


def case_of(cluster: SharedCluster) -> Fields:
    """Return a cluster as the simulator reads it."""
    case: Fields = msgspec.to_builtins(cluster)
    return case


def least_cost(cluster: SharedCluster) -> int:
    """Return what no run costs less than, in thousandths: 1 a job."""
    return LEAST * len(cluster.jobs)


def cost_of(cluster: SharedCluster, pick: Pick) -> int:
    """Return what all jobs cost together under a policy, in thousandths."""
    return sum(job_costs(limits_of(cluster), simulate(case_of(cluster), pick)))


@lru_cache(maxsize=1000)
def random_cost(cluster: SharedCluster) -> float:
    """Return the mean cost of a cluster's jobs in random orders, in thousandths of all."""
    return fmean(random_costs(cluster, ORDERS_OF_FEW if len(cluster.jobs) <= FEW else ORDERS))


def random_costs(cluster: SharedCluster, orders: int) -> list[int]:
    """Return what the jobs cost in each of so many random orders, in thousandths of all."""
    runs = cluster_runs(cluster)
    return list(map(runs.cost, random_orders(len(cluster.jobs), orders)))


def reference(
    cluster: SharedCluster, *, search: bool = True, seconds: float | None = None
) -> Reference:
    """Return the bound and the best run that is found.

    Args:
        cluster: with its jobs.
        search: whether runs are tried; else nothing but the bound is there.
        seconds: has no effect, as what is tried is the same on every machine.
    """
    del seconds
    bound = least_cost(cluster)
    if not search:
        return Reference("bounded", bound=bound)
    is_few = len(cluster.jobs) <= FEW
    objective, answer = _best_order(cluster) if is_few else _portfolio(cluster)
    solver = "orders of jobs" if is_few else "portfolio of policies"
    status = "optimal" if objective == bound else "bounded"
    return Reference(status, objective, bound, solver, answer=answer)  # type: ignore[arg-type]


def order_plan(cluster: SharedCluster, order: Sequence[str]) -> Pick:
    """Return an order of jobs, by their ids, as a policy."""
    numbers = {job.id: number for number, job in enumerate(cluster.jobs)}
    return ranked({numbers[name]: rank for rank, name in enumerate(order)})


def _best_order(cluster: SharedCluster) -> tuple[int, Fields]:
    """Return the least cost of an order that is found, and that order."""
    dues, runs = _dues(cluster), cluster_runs(cluster)

    def cost(order: Sequence[int]) -> int:
        return runs.cost(ranks_of(order))

    count = len(cluster.jobs)
    start = sorted(range(count), key=lambda number: (dues[number], number))
    best = best_order(count, cost, least_cost(cluster), start)
    return cost(best), {KEY: [cluster.jobs[number].id for number in best]}


def _dues(cluster: SharedCluster) -> list[int]:
    """Return the moment in ms by which each job keeps its limit."""
    pairs = zip(cluster.jobs, limits_of(cluster), strict=True)
    return [job.at + limit for job, limit in pairs]


def _portfolio(cluster: SharedCluster) -> tuple[int, Fields]:
    """Return the least cost of all policies, up to one at the bound, and the log of that run."""
    least, runs = least_cost(cluster), list[tuple[int, list[int]]]()
    for pick in _policies(cluster):
        run = simulate(case_of(cluster), pick)
        runs.append((sum(job_costs(limits_of(cluster), run)), run.log))
        if runs[-1][0] == least:
            break
    cost, log = min(runs, key=lambda pair: pair[0])
    return cost, {KEY: log}


def _policies(cluster: SharedCluster) -> Iterator[Pick]:
    """Yield policies that know all, the promising ones first, and those that guess."""
    dues, works = _dues(cluster), [job.work for job in cluster.jobs]
    yield least_slack(dues, works)
    yield earliest_due(dues)
    for make in (shortest, job_fair, uwfq):
        yield make(lambda job: works[job.id])
    for _, policy in POLICIES.values():
        yield policy()
