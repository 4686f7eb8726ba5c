"""Checks placements of pods, and grades them in three steps.

All violations are listed, not just the first:

| kind | fields |
|---|---|
| `missing`, `unknown` | `pod` |
| `not_a_node` | `pod`, `value`, which is neither a text nor null |
| `unknown_node` | `pod`, `value`, which is no node |
| `protected` | `pod`, `node`, on which it must stay |
| `capacity` | `node`, `resource`, `amount` that is too much |

`not_a_node` is a fault of format: the answer is unparsable. The others are faults of planning.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import prod

from graders.clusters import mean_over, score_of, score_over, share_over
from graders.exact.pods import quick_bound
from graders.exact.pods_packing import index_cluster
from graders.exact.pods_rules import preempt
from graders.makespans import having_kind, invalid_grade, is_feasible, kinds_of
from graders.makespans import strata as strata
from graders.pods_violations import broken_share as broken_share
from graders.pods_violations import violations as violations
from graders.rewards import below_closeness, closeness, valid_objective
from graders.spelling import in_both_readings, invalid_verdict
from graders.statistics import Estimate
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
from tasks.pods import KEY, PodCluster, bases, spelled, split_value, value

FORMAT = ("not_a_node",)  # the kinds that make an answer unparsable
BETTER = 0.5  # the score of what is better than preemption, and not the best


def grade(instance: Instance[PodCluster], outcome: Outcome) -> Grade:
    """Grade a placement by the pods that wait, the highest priority first.

    1 if no fewer can, 1/2 if fewer do than where the scheduler evicts pods and moves none, else 0:
    so doing nothing is 0. Disruption decides nothing here. Where the optimum is not proven, the
    best known placement stands for it (`against` says which). Without a reference a quick bound
    does: good enough for a reward, but no score to report, and `Family.score` refuses it.

    The metrics: `broken`, the share of constraints that are not satisfied; of a valid answer
    `disruption`; of one that has 1, where all is proven, `excess`, the disruption above the least.

    Args:
        instance: the cluster and its reference.
        outcome: one answer; its `placement` maps pod ids to node ids or null.

    Raises:
        SolverFailure: if a valid answer refutes the reference.
    """
    return in_both_readings(_grade, instance, spelled(instance.payload, outcome))


def _grade(instance: Instance[PodCluster], outcome: Outcome) -> Grade:
    """Grade a placement as it stands."""
    parsed, cluster = outcome.answers[0], instance.payload
    placement = (parsed.value or {}).get(KEY)
    if not isinstance(placement, dict):
        reason = parsed.problem or f'the value of "{KEY}" is not an object'
        problem: Fields = {"kind": "unparsable", "reason": reason}
        return invalid_grade(instance, Verdict.unparsable, [problem], broken_share)
    problems = violations(cluster, placement)
    if problems:
        return invalid_grade(instance, invalid_verdict(problems, FORMAT), problems, broken_share)
    return _valid(instance, value(cluster, placement))


def _valid(instance: Instance[PodCluster], objective: int) -> Grade:
    reference, cluster = instance.reference, instance.payload
    if reference.bound is not None and objective < reference.bound:
        raise SolverFailure(
            f"{instance.id}: an answer's value {objective} is below the reference's bound"
            f" {reference.bound}"
        )
    waiting, trouble = split_value(cluster, objective)
    best = _best_known(instance)
    score = 1.0 if waiting <= split_value(cluster, best)[0] else 0.0
    if waiting < split_value(cluster, preempted(cluster))[0]:
        score = max(score, BETTER)
    return Grade(
        Verdict.valid,
        score,
        objective=objective,
        bound=reference.bound,
        against="optimum" if _is_proven(instance) else "bound",
        metrics={"broken": 0.0, "disruption": float(trouble)} | _excess(instance, objective),
    )


def _best_known(instance: Instance[PodCluster]) -> int:
    """Return the value of the best known placement, else the best bound."""
    reference = instance.reference
    if reference.objective is not None:
        return int(reference.objective)
    return int(_least_value(instance))


def _is_proven(instance: Instance[PodCluster]) -> bool:
    """Return whether no fewer pods can wait than in the reference."""
    reference = instance.reference
    if reference.objective is None or reference.bound is None:
        return False
    return (
        split_value(instance.payload, int(reference.objective))[0]
        == (split_value(instance.payload, int(reference.bound))[0])
    )


def _excess(instance: Instance[PodCluster], objective: int) -> dict[str, float]:
    reference = instance.reference
    if reference.status != "optimal" or reference.objective is None:
        return {}
    waiting, trouble = split_value(instance.payload, objective)
    fewest, least = split_value(instance.payload, int(reference.objective))
    return {"excess": float(trouble - least)} if waiting == fewest else {}


def _least_value(instance: Instance[PodCluster]) -> Number:
    """Return the optimum where it is proven, else the best bound that takes no search."""
    return max(instance.reference.bound or 0, quick_bound(instance.payload))


@lru_cache(maxsize=500)
def preempted(cluster: PodCluster) -> int:
    """Return the value of what the scheduler makes of a cluster by evicting pods."""
    indexed = index_cluster(cluster)
    return value(cluster, indexed.by_id(preempt(indexed)))


def reward(instance: Instance[PodCluster], grade: Grade) -> Reward:
    """Return S / (S + value - L) of a valid answer, 0 of any other.

    The value is that of `tasks.pods.value`: the pods that wait, by priority, and then the
    disruption. L is the proven optimum, else the best bound that takes no search; S is how far
    preemption is above the bound that takes none, at least 1: so preemption has about 1/2, and only
    a proven optimum 1. A near miss has its share of constraints satisfied times what is below the
    worst value there is.

    Args:
        instance: the cluster and its reference.
        grade: of an answer to it.

    Returns:
        The reward; its components are `feasible`, `satisfied` and `quality`, the value.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    cluster, objective = instance.payload, valid_objective(grade)
    least = _least_value(instance)
    scale = max(1, preempted(cluster) - quick_bound(cluster))
    quality = 0.0 if objective is None else closeness(objective - least, scale)
    satisfied = 1 - grade.metrics["broken"]
    return Reward(
        quality,
        {"feasible": float(objective is not None), "satisfied": satisfied, "quality": quality},
        quality or satisfied * below_closeness(prod(bases(cluster)) - 1 - least, scale),
    )


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Estimate the headline, the unweighted mean over levels of mean scores, and the metrics.

    The metrics: `feasible`, `share_better` (than preemption) and `share_optimal` (shares of
    answers), `broken` (mean share of constraints not satisfied; 1 if unparsable), `disruption` over
    valid answers, `excess` over those with the fewest waiting, `gap_proven` (share of valid answers
    whose best is proven), by level `score@L` and `feasible@L`, and `share_KIND`: answers with a
    violation of that kind.

    Args:
        records: the episodes of a row, all of them graded.

    Returns:
        The headline and the metrics by name.
    """
    levels = strata(records)
    metrics = {
        "feasible": share_over(levels, is_feasible),
        "share_better": share_over(levels, lambda g: float(g.score >= BETTER)),
        "share_optimal": share_over(levels, lambda g: float(g.score == 1)),
        "broken": mean_over(levels, lambda g: g.metrics["broken"]),
        "disruption": mean_over(levels, lambda g: g.metrics.get("disruption")),
        "excess": mean_over(levels, lambda g: g.metrics.get("excess")),
        "gap_proven": share_over(levels, _proven),
        **{f"score@{each[0].level}": score_over([each], score_of) for each in levels},
        **{f"feasible@{each[0].level}": share_over([each], is_feasible) for each in levels},
        **{f"share_{kind}": having_kind(levels, kind) for kind in kinds_of(records)},
    }
    return score_over(levels, score_of, equal=True), metrics


def _proven(grade: Grade) -> float | None:
    return float(grade.against == "optimum") if grade.verdict is Verdict.valid else None
