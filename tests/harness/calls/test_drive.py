"""The one driver: what a program wants side by side runs side by side, results by position."""

import asyncio
from typing import Any

import pytest

from harness.calls.drive import drive
from tasks.base import (
    Action,
    Ask,
    Begin,
    Failure,
    Join,
    Message,
    Outside,
    Program,
    Reply,
    ask,
    together,
)
from tasks.play import play
from tests import virtual_time

WAITS = {"a": 3.0, "b": 1.0, "c": 2.0}


def question(path: str) -> Program[str]:
    reply = yield from ask(path, (Message("user", path),))
    return reply.text


async def slow(effect: Outside) -> Any:
    assert isinstance(effect, Ask | Action)
    await asyncio.sleep(WAITS[effect.path])
    return Reply(effect.path.upper())


def three() -> Program[list[str]]:
    return (yield from together(question(path) for path in WAITS))


def test_together_takes_as_long_as_the_slowest_and_answers_in_order() -> None:
    async def timed() -> tuple[list[str], float]:
        return await drive(three(), slow), virtual_time.now()

    answers, seconds = virtual_time.run(timed())
    assert answers == ["A", "B", "C"]
    assert seconds == pytest.approx(3.0)
    assert answers == play(three(), lambda effect: Reply(getattr(effect, "path", "").upper()))


def test_what_was_begun_ends_before_a_failure_is_raised() -> None:
    ended: list[str] = []

    async def perform(effect: Outside) -> Any:
        assert isinstance(effect, Ask)
        await asyncio.sleep(WAITS[effect.path])
        if effect.path == "b":
            raise Failure("no b")
        ended.append(effect.path)
        return Reply("")

    with pytest.raises(Failure, match="no b"):
        virtual_time.run(drive(three(), perform))
    assert sorted(ended) == ["a", "c"]


@pytest.mark.parametrize("kind", [Ask, Action])
def test_a_path_is_wanted_once_also_side_by_side(kind: type[Any]) -> None:
    def want() -> Program[Any]:
        return (yield kind("a", ()) if kind is Ask else kind("a"))

    def twice() -> Program[Any]:
        return (yield from together([want(), want()]))

    with pytest.raises(Failure, match="'a' is asked twice"):
        virtual_time.run(drive(twice(), slow))


def test_a_name_is_begun_once_until_it_is_joined() -> None:
    def again(joined: bool) -> Program[str]:
        yield Begin("x", question("a"))
        if joined:
            yield Join("x")
        yield Begin("x", question("b"))
        answer: str = yield Join("x")
        return answer

    assert virtual_time.run(drive(again(True), slow)) == "B"
    with pytest.raises(Failure, match="'x' is begun twice"):
        virtual_time.run(drive(again(False), slow))
