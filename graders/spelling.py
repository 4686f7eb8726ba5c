"""Grades by the rule of spelling, with the score of the strict reading beside where it differs."""

from collections.abc import Callable, Container, Iterable
from typing import Any

from msgspec.structs import replace

from tasks.base import Fields, Grade, Instance, Outcome, Verdict
from tasks.spelling import is_mended, strictly

MENDED = "mended"  # the metric: how many answers of an episode had to be mended
STRICT = "strict"  # the metric: the score of the strict reading, where any had to be


def in_both_readings(
    grade: Callable[[Instance[Any], Outcome], Grade], instance: Instance[Any], outcome: Outcome
) -> Grade:
    """Return the grade of an outcome; of a mended one with the metrics `mended` and `strict`.

    Args:
        grade: the checker, which reads ids and numbers as they stand.
        instance: what was asked.
        outcome: with its ids and numbers read by the rule of spelling.
    """
    graded = grade(instance, outcome)
    if not is_mended(outcome):
        return graded
    count = sum(bool(parsed.mended) for parsed in outcome.answers)
    strict = grade(instance, strictly(outcome))
    metrics = graded.metrics | {MENDED: float(count), STRICT: strict.score}
    return replace(graded, metrics=metrics)


def unmended(metrics: dict[str, float]) -> dict[str, float]:
    """Return the metrics of a grade without those that only mended answers have."""
    return {name: value for name, value in metrics.items() if name not in (MENDED, STRICT)}


def invalid_verdict(violations: Iterable[Fields], faults: Container[str]) -> Verdict:
    """Return the verdict on an answer with violations: unparsable if one is a fault of format.

    Args:
        violations: what is wrong with it.
        faults: the kinds that are faults of format; the others are faults of planning.
    """
    is_format = any(violation["kind"] in faults for violation in violations)
    return Verdict.unparsable if is_format else Verdict.infeasible
