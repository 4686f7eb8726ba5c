"""The reference of a year: the user's principles decide every round."""

from tasks.base import Fields, Reference
from tasks.calendar import ANSWERS, KEY, Year
from tasks.calendar_truth import Judgement, Truth


def reference(payload: Year, *, seconds: float | None = None) -> Reference:  # noqa: ARG001
    """Return the decisions by the principles; the objective is their number of wrong rounds.

    They are all right, unless by `noise` the user went against the principles. Nobody can foresee
    where, but an answer may hit it by luck, so that the bound is 0 in any case. The error that
    `noise` causes in expectation is no bound: the grade has it as the metric `bayes`.

    Args:
        payload: the year.
        seconds: of no effect: nothing is searched.
    """
    judgements = payload.truth.judgements
    wrong = sum(judgement.decision != judgement.ranking[0] for judgement in judgements)
    return Reference(
        "bounded" if wrong else "optimal",
        wrong,
        0,
        solver="principles",
        answer={ANSWERS: [_decision(payload.truth, judgement) for judgement in judgements]},
    )


def _decision(truth: Truth, judgement: Judgement) -> Fields:
    """Return the answer of a round by the principles."""
    return {
        KEY: judgement.ranking[0],
        "ranking": list(judgement.ranking),
        "reason": truth.principles[judgement.deciding[0]].text,
    }
