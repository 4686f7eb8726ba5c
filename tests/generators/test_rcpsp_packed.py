"""Packed projects: the witness is optimal by its work alone, and everything else still holds."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.rcpsp import generate, resolve
from graders.rcpsp import violations
from tasks.base import InputError, Instance
from tasks.rcpsp import Project
from tests.depth import examples, often

PACKED = {"witness": "packed", "axes": "downtime,disjunctions"}


def make(level: int, seed: int = 1, index: int = 0, **settings: str | int) -> Instance[Project]:
    return generate(level, seed, index, {**PACKED, "edges": 0, **settings}, reference=False)


def busy(project: Project, starts: dict[str, int]) -> list[int]:
    """Units of the first resource that are in use, by time unit up to the horizon."""
    units = [0] * project.horizon
    for task in project.tasks:
        for t in range(starts[task.id], starts[task.id] + task.duration):
            units[t] += task.demands.get("R1", 0)
    return units


@examples(150)
@given(st.integers(1, 60), st.integers(0, 10**6), st.sampled_from(["none", PACKED["axes"]]))
def test_the_witness_leaves_no_unit_of_the_first_resource_idle(
    level: int, seed: int, axes: str
) -> None:
    instance = make(level, seed, axes=axes)
    project, answer = instance.payload, instance.reference.answer
    assert answer is not None
    assert violations(project, answer["starts"]) == []
    down = {t for d in project.downtimes for t in range(d.start, d.end)}
    capacity = project.resources[0].capacity
    wanted = [0 if t in down else capacity for t in range(project.horizon)]
    assert busy(project, answer["starts"]) == wanted
    assert all(d.resource == "R1" for d in project.downtimes)
    assert len(project.tasks) == level


@pytest.mark.parametrize("level", [20, 40, 100])
def test_the_optimum_is_proven_without_a_solver(level: int) -> None:
    for index in range(often(30)):
        instance = generate(level, 1, index, {**PACKED, "edges": 0})
        reference = instance.reference
        assert (reference.status, reference.solver) == ("optimal", "sgs")
        assert reference.objective == reference.bound == instance.payload.horizon


def test_fewer_edges_change_nothing_else() -> None:
    cells = [make(30, edges=edges).payload for edges in (0, 12, 24, 36)]
    for fewer, more in pairwise(cells):
        assert set(more.precedences) > set(fewer.precedences)
        assert len(more.precedences) == len(fewer.precedences) + 12
        assert (more.tasks, more.downtimes, more.horizon) == (
            fewer.tasks,
            fewer.downtimes,
            fewer.horizon,
        )


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(InputError, match=r"edges=400 do not fit: this packing of 20 tasks takes"):
        make(20, edges=400)
    with pytest.raises(InputError, match=r"layers=3: a packed project has none"):
        make(20, layers=3)


def test_projects_that_are_not_packed_do_not_name_the_setting() -> None:
    """Their ids and locks are those of before there was another witness."""
    assert "witness" not in resolve(20, {})
    assert "witness" not in resolve(20, {"witness": "lists"})
    assert resolve(20, PACKED)["witness"] == "packed"
