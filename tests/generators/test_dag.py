"""Task graphs from a seed: the same bytes, no stream that disturbs another, noise that nests."""

import os
import subprocess
import sys
from itertools import pairwise
from math import log
from statistics import fmean, pstdev
from typing import Any

import msgspec
import pytest

from generators.dag import HIGH, LARGEST, LOW, generate, resolve
from graders.dag import grade
from harness.families.dag import POLICIES
from tasks.base import InputError, Instance, Reference, Scalar, Verdict
from tasks.dag import KEY, TaskGraph, read, stated
from tests.depth import often

BARE = (
    "import msgspec, sys; from generators.dag import generate;"
    " one = generate(6, 3, 2, {'noise': 0.3, 'scenarios': 3});"
    " sys.stdout.write(msgspec.json.encode(one).decode())"
)


def make(level: int, index: int = 0, seed: int = 0, **settings: Scalar) -> Instance[TaskGraph]:
    return generate(level, seed, index, settings, reference=False)


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
    again = generate(6, 3, 2, {"noise": 0.3, "scenarios": 3})
    assert msgspec.json.encode(again).decode() == text


@pytest.mark.parametrize("level", [1, 2, 3, 6, 15, 30, LARGEST])
def test_no_task_stands_alone_and_numbers_are_in_order(level: int) -> None:
    for index in range(often(60)):
        payload = make(level, index).payload
        assert len(payload.tasks) == level
        names = [task.id for task in payload.tasks]
        assert names == sorted(names)
        assert all(edge.before < edge.after for edge in payload.edges)
        starts = set(names) - {edge.after for edge in payload.edges}
        ends = set(names) - {edge.before for edge in payload.edges}
        assert level == 1 or len(payload.edges) == 0 or not starts & ends


def test_sizes_times_and_data_are_as_the_dials_say() -> None:
    for ccr in (0.5, 1.0, 3.0):
        ratios = []
        for index in range(often(120)):
            payload = make(20, index, ccr=ccr).payload
            sizes = [fmean(task.times.values()) for task in payload.tasks]
            ratios.append(fmean(edge.data for edge in payload.edges) / fmean(sizes))
        assert fmean(ratios) == pytest.approx(ccr, rel=0.1)
    even = make(20, spread=0.0).payload
    assert all(len(set(task.times.values())) == 1 for task in even.tasks)
    assert all(LOW <= task.times["P1"] <= HIGH for task in even.tasks)
    wide = [
        max(t.times.values()) / min(t.times.values()) for t in make(60, spread=1.0).payload.tasks
    ]
    assert 1 <= min(wide) <= max(wide) <= 3.5


def test_dials_change_only_their_own_ingredient_and_levels_seeds_and_indices_all() -> None:
    plain = make(8, 3).payload
    dearer = make(8, 3, ccr=2.0).payload
    assert dearer.tasks == plain.tasks
    pairs = [[(e.before, e.after) for e in each.edges] for each in (plain, dearer)]
    assert pairs[0] == pairs[1]
    assert make(8, 3, shape=3.0).payload.tasks == plain.tasks
    assert make(8, 3, spread=0.2).payload.edges == plain.edges
    noisy = make(8, 3, noise=0.5)
    assert stated(noisy.payload) == plain
    assert noisy.id != make(8, 3).id
    others = [make(8, 4), make(8, 3, seed=1), make(9, 3)]
    assert all(each.payload.tasks[:8] != plain.tasks for each in others)


def test_scenarios_nest_in_number_and_more_noise_pulls_the_same_times_further() -> None:
    few, many = (make(10, 1, noise=0.2, scenarios=k).payload for k in (3, 7))
    assert many.scenarios[:3] == few.scenarios
    mild, wild = (make(10, 1, noise=noise, scenarios=20).payload for noise in (0.2, 0.4))
    means = {task.id: task.times for task in mild.tasks}
    deviations = []
    for each in (mild, wild):
        logs = [
            log(scenario[name][p] / means[name][p])
            for scenario in each.scenarios
            for name in means
            for p in each.processors
        ]
        deviations.append(pstdev(logs))
    assert deviations[0] == pytest.approx(0.2, rel=0.12)
    assert deviations[1] == pytest.approx(0.4, rel=0.12)
    factors = [
        scenario[name][p] / means[name][p]
        for scenario in wild.scenarios
        for name in means
        for p in wild.processors
    ]
    assert fmean(factors) == pytest.approx(1, abs=0.07)


@pytest.mark.parametrize(
    ("level", "settings", "message"),
    [
        (0, {}, f"level 0: a graph has 1 to {LARGEST} tasks"),
        (LARGEST + 1, {}, f"level {LARGEST + 1}: a graph has"),
        (3, {"processors": 0}, "settings of dag: processors: 0 is not from 1 to 20"),
        (3, {"noise": -0.1}, "settings of dag: noise: -0.1 is not from 0"),
        (3, {"ccr": 11}, "settings of dag: ccr: 11 is not from 0"),
        (3, {"scenarios": 0}, "settings of dag: scenarios: 0 is not from 1"),
        (3, {"sigma": 2}, "sigma"),
        (3, {"setting": "moon"}, "setting: 'moon' is not one of"),
    ],
)
def test_wrong_settings_are_named(level: int, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        resolve(level, settings)
    assert "\n" not in str(caught.value)


# Policies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_is_valid_the_same_again_and_never_beats_the_reference(name: str) -> None:
    for level in (1, 2, 3, 8):
        for settings in ({}, {"processors": 1}, {"noise": 0.4, "scenarios": 3}, {"ccr": 3.0}):
            one = generate(level, 3, 1, settings)
            answer = POLICIES[name].answer(one)
            assert POLICIES[name].answer(one) == answer
            found = grade(one, read(answer, ""))
            assert found.verdict is Verdict.valid
            assert found.score == 1 or not (name == "exact" and one.reference.status == "optimal")
            if name == "exact":
                assert found.objective == one.reference.objective


def test_the_exact_policy_solves_what_has_no_reference() -> None:
    one = generate(6, 0, 0, {})
    bare = msgspec.structs.replace(one, reference=Reference("none"))
    assert POLICIES["exact"].solves(bare)
    assert not POLICIES["exact"].solves(one)
    assert POLICIES["exact"].answer(bare) == one.reference.answer


def test_the_best_plan_by_stated_times_knows_nothing_of_the_noise() -> None:
    for index in range(often(24)):
        plain, noisy = (generate(8, 0, index, {"noise": noise}) for noise in (0, 0.5))
        assert POLICIES["stated"].answer(noisy) == plain.reference.answer
        assert POLICIES["stated"].solves(noisy)
        best = grade(noisy, read(POLICIES["exact"].answer(noisy), "")).score
        assert grade(noisy, read(POLICIES["stated"].answer(noisy), "")).score <= best


def test_the_best_of_100_lists_is_no_worse_than_the_first() -> None:
    for index in range(often(24)):
        one = make(12, index)
        first, best = (
            max(
                place["start"] + task.times[place["processor"]]
                for task in one.payload.tasks
                for place in [POLICIES[name].answer(one)[KEY][task.id]]
            )
            for name in ("random", "random-100")
        )
        assert best <= first


def test_rules_are_floors() -> None:
    ceilings = {name for name, policy in POLICIES.items() if policy.kind == "ceiling"}
    assert ceilings == {"exact", "stated"}
    for more, less in pairwise((3, 6, 12)):
        scores = [
            fmean(
                grade(one, read(POLICIES["serial"].answer(one), "")).score
                for one in (generate(level, 0, k, {}) for k in range(10))
            )
            for level in (more, less)
        ]
        assert scores[0] > scores[1]
