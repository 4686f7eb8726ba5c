"""The run loop on the real command line against real servers: nothing lost, nothing doubled."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from tests.harness.helpers import answered, board, command, instances, makespan, rows, zeros
from tests.loopback import FAULTS, Answer, Fault, Json, Loopback, faulty, says

FAST = ["--max-connections", "20", "--attempt-timeout", "1"]


def run(file: Path, out: Path, server: Loopback, *more: object) -> subprocess.CompletedProcess[str]:
    return makespan(
        "run", file, "--model", "openai/m", "--base-url", server.url, "--out", out, *FAST, *more
    )


def test_policies_run_resume_and_extend(tmp_path: Path) -> None:
    out = tmp_path / "run"
    how = ["run", "rcpsp", "--level", "4", "--model", "policy/edf", "--model", "policy/exact"]
    first = makespan(*how, "--limit", "3", "--out", out)
    assert first.returncode == 0, first.stderr
    assert "policy/exact" in first.stdout
    assert {(r["model"], r["n"]) for r in board(out)} == {("policy/edf", 3), ("policy/exact", 3)}
    assert next(r for r in board(out) if r["kind"] == "ceiling")["score"]["value"] == 1.0
    before = rows(out, "select * from attempts")
    again = makespan(*how, "--limit", "3", "--out", out)
    assert "6 of 6 episodes are done" in again.stderr
    assert rows(out, "select * from attempts") == before
    more = makespan(*how, "--limit", "5", "--out", out)
    assert more.returncode == 0
    assert [r["n"] for r in board(out)] == [5, 5]
    assert rows(out, "select * from attempts")[:2] == before[:2]


def test_another_configuration_is_refused_with_the_first_difference(tmp_path: Path) -> None:
    out = tmp_path / "run"
    how = ["run", "rcpsp", "--level", "3", "--limit", "1", "--model", "policy/edf", "--out", out]
    assert makespan(*how).returncode == 0
    kept = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    for more, words in (
        (["--temperature", "0.5"], "temperature is None, here it is 0.5"),
        (["--seed", "1"], "suite.seed is 0, here it is 1"),
        (["-T", "axes=none"], "suite.entry[0].settings.axes is 'downtime,windows,disjunctions'"),
        (["--structured"], "sampling.structured is None, here it is True"),
    ):
        refused = makespan(*how, *more)
        assert refused.returncode == 2
        assert words in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == kept


@pytest.mark.heavy
def test_faults_leave_every_sample_answered_once(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 100), tmp_path / "run"
    good: Counter[str] = Counter()

    def counted(number: int, body: Json) -> str:
        good[json.dumps(body)] += 1
        return zeros(number, body)

    kinds = ("rate limit", "server", "hang", "truncated")
    with Loopback(faulty(0.2, counted, kinds)) as server:
        done = run(file, out, server)
        asked = len(server.requests)
    assert done.returncode == 0, done.stderr
    assert asked > 110  # there were faults
    assert len(good) == 100
    assert set(good.values()) == {1}
    assert len(answered(out)) == 100
    [row] = board(out)
    assert (row["n"], row["errors"], row["infeasible"]) == (100, 0, 100)
    faults = rows(out, "select fault from attempts where fault is not null")
    assert len(faults) == asked - 100
    assert {f.partition(":")[0] for (f,) in faults} == {
        "rate limit",
        "server",
        "time limit",
        "malformed body",
    }


@pytest.mark.heavy
def test_retry_after_is_waited_for(tmp_path: Path) -> None:
    file, times = instances(tmp_path / "i.jsonl", 1), []

    def answer(number: int, body: Json) -> str | Fault:
        times.append(time.monotonic())
        return zeros(number, body) if number > 1 else says(429, "wait", Retry_After="1.2")

    with Loopback(answer) as server:
        assert run(file, tmp_path / "run", server).returncode == 0
    assert times[1] - times[0] >= 1.2


@pytest.mark.heavy
def test_errors_are_a_column_and_a_status(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 10), tmp_path / "run"
    failing = True

    def answer(number: int, body: Json) -> str | Fault:
        bad = failing and sum(msgspec.json.encode(body)) % 3 == 0
        return says(400, "cannot do that") if bad else zeros(number, body)

    with Loopback(answer) as server:
        done = run(file, out, server)
        [row] = board(out)
        assert done.returncode == 1
        assert 0 < row["errors"] < 10
        assert row["n"] == 10
        assert f"{row['errors']} of 10 episodes ended in an error" in done.stdout
        assert makespan("board", out).returncode == 1
        failing = False
        asked = len(server.requests)
        again = makespan("resume", out)
        assert again.returncode == 0, again.stderr
        assert len(server.requests) == asked + row["errors"]
    assert board(out)[0]["errors"] == 0


def test_a_wrong_key_stops_the_run_at_once(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 50), tmp_path / "run"
    secret = "sk-planted-0123456789abcdef"
    with Loopback(lambda *_: says(401, "wrong key $KEY", "invalid_api_key")) as server:
        done = makespan(
            "run",
            file,
            "--model",
            "openai/m",
            "--base-url",
            server.url,
            "--out",
            out,
            "--api-key-env",
            "MY_KEY",
            "--max-connections",
            "2",
            MY_KEY=secret,
        )
        assert len(server.requests) <= 4
        assert f"Bearer {secret}" in {r.headers["authorization"] for r in server.requests}
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith("makespan run: openai/m: authentic")
    assert secret not in done.stderr + done.stdout
    for path in out.rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes(), path


def start(file: Path, out: Path, server: Loopback, *more: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command(
            "run",
            file,
            "--model",
            "openai/m",
            "--base-url",
            server.url,
            "--max-connections",
            "8",
            "--out",
            out,
            *more,
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.heavy
@pytest.mark.parametrize(
    "moment", [9, *(pytest.param(k, marks=pytest.mark.heavy) for k in (1, 37, 90))]
)
def test_kill_9_loses_nothing_and_asks_nothing_again(tmp_path: Path, moment: int) -> None:
    file, out = instances(tmp_path / "i.jsonl", 100), tmp_path / "run"
    with Loopback(zeros, delay=0.02) as server:
        process = start(file, out, server)
        server.wait_for(moment)
        process.kill()
        process.communicate(timeout=120)
        kept, asked = answered(out), len(server.requests)
        assert asked - len(kept) <= 8
        done = makespan("resume", out)
        assert done.returncode == 0, done.stderr
        assert len(server.requests) == asked + 100 - len(kept)
    assert answered(out) >= kept
    assert len(answered(out)) == 100
    assert board(out)[0]["n"] == 100


@pytest.mark.heavy
def test_ctrl_c_keeps_what_is_in_flight(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 60), tmp_path / "run"
    with Loopback(zeros, delay=0.2) as server:
        process = start(file, out, server)
        server.wait_for(20)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 1
        assert "makespan resume" in errors
        assert "Traceback" not in errors
        assert len(answered(out)) == len(server.requests) < 60
        assert makespan("resume", out).returncode == 0
        assert len(server.requests) == 60


@pytest.mark.heavy
def test_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 20), tmp_path / "run"
    with Loopback(zeros, delay=60) as server:
        process = start(file, out, server)
        server.wait_for(8)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "Traceback" not in errors


def test_regrade_asks_nobody_and_finds_the_same(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 12), tmp_path / "run"
    with Loopback(zeros) as server:
        run(file, out, server)
    before = board(out)
    done = makespan("regrade", out)
    assert (done.returncode, done.stdout) == (0, "changed 0 of 12\n")
    assert board(out) == before
    assert rows(out, "select distinct version from records") == [(0,), (1,)]


def test_what_was_changed_behind_a_run_is_refused(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 3), tmp_path / "run"
    with Loopback(zeros) as server:
        run(file, out, server)
    for part, old, new in (
        ("templates/rcpsp/plain.j2", "Schedule", "Plan"),
        ("instances.jsonl", '"horizon":', '"horizon":1'),
        ("manifest.json", '"format": 3', '"format": 99'),
        ("journal.sqlite", "", ""),
        ("instances.jsonl", "", ""),
    ):
        kept = (out / part).read_bytes()
        if old:
            (out / part).write_text((out / part).read_text().replace(old, new))
        else:
            (out / part).unlink()
        for words in (["regrade", out], ["resume", out]):
            done = makespan(*words)
            assert done.returncode == 2, part
            assert done.stderr.count("\n") == 1
            assert str(out) in done.stderr
        (out / part).write_bytes(kept)
    assert makespan("regrade", out).stdout == "changed 0 of 3\n"


@pytest.mark.heavy
def test_two_writers_are_one_too_many(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 10), tmp_path / "run"
    with Loopback(zeros, delay=1) as server:
        process = start(file, out, server)
        server.wait_for(1)
        second = makespan("resume", out)
        process.kill()
        process.communicate(timeout=120)
    assert second.returncode == 2
    assert "another process is writing to" in second.stderr


@pytest.mark.heavy
def test_a_full_disk_is_one_line_and_keeps_what_was_committed(tmp_path: Path) -> None:
    """A limit on file size stands in for the disk: the journal's write fails in the same place."""
    file, out = instances(tmp_path / "i.jsonl", 400), tmp_path / "run"
    long = '{"starts": {}}' + " " * 2000
    with Loopback(lambda *_: long) as server:
        words = " ".join(
            f"'{w}'"
            for w in command(
                "run", file, "--model", "openai/m", "--base-url", server.url, "--out", out
            )
        )
        full = subprocess.run(
            ["bash", "-c", f"ulimit -f 500; exec {words}"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert full.returncode == 2, full.stderr
        assert "Traceback" not in full.stderr
        assert full.stderr.startswith("makespan run: cannot write ")
        assert full.stderr.count("\n") == 1
        assert rows(out, "pragma integrity_check") == [("ok",)]
        kept = answered(out)
        assert 0 < len(kept) < 400
        asked = len(server.requests)
        assert makespan("resume", out).returncode == 0
        assert len(server.requests) == asked + 400 - len(kept)


@pytest.mark.heavy
def test_connections_are_bounded_and_used(tmp_path: Path) -> None:
    file = instances(tmp_path / "i.jsonl", 60)
    with Loopback(zeros, delay=0.1) as server:
        assert run(file, tmp_path / "run", server).returncode == 0
        assert server.most_at_once == 20


def test_epochs_are_asked_apart(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 5), tmp_path / "run"
    with Loopback(zeros) as server:
        run(file, out, server, "--epochs", "3")
        assert len(server.requests) == 15
    assert board(out)[0]["n"] == 15


def test_what_fails_inside_is_an_error_record(tmp_path: Path) -> None:
    """An impossible project: its episode fails alone, the attempt and the reason are kept."""
    file, out = instances(tmp_path / "i.jsonl", 3), tmp_path / "run"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[1]["reference"] = {"status": "none"}
    lines[1]["payload"]["windows"] = [
        {"task": t["id"], "release": 0, "deadline": t["duration"]}
        for t in lines[1]["payload"]["tasks"]
    ]
    lines[1]["payload"]["disjunctions"] = [["T1", "T2"]]
    file.write_text("\n".join(map(json.dumps, lines)))
    done = makespan("run", file, "--model", "policy/exact", "--out", out)
    assert done.returncode == 1
    [row] = board(out)
    assert (row["n"], row["errors"]) == (3, 1)
    assert "infeasible" in done.stdout
    assert len(rows(out, "select fault from attempts where fault is not null")) == 1


@pytest.mark.heavy
def test_a_model_that_cannot_go_on_leaves_the_others_alone(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 12), tmp_path / "run"

    def answer(number: int, body: Json) -> str | Fault:
        return zeros(number, body) if body["model"] == "good" else says(404, "no such model")

    with Loopback(answer, delay=0.1) as server:
        done = run(file, out, server, "--model", "openai/good", "--max-connections", "4")
    assert done.returncode == 2
    assert "no such model" in done.stderr.strip().splitlines()[-1]
    assert len(answered(out)) == 12


def test_a_context_that_is_too_long_is_the_models_failure(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 3), tmp_path / "run"
    with Loopback(lambda *_: says(400, "maximum context length is 10 tokens")) as server:
        assert run(file, out, server).returncode == 0
    [row] = board(out)
    assert (row["errors"], row["unparsable"], row["score"]["value"]) == (0, 3, 0.0)


def test_a_retry_after_of_a_day_is_not_waited_for(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 1), tmp_path / "run"
    with Loopback(lambda *_: says(429, "tomorrow", Retry_After="86400")) as server:
        assert run(file, out, server).returncode == 1
        assert len(server.requests) == 1


@pytest.mark.heavy
def test_a_provider_that_is_down_gives_up_by_name(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 2), tmp_path / "run"
    answer: Answer = lambda *_: FAULTS["server"]  # noqa: E731
    with Loopback(answer) as server:
        done = run(file, out, server, "--max-attempts", "2")
        assert len(server.requests) == 4
    assert done.returncode == 1
    assert board(out)[0]["errors"] == 2
    problems = rows(out, "select json_extract(record, '$.problem.boundary') from records")
    assert problems == [("provider",), ("provider",)]


def test_no_network_name_of_a_key_is_needed_for_policies(tmp_path: Path) -> None:
    file = instances(tmp_path / "i.jsonl", 2)
    clean = {k: "" for k in os.environ if k.endswith("_API_KEY")}
    done = makespan("run", file, "--model", "policy/edf", "--out", tmp_path / "r", **clean)
    assert done.returncode == 0
