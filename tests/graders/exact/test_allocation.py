"""Memory mapping: the solver is right, rules do what they say, some order is always best."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.allocation import generate
from graders.allocation_violations import violations
from graders.exact import allocation as exact
from graders.exact.allocation import reference, stated
from graders.exact.allocation_rules import (
    ORDERS,
    at_random,
    by_id,
    by_rule,
    fill,
    load,
    moments,
    quick_bound,
    unit,
)
from tasks.allocation import KEY, TensorProgram, value
from tasks.base import SolverFailure
from tests.depth import examples, often
from tests.factories.tensors import best_of_all, best_of_orders, fits_in, program, small

# Optima ---------------------------------------------------------------------------------------


@examples(200)
@given(small(most=3))
def test_the_solver_agrees_with_trying_every_offset(payload: TensorProgram) -> None:
    found = reference(payload)
    assert found.status == "optimal"
    assert found.objective == found.bound == best_of_all(payload)
    assert found.answer is not None
    assert violations(payload, found.answer[KEY]) == []
    assert value(payload, found.answer[KEY]) == found.objective


@examples(200)
@given(small(), st.integers(2, 9))
def test_sizes_of_a_common_unit_change_nothing_but_the_unit(
    payload: TensorProgram, scale: int
) -> None:
    rows = [(t.start * 10, t.end * 10, t.size * scale, t.benefit) for t in payload.tensors]
    larger = program(rows, payload.capacity * scale + scale - 1, payload.objective)
    assert unit(larger) == scale * unit(payload)
    times = scale if payload.objective == "peak" else 1
    assert reference(larger).objective == times * (reference(payload).objective or 0)


@examples(300)
@given(small(most=5))
def test_some_order_leads_first_fit_to_the_least_peak(payload: TensorProgram) -> None:
    """As the claim of MiniMalloc has it: what is canonical leaves out no optimum."""
    assert best_of_orders(payload) == reference(payload).objective


@examples(400)
@given(small(most=7), st.integers(0, 10**9))
def test_rules_are_valid_and_never_beat_the_bound(payload: TensorProgram, seed: int) -> None:
    places = [by_rule(payload, name, fit) for name in ORDERS for fit in exact.FITS]
    places.append(at_random(payload, Random(seed)))
    for each in places:
        offsets = by_id(payload, each)
        assert violations(payload, offsets) == []
        assert value(payload, offsets) >= quick_bound(payload)


@pytest.mark.parametrize("level", [8, 16, 24, 48])
def test_a_packing_is_found_without_the_witness(level: int) -> None:
    for index in range(often(10)):
        payload = generate(level, 3, index, {}).payload
        found = reference(payload)
        assert (found.status, found.objective) == ("optimal", payload.capacity)


def test_a_reference_is_the_same_bytes_again_and_honest_when_it_is_cut_off() -> None:
    payload = generate(48, 0, 0, {"objective": "benefit"}, reference=False).payload
    cut, again = (reference(payload, deterministic_limit=0.001) for _ in range(2))
    assert cut == again
    assert cut.status == "bounded"
    assert cut.answer is not None
    assert violations(payload, cut.answer[KEY]) == []
    assert quick_bound(payload) <= (cut.bound or 0) < (cut.objective or 0)
    crowded = generate(160, 0, 1, {}).payload
    open_ = reference(crowded, deterministic_limit=0.001)
    assert (open_.status, open_.bound) == ("bounded", load(crowded))
    assert (open_.objective or 0) > load(crowded)


def test_where_the_load_is_no_peak_the_solver_proves_what_is() -> None:
    """Eight tensors that take 5 units at every moment, and that no memory of 5 units holds."""
    rows = [(0, 1, 3), (0, 2, 2), (1, 3, 2), (2, 3, 1), (1, 4, 1), (2, 4, 1), (3, 5, 3), (4, 5, 2)]
    payload = program(rows, 5)
    assert {sum(t.size for t in alive) for alive in moments(payload)} == {5}
    assert [fits_in(payload, units) for units in (5, 6)] == [False, True]
    found = reference(payload)
    assert (found.status, found.objective, found.bound) == ("optimal", 6, 6)
    assert found.solver.startswith("cp-sat")


@examples(600)
@given(small("peak", 6))
def test_the_solver_agrees_with_trying_one_tensor_after_another(payload: TensorProgram) -> None:
    best = reference(payload).objective or 0
    assert fits_in(payload, int(best))
    assert not fits_in(payload, int(best) - 1)


def test_answers_that_are_wrong_and_bounds_that_cross_are_failures() -> None:
    payload = program([(0, 2, 2), (1, 3, 2)])
    with pytest.raises(SolverFailure, match=r"^me: its answer breaks 1 rules, first .*overlap"):
        stated(payload, 4, {"t0": 0, "t1": 1}, "me")
    with pytest.raises(SolverFailure, match=r"^me: a value 4 is below its lower bound 5"):
        stated(payload, 5, {"t0": 0, "t1": 2}, "me")


# Rules ----------------------------------------------------------------------------------------


def test_first_fit_takes_the_lowest_and_best_fit_the_shortest_stretch() -> None:
    rows = [(0, 9, 3), (0, 9, 1), (0, 9, 2), (0, 9, 1), (0, 2, 9), (3, 9, 2)]
    payload = program(rows, 20)
    places = fill(payload, [0, 1, 2, 3], "first")
    assert places == [0, 3, 4, 6, None, None]
    held = program([(0, 2, 3), (0, 9, 1), (0, 2, 2), (0, 9, 1), (3, 9, 2)], 20)
    assert fill(held, range(5), "first")[-1] == 0
    assert fill(held, range(5), "best")[-1] == 4


def test_without_room_a_tensor_goes_above_or_has_no_place() -> None:
    rows = [(0, 2, 3, 1), (0, 2, 2, 1)]
    assert fill(program(rows), [0, 1], "best") == [0, 3]
    assert fill(program(rows, objective="benefit"), [0, 1], "best") == [0, None]


def test_bounds_by_hand() -> None:
    rows = [(0, 2, 3, 6), (1, 3, 2, 1), (1, 2, 1, 5), (2, 3, 5, 9)]
    assert load(program(rows)) == quick_bound(program(rows)) == 7
    assert [[t.id for t in alive] for alive in moments(program(rows))] == [
        ["t0"],
        ["t0", "t1", "t2"],
        ["t1", "t3"],
    ]
    # at moment 1 two of six units are too much: all of t1; t3 has no room at all
    assert quick_bound(program(rows, 4, "benefit")) == 9
    assert quick_bound(program(rows[:3], 4, "benefit")) == 1
    assert quick_bound(program(rows[:3], 3, "benefit")) == 3  # t1, and a third of t0
