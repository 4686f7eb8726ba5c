"""Programs that are played: one thing after another, and translated into other programs."""

from typing import Any

import pytest

from tasks.base import (
    Ask,
    Begin,
    Join,
    Message,
    Outside,
    Program,
    Reply,
    Tell,
    Together,
    ask,
    tell,
    together,
)
from tasks.play import play, translate


def question(path: str) -> Program[str]:
    reply = yield from ask(path, (Message("user", path),))
    return reply.text


def stream() -> Program[list[str]]:
    """Two programs together, one begun before and joined after, and feedback."""
    yield Begin("late", question("late"))
    answers = yield from together(question(path) for path in ("a", "b"))
    yield from tell("told", {"text": "so far"})
    late: str = yield Join("late")
    return [*answers, late]


def echo(effect: Outside) -> Reply | None:
    return Reply(effect.path.upper()) if isinstance(effect, Ask) else None


def test_results_come_in_the_order_given() -> None:
    assert play(stream(), echo) == ["A", "B", "LATE"]


def test_translation_reaches_what_runs_beside() -> None:
    def handle(effect: Outside) -> Program[Any]:
        if isinstance(effect, Ask):
            draft = yield Ask(f"{effect.path}/draft", effect.messages)
            return Reply(draft.text + "!")
        return (yield effect)

    seen: list[str] = []

    def perform(effect: Outside) -> Reply | None:
        assert isinstance(effect, Ask | Tell)
        seen.append(effect.path)
        return echo(effect)

    assert play(translate(stream(), handle), perform) == ["A/DRAFT!", "B/DRAFT!", "LATE/DRAFT!"]
    assert seen == ["late/draft", "a/draft", "b/draft", "told"]


def test_what_performing_raises_is_raised() -> None:
    def perform(_: Outside) -> Reply:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        play(question("a"), perform)


def test_programs_of_programs() -> None:
    def nested() -> Program[list[list[str]]]:
        results: list[list[str]] = yield Together((stream(), stream()))
        return results

    assert play(nested(), echo) == [["A", "B", "LATE"]] * 2
