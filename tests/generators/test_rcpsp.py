"""Generated projects: bytes, nesting, witnesses, binding constraints, floors that fall."""

import hashlib
import os
import subprocess
import sys
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.rcpsp import AXES, _edges, _layers_of, _stream, generate, resolve
from graders.rcpsp import violations
from harness.families.rcpsp import POLICIES
from harness.suites.instances import decode, encode
from tasks.base import InputError, Instance
from tasks.rcpsp import Project
from tests.depth import examples, often

CELLS = [",".join(axes) or "none" for k in range(4) for axes in combinations(AXES, k)]


def make(level: int, index: int = 0, seed: int = 0, **given: object) -> Instance[Project]:
    return generate(level, seed, index, given, reference=False)  # type: ignore[arg-type]


def witness(instance: Instance[Project]) -> dict[str, int]:
    assert instance.reference.answer
    starts: dict[str, int] = instance.reference.answer["starts"]
    return starts


@examples(150)
@given(st.integers(1, 40), st.integers(0, 10**6), st.sampled_from(CELLS))
def test_round_trip_and_witness(level: int, seed: int, axes: str) -> None:
    instance = make(level, seed=seed, axes=axes)
    assert violations(instance.payload, witness(instance)) == []
    line = encode(instance)
    assert decode(line, "here") == instance
    assert encode(decode(line, "here")) == line


def test_neighbouring_seeds_share_nothing() -> None:
    seen = {
        hashlib.sha256(encode(make(8, seed=s)).split(b'"payload"')[1]).digest()
        for s in range(often(1000))
    }
    assert len(seen) == often(1000)


@pytest.mark.parametrize("hashseed", ["0", "4711"])
def test_same_bytes_in_any_process(hashseed: str) -> None:
    command = [sys.executable, "-m", "harness.cli", "generate", "rcpsp", "--level", "12"]
    command[1:3] = ["-c", "import sys; from harness.cli import main; sys.exit(main())"]
    found = subprocess.run(
        [*command, "--count", "4", "--seed", "3"],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONHASHSEED": hashseed},
    )
    here = b"".join(encode(generate(12, 3, k, {})) + b"\n" for k in range(4))
    assert found.stdout == here


def reachable(edges: list[tuple[str, str]], without: tuple[str, str]) -> bool:
    """Whether the first task of an edge reaches the second by the others."""
    seen, todo = set(), [without[0]]
    while todo:
        at = todo.pop()
        for a, b in edges:
            if a == at and (a, b) != without and b not in seen:
                seen.add(b)
                todo.append(b)
    return without[1] in seen


@pytest.mark.parametrize("edges", [0, 8, 24, 40])
def test_edges_are_irredundant_and_as_many_as_asked(edges: int) -> None:
    for index in range(10):
        pairs = list(make(20, index, edges=edges).payload.precedences)
        assert len(pairs) == edges
        assert not any(reachable(pairs, pair) for pair in pairs)


def test_47_edges_always_fit_20_tasks_in_5_layers() -> None:
    counts = [
        len(_edges(_layers_of(20, 5, seed, 0), _stream(seed, 0, "edges")))
        for seed in range(often(1000))
    ]
    assert min(counts) >= 47
    most = counts[0]
    with pytest.raises(InputError, match=f"at most {most} "):
        make(20, edges=most + 1)


@pytest.mark.heavy
def test_levels_of_edges_and_cells_of_axes_are_nested() -> None:
    for index in range(5):
        before = make(20, index, edges=0).payload
        for edges in range(1, 48):
            now = make(20, index, edges=edges).payload
            assert set(before.precedences) < set(now.precedences)
            assert (before.tasks, before.windows, before.disjunctions, before.downtimes) == (
                now.tasks,
                now.windows,
                now.disjunctions,
                now.downtimes,
            )
            assert before.horizon == now.horizon
            before = now
        full = make(20, index).payload
        for axes in CELLS:
            cell = make(20, index, axes=axes).payload
            assert (cell.tasks, cell.precedences) == (full.tasks, full.precedences)
            assert cell.downtimes == (full.downtimes if "downtime" in axes else ())
            assert cell.windows == (full.windows if "windows" in axes else ())
            assert cell.disjunctions == (full.disjunctions if "disjunctions" in axes else ())


def test_disjunctions_bind() -> None:
    """Precedence leaves every pair free to overlap, and a scheduler blind to them overlaps some."""
    broken = 0
    for index in range(30):
        instance = make(16, index)
        project = instance.payload
        assert len(project.disjunctions) == 4
        pairs = list(project.precedences)
        assert not any(
            reachable(pairs, p) or reachable(pairs, p[::-1]) for p in project.disjunctions
        )
        starts = POLICIES["sgs-lft"].answer(instance)["starts"]
        broken += any(v["kind"] == "disjunction" for v in violations(project, starts))
    assert broken >= 6


def test_ids_do_not_give_the_order_away() -> None:
    up = total = 0
    for index in range(40):
        for a, b in make(20, index).payload.precedences:
            up += a < b
            total += 1
    assert 0.4 < up / total < 0.6


def test_settings_pair_up() -> None:
    plain, centre = make(15, 3), make(15, 3, setting="datacentre")
    assert plain.payload.tasks == centre.payload.tasks
    assert witness(plain) == witness(centre)
    assert centre.payload.setting == "datacentre"


@pytest.mark.heavy
def test_floors_fall_as_tasks_grow() -> None:
    floors = ("sgs-lft", "random-50", "sgs-lft-disjunctions", "window-midpoints", "list-best")
    shares: dict[str, list[float]] = {name: [] for name in floors}
    for level in (5, 20, 40):
        made = [make(level, index) for index in range(20)]
        for name in floors:
            answers = [(i, POLICIES[name].answer(i)["starts"]) for i in made]
            good = sum(not violations(i.payload, starts) for i, starts in answers)
            shares[name].append(good / len(made))
    for name in floors:
        assert shares[name] == sorted(shares[name], reverse=True), name
        assert shares[name][0] >= 0.9, name
    textbook = [shares[name][-1] for name in ("sgs-lft", "random-50")]
    assert max(textbook) <= 0.15
    assert shares["sgs-lft"][1] < shares["sgs-lft-disjunctions"][1] < shares["list-best"][1]
    assert shares["list-best"][-1] <= 0.85  # strong, and yet not the ceiling


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"horizon_factor": "inf"}, "inf is not from 1 to 1000"),
        ({"horizon_factor": "nan"}, "nan is not from 1 to 1000"),
        ({"resources": 101}, "resources: 101 is not from 1 to 100"),
        ({"edge": 3}, "; there are edges, layers, resources, axes, axis_probability, slack, "),
        ({"edge": 3}, "unknown field `edge`"),
        ({"edges": -1}, "edges: -1 is not from 0 to 500000"),
        ({"edges": "many"}, "int"),
        ({"axes": "downtime,wind"}, "'wind' is not one of"),
        ({"layers": 99}, "layers=99 are more than the 20 tasks"),
        ({"horizon_factor": 0.9}, "horizon_factor: 0.9 is not from 1 to 1000"),
        ({"axis_probability": 2}, "axis_probability: 2 is not from 0 to 1"),
        ({"setting": "moon"}, "moon"),
    ],
)
def test_wrong_settings(given: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(20, given)  # type: ignore[arg-type]


def test_a_level_too_large() -> None:
    with pytest.raises(InputError, match="level 1001: a project has at most 1000 tasks"):
        resolve(1001, {})


@pytest.mark.heavy
def test_default_edges_always_fit() -> None:
    for level in range(1, 31):
        for index in range(10):
            make(level, index)
