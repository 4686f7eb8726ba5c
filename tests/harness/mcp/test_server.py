"""The server's own rules: which calls belong together, and which have no place."""

import asyncio
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError

from harness.mcp.direct import direct
from harness.mcp.server import Worlds, build_server
from harness.mcp.wire import PLACE, TIMES
from tasks.base import CallTools, ToolResult
from tasks.tools_payload import Hidden
from tests.harness.mcp.worlds import call, task

ONE = task(0, 6)
FIRST = Hidden(ONE.payload).steps()[0]


def meta(**more: Any) -> Any:
    """A call's `_meta`: the only call of a first turn, but for what is given."""
    place = {"instance": ONE.id, "episode": "e", "attempt": 1, "turn": 1, "index": 0, "count": 1}
    return {PLACE: place | more}


async def refused(client: Client, **more: Any) -> str:
    with pytest.raises(MCPError) as failed:
        await client.call_tool(FIRST.offer.name, FIRST.arguments, meta=meta(**more))
    return str(failed.value)


async def result(client: Client, **more: Any) -> tuple[int, int]:
    answer = await client.call_tool(FIRST.offer.name, FIRST.arguments, meta=meta(**more))
    times = (answer.meta or {})[TIMES]
    return times["start"], times["end"]


def with_client(play: Any, **options: Any) -> Any:
    async def played() -> Any:
        async with Client(build_server(Worlds({ONE.id: ONE}, **options), ONE.id)) as client:
            return await play(client)

    return asyncio.run(played())


def test_calls_that_have_no_place_are_refused_and_change_nothing() -> None:
    async def play(client: Client) -> None:
        assert await refused(client, instance="x") == "there is no instance 'x'"
        assert "turn 0 has no call 0 of 1" in await refused(client, turn=0)
        assert "turn 1 has no call 1 of 1" in await refused(client, index=1)
        assert "Object missing required field" in await refused_raw(client)
        began = await result(client)
        assert await refused(client) == "e, attempt 1, turn 1: it comes after turn 1"
        assert await result(client, attempt=2) == began
        assert await result(client, episode="f") == began
        assert (await result(client, turn=2))[0] > began[1]

    async def refused_raw(client: Client) -> str:
        broken: Any = {PLACE: {"turn": 1}}
        with pytest.raises(MCPError) as failed:
            await client.call_tool("any", {}, meta=broken)
        return str(failed.value)

    with_client(play)


def test_a_turn_is_performed_in_the_order_of_its_indices_whatever_comes_first() -> None:
    calls = tuple(call(FIRST.offer.name, FIRST.arguments) for _ in range(5))

    async def alone() -> tuple[ToolResult, ...]:
        return await direct(ONE)(CallTools("", 1, calls))

    expected = asyncio.run(alone())

    async def play(client: Client) -> list[tuple[int, int]]:
        found: dict[int, tuple[int, int]] = {}

        async def send(index: int, after: float) -> None:
            await anyio.sleep(after)
            found[index] = await result(client, index=index, count=5)

        async with anyio.create_task_group() as group:
            for position, index in enumerate((3, 1, 4, 0, 2)):
                group.start_soon(send, index, position / 100)
        return [found[k] for k in range(5)]

    assert with_client(play) == [(one.start, one.end) for one in expected]
    assert len({one.start for one in expected}) > 1


def test_the_same_index_twice_and_another_count_have_no_place() -> None:
    async def play(client: Client) -> list[str]:
        messages = []

        async def send() -> None:
            messages.append(await refused(client, index=0, count=3))

        async with anyio.create_task_group() as group:
            group.start_soon(send)
            await anyio.sleep(0.05)
            for more in ({"index": 0, "count": 3}, {"index": 1, "count": 2}):
                messages.append(await refused(client, **more))
        return messages

    name = "e, attempt 1, turn 1:"
    assert with_client(play, patience=0.3) == [
        f"{name} call 0 of 3 has no place in it",
        f"{name} call 1 of 2 has no place in it",
        f"{name} only 1 of its 3 calls came in 0.3 s",
    ]


def test_the_episodes_used_last_are_kept() -> None:
    async def play(client: Client) -> None:
        began = await result(client, episode="a")
        await result(client, episode="b")
        assert (await result(client, episode="a", turn=2))[0] > began[0]
        await result(client, episode="c")  # b is dropped
        assert (await result(client, episode="a", turn=3))[0] > began[1]
        assert await result(client, episode="b") == began

    with_client(play, kept=2)
