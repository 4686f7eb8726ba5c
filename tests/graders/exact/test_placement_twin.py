"""Twins: the same until a moment; who looks ahead is caught on them, and nobody else ever is."""

from typing import Any

import pytest

from generators.placement import PlacementSettings, drawn
from graders.exact.placement import case_of
from graders.exact.placement_twin import twin_of
from tests.depth import often
from tests.factories.foresight import PLACEMENT, places, places_caught


def small(number: int) -> Any:
    return case_of(drawn(120, f"twin/{number}", PlacementSettings(load=5)))


@pytest.mark.parametrize("name", PLACEMENT.honest)
def test_who_does_not_look_ahead_is_never_caught(name: str) -> None:
    for number in range(often(48)):
        assert not places_caught(small(number), PLACEMENT.honest[name], f"{number}")


@pytest.mark.parametrize("cheat", PLACEMENT.cheats)
def test_who_knows_when_tasks_end_is_caught(cheat: str) -> None:
    count = often(48)
    hits = sum(places_caught(small(k), PLACEMENT.cheats[cheat], str(k)) for k in range(count))
    assert hits >= count / 4


def test_a_twin_is_the_same_before_its_moment_and_another_after() -> None:
    case = small(3)
    log = places(case, PLACEMENT.honest["best-fit"])
    twin = twin_of(case, log, "x")
    assert twin is not None
    assert twin == twin_of(case, log, "x")
    last = twin.case["tasks"][twin.tasks - 1]["at"]
    gone = 0
    for old, new in zip(case["tasks"], twin.case["tasks"], strict=True):
        if old["at"] > last:
            assert new["at"] > last
            continue
        seen = ("id", "at", "cpu", "memory", "guess")
        assert [new[key] for key in seen] == [old[key] for key in seen]
        if old["at"] + old["time"] <= last:
            assert new == old
            gone += 1
        else:
            assert new["at"] + new["time"] > last
    assert gone > 10


def test_what_has_no_run_has_no_twin() -> None:
    case = small(0)
    log = places(case, PLACEMENT.honest["best-fit"])
    for wrong in ([], log[:-1], [*log, 1], [2, *log[1:]], [0] * len(log)):
        assert twin_of(case, wrong, "x") is None
