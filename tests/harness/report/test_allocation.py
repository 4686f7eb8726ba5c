"""Memory mapping on the page: rectangles are what the answer says, what is marked overlaps."""

from typing import Any

import pytest

from generators.allocation import generate
from graders.allocation import grade
from harness.families.allocation import POLICIES
from harness.report import allocation
from harness.report.base import EpisodeView, MemoryMap, looks
from memory.context import MemoryState
from tasks.allocation import KEY, TensorProgram
from tasks.base import Instance, Outcome, Parsed
from tests.factories.records import build_board, record


def seen(instance: Instance[TensorProgram], offsets: Any, model: str = "openai/m") -> EpisodeView:
    outcome = Outcome((Parsed(value={KEY: offsets}, how="given"),))
    made = record(
        instance.index,
        instance=instance.id,
        family="allocation",
        level=instance.level,
        settings=instance.settings,
        model=model,
        grade=grade(instance, outcome),
    )
    return EpisodeView(instance, made, model, outcome, MemoryState())


def drawn(instance: Instance[TensorProgram], offsets: Any) -> list[MemoryMap]:
    pictures = allocation.detail(seen(instance, offsets)).pictures
    assert all(isinstance(each, MemoryMap) for each in pictures)
    return [each for each in pictures if isinstance(each, MemoryMap)]


def test_rectangles_lie_where_the_answer_places_them() -> None:
    one = generate(12, 0, 1, {})
    assert one.reference.answer is not None
    answer = POLICIES["random"].answer(one)[KEY]
    mine, best = drawn(one, answer)
    assert (mine.title, best.title) == ("Answer", "Reference (proven optimum)")
    for picture, offsets in ((mine, answer), (best, one.reference.answer[KEY])):
        assert dict(zip(picture.names, picture.places, strict=True)) == offsets
        tensors = one.payload.tensors
        assert picture.spans == tuple((tensor.start, tensor.end) for tensor in tensors)
        peak = max(offsets[tensor.id] + tensor.size for tensor in tensors)
        assert picture.note == f"peak {peak} of 64"
        assert (picture.limit, picture.bad) == (64, ())


def test_with_benefit_what_has_no_place_is_told() -> None:
    one = generate(9, 0, 0, {"objective": "benefit"})
    assert one.reference.answer is not None
    offsets = one.reference.answer[KEY]
    picture = drawn(one, offsets)[1]
    tensors = one.payload.tensors
    saved = sum(tensor.benefit for tensor in tensors if offsets[tensor.id] is not None)
    rest = list(offsets.values()).count(None)
    assert picture.note == f"saves {saved}, {rest} of 9 tensors have no place"


def test_every_overlap_is_marked_on_both_of_its_rectangles() -> None:
    one = generate(8, 0, 0, {})
    offsets = {tensor.id: 0 for tensor in one.payload.tensors}
    found = grade(one, Outcome((Parsed(value={KEY: offsets}, how="given"),))).violations
    picture = drawn(one, offsets)[0]
    marked = {(picture.names[row], number) for row, number in picture.bad}
    assert marked == {(v[end], k) for k, v in enumerate(found) for end in ("first", "second")}


@pytest.mark.parametrize(
    "offsets", [{}, {"T1": "x", "T2": 7.5}, {"T1": -3, "T2": 10**30, "<b>": 1}]
)
def test_tensors_that_cannot_be_drawn_are_told(offsets: dict[str, Any]) -> None:
    picture = drawn(generate(2, 0, 0, {}), offsets)[0]
    assert picture.places == (None, None)
    assert picture.note == "2 of 2 tensors have no place"


def test_figures_show_scores_what_fits_and_what_is_violated() -> None:
    programs = [generate(level, 0, k, {}) for level in (8, 12) for k in range(2)]
    good = [seen(one, POLICIES["random"].answer(one)[KEY], "policy/random") for one in programs]
    episodes = [*good, *(seen(one, {}) for one in programs)]
    board = build_board([each.record for each in episodes], {})
    figures = list(allocation.figures(board.rows, episodes, looks(board.rows)))
    assert [figure.title for figure in figures] == [
        "Score by number of tensors",
        "Fits by number of tensors",
        "What is violated",
        "Gap to the reference",
    ]
