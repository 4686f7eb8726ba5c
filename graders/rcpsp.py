"""Checks start times against every constraint of a project, and grades them.

All intervals are half-open. All violations are listed, not just the first:

| kind | fields |
|---|---|
| `missing`, `unknown` | `task` |
| `not_integer`, `negative` | `task`, `value` |
| `precedence` | `before`, `after`, `amount`: time units too early |
| `resource`, `downtime` | `resource`, `start`, `end`, `amount`: a maximal interval and its peak |
| `window` | `task`, `bound` (`release` or `deadline`), `amount`: time units outside |
| `disjunction` | `first`, `second`, `start`, `end`: the common interval |
| `horizon` | `task`, `amount`: time units past the horizon |

`not_integer` is a fault of format: the answer is unparsable. The others are faults of planning.
"""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from graders.clusters import (
    Strata,
    mean_over,
    rates_over,
    score_of,
    score_over,
    share_over,
)
from graders.exact.rcpsp_bounds import quick_bound
from graders.half_level import half_level
from graders.passes import pass_rates
from graders.rcpsp_periodic import is_periodic, periodic_estimates, periodic_metrics
from graders.rcpsp_violations import broken_share as broken_share
from graders.rcpsp_violations import violations as violations
from graders.rewards import below_closeness, closeness, valid_objective
from graders.spelling import in_both_readings, invalid_verdict
from graders.statistics import (
    Estimate,
    Measure,
    MeasuredRecords,
    Rate,
    by_instance,
    mean_of_rates,
    median_of,
    per_instance,
    rate,
)
from tasks.base import (
    NO_REFERENCE,
    Fields,
    Grade,
    Instance,
    Number,
    Outcome,
    Parsed,
    Record,
    Reference,
    Reward,
    SolverFailure,
    Verdict,
)
from tasks.rcpsp import Project, spelled

FORMAT = ("not_integer",)  # the kinds that make an answer unparsable
UNBOUNDED = "a level without a known lower bound"


def grade(instance: Instance[Project], outcome: Outcome) -> Grade:
    """Grade start times: score 1 if they are feasible, else 0; the gap is the makespan's.

    The metric `broken` is the share of constraints that the answer does not satisfy, in [0, 1]:
    a near-miss measure that an answer cannot improve by leaving tasks out. Those of periodic
    activities have `solvable`, and if feasible `jitter` (see `graders.rcpsp_periodic`).

    Args:
        instance: the project and its reference.
        outcome: one answer; its `starts` maps task ids to start times in whole time units.

    Raises:
        SolverFailure: if a feasible answer refutes the reference.
    """
    return in_both_readings(_grade, instance, spelled(instance.payload, outcome))


def _grade(instance: Instance[Project], outcome: Outcome) -> Grade:
    """Grade start times as they stand."""
    judgement = _by_rules(instance, outcome)
    if not is_periodic(instance.settings):
        return judgement
    starts = _starts(outcome.answers[0]) if judgement.verdict is Verdict.valid else None
    return replace(judgement, metrics=judgement.metrics | periodic_metrics(instance, starts))


def _by_rules(instance: Instance[Project], outcome: Outcome) -> Grade:
    parsed, reference = outcome.answers[0], instance.reference
    starts = _starts(parsed)
    if starts is None:
        return _invalid(Verdict.unparsable, reference, [_unparsable(parsed)], 1.0)
    problems = violations(instance.payload, starts)
    if problems:
        verdict = invalid_verdict(problems, FORMAT)
        is_read = verdict is Verdict.infeasible
        broken = broken_share(instance.payload, problems) if is_read else 1.0
        return _invalid(verdict, reference, problems, broken)
    return _feasible(instance, makespan(instance.payload, starts))


def _unparsable(parsed: Parsed) -> Fields:
    reason = parsed.problem or 'the value of "starts" is not an object'
    return {"kind": "unparsable", "reason": reason}


def _invalid(
    verdict: Verdict, reference: Reference, problems: Sequence[Fields], broken: float
) -> Grade:
    return Grade(
        verdict,
        0.0,
        bound=reference.bound,
        violations=tuple(problems),
        metrics={"broken": broken},
    )


def _starts(parsed: Parsed) -> Fields | None:
    starts = parsed.value.get("starts") if parsed.value is not None else None
    return starts if isinstance(starts, dict) else None


def _feasible(instance: Instance[Project], objective: int) -> Grade:
    reference = instance.reference
    _check_reference(instance, objective)
    optimal = reference.status == "optimal"
    base = reference.objective if optimal else reference.bound
    return Grade(
        Verdict.valid,
        1.0,
        objective=objective,
        bound=reference.bound,
        gap=(objective - base) / base if base else None,
        against=None if not base else "optimum" if optimal else "bound",
        metrics={"broken": 0.0},
    )


def _check_reference(instance: Instance[Project], objective: int) -> None:
    """Raise SolverFailure if a feasible answer of this makespan refutes the reference."""
    reference = instance.reference
    if reference.status == "infeasible":
        raise SolverFailure(f"{instance.id}: said to be infeasible, but an answer is feasible")
    if reference.bound is not None and objective < reference.bound:
        raise SolverFailure(
            f"{instance.id}: an answer's makespan {objective} is below the reference's bound"
            f" {reference.bound}"
        )


def makespan(project: Project, starts: Mapping[str, int]) -> int:
    """Return the end of the last task, in time units.

    Args:
        project: the project.
        starts: a start time for each task, by its id.
    """
    return max(starts[task.id] + task.duration for task in project.tasks)


def quality(grade: Grade) -> float | None:
    """Return the lower bound over the makespan, in (0, 1], and 0 for an answer not feasible.

    It is 1 exactly where the makespan is the bound: a proven optimum. It is None where no bound
    above 0 is known, whatever the answer.
    """
    if not grade.bound or grade.bound < 0:
        return None
    if grade.verdict is not Verdict.valid or grade.objective is None:
        return 0.0
    return grade.bound / grade.objective


def reward(instance: Instance[Project], grade: Grade) -> Reward:
    """Return L / makespan = 1 / (1 + gap) of a feasible answer, 0 of any other.

    L is the optimum, where it is proven; else the greater of the reference's bound and that of the
    critical path and each resource's work, so that nothing is above its reward against the
    optimum, and 1 is a proven one. With L = 0 the reward is 1 / (1 + makespan).

    A near miss is the share of constraints satisfied (see `broken_share`), times
    L / (horizon + 1): a feasible makespan is the horizon at most.

    Args:
        instance: the project and its reference.
        grade: of an answer to it.

    Returns:
        The reward; its components are `feasible`, `satisfied` and `quality`, the value.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    makespan, satisfied = valid_objective(grade), 1 - grade.metrics["broken"]
    least = _least_makespan(instance)
    scale = max(1, least)
    value = closeness(makespan - least, scale) if makespan is not None else 0.0
    return Reward(
        value,
        {"feasible": float(makespan is not None), "satisfied": satisfied, "quality": value},
        value or satisfied * below_closeness(instance.payload.horizon - least, scale),
    )


def _least_makespan(instance: Instance[Project]) -> Number:
    """Return the optimum, or a bound; the horizon of a project that has no feasible schedule."""
    project, reference = instance.payload, instance.reference
    if reference.status == "optimal" and reference.objective is not None:
        return reference.objective
    return min(max(reference.bound or 0, quick_bound(project)), project.horizon)


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Estimate the headline and the metrics of a board row.

    The headline is the grades' score (feasibility, unless the suite names another measure), as the
    unweighted mean over levels. The metrics: `feasible` and `quality`, means over levels too, and
    by level `feasible@L` and `quality@L`; `level_area` (feasibility weighted by level, after
    R-ConstraintBench); `half_level`; `broken` (mean share of constraints not satisfied; 1 if
    unparsable); `gap_median`, `gap_mean` and `gap_proven` (share of gaps against a proven optimum)
    over feasible answers; `share_KIND`: answers with a violation of that kind. With several epochs
    also `pass@K` and `pass^K`, the chance that one of K tries is feasible and that all are, as
    means over levels. Of periodic activities also `jitter` and `solvable`. In all of them instances
    of one seed and index are a cluster, over epochs and levels.

    Args:
        records: the episodes of a row, all of them graded.

    Returns:
        The headline and the metrics by name.
    """
    levels = _by_level(records)
    groups = list(levels.values())
    metrics = (
        _feasibility_metrics(levels)
        | _gap_metrics(records, groups)
        | {f"feasible@{x:g}": _feasibility(group) for x, group in levels.items()}
        | {f"quality@{x:g}": _over_levels([group], quality) for x, group in levels.items()}
        | {f"share_{kind}": _having(groups, kind) for kind in _kinds(records)}
        | periodic_estimates(records, groups)
    )
    return _over_levels(groups, score_of), metrics | pass_rates(groups, _feasible_or_not)


def _feasibility_metrics(levels: Mapping[float, Sequence[Record]]) -> dict[str, Estimate]:
    groups = list(levels.values())
    rates = rates_over(groups, _feasible_or_not)
    return {
        "feasible": mean_of_rates(rates),
        "quality": _over_levels(groups, quality),
        "level_area": _level_area(list(levels), rates),
        "half_level": half_level(list(zip(levels, rates, strict=True))),
    }


def _level_area(levels: Sequence[float], rates: Sequence[Rate]) -> Estimate:
    if not any(level > 0 for level in levels):
        return Estimate.unknown("no level above 0")
    return mean_of_rates(rates, [max(level, 0.0) for level in levels])


def _gap_metrics(records: Sequence[Record], levels: Strata) -> dict[str, Estimate]:
    gaps = {
        "gap_median": median_of(per_instance(records, lambda g: g.gap)),
        "gap_mean": mean_over(levels, lambda g: g.gap),
        "gap_proven": share_over(levels, _proven),
    }
    if _lack_references(records):
        gaps = dict.fromkeys(gaps, Estimate.unknown(NO_REFERENCE))
    return {"broken": mean_over(levels, lambda g: g.metrics["broken"]), **gaps}


def _lack_references(records: Sequence[Record]) -> bool:
    """Return whether there are feasible answers, and none has a bound above 0 to compare with."""
    feasible = [r.grade for r in records if r.grade and r.grade.verdict is Verdict.valid]
    return bool(feasible) and not any(grade.bound or grade.against for grade in feasible)


def _kinds(records: Sequence[Record]) -> list[str]:
    """Return the kinds of violations that occur, sorted."""
    return sorted({str(v["kind"]) for r in records if r.grade for v in r.grade.violations})


def _over_levels(levels: Strata, measure: Measure) -> Estimate:
    """Estimate the mean over levels of a measure in [0, 1].

    Of a measure that is 0 or 1 it is estimated as a mean of shares.
    """
    values = [per_instance(level, measure) for level in levels]
    if not all(values):
        return Estimate.unknown(UNBOUNDED)
    if _is_binary(levels, measure):
        return mean_of_rates(rates_over(levels, measure))
    return score_over(levels, measure, equal=True)


def _is_binary(levels: Strata, measure: Measure) -> bool:
    groups = [by_instance(level, measure) for level in levels]
    return all(v in (0, 1) for group in groups for values in group.values() for v in values)


def strata(records: Sequence[Record]) -> list[list[Record]]:
    """Return the records by level: the headline is the mean of the levels' mean scores."""
    return list(_by_level(records).values())


def _feasible_or_not(grade: Grade) -> float:
    return float(grade.verdict is Verdict.valid)


def _having(levels: Strata, kind: str) -> Estimate:
    return share_over(levels, lambda g: any(v["kind"] == kind for v in g.violations))


def _proven(grade: Grade) -> float | None:
    return None if grade.gap is None else float(grade.against == "optimum")


def _by_level(records: Sequence[Record]) -> dict[float, list[Record]]:
    """Return the records by the dial turned: the number of tasks, or of edges at one size.

    Edges are a dial only where every record has their number: imported projects do not.
    """
    levels: dict[float, list[Record]] = {}
    for record, level in zip(records, _edges(records) or _sizes(records), strict=True):
        levels.setdefault(float(level), MeasuredRecords()).append(record)
    return dict(sorted(levels.items()))


def _edges(records: Sequence[Record]) -> list[int]:
    """Return the number of edges of each record if that is the dial, else nothing."""
    if len(set(_sizes(records))) > 1:
        return []
    edges = [record.settings.get("edges") for record in records]
    numbers = [count for count in edges if type(count) is int]
    return numbers if len(numbers) == len(edges) and len(set(numbers)) > 1 else []


def _sizes(records: Sequence[Record]) -> list[int]:
    return [record.level for record in records]


def _feasibility(records: Sequence[Record]) -> Estimate:
    (level,) = rates_over([records], _feasible_or_not)
    return rate(level.successes, level.n)
