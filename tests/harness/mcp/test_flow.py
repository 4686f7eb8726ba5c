"""An episode of flow played by another client, by its one tool."""

import asyncio
import json
from typing import Any

from mcp import Client

from generators.flow import generate
from graders.exact.flow import op_srpt, simulate
from harness.mcp.outside import SUBMIT
from harness.mcp.server import Worlds, build_server

ONE = generate(2, 0, 0, {})


async def called(client: Client, name: str, arguments: dict[str, Any]) -> Any:
    answer = await client.call_tool(name, arguments)
    text = "".join(part.text for part in answer.content if part.type == "text")
    return json.loads(text)


async def play(client: Client, calls: int) -> Any:
    """Run the shortest current operation, as a program would that reads the results."""
    names = [tool.name for tool in (await client.list_tools()).tools]
    assert names == ["run", "get_request", SUBMIT]
    request = await client.call_tool("get_request", {})
    assert "Each call of the tool run(job)" in request.content[0].text  # type: ignore[union-attr]
    state: Any = await called(client, "run", {"job": "nobody"})
    assert state["fault"]["kind"] == "unknown_job"
    while not state["over"] and calls:
        name = min(state["jobs"], key=lambda job: (job["now"], job["id"]))["id"]
        state = await called(client, "run", {"job": name})
        calls -= 1
    return await called(client, SUBMIT, {})


def ended(calls: int) -> Any:
    async def run() -> Any:
        server = build_server(Worlds({ONE.id: ONE}), ONE.id, score=True)
        async with Client(server) as client:
            return await play(client, calls)

    return asyncio.run(run())


def test_another_client_plays_an_episode_and_a_lost_call_costs_time() -> None:
    shortest = (ONE.reference.objective or 0) / simulate(ONE.payload, op_srpt).total
    result = ended(1000)
    assert result["verdict"] == "valid"
    assert 0.5 < result["score"] <= max(shortest, 0.99)


def test_one_that_gives_up_has_nothing() -> None:
    assert ended(2) == {"verdict": "infeasible", "score": 0.0}
