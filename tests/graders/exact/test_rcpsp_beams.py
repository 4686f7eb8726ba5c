"""Beams: what they make is feasible, never below the least makespan, the same every time."""

from typing import Any

import pytest
from hypothesis import given

from graders.exact import sgs
from graders.exact.rcpsp_beams import beamed
from graders.exact.rcpsp_bounds import earliest_starts, longest_tails, resource_pools
from graders.exact.rcpsp_targets import TargetOutcome
from graders.exact.sgs import Compiled
from graders.rcpsp_violations import violations
from tasks.rcpsp import Project
from tests.depth import examples
from tests.factories.projects import mixed, scarce
from tests.graders.exact.small import least_makespan, projects


def beams(project: Compiled, starts: list[int], children: int, **options: Any) -> TargetOutcome:
    return beamed(
        project,
        resource_pools(project),
        earliest_starts(project),
        longest_tails(project),
        options.pop("bound", 0),
        starts,
        children=children,
        **options,
    )


def listed(project: Project) -> tuple[Compiled, list[int]]:
    """A project and its first list schedule."""
    compiled = sgs.compile_project(project)
    return compiled, sgs.serial(compiled, compiled.order)


@given(projects())
@examples(200)
def test_beams_with_room_for_all_states_prove_the_least_makespan(project: Project) -> None:
    compiled, starts = listed(project)
    if not sgs.in_time(compiled, starts):
        return
    best = beams(compiled, starts, 10**6)
    assert best.starts is not None
    assert not violations(project, sgs.by_id(compiled, best.starts))
    assert best.bound == sgs.makespan(compiled, best.starts) == least_makespan(project)


@pytest.mark.parametrize("project", [mixed(60, 3), mixed(100, 1), scarce(60, 1)])
def test_schedules_of_larger_projects_get_shorter_and_stay_feasible(project: Project) -> None:
    compiled, starts = listed(project)
    best = beams(compiled, starts, 60_000)
    assert best.starts is not None
    assert sgs.makespan(compiled, best.starts) < sgs.makespan(compiled, starts)
    assert not violations(project, sgs.by_id(compiled, best.starts))
    assert best == beams(compiled, starts, 60_000)
    assert 60_000 <= best.children < 120_000


def test_python_makes_the_same_beams() -> None:
    for project in (mixed(40, 2), scarce(20, 0), mixed(70, 1)):
        compiled, starts = listed(project)
        best = beams(compiled, starts, 3_000)
        assert best == beams(compiled, starts, 3_000, compiled=False)
        assert best.children >= 3_000


def test_nothing_is_made_without_work_or_time_or_need() -> None:
    compiled, starts = listed(scarce(60, 1))
    as_it_is = TargetOutcome(0, starts, 0)
    assert beams(compiled, starts, 0) == as_it_is
    assert beams(compiled, starts, 10**6, is_late=lambda: True) == as_it_is
    length = sgs.makespan(compiled, starts)
    assert beams(compiled, starts, 10**6, bound=length) == TargetOutcome(length, starts, 0)


def test_a_project_of_too_many_tasks_is_left_as_it_is() -> None:
    compiled, starts = listed(mixed(129, 0))
    assert beams(compiled, starts, 10**6) == TargetOutcome(0, starts, 0)
