"""A disk that is full in mid-run: a real one, small, in a namespace of its own; no root needed."""

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.harness.helpers import answered, command, instances, makespan, rows
from tests.loopback import Loopback

SMALL = "mount -t tmpfs -o size=2m none"
ROOMY = "mount -o remount,size=64m none"
LONG = '{"starts": {}}' + " " * 3000  # 400 of them are more than the disk has


def in_namespace(*lines: str) -> subprocess.CompletedProcess[str]:
    """Run shell lines where file systems can be mounted; skips where that is not allowed."""
    tried = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("user namespaces are not allowed here")
    return subprocess.run(
        ["unshare", "-rm", "sh", "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def line(*words: object) -> str:
    return shlex.join(command(*words))


@pytest.mark.heavy
@pytest.mark.parametrize("also", [[], ["--cache", "DISK/cache"]])
def test_what_was_answered_is_kept_and_the_rest_is_asked_when_there_is_room(
    tmp_path: Path, also: Sequence[str]
) -> None:
    file, disk = instances(tmp_path / "i.jsonl", 400), tmp_path / "disk"
    disk.mkdir()
    more = [word.replace("DISK", str(disk)) for word in also]
    with Loopback(lambda *_: LONG) as server:
        run = line(
            "run",
            file,
            "--model",
            "openai/m",
            "--base-url",
            server.url,
            "--out",
            disk / "run",
            "--max-connections",
            "8",
            *more,
        )
        done = in_namespace(
            f"{SMALL} {disk}",
            f"{run} 2> {tmp_path}/told; echo $? > {tmp_path}/status",
            f"cp -r {disk}/run {tmp_path}/full",
            f"{line('resume', disk / 'run', '--max-connections', 8)} 2> {tmp_path}/still",
            f"{line('board', disk / 'run')} 2> {tmp_path}/board",
            f"{ROOMY} {disk}",
            f"{run} 2> {tmp_path}/again; echo $? >> {tmp_path}/status",
            f"cp -r {disk}/run {tmp_path}/run",
        )
        assert (tmp_path / "status").read_text().split() == ["2", "0"], done.stderr
        for name in ("told", "still"):
            *before, told = (tmp_path / name).read_text().splitlines()
            assert told.startswith("makespan r")
            assert "disk is full" in told
            assert all(one.startswith("resuming: ") for one in before)
        assert (tmp_path / "board").read_text() == ""
        kept = answered(tmp_path / "full")
        assert 0 < len(kept) < 400
        assert rows(tmp_path / "full", "pragma integrity_check") == [("ok",)]
        assert 400 <= len(server.requests) <= 400 + 2 * 8  # those in flight, twice
        assert kept < answered(tmp_path / "run")
        assert len(answered(tmp_path / "run")) == 400


@pytest.mark.heavy
def test_a_log_that_cannot_be_written_stops_the_run_with_one_line(tmp_path: Path) -> None:
    file, out, disk = instances(tmp_path / "i.jsonl", 200), tmp_path / "run", tmp_path / "disk"
    disk.mkdir()
    with Loopback(lambda *_: "{}", delay=0.02) as server:
        run = line(
            "run",
            file,
            "--model",
            "openai/m",
            "--base-url",
            server.url,
            "--out",
            out,
            "--log-json",
            disk / "log",
            "--max-connections",
            "4",
        )
        in_namespace(
            f"mount -t tmpfs -o size=8k none {disk}",
            f"{run} 2> {tmp_path}/told; echo $? > {tmp_path}/status",
        )
        assert (tmp_path / "status").read_text() == "2\n"
        told = (tmp_path / "told").read_text()
        assert told == f"makespan run: cannot write {disk}/log: No space left on device\n"
        kept = len(answered(out))
        assert 0 < kept == len(server.requests) < 200
        assert makespan("resume", out).returncode == 0
        assert len(server.requests) == 200


@pytest.mark.heavy
def test_a_run_that_cannot_begin_says_where_and_leaves_nothing(tmp_path: Path) -> None:
    file, disk = instances(tmp_path / "i.jsonl", 20), tmp_path / "disk"
    disk.mkdir()
    run = line("run", file, "--model", "policy/edf", "--out", disk / "run")
    for size in ("16k", "64k", "200k", "900k"):
        done = in_namespace(f"mount -t tmpfs -o size={size} none {disk}", run, f"ls -A {disk} >&2")
        assert done.stderr.count("\n") == 1, done.stderr
        assert done.stderr.startswith(f"makespan run: cannot write {disk}/run")
