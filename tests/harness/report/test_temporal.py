"""Questions about time on the page: shares by level and by kind, and violations in words."""

from typing import Any

from generators.temporal import KINDS
from graders.temporal import grade
from harness.families.temporal import POLICIES
from harness.report import temporal
from harness.report.base import EpisodeView, looks
from memory.context import MemoryState
from tasks.base import Record
from tasks.temporal import read
from tests.factories.questions import question
from tests.factories.records import build_board, record


def seen(level: int, index: int, policy: str, model: str) -> EpisodeView:
    one = question(KINDS[index % len(KINDS)], level, index)
    outcome = read(POLICIES[policy].answer(one), "")
    made: Record = record(
        index,
        instance=one.id,
        family="temporal",
        level=level,
        settings=one.settings,
        model=model,
        grade=grade(one, outcome),
    )
    return EpisodeView(one, made, model, outcome, MemoryState())


def figures(episodes: list[EpisodeView]) -> list[Any]:
    rows = build_board([e.record for e in episodes], {"temporal": len(episodes)}).rows
    return list(temporal.figures(rows, episodes, looks(rows)))


def test_the_page_has_shares_by_level_and_by_kind() -> None:
    episodes = [
        seen(level, index, policy, model)
        for policy, model in (("oracle", "openai/m"), ("naive", "openai/n"))
        for level in (1, 4)
        for index in range(16)
    ]
    by_level, by_kind = figures(episodes)
    assert by_level.title == "Score by number of steps or facts"
    assert by_kind.title == "Right answers by kind"
    assert list(by_kind.table[0][1:]) == list(KINDS)
    rows = {line[0]: line[1:] for line in by_kind.table[1:]}
    assert set(rows["openai/m"]) == {"100.0 %"}
    assert "100.0 %" not in rows["openai/n"]


def test_one_level_has_no_picture_of_levels_and_no_episode_none_at_all() -> None:
    assert [f.title for f in figures([seen(1, 0, "oracle", "openai/m")])] == [
        "Right answers by kind"
    ]
    assert list(temporal.figures([], [], {})) == []


def test_violations_are_sentences() -> None:
    assert temporal.words({"kind": "wrong", "form": "date", "value": "2024-01-01"}) == (
        "2024-01-01 is not the right date."
    )
    assert temporal.words({"kind": "wrong_form", "form": "time", "value": "noon"}) == (
        "Where a time should be stands noon."
    )
