"""The grade of an outcome as a suite scores it, in either reading of spelling."""

from typing import Any, Literal

from msgspec.structs import replace

from graders.spelling import STRICT
from harness.families.registry import family
from tasks.base import Grade, Instance, NoReference, Outcome
from tasks.spelling import strictly

Reading = Literal["canonical", "strict"]


def graded(instance: Instance[Any], outcome: Outcome, headline: str | None) -> Grade:
    """Return the family's grade; its score is the measure that the suite names as headline, if any.

    Args:
        instance: what was asked.
        outcome: what was answered.
        headline: a column of the family that has a measure.

    Raises:
        NoReference: the instance's reference lacks what the score needs.
        SolverFailure: the outcome refutes the reference.
    """
    grade = _scored(instance, outcome, headline)
    if not headline or STRICT not in grade.metrics:
        return grade
    strict = _scored(instance, strictly(outcome), headline).score
    return replace(grade, metrics=grade.metrics | {STRICT: strict})


def graded_strictly(instance: Instance[Any], outcome: Outcome, headline: str | None) -> Grade:
    """Return the grade of an outcome of which nothing is mended; as `graded` otherwise."""
    return _scored(instance, strictly(outcome), headline)


def _scored(instance: Instance[Any], outcome: Outcome, headline: str | None) -> Grade:
    grade = family(instance.family).score(instance, outcome)
    if not headline:
        return grade
    score = family(instance.family).headlines[headline](grade)
    if score is None:
        raise NoReference(
            f"{instance.id}: its reference is {instance.reference.status} with the bound"
            f" {instance.reference.bound}, too little for the suite's headline {headline}"
        )
    return replace(grade, score=score)
