"""The command-line agents themselves, those that are installed: they work, and replay."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from harness.sessions.definitions import own_names, read_agent_file
from tests.agent_models import HELPED, remembering, scripted, turning
from tests.harness.helpers import board, command, rows
from tests.harness.processes import until
from tests.jails import in_jail as in_jail
from tests.loopback import Loopback

pytestmark = pytest.mark.slow
JOBS = ("tardiness", "--level", 4)
CALLS = "select path from attempts where reply is not null"


def words_of(agent: str, server: Loopback, limit: int) -> tuple[object, ...]:
    """How a run of small jobs is asked for; skipped where the agent is not installed."""
    program = read_agent_file(agent).command[0]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not in {os.environ['PATH']}")
    agents = ("--agent", f"cli:{agent},seconds=300", "--limit", limit)
    return ("run", *JOBS, *agents, *model(server))


def model(server: Loopback) -> tuple[object, ...]:
    return ("--model", "openai/m", "--base-url", server.url)


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


def test_a_board_has_the_same_model_by_itself_with_python_and_by_two_agents(
    tmp_path: Path,
) -> None:
    outs = {name: tmp_path / name for name in ("direct", "python", "cli:claude", "cli:codex")}
    with Loopback(scripted) as server:
        for agent, out in outs.items():
            words = words_of(agent.removeprefix("cli:"), server, 5) if "cli" in agent else ()
            jobs = words or ("run", *JOBS, "--agent", agent, *model(server), "--limit", 5)
            done(*jobs, "--out", out)
    columns = "score,n,tokens,own tokens,side tokens"
    text = done("board", *outs.values(), "--columns", columns, "--wide")
    by_agent = {row["agent"].partition(",")[0]: row for row in board(*outs.values())}
    assert len({row["score"]["value"] for row in by_agent.values()}) == 1
    tokens = {agent: by_agent[agent]["tokens"] for agent in outs}
    assert tokens["direct"] < tokens["python"] < tokens["cli:claude"] < tokens["cli:codex"]
    for agent in ("cli:claude", "cli:codex"):
        assert 0.5 * tokens[agent] < by_agent[agent]["own_tokens"] < tokens[agent]
    assert "own tokens" in text
    print(text)


def test_the_tokens_of_a_sub_agent_count(tmp_path: Path) -> None:
    out, file = tmp_path / "run", tmp_path / "claude-with-helpers.toml"
    words_of("claude", Loopback(scripted), 1)  # skipped without it
    declaration = (files("harness.sessions") / "agents" / "claude.toml").read_text("utf-8")
    whole = declaration.replace('"--bare", ', "")  # without it there are no sub-agents
    file.write_text(whole.replace("Bash,Read", "Agent,Bash,Read"))
    with Loopback(scripted) as server:
        jobs = ("run", *JOBS, "--agent", f"cli:{file},seconds=300", *model(server))
        done(*jobs, "--limit", 1, "--out", out)
        helped = [r.body for r in server.requests if HELPED in str(scripted(0, r.body))]
        assert len(helped) == 1
        usages = [scripted(0, each.body)["usage"]["total_tokens"] for each in server.requests]
    [row] = board(out)
    assert (row["unparsable"], row["tokens"]) == (0, sum(usages))
    assert row["side_tokens"] == scripted(0, helped[0])["usage"]["total_tokens"]


@pytest.mark.parametrize("agent", [name for name in own_names() if read_agent_file(name).mcp])
def test_an_installed_agent_calls_the_tools_of_a_world(agent: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words_of(agent, Loopback(turning), 1)  # skipped without it
    jobs = ("run", "tools", "--level", 3, "--limit", 1, "--agent", f"cli:{agent},seconds=300")
    with Loopback(turning) as server:
        done(*jobs, *model(server), "--out", out)
    [end] = [json.loads(text) for (text,) in rows(out, "select outcome from effects")]
    assert [len(turn) for turn in end["turns"]] == [2]
    assert json.loads(end["answer"]) == {"answer": {}}
    [row] = board(out)
    assert (row["errors"], row["unparsable"]) == (0, 0)
    assert "replayed: 1 of 1" in done("audit", out)


@pytest.mark.parametrize(("folder", "notes"), [("fresh", [0, 0, 0]), ("stays", [0, 1, 2])])
@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_an_installed_agent_remembers_in_a_folder_that_stays(
    agent: str, folder: str, notes: list[int], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    words_of(agent, Loopback(remembering), 1)  # skipped without it
    jobs = ("run", "calendar", "--level", 2, "-T", "rounds=3", "--limit", 1, "--memory", "none")
    with Loopback(remembering) as server:
        done(*jobs, "--agent", f"cli:{agent},folder={folder}", *model(server), "--out", out)
        asked = [request.body["messages"] for request in server.requests]
    results = [[turn["content"] for turn in each if turn["role"] == "tool"] for each in asked]
    assert [str(each[0]).count("remembered") for each in results if len(each) == 1] == notes
    assert "replayed: 1 of 1" in done("audit", out)
