"""Whole runs over each transport, and what becomes of one whose server dies."""

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.cli import main
from tasks.base import Fields
from tasks.tools_payload import Hidden
from tests.harness.helpers import command, makespan, rows
from tests.harness.mcp.worlds import TRANSPORTS, file_of, task
from tests.loopback import Json, Loopback

OUTCOMES = "select key, outcome from records join episodes on id = episode order by key"


def run(folder: Path, transport: str, *words: str) -> list[Any]:
    """The outcomes of some policies' run."""
    given = [
        "--level",
        "4",
        "--limit",
        "2",
        "-T",
        f"transport={transport}",
        "--max-connections",
        "2",
    ]
    models = ["--model", "policy/all-ready", "--model", "policy/shotgun"]
    assert main(["run", "tools", *given, *models, *words, "--out", str(folder)]) == 0
    return rows(folder, OUTCOMES)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("track", "names"), [("reactive", TRANSPORTS * 2), ("plan", ("direct", "stdio"))]
)
def test_runs_have_the_same_outcomes_on_every_transport(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], track: str, names: tuple[str, ...]
) -> None:
    settings = ("-T", f"track={track}", "-T", "failures=0.3")
    found = [run(tmp_path / f"{name}-{k // 4}", name, *settings) for k, name in enumerate(names)]
    assert len(found[0]) == 4
    assert all(one == found[0] for one in found)
    gc.collect()  # the SDK leaves frames in cycles, and with them the folder and its lock
    assert main(["regrade", str(tmp_path / "stdio-0")]) == 0
    assert capsys.readouterr().out.endswith("changed 0 of 4\n")


def servers_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for one in lists for child in one.read_text().split()]


def calling(due: Any) -> Json:
    """A chat completion that calls one tool."""
    arguments = msgspec.json.encode(due.arguments).decode()
    function = {"name": due.offer.name, "arguments": arguments}
    calls = [{"id": "c", "type": "function", "function": function}]
    said: Fields = {"role": "assistant", "content": None, "tool_calls": calls}
    choice = {"index": 0, "message": said, "finish_reason": "tool_calls"}
    return {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}


@pytest.mark.heavy
def test_a_run_whose_server_is_killed_has_an_error_episode_and_goes_on_when_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    one = task(0, 4, transport="stdio")
    file, folder = file_of(tmp_path / "i.jsonl", [one]), tmp_path / "run"
    due = Hidden(one.payload).steps()
    killed: list[int] = []

    def answer(number: int, body: Json) -> str | Json:
        turn = sum(message["role"] == "assistant" for message in body["messages"])
        if number == 3:
            killed.extend(servers_of(process.pid))
            os.kill(killed[0], signal.SIGKILL)
        return calling(due[turn]) if turn < 3 else '{"answer": {}}'

    with Loopback(answer) as server:
        words = command(
            "run", file, "--model", "openai/m", "--base-url", server.url, "--out", folder
        )
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        _, told = process.communicate(timeout=60)
        assert len(killed) == 1
        assert process.returncode == 1
        assert "1 episodes ended in errors: makespan resume" in told
        [(record,)] = rows(folder, "select record from records")
        problem = msgspec.json.decode(record)["problem"]
        assert problem["boundary"] == "tools"
        assert problem["message"].endswith("Connection closed")
        again = makespan("resume", folder)
        assert (again.returncode, len(server.requests)) == (0, 4)
    *_, (outcome,) = rows(folder, "select outcome from records order by version")
    calls = msgspec.json.decode(outcome)["calls"]
    assert [call["result"]["status"] for call in calls] == ["ok"] * 3


def test_without_the_sdk_a_run_over_mcp_is_one_line_and_a_direct_one_runs(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['mcp'] = None; from harness.cli import main; sys.exit(main())"
    )
    for transport, status, told in (("http", 2, "pip install 'makespan[mcp]'"), ("direct", 0, "")):
        words = ["run", "tools", "--level", "2", "--limit", "1", "--model", "policy/sequential"]
        words += ["-T", f"transport={transport}", "--out", str(tmp_path / transport)]
        done = subprocess.run(
            [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == status
        assert told in done.stderr
        assert "Traceback" not in done.stderr
