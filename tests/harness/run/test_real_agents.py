"""The command-line agents themselves, those that are installed: they work, and replay."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from harness.sessions.definitions import own_names, read_agent_file
from tests.harness.helpers import board, command, rows
from tests.harness.processes import until
from tests.jails import in_jail as in_jail
from tests.loopback import Json, Loopback, chat_completion

pytestmark = pytest.mark.slow
SHELLS = {
    "bash": "command",
    "Bash": "command",
    "exec_command": "cmd",
    "shell_command": "command",
    "run_shell_command": "command",
}
CALLS = "select path from attempts where reply is not null"
LAST = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"  # ends mini-swe-agent


def scripted(_: int, body: Json) -> Json | str:
    """Reads the instruction by whatever shell is on offer, writes an answer, ends."""
    names = [tool["function"]["name"] for tool in body.get("tools", [])]
    shells = [name for name in names if name in SHELLS]
    results = [turn for turn in body["messages"] if turn["role"] == "tool"]
    ends_by_command = LAST.split()[1] in json.dumps(body["messages"])
    if not shells or (len(results) > 1 and not ends_by_command):
        return "The answer is in answer.json."
    command = ["cat INSTRUCTION.md", f"echo '{_answer(results)}' > answer.json", LAST][len(results)]
    return _call(shells[0], command, body)


def _answer(results: list[Json]) -> str:
    lines = json.dumps(results).split("\\n")
    order = [line[2 : line.index(":")] for line in lines if line.startswith("- J")]
    return json.dumps({"order": order})


def _call(shell: str, command: str, body: Json) -> Json:
    whole = chat_completion("", body)
    words = {SHELLS[shell]: command, "description": "works"}
    call = {"name": shell, "arguments": json.dumps(words)}
    message = {"content": None, "tool_calls": [{"id": "c", "type": "function", "function": call}]}
    whole["choices"][0]["message"] |= message
    whole["choices"][0]["finish_reason"] = "tool_calls"
    return whole


def words_of(agent: str, server: Loopback, limit: int) -> tuple[object, ...]:
    """How a run of small jobs is asked for; skipped where the agent is not installed."""
    program = read_agent_file(agent).command[0]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not in {os.environ['PATH']}")
    jobs = ("tardiness", "--level", 4, "--limit", limit, "--agent", f"cli:{agent},seconds=300")
    return ("run", *jobs, "--model", "openai/m", "--base-url", server.url)


def done(*words: object) -> str:
    """What `makespan` prints, in a process of its own: all of these agents are slow to begin."""
    process = subprocess.run(
        command(*words), capture_output=True, text=True, timeout=900, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def forget_ends(out: Path) -> None:
    """Take the ends of all sessions out of a journal: only the calls are there."""
    with sqlite3.connect(out / "journal.sqlite") as journal:
        journal.execute("delete from effects")
        journal.execute("delete from records")


@pytest.mark.parametrize("agent", own_names())
def test_an_installed_agent_is_cut_off_and_no_answered_call_is_paid_again(
    agent: str, tmp_path: Path
) -> None:
    """Five instances, `kill -9` after five calls, resumed; then again from the journal alone."""
    out, again = tmp_path / "run", tmp_path / "again"
    with Loopback(scripted, delay=0.5) as server:
        words = words_of(agent, server, 5)
        process = subprocess.Popen(
            command(*words, "--out", out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(lambda: (out / "journal.sqlite").exists() and len(rows(out, CALLS)) >= 5)
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        answered, sent = len(rows(out, CALLS)), len(server.requests)
        done("resume", out)
        calls = len(rows(out, CALLS))
        assert len(server.requests) - sent == calls - answered
        assert answered < calls
        [row] = board(out)
        assert (row["n"], row["errors"], row["unparsable"], row["infeasible"]) == (5, 0, 0, 0)
        shutil.copytree(out, again)
        forget_ends(again)
        asked = len(server.requests)
        done("resume", again)
        assert len(server.requests) == asked
    outcome = "select json_extract(outcome, '$.answer') from effects order by episode"
    assert rows(again, outcome) == rows(out, outcome)
    assert "replayed: 5 of 5" in done("audit", out)
    print(f"{agent}: {answered} of {calls} calls answered at the kill, {asked} requests in all")
