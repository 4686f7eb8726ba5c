"""Ray's own test cluster, the real command line: what comes out is what comes out without Ray."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from harness.engines.ray import short
from tests.harness.helpers import command, instances, makespan, makespan_apart, rows, told_lines
from tests.harness.processes import command as running
from tests.harness.processes import under, until
from tests.layout import PACKAGES, ROOT
from tests.optional import needs

pytestmark = needs("ray")
STORE = 80 * 2**20  # bytes, about the least there is
# proving these takes a moment each
HARD = ("generate", "rcpsp", "--level", 32, "-T", "slack=10", "-T", "axes=none", "--count", 8)


class Nodes:
    """A head with one CPU, and other nodes as they are wanted."""

    def __init__(self, folder: str) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        from ray.cluster_utils import Cluster

        self.cluster: Any = Cluster()
        self.head = self.cluster.add_node(
            num_cpus=1, object_store_memory=STORE, include_dashboard=False, temp_dir=folder
        )
        self.address = str(self.cluster.address)

    def add(self, **environment: str) -> Any:
        """One more node with one CPU."""
        return self.cluster.add_node(
            num_cpus=1, object_store_memory=STORE, env_vars=environment or None
        )

    def remove(self, node: Any) -> None:
        """As if its machine went up in smoke."""
        self.cluster.remove_node(node, allow_graceful=False)

    def workers(self, node: Any = None, what: str = "ray::task") -> list[int]:
        """The processes of a node, the head if none is told, that are at work."""
        [raylet] = (node or self.head).all_processes["raylet"]
        return [pid for pid, line in under(raylet.process.pid).items() if what in line]

    def words(self, *line: object) -> list[object]:
        """A command for this cluster."""
        return [*line, "--engine", "ray", "--ray-address", self.address]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """One cluster for all; of its processes none is left."""
    before = set(under(os.getpid()))
    with TemporaryDirectory(prefix="ray-", dir=short(), ignore_cleanup_errors=True) as folder:
        made = Nodes(folder)
        begun = set(under(os.getpid())) - before
        try:
            yield made
        finally:
            begun |= set(under(os.getpid())) - before
            made.cluster.shutdown()
            until(lambda: not any(running(pid) for pid in begun))


@pytest.fixture(scope="module")
def hard() -> bytes:
    """What the hard ones are without Ray."""
    done = makespan(*HARD)
    assert done.stdout.count("\n") == 8
    return done.stdout.encode()


def effects(folder: Path) -> list[tuple[Any, ...]]:
    """A search's journal without the seconds."""
    found: list[tuple[Any, ...]] = []
    for path, request, text in rows(folder, "select path, request, outcome from effects"):
        outcome = {k: v for k, v in json.loads(text).items() if k not in ("seconds", "elapsed")}
        found.append((path, request, outcome))
    for path, request, text in rows(folder, "select path, request, reply from attempts"):
        found.append((path, request, json.loads(text) | {"seconds": 0}))
    return found


@pytest.mark.slow
def test_a_node_and_a_worker_killed_in_mid_run_change_no_byte(nodes: Nodes, hard: bytes) -> None:
    """Nor is anything that Ray says of it among the results, or beside them."""
    node = nodes.add()
    process = subprocess.Popen(
        command(*nodes.words(*HARD)),
        env={**os.environ, "PYTHONHASHSEED": "7"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until(lambda: nodes.workers(node))
    os.kill(until(nodes.workers)[0], signal.SIGKILL)
    until(lambda: nodes.workers(node))
    assert process.poll() is None
    nodes.remove(node)
    printed, told = process.communicate(timeout=300)
    assert (process.returncode, printed, told_lines(told)) == (0, hard, [])


@pytest.mark.slow
def test_cut_off_it_goes_on_where_it_was_and_leaves_no_work_behind(
    nodes: Nodes, hard: bytes, tmp_path: Path
) -> None:
    words = [*HARD, "--out", tmp_path / "x.jsonl"]
    process = subprocess.Popen(command(*nodes.words(*words)))
    [partial] = until(lambda: [p for p in tmp_path.glob("*.partial") if p.stat().st_size])
    process.kill()
    process.wait(timeout=60)
    kept = partial.read_bytes()
    assert hard.startswith(kept)
    until(lambda: not nodes.workers())
    assert makespan_apart(*nodes.words(*words)).returncode == 0
    assert (tmp_path / "x.jsonl").read_bytes() == hard


@pytest.mark.heavy
def test_regrade_is_the_same(nodes: Nodes, tmp_path: Path) -> None:
    instances(tmp_path / "i.jsonl", 6)
    made = makespan(
        "generate", "calendar", "--level", 4, "--count", 2, "--no-reference", "-T", "rounds=12"
    )
    with (tmp_path / "i.jsonl").open("a") as file:
        file.write(made.stdout)
    models = ["--model", "policy/edf", "--model", "policy/oracle", "--model", "policy/serial"]
    done = makespan("run", tmp_path / "i.jsonl", *models, "--out", tmp_path / "a")
    assert done.returncode == 0, done.stderr
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    here, there = (
        makespan("regrade", tmp_path / "a"),
        makespan_apart(*nodes.words("regrade", tmp_path / "b")),
    )
    assert here.stdout == "changed 0 of 14\n"
    assert (there.returncode, there.stdout, there.stderr) == (0, here.stdout, "")
    for table in ("episodes", "attempts", "records", "shared"):
        query = f"select * from {table}"
        assert rows(tmp_path / "a", query) == rows(tmp_path / "b", query)


@pytest.mark.heavy
def test_a_search_is_the_same_and_its_sandboxes_end(nodes: Nodes, tmp_path: Path) -> None:
    words = (
        "evolve",
        "run",
        "tardiness-priority",
        "--model",
        "policy/mutate",
        "--calls",
        4,
        "--limit",
        1,
    )
    assert makespan(*words, "--out", tmp_path / "a").returncode == 0
    process = subprocess.Popen(
        command(*nodes.words(*words, "--out", tmp_path / "b")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    sandboxes = until(lambda: nodes.workers(what="harness.sandbox.server"))
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    assert effects(tmp_path / "a") == effects(tmp_path / "b")
    until(lambda: not any(running(pid) for pid in sandboxes))
    again = makespan_apart(*nodes.words("resume", tmp_path / "b"))
    assert again.returncode == 0, again.stderr


@pytest.mark.heavy
def test_wrong_input_is_the_same_line(nodes: Nodes, tmp_path: Path) -> None:
    words = ("generate", "rcpsp", "--level", 20, "-T", "edges=500", "--out", tmp_path / "x")
    here, there = makespan(*words), makespan_apart(*nodes.words(*words))
    assert (there.returncode, there.stdout, there.stderr) == (2, "", here.stderr)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.heavy
@pytest.mark.skipif(not (ROOT / "tasks").is_dir(), reason="needs the sources of a checkout")
def test_a_node_that_runs_something_else_is_refused(nodes: Nodes, tmp_path: Path) -> None:
    """Its makespan differs by a comment."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package)
    with (tmp_path / "tasks" / "base.py").open("a") as file:
        file.write("# mine\n")
    node = nodes.add(PYTHONPATH=str(tmp_path))
    try:
        done = makespan_apart(*nodes.words(*HARD))
    finally:
        nodes.remove(node)
    assert done.returncode == 2
    [line] = told_lines(done.stderr)
    assert " would compute something else: makespan's sources is " in line


@pytest.mark.slow
def test_an_item_that_kills_its_workers_is_named(nodes: Nodes) -> None:
    code = (
        "import os; from harness.engines.base import EngineFailure\n"
        "from harness.engines.open import open_engine\n"
        f"with open_engine('ray', None, '{nodes.address}') as engine:\n"
        "    try: list(engine.map(os._exit, [3], 'item {}'.format))\n"
        "    except EngineFailure as failure: print(failure)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("item 3: 5 workers died of it")
    assert done.stderr == ""


@pytest.mark.heavy
def test_a_wrong_address_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    for address, told in (
        (f"127.0.0.1:{free}", "nobody answers there (Connection refused)"),
        ("nowhere", "this is not HOST:PORT"),
        ("ray://127.0.0.1:1", "nobody answers there"),
    ):
        done = makespan_apart(
            *HARD, "--engine", "ray", "--ray-address", address, "--out", tmp_path / "x"
        )
        assert done.returncode == 2
        assert done.stderr.startswith(f"makespan generate: --ray-address {address}: {told}")
        assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_ray_of_this_machine_alone(tmp_path: Path) -> None:
    """Not the one that an address in the environment names; a module of the user's is not ours."""
    file = instances(tmp_path / "i.jsonl", 5)
    (tmp_path / "tasks.py").write_text("raise ImportError('not this one')\n")
    script = Path(sys.executable).with_name("makespan")
    process = subprocess.Popen(
        [script, "solve", file, "--engine", "ray"],
        cwd=tmp_path,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "RAY_ADDRESS": "127.0.0.1:1", "HOME": str(tmp_path)},
    )
    begun = until(lambda: [p for p, c in under(process.pid).items() if "raylet" in c])
    printed, told = process.communicate(timeout=300)
    assert (process.returncode, told) == (0, "")
    here = makespan("solve", file).stdout
    assert [timeless(line) for line in printed.splitlines()] == [
        timeless(line) for line in here.splitlines()
    ]
    until(lambda: not any(running(pid) for pid in begun))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["i.jsonl", "tasks.py"]


def timeless(line: str) -> Any:
    """A line of `solve` without its seconds."""
    return json.loads(line) | {"seconds": 0}


@pytest.mark.slow
def test_a_cluster_that_is_lost_is_one_line_and_what_is_written_is_kept(
    nodes: Nodes, hard: bytes, tmp_path: Path
) -> None:
    """The last of this file: nothing is left of the cluster."""
    words = [*HARD, "--out", tmp_path / "x.jsonl"]
    process = subprocess.Popen(command(*nodes.words(*words)), text=True, stderr=subprocess.PIPE)
    [partial] = until(lambda: [p for p in tmp_path.glob("*.partial") if p.stat().st_size])
    [raylet] = nodes.head.all_processes["raylet"]
    raylet.process.kill()
    _, told = process.communicate(timeout=300)
    assert process.returncode == 2, told
    [line] = told_lines(told)
    assert line == "makespan generate: the Ray of this machine is gone"
    kept = partial.read_bytes()
    assert kept
    assert makespan(*words).returncode == 0  # without Ray
    assert (tmp_path / "x.jsonl").read_bytes() == hard
    assert hard.startswith(kept)
