"""Task graphs: the solver is right, rules are those of the papers, plans break under noise."""

from statistics import fmean

import pytest
from hypothesis import given

from generators.dag import generate
from graders.dag_violations import violations
from graders.exact.dag import as_early, lower_bound, reference
from graders.exact.dag_lists import RULES, by_key, index_graph
from tasks.base import Instance
from tasks.dag import KEY, TaskGraph, in_a_row, replay, stated, value
from tests.depth import examples
from tests.factories.graphs import (
    EXAMPLE,
    EXAMPLE_EDGES,
    dispatched,
    graph,
    least_value,
    small,
)

# Optima -------------------------------------------------------------------------------------


@pytest.mark.heavy
@examples(2500)
@given(small())
def test_the_solver_agrees_with_trying_every_order_and_processor(payload: TaskGraph) -> None:
    found = reference(payload)
    assert found.status == "optimal"
    assert found.objective == least_value(payload)
    assert found.answer is not None
    assert violations(payload, found.answer[KEY]) == []
    assert lower_bound(index_graph(payload)) <= (found.objective or 0)


@examples(600)
@given(small(scenarios=2))
def test_a_bound_over_scenarios_is_what_each_allows_and_no_plan_is_below(
    payload: TaskGraph,
) -> None:
    found = reference(payload)
    alone = [graph_of(payload, k) for k in range(2)]
    assert found.bound == sum(least_value(each) for each in alone)
    assert found.objective is not None
    assert found.bound <= least_value(payload) <= found.objective
    assert (found.status == "optimal") == (found.bound == found.objective)
    assert found.answer is not None
    assert violations(payload, found.answer[KEY]) == []
    assert value(payload, found.answer[KEY]) == found.objective


def graph_of(payload: TaskGraph, number: int) -> TaskGraph:
    """The graph whose stated times are those of a scenario."""
    times = [list(payload.scenarios[number][task.id].values()) for task in payload.tasks]
    edges = {(int(e.before[1:]), int(e.after[1:])): e.data for e in payload.edges}
    return graph(times, edges)


JOINS = [  # times, data to the last task, the optimum
    ([[2, 2], [3, 2], [3, 2], [1, 2]], (0, 0, 0), 5),
    ([[3, 2], [3, 3], [3, 3], [1, 2]], (0, 0, 0), 6),
    ([[3, 2], [2, 2], [3, 2], [1, 2]], (1, 1, 0), 5),
    ([[3, 3], [2, 3], [3, 3], [3, 1]], (1, 0, 0), 6),
    ([[2, 3], [2, 3], [3, 2], [2, 1]], (0, 1, 0), 5),  # 6 was proven
]


@pytest.mark.parametrize(("times", "data", "optimum"), JOINS)
def test_what_a_model_with_ends_got_wrong_is_right(
    times: list[list[int]], data: tuple[int, ...], optimum: int
) -> None:
    """CP-SAT took the others for infeasible where the ends of intervals were variables."""
    payload = graph(times, {(task, 3): each for task, each in enumerate(data)})
    found = reference(payload)
    assert (found.status, found.objective) == ("optimal", optimum)
    assert found.objective == least_value(payload)


def test_a_reference_is_the_same_bytes_again_and_honest_when_it_is_cut_off() -> None:
    payload = generate(20, 0, 0, {}, reference=False).payload
    assert reference(payload) == reference(payload)
    cut = reference(payload, deterministic_limit=0.0001)
    assert cut.status == "bounded"
    assert cut.bound is not None
    assert cut.objective is not None
    assert cut.bound < cut.objective
    assert cut.answer is not None
    assert violations(payload, cut.answer[KEY]) == []


def test_times_too_long_for_the_solver_are_bounded() -> None:
    time = 2**60
    found = reference(graph([[time, time]] * 3))
    assert (found.status, found.solver) == ("bounded", "rules")
    assert (found.bound, found.objective) == (3 * time // 2, 2 * time)


# Rules --------------------------------------------------------------------------------------


def test_the_example_of_the_papers_has_its_printed_makespans() -> None:
    """HEFT 80 and CPOP 86 as Topcuoglu and others print them; the optimum is 73."""
    payload = graph(EXAMPLE, EXAMPLE_EDGES)
    indexed = index_graph(payload)
    lengths = {name: indexed.makespan(rule(indexed)) for name, rule in RULES.items()}
    assert lengths == {"serial": 127, "cpop": 86, "peft": 85, "heft": 80}
    found = reference(payload)
    assert (found.status, found.objective) == ("optimal", 73)


@examples(1500)
@given(small(6))
def test_a_rule_is_valid_never_beats_the_optimum_and_never_waits_needlessly(
    payload: TaskGraph,
) -> None:
    indexed = index_graph(payload)
    best = reference(payload).objective or 0
    for rule in RULES.values():
        plan = rule(indexed)
        assert violations(payload, indexed.by_id(plan)) == []
        assert best <= indexed.makespan(plan) <= in_a_row(payload)
        assert as_early(indexed, plan) == plan


@examples(600)
@given(small(5))
def test_a_replay_with_the_stated_times_is_no_longer_and_is_the_plan_moved_up(
    payload: TaskGraph,
) -> None:
    times = {task.id: task.times for task in payload.tasks}
    indexed = index_graph(payload)
    late = [(p, 3 * start + 7) for p, start in by_key(indexed, lambda k: -k)]
    for plan in (late, *(rule(indexed) for rule in RULES.values())):
        moved = as_early(indexed, plan)
        length = replay(payload, indexed.by_id(plan), times)
        assert length == indexed.makespan(moved) <= indexed.makespan(plan)
        assert violations(payload, indexed.by_id(moved)) == []


def test_a_task_goes_into_the_first_gap_that_is_long_enough() -> None:
    """T2 waits for data on the other processor, which leaves a gap for T3."""
    payload = graph([[2, 9], [9, 2], [2, 9], [3, 9]], {(0, 1): 0, (1, 2): 4})
    indexed = index_graph(payload)
    plan = by_key(indexed, lambda task: -task)
    assert [plan[0], plan[2], plan[3]] == [(0, 0), (0, 8), (0, 2)]


# Tables -------------------------------------------------------------------------------------

TABLE = {  # optimum over makespan: 40 instances of the suite's seed 0
    3: {"serial": 0.872, "cpop": 0.942, "peft": 0.961, "heft": 0.937},
    6: {"serial": 0.686, "cpop": 0.919, "peft": 0.920, "heft": 0.940},
    10: {"serial": 0.566, "cpop": 0.893, "peft": 0.924, "heft": 0.901},
    15: {"serial": 0.460, "cpop": 0.853, "peft": 0.865, "heft": 0.867},
}


@pytest.mark.heavy
@pytest.mark.parametrize(
    "level", [n if n < 15 else pytest.param(n, marks=pytest.mark.slow) for n in TABLE]
)
def test_the_table_of_rules_is_what_they_get(level: int) -> None:
    made = [generate(level, 0, index, {}) for index in range(40)]
    assert {one.reference.status for one in made} == {"optimal"}
    means = {name: fmean(_ratio(one, name) for one in made) for name in RULES}
    assert {name: round(mean, 3) for name, mean in means.items()} == TABLE[level]


def _ratio(one: Instance[TaskGraph], name: str) -> float:
    indexed = index_graph(one.payload)
    return (one.reference.objective or 0) / indexed.makespan(RULES[name](indexed))


def brittleness(noise: float, graphs: int) -> dict[str, float]:
    """What HEFT's plan, no plan and the best plan by the stated times are worth: bound over sum."""
    got: dict[str, list[float]] = {"heft": [], "none": [], "stated": []}
    for index in range(graphs):
        one = generate(15, 0, index, {"noise": noise})
        payload, indexed = one.payload, index_graph(one.payload)
        best = reference(stated(payload)).answer or {}
        actual = [indexed.turned_out(times) for times in payload.scenarios]
        sums = {
            "heft": value(payload, indexed.by_id(RULES["heft"](indexed))),
            "none": sum(dispatched(indexed, each) for each in actual),
            "stated": value(payload, best[KEY]),
        }
        for name, each in sums.items():
            got[name].append((one.reference.bound or 0) / each)
    return {name: fmean(values) for name, values in got.items()}


BRITTLE = {  # by noise
    0.1: {"heft": 0.847, "none": 0.849, "stated": 0.977},
    0.2: {"heft": 0.815, "none": 0.832, "stated": 0.935},
    0.4: {"heft": 0.720, "none": 0.765, "stated": 0.819},
    0.8: {"heft": 0.520, "none": 0.597, "stated": 0.586},
}


@pytest.mark.parametrize("noise", [pytest.param(n, marks=pytest.mark.slow) for n in BRITTLE])
def test_under_noise_heft_is_worth_less_than_no_plan_and_the_best_plan_at_last_too(
    noise: float,
) -> None:
    found = {name: round(mean, 3) for name, mean in brittleness(noise, 20).items()}
    assert found == BRITTLE[noise]
    assert found["heft"] < found["none"]
    assert (found["stated"] < found["none"]) == (noise == 0.8)


@pytest.mark.heavy
def test_without_noise_heft_is_worth_more_than_no_plan() -> None:
    rows = []
    for index in range(20):
        one = generate(15, 0, index, {})
        indexed, best = index_graph(one.payload), one.reference.objective or 0
        rows.append((_ratio(one, "heft"), best / dispatched(indexed, indexed)))
    assert [round(fmean(column), 3) for column in zip(*rows, strict=True)] == [0.862, 0.848]
