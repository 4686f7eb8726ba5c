"""Fleets with room between random and good, the same in every process; wrong use is one line."""

from statistics import fmean

import msgspec
import pytest

from generators.placement import CPU, PlacementSettings, drawn, generate, resolve
from graders.exact.placement import least_cost, random_cost, random_costs
from harness.suites.instances import encode
from tasks.base import InputError, Scalar
from tasks.placement import Fleet


def test_few_tasks_leave_room_between_random_fits_and_the_best_of_them() -> None:
    for index in range(6):
        fleet = generate(10, 1, index, {}, reference=False).payload
        chance, bound = random_cost(fleet), least_cost(fleet)
        assert chance >= 1.05 * bound
        assert chance - min(random_costs(fleet)) >= 0.2 * (chance - bound)


@pytest.mark.parametrize("load", [3.0, 12.0])
def test_load_is_the_hosts_that_cpus_fill(load: float) -> None:
    loads = []
    for k in range(4):
        tasks = drawn(1200, f"load/{k}", PlacementSettings(load=load)).tasks
        begin, end = tasks[300].at, tasks[-1].at  # after hosts have filled
        used = sum(max(0, min(end, t.end) - max(begin, t.at)) * t.cpu for t in tasks)
        loads.append(used / (end - begin) / CPU)
    assert fmean(loads) == pytest.approx(load, rel=0.15)


def test_hints_and_load_change_no_task_but_its_guess_and_arrival() -> None:
    fleets = {
        hint: generate(20, 1, 0, {"hint": hint}, reference=False).payload
        for hint in ("guess", "exact", "none")
    }
    plain = [[(t.at, t.time, t.cpu, t.memory) for t in f.tasks] for f in fleets.values()]
    assert plain[0] == plain[1] == plain[2]
    assert all(t.guess == t.time for t in fleets["exact"].tasks)
    assert all(t.guess is None for t in fleets["none"].tasks)
    assert any(t.guess != t.time for t in fleets["guess"].tasks)
    one, other = (drawn(20, "x", PlacementSettings(load=load)) for load in (2, 9))
    assert [(t.time, t.cpu) for t in one.tasks] == [(t.time, t.cpu) for t in other.tasks]


def test_levels_share_nothing_and_the_same_seed_has_the_same_bytes() -> None:
    one = generate(10, 3, 1, {}, reference=False)
    assert encode(one) == encode(generate(10, 3, 1, {}, reference=False))
    assert one.payload.tasks[1] != generate(11, 3, 1, {}, reference=False).payload.tasks[1]
    assert msgspec.json.decode(msgspec.json.encode(one.payload), type=Fleet) == one.payload


@pytest.mark.parametrize(
    ("level", "settings", "message"),
    [
        (2, {}, "level 2: a fleet has 3 to 2000 tasks"),
        (2001, {}, "level 2001"),
        (9, {"load": 0.1}, "load: 0.1 is not from 0.5 to 100"),
        (9, {"load": "nan"}, "load"),
        (9, {"spread": 3}, "spread: 3 is not from 0 to 2"),
        (9, {"spread": float("nan")}, "spread"),
        (9, {"hint": "all"}, "'all' is not one of"),
        (9, {"hosts": 2}, "unknown field `hosts`"),
    ],
)
def test_wrong_use_is_one_line(level: int, settings: dict[str, Scalar], message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(level, settings)


def test_where_no_placing_matters_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generators.placement.TRIES", 2)
    monkeypatch.setattr("generators.placement.LEAST", 9)
    with pytest.raises(InputError, match="every placing of these tasks is as good"):
        generate(3, 0, 0, {}, reference=False)
