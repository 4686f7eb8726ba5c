"""Audits from the command line: shortcuts, replay, and what a scripted model's notes are worth."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from generators.calendar import generate, held_out
from harness.replay.audit import CLASHES
from tasks.base import Instance, Scalar
from tasks.calendar import Year
from tests.harness.helpers import command, makespan, rows
from tests.loopback import Json, Loopback

ROUNDS = 20
SETTINGS: dict[str, Scalar] = {"rounds": ROUNDS, "feedback": "text", "history": 0}
USERS = 5


@cache
def users() -> tuple[Instance[Year], ...]:
    return tuple(generate(4, 0, k, SETTINGS) for k in range(USERS))


@cache
def clashes() -> dict[str, list[tuple[Year, int]]]:
    """Every round of the years and of the exams, by the title of its first event."""
    found: dict[str, list[tuple[Year, int]]] = {}
    for year in [i.payload for u in users() for i in (u, held_out(u, CLASHES))]:
        for k, one in enumerate(year.rounds):
            found.setdefault(one.events[0].title, []).append((year, k))
    return found


def shown(text: str) -> tuple[Year, int]:
    """The round that a prompt asks about."""
    for line in text.splitlines():
        for title, places in clashes().items():
            if title not in line:
                continue
            for year, k in places:
                one = year.rounds[k]
                if one.date in text and all(
                    f"{e.id}" in text and e.title in text for e in one.events
                ):
                    return year, k
    raise AssertionError(text)


def answer(ids: list[str]) -> str:
    return json.dumps({"accept": ids[0], "ranking": ids, "reason": "as noted"})


def prompt(body: Json) -> str:
    return "\n".join(message["content"] for message in body["messages"])


def diligent(_: int, body: Json) -> str:
    """Notes each principle it is told, and decides by the signs of those it has noted."""
    text = prompt(body)
    if "tools" in body:
        known = dict.fromkeys(p.text for u in users() for p in u.payload.truth.principles)
        told = [principle for principle in known if principle in text]
        return json.dumps({"action": "update", "strategies": told[-10:]})
    year, k = shown(text)
    truth = year.truth
    signs = [
        (1 if weight > 0 else -1) * (principle.text in text)
        for principle, weight in zip(truth.principles, truth.eras[-1].weights, strict=True)
    ]
    worth = [sum(signs[i] for i in has) for has in truth.judgements[k].triggered]
    ids = year.rounds[k].ids
    return answer(sorted(ids, key=lambda i: -worth[ids.index(i)]))


def careless(number: int, body: Json) -> str:
    """Notes what has nothing to do with anything, and takes the first event."""
    if "tools" in body:
        notes = ["Blue skies and warm tea.", f"Number {number % 3} is lucky."]
        return json.dumps({"action": "update", "strategies": notes})
    year, k = shown(prompt(body))
    return answer(list(year.rounds[k].ids))


def run(server: Loopback, out: Path, memory: str, *more: object) -> None:
    settings = [word for k, v in SETTINGS.items() for word in ("-T", f"{k}={v}")]
    done = makespan(
        "run",
        "calendar",
        "--level",
        4,
        *settings,
        "--limit",
        USERS,
        "--memory",
        memory,
        "--model",
        "openai/scripted",
        "--base-url",
        server.url,
        "--out",
        out,
        *more,
    )
    assert done.returncode == 0, done.stderr


def audited(folder: Path) -> Json:
    done = makespan("audit", "--ask", folder, "--json")
    assert done.returncode == 0, done.stderr
    found: Json = json.loads(done.stdout)
    return found


@pytest.mark.heavy
def test_an_audit_asks_only_when_it_is_told_to(tmp_path: Path) -> None:
    with Loopback(careless) as server:
        run(server, tmp_path / "hub", "strategy-hub")
        before = len(server.requests)
        done = makespan("audit", tmp_path / "hub")
        assert done.returncode == 2
        calls = USERS * 2 * CLASHES
        assert f"the exams of its notes need {calls} calls of models: give --ask" in done.stderr
        assert len(server.requests) == before
        audited(tmp_path / "hub")
        assert len(server.requests) == before + calls
        assert makespan("audit", tmp_path / "hub").returncode == 0
        assert len(server.requests) == before + calls


@pytest.mark.heavy
def test_notes_that_are_decided_by_lower_the_error_and_the_audit_recovers_them(
    tmp_path: Path,
) -> None:
    with Loopback(diligent) as server:
        run(server, tmp_path / "hub", "strategy-hub")
        run(server, tmp_path / "none", "none")
        first = audited(tmp_path / "hub")
        asked = len(server.requests)
    again = audited(tmp_path / "hub")  # without a server: all is in the journal
    assert again == first
    assert asked == USERS * (3 * ROUNDS + 2 * CLASHES)
    (row,) = first["rows"]
    assert (first["replayed"], first["differ"], row["users"]) == (USERS, [], USERS)
    metrics = {name: one["value"] for name, one in row["metrics"].items()}
    assert metrics["named"] > 0.6 > 0.2 > metrics["by_chance"]
    assert metrics["supported"] == 1
    assert metrics["error"] < metrics["bare_error"] - 0.2
    assert row["gain"]["low"] > 0
    assert "the notes help" in makespan("audit", "--ask", tmp_path / "hub").stdout
    board = json.loads(makespan("board", tmp_path / "hub", tmp_path / "none", "--json").stdout)
    by_memory = {one["memory"]: one for one in board["rows"]}
    hub = by_memory["strategy-hub"]["metrics"]
    assert hub["aer_last_quarter"]["value"] < hub["aer_first_quarter"]["value"]
    gain = by_memory["none"]["metrics"]["aer"]["value"] - hub["aer"]["value"]
    assert hub["learning_gain"]["value"] == pytest.approx(gain)
    assert hub["learning_gain"]["low"] > 0
    assert "learning_gain" not in by_memory["none"]["metrics"]


@pytest.mark.heavy
def test_nonsense_in_the_notes_is_told(tmp_path: Path) -> None:
    with Loopback(careless) as server:
        run(server, tmp_path / "hub", "strategy-hub")
        (row,) = audited(tmp_path / "hub")["rows"]
        told = makespan("audit", "--ask", tmp_path / "hub").stdout
    metrics = {name: one["value"] for name, one in row["metrics"].items()}
    assert (metrics["named"], metrics["by_chance"], metrics["supported"]) == (0, 0, 0)
    assert metrics["entries"] == 2
    assert row["gain"]["value"] == 0
    assert "no sign that the notes help" in told


@pytest.mark.heavy
def test_with_the_provider_down_every_exam_is_told_and_can_be_taken_later(tmp_path: Path) -> None:
    with Loopback(careless) as server:
        run(server, tmp_path / "hub", "strategy-hub")
        port = int(server.root.rpartition(":")[2])
    one = ["--max-attempts", 1, "--max-connections", 1]
    down = makespan("audit", "--ask", tmp_path / "hub", "--json", *one)
    assert (down.returncode, "Traceback" in down.stderr) == (1, False)
    found = json.loads(down.stdout)
    assert (found["replayed"], found["differ"], len(found["unexamined"])) == (USERS, [], USERS)
    assert all("no server" in line for line in found["unexamined"])
    with Loopback(careless, port=port) as server:
        again = audited(tmp_path / "hub")
        assert len(server.requests) == USERS * 2 * CLASHES
    assert (again["digest"], again["unexamined"]) == (found["digest"], [])


@pytest.mark.heavy
def test_an_audit_keeps_its_budget_and_prices_its_calls(tmp_path: Path) -> None:
    price = ("--price", "openai/scripted=1000,1000")
    with Loopback(careless) as server:
        run(server, tmp_path / "run", "strategy-hub")
        asked = len(server.requests)
        done = makespan("audit", "--ask", tmp_path / "run", "--budget-cost", 0.000001)
        assert "--budget-cost cannot be kept: the price of openai/scripted is" in done.stderr
        assert done.returncode == 2
        assert len(server.requests) == asked
        done = makespan("audit", "--ask", tmp_path / "run", "--budget-cost", 0.5, *price)
        assert done.returncode == 1
        assert "stopped: budget: --budget-cost 0.5 is reached" in done.stderr
        first = len(server.requests)
        assert asked < first < asked + 2 * USERS * CLASHES
        done = makespan("audit", "--ask", tmp_path / "run", "--budget-cost", 1000, *price)
        assert done.returncode == 0, done.stderr
        assert len(server.requests) == asked + 2 * USERS * CLASHES


@pytest.mark.heavy
def test_an_exam_that_was_killed_is_taken_up_where_it_was(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    with Loopback(diligent) as server:
        run(server, whole, "strategy-hub")
        port = int(server.root.rpartition(":")[2])
        shutil.copytree(whole, cut)
        wanted = audited(whole)
    asked = USERS * 2 * CLASHES
    with Loopback(diligent, port=port, delay=0.01) as server:
        for cuts in (1, 2):
            process = subprocess.Popen(
                command("audit", "--ask", cut), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            server.wait_for(cuts * asked // 3)
            assert process.poll() is None
            process.kill()
            process.wait(timeout=60)
        assert 0 < len(rows(cut, EXAM)) < asked
        assert audited(cut) == wanted
        assert asked <= len(server.requests) <= asked + 2 * 10  # those in flight, twice
    assert len(rows(cut, EXAM)) == asked
    assert rows(cut, EXAM) == rows(whole, EXAM)
    assert audited(cut) == wanted  # and asks nobody: there is no server any more


EXAM = """
    select key, path, request from attempts join episodes on id = episode
    where path like 'audit%' and reply is not null order by key, path
"""


@pytest.mark.heavy
def test_killed_in_round_50_and_resumed_is_the_same_as_uncut(tmp_path: Path) -> None:
    def said(_: int, body: Json) -> str:
        """By the request alone: a note on every round, the event whose id is the largest."""
        text = prompt(body)
        if "tools" in body:
            return json.dumps({"action": "update", "strategies": [f"seen {len(text)} characters"]})
        ids = sorted({word.strip('.,:;"()*') for word in text.split() if word[:1] == "E"})
        return answer([i for i in ids if i[1:].isdigit()][::-1])

    words = [
        "run",
        "calendar",
        "--level",
        "3",
        "-T",
        "rounds=60",
        "--limit",
        "1",
        "--memory",
        "strategy-hub",
        "--model",
        "openai/scripted",
    ]
    with Loopback(said) as server:
        uncut = [*words, "--base-url", server.url, "--out", str(tmp_path / "uncut")]
        assert makespan(*uncut).returncode == 0
    cut = tmp_path / "cut"
    with Loopback(said, delay=0.005) as server:
        process = subprocess.Popen(
            command(*words, "--base-url", server.url, "--out", cut), stderr=subprocess.DEVNULL
        )
        server.wait_for(99)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
        asked = "select path, request from attempts where path not like 'audit%' order by path"
        before = rows(cut, asked)
        assert 95 <= len(before) < 120
        assert makespan("resume", cut).returncode == 0
    assert rows(cut, asked)[: len(before)] != rows(cut, asked)
    assert _requests(cut) == _requests(tmp_path / "uncut")
    assert _digest(cut) == _digest(tmp_path / "uncut")


def _requests(folder: Path) -> list[tuple[Any, ...]]:
    return rows(
        folder, "select path, request from attempts where reply is not null order by path, attempt"
    )


def _digest(folder: Path) -> str:
    """Of outcomes and memories; there is no server any more, so the exam cannot be asked."""
    done = makespan("audit", "--ask", folder, "--json", "--max-attempts", 1)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert len(found["unexamined"]) == 1
    digest: str = found["digest"]
    return digest


@pytest.mark.heavy
def test_shortcuts_are_found_out(tmp_path: Path) -> None:
    path = tmp_path / "years.jsonl"
    made = makespan(
        "generate",
        "calendar",
        "--level",
        3,
        "--count",
        8,
        "-T",
        "rounds=60",
        "--no-reference",
        "--out",
        path,
    )
    assert made.returncode == 0
    done = makespan("audit", "--ask", path, "--json")
    found = {one["shortcut"]: one for one in json.loads(done.stdout)["shortcuts"]}
    assert found["first"]["passes"]
    assert found["first"]["rounds"] == 480
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:  # the true event always first
        for one, judged in zip(
            line["payload"]["rounds"], line["payload"]["truth"]["judgements"], strict=True
        ):
            ids = [event["id"] for event in one["events"]]
            k = ids.index(judged["decision"])
            for some in (one["events"], judged["triggered"]):
                some.insert(0, some.pop(k))
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = makespan("audit", "--ask", path)
    assert done.returncode == 1
    first = next(line for line in done.stdout.splitlines() if line.lstrip().startswith("first"))
    assert first.split()[3] == "1.000"
    assert first.split()[-1] == "NO"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["audit", "nothing.jsonl"], "cannot read nothing.jsonl"),
        (["audit", "."], "no run folder"),
    ],
)
def test_wrong_targets(tmp_path: Path, words: list[str], says: str) -> None:
    here = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command(*words), cwd=tmp_path, capture_output=True, text=True, check=False, env=here
    )
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_one_step_instances_have_no_shortcut_audit(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    makespan("generate", "tardiness", "--level", 4, "--out", path)
    done = makespan("audit", "--ask", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no shortcut audit" in done.stderr


def test_a_reply_that_is_no_reply_any_more_is_one_line(tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ["tardiness", "--level", 4, "--limit", 3, "--model", "policy/edd", "--out", out]
    assert makespan("run", *words).returncode == 0
    with sqlite3.connect(out / "journal.sqlite") as db:
        db.execute("update attempts set reply = substr(reply, 1, 9) where episode = 1")
    done = makespan("audit", "--ask", out)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "replayed: 2 of 3" in done.stdout
    assert "cannot read" in done.stdout
    done = makespan("regrade", out)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "cannot read" in done.stderr


def test_a_tool_episode_whose_calls_were_cut_out_is_told_with_the_others(tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ["tools", "--level", 1, "--limit", 2, "--model", "policy/optimal", "--out", out]
    assert makespan("run", *words).returncode == 0
    with sqlite3.connect(out / "journal.sqlite") as db:
        last = "select reply, path from attempts where episode = 1 order by path desc limit 1"
        [(reply, path)] = db.execute(last).fetchall()
        db.execute("update attempts set reply = ? where episode = 1", (reply,))
    assert path != "turn-001"
    done = makespan("audit", "--ask", out)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "replayed: 2 of 2" in done.stdout
    assert "its replies are not those that were graded" in done.stdout


def test_a_changed_journal_is_found(tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = makespan(
        "run", "tardiness", "--level", 4, "--limit", 3, "--model", "policy/edd", "--out", out
    )
    assert done.returncode == 0, done.stderr
    assert makespan("audit", "--ask", out).returncode == 0
    with sqlite3.connect(out / "journal.sqlite") as db:
        db.execute("update attempts set reply = replace(reply, 'order', 'ordre') where episode = 1")
    done = makespan("audit", "--ask", out)
    assert done.returncode == 1
    assert "not those that were graded" in done.stdout
    with sqlite3.connect(out / "journal.sqlite") as db:
        db.execute("update attempts set request = replace(request, '1', '2')")
    done = makespan("audit", "--ask", out)
    assert done.returncode == 1
    assert "replayed: 0 of 3" in done.stdout


def test_a_grade_that_was_written_into_the_journal_is_found(tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = makespan(
        "run", "tardiness", "--level", 6, "--limit", 3, "--model", "policy/spt", "--out", out
    )
    assert done.returncode == 0, done.stderr
    honest = makespan("board", out, "--json").stdout
    with sqlite3.connect(out / "journal.sqlite") as db:
        db.execute("update records set record = json_set(record, '$.grade.score', 1.0)")
    assert makespan("board", out, "--json").stdout != honest
    done = makespan("audit", "--ask", out)
    assert done.returncode == 1
    assert done.stdout.count("today's grader gives another grade") == 2  # one was 1.0
    assert makespan("regrade", out).returncode == 0
    assert makespan("audit", "--ask", out).returncode == 0
    assert makespan("board", out, "--json").stdout == honest
