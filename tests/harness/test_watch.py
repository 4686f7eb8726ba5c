"""What a watcher sees of a run under way, and that it only looks."""

import subprocess
import time
from pathlib import Path

import pytest

from harness.watch import read_frame
from tests.harness.helpers import command, instances, makespan, rows, zeros
from tests.loopback import FAULTS, Fault, Json, Loopback, says


def test_a_run_under_way_and_at_its_end(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 30), tmp_path / "run"

    def answer(number: int, body: Json) -> str | Fault:
        if number in (2, 3):
            return FAULTS["server"]
        return says(400, "no") if number == 5 else zeros(number, body)

    with Loopback(answer, delay=0.3) as server:
        words = command("run", file, "--model", "openai/m", "--base-url", server.url, "--out", out,
                        "--price", "openai/m=100,100", "--max-connections", "3")  # fmt: skip
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while len(server.requests) < 12:
            time.sleep(0.01)
        frame = read_frame(out)
        printed = makespan("watch", out, "--once")
        assert process.wait(60) == 1
    [standing] = frame.models
    assert not frame.complete
    assert 0 < standing.done < 30 == standing.total
    assert standing.allowed == 3
    assert frame.failures == {"server": 2, "bad request": 1}
    assert frame.silent is not None
    assert printed.returncode == 0, printed.stderr
    for word in ("openai/m", "2 server", "1 bad request", "slowest episodes", "last heard"):
        assert word in printed.stdout
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    end = read_frame(out)
    [standing] = end.models
    assert (standing.done, standing.errors, standing.flying) == (29, 1, 0)
    assert end.complete
    assert end.problems == {"bad request": 1}
    assert standing.cost == pytest.approx(29 * 0.0017)  # as a budget counts it
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before
    assert makespan("watch", out).returncode == 0  # all done: it ends by itself


def test_costs_are_projected(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 10), tmp_path / "run"
    with Loopback(zeros) as server:
        makespan("run", file, "--model", "openai/m", "--base-url", server.url, "--out", out,
                 "--max-connections", "1", "--price", "openai/m=1000,1000",
                 "--max-tokens", "60")  # fmt: skip
    [standing] = read_frame(out).models
    assert standing.done == 4
    assert standing.cost is not None
    assert abs(standing.cost - 4 * 0.017) < 1e-9
    assert standing.projected is not None
    assert abs(standing.projected - 10 * 0.017) < 1e-9


def test_a_journal_without_a_pace_and_a_folder_that_is_none(tmp_path: Path) -> None:
    out = tmp_path / "run"
    makespan("run", "rcpsp", "--level", "3", "--limit", "2", "--model", "policy/edf", "--out", out)
    rows(out, "drop table pace")
    frame = read_frame(out)
    assert frame.silent is None
    assert frame.models[0].done == 2
    assert "no sign of life" in makespan("watch", out, "--once").stdout
    missing = makespan("watch", tmp_path / "none", "--once")
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
