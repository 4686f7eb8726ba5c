"""Runs whose agent is a program of its own: in a jail, recorded, resumed and replayed."""

import asyncio
import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.sessions import probes
from tests.agent_models import scripted
from tests.agent_runs import JOBS, STANDIN, declared, ends, grades, model, run
from tests.harness.helpers import board, command, makespan, rows
from tests.harness.processes import until
from tests.jails import in_jail as in_jail
from tests.loopback import FAULTS, Answer, Json, Loopback, prompt_of

KINDS = ("chat", "messages", "responses", "gemini")
CALLS = "select path from attempts join episodes on id = episode where reply is not null order by 1"


def working(_: int, body: Json) -> str:
    """Looks around, writes the jobs as they are listed, ends."""
    prompt = prompt_of(body)
    if "$ ls" not in prompt:
        return "ls"
    if "answer.json" not in prompt.partition("$ ls")[2]:
        order = [line[2 : line.index(":")] for line in prompt.splitlines() if line[:3] == "- J"]
        return f"echo '{json.dumps({'order': order[:4]})}' > answer.json # answer.json"
    return "DONE"


@pytest.mark.heavy
@pytest.mark.parametrize("kind", KINDS)
def test_an_agent_works_in_any_protocol_and_all_of_it_replays_without_it(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    file = declared(tmp_path, kind)
    with Loopback(working) as server:
        run(out, f"cli:{file}", *model(server), "--model", "policy/edd")
        asked = len(server.requests)
    assert asked == 6
    paths = [path for (path,) in rows(out, CALLS) if "session" in path]
    assert paths == sorted(f"answer/session-1/call-00{n}" for n in (1, 1, 2, 2, 3, 3))
    before = {row["model"]: row for row in board(out)}
    row = before["openai/m"]
    assert (row["n"], row["errors"], row["unparsable"], row["infeasible"]) == (2, 0, 0, 0)
    bounds = "cli (50 calls, 1800 s, 1800 CPU s and 4096 MB a session)"
    [version] = {*row["means"]} - {bounds}
    assert version.startswith(f"{kind} 1.2.3, configuration ")
    file.unlink()
    monkeypatch.setattr(asyncio, "create_subprocess_exec", None)
    for words in (("regrade", out), ("audit", out), ("show", out), ("board", out)):
        done = makespan(*words)
        assert done.returncode == 0, done.stderr
    assert "changed 0 of 4" in makespan("regrade", out).stdout
    assert "replayed: 4 of 4" in makespan("audit", out).stdout
    assert {row["model"]: row for row in board(out)} == before


@pytest.mark.heavy
def test_a_run_that_was_cut_off_pays_no_answered_call_again(tmp_path: Path) -> None:
    out, whole = tmp_path / "run", tmp_path / "whole"
    file = declared(tmp_path)
    with Loopback(working, delay=0.4) as server:
        words = (*JOBS, "--agent", f"cli:{file}", *model(server), "--out", out)
        process = subprocess.Popen(
            command(*words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(lambda: (out / "journal.sqlite").exists() and len(rows(out, CALLS)) >= 3)
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        answered = rows(out, CALLS)
        sent = len(server.requests)
        assert makespan("resume", out).returncode == 0
        assert len(server.requests) - sent == 6 - len(answered)
        run(whole, f"cli:{file}", *model(server))
    assert rows(out, CALLS) == rows(whole, CALLS)
    assert grades(out) == grades(whole)
    assert [row["score"] for row in board(out)] == [row["score"] for row in board(whole)]


HASTY = r"""
import json, socket, sys
if "--version" in sys.argv:
    print("hasty 1.0")
    sys.exit()
body = json.dumps({"messages": [{"role": "user", "content": "Late?"}]}).encode()
asked = socket.create_connection(("127.0.0.1", int(sys.argv[1].rpartition(":")[2])))
head = b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body)
asked.sendall(head + body)
open("answer.json", "w").write('{"order": []}')
"""


@pytest.mark.heavy
def test_a_call_under_way_at_the_end_of_a_session_is_paid_and_so_it_is_kept(
    tmp_path: Path,
) -> None:
    out = tmp_path / "run"
    file = declared(tmp_path, source=HASTY)
    with Loopback(answering("too late"), delay=1.0) as server:
        run(out, f"cli:{file}", *model(server, 1))
        assert len(server.requests) == 1
    assert rows(out, CALLS) == [("answer/session-1/call-001",)]
    [end] = ends(out)
    assert (end["calls"], end["answer"]) == (1, '{"order": []}')


@pytest.mark.heavy
def test_a_board_has_a_model_by_itself_and_by_agents_with_the_agents_own_tokens(
    tmp_path: Path,
) -> None:
    """One of the agents has a helper with a conversation of its own, whose tokens count."""
    helper = STANDIN.read_text("utf-8").replace(
        "\nexcept urllib", '\n    ask("You help. Count the files.")\nexcept urllib'
    )
    other = tmp_path / "other"
    other.mkdir()
    agents = {
        "direct": "direct",
        "python": "python:5",
        "chat": f"cli:{declared(tmp_path)}",
        "messages": f"cli:{declared(other, 'messages', source=helper)}",
    }
    outs = {name: tmp_path / f"run-{name}" for name in agents}
    with Loopback(scripted) as server:
        for name, agent in agents.items():
            run(outs[name], agent, *model(server))
    found = dict(zip(agents, (board(out)[0] for out in outs.values()), strict=True))
    assert len({row["score"]["value"] for row in found.values()}) == 1
    tokens = {name: row["tokens"] for name, row in found.items()}
    assert tokens["direct"] < tokens["python"] < tokens["chat"] < tokens["messages"]
    for name in ("direct", "python"):
        assert not {"own_tokens", "side_tokens"} & {*found[name]}
    assert 0 < found["chat"]["own_tokens"] < tokens["chat"]
    assert "side_tokens" not in found["chat"]  # it has none
    paths = "select json_extract(reply, '$.usage') from attempts where path like '%call-004'"
    usages = [json.loads(text) for (text,) in rows(outs["messages"], paths)]
    assert found["messages"]["side_tokens"] == sum(sum(u.values()) for u in usages)
    text = makespan("board", *outs.values(), "--wide").stdout
    assert "own tokens" in text
    csv = tmp_path / "board.csv"
    for part, columns in ((outs.values(), 1), ((outs["direct"],), 0)):
        makespan("board", *part, "--csv", csv)
        assert csv.read_text("utf-8").partition("\n")[0].count("own_tokens") == columns


@pytest.mark.heavy
def test_a_spent_budget_ends_the_agent_at_once(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Loopback(working) as server:
        run(out, f"cli:{declared(tmp_path)},calls=2", *model(server, 1))
        assert len(server.requests) == 2
    [end] = ends(out)
    assert end["refusal"].startswith("the budget of this session is spent: 2 calls, ")
    assert end["calls"] == 2
    assert end["refusal"] in end["tail"]
    assert json.loads(end["answer"])["order"]  # written before: it counts
    [row] = board(out)
    assert (row["errors"], row["unparsable"]) == (0, 0)


def test_tokens_are_a_limit_too(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Loopback(working) as server:
        run(out, f"cli:{declared(tmp_path)},tokens=1", *model(server, 1))
        assert len(server.requests) == 1
    [row] = board(out)
    assert (row["errors"], row["unparsable"]) == (0, 1)


def answering(*commands: str) -> Answer:
    """What tells a command at each turn, and then ends."""

    def answer(_: int, body: Json) -> str:
        count = prompt_of(body).count("\n$ ")
        return commands[count] if count < len(commands) else "DONE"

    return answer


def test_without_an_answer_it_is_the_models_failure_whatever_the_status(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Loopback(answering("echo I am done")) as server:
        run(out, f"cli:{declared(tmp_path)}", *model(server, 1))
    [end] = ends(out)
    assert (end["answer"], end["status"]) == (None, 0)
    [row] = board(out)
    assert (row["errors"], row["unparsable"]) == (0, 1)


@pytest.mark.heavy
def test_a_provider_that_fails_is_an_error_and_never_a_zero(tmp_path: Path) -> None:
    out = tmp_path / "run"

    def failing(_: int, body: Json) -> Any:
        return working(_, body) if "$ ls" not in prompt_of(body) else FAULTS["server"]

    with Loopback(failing) as server:
        run(out, f"cli:{declared(tmp_path)}", *model(server, 1), "--max-attempts", 1, status=1)
    assert ends(out) == []
    [row] = board(out)
    assert row["errors"] == 1


@pytest.mark.heavy
def test_an_agent_that_does_not_end_is_ended(tmp_path: Path) -> None:
    out = tmp_path / "run"
    write = "echo '{\"order\": []}' > answer.json"
    with Loopback(answering(f"{write}; sleep 100")) as server:
        run(out, f"cli:{declared(tmp_path)},seconds=2", *model(server, 1))
    [end] = ends(out)
    assert end["status"] is None
    assert end["answer"] == '{"order": []}\n'


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("folder", "kept"), [("fresh", [False] * 3), ("stays", [False, True, True])]
)
def test_a_folder_that_stays_is_a_memory_and_a_fresh_one_is_none(
    folder: str, kept: list[bool], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with Loopback(answering("echo remembered >> notes.md")) as server:
        words = ("--agent", f"cli:{declared(tmp_path)},folder={folder}", "--memory", "none")
        size = ("--level", 2, "-T", "rounds=3", *model(server, 1))
        done = makespan("run", "calendar", *words, *size, "--out", out)
        assert done.returncode == 0, done.stderr
        first = [r for r in server.requests if "\n$ " not in prompt_of(r.body)]
    assert ["notes.md: remembered" in prompt_of(r.body) for r in first] == kept
    assert "replayed: 1 of 1" in makespan("audit", out).stdout


@pytest.mark.heavy
def test_an_instruction_to_read_the_run_reads_nothing_and_the_row_is_what_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the agent prints it tells the model, whose requests are looked at."""
    monkeypatch.setenv("OTHER_API_KEY", "sk-the-key-of-another")
    out, honest = tmp_path / "run", tmp_path / "honest"

    def spy(number: int, body: Json) -> str:
        prompt = prompt_of(body)
        return working(number, body) if "\n$ cat" in prompt else spying

    agent = f"cli:{declared(tmp_path)}"
    with Loopback(working) as server:
        run(honest, agent, *model(server))
    with Loopback(spy) as server:
        reach = ("127.0.0.1", int(server.root.rpartition(":")[2])), ("1.1.1.1", 80)
        network = f"import socket\nfor place in {reach}:\n    try:\n        "
        network += "print('reached', socket.create_connection(place, 2))\n    "
        network += "except OSError as error:\n        print('closed:', error)"
        spying = (
            f"cat {out}/instances.jsonl {out}/journal.sqlite {out}/manifest.json;"
            " find / -name '*.jsonl' -size -1000k 2>/dev/null | xargs cat; env;"
            " cat /proc/*/environ /proc/*/cmdline; ps ax;"
            f" {Path(sys.executable).resolve()} -c {shlex.quote(network)}"
        )
        run(out, agent, *model(server))
        told = "".join(prompt_of(request.body) for request in server.requests)
    printed = told.partition("except OSError")[2]
    assert printed.count("closed: ") >= 2
    assert "reached " not in printed.replace("'reached'", "")
    optimum = json.loads((out / "instances.jsonl").read_text("utf-8").splitlines()[0])["reference"]
    assert json.dumps(optimum["answer"], separators=(",", ":")) not in told
    for secret in ('"reference"', "sk-the-key", "SQLite format", "configuration"):
        assert secret not in told
    assert grades(out) == grades(honest)


# A user namespace of its own has limits of its own: with none left there is no jail in it.
NO_NAMESPACES = (
    "cd /proc/sys/user; for each in user mnt pid net; do echo 0 > max_${each}_namespaces; done;"
    ' exec "$@"'
)


def without_namespaces(*words: object) -> subprocess.CompletedProcess[str]:
    """What `makespan` does where no namespace can be made; without a network but its loopback."""
    shell = ["unshare", "-Ur", "sh", "-c", NO_NAMESPACES, "sh"]
    return subprocess.run(
        [*shell, *command(*words)], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.heavy
def test_without_namespaces_it_refuses_unless_it_is_told_to_go_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    file = declared(tmp_path)
    with Loopback(working) as server:
        words = (*JOBS, "--agent", f"cli:{file}", *model(server, 1), "--out", out)
        refused = without_namespaces(*words)
        assert refused.returncode == 2
        [line] = refused.stderr.strip().splitlines()
        assert "no jail here: " in line
        assert "--unsafe" in line
        assert not out.exists()
        done = without_namespaces(*words, "--unsafe")
        assert done.returncode == 0, done.stderr
        assert len(server.requests) == 3
        [row] = board(out)
        assert (row["n"], row["errors"], row["unparsable"]) == (1, 0, 0)
        assert "no jail" in row["means"]
        error = makespan("resume", out)
        assert error.returncode == 2
        assert "the run was begun with" in error.stderr
    assert "replayed: 1 of 1" in makespan("audit", out).stdout


@pytest.mark.heavy
def test_where_there_is_a_jail_unsafe_changes_nothing(tmp_path: Path) -> None:
    with Loopback(working) as server:
        agent = f"cli:{declared(tmp_path)}"
        run(tmp_path / "a", agent, *model(server, 1))
        run(tmp_path / "b", agent, *model(server, 1), "--unsafe")
    assert board(tmp_path / "a")[0]["means"] == board(tmp_path / "b")[0]["means"]


WRONG = {
    "cli": "agent 'cli' needs an agent's name, such as cli:claude",
    "cli:clade": "no command-line agent 'clade': there are claude, codex, gemini, mini-swe-agent,"
    " opencode, or a file that ends in .toml; did you mean 'claude'?",
    "cli:none.toml": "cannot read none.toml: No such file or directory",
    "cli:claude,calls=0": "cli: calls: 0 is not from 1 to 999",
}


@pytest.mark.parametrize("agent", WRONG)
def test_an_agent_that_is_none_is_refused_in_one_line(agent: str, tmp_path: Path) -> None:
    error = run(tmp_path / "run", agent, "--model", "policy/edd", status=2)
    assert error.strip().endswith(WRONG[agent])
    assert not (tmp_path / "run").exists()


def test_what_is_not_installed_or_declared_wrongly_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    for text, message in (
        ('command = ["no-such-program"]\nversion = ["x"]', "'no-such-program' is not installed"),
        ('command = []\nversion = ["x"]', "`command` and `version` need at least one word"),
        ('command = ["sh"]\nversion = ["x"]\nfolders = ["a"]', "'a' must begin with a slash"),
        ('command = ["sh"]\nversion = ["sh", "-c", "echo sh 1.0; exit 3"]', "tells no version"),
        ('command = ["sh"]', "missing required field `version`"),
        ("command = [", f"{path}: "),
    ):
        path.write_text(text)
        error = run(tmp_path / "run", f"cli:{path}", "--model", "policy/edd", status=2)
        assert message in error


@pytest.mark.heavy
def test_a_declaration_is_known_by_its_content_wherever_its_file_is(tmp_path: Path) -> None:
    """The run keeps it: a file elsewhere is the same agent, another content is another."""
    out, other = tmp_path / "run", tmp_path / "other"
    other.mkdir()
    file = declared(tmp_path)
    text = file.read_text("utf-8")
    with Loopback(working) as server:
        run(out, f"cli:{file}", *model(server, 1))
        moved = other / file.name
        file.rename(moved)
        run(out, f"cli:{moved}", *model(server, 2))
        assert len(server.requests) == 6
        moved.write_text(text + '[environment]\nMORE = "1"\n')
        error = run(out, f"cli:{moved}", *model(server, 3), status=2)
        assert "configuration" in error
        moved.unlink()
        assert makespan("resume", out).returncode == 0
        assert [row["agent"] for row in board(out)] == ["cli:chat.toml"]


@pytest.mark.heavy
def test_another_version_of_the_agent_does_not_resume_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, place = tmp_path / "run", tmp_path / "place"
    place.mkdir()
    (place / "n").write_text("stand-in 1.2.3")
    words = ["/bin/cat", f"{place}/n"]
    file = declared(tmp_path, version=words, folders=[str(place), sys.base_prefix])
    with Loopback(working) as server:
        run(out, f"cli:{file}", *model(server, 1))
        (place / "n").write_text("stand-in 1.3.0")
        monkeypatch.setattr(probes, "_versions", {})  # what this process has asked before
        done = makespan("resume", out)
    assert done.returncode == 2
    assert "the run was begun with chat 1.2.3" in done.stderr
    assert "here it would be chat 1.3.0" in done.stderr


def test_a_family_with_tools_is_refused(tmp_path: Path) -> None:
    words = ("run", "tools", "--agent", f"cli:{declared(tmp_path)}", "--model", "policy/plan")
    done = makespan(*words, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "agent 'cli' is not for tools, whose tools are offered over MCP" in done.stderr
