"""The kernel's turns are those of `tools_lean`, its bounds too, wherever a search ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.exact import tools_lean_kernel
from graders.exact.tools_lean import FLOORS, LeanProblem, LeanSearch, TurnSearchLimits
from graders.exact.tools_lean_kernel import KernelTurnSearch, fits, searcher
from graders.exact.tools_schedule import _topological
from graders.exact.tools_search import CallNode
from tests.depth import examples, often
from tests.factories.tool_calls import Case, cases, large

AMPLE = TurnSearchLimits(10**7, 10**7)
ENDS = [
    AMPLE,
    TurnSearchLimits(30, 10**7),
    TurnSearchLimits(700, 10**7),
    TurnSearchLimits(10**7, 3),
    TurnSearchLimits(10**7, 40),
]


@pytest.fixture
def kernel() -> None:
    if tools_lean_kernel.library() is None:
        pytest.skip("no compiled kernel: install again where there is a C compiler")


def problem(case: Case) -> LeanProblem:
    return LeanProblem(*case, order=_topological(case[0], case[1]))


def compare_searches(
    case: Case, limit: int, widths: tuple[int, ...], ends: list[TurnSearchLimits]
) -> None:
    fast, plain = searcher(problem(case)), searcher(problem(case), compiled=False)
    assert isinstance(fast, KernelTurnSearch)
    assert isinstance(plain, LeanSearch)
    for width in widths:
        for limits in ends:
            assert fast.run(limit, limits, width=width) == plain.run(limit, limits, width=width)


@given(cases(12), st.sampled_from([10**6, 200, 100, 30, 0]))
@examples(200)
@pytest.mark.usefixtures("kernel")
def test_small_searches_are_the_same(case: Case, limit: int) -> None:
    compare_searches(case, limit, (0, 1, 4), ENDS)


@pytest.mark.usefixtures("kernel")
def test_larger_searches_are_the_same() -> None:
    for seed in range(often(2)):
        for most in (1, 2, 4):
            case = large(40, 8, 6, seed, most)
            compare_searches(
                case, 10**6, (0, 3), [TurnSearchLimits(4000, 10**7), TurnSearchLimits(10**7, 300)]
            )


@pytest.mark.usefixtures("kernel")
def test_more_durations_than_floors_are_the_same() -> None:
    calls = [CallNode(3 * i + 1, i % 5, (i - 9,) if i > 8 else ()) for i in range(3 * FLOORS + 5)]
    compare_searches((calls, [1, 2, 1, 1, 2], 2), 10**6, (0, 1), [TurnSearchLimits(3000, 10**7)])


@pytest.mark.usefixtures("kernel")
def test_tools_with_too_many_ready_calls_end_both_searches() -> None:
    calls = [CallNode(1 + i % 7, 0, ()) for i in range(17)]
    assert searcher(problem((calls, [2], 1))).run(10**6, AMPLE) == (32, None)
    compare_searches((calls, [2], 1), 10**6, (0, 1), [AMPLE])
    compare_searches((calls, [17], 1), 10**6, (0, 1), [AMPLE])


@pytest.mark.parametrize(
    "case",
    [
        ([CallNode(1 << 40, 0, ())], [1], 0),
        ([CallNode(1, 0, ())], [1], 1 << 40),
        ([CallNode(1, 0, ())], [1 << 40], 0),
        ([CallNode(1, 0, ())] * 256, [1], 0),
    ],
)
def test_what_might_overflow_is_left_to_python(case: Case) -> None:
    assert not fits(problem(case))
    assert isinstance(searcher(problem(case)), LeanSearch)


def test_the_most_calls_of_a_task_fit() -> None:
    assert fits(problem(large(200, 20, 10, 0)))
