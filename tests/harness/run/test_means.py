"""Runs whose agents may do more than ask: what they were allowed, and that all of it replays."""

import json
import os
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.calls.workbench import Workbench
from harness.replay.transcript import episodes
from harness.sandbox.base import SandboxFailure
from harness.sandbox.sandbox import Sandbox
from harness.store.folder import Folder
from tests.harness.helpers import board, command, makespan, rows
from tests.harness.processes import until
from tests.loopback import Answer, Json, Loopback, chat_completion, prompt_of

EDD = (
    "def solve(problem):\n"
    "    jobs = sorted(problem['jobs'], key=lambda job: job['d'])\n"
    "    return {'order': [job['id'] for job in jobs]}\n"
)
JOBS = ("run", "tardiness", "--level", 4)
EFFECTS = "select path, request, outcome from effects join episodes on id = episode order by key, 1"


def fenced(source: str) -> str:
    return f"```python\n{source}```"


def saying(text: str) -> Answer:
    """What answers every request with the same text."""
    return lambda _, __: text


def run(out: Path, agent: str, *words: object, status: int = 0) -> str:
    """What a run of small jobs writes to standard error."""
    done = makespan(*JOBS, "--agent", agent, *words, "--out", out)
    assert done.returncode == status, done.stderr
    return done.stderr


def model(server: Loopback, limit: int = 2) -> tuple[object, ...]:
    return ("--model", "openai/m", "--base-url", server.url, "--limit", limit)


def grades(out: Path) -> list[Json]:
    """The newest grades of a run, in order."""
    texts = rows(out, "select record from records order by episode, version")
    return [json.loads(text)["grade"] for (text,) in texts]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sandbox can be opened, and no program run."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a sandbox is used")

    monkeypatch.setattr(Sandbox, "__init__", refuse)
    monkeypatch.setattr(Sandbox, "run", refuse)
    monkeypatch.setattr(Workbench, "__init__", refuse)


def scripted(_: int, body: Json) -> Json | str:
    """Writes a program that fails, then one that is right; calls the tool once; answers twice."""
    prompt = prompt_of(body)
    order = [job["id"] for job in _jobs(prompt)]
    if "tools" in body:
        return _with_tool(body, order)
    if "You cannot give the answer directly" in prompt:
        return fenced(EDD) if "Write the whole program again" in prompt else fenced("def solve(")
    if "```python" in prompt:
        done = "NEXT" in prompt
        return json.dumps({"order": order}) if done else fenced("print('NEXT', len(PROBLEM))\n")
    tries = sum(message["role"] == "assistant" for message in body["messages"])
    return json.dumps({"order": order[tries % 2 :]})


def _jobs(prompt: str) -> list[Json]:
    lines = [line for line in prompt.splitlines() if line.startswith("- J")]
    return [{"id": line[2 : line.index(":")]} for line in lines[:4]]


def _with_tool(body: Json, order: list[str]) -> Json | str:
    if any(message["role"] == "tool" for message in body["messages"]):
        return json.dumps({"order": order})
    whole = chat_completion("", body)
    code = json.dumps({"code": "print(sorted(PROBLEM))"})
    function = {"name": "python", "arguments": code}
    call = {"id": "c1", "type": "function", "function": function}
    whole["choices"][0]["message"] |= {"content": None, "tool_calls": [call]}
    whole["choices"][0]["finish_reason"] = "tool_calls"
    return whole


AGENTS = (
    "program:2",
    "simulate:2",
    "python:2",
    "python:2,text=true",
    "checker:3",
    "checker:2,mode=best",
)


@pytest.mark.heavy
@pytest.mark.parametrize("agent", AGENTS)
def test_all_that_was_done_replays_without_a_model_or_a_sandbox(
    agent: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    out = tmp_path / "run"
    with Loopback(scripted) as server:
        run(out, agent, *model(server), "--model", "policy/edd", "--model", "policy/random")
        asked = len(server.requests)
    effects = rows(out, EFFECTS)
    assert effects
    before = {row["model"]: row for row in board(out)}
    assert before["openai/m"]["n"] == 2
    assert before["openai/m"]["unparsable"] == before["openai/m"]["errors"] == 0
    request.getfixturevalue("refused")
    for command_words in (("regrade", out), ("audit", out), ("show", out), ("board", out)):
        done = makespan(*command_words)
        assert done.returncode == 0, done.stderr
    assert "changed 0 of 6" in makespan("regrade", out).stdout
    assert "replayed: 6 of 6" in makespan("audit", out).stdout
    assert {row["model"]: row for row in board(out)} == before
    assert rows(out, EFFECTS) == effects
    assert len([*episodes(out)]) == 6
    calls = "select 1 from attempts join episodes on id = episode where key like '%openai/m%'"
    assert asked == len(rows(out, calls))


@pytest.mark.heavy
def test_a_program_that_fails_is_shown_why_and_its_seconds_are_counted(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Loopback(scripted) as server:
        run(out, "program:2", *model(server, 1))
        first, second = server.requests
    shown = first.body["messages"][-1]["content"]
    assert '{"jobs": [{"id": "J' in shown
    assert '"..."]' in shown
    told = second.body["messages"][-1]["content"]
    assert told.startswith("The program failed (raised): SyntaxError: ")
    assert told.endswith("Write the whole program again, corrected, in one block.")
    [row] = board(out)
    assert row["sandbox_seconds"] > 0
    assert row["means"] == ["program (2 rounds, 10 CPU s and 512 MB each)"]
    assert "sandbox seconds" in makespan("board", out).stdout


FAILURES = {
    "raised": "def solve(problem):\n    return 1 / 0\n",
    "time": "while True:\n    pass\n",
    "memory": "x = [0] * 10**9\n",
    "output": "while True:\n    print('x' * 10**5)\n",
    "exit": "import sys\nsys.exit(3)\n",
    "type": "def solve(problem):\n    return {'order': float('nan')}\n",
    "nothing": "x = 1\n",
}


@pytest.mark.heavy
def test_what_a_program_does_wrong_is_the_models_and_the_grade_says_what(tmp_path: Path) -> None:
    for kind, source in FAILURES.items():
        out = tmp_path / kind
        with Loopback(saying(fenced(source))) as server:
            run(out, "program:seconds=0.5,memory_mb=64", *model(server, 1))
        [grade] = grades(out)
        [violation] = grade["violations"]
        assert grade["verdict"] == "unparsable"
        wanted = "neither returned" if kind == "nothing" else f"the program failed ({kind}): "
        assert wanted in violation["reason"]
        assert makespan("board", out).returncode == 0  # no error: it is an answer


@pytest.mark.heavy
def test_scripts_and_programs_that_print_are_read_too(tmp_path: Path) -> None:
    order = "[job['id'] for job in PROBLEM['jobs']]"
    for number, source in enumerate(
        (
            f"import json\nprint(json.dumps({{'order': {order}}}))\n",
            f"import json\ndef main():\n    print('So:', json.dumps({{'order': {order}}}))\n"
            "if __name__ == '__main__':\n    main()\n",
            f"from dataclasses import dataclass\n@dataclass\nclass A:\n    n: int\n"
            f"def solve(p):\n    return {{'order': {order}}}\n",
        )
    ):
        out = tmp_path / str(number)
        with Loopback(saying(fenced(source))) as server:
            run(out, "program", *model(server, 1))
        assert [grade["verdict"] for grade in grades(out)] == ["valid"]


def test_a_checker_tells_what_is_wrong_and_never_how_good_it_could_be(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Loopback(scripted) as server:
        run(out, "checker:3", *model(server, 1))
        bodies = [request.body for request in server.requests]
    assert len(bodies) == 3
    valid = bodies[1]["messages"][-1]["content"]
    broken = bodies[2]["messages"][-1]["content"]
    assert valid.startswith("Your answer is valid. Its value is ")
    assert broken.startswith("Your answer is infeasible:\n- missing: job J")
    assert "2 of your answers are left" in valid
    assert "1 of your answers is left" in broken
    [(episode)] = episodes(out)
    grade = episode.record.grade
    assert grade is not None
    assert grade.verdict == "valid"  # the best of three, not the last
    told = json.dumps([body["messages"][1:] for body in bodies])
    for word in ("bound", "optim", "gap", "score", "reference"):
        assert word not in told


@pytest.mark.heavy
def test_calls_are_answered_and_those_beyond_the_last_are_not_run(tmp_path: Path) -> None:
    def insists(_: int, body: Json) -> Json:
        whole = chat_completion("", body)
        calls = [
            {"id": name, "type": "function", "function": {"name": name, "arguments": text}}
            for name, text in (("python", '{"code": "print(7)"}'), ("other", "{}"), ("python", "x"))
        ]
        whole["choices"][0]["message"] |= {"content": "no answer", "tool_calls": calls}
        return whole

    out = tmp_path / "run"
    with Loopback(insists) as server:
        run(out, "python:4", *model(server, 1))
        last = server.requests[-1].body["messages"]
    results = [message["content"] for message in last if message["role"] == "tool"]
    assert results[:3] == [
        "7",
        "There is no tool 'other', only `python`.",
        'The arguments are no JSON object with a text "code".',
    ]
    assert results[3] == "7\n(No programs are left: answer now.)"
    assert results[4:6] == ["No programs are left: answer now."] * 2
    assert len(rows(out, EFFECTS)) == 2
    ids = [message["tool_call_id"] for message in last if message["role"] == "tool"]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("target", "agent", "why"),
    [
        ("calendar", "checker", "allows no checker: a checker would tell whose meetings matter"),
        ("calendar", "program", "allows no program: "),
        ("tools", "python", "allows no program: its world has tools of its own"),
        ("tools", "checker", "allows no checker: its world has tools of its own"),
        ("mini-2", "program", "agent 'program' is not for calendar"),
    ],
)
def test_where_it_makes_no_sense_it_is_refused_in_one_line(
    target: str, agent: str, why: str, tmp_path: Path
) -> None:
    done = makespan("run", target, "--agent", agent, "--out", tmp_path / "run")
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.heavy
def test_where_programs_are_not_isolated_nothing_is_begun_unless_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Sandbox) -> None:
        raise SandboxFailure("programs would not be isolated (landlock: NO): with `unsafe`")

    monkeypatch.setattr(Sandbox, "_check_layers", refuse)
    out, floor = tmp_path / "run", ("--model", "policy/edd", "--limit", 1)
    refusal = run(out, "program", *floor, status=2)
    assert "programs would not be isolated (landlock: NO): with --unsafe" in refusal
    assert not out.exists()
    run(out, "program", *floor, "--unsafe")
    assert "resume" not in run(out, "program", *floor, "--unsafe")
    assert makespan("resume", out, "--unsafe").returncode == 0
    assert makespan("resume", out).returncode == 2
    run(tmp_path / "checker", "checker:2", *floor)  # it runs no programs


@pytest.mark.heavy
def test_a_sandbox_that_dies_is_a_failure_with_a_name_and_never_a_grade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise SandboxFailure("3 servers of the sandbox died under one program")

    monkeypatch.setattr(Sandbox, "run", die)
    out = tmp_path / "run"
    done = makespan(
        *JOBS, "--agent", "program", "--model", "policy/edd", "--limit", 2, "--out", out
    )
    assert done.returncode != 0
    assert "3 servers of the sandbox died" in done.stderr
    assert rows(out, "select verdict from records") == []
    monkeypatch.undo()
    assert makespan("resume", out).returncode == 0
    assert [grade["verdict"] for grade in grades(out)] == ["valid"] * 2


@pytest.mark.heavy
def test_a_journal_of_another_program_or_problem_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(out, "program", "--model", "policy/edd", "--limit", 1)
    folder = Folder.open(out)
    assert folder.manifest.configuration.means == ("program (1 round, 10 CPU s and 512 MB each)",)
    change(out, "update effects set request = replace(request, 'source=', 'source=0')")
    done = makespan("regrade", out)
    assert done.returncode != 0
    assert "the request of answer/program-1/run differs from the journal's in its source" in (
        done.stderr
    )
    change(out, "delete from effects")
    done = makespan("regrade", out)
    assert "answer/program-1/run has no outcome in the journal" in done.stderr


def change(folder: Path, statement: str) -> None:
    db = sqlite3.connect(folder / "journal.sqlite", isolation_level=None)
    db.execute(statement)
    db.close()


@pytest.mark.heavy
def test_other_packages_or_limits_are_another_run(tmp_path: Path) -> None:
    out, floor = tmp_path / "run", ("--model", "policy/edd", "--limit", 1)
    run(out, "program:packages=numpy", *floor)
    refusal = run(out, "program:packages=numpy,seconds=5", *floor, status=2)
    assert "its agent is 'program:packages=numpy', here it is" in refusal
    refusal = run(out, "program", *floor, status=2)
    assert refusal.count("\n") == 1


@pytest.mark.heavy
def test_parts_of_a_run_are_joined_with_their_programs(tmp_path: Path) -> None:
    floors = ("--model", "policy/edd", "--model", "policy/random", "--limit", 4)
    whole = tmp_path / "whole"
    run(whole, "program", *floors)
    for part in (1, 2):
        run(tmp_path / f"part-{part}", "program", *floors, "--shard", f"{part}/2")
    joined = tmp_path / "joined"
    parts = (tmp_path / "part-1", tmp_path / "part-2")
    assert makespan("merge", *parts, "--out", joined).returncode == 0
    requests = "select path, request from effects join episodes on id = episode order by key"
    assert rows(joined, requests) == rows(whole, requests)
    assert "changed 0 of 8" in makespan("regrade", joined).stdout
    twice = tmp_path / "twice"  # a policy computes: its seconds are not compared
    assert makespan("merge", joined, whole, "--out", twice).returncode == 0


@pytest.mark.heavy
def test_a_run_that_is_killed_goes_on_and_runs_no_program_again(tmp_path: Path) -> None:
    out, limit = tmp_path / "run", 6
    slow = fenced("for k in range(3 * 10**6):\n    pass\n" + EDD)
    with Loopback(lambda _, __: slow) as server:
        words = (*JOBS, "--agent", "program", *model(server, limit), "--out", out)
        process = subprocess.Popen(
            command(*words, "--workers", 1),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ},
        )
        try:
            until(lambda: out.exists() and len(performed(out)) >= 2)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(60)
        before, asked = performed(out), len(server.requests)
        assert len(before) < limit
        assert makespan("resume", out).returncode == 0
        assert len(server.requests) <= limit + (limit - asked)
    after = performed(out)
    assert len(after) == limit
    assert after.items() >= before.items()
    assert "changed 0 of 6" in makespan("regrade", out).stdout


def performed(out: Path) -> dict[str, Any]:
    """The outcome of each program, with its seconds, by episode."""
    try:
        return dict(rows(out, "select key, outcome from effects join episodes on id = episode"))
    except sqlite3.Error:  # the journal is being made
        return {}
