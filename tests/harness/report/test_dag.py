"""Task graphs on the page: a line for each processor, what is marked is what the grader found."""

from typing import Any

import pytest

from generators.dag import generate
from graders.dag import grade
from harness.families.dag import POLICIES
from harness.report import dag
from harness.report.base import EpisodeView, Timeline, looks
from memory.context import MemoryState
from tasks.base import Instance, Outcome, Parsed
from tasks.dag import KEY, TaskGraph, makespan
from tests.factories.records import build_board, record


def seen(instance: Instance[TaskGraph], schedule: Any, model: str = "openai/m") -> EpisodeView:
    outcome = Outcome((Parsed(value={KEY: schedule}, how="given"),))
    made = record(
        instance.index,
        instance=instance.id,
        family="dag",
        level=instance.level,
        settings=instance.settings,
        model=model,
        grade=grade(instance, outcome),
    )
    return EpisodeView(instance, made, model, outcome, MemoryState())


def drawn(instance: Instance[TaskGraph], schedule: Any) -> Timeline:
    picture = dag.detail(seen(instance, schedule)).pictures[0]
    assert isinstance(picture, Timeline)
    return picture


@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_a_gantt_chart_has_a_line_for_each_processor_and_the_reference_beside(
    noise: float,
) -> None:
    one = generate(8, 0, 1, {"noise": noise})
    assert one.reference.answer is not None
    best, plan = one.reference.answer[KEY], POLICIES["heft"].answer(one)[KEY]
    pictures = dag.detail(seen(one, plan)).pictures
    assert len(pictures) == 2
    for picture, schedule in zip(pictures, (plan, best), strict=True):
        assert isinstance(picture, Timeline)
        frame = picture.frame
        rows = zip(one.payload.tasks, frame.lanes, frame.sizes, picture.starts, strict=True)
        for task, lane, size, start in rows:
            place = schedule[task.id]
            assert (lane, start) == (place["processor"], place["start"])
            assert size == task.times[lane]
        assert picture.mark == makespan(one.payload, schedule)
        assert picture.note.endswith("by the stated times") == bool(noise)
        assert (picture.bad, picture.links) == ((), ())


def test_every_violation_is_marked_on_its_bars() -> None:
    one = generate(6, 0, 0, {})
    schedule = {task.id: {"processor": "P1", "start": 0} for task in one.payload.tasks}
    found = grade(one, Outcome((Parsed(value={KEY: schedule}, how="given"),))).violations
    assert {v["kind"] for v in found} == {"precedence", "processor_busy"}
    picture = drawn(one, schedule)
    assert {number for _, number in picture.bad} == set(range(len(found)))
    for row, number in picture.bad:
        problem = found[number]
        names = {problem.get(key) for key in ("after", "first", "second")}
        assert picture.frame.names[row] in names
    for first, second, number in picture.links:
        pair = (picture.frame.names[first], picture.frame.names[second])
        assert pair == (found[number]["before"], found[number]["after"])
    assert len(picture.links) == sum(v["kind"] == "precedence" for v in found)


@pytest.mark.parametrize(
    "schedule",
    [
        {},
        {"T1": {"processor": "P1", "start": 10**30}, "T2": {"processor": "P1", "start": -3}},
        {"T1": {"processor": "P9", "start": 3}, "T2": {"processor": ["P1"], "start": 0}},
        {"T1": {"processor": "P1", "start": True}, "T2": 7, "<b>": 0},
    ],
)
def test_places_that_cannot_be_drawn_are_told(schedule: dict[str, Any]) -> None:
    picture = drawn(generate(2, 0, 0, {}), schedule)
    assert picture.starts == (None, None)
    assert picture.note == "2 of 2 tasks have no place that can be drawn"


def test_figures_show_scores_what_is_violated_and_gaps() -> None:
    graphs = [generate(level, 0, k, {"noise": 0.4}) for level in (2, 3) for k in range(3)]
    good = [seen(one, POLICIES["serial"].answer(one)[KEY], "policy/serial") for one in graphs]
    board = build_board([each.record for each in [*good, *(seen(one, {}) for one in graphs)]], {})
    episodes = [*good, *(seen(one, {}) for one in graphs)]
    figures = list(dag.figures(board.rows, episodes, looks(board.rows)))
    text = " ".join(str(figure) for figure in figures)
    assert len(figures) >= 3
    assert "missing" in text
    assert "of the gaps are against a lower bound" in text
