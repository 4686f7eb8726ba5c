"""Real servers and clients: whatever carries the calls of an episode, the same comes of them."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from msgspec.structs import replace

from harness.mcp.client import STARTS, Link, opener, perform_turn
from harness.mcp.direct import direct
from harness.mcp.server import Worlds, build_server
from harness.mcp.servers import Servers
from harness.mcp.wire import PLACE, LostServer, Place, ToolsFailure
from tasks.base import CallTools, Instance, ToolResult
from tests.harness.helpers import command
from tests.harness.mcp.worlds import TRANSPORTS, call, file_of, task, trace, turns

MCP = TRANSPORTS[1:]
WORLDS: tuple[dict[str, Any], ...] = (
    {"level": 6},
    {"level": 9, "failures": 0.4, "capacity": 1},
    {"level": 5, "track": "plan", "failures": 0.3},
)


def by(transport: str, instance: Instance[Any]) -> Instance[Any]:
    return replace(instance, settings=instance.settings | {"transport": transport})


def alone(script: list[CallTools]) -> list[CallTools]:
    """The same calls one a turn, as a plan makes them."""
    calls = [one for effect in script for one in effect.calls]
    return [CallTools(f"plan/{n}", n, (one,)) for n, one in enumerate(calls, 1)]


def script_of(instance: Instance[Any], seed: int) -> list[CallTools]:
    made = turns(instance, seed)
    return alone(made) if instance.payload.track == "plan" else made


@pytest.mark.heavy
def test_traces_are_the_same_on_every_transport_twice(tmp_path: Path) -> None:
    made = [task(k, **settings) for k, settings in enumerate(WORLDS)]
    path = file_of(tmp_path / "i.jsonl", made)

    async def hashes() -> dict[tuple[str, int], set[str]]:
        found: dict[tuple[str, int], set[str]] = {}
        for transport in TRANSPORTS:
            mine = [by(transport, one) for one in made]
            servers = Servers(path, mine)
            for _ in range(2):
                for seed, one in enumerate(mine):
                    tools = servers.tools(one, f"episode {one.id}")
                    found.setdefault((one.id, seed), set()).add(
                        await trace(tools, script_of(one, seed))
                    )
            await servers.close()
        return found

    found = asyncio.run(hashes())
    assert [len(same) for same in found.values()] == [1] * len(WORLDS)
    assert len(set().union(*found.values())) == len(WORLDS)


@pytest.mark.heavy
@pytest.mark.parametrize("transport", MCP)
def test_many_wide_turns_at_once_do_not_wait_for_each_other(tmp_path: Path, transport: str) -> None:
    one = by(transport, task())
    path = file_of(tmp_path / "i.jsonl", [one])
    name, good = one.payload.steps[0].tool, turns(one)[-6].calls[0]
    wide = [CallTools("t", 1, (*(call(name, {"n": n}) for n in range(24)), good))]

    async def all_traces() -> set[str]:
        servers = Servers(path, [one])
        players = [servers.tools(one, f"e{k}") for k in range(12)]
        found = await asyncio.gather(*(trace(tools, wide) for tools in players))
        await servers.close()
        return {*found, await trace(direct(one), wide)}

    assert len(asyncio.run(all_traces())) == 1


@pytest.mark.heavy
@pytest.mark.parametrize("transport", MCP)
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_traces_are_the_same_under_asyncio_and_trio(
    tmp_path: Path, transport: str, backend: str
) -> None:
    one = task(1, level=7, failures=0.3)
    opened = opener(transport, file_of(tmp_path / "i.jsonl", [one]), {one.id: one})

    async def played() -> str:
        async with opened() as client:

            async def perform(effect: CallTools) -> tuple[ToolResult, ...]:
                first = Place(one.id, "e", 1, effect.turn, 0, len(effect.calls))
                return await perform_turn(client.session, first, effect.calls)

            return await trace(perform, turns(one))

    assert anyio.run(played, backend=backend) == asyncio.run(trace(direct(one), turns(one)))


# What goes wrong -----------------------------------------------------------------------------


def children() -> set[int]:
    """The processes that this one has started and that still run."""
    lists = Path("/proc/self/task").glob("*/children")
    return {int(pid) for one in lists for pid in one.read_text().split()}


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Any:
    before = children()
    yield
    assert children() <= before


@pytest.mark.heavy
def test_when_a_server_is_killed_its_episodes_fail_and_the_next_gets_another(
    tmp_path: Path,
) -> None:
    one = by("stdio", task())
    path = file_of(tmp_path / "i.jsonl", [one])
    [first, second, *_] = turns(one)

    async def killed() -> list[str]:
        before = children()
        servers = Servers(path, [one])
        tools, other = servers.tools(one, "a"), servers.tools(one, "b")
        await tools(first)
        await other(first)
        [server] = children() - before
        os.kill(server, signal.SIGKILL)
        messages = []
        for mine in (tools, other, tools):
            with pytest.raises(ToolsFailure) as failed:
                await mine(second)
            assert failed.value.kind == "tools"
            assert failed.value.boundary == "tools"
            messages.append(str(failed.value))
        assert await servers.tools(one, "c")(first) == await direct(one)(first)
        [again] = children() - before
        assert again != server
        await servers.close()
        return messages

    first_lost, *others = asyncio.run(killed())
    assert "turn 2 of a: Connection closed" in first_lost
    assert others == ["the server of this episode's world has ended"] * 2


@pytest.mark.heavy
def test_an_http_server_that_is_gone_fails_episodes_and_in_the_end_the_run(tmp_path: Path) -> None:
    one = task()
    words = command("mcp", "serve", file_of(tmp_path / "i.jsonl", [one]), "--http", "0")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()

        @asynccontextmanager
        async def opened() -> AsyncIterator[Client]:
            async with Client(url) as connected:
                yield connected

        async def tried() -> list[ToolsFailure]:
            link, failures = Link(opened), []
            await link.tools(one.id, "a")(turns(one)[0])
            process.kill()
            process.wait(timeout=60)
            for k in range(STARTS + 1):
                with pytest.raises(ToolsFailure) as failed:
                    await link.tools(one.id, f"e{k}")(turns(one)[0])
                failures.append(failed.value)
            await link.close()
            return failures

        try:
            lost, *others, last = asyncio.run(tried())
        finally:
            process.kill()
    assert str(lost) == "turn 1 of e0: Connection closed"
    assert ["did not start" in str(failure) for failure in others] == [True] * (STARTS - 1)
    assert [f.kind for f in (lost, *others, last)] == ["tools"] * STARTS + ["tool server"]


@pytest.mark.heavy
def test_a_server_that_cannot_be_started_fails_episodes_and_in_the_end_the_run(
    tmp_path: Path,
) -> None:
    one = by("stdio", task())
    servers = Servers(tmp_path / "missing.jsonl", [one])

    async def tried() -> list[ToolsFailure]:
        failures = []
        for k in range(STARTS + 1):
            with pytest.raises(ToolsFailure) as failed:
                await servers.tools(one, f"e{k}")(turns(one)[0])
            failures.append(failed.value)
        await servers.close()
        return failures

    *early, last = asyncio.run(tried())
    assert ["did not start" in str(f) and f.kind == "tools" for f in early] == [True] * STARTS
    assert str(last) == f"the server has failed {STARTS} times"
    assert last.kind == "tool server"


def test_a_server_that_says_nothing_is_given_up() -> None:
    one = task()

    class Silent(Worlds):
        async def call(self, place: Place, made: Any) -> ToolResult:  # noqa: ARG002
            await anyio.sleep_forever()
            raise AssertionError

    @asynccontextmanager
    async def silent() -> Any:
        async with Client(build_server(Silent({one.id: one}), one.id)) as connected:
            yield connected

    async def tried() -> None:
        link = Link(silent, seconds=0.3)
        with pytest.raises(LostServer, match=r"turn 1 of e: Timed out after 0.3"):
            await link.tools(one.id, "e")(turns(one)[0])
        await link.close()

    asyncio.run(tried())


def place(one: Instance[Any], **more: Any) -> Any:
    """The `_meta` of a call of a first turn."""
    return {PLACE: {"instance": one.id, "episode": "e", "attempt": 1, "turn": 1, **more}}


async def two_of_three(one: Instance[Any], client: Client) -> list[str]:
    """The errors of two calls whose turn has three, and of the third that comes too late."""
    messages: list[str] = []

    async def send(index: int) -> None:
        with pytest.raises(MCPError) as failed:
            await client.call_tool("any", {}, meta=place(one, index=index, count=3))
        messages.append(str(failed.value))

    async with anyio.create_task_group() as group:
        for index in (0, 2):
            group.start_soon(send, index)
    await send(1)
    return messages


def test_a_turn_whose_last_call_never_comes_is_an_error_not_a_hang() -> None:
    one = task()

    async def sent() -> list[str]:
        worlds = Worlds({one.id: one}, patience=0.2)
        async with Client(build_server(worlds, one.id)) as client:
            return await two_of_three(one, client)

    messages = asyncio.run(sent())
    *early, late = messages
    assert early == ["e, attempt 1, turn 1: only 2 of its 3 calls came in 0.2 s"] * 2
    assert late == "e, attempt 1, turn 1: call 1 of 3 has no place in it"
