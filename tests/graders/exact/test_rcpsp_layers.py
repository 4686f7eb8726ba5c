"""Targets of small projects against an enumeration of all answers, from both ends of time."""

import pytest
from hypothesis import given

from graders.exact import rcpsp_kernel, sgs
from graders.exact.rcpsp_bounds import Pool, earliest_starts, longest_tails, resource_pools
from graders.exact.rcpsp_covering import covering_pools
from graders.exact.rcpsp_kernel import KernelLayers, fits, layered_search
from graders.exact.rcpsp_layers import LayerProblem, PlainLayers, layer_problem
from graders.exact.rcpsp_pools import clique_pools, rounded_pools
from graders.exact.rcpsp_targets import TargetOutcome, ask_targets
from graders.exact.sgs import Compiled
from graders.rcpsp_violations import violations
from tasks.rcpsp import Project
from tests.depth import examples, often
from tests.factories.projects import mixed, scarce
from tests.graders.exact.small import least_makespan, projects

ENOUGH = 10**6


def pools_of(project: Compiled, *, every: bool = True) -> list[Pool]:
    resources = resource_pools(project)
    if not every:
        return resources
    rounded = [each for pool in resources for each in rounded_pools(pool)]
    heads, tails = earliest_starts(project), longest_tails(project)
    return [
        *resources,
        *rounded,
        *clique_pools(project),
        *covering_pools(project, heads, tails),
    ]


def asked(
    project: Compiled, target: int, *, turned: bool, every: bool = True, width: int = 0
) -> tuple[LayerProblem, list[int]]:
    heads, tails = earliest_starts(project), longest_tails(project)
    latest = [min(target - t, end) for t, end in zip(tails, sgs.lft(project), strict=True)]
    pools = pools_of(project, every=every)
    turn = target if turned else None
    return layer_problem(project, pools, heads, latest, target=turn, width=width)


def outcome(
    project: Compiled, targets: range, *, children: int = ENOUGH, compiled: bool = True
) -> TargetOutcome:
    return ask_targets(
        project,
        pools_of(project),
        earliest_starts(project),
        longest_tails(project),
        targets,
        children=children,
        compiled=compiled,
    )


def check_targets(project: Project, *, every: bool, compiled: bool) -> None:
    compiled_project, best = sgs.compile_project(project), least_makespan(project)
    for target in range(project.horizon + 1):
        for turned in (False, True):
            problem, order = asked(compiled_project, target, turned=turned, every=every)
            search = layered_search(problem, compiled=compiled)
            is_met = search.run(ENOUGH)
            assert is_met == (best is not None and best <= target), (target, turned)
            if is_met:
                starts = dict(zip(order, search.starts(), strict=True))
                if turned:
                    durations = compiled_project.durations
                    starts = {i: target - start - durations[i] for i, start in starts.items()}
                by_id = {compiled_project.ids[i]: start for i, start in starts.items()}
                assert not violations(project, by_id)
                assert all(
                    starts[i] + duration <= target
                    for i, duration in enumerate(compiled_project.durations)
                )


@given(projects())
@examples(250)
def test_a_target_is_met_where_enumeration_meets_it(project: Project) -> None:
    check_targets(project, every=False, compiled=False)


@given(projects(most=6))
@examples(150)
def test_the_kernel_with_every_pool_meets_what_enumeration_meets(project: Project) -> None:
    check_targets(project, every=True, compiled=True)


@given(projects(most=6))
@examples(150)
def test_the_bound_is_raised_to_the_optimum(project: Project) -> None:
    compiled, best = sgs.compile_project(project), least_makespan(project)
    raised = outcome(compiled, range(project.horizon + 1))
    if best is None:
        assert (raised.bound, raised.starts) == (project.horizon + 1, None)
    else:
        assert raised.bound == best
        assert raised.starts is not None
        assert sgs.makespan(compiled, raised.starts) == best
        assert not violations(project, sgs.by_id(compiled, raised.starts))


# The kernel ---------------------------------------------------------------------------------


@pytest.fixture
def kernel() -> None:
    if rcpsp_kernel.library() is None:
        pytest.skip("no compiled kernel: install again where there is a C compiler")


def compare_twins(problem: LayerProblem) -> bool | None:
    """Pause both every few states; return the verdict, None after 1,500 of them."""
    plain, paused, whole = PlainLayers(problem), layered_search(problem), layered_search(problem)
    assert isinstance(whole, KernelLayers)
    verdict: bool | None = None
    while verdict is None and plain.children < 1500:
        verdict = plain.run(7)
        assert paused.run(7) == verdict
        assert paused.children == plain.children
        assert paused.is_narrowed == plain.is_narrowed
    if verdict is not None:
        assert whole.run(ENOUGH) == verdict
        assert whole.children == plain.children
    if verdict:
        assert whole.starts() == plain.starts() == paused.starts()
    return verdict


@pytest.mark.heavy
@pytest.mark.usefixtures("kernel")
def test_kernel_makes_the_same_states_and_pauses_change_nothing() -> None:
    verdicts = set()
    for seed in range(often(4)):
        for project in (mixed(12, seed), scarce(14, seed)):
            compiled = sgs.compile_project(project)
            least = max(earliest_starts(compiled))
            for target in range(least + 8, least + 40, 5):
                for turned in (False, True):
                    problem, _ = asked(compiled, target, turned=turned)
                    verdicts.add(compare_twins(problem))
    assert verdicts == {None, False, True}


@pytest.mark.heavy
@pytest.mark.usefixtures("kernel")
def test_kernels_keep_the_same_states_of_layers_with_a_width() -> None:
    verdicts = set()
    for seed in range(often(4)):
        for project, width in ((mixed(12, seed), 3), (scarce(14, seed), 9), (mixed(90, seed), 2)):
            compiled = sgs.compile_project(project)
            least = max(earliest_starts(compiled))
            for target in range(least + 8, least + 40, 5):
                for turned in (False, True):
                    problem, _ = asked(
                        compiled, target, turned=turned, every=width > 2, width=width
                    )
                    verdicts.add(compare_twins(problem))
    assert {False, True} <= verdicts


@given(projects(most=6))
@examples(100)
def test_what_layers_with_a_width_refute_cannot_be_met(project: Project) -> None:
    compiled, best = sgs.compile_project(project), least_makespan(project)
    for target in range(project.horizon + 1):
        problem, _ = asked(compiled, target, turned=False, width=2)
        search = layered_search(problem)
        is_met = search.run(ENOUGH)
        can_be_met = best is not None and best <= target
        assert can_be_met if is_met else not can_be_met or search.is_narrowed


def test_what_might_overflow_or_is_too_large_is_left_to_python() -> None:
    problem, _ = asked(sgs.compile_project(mixed(12, 0)), 60, turned=False)
    assert fits(problem)
    large = problem._replace(pools=[Pool(2**45, (), ()), *problem.pools[1:]])
    assert fits(large)
    assert not fits(large._replace(width=1))
    far = problem._replace(latest=[2**61] * 12)
    assert not fits(far)
    assert isinstance(layered_search(far), PlainLayers)
    assert not fits(problem._replace(pools=[*problem.pools, Pool(2**58, (), ((0, 1),))]))
    many, _ = asked(sgs.compile_project(mixed(129, 0)), 800, turned=False, every=False)
    assert not fits(many)


# Targets ------------------------------------------------------------------------------------


@pytest.mark.heavy
def test_states_are_counted_and_no_more_are_made_than_may_be() -> None:
    project = sgs.compile_project(scarce(50, 1))
    targets = range(100, 10**6)
    some = outcome(project, targets, children=5_000)
    assert some.starts is None
    assert 5_000 <= some.children < 20_000
    more = outcome(project, targets, children=60_000)
    assert more.starts is None
    assert more.bound > some.bound > 100


def test_python_asks_the_same_targets() -> None:
    for project in (sgs.compile_project(scarce(12, 0)), sgs.compile_project(mixed(10, 1))):
        targets = range(max(earliest_starts(project)), project.horizon + 1)
        assert outcome(project, targets) == outcome(project, targets, compiled=False)


@pytest.mark.heavy
def test_a_project_of_many_tasks_is_not_asked() -> None:
    project = sgs.compile_project(mixed(65, 0))
    assert outcome(project, range(5, 1000)) == TargetOutcome(5, None, 0)


def test_no_time_is_left() -> None:
    project = sgs.compile_project(scarce(20, 0))
    late = ask_targets(
        project,
        pools_of(project),
        earliest_starts(project),
        longest_tails(project),
        range(30, 1000),
        children=ENOUGH,
        is_late=lambda: True,
    )
    assert late == TargetOutcome(30, None, 0)
