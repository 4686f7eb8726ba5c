"""What a tool call costs over MCP: CPU of ours in process over that of the bare SDK in process.

The bare one is the SDK's client and low-level server with a tool that does nothing; ours adds
turns, the simulation, and their `_meta`. The least of three measurements counts.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import process_time
from typing import Any

from msgspec.structs import replace

from harness.mcp.servers import Servers
from tasks.base import CallTools, Instance
from tests.benchmarks.limits import Limit
from tests.harness.mcp.worlds import task, turns

CALLS, LIMIT = 1_000, 3.0


async def bare() -> float:
    """CPU seconds of a call of the SDK's own."""
    import mcp_types as types
    from mcp import Client
    from mcp.server import Server

    tool = types.Tool(name="nothing", input_schema={"type": "object"})

    async def list_tools(_context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[tool])

    async def call_tool(_context: Any, _params: Any) -> types.CallToolResult:
        return types.CallToolResult(content=[types.TextContent(type="text", text="nothing")])

    server = Server[Any]("bare", on_list_tools=list_tools, on_call_tool=call_tool)
    async with Client(server) as client:
        await client.call_tool("nothing", {"name": "x"})

        async def play() -> None:
            for _ in range(CALLS):
                await client.call_tool("nothing", {"name": "x"})

        return await least(play) / CALLS


async def ours(transport: str) -> float:
    """CPU seconds of a call, over whole episodes of good calls."""
    plain = task(0, 12)
    one: Instance[Any] = replace(plain, settings=plain.settings | {"transport": transport})
    script = turns(one)[-12:]
    calls = sum(len(effect.calls) for effect in script)
    servers = Servers(Path(), [one])

    async def play() -> None:
        for _ in range(CALLS // calls):
            await episode(servers.tools(one, "e"), script)

    await play()
    seconds = await least(play) / (CALLS // calls * calls)
    await servers.close()
    return seconds


async def episode(tools: Callable[[CallTools], Awaitable[Any]], script: list[CallTools]) -> None:
    """All turns of a script."""
    for effect in script:
        await tools(effect)


async def least(play: Callable[[], Awaitable[None]]) -> float:
    """The least CPU of three."""
    found = []
    for _ in range(3):
        begun = process_time()
        await play()
        found.append(process_time() - begun)
    return min(found)


def main() -> list[Limit]:
    """Measure all that runs in this process."""
    sdk = asyncio.run(bare())
    costs = {name: asyncio.run(ours(name)) for name in ("direct", "inprocess", "http")}
    shown = ", ".join(f"{name} {1e6 * cost:.0f}" for name, cost in costs.items())
    print(f"a tool call, CPU µs: bare SDK in process {1e6 * sdk:.0f}; {shown}")
    return [Limit("a call in process over the SDK's own, CPU", costs["inprocess"] / sdk, LIMIT)]
