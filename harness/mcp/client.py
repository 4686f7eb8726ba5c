"""Performs the turns of episodes over MCP, by one server for all of them.

A connection has a task of its own, because the SDK must close it in the task that opened it. When
its server dies, the episodes in the middle of it fail; the next one starts another server.
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
from harness.mcp.serving import serve_in_thread
from harness.mcp.wire import PLACE, TIMES, LostServer, Place, Times, ToolsFailure, portable
from tasks.base import CallTools, Instance, ToolCall, ToolResult

LIMIT = 60.0  # seconds for a call, and for a server to be ready
STARTS = 5  # of a server, before a run gives it up
LOST_CODES = (types.CONNECTION_CLOSED, types.REQUEST_TIMEOUT)
PROGRAM = f"import sys; from {__package__.removesuffix('.mcp')}.cli import main; sys.exit(main())"

OpenClient = Callable[[], AbstractAsyncContextManager[Client]]


def opener(transport: str, path: Path, instances: Mapping[str, Instance[Any]]) -> OpenClient:
    """Return what connects to a new server of the instances.

    Args:
        transport: `inprocess`, `stdio` or `http`.
        path: a file that has the instances as its lines.
        instances: by id.
    """
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
        with serve_in_thread(build_server(Worlds(instances), first)) as url:
            async with (
                connections,
                Client(streamable_http_client(url, http_client=connections)) as c,
            ):
                yield c

    return {"inprocess": inprocess, "stdio": stdio, "http": http}[transport]


async def perform_turn(
    session: ClientSession, first: Place, calls: Sequence[ToolCall], seconds: float = LIMIT
) -> tuple[ToolResult, ...]:
    """Call all tools of a turn at once and return their results, in order.

    Args:
        session: of the server.
        first: the place of the first call; the k-th has that after it by k.
        calls: of the turn.
        seconds: for each call.

    Raises:
        ToolsFailure: if a call fails at the protocol; a tool's own error is a result.
        LostServer: if the server is gone.
    """
    results: dict[int, ToolResult] = {}
    errors: list[Exception] = []

    async def call(index: int) -> None:
        try:
            results[index] = await _call(session, first, index, calls[index], seconds)
        except (MCPError, ValueError, msgspec.ValidationError) as error:
            errors.append(error)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for index in range(len(calls)):
            group.start_soon(call, index)
    if errors:
        raise _failure_of(first, errors[0]) from errors[0]
    return tuple(results[index] for index in range(len(calls)))


def _failure_of(place: Place, error: Exception) -> ToolsFailure:
    is_lost = isinstance(error, MCPError) and error.code in LOST_CODES
    kind = LostServer if is_lost else ToolsFailure
    return kind(f"turn {place.turn} of {place.episode}: {error}")


async def _call(
    session: ClientSession, first: Place, index: int, call: ToolCall, seconds: float
) -> ToolResult:
    request = portable(call)
    name, arguments = request or ("unreadable", {})
    place = msgspec.structs.replace(
        first, index=index, raw=None if request else (call.name, call.arguments)
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
    return ToolResult(text, times.status, times.start, end=times.end)


class _Connection:
    """A connection to one server."""

    def __init__(self, connect: OpenClient) -> None:
        self.broken = False
        self._session: asyncio.Future[ClientSession] = asyncio.get_running_loop().create_future()
        self._end = asyncio.Event()
        self._task = asyncio.create_task(self._hold(connect))

    async def _hold(self, connect: OpenClient) -> None:
        reason = "a bug in the harness"
        try:
            async with asyncio.timeout(LIMIT) as limit, connect() as client:
                limit.reschedule(None)
                self._session.set_result(client.session)
                await self._end.wait()
        except* (MCPError, OSError, TimeoutError, httpx2.HTTPError) as group:
            reason = f"{_first_cause(group)}" or "no answer"
        finally:
            self.broken = True
            if not self._session.done():
                self._session.set_exception(ToolsFailure(f"the server did not start: {reason}"))

    async def session(self) -> ClientSession:
        """Return the session, once there is one; ToolsFailure if there will be none."""
        return await asyncio.shield(self._session)

    def give_up(self) -> None:
        """Use the connection no more; a server that was started for it ends."""
        self.broken = True
        self._end.set()

    async def close(self) -> None:
        """Give the connection up and wait until its server is gone."""
        self.give_up()
        await self._task


def _first_cause(error: BaseException) -> BaseException:
    return _first_cause(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


class Link:
    """The connections of a run over one transport: one at a time, another if it breaks."""

    def __init__(self, connect: OpenClient, seconds: float = LIMIT) -> None:
        """Make one; each call has so many seconds."""
        self._connect, self._seconds = connect, seconds
        self._connections: list[_Connection] = []
        self._attempts = 0

    def tools(self, instance: str, episode: str) -> Tools:
        """Return what performs the turns of one attempt at an episode, over one connection."""
        connection: _Connection | None = None
        self._attempts += 1
        first = Place(instance, episode, self._attempts, turn=1, index=0, count=1)

        async def perform(effect: CallTools) -> tuple[ToolResult, ...]:
            nonlocal connection
            if not effect.calls:
                return ()
            connection = connection or self._connection()
            if connection.broken:
                raise ToolsFailure("the server of this episode's world has ended")
            session = await connection.session()
            place = msgspec.structs.replace(first, turn=effect.turn, count=len(effect.calls))
            try:
                return await perform_turn(session, place, effect.calls, self._seconds)
            except LostServer:
                connection.give_up()
                raise

        return perform

    def _connection(self) -> _Connection:
        """Return the connection in use, or a new one; ToolsFailure if too many have failed."""
        if not self._connections or self._connections[-1].broken:
            if len(self._connections) == STARTS:
                raise ToolsFailure(f"the server has failed {STARTS} times", lasting=True)
            self._connections.append(_Connection(self._connect))
        return self._connections[-1]

    async def close(self) -> None:
        """End all connections and the servers that were started for them."""
        for connection in self._connections:
            await connection.close()
