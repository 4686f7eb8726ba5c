"""Checks plans of task graphs, and grades them.

All intervals are half-open. All violations are listed, not just the first:

| kind | fields |
|---|---|
| `missing`, `unknown` | `task` |
| `not_an_object` | `task`, `value` |
| `processor` | `task`, `value`, which is no processor |
| `not_integer`, `negative` | `task`, `value` of the start |
| `precedence` | `before`, `after`, `amount`: time units before the end and the data are there |
| `processor_busy` | `processor`, `first`, `second`, `start`, `end`: two tasks, when both run |

`not_an_object` and `not_integer` are faults of format: the answer is unparsable. The others are
faults of planning.
"""

from graders.dag_violations import broken_share as broken_share
from graders.dag_violations import violations as violations
from graders.exact.dag import lower_bound
from graders.exact.dag_lists import index_graph
from graders.makespans import invalid_grade, least_of, reward_of, valid_grade
from graders.makespans import strata as strata
from graders.makespans import summarise as summarise
from graders.spelling import in_both_readings, invalid_verdict
from tasks.base import Fields, Grade, Instance, Number, Outcome, Reward, Verdict
from tasks.dag import KEY, TaskGraph, in_a_row, spelled, value

FORMAT = ("not_an_object", "not_integer")  # the kinds that make an answer unparsable


def grade(instance: Instance[TaskGraph], outcome: Outcome) -> Grade:
    """Grade a plan by L / makespan if it keeps every rule, else 0.

    L is the optimum, or the lower bound where it is not proven (`against` says which), so that 1 is
    a proven optimum. With scenarios the makespan is the sum over them of what comes of the plan,
    and L that of what each allows. Without a reference L is a quick bound: good enough for a
    reward, but no score to report, and `Family.score` refuses it. The metric `broken` is the share
    of constraints that the answer does not satisfy, in [0, 1].

    Args:
        instance: the graph and its reference.
        outcome: one answer; its `schedule` maps task ids to a processor and a start time.

    Raises:
        SolverFailure: if a valid answer refutes the reference.
    """
    return in_both_readings(_grade, instance, spelled(instance.payload, outcome))


def _grade(instance: Instance[TaskGraph], outcome: Outcome) -> Grade:
    """Grade a plan as it stands."""
    parsed, graph = outcome.answers[0], instance.payload
    schedule = (parsed.value or {}).get(KEY)
    if not isinstance(schedule, dict):
        reason = parsed.problem or f'the value of "{KEY}" is not an object'
        problem: Fields = {"kind": "unparsable", "reason": reason}
        return invalid_grade(instance, Verdict.unparsable, [problem], broken_share)
    problems = violations(graph, schedule)
    if problems:
        verdict = invalid_verdict(problems, FORMAT)
        return invalid_grade(instance, verdict, problems, broken_share)
    return valid_grade(instance, value(graph, schedule), _least_value(instance), "makespan")


def _least_value(instance: Instance[TaskGraph]) -> Number:
    return least_of(instance, lambda: _quick_bound(instance.payload))


def _quick_bound(graph: TaskGraph) -> int:
    indexed = index_graph(graph)
    if not graph.scenarios:
        return lower_bound(indexed)
    return sum(lower_bound(indexed.turned_out(times)) for times in graph.scenarios)


def reward(instance: Instance[TaskGraph], grade: Grade) -> Reward:
    """Return L / makespan of a valid answer, 0 of any other (see `reward_of`).

    L is the proven optimum, else the best bound that takes no search. So nothing is above its
    reward against the optimum, and 1 is a proven one. W is all times on their slowest processors
    and all data in a row.

    Args:
        instance: the graph and its reference.
        grade: of an answer to it.

    Returns:
        The reward; its components are `feasible`, `satisfied` and `quality`, the value.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    return reward_of(grade, _least_value(instance), in_a_row(instance.payload))
