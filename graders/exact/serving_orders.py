"""What orders of jobs cost, each different run once: most orders of a workload are the same run."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from graders.exact.orders import ranks_of
from graders.exact.serving_kernel import KernelRuns, runs_of
from graders.exact.serving_measure import Plan, job_costs, simulate
from graders.exact.serving_rules import ranked, unread_of
from graders.exact.serving_server import ModelServer, Request
from tasks.serving_payload import Service

Pair = tuple[int, int]  # two jobs, of which the first was preferred to the second


class OrderCosts:
    """The costs of orders of a workload.

    A run depends on an order by the comparisons alone that it came to: of the calls that were let
    in, and read, and the first that was not, with those behind it. An order that agrees with an
    earlier one in all of them is the same run to the nanosecond, and is not run again. The kernel
    runs them all: that is faster than to compare.
    """

    def __init__(self, service: Service, *, compiled: bool = True) -> None:
        self._case: dict[str, Any] = msgspec.to_builtins(service)
        runs = runs_of(self._case, compiled=compiled)
        self._kernel = runs if isinstance(runs, KernelRuns) else None
        self._runs: list[tuple[list[Pair], int]] = []
        self.simulated = 0  # runs in Python

    def cost(self, order: Sequence[int]) -> int:
        """Return the sum of costs under an order of the numbers of jobs, in thousandths."""
        if self._kernel is not None:
            return self._kernel.cost(ranks_of(order))
        ranks = {job: rank for rank, job in enumerate(order)}
        for pairs, cost in reversed(self._runs):
            if all(ranks[first] < ranks[second] for first, second in pairs):
                return cost
        plan, compared = noted(ranks)
        cost = sum(job_costs(simulate(self._case, plan)))
        self.simulated += 1
        self._runs.append((sorted(compared), cost))
        return cost


def noted(ranks: Mapping[int, int]) -> tuple[Plan, set[Pair]]:
    """Return an order as a policy, and the comparisons that its run comes to, as it goes on.

    Args:
        ranks: of jobs by number, the smallest first.
    """
    compared = set[Pair]()
    base = ranked(ranks)

    def key(request: Request) -> tuple[int, int]:
        return ranks[request.job], request.id

    def note(requests: Sequence[Request], chosen: int) -> None:
        """Note that so many were chosen in their order, and then the first one was not."""
        ordered = sorted(requests, key=key)
        for first, second in pairwise(ordered[: chosen + 1]):
            compared.add((first.job, second.job))
        for other in ordered[chosen + 1 :]:
            compared.add((ordered[chosen].job, other.job))

    def plan(server: ModelServer) -> Any:
        decision = base(server)
        note(server.waiting, len(decision["admit"]))
        if "prefill" in decision:
            note(unread_of(server, decision["admit"]), len(decision["prefill"]))
        compared.difference_update([pair for pair in compared if pair[0] == pair[1]])
        return decision

    return plan, compared
