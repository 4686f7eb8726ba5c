"""The scripted learner counts each round once, and the table is what its years come to."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.calendar import generate
from tasks.base import Instance, Scalar
from tasks.calendar import Year
from tests.depth import examples
from tests.factories.learner import Belief, believed, note_of, numbers_in, read_note, spans
from tests.memory_table import Plan, Row, bill, line, lived, table

SETTINGS: dict[str, Scalar] = {"rounds": 12, "density": 8}


@cache
def instance() -> Instance[Year]:
    return generate(4, 0, 2, {"rounds": 40}, reference=False)


def after(*rounds: int) -> Belief:
    """What is believed after some rounds of the year, by number."""
    year, belief = instance().payload, Belief.first(instance().payload)
    for number in rounds:
        judgement = year.truth.judgements[number - 1]
        choice = year.rounds[number - 1].ids.index(judgement.decision)
        belief.learn(number, judgement.triggered, choice)
    return belief


@given(st.sets(st.integers(1, 40)))
@examples(100)
def test_numbers_are_read_as_they_were_written(numbers: set[int]) -> None:
    assert numbers_in(spans(numbers)) == numbers


def test_a_note_is_read_as_it_was_written_and_common_sense_stays() -> None:
    year, belief = instance().payload, after(1, 2, 3, 7)
    again = read_note(f"- (2025-01) {note_of(belief, year)}", year)
    assert again.rounds == {1, 2, 3, 7}
    assert again.mean == pytest.approx(belief.mean, abs=0.006)
    assert again.gain == pytest.approx(belief.gain, abs=0.006)
    assert read_note("nothing", year) == Belief.first(year)


def test_rounds_apart_add_up_and_no_round_counts_twice() -> None:
    year, prior = instance().payload, Belief.first(instance().payload).mean
    merged = Belief.first(year)
    merged.merge(after(1, 2, 3), prior)
    assert merged.mean == pytest.approx(after(1, 2, 3).mean)
    merged.merge(after(4), prior)
    assert merged.rounds == {1, 2, 3, 4}
    gains = [a + b for a, b in zip(after(1, 2, 3).gain, after(4).gain, strict=True)]
    assert merged.gain == pytest.approx(gains)
    large, small = note_of(after(1, 2, 3), year), note_of(after(2, 3), year)
    assert believed(year, f"- {small}\n- {large}") == believed(year, large)


@pytest.mark.heavy
def test_each_memory_gives_the_learner_what_it_should() -> None:
    """Without a past it is common sense; notes on all rounds are worth as much as the rounds."""
    rows = {name: lived(name, [instance()]) for name in ("none", "full-history", "summary")}
    assert rows["none"].spent.keys() == {"test"}
    assert rows["summary"].calls == {"test": 40, "sleep": 40}
    assert rows["summary"].aers == pytest.approx(rows["full-history"].aers, abs=2.5 / 40)
    assert rows["full-history"].aers[0] < rows["none"].aers[0]


@pytest.mark.heavy
def test_the_table_pairs_users_and_bills_the_gate() -> None:
    memories = ("none", "temporal-tree", "temporal-tree:planner=true,gate=true", "placebo")
    none, tree, gated, placebo = table(Plan(2, SETTINGS, memories), workers=1)
    assert len(none.aers) == len(gated.read) == 2
    assert placebo.aers == none.aers  # another user's rounds teach it nothing
    assert placebo.read > none.read == [0, 0]
    assert tree.calls["recall"] == 0 < gated.calls["recall"] == 2 * 2 * 11
    assert tree.spent["sleep"] == gated.spent["sleep"]
    assert sum(gated.read) < sum(tree.read)
    assert line(tree, (none, tree)).split(" | ")[3] == "-"
    assert f"{none.aers[0] / 2 + none.aers[1] / 2:.3f}" in line(none, ())
    assert "fewer recalled tokens than temporal-tree" in bill(tree, gated)


def test_gains_are_the_means_of_differences() -> None:
    one, other = Row("one", [0.1, 0.2, 0.6]), Row("other", [0.2, 0.4, 0.6])
    assert one.gain(other).value == pytest.approx(0.1)
