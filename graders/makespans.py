"""What families share whose one answer has a least value: the worth of one, rows of a board."""

from collections.abc import Callable, Sequence
from typing import Any

from graders.clusters import Strata, group_by, mean_over, score_over, share_over
from graders.rewards import closeness, valid_objective
from graders.statistics import Estimate, median_of, per_instance
from tasks.base import Fields, Grade, Instance, Number, Record, Reward, SolverFailure, Verdict


def least_of(instance: Instance[Any], quick: Callable[[], Number]) -> Number:
    """Return the optimum where it is proven, else the best bound that takes no search.

    Args:
        instance: with its reference.
        quick: computes a bound without a search.
    """
    reference = instance.reference
    if reference.status == "optimal" and reference.objective is not None:
        return reference.objective
    return max(reference.bound or 0, quick())


def valid_grade(instance: Instance[Any], value: Number, least: Number, name: str) -> Grade:
    """Return the grade of an answer that keeps every rule: L / value.

    Args:
        instance: with its reference.
        value: of the answer, above 0.
        least: L, as `least_of` has it.
        name: of the value, for a message.

    Raises:
        SolverFailure: if the answer refutes the reference.
    """
    reference = instance.reference
    if reference.bound is not None and value < reference.bound:
        raise SolverFailure(
            f"{instance.id}: an answer's {name} {value} is below the reference's bound"
            f" {reference.bound}"
        )
    return Grade(
        Verdict.valid,
        least / value,
        objective=value,
        bound=reference.bound,
        gap=(value - least) / least,
        against="optimum" if reference.status == "optimal" else "bound",
        metrics={"broken": 0.0},
    )


def invalid_grade(
    instance: Instance[Any],
    verdict: Verdict,
    problems: list[Fields],
    broken_share: Callable[[Any, list[Fields]], float],
) -> Grade:
    """Return the grade of an answer that breaks a rule, or that could not be read: 0.

    Args:
        instance: with its reference.
        verdict: infeasible or unparsable.
        problems: the violations.
        broken_share: the share of constraints of a payload that violations break.
    """
    is_read = verdict is Verdict.infeasible
    return Grade(
        verdict,
        0.0,
        bound=instance.reference.bound,
        violations=tuple(problems),
        metrics={"broken": broken_share(instance.payload, problems) if is_read else 1.0},
    )


def reward_of(grade: Grade, least: Number, longest: Number) -> Reward:
    """Return L / value of a valid answer, 0 of any other.

    An answer above W has still less: v (1 + L / (L + value - W)) / 2, where v is L / W. So no valid
    answer has v / 2 or less, and a near miss has the share of constraints satisfied times v / 2.

    Args:
        grade: of an answer, with the metric `broken`.
        least: L, the least value there is or a bound on it, above 0.
        longest: W, a value that no answer without needless waiting is above.

    Returns:
        The reward; its components are `feasible`, `satisfied` and `quality`, the value.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    length, satisfied = valid_objective(grade), 1 - grade.metrics["broken"]
    value = 0.0 if length is None else _worth(length, least, longest)
    cap = closeness(longest - least, least) / 2 if longest > least else 0.5
    return Reward(
        value,
        {"feasible": float(length is not None), "satisfied": satisfied, "quality": value},
        value or satisfied * cap,
    )


def _worth(length: Number, least: Number, longest: Number) -> float:
    """Return what a value is worth: L / value, and less where it is above W."""
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
        | {f"feasible@{n}": share_over([levels[n]], is_feasible) for n in sorted(levels)}
        | {f"share_{kind}": having_kind(groups, kind) for kind in kinds_of(records)}
    )
    return score_over(groups, lambda g: g.score, equal=True), metrics


def strata(records: Sequence[Record]) -> list[list[Record]]:
    """Return the records by level: the headline is the mean of the levels' mean scores."""
    return list(group_by(records, lambda record: record.level).values())


def _shares(levels: Strata) -> dict[str, Estimate]:
    return {
        "feasible": share_over(levels, is_feasible),
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


def is_feasible(grade: Grade) -> float:
    """Return 1 for a valid answer, 0 for any other."""
    return float(grade.verdict is Verdict.valid)


def _optimal(grade: Grade) -> float:
    return float(grade.gap == 0)


def _proven(grade: Grade) -> float | None:
    return None if grade.gap is None else float(grade.against == "optimum")


def kinds_of(records: Sequence[Record]) -> list[str]:
    """Return the kinds of violations that occur, sorted."""
    return sorted({str(v["kind"]) for r in records if r.grade for v in r.grade.violations})


def having_kind(levels: Strata, kind: str) -> Estimate:
    """Estimate the share of answers with a violation of a kind."""
    return share_over(levels, lambda g: any(v["kind"] == kind for v in g.violations))
