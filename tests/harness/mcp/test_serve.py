"""`makespan mcp serve` as clients of others meet it, and what its user can get wrong."""

import asyncio
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from generators.rcpsp import generate as project
from harness.mcp.direct import direct
from harness.mcp.wire import TIMES
from harness.suites.instances import encode
from tasks.base import CallTools, Instance
from tasks.tools_payload import Hidden
from tests.harness.helpers import command, makespan
from tests.harness.mcp.worlds import call, file_of, task


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return file_of(tmp_path / "i.jsonl", [task(0, 4), task(1, 4)])


@contextmanager
def served(file: Path, instance: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The URL and the process of a server over HTTP; it ends by Ctrl-C, without a complaint."""
    words = command("mcp", "serve", file, "--id", instance, "--http", "0")
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    try:
        yield url, process
    finally:
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert told == f"serving {instance}; Ctrl-C to end\n"
    assert process.returncode == 0


def stdio(file: Path, instance: str) -> StdioServerParameters:
    program, *words = command("mcp", "serve", file, "--id", instance)
    return StdioServerParameters(command=program, args=words)


async def visit(client: Client, one: Instance[Any]) -> list[Any]:
    """What a client without our `_meta` finds: (text, is_error, times) of each required call."""
    listed = (await client.list_tools()).tools
    assert [tool.name for tool in listed[-2:]] == ["get_request", "submit_answer"]
    offered = [offer.as_tool for offer in one.payload.tools]
    assert [(t.name, t.description, t.input_schema) for t in listed[:-2]] == [
        (t.name, t.description, t.parameters) for t in offered
    ]
    found = []
    for due in Hidden(one.payload).steps():
        answer = await client.call_tool(due.offer.name, due.arguments)
        text = "".join(part.text for part in answer.content if part.type == "text")
        found.append((text, answer.is_error, (answer.meta or {})[TIMES]))
    return found


async def expected(one: Instance[Any]) -> list[Any]:
    """The same from the simulation: every call is a turn of its own."""
    tools, found = direct(one), []
    for turn, due in enumerate(Hidden(one.payload).steps(), 1):
        [r] = await tools(CallTools("", turn, (call(due.offer.name, due.arguments),)))
        times = {"status": r.status, "start": r.start, "end": r.end}
        found.append((r.text, r.status != "ok", times))
    return found


@pytest.mark.heavy
@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_outside_client_lists_and_calls_tools_over_stdio(file: Path, mode: str) -> None:
    one = task(1, 4)

    async def seen() -> None:
        async with Client(stdio(file, one.id), mode=mode) as client:
            assert await visit(client, one) == await expected(one)
            assert one.payload.wanted[0].text in (client.instructions or "")
            strange = await client.call_tool("no_such_tool", {})
            assert strange.is_error

    asyncio.run(seen())


@pytest.mark.heavy
@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_outside_client_lists_and_calls_tools_over_http(file: Path, mode: str) -> None:
    one = task(1, 4)

    async def seen(url: str) -> None:
        async with Client(url, mode=mode) as client:
            assert await visit(client, one) == await expected(one)
            assert one.payload.wanted[0].text in (client.instructions or "")

    with served(file, one.id) as (url, _):
        asyncio.run(seen(url))


def test_a_port_in_use_is_one_line(file: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = makespan("mcp", "serve", file, "--id", task(0, 4).id, "--http", port)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == (
        f"makespan mcp: cannot serve on port {port}: Address already in use;"
        " give another --http PORT\n"
    )


def test_wrong_use_is_one_line_each(file: Path, tmp_path: Path) -> None:
    others = tmp_path / "projects.jsonl"
    others.write_bytes(encode(project(3, 0, 0, {}, reference=False)) + b"\n")
    ids = f"{task(0, 4).id}, {task(1, 4).id}"
    for words, message in (
        ((file,), f"makespan mcp: {file}: which instance? give --id, one of {ids}"),
        (
            (file, "--id", "x"),
            f"makespan mcp: {file}: no instance 'x' in it: give --id, one of {ids}",
        ),
        ((others,), f"makespan mcp: {others}: no instance with tools in it"),
        (
            (tmp_path / "none.jsonl",),
            f"makespan mcp: cannot read {tmp_path / 'none.jsonl'}: No such file or directory",
        ),
        (
            (file, "--http", "65536"),
            "makespan mcp: argument --http: 65536 is more than 65535 (see makespan mcp --help)",
        ),
    ):
        run = makespan("mcp", "serve", *words)
        assert (run.returncode, run.stdout, run.stderr) == (2, "", message + "\n")


@pytest.mark.heavy
def test_the_only_instance_needs_no_id_and_a_closed_input_ends_the_server(tmp_path: Path) -> None:
    file = file_of(tmp_path / "one.jsonl", [task(0, 4)])
    run = subprocess.run(
        command("mcp", "serve", file), input="", capture_output=True, text=True, timeout=60
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.heavy
def test_ctrl_c_ends_a_server_that_waits_for_input(tmp_path: Path) -> None:
    file = file_of(tmp_path / "one.jsonl", [task(0, 4)])
    pipe = subprocess.PIPE
    with subprocess.Popen(command("mcp", "serve", file), stdin=pipe, stdout=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
        process.stdin.flush()
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == -signal.SIGINT
