"""Lines of tanks: the solver is right, periods are never halved, rules are what the table says."""

import os
from pathlib import Path
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from generators.hoist import generate
from generators.hoist_dzn import read_dzn
from graders.exact.hoist import reference
from graders.exact.hoist_rules import at_random, earliest, latest, lower_bound, place, serial, sweep
from graders.hoist_violations import violations
from harness.families.hoist import POLICIES
from tasks.hoist import KEY, PERIOD, HoistLine, SoakWindow, Tank
from tests.depth import examples
from tests.factories.lines import cycle, faults, least_period, line, small

# Optima -------------------------------------------------------------------------------------


@examples(600)
@given(small())
def test_the_solver_agrees_with_trying_every_period_and_stay(payload: HoistLine) -> None:
    found = reference(payload)
    assert found.status == "optimal"
    assert found.objective == found.bound == least_period(payload)
    assert found.answer is not None
    assert violations(payload, found.answer[PERIOD], found.answer[KEY]) == []
    assert lower_bound(payload) <= (found.objective or 0) <= serial(payload).period


def test_the_solver_needs_no_ways_that_are_shortest() -> None:
    """A detour by another place can be quicker than the way that is given."""
    payload = HoistLine(
        (Tank("A", 9, 12), Tank("B", 7, 9)),
        (2, 3, 2),
        ((1, 0, 8), (6, 1, 0), (9, 1, 1)),
    )
    found = reference(payload)
    assert (found.status, found.objective) == ("optimal", least_period(payload))


GAPPED = line([(4, 5), (4, 5)], [0, 1, 2, 3])


def test_a_line_may_allow_a_period_and_not_longer_ones() -> None:
    """So whoever halves the range of periods is lost: between 11 and 17 there is none."""
    allowed = [period for period in range(1, 22) if cycle(GAPPED, period) is not None]
    assert allowed == [11, 17, 18, 19, 20, 21]
    found = reference(GAPPED)
    assert (found.status, found.objective) == ("optimal", 11)
    assert serial(GAPPED).period == 17


def test_a_station_and_longer_stays_count() -> None:
    """The hoist cannot take a carrier that is not ready, and a part fits the longer window."""
    windows = [(4, 5), (4, 5)]
    free = line(windows, [0, 1, 2, 0], station=(0, None))
    slow = line(windows, [0, 1, 2, 0], station=(9, None))
    assert least_period(free) == reference(free).objective == 11
    assert least_period(slow) == reference(slow).objective
    assert (reference(slow).objective or 0) > 11
    open_ended = line([(4, None), (4, None)], [0, 1, 2, 3])
    assert reference(open_ended).objective == least_period(open_ended) <= 11


def test_a_reference_is_the_same_bytes_again_and_honest_when_it_is_cut_off() -> None:
    payload = generate(12, 0, 0, {}, reference=False).payload
    assert reference(payload) == reference(payload)
    cut = reference(payload, deterministic_limit=0.0001)
    assert cut.status == "bounded"
    assert cut.bound is not None
    assert cut.objective is not None
    assert lower_bound(payload) <= cut.bound < cut.objective
    assert cut.answer is not None
    assert violations(payload, cut.answer[PERIOD], cut.answer[KEY]) == []


def test_times_too_long_for_the_solver_are_bounded() -> None:
    time = 2**60
    found = reference(line([(time, time), (time, time)], [0, 1, 2, 3]))
    assert (found.status, found.solver) == ("bounded", "rules")
    assert (found.objective or 0) > (found.bound or 0) > time


# Rules --------------------------------------------------------------------------------------


@examples(400)
@given(small(4), st.integers(0, 10**9))
def test_rules_are_valid_and_never_beat_the_optimum(payload: HoistLine, seed: int) -> None:
    best = reference(payload).objective or 0
    rng = Random(seed)
    cycles = [serial(payload), sweep(payload, (earliest,)), sweep(payload, (latest,))]
    cycles.append(sweep(payload, (at_random(rng), at_random(rng))))
    for found in cycles:
        times = found.by_id(payload)[KEY]
        assert faults(payload, found.period, times) == set()
        assert best <= found.period <= serial(payload).period


def test_a_move_takes_the_first_stay_that_leaves_the_hoist_its_way() -> None:
    """At 12 the move out of B would begin with that from load, which takes 2, and 2 to B."""
    payload = line([(4, 8), (4, 8)], [0, 1, 2, 3])
    assert place(payload, 12, earliest) is None
    assert place(payload, 17, earliest) == [0, 6, 12]
    assert place(GAPPED, 11, earliest) == [0, 6, 12] or place(GAPPED, 11, latest) is not None
    assert place(payload, 1, earliest) is None


TABLE = {  # optimum over period: 40 instances of the suite's seed 0
    2: {"serial": 0.637, "earliest": 1.000, "latest": 1.000, "random": 1.000, "random-5": 1.000},
    3: {"serial": 0.454, "earliest": 0.925, "latest": 0.992, "random": 0.988, "random-5": 0.995},
    4: {"serial": 0.378, "earliest": 0.843, "latest": 0.931, "random": 0.939, "random-5": 0.976},
    6: {"serial": 0.374, "earliest": 0.738, "latest": 0.759, "random": 0.853, "random-5": 0.921},
    8: {"serial": 0.380, "earliest": 0.622, "latest": 0.700, "random": 0.797, "random-5": 0.827},
    12: {"serial": 0.485, "earliest": 0.527, "latest": 0.621, "random": 0.740, "random-5": 0.799},
}


@pytest.mark.parametrize(
    "level", [n if n < 4 else pytest.param(n, marks=pytest.mark.slow) for n in TABLE]
)
def test_the_table_of_floors_is_what_they_get(level: int) -> None:
    made = [generate(level, 0, index, {}) for index in range(40)]
    assert {one.reference.status for one in made} == {"optimal"}
    means = {
        name: fmean(
            (one.reference.objective or 0) / POLICIES[name].answer(one)[PERIOD] for one in made
        )
        for name in TABLE[level]
    }
    assert {name: round(mean, 3) for name, mean in means.items()} == TABLE[level]


# Public lines -------------------------------------------------------------------------------


def public(name: str) -> HoistLine:
    """A public line; skipped where $MAKESPAN_HOISTS names no folder with `PU.dzn` and `BO1.dzn`."""
    folder = os.environ.get("MAKESPAN_HOISTS")
    if not folder:
        pytest.skip("set MAKESPAN_HOISTS to a folder with PU.dzn and BO1.dzn")
    [one] = read_dzn(Path(folder) / f"{name}.dzn", 0)
    return one.payload


def proven(payload: HoistLine) -> int:
    found = reference(payload)
    assert found.status == "optimal"
    return int(found.objective or 0)


@pytest.mark.slow
def test_the_line_of_phillips_and_unger_has_its_printed_period() -> None:
    """521, as everyone prints it, also where parts stay at the station for 120."""
    payload = public("PU")
    assert proven(payload) == 521
    assert [proven(replace(payload, station=SoakWindow(k))) for k in (0, 120, 300)] == [
        521,
        521,
        548,
    ]


@pytest.mark.slow
def test_one_file_of_black_oxide_1_has_as_many_least_periods_as_readings() -> None:
    payload = public("BO1")
    assert payload.station == SoakWindow(2400)
    size = len(payload.loaded)
    jumping = replace(payload, empty=(*((0, *row[1:]) for row in payload.empty[:-1]), (0,) * size))
    mended = replace(payload, empty=symmetric(payload))
    found = {
        "no stay at the station": proven(replace(payload, station=SoakWindow(0))),
        "the stay of tank 1 at the station": proven(payload),
        "the same, with the zeros of the file as travel": proven(jumping),
        "as the first, with three travel times mended": proven(replace(mended, station=None)),
        "as the second, with them mended": proven(mended),
    }
    assert list(found.values()) == [2819, 3332, 2949, 2819, 3332]


def symmetric(payload: HoistLine) -> tuple[tuple[int, ...], ...]:
    """The ways to the last tank as those from it, where the file has a tenth of them."""
    last = len(payload.loaded) - 1
    rows = [list(row) for row in payload.empty]
    for k in range(last):
        if rows[k][last] < rows[last - 1][k + 1] // 2:
            rows[k][last] = rows[last - 1][k + 1]
    return tuple(map(tuple, rows))
