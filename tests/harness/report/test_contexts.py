"""Questions about projects on the page: shares by level and by kind, and violations in words."""

from typing import Any

from graders.contexts import grade
from harness.families.contexts import POLICIES
from harness.report import contexts
from harness.report.base import EpisodeView, looks
from memory.context import MemoryState
from tasks.base import Outcome, Parsed
from tasks.contexts import KINDS, QuestionStep
from tests.factories.contexts import context
from tests.factories.records import build_board, record


def seen(level: int, index: int, policy: str, model: str) -> EpisodeView:
    one = context(index, level, questions=7)
    answers = [POLICIES[policy].answer(QuestionStep(one, k)) for k in range(1, 8)]
    outcome = Outcome(tuple(Parsed(answer, how="whole") for answer in answers))
    made = record(
        index,
        instance=one.id,
        family="contexts",
        level=level,
        settings=one.settings,
        model=model,
        grade=grade(one, outcome),
    )
    return EpisodeView(one, made, model, outcome, MemoryState())


def figures(episodes: list[EpisodeView]) -> list[Any]:
    rows = build_board([e.record for e in episodes], {"contexts": len(episodes)}).rows
    return list(contexts.figures(rows, episodes, looks(rows)))


def test_the_page_has_shares_by_level_and_by_kind() -> None:
    episodes = [
        seen(level, index, policy, model)
        for policy, model in (("oracle", "openai/m"), ("naive", "openai/n"))
        for level in (1, 2)
        for index in range(3)
    ]
    by_level, by_kind = figures(episodes)
    assert by_level.title == "Score by number of steps (2 a level, from 8)"
    assert by_kind.title == "Right answers by kind"
    assert list(by_kind.table[0][1:]) == list(KINDS)
    rows = {line[0]: line[1:] for line in by_kind.table[1:]}
    assert set(rows["openai/m"]) == {"100.0 %"}
    assert "100.0 %" not in rows["openai/n"]
    assert list(contexts.figures([], [], {})) == []


def test_violations_are_sentences() -> None:
    assert contexts.words({"kind": "wrong", "asked": "slack", "value": 3, "question": 2}) == (
        "Question 2: 3 is not the right answer (slack)."
    )
