"""Runs an answer on the cluster, and measures it between random orders and the bound.

| kind | fields |
|---|---|
| `not_a_list` | `value`: what stands where the order or log should be |
| `missing`, `duplicate` | `job`: of an order |
| `unknown` | `value`: an entry of an order that is no id |
| `refused` | `rule`, `detail`: a pick of a log that the simulator refuses |

`not_a_list`, and an entry of an order that is no text, are faults of format: the answer is
unparsable. The others are faults of planning. The rules of `refused`: `unknown`, `ready`, `short`,
`long`.
"""

from collections.abc import Sequence

from graders.clusters import mean_over, metric_of, score_of, score_over, strata
from graders.exact.fair_queue import case_of, least_cost, order_plan, random_cost
from graders.exact.fair_queue_kernel import cluster_runs
from graders.exact.fair_queue_measure import figures, flow_times, limits_of, simulate, time_costs
from graders.exact.fair_queue_simulator import ClusterRun, Pick, RefusedPick, replayed
from graders.exact.limits import MOST
from graders.exact.orders import ranks_of
from graders.orders import order_violations, placed_share
from graders.rewards import below_closeness, closeness, valid_objective
from graders.spelling import in_both_readings
from graders.statistics import Estimate, skill
from tasks.base import (
    Fields,
    Grade,
    Instance,
    Outcome,
    Record,
    Reward,
    SolverFailure,
    Verdict,
    short,
)
from tasks.fair_queue import KEY, SharedCluster, is_log, spelled

FIGURES = ("seconds", "seconds_small", "worst_user")


def grade(instance: Instance[SharedCluster], outcome: Outcome) -> Grade:
    """Grade an order or a log by skill: (R - C) / (R - 1), not clipped.

    C is the mean cost of a job, R that in random orders, 1 the bound. The metrics are `job_cost` C,
    `random` R and those of `graders.exact.fair_queue_measure.figures`. An invalid answer scores 0.

    Args:
        instance: the cluster; its reference is only checked, as the bound holds by definition.
        outcome: one answer, an order of job ids or a log of picks.

    Raises:
        SolverFailure: if a valid answer refutes the reference.
    """
    return in_both_readings(_grade, instance, spelled(instance.payload, outcome))


def _grade(instance: Instance[SharedCluster], outcome: Outcome) -> Grade:
    """Grade an answer as it stands."""
    parsed, cluster = outcome.answers[0], instance.payload
    if parsed.value is None or KEY not in parsed.value:
        reason = parsed.problem or f'no "{KEY}" in the answer'
        return _invalid(Verdict.unparsable, instance, [{"kind": "unparsable", "reason": reason}])
    schedule = parsed.value[KEY]
    problems = violations(cluster, schedule)
    if problems:
        return _invalid(_verdict(schedule), instance, problems)
    try:
        times = _times(cluster, schedule)
    except RefusedPick as error:
        refused: Fields = {"kind": "refused", "rule": error.kind, "detail": str(error)}
        return _invalid(Verdict.infeasible, instance, [refused])
    return _valid(instance, times)


def _times(cluster: SharedCluster, schedule: Sequence[object]) -> list[int]:
    """Return the ms that each job takes by an order or a log; RefusedPick of a bad log."""
    if is_log(schedule):
        return flow_times(played(cluster, schedule))
    numbers = {job.id: number for number, job in enumerate(cluster.jobs)}
    ranks = ranks_of([numbers[str(name)] for name in schedule])
    return cluster_runs(cluster).times(ranks)


def played(cluster: SharedCluster, schedule: Sequence[object]) -> ClusterRun:
    """Return the run of an order or a log without violations.

    Raises:
        RefusedPick: a pick of a log breaks a rule, or there are more of them than tasks.
    """
    run = simulate(case_of(cluster), plan_of(cluster, schedule))
    if is_log(schedule) and len(run.log) < len(schedule):
        raise RefusedPick("long", f"the log has {len(schedule)} picks, there are {len(run.log)}")
    return run


def plan_of(cluster: SharedCluster, schedule: Sequence[object]) -> Pick:
    """Return an order or a log without violations as a policy."""
    if is_log(schedule):
        return replayed(schedule)  # type: ignore[arg-type]
    return order_plan(cluster, [str(name) for name in schedule])


def _verdict(schedule: object) -> Verdict:
    is_text = isinstance(schedule, list) and all(isinstance(entry, str) for entry in schedule)
    return Verdict.infeasible if is_text else Verdict.unparsable


def _invalid(verdict: Verdict, instance: Instance[SharedCluster], problems: list[Fields]) -> Grade:
    return Grade(
        verdict,
        0.0,
        bound=least_cost(instance.payload),
        violations=tuple(problems),
        metrics={"random": _mean(instance.payload, random_cost(instance.payload))},
    )


def _mean(cluster: SharedCluster, cost: float) -> float:
    return cost / 1000 / len(cluster.jobs)


def _valid(instance: Instance[SharedCluster], times: Sequence[int]) -> Grade:
    cluster, reference = instance.payload, instance.reference
    costs = time_costs(limits_of(cluster), times)
    objective, bound, chance = sum(costs), least_cost(cluster), random_cost(cluster)
    if reference.bound is not None and objective < reference.bound:
        raise SolverFailure(
            f"{instance.id}: an answer's cost {objective} is below the reference's bound"
            f" {reference.bound}"
        )
    metrics = {"job_cost": _mean(cluster, objective), "random": _mean(cluster, chance)}
    return Grade(
        Verdict.valid,
        skill(objective, bound, chance),
        objective=objective,
        bound=bound,
        gap=(objective - bound) / bound,
        against="optimum" if reference.status == "optimal" else "bound",
        metrics=metrics | figures(cluster, costs, times),
    )


def violations(cluster: SharedCluster, schedule: object) -> list[Fields]:
    """Return all that keeps an answer from being an order of all jobs, or a log.

    Args:
        cluster: with its jobs.
        schedule: what the answer gives, whatever it is.
    """
    if not isinstance(schedule, list):
        return [{"kind": "not_a_list", "value": short(schedule)}]
    if is_log(schedule):
        return []
    return order_violations([job.id for job in cluster.jobs], schedule)


def reward(instance: Instance[SharedCluster], grade: Grade) -> Reward:
    """Return S / (S + C - n) of a valid answer, 0 of any other: a random order has about 1/2.

    C is the sum of costs, n the number of jobs and the bound, S the distance of random orders to
    it. A near miss is the share of entries of an order that are right, times what is below any
    valid answer; of a log it is 0.

    Args:
        instance: the cluster.
        grade: of an answer to it.

    Returns:
        The reward; its components are `feasible`, `placed` (the share of right entries) and
        `quality`, the value.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    cluster, objective = instance.payload, valid_objective(grade)
    bound, count = least_cost(cluster), len(cluster.jobs)
    scale = max(1.0, random_cost(cluster) - bound)
    value = closeness(objective - bound, scale) if objective is not None else 0.0
    is_order = grade.verdict is not Verdict.unparsable
    is_order &= all(violation["kind"] != "refused" for violation in grade.violations)
    placed = placed_share(count, grade.violations) if is_order else 0.0
    return Reward(
        value,
        {"feasible": float(objective is not None), "placed": placed, "quality": value},
        value or placed * below_closeness(MOST * count - bound, scale),
    )


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Estimate the headline, skill, and the metrics of a board row: means over the levels.

    Invalid answers count as random orders. The metrics, of valid answers: `job_cost`, the mean
    cost of a job; `goodput`, the share of jobs within their limits; `seconds` and `seconds_small`,
    mean times of jobs and of the smaller half; `worst_user`, the largest mean cost of a user's
    jobs; and `skill@L` by level. An instance counts by the mean of its epochs.

    Args:
        records: the episodes of a row, all of them graded.

    Returns:
        The headline and the metrics by name.
    """
    levels = strata(records)
    metrics = {
        "job_cost": mean_over(levels, metric_of("job_cost")),
        "goodput": score_over(levels, metric_of("goodput")),
        **{name: mean_over(levels, metric_of(name)) for name in FIGURES},
        **{f"skill@{group[0].level}": mean_over([group], score_of) for group in levels},
    }
    return mean_over(levels, score_of, equal=True), metrics
