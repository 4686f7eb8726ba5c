"""Checks hosts of tasks against the room there is, and measures for how long hosts are in use.

| kind | fields |
|---|---|
| `missing`, `unknown` | `task` |
| `not_integer` | `task`, `value` |
| `host` | `task`, `value`: a number that is not from 1 to the number of tasks |
| `room` | `task`, `host`, `resource`, `start` (when it comes), `amount` (its host is over by) |

`not_integer` is a fault of format: the answer is unparsable. The others are faults of planning.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graders.clusters import mean_over, metric_of, score_of, share_over, strata
from graders.exact.placement import least_cost, random_cost
from graders.rewards import below_closeness, closeness, valid_objective
from graders.spelling import in_both_readings, invalid_verdict
from graders.statistics import Estimate, skill
from tasks.base import (
    Fields,
    Grade,
    Instance,
    Number,
    Outcome,
    Record,
    Reward,
    SolverFailure,
    Verdict,
    short,
)
from tasks.placement import KEY, Fleet, PlacedTask, host_seconds, spelled

FORMAT = ("not_integer",)  # the kinds that make an answer unparsable


def grade(instance: Instance[Fleet], outcome: Outcome) -> Grade:
    """Grade hosts of tasks by skill: (R - C) / (R - L), not clipped.

    C are the host-seconds of the answer, R those of random fits, L the optimum, or the bound where
    it is not proven (`against` says which). The metrics are `over_bound`, C over L; `most_hosts`,
    in use at once; and `random`, R over L. An invalid answer scores 0.

    Args:
        instance: the fleet and its reference.
        outcome: one answer; its `hosts` maps ids of tasks to numbers of hosts.

    Raises:
        SolverFailure: if a valid answer refutes the reference.
    """
    return in_both_readings(_grade, instance, spelled(instance.payload, outcome))


def _grade(instance: Instance[Fleet], outcome: Outcome) -> Grade:
    """Grade hosts as they stand."""
    parsed, fleet = outcome.answers[0], instance.payload
    hosts = (parsed.value or {}).get(KEY)
    if not isinstance(hosts, dict):
        reason = parsed.problem or f'the value of "{KEY}" is not an object'
        problem: Fields = {"kind": "unparsable", "reason": reason}
        return _invalid(instance, Verdict.unparsable, [problem])
    problems = violations(fleet, hosts)
    if problems:
        return _invalid(instance, invalid_verdict(problems, FORMAT), problems)
    return _valid(instance, hosts)


def _invalid(instance: Instance[Fleet], verdict: Verdict, problems: list[Fields]) -> Grade:
    return Grade(
        verdict,
        0.0,
        bound=instance.reference.bound,
        violations=tuple(problems),
        metrics={"random": random_cost(instance.payload) / least_of(instance)},
    )


def _valid(instance: Instance[Fleet], hosts: Mapping[str, int]) -> Grade:
    fleet, reference = instance.payload, instance.reference
    objective, least = host_seconds(fleet, hosts), least_of(instance)
    if reference.bound is not None and objective < reference.bound:
        raise SolverFailure(
            f"{instance.id}: an answer's host-seconds {objective} are below the reference's bound"
            f" {reference.bound}"
        )
    chance = random_cost(fleet)
    return Grade(
        Verdict.valid,
        skill(objective, least, chance),
        objective=objective,
        bound=reference.bound,
        gap=(objective - least) / least,
        against="optimum" if reference.status == "optimal" else "bound",
        metrics={
            "over_bound": objective / least,
            "most_hosts": float(_most_hosts(fleet, hosts)),
            "random": chance / least,
        },
    )


def least_of(instance: Instance[Fleet]) -> Number:
    """Return the optimum where it is proven, else the best bound that takes no search."""
    reference = instance.reference
    if reference.status == "optimal" and reference.objective is not None:
        return reference.objective
    return least_cost(instance.payload)


def _most_hosts(fleet: Fleet, hosts: Mapping[str, int]) -> int:
    """Return how many hosts are in use at once at the most: when some task comes."""
    return max(
        len({hosts[other.id] for other in fleet.tasks if other.at <= task.at < other.end})
        for task in fleet.tasks
    )


# Rules ---------------------------------------------------------------------------------------


def violations(fleet: Fleet, hosts: Mapping[str, Any]) -> list[Fields]:
    """Return all that keeps an answer from giving each task a host with room.

    Args:
        fleet: with its tasks.
        hosts: what the answer gives, by task, whatever it is.
    """
    tasks = {task.id: task for task in fleet.tasks}
    problems: list[Fields] = [
        {"kind": "missing", "task": name} for name in tasks if name not in hosts
    ]
    problems += [{"kind": "unknown", "task": short(name)} for name in hosts if name not in tasks]
    rows: dict[int, list[PlacedTask]] = {}
    for name, task in tasks.items():
        number = hosts.get(name)
        if name in hosts and type(number) is not int:
            problems.append({"kind": "not_integer", "task": name, "value": short(number)})
        elif type(number) is int and not 1 <= number <= len(tasks):
            problems.append({"kind": "host", "task": name, "value": short(number)})
        elif type(number) is int:
            rows.setdefault(number, []).append(task)
    for number, row in sorted(rows.items()):
        problems += _without_room(fleet, number, row)
    return problems


def _without_room(fleet: Fleet, number: int, row: Sequence[PlacedTask]) -> Iterator[Fields]:
    """Yield where a host is over what it has when a task comes to it."""
    for k, task in enumerate(row):
        there = [other for other in row[: k + 1] if other.end > task.at]
        for resource in ("cpu", "memory"):
            amount = sum(getattr(other, resource) for other in there) - getattr(fleet, resource)
            if amount > 0:
                yield {
                    "kind": "room",
                    "task": task.id,
                    "host": number,
                    "resource": resource,
                    "start": task.at,
                    "amount": amount,
                }


def reward(instance: Instance[Fleet], grade: Grade) -> Reward:
    """Return L over the host-seconds of a valid answer, 0 of any other.

    L is the proven optimum, else the best bound that takes no search. A near miss is the share of
    tasks that are placed right, times what is below any valid answer: below that of every task on a
    host of its own.

    Args:
        instance: the fleet and its reference.
        grade: of an answer to it.

    Returns:
        The reward; its components are `feasible`, `placed` (the share of tasks on a host with room)
        and `quality`, the value.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    fleet, objective = instance.payload, valid_objective(grade)
    bound = least_of(instance)
    value = closeness(objective - bound, bound) if objective is not None else 0.0
    placed = 0.0 if grade.verdict is Verdict.unparsable else _placed(fleet, grade)
    most = sum(task.time for task in fleet.tasks)
    return Reward(
        value,
        {"feasible": float(objective is not None), "placed": placed, "quality": value},
        value or placed * below_closeness(most - bound, bound),
    )


def _placed(fleet: Fleet, grade: Grade) -> float:
    """Return the share of tasks of which no violation tells; an unknown one counts as one more."""
    wrong = {str(violation["task"]) for violation in grade.violations}
    return max(0.0, 1 - len(wrong) / len(fleet.tasks))


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Estimate the headline, skill, and the metrics of a board row: means over the levels.

    Invalid answers count as random fits. The metrics: `feasible`, the share of answers that keep
    every rule; of those `over_bound`, host-seconds over the optimum or bound, and `most_hosts`; and
    `skill@L` by level. An instance counts by the mean of its epochs.

    Args:
        records: the episodes of a row, all of them graded.

    Returns:
        The headline and the metrics by name.
    """
    levels = strata(records)
    metrics = {
        "feasible": share_over(levels, _feasible),
        "over_bound": mean_over(levels, metric_of("over_bound")),
        "most_hosts": mean_over(levels, metric_of("most_hosts")),
        **{f"skill@{group[0].level}": mean_over([group], score_of) for group in levels},
    }
    return mean_over(levels, score_of, equal=True), metrics


def _feasible(grade: Grade) -> float:
    return float(grade.verdict is Verdict.valid)
