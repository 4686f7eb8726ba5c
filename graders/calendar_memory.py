"""What a memory's notes are worth after the year, and how far they agree with hidden principles.

Behaviour decides: held-out clashes are answered from the notes alone, and again from nothing. What
the notes say is compared by words only, with other people's principles beside as what chance gives.
"""

import re
from collections.abc import Sequence
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
    """One user's metrics; `noted` and `bare` answer `held` with the notes and without.

    Without a drift that turns any held-out decision there is no `stale` and no `fresh`, without
    users of another role among `others` no `by_chance`, without notes no `supported`.
    """
    year, exam = instance.payload, held.payload
    with_notes, without = _choices(exam, noted), _choices(exam, bare)
    found = {
        "error": _error(exam, with_notes),
        "bare_error": _error(exam, without),
        "role_prior": mean(wrong_rounds(exam, prior_scores(exam))),
        "logit": mean(wrong_rounds(exam, after(year, exam))),
        "entries": float(len(notes)),
    }
    principles = year.truth.principles
    found["named"] = named(principles, year.truth.eras[-1].weights, notes)
    if decoys := _decoys(year, others):
        found["by_chance"] = named(decoys, [p.prior for p in decoys], notes)
    if notes:
        found["supported"] = mean(any(says(note, p) for p in principles) for note in notes)
    return found | _staleness(year, exam, with_notes)


def _decoys(year: Year, others: Sequence[Instance[Year]]) -> list[Principle]:
    """The principles of other users' roles, each text once, that are not also this user's."""
    mine = {principle.text for principle in year.truth.principles}
    found = {p.text: p for other in others for p in other.payload.truth.principles if p.prior}
    return [principle for text, principle in found.items() if text not in mine]


def _choices(exam: Year, outcome: Outcome) -> list[str | None]:
    answers = [*outcome.answers, *[Parsed()] * len(exam.rounds)]
    return [accepted(parsed, one) for one, parsed in zip(exam.rounds, answers, strict=False)]


def _error(exam: Year, choices: Sequence[str | None]) -> float:
    return mean(c != j.decision for c, j in zip(choices, exam.truth.judgements, strict=True))


def _staleness(year: Year, exam: Year, choices: Sequence[str | None]) -> dict[str, float]:
    """Of the held-out clashes that the last drift turned: decided as before it, and as since."""
    eras = year.truth.eras
    if len(eras) < 2:
        return {}
    before, turned = eras[-2].weights, []
    for one, judgement, choice in zip(exam.rounds, exam.truth.judgements, choices, strict=True):
        worth = [sum(before[i] for i in has) for has in judgement.triggered]
        old = one.ids[worth.index(max(worth))]
        if old != judgement.decision:
            turned.append((choice == old, choice == judgement.decision))
    if not turned:
        return {}
    return {"stale": mean(s for s, _ in turned), "fresh": mean(f for _, f in turned)}


# What the notes say --------------------------------------------------------------------------


def named(principles: Sequence[Principle], weights: Sequence[float], notes: Sequence[str]) -> float:
    """Share of the principles' absolute weight that some note names."""
    total = sum(map(abs, weights))
    kept = sum(
        abs(w) for p, w in zip(principles, weights, strict=True) if any(says(n, p) for n in notes)
    )
    return kept / total if total else 0.0


def says(note: str, principle: Principle) -> bool:
    """Whether a note has half of a principle's words, small ones aside, or all of its trigger's."""
    told, wanted = words(note), words(principle.text)
    trigger = words(" ".join(principle.when.values()))
    by_text = bool(wanted) and len(wanted & told) >= SHARE * len(wanted)
    return by_text or (bool(trigger) and trigger <= told)


def words(text: str) -> frozenset[str]:
    """The stems of the words of three letters or more that carry meaning."""
    found = re.findall(r"[^\W\d_]{3,}", text.casefold())
    return frozenset(word[:STEM] for word in found if word not in _STOP)
