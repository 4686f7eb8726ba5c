"""Work on this machine, in one process or several: the same, in order, and never a traceback."""

import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing import active_children
from pathlib import Path

import pytest

from harness.engines.base import AHEAD, EngineFailure
from harness.engines.local import Local
from harness.engines.open import open_engine
from harness.engines.software import require_same, software_versions
from harness.suites.instances import InstanceSpec, make
from tasks.base import InputError
from tests.harness.helpers import command, instances, makespan, rows, told_lines
from tests.harness.processes import command as running
from tests.harness.processes import under, until

# the last one takes a second to prove
HARD = (
    "generate",
    "rcpsp",
    "--level",
    32,
    "--seed",
    1,
    "-T",
    "slack=10",
    "-T",
    "axes=none",
    "--count",
    4,
)


@pytest.mark.parametrize("room", [1, 2, 3])
def test_results_come_in_the_order_of_the_items(room: int) -> None:
    sizes = [30_000, 5, 20_000, 0, 1, 10_000, 3]
    assert list(Local(room).map(math.factorial, sizes, str)) == [*map(math.factorial, sizes)]
    assert list(Local(room).map(math.factorial, [], str)) == []


@pytest.mark.parametrize("room", [1, 2])
def test_items_are_taken_as_they_are_needed(room: int) -> None:
    taken = []

    def items() -> Iterator[int]:
        for k in range(10**9):
            taken.append(k)
            yield k

    results = Local(room).map(math.factorial, items(), str)
    assert [next(results) for _ in range(3)] == [1, 1, 2]
    assert len(taken) <= 3 + AHEAD * room
    results.close()  # type: ignore[attr-defined]
    assert active_children() == []


@pytest.mark.parametrize("room", [1, 2])
def test_what_the_work_raises_arrives_as_itself_after_what_was_before_it(room: int) -> None:
    good = [InstanceSpec("tardiness", 5, 0, k, {}) for k in range(3)]
    results = Local(room).map(make, [*good, InstanceSpec("tardiness", 10**6, 0, 0, {})], repr)
    assert [next(results) for _ in good] == [make(one) for one in good]
    with pytest.raises(InputError, match="there are at most 10000 jobs"):
        next(results)
    assert active_children() == []


def test_a_worker_that_dies_is_a_failure() -> None:
    with pytest.raises(EngineFailure, match="a worker process died, at item 9 or soon after"):
        list(Local(2).map(signal.raise_signal, [signal.SIGKILL], lambda n: f"item {n:d}"))
    assert active_children() == []


@pytest.mark.heavy
def test_a_worker_killed_in_mid_run_is_one_line_and_what_is_written_is_kept(tmp_path: Path) -> None:
    words = [*HARD, "--jobs", 2, "--out", tmp_path / "cut.jsonl"]
    process = subprocess.Popen(command(*words), text=True, stderr=subprocess.PIPE)
    [partial] = until(lambda: [p for p in tmp_path.glob("*.partial") if p.stat().st_size])
    worker = until(lambda: [p for p, c in under(process.pid).items() if "spawn_main" in c])[0]
    os.kill(worker, signal.SIGKILL)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 2
    [line] = told_lines(told)
    assert line.startswith("makespan generate: a worker process died, at instance ")
    kept = partial.read_bytes()
    assert kept
    assert makespan(*words).returncode == 0
    whole = makespan(*HARD)
    assert (tmp_path / "cut.jsonl").read_bytes() == whole.stdout.encode()
    assert whole.stdout.encode().startswith(kept)


def test_workers_end_with_the_process_they_work_for(tmp_path: Path) -> None:
    process = subprocess.Popen(command(*HARD, "--jobs", 2, "--out", tmp_path / "x.jsonl"))
    until(lambda: list(tmp_path.glob("*.partial")))
    workers = until(lambda: [p for p, c in under(process.pid).items() if "spawn_main" in c])
    process.kill()
    process.wait(timeout=60)
    until(lambda: not any(running(pid) for pid in workers))


@pytest.mark.heavy
def test_regrade_in_several_processes_is_the_same(tmp_path: Path) -> None:
    file = instances(tmp_path / "i.jsonl", 30)
    models = ["--model", "policy/edf", "--model", "policy/serial"]
    assert makespan("run", file, *models, "--out", tmp_path / "a").returncode == 0
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for folder, jobs in (("a", 1), ("b", 2)):
        done = makespan("regrade", tmp_path / folder, "--jobs", jobs)
        assert (done.returncode, done.stdout, done.stderr) == (0, "changed 0 of 60\n", "")
    for table in ("episodes", "attempts", "records", "shared"):
        assert rows(tmp_path / "a", f"select * from {table}") == rows(
            tmp_path / "b", f"select * from {table}"
        )
    assert rows(tmp_path / "a", "select distinct version from records") == [(0,), (1,)]


@pytest.mark.heavy
def test_regrade_in_several_processes_refuses_another_request(tmp_path: Path) -> None:
    out = tmp_path / "run"
    file = instances(tmp_path / "i.jsonl", 2)
    assert makespan("run", file, "--model", "policy/edf", "--out", out).returncode == 0
    db = sqlite3.connect(out / "journal.sqlite")
    db.execute("update attempts set request = replace(request, 'message-0=', 'message-0=0')")
    db.commit()
    db.close()
    told = {jobs: makespan("regrade", out, "--jobs", jobs) for jobs in (1, 2)}
    assert told[1].returncode == told[2].returncode == 2
    assert "differs from the journal's in its message-0" in told[1].stderr
    assert told[1].stderr == told[2].stderr


def test_the_options_of_one_engine_are_not_those_of_the_other() -> None:
    with (
        pytest.raises(InputError, match="`ray_address` is for `engine` ray"),
        open_engine("local", 2, "127.0.0.1:1"),
    ):
        pass
    with pytest.raises(InputError, match="`jobs` is for `engine` local"), open_engine("ray", 2):
        pass


def test_without_the_package_it_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['ray'] = None; from harness.cli import main; sys.exit(main())"
    words = ["generate", "rcpsp", "--level", "3", "--engine", "ray", "--out", tmp_path / "x"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == (
        "makespan generate: engine ray needs the package ray: pip install 'makespan[ray]'"
        " (in a clone: pip install -e '.[ray]')\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_machine_that_runs_something_else_is_refused() -> None:
    require_same(dict(software_versions()), "the node x")
    theirs = software_versions() | {"ortools": "9.1", "makespan's sources": "0"}
    with pytest.raises(InputError) as refused:
        require_same(theirs, "the node x")
    told = str(refused.value)
    assert told.startswith("the node x would compute something else: ortools is ")
    assert "there and 9.1 here; makespan's sources is " in told
    assert told.endswith("install the same on every node")
