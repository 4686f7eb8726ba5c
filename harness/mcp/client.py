"""Performs the turns of episodes over MCP, by one server for all of them.

A connection has a task of its own, because the SDK wants it closed where it was opened. When its
server dies, the episodes in the middle of it fail; the next one starts another server.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import mcp_types as types
import msgspec
from mcp import Client, ClientSession, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from harness.mcp.direct import Tools
from harness.mcp.server import Worlds, build_server
from harness.mcp.serving import served_here
from harness.mcp.wire import PLACE, TIMES, LostServer, Place, Times, ToolsFailure, portable
from tasks.base import CallTools, Instance, ToolCall, ToolResult

LIMIT = 60.0  # seconds for a call, and for a server to be ready
STARTS = 5  # of a server, before a run gives it up
LOST = (types.CONNECTION_CLOSED, types.REQUEST_TIMEOUT)
PROGRAM = f"import sys; from {__package__.removesuffix('.mcp')}.cli import main; sys.exit(main())"

Open = Callable[[], AbstractAsyncContextManager[Client]]


def opening(transport: str, path: Path, instances: Mapping[str, Instance[Any]]) -> Open:
    """How to connect to a new server of the instances, which are also the lines of a file."""
    first = next(iter(instances))

    @asynccontextmanager
    async def inprocess() -> AsyncIterator[Client]:
        async with Client(build_server(Worlds(instances), first)) as client:
            yield client

    @asynccontextmanager
    async def stdio() -> AsyncIterator[Client]:
        command = ["-P", "-c", PROGRAM, "mcp", "serve", str(path), "--id", first]
        server = StdioServerParameters(command=sys.executable, args=command)
        async with Client(stdio_client(server, errlog=sys.__stderr__ or sys.stderr)) as client:
            yield client

    @asynccontextmanager
    async def http() -> AsyncIterator[Client]:
        # no proxy, and no most of connections: the calls of a turn wait for each other
        connections = httpx2.AsyncClient(
            trust_env=False, timeout=LIMIT, limits=httpx2.Limits(max_connections=None)
        )
        with served_here(build_server(Worlds(instances), first)) as url:
            async with (
                connections,
                Client(streamable_http_client(url, http_client=connections)) as c,
            ):
                yield c

    return {"inprocess": inprocess, "stdio": stdio, "http": http}[transport]


async def perform_turn(
    session: ClientSession, first: Place, calls: Sequence[ToolCall], seconds: float = LIMIT
) -> tuple[ToolResult, ...]:
    """Call all tools of a turn at once, the k-th at the place after `first` by k; their results.

    Each has so many seconds. ToolsFailure if one of them fails at the protocol; a tool's own error
    is a result.
    """
    results: dict[int, ToolResult] = {}
    failed: list[Exception] = []

    async def call(index: int) -> None:
        try:
            results[index] = await _call(session, first, index, calls[index], seconds)
        except (MCPError, ValueError, msgspec.ValidationError) as error:
            failed.append(error)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for index in range(len(calls)):
            group.start_soon(call, index)
    if failed:
        lost = isinstance(failed[0], MCPError) and failed[0].code in LOST
        kind = LostServer if lost else ToolsFailure
        raise kind(f"turn {first.turn} of {first.episode}: {failed[0]}") from failed[0]
    return tuple(results[index] for index in range(len(calls)))


async def _call(
    session: ClientSession, first: Place, index: int, call: ToolCall, seconds: float
) -> ToolResult:
    fits = portable(call)
    name, arguments = fits or ("unreadable", {})
    place = msgspec.structs.replace(
        first, index=index, raw=None if fits else (call.name, call.arguments)
    )
    meta: Any = {PLACE: msgspec.to_builtins(place)}
    params = types.CallToolRequestParams(name=name, arguments=arguments, _meta=meta)
    answer = await session.send_request(
        types.CallToolRequest(params=params),
        types.CallToolResult,
        request_read_timeout_seconds=seconds,
    )
    times = msgspec.convert((answer.meta or {}).get(TIMES), Times)
    text = "".join(part.text for part in answer.content if isinstance(part, types.TextContent))
    return ToolResult(text, times.status, times.start, times.end)


class _Connection:
    """One connection to one server."""

    def __init__(self, opened: Open) -> None:
        self.broken = False
        self._ready: asyncio.Future[ClientSession] = asyncio.get_running_loop().create_future()
        self._end = asyncio.Event()
        self._task = asyncio.create_task(self._hold(opened))

    async def _hold(self, opened: Open) -> None:
        why = "a bug in the harness"
        try:
            async with asyncio.timeout(LIMIT) as limit, opened() as client:
                limit.reschedule(None)
                self._ready.set_result(client.session)
                await self._end.wait()
        except* (MCPError, OSError, TimeoutError, httpx2.HTTPError) as group:
            why = f"{_first(group)}" or "no answer"
        finally:
            self.broken = True
            if not self._ready.done():
                self._ready.set_exception(ToolsFailure(f"the server did not start: {why}"))

    async def session(self) -> ClientSession:
        """The session, once there is one; ToolsFailure if there will be none."""
        return await asyncio.shield(self._ready)

    def give_up(self) -> None:
        """Use it no more; a server that was started for it ends."""
        self.broken = True
        self._end.set()

    async def close(self) -> None:
        """Give it up and wait until all of it is gone."""
        self.give_up()
        await self._task


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


class Link:
    """The connections of a run over one transport: one at a time, another if it breaks."""

    def __init__(self, opened: Open, seconds: float = LIMIT) -> None:
        """`seconds` are for each call."""
        self._opened, self._seconds = opened, seconds
        self._lines: list[_Connection] = []
        self._attempts = 0

    def tools(self, instance: str, episode: str) -> Tools:
        """What performs the turns of one go at an episode, all over the same connection."""
        line: _Connection | None = None
        self._attempts += 1
        first = Place(instance, episode, self._attempts, 1, 0, 1)

        async def perform(effect: CallTools) -> tuple[ToolResult, ...]:
            nonlocal line
            if not effect.calls:
                return ()
            line = line or self._line()
            if line.broken:
                raise ToolsFailure("the server of this episode's world has ended")
            session = await line.session()
            place = msgspec.structs.replace(first, turn=effect.turn, count=len(effect.calls))
            try:
                return await perform_turn(session, place, effect.calls, self._seconds)
            except LostServer:
                line.give_up()
                raise

        return perform

    def _line(self) -> _Connection:
        """The connection in use, or a new one."""
        if not self._lines or self._lines[-1].broken:
            if len(self._lines) == STARTS:
                raise ToolsFailure(f"the server has failed {STARTS} times", lasting=True)
            self._lines.append(_Connection(self._opened))
        return self._lines[-1]

    async def close(self) -> None:
        """End all connections and the servers that were started for them."""
        for line in self._lines:
            await line.close()
