"""Twins: the same until a moment; who looks ahead is caught on them, and nobody else ever is."""

from typing import Any

import pytest

from graders.exact.serving_rules import first_come
from graders.exact.serving_server import ModelServer
from graders.exact.serving_simulator import ServingRun
from graders.exact.serving_twin import ServingTwin, twin_of
from tests.depth import often
from tests.factories.foresight import (
    Make,
    peak_ahead,
    serving_caught,
    serving_log,
    shortest_request_ahead,
)
from tests.factories.services import REGIMES, small_case


@pytest.mark.parametrize(
    ("cheat", "regime"),
    [
        (shortest_request_ahead, "reason"),
        (shortest_request_ahead, "tenants"),
        (shortest_request_ahead, "few"),
        (peak_ahead, "reason"),
    ],
)
def test_who_looks_ahead_is_caught(cheat: Make, regime: str) -> None:
    count = often(80)
    hits = sum(serving_caught(small_case(regime, k), cheat, str(k)) for k in range(count))
    assert hits >= count / 4


@pytest.mark.parametrize("regime", REGIMES)
def test_a_twin_is_the_same_before_its_moment_and_another_after(regime: str) -> None:
    case = small_case(regime, 3)
    log = serving_log(case, lambda _: first_come())
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
