"""Migrations on the page: what became of each move, free cores, quality against staleness."""

from typing import Any

import pytest

from generators.vms import generate
from graders import vms as grader
from harness.board.board import Row, build_board
from harness.board.load import ScoredRecord
from harness.report import vms
from harness.report.base import EpisodeView, Strip, Timeline, looks
from memory.context import MemoryState
from tasks.base import Grade, Instance, Outcome, Verdict
from tasks.vms import read
from tasks.vms_course import PLAN
from tasks.vms_payload import Cluster
from tests.factories.records import record

ONE = generate(2, 1, 0, {})
MOVES: list[Any] = (ONE.reference.answer or {})[PLAN]


def viewed(instance: Instance[Cluster], moves: Any) -> EpisodeView:
    outcome: Outcome = read({PLAN: moves}, "")
    grade = grader.grade(instance, outcome)
    made = record(0, instance=instance.id, family="vms", grade=grade)
    return EpisodeView(instance, made, "policy/exact", outcome, memory=MemoryState())


def timelines(episode: EpisodeView) -> list[Timeline]:
    return [each for each in vms.detail(episode).pictures if isinstance(each, Timeline)]


def test_free_cores_are_those_of_the_grade() -> None:
    episode = viewed(ONE, MOVES)
    shown, answer, reference = timelines(episode)
    assert episode.record.grade
    least = episode.record.grade.objective
    assert shown.note.startswith(f"{episode.record.grade.metrics['idle']:g} of ")
    assert answer.note == reference.note
    assert answer.note.startswith(f"{least} of ")
    free = sum(44 - size for size in answer.starts if size is not None)
    assert free == sum(answer.frame.sizes)


def test_the_strip_tells_what_became_of_each_move() -> None:
    detail = vms.detail(viewed(ONE, [7, *MOVES[:1]]))
    [strip] = [each for each in detail.pictures if isinstance(each, Strip)]
    assert strip.cells[0] == "x0"  # a plan that is not in order is not begun
    assert strip.cells[1] == "1" * len(MOVES)
    assert detail.steps == (
        "move 1: 7: not in order",
        f"move 2: {MOVES[0]['vm']} to {MOVES[0]['host']}, node {MOVES[0]['numa']}: not made",
    )


def test_turns_without_a_move_have_no_line() -> None:
    instance = generate(2, 1, 0, {"track": "reactive"})
    detail = vms.detail(viewed(instance, ["wait", MOVES[0], "stop"]))
    assert [line.split(": ")[-1] for line in detail.steps] == ["made"]


@pytest.mark.parametrize("moves", [[], None, "all", [7], [{"vm": 3, "host": [], "numa": {}}]])
def test_an_answer_that_is_none_is_drawn_all_the_same(moves: Any) -> None:
    shown, answer, _ = timelines(viewed(ONE, moves))
    assert shown.note == answer.note


def test_turns_and_events_are_drawn() -> None:
    instance = generate(2, 1, 0, {"track": "reactive", "churn": 1})
    moves = (instance.reference.answer or {})[PLAN]
    episode = viewed(instance, moves)
    shown, answer, reference = timelines(episode)
    assert answer.note == reference.note != shown.note


def board(*, delays: tuple[int, ...]) -> list[Row]:
    records = []
    for delay in delays:
        metrics = {"planned_anew": 0.6} if delay else {}
        grade = Grade(Verdict.valid, 1 / (1 + delay), against="optimum", metrics=metrics)
        records += [
            ScoredRecord(
                record(
                    k,
                    family="vms",
                    level=8,
                    model="policy/exact",
                    settings={"track": "plan", "delay": delay},
                    grade=grade,
                ),
                {},
            )
            for k in range(4)
        ]
    return list(build_board(records, {}).rows)


def test_quality_against_staleness_is_a_figure_where_there_are_two_counts() -> None:
    rows = board(delays=(0, 8, 32))
    styles = looks(rows)
    [figure] = vms.staleness(rows, styles)
    assert figure.title.startswith("Quality against staleness")
    assert "greedy, planned anew" in str(figure.picture)
    heads, exact, anew = (list(line) for line in figure.table)
    assert heads[1:] == ["0", "8", "32"]
    assert exact[1:] == ["1.000", "0.111", "0.030"]
    assert anew[2:] == ["0.600", "0.600"]
    assert list(vms.staleness(board(delays=(8,)), styles)) == []
