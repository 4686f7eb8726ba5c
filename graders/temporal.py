"""Checks the answer to a question about time: right, or not.

| kind | fields |
|---|---|
| `unparsable` | `reason`: no answer object |
| `wrong_form` | `form`, `value`: what stands for the answer is not of the form asked for |
| `wrong` | `form`, `value`: it is of the form, and not the right one |

`wrong_form` is a fault of format like `unparsable`; `wrong` is a fault of planning. No violation
has the right answer.
"""

from collections.abc import Mapping, Sequence

from graders.clusters import group_by, rates_over, score_of, share_over, strata
from graders.exact.temporal import right_answer
from graders.rewards import valid_objective
from graders.spelling import in_both_readings
from graders.statistics import Estimate, mean_of_rates
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
from tasks.temporal import KEY, TimeQuestion, spelled


def grade(instance: Instance[TimeQuestion], outcome: Outcome) -> Grade:
    """Grade an answer by 1 if it is right, else 0; the objective of a right one is 0 wrong answers.

    Lists of `names` are right in any order, and so is one that has a name twice.

    Args:
        instance: the question; its right answer follows from its facts.
        outcome: one answer.

    Raises:
        SolverFailure: if the reference has another answer than follows from the facts.
    """
    return in_both_readings(_grade, instance, spelled(instance.payload, outcome))


def _grade(instance: Instance[TimeQuestion], outcome: Outcome) -> Grade:
    """Grade an answer as it stands."""
    [parsed], question = outcome.answers, instance.payload
    if parsed.value is None or KEY not in parsed.value:
        reason = parsed.problem or f'no "{KEY}" in the answer'
        return _invalid(instance, Verdict.unparsable, {"kind": "unparsable", "reason": reason})
    value, form = parsed.value[KEY], question.facts.form
    place: Fields = {"form": form, "value": short(value)}
    if not question.form.fits(value):
        return _invalid(instance, Verdict.unparsable, {"kind": "wrong_form", **place})
    if not _is_right(instance, value):
        return _invalid(instance, Verdict.infeasible, {"kind": "wrong", **place})
    return Grade(Verdict.valid, 1.0, objective=0, bound=instance.reference.bound)


def _is_right(instance: Instance[TimeQuestion], value: object) -> bool:
    """Return whether a value of the right form is the right answer."""
    facts = instance.payload.facts
    answer = right_answer(facts)
    stored = instance.reference.answer
    if stored is not None and stored.get(KEY) != answer:
        raise SolverFailure(f"{instance.id}: the reference has an answer that its facts refute")
    if facts.form == "names" and isinstance(value, list) and isinstance(answer, list):
        return set(value) == set(answer)
    return value == answer


def _invalid(instance: Instance[TimeQuestion], verdict: Verdict, problem: Fields) -> Grade:
    return Grade(verdict, 0.0, bound=instance.reference.bound, violations=(problem,))


def reward(instance: Instance[TimeQuestion], grade: Grade) -> Reward:  # noqa: ARG001
    """Return 1 for a right answer and 0 for any other; no wrong one is nearer than another.

    Args:
        instance: the question.
        grade: of an answer to it.

    Returns:
        The reward; its component `read` is 1 if the answer was of the form asked for.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    value = 0.0 if valid_objective(grade) is None else 1.0
    return Reward(value, {"read": float(grade.verdict is not Verdict.unparsable)}, value)


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Estimate the headline, the unweighted mean over levels of the shares right, and the metrics.

    The metrics: `wrong_form`, the share of answers that are not of the form asked for, or none; by
    level `score@L`, by kind `score_K`. An instance counts by the mean of its epochs.

    Args:
        records: the episodes of a row, all of them graded.

    Returns:
        The headline and the metrics by name.
    """
    levels = strata(records)
    metrics = {
        "wrong_form": share_over(levels, _unread),
        **{f"score@{level[0].level}": share_over([level], score_of) for level in levels},
        **{f"score_{k}": share_over([g], score_of) for k, g in _by_kind(records).items()},
    }
    return mean_of_rates(rates_over(levels, score_of)), metrics


def _by_kind(records: Sequence[Record]) -> Mapping[str, list[Record]]:
    kinds = group_by(records, _kind)
    return dict(sorted(kinds.items()))


def _kind(record: Record) -> str | None:
    kind = record.settings.get("kind")
    return kind if isinstance(kind, str) else None


def _unread(grade: Grade) -> float:
    return float(grade.verdict is Verdict.unparsable)
