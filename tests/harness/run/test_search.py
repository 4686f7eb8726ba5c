"""Runs of agents that search: what they may, that all of it replays, and who may not search."""

import json
import os
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from harness.calls.imagination import Branch, Imagination
from tests.harness.helpers import answered, board, command, makespan, rows
from tests.harness.processes import until
from tests.loopback import Fault, Json, Loopback
from tests.scripted import answer

JOBS = ("run", "tools", "--level", 2)
EFFECTS = "select path, request, outcome from effects join episodes on id = episode order by key, 1"
FLOORS = ("policy/random", "policy/all-ready", "policy/optimal")


def run(out: Path, agent: str, *words: object, status: int = 0) -> str:
    """What a run of small requests writes to standard error."""
    done = makespan(*JOBS, "--agent", agent, *words, "--out", out)
    assert done.returncode == status, done.stderr
    return done.stderr


def named(*models: str) -> tuple[str, ...]:
    return tuple(word for name in models for word in ("--model", name))


def model(server: Loopback, limit: int = 2) -> tuple[object, ...]:
    return ("--model", "openai/m", "--base-url", server.url, "--limit", limit)


def scores(out: Path) -> dict[str, float]:
    return {row["model"]: row["score"]["value"] for row in board(out)}


@pytest.fixture
def unimagined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be imagined, and no world made for it."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a branch is imagined")

    monkeypatch.setattr(Imagination, "imagined", refuse)
    monkeypatch.setattr(Branch, "__init__", refuse)


@pytest.mark.heavy
@pytest.mark.parametrize("agent", ["best-of:2", "mcts:3,clock=charged"])
def test_all_that_was_imagined_replays_and_is_not_imagined_again(
    agent: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    out = tmp_path / "run"
    with Loopback(answer) as server:
        run(out, agent, *model(server), *named("policy/random"), "--system-message", "Be quick.")
        asked = len(server.requests)
    assert makespan("verify", out).stdout.endswith("all is as it says\n")
    before, effects = {row["model"]: row for row in board(out)}, rows(out, EFFECTS)
    assert before["openai/m"]["n"] == 2
    assert before["openai/m"]["errors"] == 0
    assert before["openai/m"]["tokens"] > 0
    request.getfixturevalue("unimagined")
    assert "changed 0 of 4" in makespan("regrade", out).stdout
    assert "replayed: 4 of 4" in makespan("audit", out).stdout
    assert makespan("show", out).returncode == 0
    assert {row["model"]: row for row in board(out)} == before
    assert rows(out, EFFECTS) == effects
    calls = "select path from attempts join episodes on id = episode where key like '%openai/m%'"
    assert len(rows(out, calls)) == asked
    assert all("/try-" in path for (path,) in rows(out, calls))


def test_what_is_said_before_all_else_is_said_in_branches_once(tmp_path: Path) -> None:
    words = ("--system-message", "Be quick.", "-T", "select=6", "-T", "distractors=4")
    with Loopback(answer) as server:
        run(tmp_path / "run", "best-of:1", *model(server, 1), *words)
        bodies = [each.body for each in server.requests]
    assert len(bodies) > 1
    for body in bodies:
        roles = [message["role"] for message in body["messages"]]
        assert roles[0] == "system"
        assert roles.count("system") == 1
        assert json.dumps(body["messages"]).count("Be quick.") == 1


@pytest.mark.heavy
def test_floors_and_the_ceiling_are_asked_at_the_same_means(tmp_path: Path) -> None:
    limit = ("--limit", 3, *named(*FLOORS))
    direct, once, often, charged = (tmp_path / name for name in ("d", "1", "12", "c"))
    run(direct, "direct", *limit)
    run(once, "best-of:1", *limit)
    run(often, "best-of:12", "--limit", 3, *named("policy/random"))
    run(charged, "best-of:1,clock=charged", "--limit", 1, *named("policy/optimal"))
    assert scores(direct) == scores(once)  # of one try nothing is chosen
    assert scores(once)["policy/random"] < scores(often)["policy/random"]
    assert scores(once)["policy/optimal"] == 1
    assert scores(charged)["policy/optimal"] == pytest.approx(0.5)  # what is tried is done twice
    [means] = {tuple(row["means"]) for row in board(often)}
    assert means == ("simulate (12 tries in branches)",)


def test_an_outcome_of_a_branch_that_is_forged_is_seen(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(out, "best-of:1,clock=charged", "--limit", 1, *named("policy/optimal"))
    db = sqlite3.connect(out / "journal.sqlite")
    db.execute("update effects set outcome = json_set(outcome, '$.took', 0)")
    db.commit()
    db.close()
    assert "changed 1 of 1" in makespan("regrade", out).stdout  # what is explored is free now
    done = makespan("verify", out)
    assert done.returncode == 1
    assert "/imagined is not what its world comes to" in done.stdout


@pytest.mark.parametrize(
    ("family", "agent", "why"),
    [
        ("tardiness", "mcts", "has no tools whose calls could be imagined; `checker` takes"),
        ("calendar", "best-of:3", "has no tools whose calls could be imagined"),
        ("flow", "mcts", "allows no branches: that is not among the `means` that it declares"),
    ],
)
def test_a_family_without_branches_is_refused_in_one_line(
    family: str, agent: str, why: str
) -> None:
    done = makespan("run", family, "--agent", agent, "--model", "openai/m")
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert f"agent {agent.partition(':')[0]!r} is not for {family}, which {why}" in line


@pytest.mark.heavy
def test_a_run_that_is_killed_goes_on_to_the_same_digest(tmp_path: Path) -> None:
    hung = True

    def hanging(number: int, body: Json) -> Json | Fault:
        return Fault(how="hang") if hung and number > 5 else answer(number, body)

    words = ("--agent", "mcts:3", "--workers", 1)
    with Loopback(answer) as server:
        run(tmp_path / "whole", "mcts:3", *model(server), "--workers", 1)
        wanted = len(server.requests)
    with Loopback(hanging) as server:
        line = (*JOBS, *words, *model(server), "--out", tmp_path / "cut")
        process = subprocess.Popen(
            command(*line),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ},
        )
        try:
            server.wait_for(6)
            until(lambda: len(answered(tmp_path / "cut")) == 5, 60)  # what is in flight is lost
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(60)
        hung, hanging_calls = False, len(server.requests) - 5
        assert makespan("resume", tmp_path / "cut").returncode == 0
        assert len(server.requests) == wanted + hanging_calls  # nothing else is asked again
    digests = [makespan("audit", tmp_path / name).stdout for name in ("whole", "cut")]
    assert "replayed: 2 of 2" in digests[0]
    assert digests[0] == digests[1]
    assert rows(tmp_path / "whole", EFFECTS) == rows(tmp_path / "cut", EFFECTS)


def test_a_tree_that_spends_the_budget_of_its_episode_ends_there(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Loopback(answer) as server:
        run(out, "mcts:900", *model(server, 1), "--budget-episode-tokens", 4000, status=1)
        assert 3 < len(server.requests) < 20
    [row] = board(out)
    assert (row["n"], row["errors"]) == (1, 1)
    [(text,)] = rows(out, "select record from records where verdict = 'error'")
    assert json.loads(text)["problem"]["boundary"] == "budget"
