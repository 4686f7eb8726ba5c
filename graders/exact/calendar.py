"""What is known of a year: the user's principles decide every round."""

from tasks.base import Reference
from tasks.calendar import ANSWERS, KEY, Year


def reference(payload: Year, *, seconds: float | None = None) -> Reference:  # noqa: ARG001
    """The decisions by the principles; the objective is the expected number of wrong rounds.

    It is 0 without `noise`. With it, it is the Bayes error: rounds times the chance that the user
    decides against the principles, which nobody can foresee.
    """
    truth = payload.truth
    wrong = round(truth.noise * len(payload.rounds), 6)
    decisions = [
        {KEY: judgement.ranking[0], "ranking": list(judgement.ranking),
         "reason": truth.principles[judgement.deciding[0]].text}
        for judgement in truth.judgements
    ]  # fmt: skip
    return Reference("optimal", wrong, wrong, solver="principles", answer={ANSWERS: decisions})
