"""A world's tools in a session: the same calls have the same results and the same grade."""

import json
import re
import sqlite3
from pathlib import Path

import pytest

from generators.tools import generate
from harness.calls.session_tools import SessionTools
from harness.mcp.direct import world_of
from harness.sessions.mcp import CallTexts, ToolServer
from tasks.base import ToolCall
from tests.agent_runs import STANDIN, declared, ends, grades, model
from tests.harness.helpers import board, makespan, rows
from tests.jails import in_jail as in_jail
from tests.loopback import Json, Loopback, chat_completion, prompt_of

MCP = "[mcp]\ncommand = []\n"
SOURCE = STANDIN.with_name("mcp_standin.py")
JOBS = ("run", "tools", "--level", 3)
OUTCOMES = "select outcome from records join episodes on id = episode order by key"
ANSWER = json.dumps({"answer": {}})
Calls = list[tuple[str, Json]]


def call(name: str, arguments: object) -> Json:
    """A message of MCP that calls a tool."""
    whole = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": whole}


def calls_of(tools: dict[str, Json], prompt: str) -> Calls:
    """Calls of each tool with each starting point, of which some are right, and of none."""
    match = re.search(r"where each is kept: (.*?)\.(?:\n|\\n|$)", prompt)
    assert match
    labels = re.findall(r"(?:^|; )(.*?) \(", match.group(1))
    named = [
        (name, dict.fromkeys(schema["properties"], label))
        for name, schema in tools.items()
        for label in labels
    ]
    return [*named[:12], ("no_such_tool", {})]


def natively(_: int, body: Json) -> Json:
    """Makes two turns of the same calls, then answers."""
    tools = {each["function"]["name"]: each["function"]["parameters"] for each in body["tools"]}
    turns = sum(turn["role"] == "assistant" for turn in body["messages"])
    whole = chat_completion(ANSWER if turns == 2 else "", body)
    if turns < 2:
        listed = [
            {
                "id": f"c{k}",
                "type": "function",
                "function": {"name": n, "arguments": json.dumps(a, separators=(",", ":"))},
            }
            for k, (n, a) in enumerate(calls_of(tools, prompt_of(body)))
        ]
        whole["choices"][0]["message"]["tool_calls"] = listed
        whole["choices"][0]["finish_reason"] = "tool_calls"
    return whole


def by_session(_: int, body: Json) -> str:
    """Says the same of the tool that makes the calls of a turn."""
    prompt = prompt_of(body)
    if prompt.count("# turn") == 2:
        return ANSWER
    text = json.loads(
        '"' + prompt.partition('"description": "')[2].partition('", "inputSchema')[0] + '"'
    )
    lines = re.findall(r"^- (\w+): .*? (\{.*\})$", text, re.MULTILINE)
    calls = calls_of({name: json.loads(schema) for name, schema in lines}, prompt)
    return json.dumps({"names": [n for n, _ in calls], "arguments": [a for _, a in calls]})


def declared_with_tools(folder: Path) -> Path:
    file = declared(folder, source=SOURCE.read_text("utf-8"))
    text = file.read_text("utf-8").replace('"chat"]', "]").replace(', "chat"', "")
    file.write_text(f"{text}{MCP}")
    return file


def results(out: Path) -> list[Json]:
    """The calls of a run's episodes with their results, without the ids that a model gives them."""
    texts = (text for (text,) in rows(out, OUTCOMES))
    calls = (called for text in texts for called in json.loads(text)["calls"])
    return [called | {"call": called["call"] | {"id": ""}} for called in calls]


@pytest.mark.heavy
def test_calls_of_a_session_are_graded_as_those_of_a_model(tmp_path: Path) -> None:
    out, other = tmp_path / "run", tmp_path / "other"
    with Loopback(natively) as server:
        done = makespan(*JOBS, *model(server), "--out", other)
        assert done.returncode == 0, done.stderr
    with Loopback(by_session) as server:
        agent = ("--agent", f"cli:{declared_with_tools(tmp_path)}")
        done = makespan(*JOBS, *agent, *model(server), "--out", out)
        assert done.returncode == 0, done.stderr
        assert len(server.requests) == 6
        again = tmp_path / "again"
        makespan(*JOBS, *agent, *model(server), "--out", again)
        with sqlite3.connect(again / "journal.sqlite") as journal:
            journal.execute("delete from effects")
            journal.execute("delete from records")
        asked = len(server.requests)
        assert makespan("resume", again).returncode == 0
        assert len(server.requests) == asked
    assert grades(out) == grades(other) == grades(again)
    assert results(out) == results(other)
    assert {"ok", "unknown"} <= {called["result"]["status"] for called in results(out)}
    assert all([len(turn) for turn in end["turns"]] == [13, 13] for end in ends(out))
    assert "replayed: 2 of 2" in makespan("audit", out).stdout
    [row] = board(out)
    assert (row["errors"], row["agent"]) == (0, "cli:chat.toml")


def test_a_tool_that_a_step_does_not_offer_reaches_no_tool() -> None:
    """Where an agent picks its tools first, the others are refused as in a run."""
    instance = generate(3, 0, 0, {})
    world = world_of(instance)
    [offer, *_] = world.tools()
    tools = SessionTools([offer], world)
    [listed] = tools.server.tools
    others = [tool.name for tool in world.tools()[1:]]
    assert not [name for name in others if f"- {name}: " in listed.description]
    whole = {"names": [others[0]], "arguments": [{}]}
    answer = tools.server.answer(call("run_tools", whole))
    assert answer is not None
    assert "no tool" in answer["result"]["content"][0]["text"]
    assert tools.turns == [(ToolCall("", others[0], "{}"),)]


WRONG: list[tuple[Json, str]] = [
    (call("run_tools", {"names": "x"}), "'names' is no list"),
    (call("run_tools", {"names": ["x"], "arguments": []}), "'arguments' is no list of 1"),
    (call("run_tools", {"names": [], "arguments": []}), "'names' is empty"),
    (call("other", {}), "there is no tool 'other' here"),
]


@pytest.mark.parametrize(("message", "reason"), WRONG)
def test_what_is_no_turn_is_refused_and_is_none(message: Json, reason: str) -> None:
    world = world_of(generate(3, 0, 0, {}))
    tools = SessionTools(world.tools(), world)
    answer = tools.server.answer(message)
    assert answer is not None
    assert answer["result"]["isError"]
    assert reason in answer["result"]["content"][0]["text"]
    assert tools.turns == []


def test_the_server_speaks_as_much_of_the_protocol_as_clients_want() -> None:
    server = ToolServer([], lambda name, fields: CallTexts([name, str(fields)]))
    ask = {"jsonrpc": "2.0", "id": 7}
    assert server.answer({"jsonrpc": "2.0", "method": "notifications/initialized"}) is None
    assert server.answer(ask | {"method": "ping"}) == ask | {"result": {}}
    assert server.answer(ask | {"method": "tools/list"}) == ask | {"result": {"tools": []}}
    started = server.answer(ask | {"method": "initialize", "params": {"protocolVersion": "x"}})
    assert started is not None
    assert started["result"]["protocolVersion"] == "x"
    unknown = server.answer(ask | {"method": "resources/list"})
    assert unknown is not None
    assert unknown["error"]["code"] == -32601
    wrong = server.answer(call("a", [1]))
    assert wrong is not None
    assert wrong["error"]["code"] == -32602
