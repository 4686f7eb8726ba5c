"""What takes minutes: kills under load, faults by the thousand, errors by the hundred."""

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.harness.helpers import answered, board, command, instances, makespan, rows, zeros
from tests.loopback import Loopback, faulty

pytestmark = pytest.mark.slow


def test_kill_9_at_20_random_moments_under_load(tmp_path: Path) -> None:
    count, at_once = 2000, 50
    file, out = instances(tmp_path / "i.jsonl", count, level=1), tmp_path / "run"
    random = Random("moments")
    kept: set[tuple[str, str]] = set()
    lost = 0
    with Loopback(zeros, delay=0.05) as server:
        words = command(
            "run",
            file,
            "--model",
            "openai/m",
            "--base-url",
            server.url,
            "--out",
            out,
            "--max-connections",
            at_once,
        )
        for _ in range(20):
            before = len(server.requests)
            process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            server.wait_for(before + random.randrange(1, 90))
            process.kill()
            process.wait(timeout=60)
            now = answered(out)
            assert now >= kept, "an answered call was lost"
            again = len(server.requests) - before - len(now - kept)
            assert again <= at_once
            kept, lost = now, lost + again
        assert makespan("resume", out).returncode == 0
        assert len(server.requests) == count + lost
    assert len(answered(out)) == count


def test_a_fifth_of_a_thousand_calls_fail_and_all_are_answered(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 1000, level=1), tmp_path / "run"
    with Loopback(faulty(0.2, zeros)) as server:
        done = makespan(
            "run",
            file,
            "--model",
            "openai/m",
            "--base-url",
            server.url,
            "--out",
            out,
            "--max-connections",
            "50",
            "--attempt-timeout",
            "2",
        )
    assert done.returncode == 0, done.stderr
    assert len(answered(out)) == 1000
    [row] = board(out)
    assert (row["n"], row["errors"]) == (1000, 0)
    assert row["retried"] > 150


BREAKS = """
import sys
import tasks.rcpsp
before = tasks.rcpsp.world
def world(instance, prompts):
    if instance.index % 100 == 7:
        raise ZeroDivisionError("inside the world")
    return (yield from before(instance, prompts))
tasks.rcpsp.world = world
from harness.cli import main
sys.exit(main())
"""


def test_what_breaks_inside_the_world_is_an_error_record(tmp_path: Path) -> None:
    file, out = instances(tmp_path / "i.jsonl", 10_000, level=1), tmp_path / "run"
    words = ["run", file, "--model", "policy/edf", "--out", out]
    done = subprocess.run(
        [sys.executable, "-c", BREAKS, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    verdicts = rows(out, "select verdict = 'error', count(*) from records group by 1 order by 1")
    assert verdicts == [(0, 9900), (1, 100)]
    kinds = "select distinct json_extract(record, '$.problem.kind') from records"
    assert rows(out, f"{kinds} where verdict = 'error'") == [("world",)]
    assert makespan("resume", out).returncode == 0
    assert board(out)[0]["errors"] == 0
