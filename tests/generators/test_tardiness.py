"""Generated jobs: bytes, the grid, due dates, streams that share nothing, policies that answer."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from itertools import pairwise
from statistics import correlation, fmean
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.tardiness import GRID, due_dates, generate, resolve
from harness.families.tardiness import POLICIES
from tasks.base import InputError, Instance, Reference
from tasks.tardiness import Jobs, tardiness


def make(level: int, index: int = 0, seed: int = 0, **dials: Any) -> Instance[Jobs]:
    return generate(level, seed, index, dials, reference=False)


def encode(*instances: Instance[Jobs]) -> bytes:
    return b"\n".join(map(msgspec.json.encode, instances))


@settings(max_examples=150)
@given(st.integers(1, 120), st.integers(0, 10**6), st.integers(0, 99), st.booleans())
def test_what_is_promised_of_every_instance(
    level: int, seed: int, index: int, weights: bool
) -> None:
    instance = make(level, index, seed, weights=weights)
    line = encode(instance)
    assert msgspec.json.decode(line, type=Instance[Jobs]) == instance
    assert encode(msgspec.json.decode(line, type=Instance[Jobs])) == line
    jobs, (tf, rdd) = instance.payload.jobs, GRID[index % 20]
    assert instance.settings == {"tf": tf, "rdd": rdd, "variant": "plain", "weights": weights}
    assert instance.reference == Reference("none")
    assert [job.id for job in jobs] == sorted(job.id for job in jobs)
    assert len(jobs) == level
    total = sum(job.p for job in jobs)
    for job in jobs:
        assert 1 <= job.p <= 100
        assert 1 <= job.w <= (10 if weights else 1)
        assert type(job.d) is int
        assert total * (1 - tf - rdd / 2) - 0.51 <= job.d <= total * (1 - tf + rdd / 2) + 0.51


def test_bytes_are_pinned_to_the_version() -> None:
    """A change here needs a new VERSION in tasks/tardiness.py."""
    made = encode(*(make(8, index, 3, weights=index % 2 == 1) for index in range(20)))
    assert hashlib.sha256(made).hexdigest()[:16] == "fe9137623df34ee6"


@pytest.mark.parametrize("hashseed", ["0", "4711"])
def test_same_bytes_in_any_process(hashseed: str) -> None:
    code = (
        "import sys, msgspec; from generators.tardiness import generate\n"
        "made = [generate(12, 3, k, {}, reference=False) for k in range(4)]\n"
        "sys.stdout.buffer.write(b'\\n'.join(map(msgspec.json.encode, made)))"
    )
    counts = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONHASHSEED": hashseed},
    )
    assert counts.stdout == encode(*(make(12, k, 3) for k in range(4)))


def test_the_grid_and_a_cell_by_name_are_the_same() -> None:
    made = [make(9, index) for index in range(40)]
    cells = [(i.settings["tf"], i.settings["rdd"]) for i in made]
    assert Counter(cells) == dict.fromkeys(GRID, 2)
    assert resolve(9, {}) == {"tf": "grid", "rdd": "grid", "variant": "plain", "weights": False}
    for index, (tf, rdd) in enumerate(GRID):
        assert make(9, index, tf=tf, rdd=rdd) == made[index] == make(9, index, tf=str(tf), rdd=rdd)
        assert resolve(9, made[index].settings) == made[index].settings
    assert make(9, 0).payload != make(9, 20).payload


def test_settings_over_those_of_the_grid() -> None:
    """A suite's resolved settings can be overridden, as `run SUITE -T tf=.6 -T rdd=.2` does."""
    assert resolve(9, {**resolve(9, {}), "tf": "0.6", "rdd": "0.2"})["tf"] == 0.6


def test_neighbours_share_nothing() -> None:
    """Neither seeds nor indices, nor one's ingredient with the other's, by the times alone."""
    seen = {
        tuple(sorted(job.p for job in make(12, index, seed, tf=0.4, rdd=0.4).payload.jobs))
        for seed in range(100)
        for index in range(10)
    }
    assert len(seen) == 1000


def test_ingredients_do_not_disturb_each_other() -> None:
    plain, other = make(15, 7), make(15, 7, weights=True, variant="rules")
    assert [(j.id, j.p, j.d) for j in plain.payload.jobs] == [
        (j.id, j.p, j.d) for j in other.payload.jobs
    ]
    assert plain.id != other.id
    tight, loose = make(15, 7, tf=0.8, rdd=0.2), make(15, 7, tf=0.2, rdd=1.0)
    assert [j.p for j in tight.payload.jobs] == [j.p for j in loose.payload.jobs]


def test_levels_share_nothing() -> None:
    """Nor does a larger level hold a smaller one: their mean times would be correlated by .7."""
    levels = [[make(level, index).payload.jobs for index in range(200)] for level in (5, 10, 20)]
    for less, more in pairwise(levels):
        means = ([fmean(job.p for job in jobs) for jobs in level] for level in (less, more))
        assert abs(correlation(*means)) < 0.2
        times = [[Counter(job.p for job in jobs) for jobs in level] for level in (less, more)]
        assert sum(map(Counter.__le__, *times)) < 5


def test_due_dates_reach_both_ends_and_no_further() -> None:
    p, top = [7, 8, 10], 1 - 2**-53  # P = 25
    assert due_dates(p, 0.6, 0.2, [0.0, top]) == [8, 12]  # 7.5 and 12.5, halves to even
    assert due_dates(p, 0.8, 1.0, [0.0, top]) == [-8, 18]  # -7.5 and 17.5
    assert due_dates(p, 0.2, 0.4, [0.0, top]) == [15, 25]
    assert due_dates(p, 1, 0, [0.0, 0.5, top]) == [0, 0, 0]
    counts = Counter(due_dates(p, 0.2, 0.4, [k / 1100 for k in range(1100)]))
    assert counts == dict.fromkeys(range(15, 26), 100)
    assert due_dates([3] * 10**6, 0.1, 0.0, [0.0]) == [Fraction(9, 10) * 3 * 10**6]


def test_position_gives_nothing_away() -> None:
    firsts = {"p": 0, "d": 0}
    for index in range(200):
        jobs = make(10, index).payload.jobs
        firsts["p"] += jobs[0].p < jobs[-1].p
        firsts["d"] += jobs[0].d < jobs[-1].d
    assert all(70 < count < 130 for count in firsts.values())


@pytest.mark.parametrize(
    ("dials", "message"),
    [
        ({"tau": 3}, "; there are tf, rdd, variant, weights"),
        ({"tau": 3}, "unknown field `tau`"),
        ({"tf": 1.2, "rdd": 0.2}, r"tf: 1\.2 is not from 0 to 1"),
        ({"tf": 0.2, "rdd": -0.1}, r"rdd: -0\.1 is not from 0 to 1"),
        ({"tf": 0.2, "rdd": "nan"}, "rdd: nan is not from 0 to 1"),
        ({"tf": 0.2}, "tf is given without rdd"),
        ({"rdd": 0.2}, "rdd is given without tf"),
        ({"tf": "tight", "rdd": 1}, r"tf: 'tight' is not one of grid, nor a number"),
        ({"tf": None}, r"\$\.tf"),
        ({"variant": "moon"}, "moon"),
        ({"weights": "some"}, r"\$\.weights"),
    ],
)
def test_wrong_settings(dials: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        generate(20, 0, 0, dials)
    assert "\n" not in str(caught.value)


def test_wrong_level() -> None:
    with pytest.raises(InputError, match="level 0: there must be at least one job"):
        resolve(0, {})
    with pytest.raises(InputError, match="level 10001: there are at most 10000 jobs"):
        resolve(10_001, {})


# Policies -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", POLICIES)
def test_policies_answer_with_every_id(name: str) -> None:
    for level in (1, 2, 9):
        instance = make(level, 3, weights=level == 9)
        answer = POLICIES[name].answer(instance)
        assert sorted(answer["order"]) == [job.id for job in instance.payload.jobs]
        assert POLICIES[name].answer(instance) == answer


def value(instance: Instance[Jobs], name: str) -> int:
    jobs = {job.id: job for job in instance.payload.jobs}
    return tardiness([jobs[i] for i in POLICIES[name].answer(instance)["order"]])


def test_the_exact_policy_attains_the_reference_and_nothing_beats_it() -> None:
    for index in range(20):
        instance = generate(7, 1, index, {})
        assert instance.reference.status == "optimal"
        best = value(instance, "exact")
        assert best == instance.reference.objective
        assert all(best <= value(instance, name) for name in POLICIES)
        bare = msgspec.structs.replace(instance, reference=Reference("none"))
        assert value(bare, "exact") == best


def test_the_exact_policy_does_not_solve_again() -> None:
    reference = Reference("optimal", 1, 1, solver="kept", answer={"order": ["kept"]})
    instance = msgspec.structs.replace(make(5), reference=reference)
    assert POLICIES["exact"].answer(instance) == reference.answer


def test_rules_are_floors_and_only_atc_reads_weights() -> None:
    assert {name for name, policy in POLICIES.items() if policy.kind == "ceiling"} == {"exact"}
    plain, weighted = make(12, 11), make(12, 11, weights=True)
    weighted = msgspec.structs.replace(weighted, id=plain.id)  # the seed of the random order
    changed = {
        name
        for name, policy in POLICIES.items()
        if policy.kind == "floor" and policy.answer(plain) != policy.answer(weighted)
    }
    assert changed == {"atc"}
