"""What changes of priority cost in `serving`: `python -m tests.switching_table [JOBS] [INSTANCES]`.

After FastSwitch (arXiv 2411.18424): each half second every request has a priority drawn anew, and
who has a low one gives up the place to who has a high one. Its tokens are read again, or swapped
out of memory and back at a price a token. Intervals are at 95 % over instances.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any

import msgspec

from generators.serving import generate
from graders.exact.serving_measure import Plan, figures, measures, simulate
from graders.exact.serving_rules import first_come, reserve
from graders.exact.serving_server import ModelServer, Request
from graders.statistics import Estimate, mean_of
from tasks.base import Scalar
from tests.serving_table import text

HALF_SECOND = 500_000_000  # ns
LEAD = 0.3  # of priority, before a place changes hands
PATIENCE = 6  # places lost, after which a request keeps its place
TOKEN = 131_072  # bytes of KV cache of a token: Llama-3-8B
PRESSURE = 1.3  # below the default: a service that is busy, and not overrun
PRICES: dict[str, int | None] = {  # ns a token
    "read again": None,
    "swapped at 5 GB/s": TOKEN // 5,
    "swapped at 25 GB/s": TOKEN // 25,
    "swapped for nothing": 0,
}


def changing(part: str) -> Plan:
    """Return the policy; `part` of a plan is how places are lost: `evict` or `swap`."""

    def plan(server: ModelServer) -> dict[str, Any]:
        def priority(request: Request) -> float:
            tired = request.evictions >= PATIENCE
            return Random(f"{request.id}/{server.now // HALF_SECOND}").random() + tired

        lowest = [r for r in sorted(server.running, key=priority) if r.decoding]
        left = server.free - reserve(server)
        admitted, losers = list[int](), list[int]()
        for request in sorted(server.waiting, key=priority, reverse=True):
            while request.need > left and lowest and priority(request) - priority(lowest[0]) > LEAD:
                loser = lowest.pop(0)
                losers.append(loser.id)
                left += loser.need
            if request.need > left:
                break
            left -= request.need
            admitted.append(request.id)
        return {"admit": admitted, part: losers}

    return plan


def measured(
    cases: Sequence[dict[str, Any]], price: int | None, policy: Callable[[], Plan]
) -> dict[str, Estimate]:
    """Return the figures of a policy, means over workloads, where a token's swap has this price."""
    values: dict[str, list[float]] = {}
    for case in cases:
        servers = [{**server, "swap": price} for server in case["servers"]]
        run = simulate({**case, "servers": servers}, policy())
        for key, value in figures(measures(run)).items():
            values.setdefault(key, []).append(value)
    return {key: mean_of(each) for key, each in values.items()}


def workloads(jobs: int, count: int) -> list[dict[str, Any]]:
    """Return workloads as the simulator reads them."""
    settings: dict[str, Scalar] = {"regime": "reason", "pressure": PRESSURE}
    made = [generate(jobs, 0, k, settings, reference=False) for k in range(count)]
    return [msgspec.to_builtins(each.payload) for each in made]


def rows(cases: Sequence[dict[str, Any]]) -> dict[str, dict[str, Estimate]]:
    """Return the figures by price, and of first come, first served without any change."""
    part = {name: "evict" if price is None else "swap" for name, price in PRICES.items()}
    return {
        "nothing changes": measured(cases, None, first_come),
        **{n: measured(cases, p, partial(changing, part[n])) for n, p in PRICES.items()},
    }


def main(jobs: int = 150, count: int = 8) -> None:
    """Print a row a price."""
    for name, row in rows(workloads(jobs, count)).items():
        cells = (f"{key} {text(each)}" for key, each in row.items())
        print(f"{name} |", " | ".join(cells))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
