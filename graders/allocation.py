"""Checks offsets of tensors in a memory, and grades them.

All intervals are half-open. All violations are listed, not just the first:

| kind | fields |
|---|---|
| `missing`, `unknown` | `tensor` |
| `not_integer` | `tensor`, `value` |
| `outside` | `tensor`, `offset`: below 0 or, with `benefit`, beyond the memory |
| `overlap` | `first`, `second`, `start`, `end`, `low`, `high`: the moments and units they share |

`not_integer` is a fault of format: the answer is unparsable. The others are faults of planning.
With `peak` an offset is outside too if it is beyond 2^48.
"""

from collections.abc import Sequence
from functools import lru_cache

from graders import makespans
from graders.allocation_violations import broken_share as broken_share
from graders.allocation_violations import violations as violations
from graders.clusters import score_over, share_over
from graders.exact.allocation_rules import quick_bound
from graders.makespans import reward_of
from graders.makespans import strata as strata
from graders.rewards import below_closeness, closeness, valid_objective
from graders.spelling import in_both_readings, invalid_verdict
from graders.statistics import Estimate
from tasks.allocation import KEY, TensorProgram, loss, spelled, stacked, value
from tasks.base import (
    Fields,
    Grade,
    Instance,
    Outcome,
    Record,
    Reward,
    SolverFailure,
    Verdict,
)

FORMAT = ("not_integer",)  # the kinds that make an answer unparsable


def grade(instance: Instance[TensorProgram], outcome: Outcome) -> Grade:
    """Grade offsets that keep every rule by L / peak or gain / G; any others have 0.

    L is the least peak and G the greatest benefit that can be had, or their bounds where they are
    not proven (`against` says which), so that 1 is a proven optimum. The objective is the peak, or
    what is lost of all benefits: less is better of both. Without a reference the bound is a quick
    one: good enough for a reward, but no score to report, and `Family.score` refuses it.

    The metrics: `broken`, the share of constraints that are not satisfied, and with `peak` `fits`,
    1 for an answer within the capacity, else 0.

    Args:
        instance: the tensors and their reference.
        outcome: one answer; its `offsets` maps tensor ids to units of memory, or to null.

    Raises:
        SolverFailure: if a valid answer refutes the reference.
    """
    return in_both_readings(_grade, instance, spelled(instance.payload, outcome))


def _grade(instance: Instance[TensorProgram], outcome: Outcome) -> Grade:
    """Grade offsets as they stand."""
    parsed, program = outcome.answers[0], instance.payload
    offsets = (parsed.value or {}).get(KEY)
    if not isinstance(offsets, dict):
        reason = parsed.problem or f'the value of "{KEY}" is not an object'
        problem: Fields = {"kind": "unparsable", "reason": reason}
        return _invalid(instance, Verdict.unparsable, [problem])
    problems = violations(program, offsets)
    if problems:
        return _invalid(instance, invalid_verdict(problems, FORMAT), problems)
    return _valid(instance, value(program, offsets))


def _invalid(
    instance: Instance[TensorProgram], verdict: Verdict, problems: Sequence[Fields]
) -> Grade:
    is_read = verdict is Verdict.infeasible
    broken = broken_share(instance.payload, problems) if is_read else 1.0
    return Grade(
        verdict,
        0.0,
        bound=instance.reference.bound,
        violations=tuple(problems),
        metrics={"broken": broken} | _fits(instance.payload, None),
    )


def _fits(program: TensorProgram, objective: int | None) -> dict[str, float]:
    """Return whether an answer is within the capacity, where all must have a place."""
    if program.objective != "peak":
        return {}
    return {"fits": float(objective is not None and objective <= program.capacity)}


def _valid(instance: Instance[TensorProgram], objective: int) -> Grade:
    reference, program, least = instance.reference, instance.payload, _least(instance)
    if reference.bound is not None and objective < reference.bound:
        raise SolverFailure(
            f"{instance.id}: an answer's value {objective} is below the reference's bound"
            f" {reference.bound}"
        )
    if program.objective == "peak":
        score, gap = least / objective, (objective - least) / least
    else:
        most = _all_benefits(program) - least
        score, gap = (_all_benefits(program) - objective) / most, (objective - least) / most
    return Grade(
        Verdict.valid,
        score,
        objective=objective,
        bound=reference.bound,
        gap=gap,
        against="optimum" if reference.status == "optimal" else "bound",
        metrics={"broken": 0.0} | _fits(program, objective),
    )


def _all_benefits(program: TensorProgram) -> int:
    """Return what is lost where no tensor has a place."""
    return loss(program, dict.fromkeys(tensor.id for tensor in program.tensors))


def _least(instance: Instance[TensorProgram]) -> int:
    """Return the optimum where it is proven, else the best bound that takes no search."""
    reference = instance.reference
    if reference.status == "optimal" and reference.objective is not None:
        return int(reference.objective)
    return max(int(reference.bound or 0), _quick_bound(instance.payload))


_quick_bound = lru_cache(maxsize=1000)(quick_bound)


def reward(instance: Instance[TensorProgram], grade: Grade) -> Reward:
    """Return what a valid answer is worth, 0 of any other; only a proven optimum is worth 1.

    With `peak` that is L / peak, and less above the sum of all sizes (`makespans.reward_of`); with
    `benefit` G / (G + missed), where missed is what the answer gains less than G: so nothing in the
    memory is worth 1/2. L and G are the optimum, else the best bound that takes no search. A near
    miss has its share of constraints satisfied times what is below every valid answer.

    Args:
        instance: the tensors and their reference.
        grade: of an answer to it.

    Returns:
        The reward; its components are `feasible`, `satisfied` and `quality`, the value.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    program, least = instance.payload, _least(instance)
    if program.objective == "peak":
        return reward_of(grade, least, stacked(program))
    objective, most = valid_objective(grade), _all_benefits(program) - least
    quality = 0.0 if objective is None else closeness(objective - least, most)
    satisfied = 1 - grade.metrics["broken"]
    return Reward(
        quality,
        {"feasible": float(objective is not None), "satisfied": satisfied, "quality": quality},
        quality or satisfied * below_closeness(most, most),
    )


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Estimate the headline, the unweighted mean over levels of mean scores, and the metrics.

    The metrics: `feasible`, `fits` (with `peak` alone) and `share_optimal` (shares of answers),
    `broken` (mean share of constraints not satisfied; 1 if unparsable), `gap_median`, `gap_mean`
    and `gap_proven` (share of gaps against a proven optimum) over valid answers, by level
    `score@L`, `fits@L` and `feasible@L`, and `share_KIND`: answers with a violation of that kind.

    Args:
        records: the episodes of a row, all of them graded.

    Returns:
        The headline and the metrics by name.
    """
    headline, metrics = makespans.summarise(records)
    levels = sorted(strata(records), key=lambda group: group[0].level)
    metrics |= {f"score@{each[0].level}": score_over([each], quality) for each in levels}
    if any(fits(record.grade) is not None for record in records if record.grade):
        metrics |= {"fits": share_over(levels, fits)}
        metrics |= {f"fits@{each[0].level}": share_over([each], fits) for each in levels}
    return headline, metrics


def quality(grade: Grade) -> float:
    """Return the score of an answer, whatever the suite's score is."""
    if grade.gap is None:
        return 0.0
    return 1 / (1 + grade.gap) if "fits" in grade.metrics else 1 - grade.gap


def fits(grade: Grade) -> float | None:
    """Return 1 for an answer within the capacity, else 0; None where not all must have a place."""
    return grade.metrics.get("fits")
