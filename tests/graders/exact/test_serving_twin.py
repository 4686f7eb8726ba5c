"""Twins: the same until a moment; who looks ahead is caught on them, and nobody else ever is."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from graders.exact.serving_measure import Plan
from graders.exact.serving_papers import POLICIES
from graders.exact.serving_rules import (
    admission,
    by_peak,
    chunked,
    first_come,
    mc_sf,
    past_future,
    shortest_first,
)
from graders.exact.serving_server import ModelServer, Request
from graders.exact.serving_simulator import Log, ServingRun
from graders.exact.serving_twin import ServingTwin, twin_of
from tests.depth import often
from tests.factories.services import REGIMES, small_case

HONEST: dict[str, Callable[[], Plan]] = {
    **POLICIES,
    "first-come": first_come,
    "past-future": past_future,
    "shortest": shortest_first,
    "mc-sf": mc_sf,
    "chunk-128": lambda: chunked(128),
}


def run(case: Any, make: Callable[[ServingRun], Plan], until: int | None = None) -> Log:
    simulation = ServingRun(case, first_come(), until)
    simulation.plan = make(simulation)
    return simulation.run()


def is_caught(case: Any, make: Callable[[ServingRun], Plan], seed: str) -> bool:
    log = run(case, make)
    twin = twin_of(case, log, seed)
    assert twin is not None
    again = run(json.loads(json.dumps(twin.case)), make, twin.asks)
    return [e for e in log if e[0] < twin.asks] != [e for e in again if e[0] < twin.asks]


def blind(make: Callable[[], Plan]) -> Callable[[ServingRun], Plan]:
    return lambda _: make()


@pytest.mark.parametrize("regime", REGIMES)
def test_who_does_not_look_ahead_is_never_caught(regime: str) -> None:
    for number in range(often(12)):
        case = small_case(regime, number)
        for name, make in HONEST.items():
            assert not is_caught(case, blind(make), f"{number}"), name


def shortest_ahead(simulation: ServingRun) -> Plan:
    """Knows every length, and admits the shortest rest first."""

    def key(server: ModelServer, request: Request) -> Any:  # noqa: ARG001
        return simulation.lengths[request.id] - request.out + request.prompt / 8, request.id

    return admission(key)


def peak_ahead(simulation: ServingRun) -> Plan:
    """Knows every length, and admits first come while the exact peak of memory fits."""
    return by_peak(lambda _, request: simulation.lengths[request.id])


@pytest.mark.parametrize(
    ("cheat", "regime"),
    [
        (shortest_ahead, "reason"),
        (shortest_ahead, "tenants"),
        (shortest_ahead, "few"),
        (peak_ahead, "reason"),
    ],
)
def test_who_looks_ahead_is_caught(cheat: Callable[[ServingRun], Plan], regime: str) -> None:
    count = often(24)
    hits = sum(is_caught(small_case(regime, k), cheat, str(k)) for k in range(count))
    assert hits >= count / 4


@pytest.mark.parametrize("regime", REGIMES)
def test_a_twin_is_the_same_before_its_moment_and_another_after(regime: str) -> None:
    case = small_case(regime, 3)
    log = run(case, lambda _: first_come())
    twin = twin_of(case, log, "x")
    assert isinstance(twin, ServingTwin)
    assert twin == twin_of(case, log, "x")
    assert twin.case != case
    asks: list[int] = []

    def noted(server: ModelServer) -> Any:
        asks.append(server.now)
        return first_come()(server)

    ServingRun(twin.case, noted, twin.asks).run()
    assert len(asks) == twin.asks
    pairs = list(zip(case["jobs"], twin.case["jobs"], strict=True))
    for old, new in pairs:
        if old["at"] <= asks[-1]:
            assert new["at"] == old["at"]
            assert [c["prompt"] for c in new["stages"][0]["calls"]] == [
                c["prompt"] for c in old["stages"][0]["calls"]
            ]
        else:
            assert new["at"] > asks[-1]


def test_what_has_no_run_has_no_twin() -> None:
    case = small_case("few", 0)
    assert twin_of(case, [[0, {"admit": [99]}]], "x") is None
    assert twin_of(case, [[0, {"faster": 1}]], "x") is None
