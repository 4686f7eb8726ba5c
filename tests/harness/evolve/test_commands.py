"""`makespan evolve` as people use it: real processes, a real server, the real sandbox."""

import io
import json
import signal
import sqlite3
import subprocess
import time
from contextlib import redirect_stderr, redirect_stdout
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from generators.tardiness import generate
from harness.cli import main
from harness.digests import digest
from harness.export.command import command as reproduced
from harness.store.folder import Folder
from harness.watch.read import read_frame
from tests.harness.evolve.small import BODIES
from tests.harness.helpers import command, makespan, makespan_apart, rows
from tests.loopback import Json, Loopback

CALLS, LIMIT = 20, 3


def says(_: int, body: Json) -> str:
    """A reply that depends on the prompt alone."""
    rng = Random(sha256(json.dumps(body["messages"]).encode()).hexdigest())
    if rng.random() < 0.1:
        return "I cannot."
    expression = rng.choice(BODIES).format(c=round(rng.uniform(0, 2), 2))
    return f"An idea.\n```python\ndef priority(p, d, t, P, n):\n    return {expression}\n```"


def words(out: Path, server: Loopback, *more: object) -> list[object]:
    model = ["--model", "openai/m", "--base-url", server.url, "--lag", 4, "--islands", 2]
    small = ["--calls", CALLS, "--limit", LIMIT]
    return ["evolve", "run", "tardiness-priority", *model, *small, "--out", out, *more]


def here(*line: object) -> tuple[int, str, str]:
    """Run `makespan` in this process: status, standard output and error."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(list(map(str, line)))
    return status, out.getvalue(), err.getvalue()


def shown(folder: Path) -> Any:
    return json.loads(here("evolve", "show", folder, "--json")[1])


def timeless(report: Any) -> Any:
    """A report without the seconds that were measured."""
    text = json.dumps(report)
    loaded = json.loads(text)
    for one in [loaded["champion"], *loaded["lineage"], *loaded["scores"]]:
        one.pop("seconds")
        one.pop("elapsed", None)
    return loaded


@pytest.mark.heavy
def test_the_same_seed_gives_the_same_champion_also_after_kill_9(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # looks at the test split are noted there
    with Loopback(says, delay=0.02) as server:
        whole = makespan(*words(tmp_path / "whole", server))
        assert whole.returncode == 0, whole.stderr
        assert "sandbox: seccomp: yes" in whole.stderr
        first = shown(tmp_path / "whole")
        asked = len(server.requests)
        assert asked == CALLS
        cut = subprocess.Popen(
            command(*words(tmp_path / "cut", server)),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        server.wait_for(asked + CALLS // 2)
        cut.kill()
        cut.communicate(timeout=60)
        status, printed, told = here("evolve", "show", tmp_path / "cut")
        assert status == 1
        assert "not finished: makespan resume" in told
        assert "seed-mdd" in printed
        done = makespan("resume", tmp_path / "cut")
        assert done.returncode == 0, done.stderr
        assert len(server.requests) <= asked + CALLS + 4  # the calls that were under way
    assert timeless(shown(tmp_path / "cut")) == timeless(first)
    assert [arm["arm"] for arm in first["arms"]] == ["search", "random-constants", "mutate"]
    assert {arm["tries"] for arm in first["arms"]} == {CALLS}
    assert "policy/mutate" in done.stdout  # the null is in every report
    kept = rows(tmp_path / "cut", "select * from effects")
    assert here("evolve", "show", tmp_path / "cut")[1] == done.stdout
    assert rows(tmp_path / "cut", "select * from effects") == kept
    _looked_at(tmp_path, first)


def _looked_at(tmp_path: Path, report: Any) -> None:
    """What can be done with a finished run."""
    best, whole = tmp_path / "best.py", tmp_path / "whole"
    assert here("evolve", "export", whole, "--out", best)[0] == 0
    text = best.read_text()
    assert report["champion"]["name"] in text
    assert text.startswith("# A program for the domain tardiness-priority")
    scored = makespan(
        "evolve",
        "score",
        best,
        "--domain",
        "tardiness-priority",
        "--split",
        "test",
        "--limit",
        LIMIT,
        "--json",
    )
    score = json.loads(scored.stdout)
    [mine] = [s for s in report["scores"] if (s["who"], s["split"]) == ("search", "test")]
    assert score["valid"]
    assert score["ratio"] == mine["ratio"]["value"]
    for verb in ("board", "regrade"):
        status, _, told = here(verb, whole)
        assert status == 2
        assert "is a search for programs" in told
    status, _, told = here("evolve", "compare", whole, tmp_path / "cut")
    assert status == 2
    assert "all of one arm" in told


@pytest.mark.heavy
def test_a_program_in_a_file_is_a_policy_of_its_family(tmp_path: Path) -> None:
    file, out = tmp_path / "rule.py", tmp_path / "run"
    file.write_text("def priority(p, d, t, P, n):\n    return max(p + t, d)\n")
    how = [
        "run",
        "tardiness",
        "--level",
        "9",
        "--limit",
        "6",
        "--out",
        out,
        "--model",
        f"policy/file:{file}",
        "--model",
        "policy/mdd",
    ]
    done = makespan(*how)
    content = digest(file.read_text())
    assert done.returncode == 0, done.stderr
    mine, rule = json.loads(makespan("board", out, "--json").stdout)["rows"]
    assert mine["score"] == rule["score"]
    assert {mine["kind"], rule["kind"]} == {"model", "floor"}
    again = makespan(*how)
    assert "12 of 12 episodes are done" in again.stderr
    file.write_text(file.read_text() + "\n")
    grown = makespan(*how)  # another program is another model, added to the run
    assert grown.returncode == 0, grown.stderr
    assert "6 of 12 episodes are done" in grown.stderr
    rows = json.loads(makespan("board", out, "--json").stdout)["rows"]
    names = {row["model"] for row in rows} - {"policy/mdd"}
    assert names == {f"policy/file:rule.py@{text}" for text in (content, digest(file.read_text()))}
    # the run has the program itself, and nothing of where it was
    file.unlink()
    moved = out.rename(tmp_path / "moved")
    assert makespan("resume", moved).returncode == 0
    assert makespan("regrade", moved).stdout == "changed 0 of 18\n"
    audited = makespan("audit", moved)
    assert audited.returncode == 0, audited.stdout
    assert makespan("watch", moved).returncode == 0
    assert json.loads(makespan("board", moved, "--json").stdout)["rows"] == rows
    assert mine | {"rank": None} in [row | {"rank": None} for row in rows]
    for part in moved.rglob("*"):
        assert part.is_dir() or str(tmp_path).encode() not in part.read_bytes(), part
    kept = moved / "programs" / f"{content}.py"
    kept.write_text(kept.read_text() + "\n")
    refused = makespan("resume", moved)
    assert refused.returncode == 2
    assert f"its programs/{content}.py, which is policy/file:rule.py@{content}," in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.heavy
def test_a_program_is_named_with_its_digest_and_asked_apart_from_models(tmp_path: Path) -> None:
    file, out = tmp_path / "rule.py", tmp_path / "run"
    file.write_text("def priority(p, d, t, P, n):\n    return max(p + t, d)\n")
    name = f"policy/file:{file}@{digest(file.read_text())}"
    with Loopback(lambda *_: "{}") as server:
        done = makespan(
            "run",
            "tardiness",
            "--level",
            "9",
            "--limit",
            "6",
            "--out",
            out,
            "--model",
            name,
            "--model",
            "openai/m",
            "--model",
            "openai/n",
            "--base-url",
            server.url,
        )
    assert done.returncode == 0, done.stderr
    told = "ranked apart: means is 'program' and 'direct'"
    assert told in " ".join(done.stdout.split())
    ranked = json.loads(makespan("board", out, "--json").stdout)["rows"]
    assert [row["rank"] and row["rank"]["of"] for row in ranked] == [None, 2, 2]
    again = reproduced(Folder.open(out).manifest)
    assert again is not None
    assert f"--model policy/file:rule.py@{digest(file.read_text())} " in again
    wrong = name[:-1] + ("0" if name[-1] != "0" else "1")
    refused = makespan("run", "tardiness", "--level", "9", "--model", wrong)
    assert refused.returncode == 2
    assert "is another program than" in refused.stderr
    twice = makespan(
        "run", "tardiness", "--level", "9", "--model", name, "--model", f"policy/file:{file}"
    )
    assert "the same model is given twice" in twice.stderr


@pytest.mark.heavy
def test_a_search_can_be_watched(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Loopback(says, delay=0.1) as server:
        how = command(*words(out, server))
        process = subprocess.Popen(how, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server.wait_for(6)
        time.sleep(0.2)
        frame = read_frame(out)
        process.communicate(timeout=60)
    assert [m.model for m in frame.models] == [
        "search: openai/m",
        "random-constants: policy/random-constants",
        "mutate: policy/mutate",
    ]
    assert 0 < frame.models[0].done < frame.models[0].total
    assert frame.models[1].done == 0
    assert not frame.complete
    db = sqlite3.connect(out / "journal.sqlite")
    db.execute("update pace set at = at - 300")
    db.commit()
    db.close()
    assert [m.done for m in read_frame(out).models] == [CALLS] * 3  # however often one drew
    printed = makespan("watch", out)  # it has its champion: this ends by itself
    assert printed.returncode == 0, printed.stderr
    assert "slowest calls:" in printed.stdout


def test_a_program_that_fails_is_no_answer_and_the_run_goes_on(tmp_path: Path) -> None:
    file, out = tmp_path / "rule.py", tmp_path / "run"
    file.write_text("def schedule(p, d):\n    return [0] * len(p) if p[0] % 2 else 1 / 0\n")
    made = [generate(5, 0, k, {}, reference=False) for k in range(8)]
    done = makespan(
        "run",
        "tardiness",
        "--level",
        "5",
        "--limit",
        "8",
        "--out",
        out,
        "--model",
        f"policy/file:{file}",
    )
    assert done.returncode == 0, done.stderr
    [row] = json.loads(makespan("board", out, "--json").stdout)["rows"]
    odd = sum(instance.payload.jobs[0].p % 2 for instance in made)
    assert 0 < odd < 8
    assert (row["n"], row["errors"]) == (8, 0)
    assert (row["infeasible"], row["unparsable"]) == (odd, 8 - odd)
    told = rows(out, "select reply from attempts where reply like '%raised: ZeroDivisionError%'")
    assert len(told) == 8 - odd


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("def plan(p, d): return []", "missing"),
        ("def schedule(p, d) return []", "syntax"),
        ("def schedule(p, d): return [0] * len(p)", "duplicate"),
        ("\0", "syntax"),
    ],
)
def test_wrong_programs_score_as_failures(tmp_path: Path, source: str, kind: str) -> None:
    file = tmp_path / "p.py"
    file.write_text(source)
    how = ["evolve", "score", file, "--domain", "tardiness", "--limit", "3"]
    status, printed, _ = here(*how, "--json")
    assert status == 1
    score = json.loads(printed)
    assert not score["valid"]
    assert {f["kind"] for f in score["failures"]} == {kind}
    assert len(score["failures"]) == 3
    assert score["ratio"] > 1
    assert score["skill"] == 0
    assert "NOT valid: 3 of 3 failed" in here(*how)[1]


def test_wrong_use_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "p.py"
    file.write_text("def other(): pass\n")
    run = ["evolve", "run", "tardiness", "--calls", "5", "--out", tmp_path / "run", "--model"]
    for line, said in (
        (["evolve", "score", tmp_path / "none.py", "--domain", "tardiness"], "cannot read"),
        (["evolve", "score", file, "--domain", "juggling"], "unknown domain 'juggling'"),
        (["evolve", "score", file, "--domain", "tardiness", "--split", "exam"], "no split 'exam'"),
        (["evolve", "show", tmp_path], "is no run folder"),
        ([*run, "policy/annealing"], "unknown model 'policy/annealing'"),
        ([*run, "policy/mutate", "--model", "openai/m"], "stands alone"),
        ([*run, "openai/m", "--price", "openai/x=1,2"], "--price openai/x"),
        (["run", "tardiness", "--level", "5", "--model", f"policy/file:{file}"], "defines none of"),
        (
            ["run", "rcpsp", "--level", "5", "--model", f"policy/file:{tmp_path}/none.py"],
            "cannot read",
        ),
    ):
        status, _, told = here(*line)
        assert status == 2, line
        assert said in told, told
        assert told.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.heavy
def test_a_search_of_another_plan_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    how = [
        "evolve",
        "run",
        "tardiness-priority",
        "--model",
        "policy/mutate",
        "--limit",
        "3",
        "--out",
        out,
    ]
    assert makespan(*how, "--calls", "4").returncode == 0
    status, _, told = here(*how, "--calls", "5")
    assert status == 2
    assert "evolve.calls is 4, here it is 5" in told


@pytest.mark.heavy
def test_a_search_goes_on_with_the_version_of_mutate_that_began_it(tmp_path: Path) -> None:
    out = tmp_path / "run"
    how = [
        "evolve",
        "run",
        "tardiness-priority",
        "--model",
        "policy/random-constants",
        "--limit",
        "3",
        "--calls",
        "6",
        "--out",
        out,
    ]
    assert makespan(*how).returncode == 0
    manifest = out / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"mutate": 2', '"mutate": 1'))
    status, _, told = here(*how)
    assert status == 2
    assert "evolve.mutate is 1, here it is 2" in told
    manifest.write_text(text.replace('"mutate": 2', '"mutate": 3'))
    for line in (["evolve", "show", out], ["resume", out]):
        status, _, told = here(*line)
        assert status == 2
        assert "policy/mutate has version 3 there, 2 here: go on with the makespan" in told
        assert told.count("\n") == 1


@pytest.mark.heavy
def test_ctrl_c_keeps_what_is_under_way(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Loopback(says, delay=0.1) as server:
        process = subprocess.Popen(
            command(*words(out, server)), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        server.wait_for(6)
        process.send_signal(signal.SIGINT)
        printed, told = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "stopping: waiting for the calls in flight" in told
        assert f"not finished: makespan resume {out}" in told
        assert "Traceback" not in told
        assert "seed-mdd" in printed
        asked = len(server.requests)
        assert len(rows(out, "select * from attempts where reply is not null")) == asked < CALLS
        assert makespan("resume", out).returncode == 0
        assert len(server.requests) == CALLS


@pytest.mark.heavy
def test_a_search_honours_every_option_of_how_to_ask(tmp_path: Path) -> None:
    """Budgets, errors, a log and a cache are those of runs; what stops it is no part of it."""
    out, log, cache = tmp_path / "run", tmp_path / "log.jsonl", tmp_path / "cache"
    with Loopback(says, delay=0.02) as server:
        done = makespan(*words(out, server), "--budget-tokens", 120, "--cache", cache)
        assert done.returncode == 1
        assert "stopped: budget: --budget-tokens 120 is reached" in done.stderr
        asked = len(server.requests)
        assert 0 < asked < CALLS
        price = ("--price", "openai/m=1000,1000")
        for budget in (
            ("--budget-tokens", 1),
            ("--budget-cost", 0.000001, *price),
            ("--budget-episode-tokens", 1),
        ):
            again = makespan("resume", out, *budget, "--fail-on-error", 0, "--log-json", log)
            assert again.returncode == 1, again.stderr
            assert f"{budget[0]} {budget[1]:g} is reached" in again.stderr
        assert len(server.requests) == asked
        events = [json.loads(line) for line in log.read_text().splitlines()]
        assert {"begin", "halt", "end"} <= {event["event"] for event in events}
        assert makespan("resume", out, "--cache", cache).returncode == 0
        assert len(server.requests) == CALLS
        other = makespan(*words(tmp_path / "other", server, "--cache", cache))
        assert other.returncode == 0
        assert len(server.requests) == CALLS
    reports = [timeless(shown(path)) for path in (out, tmp_path / "other")]
    assert reports[0]["lineage"] == reports[1]["lineage"]
    assert reports[0]["champion"] == reports[1]["champion"]


@pytest.mark.heavy
def test_too_many_refused_calls_stop_a_search(tmp_path: Path) -> None:
    from tests.loopback import says as refuses

    out = tmp_path / "run"

    def answer(number: int, body: Json) -> Any:
        return refuses(400, "no") if number % 3 == 2 else says(number, body)

    with Loopback(answer) as server:
        done = makespan(*words(out, server), "--fail-on-error", 1)
    assert done.returncode == 1
    assert "too many errors: 2 calls ended in errors: --fail-on-error 1" in done.stderr


@pytest.mark.heavy
def test_a_dead_server_stops_the_search_and_resume_goes_on(tmp_path: Path) -> None:
    from tests.loopback import FAULTS

    out, failing = tmp_path / "run", True

    def answer(number: int, body: Json) -> Any:
        return FAULTS["server"] if failing and number > 8 else says(number, body)

    with Loopback(answer) as server:
        done = makespan_apart(*words(out, server, "--max-attempts", "2"))  # it keeps the lock
        assert done.returncode == 2
        assert "server: 500" in done.stderr.strip().splitlines()[-1]
        assert "Traceback" not in done.stderr
        failing = False
        assert makespan("resume", out).returncode == 0
    assert shown(out)["arms"][0]["tries"] == CALLS
