"""Twins: the same until a moment; who looks ahead is caught on them, and nobody else ever is."""

import json
from functools import partial
from typing import Any

import pytest

from generators.placement import PlacementSettings, drawn
from graders.exact.placement import case_of
from graders.exact.placement_rules import RULES, Make, alike_end, least_longer
from graders.exact.placement_simulator import ComingTask, Place, PlacementRun
from graders.exact.placement_twin import twin_of
from tests.depth import often


def small(number: int) -> Any:
    return case_of(drawn(120, f"twin/{number}", PlacementSettings(load=5)))


def run(case: Any, make: Make, until: int | None = None) -> list[int]:
    fleet = PlacementRun(case, lambda task, hosts: None, until)  # noqa: ARG005
    fleet.place = make(fleet)
    return fleet.run()


def is_caught(case: Any, make: Make, seed: str) -> bool:
    log = run(case, make)
    twin = twin_of(case, log, seed)
    assert twin is not None
    return log[: twin.tasks] != run(json.loads(json.dumps(twin.case)), make, twin.tasks)


@pytest.mark.parametrize("name", RULES)
def test_who_does_not_look_ahead_is_never_caught(name: str) -> None:
    for number in range(often(48)):
        assert not is_caught(small(number), RULES[name][1], f"{number}")


def ahead(rule: Any, fleet: PlacementRun) -> Place:
    def end(task: ComingTask) -> float:
        return float(task.at + fleet.times[task.id])

    place: Place = rule(fleet, end=end)
    return place


@pytest.mark.parametrize("rule", [alike_end, least_longer])
def test_who_knows_when_tasks_end_is_caught(rule: Any) -> None:
    count = often(48)
    hits = sum(is_caught(small(k), partial(ahead, rule), str(k)) for k in range(count))
    assert hits >= count / 4


def test_a_twin_is_the_same_before_its_moment_and_another_after() -> None:
    case = small(3)
    log = run(case, RULES["best-fit"][1])
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
    log = run(case, RULES["best-fit"][1])
    for wrong in ([], log[:-1], [*log, 1], [2, *log[1:]], [0] * len(log)):
        assert twin_of(case, wrong, "x") is None
