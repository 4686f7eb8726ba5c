"""Runs an answer in the simulator, and measures it between random orders and the bound.

| kind | fields |
|---|---|
| `not_a_list` | `value`: what stands where the order or log should be |
| `missing`, `duplicate` | `job`: of an order |
| `unknown` | `value`: an entry of an order that is no id |
| `not_a_log` | `value`: an entry of a log that is no [number of the ask, plan], or out of order |
| `refused` | `rule`, `detail`: a plan of a log that the simulator refuses |

`not_a_list`, `not_a_log`, and an entry of an order that is no text are faults of format: the answer
is unparsable. The others are faults of planning. The rules of `refused`: `plan`, `admit`, `memory`,
`evict`, `swap`, `prefill`, `layers`, `idle`, `starved`, `asks`, `time`.
"""

from collections.abc import Sequence

from graders.clusters import mean_over, metric_of, score_of, score_over, strata
from graders.exact.limits import MOST
from graders.exact.orders import ranks_of
from graders.exact.serving import case_of, least_cost, order_plan, random_cost
from graders.exact.serving_kernel import runs_of
from graders.exact.serving_measure import Plan, RunMeasures, figures, measures, simulate
from graders.exact.serving_server import RefusedPlan
from graders.exact.serving_simulator import replayed
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
from tasks.serving import KEY, is_log, spelled
from tasks.serving_payload import Service

SHOWN = ("goodput", "ttft_p50", "ttft_p95", "gap_p95", "evictions", "recomputed")


def grade(instance: Instance[Service], outcome: Outcome) -> Grade:
    """Grade an order or a log by skill: (R - C) / (R - 1), not clipped.

    C is the mean cost of a job, R that in random orders, 1 the bound. The metrics are `job_cost` C,
    `random` R and those of `graders.exact.serving_measure.figures`. An invalid answer scores 0.

    Args:
        instance: the workload; its reference is only checked, as the bound holds by definition.
        outcome: one answer, an order of job ids or a log of decisions.

    Raises:
        SolverFailure: if a valid answer refutes the reference.
    """
    return in_both_readings(_grade, instance, spelled(instance.payload, outcome))


def _grade(instance: Instance[Service], outcome: Outcome) -> Grade:
    """Grade an answer as it stands."""
    parsed, service = outcome.answers[0], instance.payload
    if parsed.value is None or KEY not in parsed.value:
        reason = parsed.problem or f'no "{KEY}" in the answer'
        return _invalid(Verdict.unparsable, instance, [{"kind": "unparsable", "reason": reason}])
    schedule = parsed.value[KEY]
    problems = violations(service, schedule)
    if problems:
        return _invalid(_verdict(schedule, problems), instance, problems)
    try:
        run = _measures(service, schedule)
    except RefusedPlan as error:
        refused: Fields = {"kind": "refused", "rule": error.kind, "detail": str(error)}
        return _invalid(Verdict.infeasible, instance, [refused])
    return _valid(instance, run)


def _measures(service: Service, schedule: Sequence[object]) -> RunMeasures:
    """Return the measures of an order or a log without violations; RefusedPlan of a bad log."""
    if is_log(schedule):
        return measures(simulate(case_of(service), plan_of(service, schedule)))
    numbers = {job.id: number for number, job in enumerate(service.jobs)}
    ranks = ranks_of([numbers[str(name)] for name in schedule])
    return runs_of(case_of(service)).measures(ranks)


def plan_of(service: Service, schedule: Sequence[object]) -> Plan:
    """Return an order or a log without violations as a policy."""
    if is_log(schedule):
        return replayed(schedule)  # type: ignore[arg-type]
    return order_plan(service, [str(name) for name in schedule])


def _verdict(schedule: object, problems: Sequence[Fields]) -> Verdict:
    is_format = any(problem["kind"] in ("not_a_list", "not_a_log") for problem in problems)
    is_text = isinstance(schedule, list) and all(isinstance(entry, str) for entry in schedule)
    return Verdict.unparsable if is_format or not is_text else Verdict.infeasible


def _invalid(verdict: Verdict, instance: Instance[Service], problems: list[Fields]) -> Grade:
    return Grade(
        verdict,
        0.0,
        bound=least_cost(instance.payload),
        violations=tuple(problems),
        metrics={"random": _mean(instance.payload, random_cost(instance.payload))},
    )


def _mean(service: Service, cost: float) -> float:
    return cost / 1000 / len(service.jobs)


def _valid(instance: Instance[Service], run: RunMeasures) -> Grade:
    service, reference = instance.payload, instance.reference
    objective, bound, chance = sum(run.costs), least_cost(service), random_cost(service)
    if reference.bound is not None and objective < reference.bound:
        raise SolverFailure(
            f"{instance.id}: an answer's cost {objective} is below the reference's bound"
            f" {reference.bound}"
        )
    metrics = {"job_cost": _mean(service, objective), "random": _mean(service, chance)}
    return Grade(
        Verdict.valid,
        skill(objective, bound, chance),
        objective=objective,
        bound=bound,
        gap=(objective - bound) / bound,
        against="optimum" if reference.status == "optimal" else "bound",
        metrics=metrics | figures(run),
    )


def violations(service: Service, schedule: object) -> list[Fields]:
    """Return all that keeps an answer from being an order of all jobs, or a log.

    Args:
        service: the workload.
        schedule: what the answer gives, whatever it is.
    """
    if not isinstance(schedule, list):
        return [{"kind": "not_a_list", "value": short(schedule)}]
    if is_log(schedule):
        return _log_violations(schedule)
    return order_violations([job.id for job in service.jobs], schedule)


def _log_violations(log: Sequence[object]) -> list[Fields]:
    """Return the first entry of a log that has not its form, if there is one."""
    last = -1
    for entry in log:
        is_pair = isinstance(entry, list) and len(entry) == 2 and type(entry[0]) is int
        if not (is_pair and isinstance(entry, list) and last < entry[0]):
            return [{"kind": "not_a_log", "value": short(entry)}]
        last = entry[0]
    return []


def reward(instance: Instance[Service], grade: Grade) -> Reward:
    """Return S / (S + C - n) of a valid answer, 0 of any other: a random order has about 1/2.

    C is the sum of costs, n the number of jobs and the bound, S the distance of random orders to
    it. A near miss is the share of entries of an order that are right, times what is below any
    valid answer; of a log it is 0.

    Args:
        instance: the workload.
        grade: of an answer to it.

    Returns:
        The reward; its components are `feasible`, `placed` (the share of right entries) and
        `quality`, the value.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    service, objective = instance.payload, valid_objective(grade)
    bound = least_cost(service)
    scale = max(1.0, random_cost(service) - bound)
    value = closeness(objective - bound, scale) if objective is not None else 0.0
    placed = _placed_share(service, grade)
    return Reward(
        value,
        {"feasible": float(objective is not None), "placed": placed, "quality": value},
        value or placed * below_closeness(MOST * len(service.jobs) - bound, scale),
    )


def _placed_share(service: Service, grade: Grade) -> float:
    """Return the share of entries that need no change to make an order of the answer."""
    is_refused = any(violation["kind"] == "refused" for violation in grade.violations)
    if grade.verdict is Verdict.unparsable or is_refused:
        return 0.0
    return placed_share(len(service.jobs), grade.violations)


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Estimate the headline, skill, and the metrics of a board row: means over the levels.

    Invalid answers count as random orders. The metrics, of valid answers: `job_cost`, the mean
    cost of a job; `goodput`, the share of jobs within their limits; `ttft_p50`, `ttft_p95` and
    `gap_p95` in seconds; `evictions`, `recomputed`; and `skill@L` by level. An instance counts by
    the mean of its epochs.

    Args:
        records: the episodes of a row, all of them graded.

    Returns:
        The headline and the metrics by name.
    """
    levels = strata(records)
    metrics = {
        "job_cost": mean_over(levels, metric_of("job_cost")),
        "goodput": score_over(levels, metric_of("goodput")),
        **{name: mean_over(levels, metric_of(name)) for name in SHOWN[1:]},
        **{f"skill@{group[0].level}": mean_over([group], score_of) for group in levels},
    }
    return mean_over(levels, score_of, equal=True), metrics
