"""Checks moves of machines, and measures what they gain between doing nothing and the optimum.

The kinds of violations and their fields are in `tasks/vms_course.py`. `unparsable`, `not_a_list`
and `not_a_move` are faults of format, the others of planning. A plan with any is invalid, and not
carried out. On the track `reactive` a turn with one is lost, and an episode is invalid if all are.

A move that was in order where it was decided, and that events have made impossible since, is no
violation: it is left out, and counted in `stale_moves`.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias

from graders.clusters import group_by, mean_over, score_over, share_over
from graders.exact.vms import BOUNDS
from graders.exact.vms_search import apply, greedy, quick_bound
from graders.rewards import below_closeness, closeness, valid_objective
from graders.spelling import in_both_readings, invalid_verdict
from graders.statistics import Estimate, Measure
from tasks.base import (
    Grade,
    Instance,
    Number,
    Outcome,
    Record,
    Reward,
    SolverFailure,
    Verdict,
)
from tasks.vms import performed
from tasks.vms_course import Course
from tasks.vms_payload import Cluster
from tasks.vms_placement import Placement

FORMAT = ("unparsable", "not_a_list", "not_a_move")  # faults of format
STALENESS = ("delay", "churn")  # settings: events that nobody chose
Key: TypeAlias = Callable[[Record], float | None]


class Idle:
    """An episode in which no move is made: what is left after each number of events."""

    def __init__(self, cluster: Cluster) -> None:
        placement = Placement(cluster)
        self.placements = [placement.copy()]
        for event in cluster.events:
            placement.happen(event)
            self.placements.append(placement.copy())
        self.fragments = [each.fragments() for each in self.placements]
        self.bounds = [quick_bound(each) for each in self.placements]
        self.most = max(each.free for each in self.placements)


@lru_cache(maxsize=200)
def idle(cluster: Cluster) -> Idle:
    """Return an episode in which no move is made, made once for the many answers to a cluster."""
    return Idle(cluster)


def grade(instance: Instance[Cluster], outcome: Outcome) -> Grade:
    """Grade moves by the share of the possible gain, clipped to [0, 1]: (B - F) / (B - L).

    F is the fragments at the end, in cores; B those without a move; L the optimum, or the bound
    where it is not proven or knows more than an agent can (`against` says which). Where nothing can
    be gained, having lost nothing is 1. Without a reference L is a quick bound: good enough for a
    reward, but no score to report, and `Family.score` refuses it. An invalid answer scores 0.

    The metrics: `idle` B, `least` L, `gain` (the same share, not clipped), `made` and
    `stale_moves`; moves in order (`legal`) and, of a row of turns, `turns_lost` as shares;
    `fragment_rate` (F over free cores); `planned_anew` where events come before a plan: what greedy
    scores after them.

    Args:
        instance: the cluster and its reference.
        outcome: an answer a reply, or one from a file.

    Raises:
        SolverFailure: if a valid answer refutes the reference.
    """
    return in_both_readings(_grade, instance, performed(instance.payload, outcome))


def _grade(instance: Instance[Cluster], outcome: Outcome) -> Grade:
    cluster = instance.payload
    course = Course(cluster).play(outcome.answers)
    before, least = idle(cluster).fragments[course.happened], _least(instance, course.happened)
    left = course.placement.fragments()
    metrics = _effort(course) | {"idle": float(before), "least": float(least)}
    if _is_invalid(course):
        return Grade(
            invalid_verdict(course.violations, FORMAT),
            0.0,
            bound=instance.reference.bound,
            violations=tuple(course.violations),
            metrics=metrics,
        )
    if left < least:
        raise SolverFailure(f"{instance.id}: moves leave {left} fragments, below a bound {least}")
    gain = _gain(before, left, least)
    metrics |= {"gain": gain, "fragment_rate": left / max(1, course.placement.free)}
    metrics |= _anew(cluster, course.happened, least)
    return _valid(instance, course, max(0.0, gain), metrics)


def _is_invalid(course: Course) -> bool:
    """Return whether a plan has a violation, or every turn has."""
    if course.cluster.track == "plan":
        return bool(course.violations)
    return course.lost >= course.turns


def _effort(course: Course) -> dict[str, float]:
    effort = {
        "made": float(course.steps.count("1")),
        "stale_moves": float(course.stale),
        "legal": min(1.0, course.legal / max(1, course.entries)),
    }
    if course.cluster.track == "plan":
        return effort
    return effort | {"turns_lost": course.lost / max(1, course.turns)}


def _gain(before: Number, left: Number, least: Number) -> float:
    """Return the share of the possible gain; where there is none, 1 for having lost nothing."""
    if before == least:
        return 1.0 if left == least else 0.0
    return (before - left) / (before - least)


def _valid(
    instance: Instance[Cluster], course: Course, score: float, metrics: dict[str, float]
) -> Grade:
    least, left = metrics["least"], course.placement.fragments()
    is_proven = instance.reference.status == "optimal"
    return Grade(
        Verdict.valid,
        score,
        objective=left,
        bound=instance.reference.bound,
        gap=(left - least) / least if least else None,
        against="optimum" if is_proven else "bound",
        violations=tuple(course.violations),
        metrics=metrics | {"optimal": float(left == least)},
    )


def _least(instance: Instance[Cluster], count: int) -> Number:
    """Return the optimum or the best bound on fragments after so many events."""
    reference, quick = instance.reference, idle(instance.payload).bounds[count]
    bounds = (reference.answer or {}).get(BOUNDS)
    if instance.payload.tokens and isinstance(bounds, list):
        return max(quick, int(bounds[count]))
    if instance.payload.tokens or reference.bound is None:
        return quick
    return max(quick, reference.bound)


def _anew(cluster: Cluster, count: int, least: Number) -> dict[str, float]:
    """Return what a greedy plan scores that is made after the events before a plan."""
    if cluster.track != "plan" or not cluster.events:
        return {}
    before, left = idle(cluster).fragments[count], _anew_fragments(cluster, count)
    return {"planned_anew": max(0.0, _gain(before, left, least))}


@lru_cache(maxsize=1000)
def _anew_fragments(cluster: Cluster, count: int) -> int:
    placement = idle(cluster).placements[count]
    return apply(placement, greedy(placement, cluster.moves)).fragments()


def reward(instance: Instance[Cluster], grade: Grade) -> Reward:
    """Return C / (C + F - L) of a valid answer, 0 of any other: 1 / (1 + k), k whole chunks missed.

    C is the chunk, F the fragments at the end, L the least there can be: the reference's bound, or
    that of free cores and whole nodes. So 1 is a proven optimum, doing nothing is above 0, and
    nothing is worth more without a reference. Where tokens pace the events, L is the least over all
    numbers of them.

    A near miss is the share of moves in order, times C / (C + W + 1 - L): no answer leaves more
    fragments than W, the most free cores there are.

    Args:
        instance: the cluster and its reference.
        grade: of an answer to it.

    Returns:
        The reward; its components are `feasible`, `legal` and `quality`, the value.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    cluster, left = instance.payload, valid_objective(grade)
    counts = range(len(cluster.events) + 1) if cluster.tokens else [len(cluster.events)]
    least = min(_least(instance, count) for count in counts)
    value = closeness(left - least, cluster.chunk) if left is not None else 0.0
    legal = 0.0 if grade.verdict is Verdict.unparsable else grade.metrics["legal"]
    return Reward(
        value,
        {"feasible": float(left is not None), "legal": legal, "quality": value},
        value or legal * below_closeness(idle(cluster).most - least, cluster.chunk),
    )


def is_optimal(grade: Grade) -> float:
    """Return 1 for moves that leave no more than the optimum, or the bound; else 0."""
    return grade.metrics.get("optimal", 0.0)


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Estimate the headline, the mean share of the possible gain, and the metrics of a board row.

    Both are means over levels. The metrics: `share_optimal`; `gain`, `made`, `stale_moves`,
    `turns_lost`, `fragment_rate`, `gap_proven`, over the episodes that have them; `planned_anew`;
    `score@L` by level, and by the events that nobody chose `score@delay=K`, `score@churn=K`,
    `planned_anew@delay=K`, `stale_moves@delay=K`. In all of them an instance counts by the mean of
    its epochs, levels are strata, and instances of one level, seed and index are a cluster.

    Args:
        records: the episodes of a row, all of them graded.

    Returns:
        The headline and the metrics by name.
    """
    levels = strata(records)
    names = ("gain", "made", "stale_moves", "turns_lost", "fragment_rate")
    metrics = {
        "share_optimal": share_optimal(records),
        "planned_anew": score_over(levels, _metric("planned_anew")),
        "gap_proven": share_over(levels, _proven),
        **{name: mean_over(levels, _metric(name)) for name in names},
        **{f"score@{group[0].level}": score_over([group], _score) for group in levels},
    }
    return score_over(levels, _score, equal=True), metrics | by_staleness(records)


def by_staleness(records: Sequence[Record]) -> dict[str, Estimate]:
    """Estimate the score by the events between a question and its moves.

    Args:
        records: graded episodes; nothing is estimated of a setting that all have alike.
    """
    metrics = {}
    for setting in STALENESS:
        groups = group_by(records, _setting(setting))
        if len(groups) < 2:
            continue
        for count in sorted(groups):
            levels, dial = strata(groups[count]), f"@{setting}={count:g}"
            metrics[f"score{dial}"] = score_over(levels, _score, equal=True)
            metrics[f"stale_moves{dial}"] = mean_over(levels, _metric("stale_moves"))
            if setting == "delay" and count:
                metrics[f"planned_anew{dial}"] = score_over(levels, _metric("planned_anew"))
    return metrics


def _setting(name: str) -> Key:
    def value(record: Record) -> float | None:
        count = record.settings.get(name)
        return float(count) if type(count) is int else None

    return value


def strata(records: Sequence[Record]) -> list[list[Record]]:
    """Return the records by level: the headline is the mean of the levels' mean scores."""
    levels = group_by(records, lambda record: record.level)
    return [levels[level] for level in sorted(levels)]


def share_optimal(records: Sequence[Record]) -> Estimate:
    """Estimate the share of answers that leave no more than the optimum, or the bound."""
    return share_over(strata(records), is_optimal)


def _score(grade: Grade) -> float:
    return grade.score


def _metric(name: str) -> Measure:
    return lambda grade: grade.metrics.get(name)


def _proven(grade: Grade) -> float | None:
    return float(grade.against == "optimum") if grade.against else None
