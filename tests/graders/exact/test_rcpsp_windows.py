"""Windows: what they place is feasible, never below the least makespan, the same every time."""

from time import monotonic

from hypothesis import given

from graders.exact import sgs
from graders.exact.rcpsp_bounds import earliest_starts, longest_tails
from graders.exact.rcpsp_cp_sat import Solution
from graders.exact.rcpsp_windows import rearranged
from graders.exact.sgs import Compiled
from graders.rcpsp import violations
from tasks.rcpsp import Project
from tests.depth import examples
from tests.factories.projects import mixed, scarce
from tests.graders.exact.small import least_makespan, projects


def rearrange(compiled: Compiled, first: Solution, limit: float, **options: float) -> Solution:
    return rearranged(
        compiled, first, earliest_starts(compiled), longest_tails(compiled), limit, **options
    )


def listed(project: Project) -> tuple[Compiled, Solution]:
    """A project and its first list schedule, with nothing known of a bound."""
    compiled = sgs.compile_project(project)
    return compiled, Solution(0, sgs.serial(compiled, compiled.order))


@given(projects())
@examples(200)
def test_a_window_of_all_tasks_proves_the_least_makespan(project: Project) -> None:
    compiled, first = listed(project)
    if first.starts is None or not sgs.in_time(compiled, first.starts):
        return
    best = rearrange(compiled, first, 10.0)
    assert best.starts is not None
    assert not violations(project, sgs.by_id(compiled, best.starts))
    assert best.bound == sgs.makespan(compiled, best.starts) == least_makespan(project)


def test_schedules_of_larger_projects_get_shorter_and_stay_feasible() -> None:
    for project in (mixed(60, 3), scarce(60, 1)):
        compiled, first = listed(project)
        best = rearrange(compiled, first, 0.3)
        assert first.starts is not None
        assert best.starts is not None
        assert sgs.makespan(compiled, best.starts) < sgs.makespan(compiled, first.starts)
        assert not violations(project, sgs.by_id(compiled, best.starts))
        assert best.bound == 0
        assert best == rearrange(compiled, first, 0.3)


def test_no_window_is_begun_without_an_answer_or_work_or_time() -> None:
    compiled, first = listed(scarce(60, 1))
    nothing = Solution(7, None)
    assert rearrange(compiled, nothing, 1.0) == nothing
    assert rearrange(compiled, first, 0.0) == first
    assert rearrange(compiled, first, 1.0, until=monotonic()) == first
    assert first.starts is not None
    settled = first._replace(bound=sgs.makespan(compiled, first.starts))
    assert rearrange(compiled, settled, 1.0) == settled
