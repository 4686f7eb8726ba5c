"""Arrivals of equal pressure: so dense that jobs in a random order cost what is asked for.

At a load that is fixed instead, random orders cost nothing on one instance and much on the next,
and skill between them and the bound is noise.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from math import inf
from statistics import fmean

from graders.exact.orders import FEW, WHOLE

TRIES = 400  # draws of a workload that leaves enough to plan
STEPS, RATIO = 96, 0.92  # steps from jobs that come at leisure, and the gaps' share after each
LEAST = 1.1  # of the cost of a random order: below it there is nothing to plan
ROOM = 0.2  # of skill between random orders and the best of them, where jobs are few
ORDERS, ORDERS_OF_FEW = 2, 20  # random orders that are run to see what there is to plan
CLEARLY = 1e-6  # more than roundings of mean costs come to

Ranks = tuple[int, ...]  # of jobs in an order, by their numbers


class RandomCosts:
    """What a job costs in random orders at each step; an order that comes again is run once.

    Args:
        run: the mean cost of a job by ranks, 1 or more, at a share of the times of arrival.
        orders: the random ones.
    """

    def __init__(self, run: Callable[[Ranks, int], float], orders: Sequence[Ranks]) -> None:
        self._run, self._orders = run, orders
        self._costs: dict[tuple[Ranks, int], float] = {}

    def at(self, number: int, step: int) -> float:
        """Return the mean cost of a job in one of the orders."""
        place = self._orders[number], step
        cost = self._costs.get(place)
        if cost is None:
            cost = self._costs[place] = self._run(self._orders[number], share_at(step))
        return cost


def orders_that_count(jobs: int) -> int:
    """Return how many random orders show what there is to plan for so many jobs."""
    return ORDERS_OF_FEW if jobs <= FEW else ORDERS


def step_with_room(costs: RandomCosts, jobs: int, pressure: float) -> int | None:
    """Return the step at which jobs are under pressure; None if that leaves too little to plan.

    Args:
        costs: of at least `orders_that_count`.
        jobs: how many there are.
        pressure: what a job is to cost in random orders.
    """
    step = _step_under_pressure(costs, pressure)
    orders, room = orders_that_count(jobs), ROOM if jobs <= FEW else 0.0
    each = (costs.at(number, step) for number in range(orders))
    return step if leaves_room(each, orders, min(LEAST, pressure), room) else None


def _step_under_pressure(costs: RandomCosts, pressure: float) -> int:
    """Return the first step at which a job costs as much as is asked for, or the last."""
    low, high = 0, STEPS
    while low < high:
        middle = (low + high) // 2
        if fmean([costs.at(number, middle) for number in range(ORDERS)]) < pressure:
            low = middle + 1
        else:
            high = middle
    return low


def leaves_room(each: Iterable[float], orders: int, least: float, room: float) -> bool:
    """Return whether random orders cost enough, and the best of them clearly less than others.

    Args:
        each: the mean cost of a job, 1 or more, in every order: the last are not asked for once
            those before are enough.
        orders: how many they are.
        least: what they are to cost in the mean.
        room: share, below 1, of their cost above 1 which the best is to save.
    """
    costs, total, lowest = list[float](), float(orders), inf
    for cost in each:
        costs.append(cost)
        total, lowest = total + cost - 1, min(lowest, cost)
        floor = total / orders - CLEARLY  # of the mean of all
        if floor >= least and floor - lowest >= room * (floor - 1):
            return True
    mean = fmean(costs)
    return mean >= least and mean - lowest >= room * (mean - 1)


@cache
def share_at(step: int) -> int:
    """Return the share of a time of arrival that is left at a step, in millionths."""
    return round(RATIO**step * WHOLE)


def sooner(time: int, step: int) -> int:
    """Return a time of arrival at a step: 8 % sooner at each."""
    return time * share_at(step) // WHOLE
