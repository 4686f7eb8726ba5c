"""What clients of others find: the request in every form, a world a session, an answer."""

import asyncio
import json
import subprocess
from collections.abc import Awaitable, Callable, Coroutine
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from msgspec.structs import replace

from graders.tools import grade
from harness.families.registry import family
from harness.mcp.outside import GET, SUBMIT, URI, Visits
from harness.mcp.server import Worlds, build_server
from harness.mcp.serving import serve_in_thread
from tasks.base import Instance
from tasks.tools import View, read
from tasks.tools_payload import Hidden
from tests.harness.helpers import command
from tests.harness.mcp.worlds import file_of, task

ONE = task(0, 6)
Play = Callable[[Client], Awaitable[Any]]


def played(play: Play, instance: Instance[Any] = ONE, *, score: bool = True) -> Any:
    async def run() -> Any:
        server = build_server(Worlds({instance.id: instance}), instance.id, score=score)
        async with Client(server) as client:
            return await play(client)

    return asyncio.run(run())


async def said(client: Client, name: str, arguments: dict[str, Any]) -> tuple[str, bool]:
    answer = await client.call_tool(name, arguments)
    text = "".join(part.text for part in answer.content if part.type == "text")
    return text, bool(answer.is_error)


async def work(client: Client, one: Instance[Any] = ONE) -> dict[str, str]:
    """Make every required call; return the values asked for."""
    due = Hidden(one.payload).steps()
    for each in due:
        text, is_error = await said(client, each.offer.name, each.arguments)
        assert not is_error, text
    return {w.key: due[w.step].value.name for w in one.payload.wanted if w.key}


def test_the_request_is_a_tool_a_resource_a_prompt_and_the_instructions() -> None:
    async def play(client: Client) -> set[str]:
        assert client.server_info is not None
        assert (client.server_info.name, client.server_info.version) == (
            "makespan",
            version("makespan"),
        )
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert tools[SUBMIT].input_schema["required"] == ["answer"]
        [resource] = (await client.list_resources()).resources
        [prompt] = (await client.list_prompts()).prompts
        [content] = (await client.read_resource(str(resource.uri))).contents
        [message] = (await client.get_prompt(prompt.name)).messages
        text, is_error = await said(client, GET, {})
        assert not is_error
        return {text, client.instructions or "", getattr(content, "text", ""), content_of(message)}

    def content_of(message: Any) -> str:
        return str(message.content.text)

    [text] = played(play)
    assert ONE.payload.wanted[0].text in text
    assert text.endswith("Give the answer by the tool submit_answer, which ends the task.")


def test_other_resources_and_prompts_are_told_by_name() -> None:
    async def play(client: Client) -> None:
        with pytest.raises(MCPError, match=f"there is no resource 'x://y': there is {URI}"):
            await client.read_resource("x://y")
        with pytest.raises(MCPError, match="there is no prompt 'other': there is 'request'"):
            await client.get_prompt("other")

    played(play)


def test_a_right_answer_has_a_score_and_ends_the_task() -> None:
    async def play(client: Client) -> None:
        values = await work(client)
        told = json.loads((await said(client, SUBMIT, {"answer": values}))[0])
        assert told["verdict"] == "valid"
        assert 0 < told["score"] <= 1
        over = ("error: the task is over: its answer was submitted", True)
        due = Hidden(ONE.payload).steps()[0]
        assert await said(client, due.offer.name, due.arguments) == over
        assert await said(client, SUBMIT, {"answer": {}}) == over
        assert not (await said(client, GET, {}))[1]

    played(play)


def test_without_score_nothing_is_told_of_any_answer() -> None:
    async def right(client: Client) -> tuple[str, bool]:
        return await said(client, SUBMIT, {"answer": await work(client)})

    async def wrong(client: Client) -> tuple[str, bool]:
        return await said(client, SUBMIT, {"answer": {}})

    assert played(right, score=False) == played(wrong, score=False) == ("received", False)


def test_an_answer_without_its_key_is_none_and_a_wrong_one_scores_nothing() -> None:
    async def play(client: Client) -> dict[str, Any]:
        text, is_error = await said(client, SUBMIT, {"Answer": {}})
        assert (text, is_error) == (
            "error: nothing was submitted: the answer has no 'answer'",
            True,
        )
        values = await work(client)  # the task goes on
        wrong = dict.fromkeys(values, "nothing")
        return dict(json.loads((await said(client, SUBMIT, {"answer": wrong}))[0]))

    assert played(play) == {"verdict": "infeasible", "score": 0.0}


def test_a_submitted_answer_is_read_by_the_rule_of_spelling() -> None:
    async def play(client: Client) -> Any:
        values = {key.upper(): [value] for key, value in (await work(client)).items()}
        return json.loads((await said(client, SUBMIT, {"answer": values}))[0])["verdict"]

    assert played(play) == "valid"


def test_a_plan_may_be_submitted_whole_or_be_made_by_calls() -> None:
    one = task(1, 5, track="plan")
    due = tuple(Hidden(one.payload).steps())
    script = family("tools").policies["all-ready"].answer(View(one, due, "plan"))
    expected = grade(one, read(script, ""))

    async def whole(client: Client) -> Any:
        return json.loads((await said(client, SUBMIT, script))[0])

    async def by_calls(client: Client) -> Any:
        return json.loads((await said(client, SUBMIT, {"answer": await work(client, one)}))[0])

    async def twice(client: Client) -> Any:
        await work(client, one)
        return await whole(client)

    assert played(whole, one) == {"verdict": "valid", "score": expected.score}
    assert played(by_calls, one)["verdict"] == "valid"
    again = played(twice, one)  # what was made before counts: changes are made twice, time goes on
    assert again["score"] < expected.score


@pytest.mark.heavy
def test_a_tool_of_the_world_keeps_its_name(tmp_path: Path) -> None:
    used = ONE.payload.steps[0].tool
    tools = tuple(
        replace(offer, name=SUBMIT) if offer.name == used else offer for offer in ONE.payload.tools
    )
    steps = tuple(
        replace(step, tool=SUBMIT) if step.tool == used else step for step in ONE.payload.steps
    )
    own = replace(ONE, payload=replace(ONE.payload, tools=tools, steps=steps))

    async def play(client: Client) -> None:
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert names.count(SUBMIT) == 1
        assert names[-1] == GET
        assert SUBMIT not in (client.instructions or "").splitlines()[-1]
        due = next(d for d in Hidden(own.payload).steps() if d.offer.name == SUBMIT)
        text, _ = await said(client, SUBMIT, due.arguments)
        assert "submitted" not in text

    played(play, own)
    assert Visits(own).hidden == [SUBMIT]
    words = command("mcp", "serve", file_of(tmp_path / "own.jsonl", [own]))
    run = subprocess.run(words, input="", capture_output=True, text=True, timeout=60, check=True)
    assert run.stderr == (
        f"{own.id} has a tool {SUBMIT} of its own: the server adds none of that name\n"
    )


# Sessions over HTTP --------------------------------------------------------------------------


async def first_start(client: Client) -> int:
    """When the first required call starts: later in a world that has seen one."""
    due = Hidden(ONE.payload).steps()[0]
    answer = await client.call_tool(due.offer.name, due.arguments)
    return int((answer.meta or {})["makespan/result"]["start"])


def over_http(play: Callable[[str], Coroutine[Any, Any, Any]]) -> Any:
    with serve_in_thread(build_server(Worlds({ONE.id: ONE}), ONE.id, score=True)) as url:
        return asyncio.run(play(url))


def test_each_session_has_a_world_of_its_own_at_the_same_time() -> None:
    async def play(url: str) -> list[int]:
        async with Client(url, mode="legacy") as a, Client(url, mode="legacy") as b:
            starts = [await first_start(client) for client in (a, b, a)]
            await a.call_tool(SUBMIT, {"answer": {}})
            return [*starts, await first_start(b)]

    first, of_other, second, of_other_again = over_http(play)
    assert first == of_other < second == of_other_again


def test_without_sessions_in_the_protocol_a_client_that_connects_begins_anew() -> None:
    async def play(url: str) -> list[int]:
        starts = []
        for _ in range(2):
            async with Client(url) as client:
                starts += [await first_start(client), await first_start(client)]
                await client.call_tool(SUBMIT, {"answer": {}})
        return starts

    a, b, c, d = over_http(play)
    assert a == c < b == d


def test_without_sessions_the_address_tells_clients_apart() -> None:
    async def play(url: str) -> list[int]:
        async with Client(f"{url}?session=a") as a, Client(f"{url}?session=b") as b:
            return [await first_start(client) for client in (a, b, a, b)]

    a, b, a_again, b_again = over_http(play)
    assert a == b < a_again == b_again


def test_the_sessions_used_last_are_kept() -> None:
    visits = Visits(ONE, most=2)
    worlds = [visits._visit(name).world for name in ("a", "b", "a", "c", "a", "b")]
    assert worlds[0] is worlds[2] is worlds[4]
    assert worlds[1] is not worlds[5]
