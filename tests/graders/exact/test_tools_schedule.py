"""The optima of tool calls against an enumeration of every order and every choice of turns."""

import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from itertools import combinations, permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.exact.tools_lean import LeanProblem, LeanSearch, TurnSearchLimits
from graders.exact.tools_schedule import BestPlan, CallNode, _topological, barrier, free
from graders.exact.tools_search import TurnSearch
from tests.depth import examples
from tests.factories.tool_calls import Case, cases, large, least_free, serial

AMPLE = TurnSearchLimits(10**9, 10**9)


def lean(case: Case) -> LeanSearch:
    return LeanSearch(LeanProblem(*case, order=_topological(case[0], case[1])))


def turn_length(calls: Sequence[CallNode], capacity: Sequence[int], turn: Sequence[int]) -> int:
    """A turn as the clock runs it: each call takes the place of its tool that is free first."""
    places = [[0] * places for places in capacity]
    for i in turn:
        mine = places[calls[i].tool]
        at = mine.index(min(mine))
        mine[at] += calls[i].duration
    return max(max(ends) for ends in places)


def check_turns(case: Case, plan: BestPlan) -> None:
    calls, capacity, overhead = case
    assert sorted(i for turn in plan.turns for i in turn) == list(range(len(calls)))
    done: set[int] = set()
    for turn in plan.turns:
        assert turn
        assert all(set(calls[i].needs) <= done for i in turn)
        done |= set(turn)
    lengths = [overhead + turn_length(calls, capacity, turn) for turn in plan.turns]
    assert sum(lengths) == plan.objective
    assert plan.order == ()


def least_barrier(case: Case) -> int:
    """The best of every choice of turns and every order of each turn's calls."""
    calls, capacity, overhead = case

    @cache
    def shortest(turn: tuple[int, ...]) -> int:
        return min(turn_length(calls, capacity, order) for order in permutations(turn))

    @cache
    def least(done: frozenset[int]) -> int:
        ready = [i for i in range(len(calls)) if i not in done and set(calls[i].needs) <= done]
        return min(
            (
                overhead + shortest(turn) + least(done | set(turn))
                for size in range(1, len(ready) + 1)
                for turn in combinations(ready, size)
            ),
            default=0,
        )

    return least(frozenset())


def sequential(case: Case) -> int:
    return sum(case[2] + call.duration for call in case[0])


def all_ready(case: Case) -> int:
    """Every turn issues all that is ready, in payload order."""
    calls, capacity, overhead = case
    done: set[int] = set()
    total = 0
    while len(done) < len(calls):
        turn = [i for i in range(len(calls)) if i not in done and set(calls[i].needs) <= done]
        total += overhead + turn_length(calls, capacity, turn)
        done |= set(turn)
    return total


@pytest.mark.heavy
@given(cases(6))
@examples(2000)
def test_the_turns_are_the_best_of_all(case: Case) -> None:
    plan = barrier(*case)
    assert (plan.status, plan.objective, plan.bound) == ("optimal", plan.bound, least_barrier(case))
    check_turns(case, plan)
    assert plan.objective <= min(all_ready(case), sequential(case))


@given(cases(5))
@examples(600)
def test_the_free_order_is_the_best_of_all(case: Case) -> None:
    calls, capacity, overhead = case
    plan = free(*case)
    assert (plan.status, plan.objective, plan.bound) == ("optimal", plan.bound, least_free(case))
    assert overhead + serial(calls, capacity, plan.order) == plan.objective
    assert plan.turns == ()


@given(cases(9))
@examples(300)
def test_turns_never_beat_the_free_optimum(case: Case) -> None:
    assert free(*case).objective <= barrier(*case).objective


@given(cases(6), st.integers(0, 40))
@examples(500)
def test_a_search_that_is_cut_off_has_turns_that_hold_and_a_bound_that_is_true(
    case: Case, limit: int
) -> None:
    plan = barrier(*case, limit=limit)
    check_turns(case, plan)
    assert plan.bound <= least_barrier(case) <= plan.objective
    assert (plan.status == "optimal") == (plan.bound == plan.objective)
    assert plan.objective <= all_ready(case)


@given(cases(6), st.integers(0, 40), st.integers(1, 40))
@examples(500)
def test_a_second_search_that_is_cut_off_holds_as_well(
    case: Case, limit: int, further: int
) -> None:
    plan = barrier(*case, limit=limit, further=TurnSearchLimits(further, further))
    check_turns(case, plan)
    assert plan.bound <= least_barrier(case) <= plan.objective
    assert plan.objective <= barrier(*case, limit=limit).objective


@pytest.mark.heavy
@given(cases(6))
@examples(1000)
def test_the_lean_search_has_the_best_turns_of_all(case: Case) -> None:
    least = least_barrier(case)
    bound, turns = lean(case).run(least + 1, AMPLE)
    assert bound == least
    check_turns(case, BestPlan("optimal", least, bound, (), _issued(case, turns or [])))
    assert lean(case).run(least, AMPLE) == (least, None)


@given(cases(12))
@examples(300)
def test_the_lean_search_and_the_other_prove_the_same(case: Case) -> None:
    order = _topological(case[0], case[1])
    bound, turns = lean(case).run(10**6, AMPLE)
    assert turns is not None
    assert bound == TurnSearch(*case, order=order, limit=10**6).run(10**6)[0]
    assert bound == barrier(*case).objective


@given(cases(7))
@examples(300)
def test_what_remains_is_never_bounded_too_high_nor_falls_faster_than_time_passes(
    case: Case,
) -> None:
    search = TurnSearch(*case, order=_topological(case[0], case[1]), limit=10**6)

    @cache
    def remaining(done: int) -> int:
        if done == search.full:
            return 0
        return min(length + remaining(done | turn) for length, turn in search.turns(done))

    remaining(0)
    for done in _reached(search):
        assert search.remaining(done) <= remaining(done)
        for length, turn in search.turns(done):
            assert search.remaining(done) <= length + search.remaining(done | turn)


@given(cases(7))
@examples(300)
def test_what_many_chains_bound_is_never_too_high_nor_falls_faster_than_time_passes(
    case: Case,
) -> None:
    search = TurnSearch(*case, order=_topological(case[0], case[1]), limit=10**6)
    remaining = lean(case).remaining
    assert search.remaining(0) <= remaining(0) <= barrier(*case).objective
    for done in _reached(search):
        for length, turn in search.turns(done):
            assert remaining(done) <= length + remaining(done | turn)


def _reached(search: TurnSearch) -> set[int]:
    """All sets that some turns worth looking at lead to."""
    reached, pending = {0}, [0]
    while pending:
        done = pending.pop()
        after = {done | turn for _, turn in search.turns(done)} - reached
        reached |= after
        pending += after
    return reached


def _issued(case: Case, turns: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """Each turn's calls in the order in which they are as short as can be."""
    calls, capacity, _ = case
    return tuple(
        min(permutations(turn), key=lambda order: turn_length(calls, capacity, order))
        for turn in turns
    )


@given(cases(6), st.integers(1, 3))
@examples(300)
def test_a_beam_has_turns_that_hold(case: Case, width: int) -> None:
    bound, turns = lean(case).run(sequential(case) + 1, AMPLE, width=width)
    assert turns is not None
    issued = _issued(case, turns)
    lengths = [case[2] + turn_length(case[0], case[1], turn) for turn in issued]
    check_turns(case, BestPlan("optimal", sum(lengths), 0, (), issued))
    assert sum(lengths) >= barrier(*case).objective >= bound


@pytest.mark.parametrize(
    ("count", "depth", "tools"),
    [
        (4, 2, 3),
        (8, 3, 5),
        (12, 4, 8),
        (15, 4, 3),
        (16, 5, 10),
        (24, 6, 16),
        (30, 6, 10),
        (30, 3, 4),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_both_optima_are_proven_up_to_thirty_calls(
    count: int, depth: int, tools: int, seed: int
) -> None:
    case = large(count, depth, tools, seed)
    turns, order = barrier(*case), free(*case)
    check_turns(case, turns)
    assert (turns.status, order.status) == ("optimal", "optimal")
    assert case[2] + serial(*case[:2], order.order) == order.objective <= turns.objective
    assert turns.objective <= min(all_ready(case), sequential(case))


@pytest.mark.parametrize(
    ("depth", "tools", "most"), [(8, 33, 2), (4, 8, 2), (10, 2, 4), (50, 9, 2)]
)
def test_fifty_calls_come_back(depth: int, tools: int, most: int) -> None:
    case = large(50, depth, tools, 0, most)
    plan = barrier(*case)
    check_turns(case, plan)
    assert plan.status == "optimal"
    assert free(*case).bound <= plan.objective


def test_what_is_too_wide_to_search_is_bounded_and_better_than_all_ready() -> None:
    rng = Random("wide")
    first = [CallNode(rng.randint(1, 30), i % 2, ()) for i in range(36)]
    later = [CallNode(rng.randint(1, 30), 2, (rng.randrange(36),)) for _ in range(14)]
    case = ([*first, *later], [2, 2, 1], 2)
    plan = barrier(*case, limit=20_000)
    check_turns(case, plan)
    assert plan.status == "bounded"
    assert plan.bound < plan.objective < all_ready(case)


def test_a_short_turn_first_can_be_better_than_all_that_is_ready() -> None:
    # 0 (1) -> 1 (30) and 2 (30): all-ready 30 + 30, better 1 + 30
    calls = [CallNode(1, 0, ()), CallNode(30, 1, (0,)), CallNode(30, 2, ())]
    assert barrier(calls, [1, 1, 1], 0) == BestPlan("optimal", 31, 31, (), ((0,), (1, 2)))
    assert barrier(calls, [1, 1, 1], 29) == BestPlan("optimal", 89, 89, (), ((0,), (1, 2)))
    assert free(calls, [1, 1, 1], 29).objective == 60


def test_the_order_within_a_turn_beats_longest_first() -> None:
    # on two places 3+3 | 2+2+2 takes 6, longest first 7
    calls = [CallNode(d, 0, ()) for d in (3, 3, 2, 2, 2)]
    plan = barrier(calls, [2], 1)
    assert (plan.status, plan.objective) == ("optimal", 7)
    check_turns((calls, [2], 1), plan)


@pytest.mark.parametrize(
    ("calls", "capacity", "words"),
    [
        ([], [1], "at least one"),
        ([CallNode(0, 0, ())], [1], "call 0: duration 0 is not at least 1"),
        ([CallNode(1, 1, ())], [1], "call 0: tool 1 is not one of 1"),
        ([CallNode(1, 0, (1,))], [1], "call 0: needs call 1, which is not there"),
        ([CallNode(1, 0, ())], [0], "capacity of tool 0: 0 is not at least 1"),
        ([CallNode(1, 0, (1,)), CallNode(1, 0, (0,))], [1], "need each other in a circle"),
    ],
)
def test_calls_that_cannot_run_are_refused(
    calls: list[CallNode], capacity: list[int], words: str
) -> None:
    for solve in (free, barrier):
        with pytest.raises(ValueError, match=words):
            solve(calls, capacity, 2)


@pytest.mark.heavy
def test_plans_are_the_same_in_every_process() -> None:
    script = (
        "from tests.graders.exact.test_tools_schedule import *\n"
        "for seed in range(3):\n"
        "    print(barrier(*large(24, 6, 8, seed)), free(*large(24, 6, 8, seed)))\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(outputs) == 1
    assert b"optimal" in outputs.pop()
