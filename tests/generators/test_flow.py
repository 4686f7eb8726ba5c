"""The same jobs at every level, cut finer: what that costs whom, as in the table of the page."""

import subprocess
import sys
from collections.abc import Sequence
from statistics import fmean

import pytest

from generators.flow import LARGEST, SHAPES, cut, generate, informed, resolve, shape_of
from graders.exact.flow import Rule, fifo, learned, op_srpt, serpt_mean, simulate, srpt
from harness.suites.instances import encode
from tasks.base import InputError, Instance, Scalar
from tasks.flow_payload import Flow
from tests.depth import often

LEVELS = (1, 2, 3, 4, 6, 8)
COUNT = 20


@pytest.fixture(scope="module")
def ramp() -> dict[int, list[Instance[Flow]]]:
    return {
        level: [generate(level, 0, k, {}, reference=False) for k in range(COUNT)]
        for level in LEVELS
    }


def scores(instances: Sequence[Instance[Flow]], rule: Rule | None) -> list[float]:
    """F*/F of a rule, None is the informed one."""
    return [
        (each.reference.objective or 0) / simulate(each.payload, rule or informed(each)).total
        for each in instances
    ]


def test_the_optimum_is_the_same_number_at_every_level(
    ramp: dict[int, list[Instance[Flow]]],
) -> None:
    optima = {tuple(each.reference.objective for each in group) for group in ramp.values()}
    assert len(optima) == 1
    for same in zip(*ramp.values(), strict=True):
        jobs = {
            tuple((job.id, job.release, sum(job.operations)) for job in each.payload.jobs)
            for each in same
        }
        assert len(jobs) == 1
    for level, group in ramp.items():
        assert {len(job.operations) for each in group for job in each.payload.jobs} == {level}
        assert all(simulate(e.payload, srpt).total == e.reference.objective for e in group)


def test_the_price_of_what_does_not_show_is_the_ramp(
    ramp: dict[int, list[Instance[Flow]]],
) -> None:
    means = {level: fmean(scores(group, op_srpt)) for level, group in ramp.items()}
    assert means[1] == 1
    assert list(means.values()) == sorted(means.values(), reverse=True)
    assert len(set(means.values())) == len(LEVELS)
    assert [f"{x:.3f}" for x in means.values()] == [
        "1.000",
        "0.925",
        "0.897",
        "0.880",
        "0.860",
        "0.827",
    ]
    first = {tuple(scores(group, fifo)) for group in ramp.values()}
    assert len(first) == 1  # to the bit
    assert max(min(first)) <= 1 / 1.05


@pytest.mark.heavy
def test_who_knows_more_is_better(ramp: dict[int, list[Instance[Flow]]]) -> None:
    for level, group in ramp.items():
        by_rule = [fmean(scores(group, rule)) for rule in (op_srpt, serpt_mean, None)]
        if level == 1:
            assert by_rule == [1, 1, 1]
            assert fmean(scores(group, learned)) == 1
        else:
            assert by_rule == sorted(by_rule)
            assert fmean(scores(group, learned)) > by_rule[0]
            assert by_rule[2] > 0.95


# Instances -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [*SHAPES, "tests"])
def test_cuts_are_whole_and_of_their_shape(shape: str) -> None:
    from random import Random

    rng = Random(f"flow/cuts/{shape}")
    for _ in range(often(3000)):
        size, parts = rng.randint(16, 128), 2 if shape == "tests" else rng.randint(1, LARGEST)
        operations = cut(size, parts, shape, rng)
        assert (sum(operations), len(operations)) == (size, parts)
        assert min(operations) >= 1
        if shape == "tests":
            assert operations[0] == 8
        if shape == "growing" and parts <= 4 and size >= 60:
            assert operations == sorted(operations)


def test_shapes_are_all_there_and_ids_do_not_follow_releases() -> None:
    assert {shape_of("hidden", 0, index) for index in range(40)} == set(SHAPES)
    assert shape_of("tests", 0, 0) == "tests"
    orders = [
        [job.id for job in sorted(each.payload.jobs, key=lambda job: job.release)]
        for each in (generate(1, 3, k, {}, reference=False) for k in range(10))
    ]
    assert len({order[0] for order in orders}) > 3


def test_the_same_seed_has_the_same_bytes_in_any_process() -> None:
    line = encode(generate(3, 5, 2, {}))
    code = "from generators.flow import generate\nfrom harness.suites.instances import encode\n"
    code += "import sys; sys.stdout.buffer.write(encode(generate(3, 5, 2, {})))"
    for seed in ("1", "77"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            timeout=60,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
        )
        assert done.stdout == line
    assert encode(generate(3, 6, 2, {})) != line


@pytest.mark.parametrize(
    ("level", "settings", "message"),
    [
        (0, {}, "level 0: a job has 1 to 16 operations"),
        (17, {}, "level 17"),
        (3, {"shape": "tests"}, "jobs of shape=tests have 1 or 2 operations"),
        (2, {"jobs": 1}, "jobs: 1 is not from 2 to 50"),
        (2, {"load": 0}, "load: 0 is not from 0.1 to 100"),
        (2, {"load": "nan"}, "load"),
        (2, {"shape": "round"}, "'round' is not one of"),
        (2, {"machines": 2}, "unknown field `machines`"),
    ],
)
def test_wrong_use_is_one_line(level: int, settings: dict[str, Scalar], message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(level, settings)


def test_the_informed_rule_learns_where_nothing_is_known() -> None:
    from msgspec.structs import replace

    instance = generate(3, 0, 0, {})
    assert informed(replace(instance, seed=None)) is learned
    assert (instance.reference.answer or {})["informed"] == (
        simulate(instance.payload, informed(instance)).total
    )
