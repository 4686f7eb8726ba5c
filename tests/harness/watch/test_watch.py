"""What a watcher sees of a run under way, and that it only looks."""

import fcntl
import os
import pty
import re
import sqlite3
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from harness.watch.read import read_frame
from tests.harness.helpers import command, instances, makespan, rows, zeros
from tests.harness.processes import deadline
from tests.loopback import FAULTS, Fault, Json, Loopback, says


@pytest.mark.heavy
def test_a_run_under_way_and_at_its_end(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 30), tmp_path / "run"

    def answer(number: int, body: Json) -> str | Fault:
        if number in (2, 3):
            return FAULTS["server"]
        return says(400, "no") if number == 5 else zeros(number, body)

    with Loopback(answer, delay=0.3) as server:
        words = command(
            "run",
            file,
            "--model",
            "openai/m",
            "--base-url",
            server.url,
            "--out",
            out,
            "--price",
            "openai/m=100,100",
            "--max-connections",
            "3",
        )
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server.wait_for(12)
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
    assert (standing.done, standing.errors, standing.in_flight) == (29, 1, 0)
    assert end.complete
    assert end.problems == {"bad request": 1}
    assert standing.cost == pytest.approx(29 * 0.0017)  # as a budget counts it
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before
    assert makespan("watch", out).returncode == 0  # all done: it ends by itself


def test_costs_are_projected(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 10), tmp_path / "run"
    with Loopback(zeros) as server:
        makespan(
            "run",
            file,
            "--model",
            "openai/m",
            "--base-url",
            server.url,
            "--out",
            out,
            "--max-connections",
            "1",
            "--price",
            "openai/m=1000,1000",
            "--budget-tokens",
            "60",
        )
    [standing] = read_frame(out).models
    assert standing.done == 4
    assert standing.cost is not None
    assert abs(standing.cost - 4 * 0.017) < 1e-9
    assert standing.projected is not None
    assert abs(standing.projected - 10 * 0.017) < 1e-9


@pytest.mark.heavy
def test_a_long_episode_counts_by_its_rounds(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Loopback(lambda *_: "{}", delay=0.1) as server:
        how = command(
            "run",
            "calendar",
            "--level",
            "2",
            "-T",
            "rounds=40",
            "--limit",
            "2",
            "--model",
            "openai/m",
            "--base-url",
            server.url,
            "--out",
            out,
            "--price",
            "openai/m=100,100",
        )
        process = subprocess.Popen(how, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server.wait_for(24)
        [standing] = read_frame(out).models
        process.kill()
        process.communicate(timeout=120)
        assert standing.done == standing.errors == 0
        assert 0.4 < standing.episodes < 0.7  # of two
        assert standing.cost is not None
        assert standing.projected == pytest.approx(80 * 0.0017, rel=0.25)
        db = sqlite3.connect(out / "journal.sqlite")
        db.execute("update pace set at = at - 300")
        db.commit()
        db.close()
        told = makespan("watch", out, "--once").stdout
        assert f"it seems to be stopped: makespan resume {out}" in told
        assert read_frame(out).models[0].in_flight == 0


def test_instances_that_are_still_to_be_made_are_counted(tmp_path: Path) -> None:
    out = tmp_path / "run"
    how = ["run", "rcpsp", "--level", "3", "--model", "policy/edf", "--epochs", "2", "--out", out]
    assert makespan(*how, "--limit", "4").returncode == 0
    manifest = out / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"limit": 4', '"limit": 10'))
    frame = read_frame(out)
    assert frame.instances == (4, 10)
    assert (frame.models[0].done, frame.models[0].total) == (8, 20)
    assert not frame.complete
    assert "instances: 4 of 10 are made" in makespan("watch", out, "--once").stdout


@pytest.mark.heavy
@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_terminal_of_any_width_shows_everything(tmp_path: Path, columns: int) -> None:
    file, out = instances(tmp_path / "i.jsonl", 40), tmp_path / "run"
    long = "openai/a-rather-long-name-of-a-model/with-a-slash-2026-11-23"
    with Loopback(zeros, delay=0.3) as server:
        how = command(
            "run",
            file,
            "--model",
            long,
            "--model",
            "policy/edf",
            "--max-connections",
            "2",
            "--base-url",
            server.url,
            "--out",
            out,
        )
        run = subprocess.Popen(how, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server.wait_for(4)
        status, screen = in_terminal(columns, "watch", out, "--every", "0.2")
        assert run.poll() is None  # who leaves a view does not stop a run
        run.kill()
        run.communicate(timeout=60)
    assert status == 1
    assert "Traceback" not in screen
    lines = [line for line in screen.replace("\r", "").split("\n") if line.strip()]
    assert max(map(len, lines)) <= columns
    shown = "".join(lines).replace(" ", "")
    for word in (long, "policy/edf", "40", "answers/min", "allowed", "cost", "unknown"):
        assert word in shown, screen


def in_terminal(columns: int, *words: object) -> tuple[int, str]:
    """What a command leaves on a terminal, cursor movements left out, when Ctrl-C is pressed."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        command(*words),
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
        env={**{k: v for k, v in os.environ.items() if k != "COLUMNS"}, "TERM": "xterm"},
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY),
    )
    os.close(follower)
    shown = b""
    pressed = False
    with deadline(120, "the watch on a terminal"):
        while True:
            try:
                found = os.read(leader, 65536)
            except OSError:  # the end of a terminal
                break
            shown += found
            if not pressed and shown.count(b"slowest episodes") > 1:
                pressed = bool(os.write(leader, b"\x03"))
    os.close(leader)
    shown = shown.rpartition(b"\x1b[?1049l")[2]  # what stays when its own screen is left
    return process.wait(timeout=60), re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


@pytest.mark.heavy
def test_a_run_in_a_folder_that_one_may_not_write_is_read_live(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 40), tmp_path / "run"
    weak = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    with Loopback(zeros, delay=0.2) as server:
        how = command(
            "run",
            file,
            "--model",
            "openai/m",
            "--base-url",
            server.url,
            "--out",
            out,
            "--max-connections",
            "2",
        )
        run = subprocess.Popen(how, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server.wait_for(8)
        out.chmod(0o555)  # as it is for somebody else
        words = [*weak, *command("watch", out, "--once")]
        seen = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        out.chmod(0o755)
        run.kill()
        run.communicate(timeout=60)
    assert seen.returncode == 0, seen.stderr
    assert re.search(r"openai/m +[1-9]", seen.stdout), seen.stdout


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
