"""The command-line agents themselves, those that are installed: they work, and replay."""

import json
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from harness.sessions.definitions import own_names, read_agent_file
from tests.harness.helpers import board, makespan, rows
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


@pytest.mark.parametrize("agent", own_names())
def test_an_installed_agent_works_and_a_second_run_makes_no_new_call(
    agent: str, tmp_path: Path
) -> None:
    program = read_agent_file(agent).command[0]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not in {os.environ['PATH']}")
    out, again = tmp_path / "run", tmp_path / "again"
    words = ("tardiness", "--level", 4, "--limit", 1, "--agent", f"cli:{agent},seconds=300")
    with Loopback(scripted) as server:
        place = ("--model", "openai/m", "--base-url", server.url)
        done = makespan("run", *words, *place, "--out", out)
        assert done.returncode == 0, done.stderr
        [row] = board(out)
        assert (row["n"], row["errors"], row["unparsable"], row["infeasible"]) == (1, 0, 0, 0)
        shutil.copytree(out, again)
        with sqlite3.connect(again / "journal.sqlite") as journal:
            journal.execute("delete from effects")
            journal.execute("delete from records")
        asked = len(server.requests)
        assert makespan("resume", again).returncode == 0
        assert len(server.requests) == asked
    outcome = "select json_extract(outcome, '$.answer') from effects"
    assert rows(again, outcome) == rows(out, outcome)
