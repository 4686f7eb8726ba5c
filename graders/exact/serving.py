"""What is known of the best run of a workload: a bound by definition, and the best of many runs.

The bound is 1 a job: no job costs less. Above it stands, of few jobs, their best order: of all of
them up to six jobs, else where a descent ends. Of more jobs it is the best of the policies of the
papers and of clairvoyant ones, which know how many tokens each call will make.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from statistics import fmean
from typing import Any

import msgspec

from graders.exact.limits import LEAST
from graders.exact.orders import FEW, best_order
from graders.exact.serving_kernel import runs_of
from graders.exact.serving_measure import Plan, job_costs
from graders.exact.serving_orders import OrderCosts
from graders.exact.serving_papers import POLICIES, slack
from graders.exact.serving_rules import (
    by_peak,
    chunked,
    first_come,
    prefill_first,
    random_orders,
    ranked,
)
from graders.exact.serving_server import ModelServer, RefusedPlan, Request
from graders.exact.serving_simulator import Log, ServingRun
from tasks.base import Fields, Reference
from tasks.serving import KEY
from tasks.serving_payload import Service

BUDGETS = (128, 256, 512, 2048)
ORDERS = 3  # random orders that set the zero of skill
ORDERS_OF_FEW = 20


def case_of(service: Service) -> Fields:
    """Return a workload as the simulator reads it."""
    case: Fields = msgspec.to_builtins(service)
    return case


def least_cost(service: Service) -> int:
    """Return what no run costs less than, in thousandths: 1 a job."""
    return LEAST * len(service.jobs)


@lru_cache(maxsize=1000)
def random_cost(service: Service) -> float:
    """Return the mean cost of a workload in random orders, in thousandths: the zero of skill."""
    runs, count = runs_of(case_of(service)), len(service.jobs)
    orders = ORDERS_OF_FEW if count <= FEW else ORDERS
    return fmean(map(runs.cost, random_orders(count, orders)))


def reference(service: Service, *, search: bool = True, seconds: float | None = None) -> Reference:
    """Return the bound and the best run that is found.

    Args:
        service: the workload.
        search: whether runs are tried; else nothing but the bound is there.
        seconds: has no effect, as what is tried is the same on every machine.
    """
    del seconds
    bound = least_cost(service)
    if not search:
        return Reference("bounded", bound=bound)
    is_few = len(service.jobs) <= FEW
    objective, answer = _best_order(service) if is_few else _portfolio(service)
    solver = "orders of jobs" if is_few else "portfolio of policies"
    if objective == bound:
        return Reference("optimal", objective, bound, solver, answer=answer)
    return Reference("bounded", objective, bound, solver, answer=answer)


def order_plan(service: Service, order: Sequence[str]) -> Plan:
    """Return an order of jobs, by their ids, as a policy."""
    numbers = {job.id: number for number, job in enumerate(service.jobs)}
    return ranked({numbers[name]: rank for rank, name in enumerate(order)})


# Portfolio -----------------------------------------------------------------------------------


def _portfolio(service: Service) -> tuple[int, Fields]:
    """Return the least cost of all policies that come to an end, up to one at the bound, and how.

    The log is that of the first run that costs so little.
    """
    runs: list[tuple[int, Log]] = []
    case, least = case_of(service), least_cost(service)
    for make in _policies():
        simulation = ServingRun(case, lambda server: None)  # noqa: ARG005
        simulation.plan = make(simulation)
        try:
            log = simulation.run()
        except RefusedPlan:  # one that asks for more than there is, say where contexts fill memory
            continue
        runs.append((sum(job_costs(simulation)), log))
        if runs[-1][0] == least:
            break
    cost, log = min(runs, key=lambda run: run[0])
    return cost, {KEY: log}


def _policies() -> Iterator[Callable[[ServingRun], Plan]]:
    policies: list[Callable[[], Plan]] = [first_come, prefill_first, partial(chunked, 128)]
    policies.extend(POLICIES.values())
    yield from (partial(_blind, policy) for policy in policies)
    for budget in BUDGETS:
        yield partial(_shortest, budget)
        yield partial(_tightest, budget)


def _blind(policy: Callable[[], Plan], simulation: ServingRun) -> Plan:
    del simulation
    return policy()


def _shortest(budget: int, simulation: ServingRun) -> Plan:
    """Return the shortest rest first, and memory by its true peak."""

    def length(server: ModelServer, request: Request) -> float:  # noqa: ARG001
        return simulation.lengths[request.id]

    def key(server: ModelServer, request: Request) -> tuple[float, int]:
        rest = simulation.lengths[request.id] - request.out + server.unread(request) / 8
        return rest, request.id

    return chunked(budget, by_peak(length, key, skip=True), key)


def _tightest(budget: int, simulation: ServingRun) -> Plan:
    """Return the least slack first, those that are late last, and memory by its true peak."""

    def length(server: ModelServer, request: Request) -> float:  # noqa: ARG001
        return simulation.lengths[request.id]

    def key(server: ModelServer, request: Request) -> tuple[Any, ...]:
        if request.ttft is None and request.deadline is not None:
            rest = request.arrived + request.deadline - server.now
            return rest < 0, rest, request.id
        return slack(server, request)

    return chunked(budget, by_peak(length, key, skip=True), key)


# Orders --------------------------------------------------------------------------------------


def _best_order(service: Service) -> tuple[int, Fields]:
    """Return the least cost of an order: of all, or where a descent by swaps ends."""
    costs = OrderCosts(service)
    best = best_order(len(service.jobs), costs.cost, least_cost(service))
    return costs.cost(best), {KEY: [service.jobs[number].id for number in best]}
