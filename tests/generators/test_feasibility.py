"""Twins are proven, balanced and blind; the same bytes; nothing shared between levels."""

import subprocess
import sys
from collections import Counter

import pytest

from generators import jobshop as shops
from generators.feasibility import generate, resolve
from generators.feasibility_shop import as_project
from graders.exact.feasibility import has_schedule
from graders.exact.rcpsp import reference
from graders.jobshop_violations import violations as shop_violations
from graders.rcpsp import violations
from harness.suites import suite as suites
from harness.suites.instances import encode
from tasks.base import InputError, Instance, Scalar
from tasks.feasibility import constraints, restricted
from tasks.ids import cluster_of
from tasks.rcpsp import Project
from tests.depth import often

COUNT = 1000  # twins, of both kinds, at the levels of the suite that are quick to prove


def proven(instance: Instance[Project]) -> bool:
    """Whether the instance has a schedule, shown by a schedule or by the solver asked anew."""
    best = instance.reference
    assert best.answer is not None
    if best.status == "optimal":
        assert best.objective == best.bound == instance.payload.horizon
        assert violations(instance.payload, best.answer["starts"]) == []
        assert best.answer["infeasible"] is None
        return True
    assert best.status == "infeasible"
    assert best.answer["starts"] is None
    assert reference(instance.payload).status == "infeasible"
    core = restricted(instance.payload, best.answer["infeasible"])
    assert has_schedule(core) is False
    return False


def test_a_thousand_twins_are_proven_and_half_have_a_schedule() -> None:
    solvable: Counter[bool] = Counter()
    for index in range(2 * often(COUNT // 2)):
        solvable[proven(generate(3 + index // 2 % 8, 11, index, {}))] += 1
    assert solvable[True] == solvable[False]


def test_both_twins_of_a_project_differ_in_the_horizon_alone() -> None:
    for index in range(often(60)):
        one, other = (generate(8, 5, index, {"twin": twin}) for twin in ("feasible", "infeasible"))
        blind = generate(8, 5, index, {})
        assert (proven(one), proven(other)) == (True, False)
        assert one.payload.horizon == other.payload.horizon + 1
        assert restricted(one.payload, []).tasks == restricted(other.payload, []).tasks
        assert constraints(one.payload) == constraints(other.payload)
        assert blind.payload in (one.payload, other.payload)
        assert cluster_of(one.id) == cluster_of(other.id) == f"8-s5-k{index}"


@pytest.mark.heavy
def test_neither_the_index_nor_the_level_tells_which_twin_it_is() -> None:
    """Half of even indexes, half of each level, and no two levels alike."""
    kinds = {
        (level, index): generate(level, 3, index, {}).reference.status
        for level in (3, 4, 5)
        for index in range(100)
    }
    even = [kind for (_, index), kind in kinds.items() if index % 2 == 0]
    assert 0.38 < even.count("infeasible") / len(even) < 0.62
    for level in (3, 4, 5):
        of_level = [kind for (x, _), kind in kinds.items() if x == level]
        assert of_level.count("infeasible") == 50
    rows = [[kinds[level, index] for index in range(100)] for level in (3, 4, 5)]
    assert len({tuple(row) for row in rows}) == 3


def test_levels_and_neighbouring_seeds_share_nothing() -> None:
    payloads = [
        encode(generate(level, seed, index, {}))
        for level in (6, 7)
        for seed in (0, 1)
        for index in (0, 1)
    ]
    durations = {tuple(line.split(b'"duration":')[1:4]) for line in payloads}
    assert len(durations) == len(payloads)


@pytest.mark.heavy
def test_the_same_seed_gives_the_same_bytes_in_any_process() -> None:
    code = (
        "from generators.feasibility import generate as g; from harness.suites.instances import"
        " encode; import sys; sys.stdout.buffer.write(encode(g(9, 2, 4, {})))"
    )
    lines = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True,
            check=True,
            timeout=120,
        ).stdout
        for seed in ("1", "2")
    }
    assert lines == {encode(generate(9, 2, 4, {}))}


@pytest.mark.parametrize(
    ("level", "settings", "message"),
    [
        (2, {}, "level 2: a twin has 3 to 60 tasks"),
        (61, {}, "level 61: a twin has 3 to 60 tasks"),
        (5, {"axes": "windows"}, "axes: 'windows' is not one of downtime, disjunctions, or none"),
        (5, {"twin": "maybe"}, "twin"),
        (5, {"horizon_factor": 2}, "horizon_factor"),
        (5, {"layers": 6}, "layers=6 are more than the 5 tasks"),
    ],
)
def test_wrong_settings_are_refused(level: int, settings: dict[str, Scalar], message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(level, settings)


def test_settings_have_one_spelling() -> None:
    assert resolve(10, {}) == {
        "edges": 12,
        "layers": 4,
        "resources": 3,
        "axes": "downtime,disjunctions",
        "axis_probability": 0.75,
        "twin": "blind",
    }
    assert resolve(10, {"axes": ""})["axes"] == "none"
    assert resolve(10, resolve(10, {})) == resolve(10, {})


def test_the_suite_is_blind() -> None:
    suite = suites.load("rcpsp-feasibility")
    assert suite.size == 160
    assert {entry.settings["twin"] for entry in suite.entry} == {"blind"}


# Other patterns --------------------------------------------------------------------------------

PATTERNS = [("jobshop", 3), ("jobshop", 4), ("periodic", 4)]


@pytest.mark.parametrize(("pattern", "level"), PATTERNS)
def test_twins_of_every_pattern_are_proven_and_half_have_a_schedule(
    pattern: str, level: int
) -> None:
    made = [generate(level, 11, k, {"pattern": pattern}) for k in range(2 * often(30))]
    kinds = [each.reference.answer["starts"] is not None for each in made if each.reference.answer]
    assert kinds.count(True) == kinds.count(False) == len(made) // 2
    for each, is_solvable in zip(made, kinds, strict=True):
        answer = each.reference.answer or {}
        if is_solvable:
            assert violations(each.payload, answer["starts"]) == []
        else:
            assert has_schedule(restricted(each.payload, answer["infeasible"])) is False


@pytest.mark.parametrize(("pattern", "level"), PATTERNS)
def test_twins_of_every_pattern_differ_by_one_unit(pattern: str, level: int) -> None:
    for index in range(often(30)):
        one, other = (
            generate(level, 5, index, {"pattern": pattern, "twin": twin}).payload
            for twin in ("feasible", "infeasible")
        )
        assert constraints(one) == constraints(other)
        pairs = [(a, b) for a, b in zip(one.tasks, other.tasks, strict=True) if a != b]
        if pattern == "jobshop":
            assert (pairs, one.horizon - other.horizon) == ([], 1)
        else:
            assert {a.id.partition(".")[0] for a, _ in pairs} == {pairs[0][0].id.partition(".")[0]}
            assert {b.duration - a.duration for a, b in pairs} == {1}
            assert one.horizon == other.horizon


def test_a_shop_is_the_project_with_its_least_makespan() -> None:
    """Two models and two solvers agree, with shutdowns and without."""
    for index in range(often(60)):
        dials = {"shutdowns": index % 2, "machines": 3}
        shop = shops.generate(3, 4, index, dials)
        best = reference(as_project(shop.payload))
        assert (best.status, best.objective) == ("optimal", shop.reference.objective)
        assert best.answer is not None
        rows = {
            job.id: [best.answer["starts"][f"{job.id}.{k + 1}"] for k in range(len(job.operations))]
            for job in shop.payload.jobs
        }
        assert shop_violations(shop.payload, rows) == []


def test_no_devices_work_alone_forbids_periodic_activities() -> None:
    for index in range(often(30)):
        project = generate(4, 6, index, {"pattern": "periodic", "twin": "infeasible"}).payload
        for resource in project.resources:
            used = [t.duration for t in project.tasks if resource.id in t.demands]
            assert sum(used) <= project.horizon


@pytest.mark.parametrize(
    ("level", "settings", "message"),
    [
        (9, {"pattern": "jobshop"}, "level 9: with pattern=jobshop a twin has 2 to 8 jobs"),
        (6, {"pattern": "periodic"}, "level 6: with pattern=periodic a twin has 3 to 5 activities"),
        (4, {"pattern": "jobshop", "edges": 3}, "unknown field `edges`"),
        (4, {"pattern": "periodic", "machines": 3}, "unknown field `machines`"),
        (4, {"machines": 3}, "machines: only projects of pattern=jobshop have that"),
        (4, {"pattern": "circle"}, "circle"),
    ],
)
def test_wrong_settings_of_other_patterns_are_refused(
    level: int, settings: dict[str, Scalar], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        resolve(level, settings)


@pytest.mark.parametrize("name", ["jobshop-feasibility", "rcpsp-periodic-feasibility"])
def test_the_suites_of_other_patterns_are_blind(name: str) -> None:
    assert {entry.settings["twin"] for entry in suites.load(name).entry} == {"blind"}
