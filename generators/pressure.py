"""Arrivals of equal pressure: so dense that jobs in a random order cost what is asked for.

At a load that is fixed instead, random orders cost nothing on one instance and much on the next,
and skill between them and the bound is noise.
"""

from collections.abc import Callable
from functools import cache
from statistics import fmean

from graders.exact.orders import FEW

TRIES = 400  # draws of a workload that leaves enough to plan
STEPS, RATIO = 96, 0.92  # steps from jobs that come at leisure, and the gaps' share after each
WHOLE = 1_000_000  # the share of all of a time, in millionths
LEAST = 1.1  # of the cost of a random order: below it there is nothing to plan
ROOM = 0.2  # of skill between random orders and the best of them, where jobs are few
ORDERS, ORDERS_OF_FEW = 2, 20  # random orders that are run to see what there is to plan
CLEARLY = 1e-6  # more than roundings of mean costs come to

CostAt = Callable[[int, int], float]  # of a random order by its number, at a step


def step_with_room(cost_at: CostAt, jobs: int, pressure: float) -> int | None:
    """Return the step at which jobs are under pressure; None if that leaves too little to plan.

    Args:
        cost_at: the mean cost of a job, 1 or more, which grows with steps.
        jobs: how many there are.
        pressure: what a job is to cost in random orders.
    """
    step = _step_under_pressure(
        lambda step: fmean([cost_at(number, step) for number in range(ORDERS)]), pressure
    )
    orders, room = (ORDERS_OF_FEW, ROOM) if jobs <= FEW else (ORDERS, 0.0)
    least = min(LEAST, pressure)
    return step if leaves_room(lambda k: cost_at(k, step), orders, least, room) else None


def _step_under_pressure(cost_at: Callable[[int], float], pressure: float) -> int:
    """Return the first step at which a job costs as much as is asked for, or the last."""
    low, high = 0, STEPS
    while low < high:
        middle = (low + high) // 2
        if cost_at(middle) < pressure:
            low = middle + 1
        else:
            high = middle
    return low


def leaves_room(cost_of: Callable[[int], float], orders: int, least: float, room: float) -> bool:
    """Return whether random orders cost enough, and the best of them clearly less than others.

    Args:
        cost_of: the mean cost of a job, 1 or more, in a random order, by its number.
        orders: how many count; the last of them are not asked for once the others are enough.
        least: what they are to cost in the mean.
        room: share of their cost above 1 which the best is to save.
    """
    costs: list[float] = []
    for number in range(orders):
        costs.append(cost_of(number))
        floor = (sum(costs) + orders - len(costs)) / orders - CLEARLY  # of the mean of all
        if floor >= least and floor - min(costs) >= room * (floor - 1):
            return True
    mean = fmean(costs)
    return mean >= least and mean - min(costs) >= room * (mean - 1)


@cache
def share_at(step: int) -> int:
    """Return the share of a time of arrival that is left at a step, in millionths."""
    return round(RATIO**step * WHOLE)


def sooner(time: int, step: int) -> int:
    """Return a time of arrival at a step: 8 % sooner at each."""
    return time * share_at(step) // WHOLE
