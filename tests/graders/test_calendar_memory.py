"""What notes are worth: by behaviour on held-out clashes, and by their words."""

import pytest

from generators.calendar import generate, held_out
from graders.calendar_memory import examine, says, weight_share, words
from tasks.base import Instance, Outcome, Parsed
from tasks.calendar import Year
from tasks.calendar_truth import Principle

GRANTS = Principle("Without grants there is no group: money comes first.", {"topic": "funding"}, 3)
TRAVEL = Principle("Travel eats the week.", {"place": "travel"}, -1)


def users(drift: int = 0) -> list[Instance[Year]]:
    return [generate(3, 0, k, {"rounds": 30, "drift": drift}) for k in range(3)]


def decided(exam: Year, number: int = 0) -> Outcome:
    """The event that stands so many places below the first of the true ranking."""
    return Outcome(
        tuple(Parsed(value={"accept": j.ranking[number]}) for j in exam.truth.judgements)
    )


@pytest.mark.parametrize(
    ("note", "principle", "expected"),
    [
        ("Grants first: without money no group.", GRANTS, True),
        ("always take what is about funding", GRANTS, True),
        ("Money.", GRANTS, False),
        ("", GRANTS, False),
        ("The user likes the sea", TRAVEL, False),
        ("No travel!", TRAVEL, True),
        ("week after week it eats", TRAVEL, True),
    ],
)
def test_words(note: str, principle: Principle, expected: bool) -> None:
    assert says(note, principle) is expected


def test_words_are_stems_without_small_ones() -> None:
    assert words("The grant, grants and GRANTED of a Déjà-vu") == {"grant", "déjà"}


def test_named_is_a_share_of_absolute_weight() -> None:
    assert weight_share([GRANTS, TRAVEL], [3.0, -1.0], ["No travel"]) == 0.25
    assert weight_share([GRANTS, TRAVEL], [3.0, -1.0], ["No travel", "funding"]) == 1
    assert weight_share([GRANTS], [0.0], ["funding"]) == 0
    assert weight_share([], [], []) == 0


def test_right_and_wrong_answers() -> None:
    mine, *others = users()
    held = held_out(mine, 20)
    notes = [p.text for p in mine.payload.truth.principles]
    found = examine(mine, held, decided(held.payload), decided(held.payload, 1), notes, others)
    assert (found["error"], found["bare_error"]) == (0, 1)
    assert found["named"] == found["supported"] == 1
    assert found["by_chance"] < 0.3
    assert found["logit"] < found["role_prior"]
    assert "stale" not in found
    empty = examine(mine, held, Outcome(()), Outcome(()), [], [mine])
    assert (empty["error"], empty["named"], empty["entries"]) == (1, 0, 0)
    assert "by_chance" not in empty
    assert "supported" not in empty


@pytest.mark.heavy
def test_stale_decisions_are_those_of_the_weights_before() -> None:
    for one in users(drift=1):
        held = held_out(one, 20)
        before = one.payload.truth.eras[-2].weights
        old = []
        for clash, judged in zip(held.payload.rounds, held.payload.truth.judgements, strict=True):
            worth = [sum(before[i] for i in has) for has in judged.triggered]
            old.append(Parsed(value={"accept": clash.ids[worth.index(max(worth))]}))
        stale = examine(one, held, Outcome(tuple(old)), Outcome(()), [], [])
        fresh = examine(one, held, decided(held.payload), Outcome(()), [], [])
        assert (stale["stale"], stale["fresh"]) == (1, 0)
        assert (fresh["stale"], fresh["fresh"]) == (0, 1)
        assert 0 < stale["error"] < 1
