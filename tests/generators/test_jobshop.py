"""Job shops from a seed: the same bytes, no stream that disturbs another, settings that nest."""

import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from generators.jobshop import LARGEST, MOST_SHUTDOWNS, generate, numbered, resolve
from graders.exact.jobshop import reference
from graders.jobshop import grade, violations
from harness.families.jobshop import POLICIES
from tasks.base import InputError, Instance, Reference, Scalar, Verdict
from tasks.jobshop import KEY, Shop, machines_of, read
from tests.depth import often

BARE = (
    "import msgspec, sys; from generators.jobshop import generate;"
    " one = generate(4, 3, 2, {'buffers': 'none', 'shutdowns': 2});"
    " sys.stdout.write(msgspec.json.encode(one).decode())"
)


def make(level: int, index: int = 0, seed: int = 0, **settings: Scalar) -> Instance[Shop]:
    return generate(level, seed, index, settings, reference=False)


def steps(payload: Shop) -> list[tuple[str, int]]:
    return [(step.machine, step.time) for job in payload.jobs for step in job.operations]


@pytest.mark.heavy
def test_the_same_seed_is_the_same_bytes_in_any_process() -> None:
    outputs = set()
    for number in ("0", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": number}
        done = subprocess.run(
            [sys.executable, "-c", BARE],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        outputs.add(done.stdout)
    [text] = outputs
    again = generate(4, 3, 2, {"buffers": "none", "shutdowns": 2})
    assert msgspec.json.encode(again).decode() == text


def test_every_job_visits_every_machine_once() -> None:
    for level, machines in ((1, 1), (3, 3), (10, 5), (4, 12)):
        payload = make(level, machines=machines).payload
        assert len(payload.jobs) == level
        assert len(machines_of(payload)) == machines
        for job in payload.jobs:
            assert sorted(step.machine for step in job.operations) == list(machines_of(payload))


def test_times_and_routes_are_evenly_drawn() -> None:
    times = Counter(time for k in range(often(300)) for _, time in steps(make(10, k).payload))
    assert (min(times), max(times)) == (1, 20)
    share = sum(times.values()) / 20
    assert all(0.7 * share < count < 1.3 * share for count in times.values())
    firsts = Counter(make(5, k).payload.jobs[0].operations[0].machine for k in range(400))
    assert all(50 < firsts[name] < 115 for name in ("M1", "M2", "M3", "M4", "M5"))


def test_settings_of_a_level_share_the_jobs_and_levels_seeds_and_indices_do_not() -> None:
    plain = make(5, 3)
    changes: list[dict[str, Scalar]] = [
        {"buffers": "none"},
        {"shutdowns": 3},
        {"buffers": "swap", "shutdowns": 1},
    ]
    for settings in changes:
        other = generate(5, 0, 3, settings, reference=False)
        assert other.payload.jobs == plain.payload.jobs
        assert other.id != plain.id
    assert steps(make(5, 3, high=9).payload) != steps(plain.payload)
    routes = [[machine for machine, _ in steps(make(5, 3, high=h).payload)] for h in (9, 20)]
    assert routes[0] == routes[1]
    drawn = [make(5, 3), make(5, 4), make(5, 3, seed=1), make(6, 3, machines=5)]
    heads = {str([s.time for job in one.payload.jobs[:5] for s in job.operations]) for one in drawn}
    assert len(heads) == 4


def test_shutdowns_nest_and_lie_where_no_schedule_is_over_yet() -> None:
    for index in range(often(60)):
        rows = [make(4, index, shutdowns=k).payload for k in range(MOST_SHUTDOWNS + 1)]
        sets = [set(payload.shutdowns) for payload in rows]
        assert all(fewer < more for fewer, more in pairwise(sets))
        loads = Counter[str]()
        for machine, time in steps(rows[0]):
            loads[machine] += time
        busiest = max(loads.values())
        for name in machines_of(rows[0]):
            spans = sorted((s.start, s.end) for s in sets[-1] if s.machine == name)
            assert len(spans) == MOST_SHUTDOWNS
            assert all(a[1] <= b[0] for a, b in pairwise(spans))
            assert spans[-1][1] <= max(busiest, MOST_SHUTDOWNS)
        assert all(len(payload.shutdowns) == 4 * k for k, payload in enumerate(rows))


def test_numbered_names_have_one_width() -> None:
    assert numbered("J", 3) == ["J1", "J2", "J3"]
    assert numbered("M", 10, first=0) == [f"M{k}" for k in range(10)]
    assert numbered("M", 10)[:2] == ["M01", "M02"]


@pytest.mark.parametrize(
    ("level", "settings", "message"),
    [
        (0, {}, f"level 0: a shop has 1 to {LARGEST} jobs"),
        (LARGEST + 1, {}, f"level {LARGEST + 1}: a shop has"),
        (3, {"machines": 0}, "settings of jobshop: .*machines"),
        (
            3,
            {"buffers": "some"},
            "settings of jobshop: buffers: 'some' is not one of",
        ),
        (3, {"shutdowns": MOST_SHUTDOWNS + 1}, "settings of jobshop: .*shutdowns"),
        (3, {"high": 0}, "settings of jobshop: .*high"),
        (3, {"low": 2}, "low"),
        (3, {"setting": "moon"}, "setting: 'moon' is not one of"),
    ],
)
def test_wrong_settings_are_named(level: int, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        resolve(level, settings)
    assert "\n" not in str(caught.value)


# Policies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_is_valid_or_has_run_into_a_deadlock(name: str) -> None:
    """Of the generators only `nondelay` knows of blocking: what others build may break it."""
    for level in (1, 2, 4):
        for settings in ({}, {"shutdowns": 2}, {"buffers": "swap"}, {"buffers": "none"}):
            one = generate(level, 3, 1, settings)
            answer = POLICIES[name].answer(one)
            assert POLICIES[name].answer(one) == answer
            found = grade(one, read(answer, ""))
            if settings.get("buffers", "free") == "free" or "active" not in name:
                assert found.verdict is Verdict.valid or answer[KEY] == {}
            if name in ("exact", "serial", "random", "random-100") or name.endswith("careful"):
                assert found.verdict is Verdict.valid


def test_the_exact_policy_attains_the_reference_and_nothing_beats_it() -> None:
    for index in range(often(24)):
        one = generate(4, 1, index, {"buffers": ("free", "swap", "none")[index % 3]})
        lengths = [grade(one, read(p.answer(one), "")).objective for p in POLICIES.values()]
        assert min(length for length in lengths if length is not None) == one.reference.objective
        exact = POLICIES["exact"].answer(one)
        assert exact == one.reference.answer
        assert violations(one.payload, exact[KEY]) == []
        bare = msgspec.structs.replace(one, reference=Reference("none"))
        assert POLICIES["exact"].answer(bare) == reference(one.payload).answer


def test_random_schedules_are_those_of_the_jobs_and_the_best_of_100_is_no_worse() -> None:
    for buffers in ("free", "swap", "none"):
        one = make(5, 2, buffers=buffers)
        first, best = (
            grade(one, read(POLICIES[name].answer(one), "")).objective or 0
            for name in ("random", "random-100")
        )
        assert best <= first


def test_rules_are_floors_and_name_their_generator() -> None:
    assert {name for name, policy in POLICIES.items() if policy.kind == "ceiling"} == {"exact"}
    rules = set(POLICIES) - {"serial", "random", "random-100", "exact"}
    endings = {name.partition("-")[2] for name in rules}
    assert endings == {"nondelay", "active", "semiactive", "careful"}
