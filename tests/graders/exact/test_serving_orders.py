"""The cost of an order that is taken from an earlier run is what its own run costs."""

from collections.abc import Sequence
from itertools import permutations
from random import Random

import msgspec
import pytest

from generators.serving import generate
from graders.exact.orders import best_order
from graders.exact.serving import least_cost, reference
from graders.exact.serving_measure import job_costs, simulate
from graders.exact.serving_orders import OrderCosts
from graders.exact.serving_rules import ranked
from tasks.serving_payload import Service
from tests.depth import often
from tests.factories.services import REGIMES, drawn_service, small_case
from tests.switching_table import rows, workloads


def own_cost(service: Service, order: list[int]) -> int:
    plan = ranked({job: rank for rank, job in enumerate(order)})
    return sum(job_costs(simulate(msgspec.to_builtins(service), plan)))


def test_all_orders_of_few_jobs_cost_what_their_own_runs_do() -> None:
    rng, saved = Random("serving/orders"), 0
    for _ in range(often(90)):
        service = drawn_service(rng, 4, memory=rng.choice((850, 1500)))
        costs = OrderCosts(service, compiled=False)
        orders = [list(order) for order in permutations(range(len(service.jobs)))]
        for order in orders:
            assert costs.cost(order) == own_cost(service, order)
        saved += len(orders) - costs.simulated
    assert saved > 0


@pytest.mark.parametrize("regime", REGIMES)
def test_neighbours_of_an_order_cost_what_their_own_runs_do(regime: str) -> None:
    service = msgspec.convert(small_case(regime, 4), Service)
    count, rng = len(service.jobs), Random(regime)
    costs, order = OrderCosts(service, compiled=False), list(range(count))
    for _ in range(often(48)):
        i, j = rng.sample(range(count), 2)
        order[i], order[j] = order[j], order[i]
        assert costs.cost(order) == own_cost(service, order)


def test_a_search_runs_few_of_the_orders_that_it_tries() -> None:
    service = generate(12, 0, 0, {}, reference=False).payload
    costs, tried = OrderCosts(service, compiled=False), list[int]()

    def cost(order: Sequence[int]) -> int:
        tried.append(costs.cost(order))
        return tried[-1]

    best = best_order(12, cost, least_cost(service))
    assert reference(service).objective == costs.cost(best) == min(tried)
    assert costs.simulated < len(tried) / 2


@pytest.mark.heavy
def test_a_change_of_priorities_costs_the_less_the_cheaper_a_swap_is() -> None:
    """As FastSwitch says, whose claim docs/serving.md has at its full size."""
    table = rows(workloads(100, 1))
    gaps = [row["gap_p95"].value or 0.0 for row in table.values()]
    assert gaps[1] > gaps[2] > gaps[3] > gaps[4]
    lost, read = (
        [row[k].value or 0.0 for row in table.values()] for k in ("evictions", "recomputed")
    )
    assert lost[1] > 2 * lost[0]
    assert read[4] < 0.2 * read[1]
