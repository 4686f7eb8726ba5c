"""Held-out clashes: of the same user, after the year, of streams of their own."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from generators.calendar import generate, held_out
from tasks.base import InputError, Instance
from tasks.calendar import Year


def make(index: int = 0, **dials: Any) -> Instance[Year]:
    return generate(4, 5, index, {"rounds": 12, **dials}, reference=False)


@pytest.mark.heavy
@pytest.mark.parametrize("drift", [0, 1, 3])
def test_of_the_same_user_after_the_year_by_the_last_weights(drift: int) -> None:
    for index in range(6):
        instance = make(index, drift=drift)
        exam = held_out(instance, 20).payload
        year = instance.payload
        assert len(exam.rounds) == 20
        assert (exam.user, exam.organisation) == (year.user, year.organisation)
        assert exam.truth.principles == year.truth.principles
        assert [era.weights for era in exam.truth.eras] == [year.truth.eras[-1].weights]
        assert exam.rounds[0].date > year.rounds[-1].date
        assert exam.manager(exam.rounds[0].date) == year.manager(year.rounds[-1].date)
        titles = {tuple(e.title for e in clash.events) for clash in year.rounds}
        assert not titles & {tuple(e.title for e in clash.events) for clash in exam.rounds}
        assert (exam.history, exam.feedback) == (0, "none")


@pytest.mark.heavy
def test_the_same_each_time_and_nested_in_nothing() -> None:
    clash = msgspec.json.encode(held_out(make(), 20))
    assert clash == msgspec.json.encode(held_out(make(), 20))
    assert held_out(make(1), 20).payload.rounds != held_out(make(0), 20).payload.rounds
    assert held_out(make(), 20).id != make().id


def test_a_year_that_was_not_generated_has_none() -> None:
    instance = make()
    rounds = instance.payload.rounds
    changed = replace(instance.payload, rounds=(replace(rounds[0], minutes=7), *rounds[1:]))
    for other in (
        replace(instance, payload=changed),
        replace(instance, seed=6),
        replace(instance, seed=None),
        replace(instance, version=99),
    ):
        with pytest.raises(InputError, match="no held-out clashes"):
            held_out(other, 20)
