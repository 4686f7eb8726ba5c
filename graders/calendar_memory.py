"""What a memory's notes are worth after the year, and how far they agree with hidden principles.

Behaviour decides: held-out clashes are answered from the notes alone, and again from nothing. What
the notes say is compared by words only, with other people's principles beside as what chance gives.
"""

import re
from collections.abc import Sequence
from itertools import chain, repeat
from statistics import mean

from graders.calendar_learners import after, prior_scores, wrong_rounds
from tasks.base import Instance, Outcome, Parsed
from tasks.calendar import Year, accepted
from tasks.calendar_truth import Principle

SHARE = 0.5  # of a principle's words that a note must have to name it
STEM = 5  # letters of a word that count: grants and grant are one
_SMALL = (
    "about after also and are because but can come comes did does done down each else first for"
    " from get has have her him his into its less more most much must need not nobody now once only"
    " one other others our out over own should than that the their them there they thing things"
    " this those time too want wants was what when where which while who whom whose will with"
    " without would you your"
)
_STOP = frozenset(_SMALL.split())


def examine(
    instance: Instance[Year],
    held: Instance[Year],
    noted: Outcome,
    bare: Outcome,
    notes: Sequence[str],
    others: Sequence[Instance[Year]],
) -> dict[str, float]:
    """Measure what one user's notes are worth.

    Args:
        instance: the user's year.
        held: the held-out clashes of the same user.
        noted: the answers to `held` from the notes alone.
        bare: the answers to `held` from nothing.
        notes: the texts of the notes after the year.
        others: years of other users.

    Returns:
        The metrics by name. `stale` and `fresh` are there only if a drift turns a held-out
        decision, `by_chance` only if `others` holds a user of another role, `supported` only if
        there are notes.
    """
    year, exam = instance.payload, held.payload
    choices = _choices(exam, noted)
    return {
        "error": _error(exam, choices),
        "bare_error": _error(exam, _choices(exam, bare)),
        "role_prior": mean(wrong_rounds(exam, prior_scores(exam))),
        "logit": mean(wrong_rounds(exam, after(year, exam))),
        "entries": float(len(notes)),
        **_agreement(year, notes, _decoys(year, others)),
        **_staleness(year, exam, choices),
    }


def _choices(exam: Year, outcome: Outcome) -> list[str | None]:
    answers = chain(outcome.answers, repeat(Parsed()))
    pairs = zip(exam.rounds, answers, strict=False)
    return [accepted(parsed, round_) for round_, parsed in pairs]


def _error(exam: Year, choices: Sequence[str | None]) -> float:
    return mean(c != j.decision for c, j in zip(choices, exam.truth.judgements, strict=True))


# Drifts --------------------------------------------------------------------------------------


def _staleness(year: Year, exam: Year, choices: Sequence[str | None]) -> dict[str, float]:
    """Return the shares of the clashes turned by the last drift that are decided as before and now.

    There are none without a drift, or if it turns no held-out clash.
    """
    if len(year.truth.eras) < 2:
        return {}
    decisions = _past_decisions(exam, year.truth.eras[-2].weights)
    turned = [
        (choice == past, choice == judgement.decision)
        for choice, past, judgement in zip(choices, decisions, exam.truth.judgements, strict=True)
        if past != judgement.decision
    ]
    if not turned:
        return {}
    return {"stale": mean(s for s, _ in turned), "fresh": mean(f for _, f in turned)}


def _past_decisions(exam: Year, weights: Sequence[float]) -> list[str]:
    """Return what the user would have decided in each round with other weights."""
    decisions = []
    for round_, judgement in zip(exam.rounds, exam.truth.judgements, strict=True):
        worth = [sum(weights[i] for i in features) for features in judgement.triggered]
        decisions.append(round_.ids[worth.index(max(worth))])
    return decisions


# Words of the notes --------------------------------------------------------------------------


def _agreement(year: Year, notes: Sequence[str], decoys: Sequence[Principle]) -> dict[str, float]:
    """Return how far the notes and the user's principles agree, and what chance gives."""
    principles = year.truth.principles
    shares = {"named": weight_share(principles, year.truth.eras[-1].weights, notes)}
    if decoys:
        shares["by_chance"] = weight_share(decoys, [p.prior for p in decoys], notes)
    if notes:
        shares["supported"] = mean(any(says(note, p) for p in principles) for note in notes)
    return shares


def _decoys(year: Year, others: Sequence[Instance[Year]]) -> list[Principle]:
    """Return the principles of other users' roles, each text once, without this user's."""
    texts = {principle.text for principle in year.truth.principles}
    decoys = {principle.text: principle for other in others for principle in _of_role(other)}
    return [principle for text, principle in decoys.items() if text not in texts]


def _of_role(instance: Instance[Year]) -> list[Principle]:
    return [principle for principle in instance.payload.truth.principles if principle.prior]


def weight_share(
    principles: Sequence[Principle], weights: Sequence[float], notes: Sequence[str]
) -> float:
    """Return the share of the principles' absolute weight that some note names, in [0, 1].

    Args:
        principles: the principles.
        weights: the weight of each, of either sign.
        notes: the texts of the notes.
    """
    total = sum(map(abs, weights))
    covered = sum(
        abs(w) for p, w in zip(principles, weights, strict=True) if any(says(n, p) for n in notes)
    )
    return covered / total if total else 0.0


def says(note: str, principle: Principle) -> bool:
    """Return whether a note has half of a principle's words, small ones aside, or its trigger's.

    Of the words of the trigger, its attributes' values, it must have all.
    """
    stems = words(note)
    return _covers(stems, principle.text, SHARE) or _covers(
        stems, " ".join(principle.when.values()), 1.0
    )


def _covers(stems: frozenset[str], text: str, share: float) -> bool:
    """Return whether stems hold a share of those of a text, which must have any."""
    needed = words(text)
    return bool(needed) and len(needed & stems) >= share * len(needed)


def words(text: str) -> frozenset[str]:
    """Return the stems of a text's words of three letters or more that carry meaning."""
    long_words = re.findall(r"[^\W\d_]{3,}", text.casefold())
    return frozenset(word[:STEM] for word in long_words if word not in _STOP)
