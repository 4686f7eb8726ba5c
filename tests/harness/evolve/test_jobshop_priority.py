"""The domain of job-shop rules: what is no order is refused, the driver is the non-delay scheme."""

from typing import Any

import pytest
from hypothesis import given

from graders.exact.jobshop_rules import RULES, NextStep, dispatch, index_shop
from graders.jobshop import violations
from harness.evolve.domain import WrongSolution
from harness.evolve.domains.jobshop_priority import DRIVER, answer, case, chance
from tests.depth import examples
from tests.factories.shops import Downs, Jobs, instance, shop, small

ONE = instance(shop([[(0, 2), (1, 2)], [(1, 3)]]))


def solve(function: Any, given_case: Any) -> Any:
    space: dict[str, Any] = {"number": lambda value: value}
    exec(DRIVER, space)
    return space["solve"](function, given_case)


@pytest.mark.parametrize(
    ("solution", "kind"),
    [
        (None, "wrong type"),
        ({"J0": 1}, "wrong type"),
        ([0, 0, 1.0], "wrong type"),
        ([0, 0, True], "wrong type"),
        ([0, 0, 2], "wrong type"),
        ([0, 0, -1], "wrong type"),
        ([0, 1], "wrong count"),
        ([0, 0, 0, 1], "wrong count"),
        ([], "wrong count"),
    ],
)
def test_what_is_no_order_of_the_operations_is_refused(solution: Any, kind: str) -> None:
    with pytest.raises(WrongSolution) as caught:
        answer(ONE, solution)
    assert caught.value.kind == kind


@pytest.mark.parametrize("name", ["spt", "fifo", "mwkr", "mor"])
@examples(150)
@given(small())
def test_the_driver_builds_what_the_rule_does(name: str, drawn: tuple[Jobs, Downs]) -> None:
    one, rule = instance(shop(drawn[0])), RULES[name]

    def priority(operation: Any, _: Any) -> float:
        fields = (operation[key] for key in ("duration", "ready", "work_left", "operations_left"))
        return rule(NextStep(*fields))

    found = answer(one, solve(priority, case(one)))["starts"]
    indexed = index_shop(one.payload)
    assert found == indexed.by_id(dispatch(indexed, rule) or [])
    assert violations(one.payload, found) == []


def test_a_program_that_changes_its_arguments_has_failed() -> None:
    def priority(operation: Any, state: Any) -> float:
        operation["duration"] = 0
        return float(state["time"])

    assert solve(priority, case(ONE))["failure"] == "arguments"


def test_chance_is_drawn_by_the_number_of_jobs_alone() -> None:
    assert chance(ONE) == chance(ONE) >= 5
