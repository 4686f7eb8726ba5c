"""Clients of others that play by turns: parallel calls come to what they come to in a run."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from mcp import Client

import makespan as library
from graders.exact.tools import step_of
from harness.families.registry import family
from harness.mcp.outside import GET, SUBMIT
from harness.mcp.server import Worlds, build_server
from harness.mcp.turns import RUN
from harness.mcp.wire import TIMES
from tasks.base import Ask, Instance, Reply
from tasks.tools_payload import Hidden
from tests.factories.gold import gold, instance_of

CASE = "tools-turns"
Play = Callable[[Client], Awaitable[Any]]


def played(play: Play, instance: Instance[Any], *, by_turns: bool = True) -> Any:
    async def run() -> Any:
        worlds = Worlds({instance.id: instance})
        server = build_server(worlds, instance.id, score=True, by_turns=by_turns)
        async with Client(server) as client:
            return await asyncio.wait_for(play(client), 60)

    return asyncio.run(run())


def texts(answer: Any) -> list[str]:
    return [part.text for part in answer.content if part.type == "text"]


def calls_of(reply: Reply) -> dict[str, Any]:
    return {
        "names": [call.name for call in reply.calls],
        "arguments": [json.loads(call.arguments) for call in reply.calls],
    }


def replies() -> list[Reply]:
    """The replies of the family's ceiling: turns of calls, and the answer."""
    return [reply for ask, reply in gold(CASE).steps if isinstance(ask, Ask)]


def test_turns_score_what_parallel_calls_score_in_a_run() -> None:
    instance = instance_of(CASE)
    *turns, last = replies()
    expected = family("tools").score(instance, gold(CASE).outcome)

    async def play(client: Client) -> tuple[Any, list[Any]]:
        times = []
        for turn in turns:
            answer = await client.call_tool(RUN, calls_of(turn))
            assert not answer.is_error
            assert len(texts(answer)) == len(turn.calls)
            times += (answer.meta or {})[TIMES]["calls"]
        return json.loads(texts(await client.call_tool(SUBMIT, json.loads(last.text)))[0]), times

    told, times = played(play, instance)
    assert told == {"verdict": "valid", "score": expected.score}
    results = [called.result for called in gold(CASE).outcome.calls]
    assert times == [{"status": r.status, "start": r.start, "end": r.end} for r in results]


def test_the_same_calls_one_by_one_score_less_where_a_turn_has_several() -> None:
    instance = library.generate("tools", 6, settings={"depth": 2})[0]
    assert max(len(turn["names"]) for turn in optimal_turns(instance)) > 1

    async def by_turns(client: Client) -> Any:
        for turn in optimal_turns(instance):
            await client.call_tool(RUN, turn)
        return await submitted(client, instance)

    async def one_by_one(client: Client) -> Any:
        for turn in optimal_turns(instance):
            for name, arguments in zip(turn["names"], turn["arguments"], strict=True):
                await client.call_tool(name, arguments)
        return await submitted(client, instance)

    best, slow = played(by_turns, instance), played(one_by_one, instance, by_turns=False)
    assert best == {"verdict": "valid", "score": 1}
    assert slow["verdict"] == "valid"
    assert slow["score"] < 1


def optimal_turns(instance: Instance[Any]) -> list[dict[str, Any]]:
    """The turns of the reference, as arguments of the tool."""
    due = Hidden(instance.payload).steps()
    answer = instance.reference.answer
    assert answer is not None
    steps = [[due[step_of(entry)] for entry in turn] for turn in answer["turns"]]
    return [
        {"names": [d.offer.name for d in turn], "arguments": [d.arguments for d in turn]}
        for turn in steps
    ]


async def submitted(client: Client, instance: Instance[Any]) -> Any:
    due = Hidden(instance.payload).steps()
    values = {w.key: due[w.step].value.name for w in instance.payload.wanted if w.key}
    return json.loads(texts(await client.call_tool(SUBMIT, {"answer": values}))[0])


def test_one_tool_stands_for_those_of_the_world_and_tells_them() -> None:
    instance = instance_of(CASE)

    async def play(client: Client) -> Any:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        return tools, client.instructions

    tools, instructions = played(play, instance)
    assert list(tools) == [RUN, GET, SUBMIT]
    for offer in instance.payload.tools:
        assert offer.as_tool.description in tools[RUN].description
        assert json.dumps(offer.as_tool.parameters, separators=(",", ":")) in tools[RUN].description
    assert (
        "Call tools by run_tools: the calls of one run_tools are those of one turn." in instructions
    )


WRONG: list[tuple[Any, str]] = [
    ({}, "nothing was called: 'names' is no list of names of tools"),
    ({"names": [1], "arguments": [{}]}, "nothing was called: 'names' is no list of names of tools"),
    ({"names": [], "arguments": []}, "nothing was called: 'names' is empty"),
    ({"names": ["a"], "arguments": []}, "nothing was called: 'arguments' is no list of 1 objects"),
    ({"names": ["a"], "arguments": {}}, "nothing was called: 'arguments' is no list of 1 objects"),
]


@pytest.mark.parametrize(("fields", "reason"), WRONG)
def test_a_turn_that_is_told_wrongly_calls_nothing_and_takes_no_time(
    fields: Any, reason: str
) -> None:
    instance = instance_of(CASE)
    first, *_ = replies()

    async def play(client: Client) -> Any:
        wrong = await client.call_tool(RUN, fields)
        return wrong, await client.call_tool(RUN, calls_of(first))

    wrong, right = played(play, instance)
    assert (texts(wrong), wrong.is_error) == ([f"error: {reason}"], True)
    expected = gold(CASE).outcome.calls[0].result.start
    assert right.meta[TIMES]["calls"][0]["start"] == expected


def test_calls_that_no_tool_takes_cost_time_as_in_a_run() -> None:
    instance = instance_of(CASE)
    [name, *_] = (offer.name for offer in instance.payload.tools)

    async def play(client: Client) -> Any:
        names = [name, "no_such_tool", name]
        return await client.call_tool(RUN, {"names": names, "arguments": ["{", {}, [1]]})

    answer = played(play, instance)
    assert [each["status"] for each in answer.meta[TIMES]["calls"]] == ["refused"] * 3
    assert all(text.startswith("error: ") for text in texts(answer))


def test_a_tool_of_the_world_is_not_called_by_its_own_name() -> None:
    instance = instance_of(CASE)
    name = instance.payload.tools[0].name

    async def play(client: Client) -> Any:
        return await client.call_tool(name, {})

    answer = played(play, instance)
    told = f"error: there is no tool {name!r} here: run_tools calls those of the request"
    assert (texts(answer), answer.is_error) == ([told], True)
