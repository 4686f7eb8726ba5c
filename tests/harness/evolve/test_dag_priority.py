"""The domain of list rules for graphs: what is no order is refused, the driver is the scheme."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.dag import violations
from graders.exact.dag_lists import by_key, downward, index_graph, upward
from harness.evolve.domain import WrongSolution
from harness.evolve.domains.dag_priority import DRIVER, answer, case, chance
from tasks.dag import TaskGraph
from tests.depth import examples
from tests.factories.graphs import graph, instance, small

ONE = instance(graph([[2, 3], [3, 2], [1, 1]], {(0, 2): 4}))


def solve(function: Any, given_case: Any) -> Any:
    space: dict[str, Any] = {"number": lambda value: value}
    exec(DRIVER, space)
    return space["solve"](function, given_case)


@pytest.mark.parametrize(
    ("solution", "kind"),
    [
        (None, "wrong type"),
        ({"T0": 1}, "wrong type"),
        ([0, 1, 2.0], "wrong type"),
        ([0, True, 2], "wrong type"),
        ([0, 1, 3], "wrong type"),
        ([0, 1, -1], "wrong type"),
        ([0, 1], "wrong count"),
        ([0, 1, 1], "wrong count"),
        ([0, 1, 2, 2], "wrong count"),
        ([2, 0, 1], "wrong order"),
    ],
)
def test_what_is_no_order_of_the_tasks_is_refused(solution: Any, kind: str) -> None:
    with pytest.raises(WrongSolution) as caught:
        answer(ONE, solution)
    assert caught.value.kind == kind


@examples(400)
@given(small(6), st.sampled_from([1, -1]))
def test_the_driver_builds_what_the_scheme_does(payload: TaskGraph, sign: int) -> None:
    one, indexed = instance(payload), index_graph(payload)
    up, down = upward(indexed), downward(indexed)

    def priority(task: Any, _: Any) -> float:
        return float(sign * task["upward_rank"] + task["downward_rank"])

    found = answer(one, solve(priority, case(one)))["schedule"]
    plan = by_key(indexed, lambda task: -(sign * up[task] + down[task]))
    assert found == indexed.by_id(plan)
    assert violations(payload, found) == []


@pytest.mark.parametrize("field", ["mean_time", "times"])
def test_a_program_that_changes_its_arguments_has_failed(field: str) -> None:
    def priority(task: Any, about: Any) -> float:
        if field == "times":
            task["times"].append(1)
        else:
            task[field] = 0
        return float(about["placed"])

    assert solve(priority, case(ONE))["failure"] == "arguments"


def test_chance_is_drawn_by_the_number_of_tasks_alone() -> None:
    assert chance(ONE) == chance(ONE) == 3
