"""Checks start times against every rule of a job shop, and grades them.

All intervals are half-open. All violations are listed, not just the first; operations are counted
from 1:

| kind | fields |
|---|---|
| `missing`, `unknown` | `job` |
| `not_a_list` | `job`, `value` |
| `length` | `job`, `amount` (of starts given), `operations` (that the job has) |
| `not_integer`, `negative` | `job`, `operation`, `value` |
| `precedence` | `job`, `operation`, `amount`: time units before the end of the one before |
| `machine` | `machine`, `first`, `second`, `start`, `end`: two jobs, and when both have it |
| `shutdown` | `machine`, `job`, `operation`, `start`, `end`: the common interval |
| `swap` | `time`, `jobs`: a ring of jobs that exchange machines; where nothing else is wrong |

`not_a_list` and `not_integer` are faults of format: the answer is unparsable. The others are faults
of planning.
"""

from collections.abc import Sequence
from functools import lru_cache

from graders.clusters import Strata, group_by, mean_over, score_over, share_over
from graders.exact.jobshop import lower_bound
from graders.exact.jobshop_rules import index_shop
from graders.jobshop_violations import broken_share as broken_share
from graders.jobshop_violations import violations as violations
from graders.rewards import closeness, valid_objective
from graders.spelling import in_both_readings, invalid_verdict
from graders.statistics import Estimate, median_of, per_instance
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
)
from tasks.jobshop import KEY, Shop, in_a_row, makespan, spelled

FORMAT = ("not_a_list", "not_integer")  # the kinds that make an answer unparsable


def grade(instance: Instance[Shop], outcome: Outcome) -> Grade:
    """Grade start times by L / makespan if they keep every rule, else 0.

    L is the optimum, or the lower bound where it is not proven (`against` says which), so that 1 is
    a proven optimum. Without a reference L is a quick bound: good enough for a reward, but no score
    to report, and `Family.score` refuses it. The metric `broken` is the share of constraints that
    the answer does not satisfy, in [0, 1].

    Args:
        instance: the shop and its reference.
        outcome: one answer; its `starts` maps job ids to lists of start times in whole time units.

    Raises:
        SolverFailure: if a valid answer refutes the reference.
    """
    return in_both_readings(_grade, instance, spelled(instance.payload, outcome))


def _grade(instance: Instance[Shop], outcome: Outcome) -> Grade:
    """Grade start times as they stand."""
    parsed, shop = outcome.answers[0], instance.payload
    starts = (parsed.value or {}).get(KEY)
    if not isinstance(starts, dict):
        reason = parsed.problem or f'the value of "{KEY}" is not an object'
        problem: Fields = {"kind": "unparsable", "reason": reason}
        return _invalid(instance, Verdict.unparsable, [problem])
    problems = violations(shop, starts)
    if problems:
        return _invalid(instance, invalid_verdict(problems, FORMAT), problems)
    return _valid(instance, makespan(shop, starts))


def _invalid(instance: Instance[Shop], verdict: Verdict, problems: list[Fields]) -> Grade:
    is_read = verdict is Verdict.infeasible
    return Grade(
        verdict,
        0.0,
        bound=instance.reference.bound,
        violations=tuple(problems),
        metrics={"broken": broken_share(instance.payload, problems) if is_read else 1.0},
    )


def _valid(instance: Instance[Shop], objective: int) -> Grade:
    reference, least = instance.reference, _least_makespan(instance)
    if reference.bound is not None and objective < reference.bound:
        raise SolverFailure(
            f"{instance.id}: an answer's makespan {objective} is below the reference's bound"
            f" {reference.bound}"
        )
    return Grade(
        Verdict.valid,
        least / objective,
        objective=objective,
        bound=reference.bound,
        gap=(objective - least) / least,
        against="optimum" if reference.status == "optimal" else "bound",
        metrics={"broken": 0.0},
    )


def _least_makespan(instance: Instance[Shop]) -> Number:
    """Return the optimum where it is proven, else the best bound that takes no search."""
    reference = instance.reference
    if reference.status == "optimal" and reference.objective is not None:
        return reference.objective
    return max(reference.bound or 0, _quick_bound(instance.payload))


@lru_cache(maxsize=1000)
def _quick_bound(shop: Shop) -> int:
    return lower_bound(index_shop(shop))


def reward(instance: Instance[Shop], grade: Grade) -> Reward:
    """Return L / makespan of a valid answer, 0 of any other.

    L is the proven optimum, else the best bound that takes no search. So nothing is above its
    reward against the optimum, and 1 is a proven one. An answer that is longer than W, all
    operations in a row after all shutdowns, has still less: v (1 + L / (L + makespan - W)) / 2,
    where v is L / W. So no valid answer has v / 2 or less, and a near miss has the share of
    constraints satisfied times v / 2.

    Args:
        instance: the shop and its reference.
        grade: of an answer to it.

    Returns:
        The reward; its components are `feasible`, `satisfied` and `quality`, the value.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    length, satisfied = valid_objective(grade), 1 - grade.metrics["broken"]
    least, longest = _least_makespan(instance), in_a_row(instance.payload)
    value = 0.0 if length is None else _worth(length, least, longest)
    cap = closeness(longest - least, least) / 2 if longest > least else 0.5
    return Reward(
        value,
        {"feasible": float(length is not None), "satisfied": satisfied, "quality": value},
        value or satisfied * cap,
    )


def _worth(length: Number, least: Number, longest: Number) -> float:
    """Return what a makespan is worth: L / makespan, and less where it is longer than W."""
    if length <= longest:
        return closeness(length - least, least)
    edge = closeness(longest - least, least)
    return edge * (1 + closeness(length - longest, least)) / 2


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Estimate the headline, the unweighted mean over levels of mean scores, and the metrics.

    The metrics: `feasible` and `share_optimal` (shares of answers), `broken` (mean share of
    constraints not satisfied; 1 if unparsable), `gap_median`, `gap_mean` and `gap_proven` (share of
    gaps against a proven optimum) over valid answers, by level `score@L` and `feasible@L`, and
    `share_KIND`: answers with a violation of that kind. Instances of one level, seed and index
    are a cluster: they are the same jobs under other rules.

    Args:
        records: the episodes of a row, all of them graded.

    Returns:
        The headline and the metrics by name.
    """
    levels = group_by(records, lambda record: record.level)
    groups = [levels[n] for n in sorted(levels)]
    metrics = (
        _shares(groups)
        | _gaps(records, groups)
        | {f"score@{n}": _score_of([levels[n]]) for n in sorted(levels)}
        | {f"feasible@{n}": share_over([levels[n]], _feasible) for n in sorted(levels)}
        | {f"share_{kind}": _having(groups, kind) for kind in _kinds(records)}
    )
    return score_over(groups, lambda g: g.score, equal=True), metrics


def strata(records: Sequence[Record]) -> list[list[Record]]:
    """Return the records by level: the headline is the mean of the levels' mean scores."""
    return list(group_by(records, lambda record: record.level).values())


def _shares(levels: Strata) -> dict[str, Estimate]:
    return {
        "feasible": share_over(levels, _feasible),
        "share_optimal": share_over(levels, _optimal),
        "broken": mean_over(levels, lambda g: g.metrics["broken"]),
    }


def _gaps(records: Sequence[Record], levels: Strata) -> dict[str, Estimate]:
    return {
        "gap_median": median_of(per_instance(records, lambda g: g.gap)),
        "gap_mean": mean_over(levels, lambda g: g.gap),
        "gap_proven": share_over(levels, _proven),
    }


def _score_of(levels: Strata) -> Estimate:
    return score_over(levels, _quality)


def _quality(grade: Grade) -> float:
    """Return the score of an answer, whatever the suite's score is."""
    return 0.0 if grade.gap is None else 1 / (1 + grade.gap)


def _feasible(grade: Grade) -> float:
    return float(grade.verdict is Verdict.valid)


def _optimal(grade: Grade) -> float:
    return float(grade.gap == 0)


def _proven(grade: Grade) -> float | None:
    return None if grade.gap is None else float(grade.against == "optimum")


def _kinds(records: Sequence[Record]) -> list[str]:
    """Return the kinds of violations that occur, sorted."""
    return sorted({str(v["kind"]) for r in records if r.grade for v in r.grade.violations})


def _having(levels: Strata, kind: str) -> Estimate:
    return share_over(levels, lambda g: any(v["kind"] == kind for v in g.violations))
