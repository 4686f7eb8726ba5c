"""Lines of tanks on the page: one cycle by tank, what is marked is what the grader found."""

from typing import Any

import pytest

from generators.hoist import generate
from graders.hoist import grade
from harness.families.hoist import POLICIES
from harness.report import hoist
from harness.report.base import EpisodeView, Timeline, looks
from memory.context import MemoryState
from tasks.base import Instance, Outcome, Parsed
from tasks.hoist import KEY, PERIOD, HoistLine, move_ids, stays
from tests.factories.lines import answer
from tests.factories.records import build_board, record


def seen(instance: Instance[HoistLine], given: Any, model: str = "openai/m") -> EpisodeView:
    outcome = Outcome((Parsed(value=given, how="given"),))
    made = record(
        instance.index,
        instance=instance.id,
        family="hoist",
        level=instance.level,
        settings=instance.settings,
        model=model,
        grade=grade(instance, outcome),
    )
    return EpisodeView(instance, made, model, outcome, MemoryState())


def drawn(instance: Instance[HoistLine], given: Any) -> Timeline:
    picture = hoist.detail(seen(instance, given)).pictures[0]
    assert isinstance(picture, Timeline)
    return picture


@pytest.mark.parametrize("settings", [{}, {"station": "shared"}])
def test_a_cycle_has_all_moves_and_stays_and_the_reference_beside(settings: Any) -> None:
    one = generate(5, 0, 1, settings)
    line, best = one.payload, one.reference.answer
    pictures = hoist.detail(seen(one, POLICIES["serial"].answer(one))).pictures
    assert len(pictures) == 2
    for picture, given in zip(pictures, (POLICIES["serial"].answer(one), best), strict=True):
        assert isinstance(picture, Timeline)
        assert given is not None
        assert picture.mark == given[PERIOD]
        assert picture.note == f"period {given[PERIOD]}"
        sizes: dict[str, int] = {}
        for lane, size, start in zip(
            picture.frame.lanes, picture.frame.sizes, picture.starts, strict=True
        ):
            assert start is not None
            assert 0 <= start < start + size <= given[PERIOD]
            sizes[lane] = sizes.get(lane, 0) + int(size)
        assert sizes == {"hoist": sum(line.loaded), **stays(line, given[KEY])}
        assert picture.bad == ()


def test_every_violation_is_marked_on_its_bars() -> None:
    one = generate(3, 0, 0, {})
    given = answer(60, {"load": 0, "T1": 70, "T2": 90, "T3": 300})
    found = grade(one, Outcome((Parsed(value=given, how="given"),))).violations
    assert {v["kind"] for v in found} >= {"too_short", "too_long", "occupied"}
    picture = drawn(one, given)
    assert {number for _, number in picture.bad} == set(range(len(found)))
    for row, number in picture.bad:
        problem = found[number]
        place = picture.frame.names[row].removeprefix("move from ").removeprefix("in ")
        assert place in [problem.get(key) for key in ("tank", "first", "second")]


@pytest.mark.parametrize(
    "given",
    [
        answer(100, {}),
        answer(10**30, {"load": 0, "T1": 60}),
        answer(0, {"load": 0, "T1": 60}),
        answer("60", {"load": 0, "T1": 60}),
        answer(100, {"load": True, "T1": "60", "<b>": 0}),
    ],
)
def test_times_that_cannot_be_drawn_are_told(given: dict[str, Any]) -> None:
    picture = drawn(generate(1, 0, 0, {}), given)
    assert picture.starts == (None, None)
    assert picture.note.endswith("2 of 2 moves have no time that can be drawn")


def test_figures_show_scores_what_is_violated_and_gaps() -> None:
    lines = [generate(level, 0, k, {}) for level in (1, 2) for k in range(3)]
    good = [seen(one, POLICIES["serial"].answer(one), "policy/serial") for one in lines]
    episodes = [*good, *(seen(one, answer(9, {})) for one in lines)]
    board = build_board([each.record for each in episodes], {})
    figures = list(hoist.figures(board.rows, episodes, looks(board.rows)))
    text = " ".join(str(figure) for figure in figures)
    assert len(figures) >= 3
    assert "missing" in text
    assert "The optimum over the period" in text
    assert move_ids(lines[0].payload)[0] == "load"
