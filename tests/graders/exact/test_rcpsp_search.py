"""Populations of schedules: feasible, never below the least makespan, the same every time."""

from unittest.mock import patch

from hypothesis import given

from graders.exact import sgs
from graders.exact.rcpsp_bounds import earliest_starts, longest_tails, lower_bound
from graders.exact.rcpsp_search import breed, upper_bound
from graders.rcpsp import violations
from tasks.rcpsp import Project
from tests.depth import examples
from tests.factories.projects import mixed
from tests.graders.exact.small import least_makespan, projects


@given(projects())
@examples(600)
def test_what_is_bred_is_feasible_and_never_below_the_least_makespan(project: Project) -> None:
    best, compiled = least_makespan(project), sgs.compile_project(project)
    starts = breed(compiled, 0, [], 60)
    if starts is not None:
        assert not violations(project, sgs.by_id(compiled, starts))
        assert best is not None
        assert sgs.makespan(compiled, starts) >= best


def test_a_population_is_never_worse_than_what_it_begins_with_and_often_better() -> None:
    better = 0
    for seed in range(6):
        compiled = sgs.compile_project(mixed(30, seed))
        bound = lower_bound(compiled, earliest_starts(compiled), longest_tails(compiled))
        first = upper_bound(compiled, bound, longest_tails(compiled))
        assert first is not None
        starts = breed(compiled, bound, [first], 300)
        assert starts is not None
        gain = sgs.makespan(compiled, first) - sgs.makespan(compiled, starts)
        assert gain >= 0
        better += gain > 0
    assert better


def test_no_more_schedules_are_made_than_are_allowed_and_the_same_every_time() -> None:
    compiled = sgs.compile_project(mixed(12, 1))
    first = sgs.serial(compiled, compiled.order)
    for most in (0, 2, 3, 100):
        with patch.object(sgs, "serial", wraps=sgs.serial) as serial:
            bred = breed(compiled, 0, [first], most)
        assert serial.call_count <= most
        assert bred == breed(compiled, 0, [first], most)
    assert breed(compiled, 0, [first], 0) == first
    assert breed(compiled, 0, [], 0) is None


def test_a_schedule_that_attains_the_bound_ends_the_search() -> None:
    compiled = sgs.compile_project(mixed(12, 1))
    first = sgs.serial(compiled, compiled.order)
    assert breed(compiled, sgs.makespan(compiled, first), [first], 10**9) is not None
