"""Pools that are held, a few or all, against an enumeration of every order of the calls."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators import tools as generator
from graders.exact import rcpsp, sgs, tools_layers_kernel
from graders.exact.rcpsp_bounds import propagate_heads
from graders.exact.rcpsp_cp_sat import Solution
from graders.exact.sgs import Compiled
from graders.exact.tools import graph
from graders.exact.tools_free import (
    _bound_and_starts,
    _FewPools,
    _held,
    _PooledCalls,
    _searched,
    free_reference,
    least_makespan,
)
from graders.exact.tools_layers import PlainCallLayers
from graders.exact.tools_layers_kernel import KernelCallLayers, call_layers, fits
from graders.exact.tools_schedule import _project
from graders.exact.tools_search import CallNode
from graders.rcpsp_violations import violations
from tasks.tools_payload import Hidden
from tests.depth import examples, often
from tests.factories.tool_calls import Case, cases, large, least_free

ENOUGH = 10**6


@pytest.fixture
def kernel() -> None:
    if tools_layers_kernel.library() is None:
        pytest.skip("no compiled kernel: install again where there is a C compiler")


def compiled(case: Case) -> Compiled:
    return sgs.compile_project(_project(case[0], case[1]))


def one_by_one(project: Compiled) -> list[int]:
    """A schedule in which no two calls overlap."""
    starts, now = [0] * len(project.ids), 0
    for i in project.order:
        starts[i], now = now, now + project.durations[i]
    return starts


def twins(case: Case) -> list[CallNode]:
    """Calls of which every second is like the one before it, so that they may change places."""
    calls = [CallNode(c.duration, c.tool, tuple(2 * k for k in c.needs)) for c in case[0]]
    return [each for call in calls for each in (call, call)]


def pools_that_hold(case: Case, pools: list[int]) -> list[int]:
    """The capacities of a case, of which all but some pools have a place for each call."""
    return [q if k in pools else len(case[0]) for k, q in enumerate(case[1])]


def check_few_pools(case: Case, pools: list[int], *, is_compiled: bool) -> None:
    """Every target of a few pools from their bound on, from both ends, beside the best order."""
    calls, project = _PooledCalls(compiled(case), compiled=is_compiled), compiled(case)
    best = least_free((case[0], pools_that_hold(case, pools), 0))
    of_all = least_free((case[0], case[1], 0))  # heads and tails know of every pool
    for target in range(calls.bound, sum(project.durations) + 1):
        for way in (False, True):
            few = _FewPools(calls, pools, compiled=is_compiled)
            few._directions = (way,)
            is_met = few.ask(target, ENOUGH)
            assert is_met is not None
            if target < best:
                assert not is_met, (target, way)
            if target >= of_all:
                assert is_met, (target, way)
            if is_met:
                starts = propagate_heads(project, few.starts())
                assert sgs.makespan(project, starts) <= target
                assert all(calls._overload(calls.pools[k], starts) == 0 for k in pools)
                assert all(few.starts()[i] == starts[i] for i in few._pool)


@given(cases(5), st.data())
@examples(400)
def test_few_pools_meet_what_the_best_of_all_orders_meets(case: Case, data: st.DataObject) -> None:
    used = sorted({call.tool for call in case[0]})
    pools = data.draw(st.lists(st.sampled_from(used), min_size=1, unique=True))
    check_few_pools(case, pools, is_compiled=True)


@given(cases(3), st.data())
@examples(400)
def test_calls_that_may_change_places_change_nothing(case: Case, data: st.DataObject) -> None:
    _, capacity, overhead = case
    ordered = sorted(range(len(case[0])), key=lambda i: _depth(case[0], i))
    place = {i: k for k, i in enumerate(ordered)}
    sorted_calls = [
        case[0][i]._replace(needs=tuple(place[need] for need in case[0][i].needs)) for i in ordered
    ]
    doubled = (twins((sorted_calls, capacity, overhead)), capacity, overhead)
    used = sorted({call.tool for call in doubled[0]})
    pools = data.draw(st.lists(st.sampled_from(used), min_size=1, unique=True))
    check_few_pools(doubled, pools, is_compiled=True)


def _depth(calls: list[CallNode], i: int) -> int:
    return 1 + max((_depth(calls, need) for need in calls[i].needs), default=0)


@given(cases(6))
@examples(400)
def test_the_least_makespan_is_that_of_the_best_order(case: Case) -> None:
    project, best = compiled(case), least_free((case[0], case[1], 0))
    outcome = least_makespan(project, 0, one_by_one(project), children=ENOUGH)
    assert outcome.bound == sgs.makespan(project, outcome.starts) == best
    assert not violations(_project(*case[:2]), sgs.by_id(project, outcome.starts))


@given(cases(6), st.integers(0, 60))
@examples(400)
def test_a_search_that_is_cut_off_has_a_bound_that_is_true(case: Case, children: int) -> None:
    project, best = compiled(case), least_free((case[0], case[1], 0))
    outcome = least_makespan(project, 0, one_by_one(project), children=children)
    assert outcome.bound <= best <= sgs.makespan(project, outcome.starts)
    assert not violations(_project(*case[:2]), sgs.by_id(project, outcome.starts))


@given(cases(12))
@examples(200)
def test_all_ways_to_a_reference_agree(case: Case) -> None:
    project = _project(*case[:2])
    reference = free_reference(project)
    assert reference.status == "optimal"
    rough = free_reference(project)
    for step in (_held, _searched):
        assert step(project, rough).objective == reference.objective


def test_what_is_known_is_kept_by_the_next_step() -> None:
    project = _project(*large(60, 13, 3, 1, 2)[:2])
    compiled_project = sgs.compile_project(project)
    _, starts = _bound_and_starts(compiled_project, free_reference(project))
    best = sgs.makespan(compiled_project, starts)
    known = rcpsp.state(project, compiled_project, Solution(best - 1, starts, "test"))
    assert known.status == "bounded"
    for step in (_held, _searched):
        later = step(project, known)
        assert later.objective == best
        assert best - 1 <= (later.bound or 0) <= best


def test_two_pools_of_a_task_of_a_hundred_calls_settle_it() -> None:
    errand = generator.generate(100, 1, 0, {}, reference=False).payload
    calls, capacity = graph(errand, Hidden(errand).steps(), planned=True)
    case = calls, capacity, 0
    outcome = least_makespan(compiled(case), 0, one_by_one(compiled(case)), children=ENOUGH)
    assert outcome.bound == 368
    assert outcome.children < 100_000
    few = _FewPools(_PooledCalls(compiled(case), compiled=True), [10, 2], compiled=True)
    assert (few.ask(367, ENOUGH), few.ask(368, ENOUGH)) == (False, True)


# Twins --------------------------------------------------------------------------------------


def compare(case: Case, *, children: int = ENOUGH) -> None:
    project = compiled(case)
    fast, plain = (
        least_makespan(project, 0, one_by_one(project), children=children, compiled=each)
        for each in (True, False)
    )
    assert fast == plain


@given(cases(12), st.sampled_from([1, 20, 300, ENOUGH]))
@examples(300)
@pytest.mark.usefixtures("kernel")
def test_the_kernel_makes_the_same_states(case: Case, children: int) -> None:
    compare(case, children=children)


@pytest.mark.usefixtures("kernel")
def test_larger_calls_make_the_same_states() -> None:
    for seed in range(often(20)):
        for most in (1, 2, 4):
            compare(large(40, 8, 6, seed, most), children=3000)


@pytest.mark.usefixtures("kernel")
def test_more_calls_than_a_word_has_bits_make_the_same_states() -> None:
    case = large(130, 20, 2, 0, 3)
    calls = _PooledCalls(compiled(case), compiled=True)
    for way in (False, True):
        few = _FewPools(calls, [0, 1], compiled=True)
        problem = few.problem(calls.bound + 5, is_turned=way)
        fast, plain = call_layers(problem), call_layers(problem, compiled=False)
        assert isinstance(fast, KernelCallLayers)
        assert isinstance(plain, PlainCallLayers)
        assert (fast.run(300), fast.children) == (plain.run(300), plain.children)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("durations", [1 << 28, 1]),
        ("latest", [1 << 28, 1]),
        ("heads", [1 << 28, 1]),
        ("places", [1 << 28]),
        ("waits", [(), ((0, 1 << 28),)]),
    ],
)
def test_what_might_overflow_is_left_to_python(name: str, value: Any) -> None:
    case = ([CallNode(1, 0, ()), CallNode(1, 0, (0,))], [1], 0)
    few = _FewPools(_PooledCalls(compiled(case), compiled=True), [0], compiled=True)
    problem = few.problem(2, is_turned=False)
    assert fits(problem)
    changed = problem._replace(**{name: value})
    assert not fits(changed)
    if name != "places":  # so many take Python a while
        assert isinstance(call_layers(changed), PlainCallLayers)
