"""What is known of a year: the user's principles decide every round."""

from tasks.base import Reference
from tasks.calendar import ANSWERS, KEY, Year


def reference(payload: Year, *, seconds: float | None = None) -> Reference:  # noqa: ARG001
    """Return the decisions by the principles; the objective is their number of wrong rounds.

    They are all right, unless by `noise` the user went against the principles. Nobody can foresee
    where, but an answer may hit it by luck, so that the bound is 0 in any case. What `noise` makes
    of the error in expectation is no bound: the grade has it as the metric `bayes`.
    """
    truth = payload.truth
    wrong = sum(judgement.decision != judgement.ranking[0] for judgement in truth.judgements)
    decisions = [
        {
            KEY: judgement.ranking[0],
            "ranking": list(judgement.ranking),
            "reason": truth.principles[judgement.deciding[0]].text,
        }
        for judgement in truth.judgements
    ]
    return Reference(
        "bounded" if wrong else "optimal",
        wrong,
        0,
        solver="principles",
        answer={ANSWERS: decisions},
    )
