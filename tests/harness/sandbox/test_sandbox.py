"""The sandbox as its users meet it: results, limits, sameness, many at once, servers that die."""

import os
import platform
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.sandbox.base import Limits, SandboxFailure
from harness.sandbox.program import IMPORTABLE
from harness.sandbox.sandbox import Sandbox
from tests.harness.processes import children, is_server, servers, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layers are those of Linux")
CALL = "def solve(f, case): return f(*case)\n"
LIMITS = Limits(seconds=0.3, memory_mb=64, output_bytes=100_000)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


def test_values_come_back_as_they_are(sandbox: Sandbox) -> None:
    values: list[object] = [
        None,
        True,
        0,
        -(1 << 63),
        (1 << 64) - 1,
        0.1,
        -0.0,
        1e-308,
        "",
        "ü\n",
        [],
        {"a": [1]},
    ]
    found = sandbox.run("def f(x): return x", "f", CALL, [[v] for v in values], LIMITS)
    assert found.kind == "ok"
    assert repr(found.solutions) == repr(values)
    assert found.seconds > 0


def test_a_case_that_fails_does_not_stop_the_next(sandbox: Sandbox) -> None:
    found = sandbox.run("def f(x): return 1 / x", "f", CALL, [[1], [0], [2]], LIMITS)
    assert found.solutions == [1.0, None, 0.5]
    assert list(found.failures) == [1]
    assert found.detail == "case 1: ZeroDivisionError: division by zero (line 1)"
    assert found.kind == "raised"


def test_the_time_is_for_all_cases_and_what_was_done_is_kept(sandbox: Sandbox) -> None:
    source = "def f(x):\n    while x: pass\n    return 'done'"
    found = sandbox.run(source, "f", CALL, [[0], [1], [0]], LIMITS)
    assert [result.kind for result in found.results] == ["ok", "time", "time"]
    assert found.detail == "case 1: not done after 0.3 CPU seconds"


def test_what_is_beyond_the_limit_is_lost_however_much_is_read_at_once(sandbox: Sandbox) -> None:
    limits = Limits(seconds=0.3, memory_mb=64, output_bytes=40)
    for _ in range(20):
        found = sandbox.run("def f(x): return 'x' * x", "f", CALL, [[9], [9], [9]], limits)
        assert [result.kind for result in found.results] == ["ok", "ok", "output"]


def test_no_case_is_no_failure(sandbox: Sandbox) -> None:
    assert sandbox.run("", "f", CALL, [], LIMITS).kind == "ok"


def test_a_case_depends_on_nothing_but_itself(sandbox: Sandbox) -> None:
    source = """
import os, random, secrets
class Thing: pass
seen = []
def f(x):
    seen.append(x)
    drawn = [random.random(), random.Random().random(), random.SystemRandom().random()]
    things = [Thing() for _ in range(50)]
    order = [things.index(t) for t in {*things}]
    return [seen, drawn, secrets.randbits(60), os.urandom(4).hex(), hash("x"), hash(None), order]
"""
    cases = [[k] for k in range(5)]
    before = sandbox.run(source, "f", CALL, cases, LIMITS)
    assert before.kind == "ok", before.detail
    assert [value[0] for value in before.solutions] == cases
    assert all(value[1:6] == before.solutions[0][1:6] for value in before.solutions)
    alone = sandbox.run(source, "f", CALL, cases[3:4], LIMITS)
    assert alone.solutions[0][:6] == before.solutions[3][:6]
    sandbox.run("def f(x): return [x] * 500", "f", CALL, cases, LIMITS)
    sandbox.run("def f(x): return g", "f", CALL, cases * 9, LIMITS)
    assert sandbox.run(source, "f", CALL, cases, LIMITS).solutions == before.solutions
    with Sandbox() as other:
        assert other.run(source, "f", CALL, cases, LIMITS).solutions == before.solutions


def test_a_driver_calls_as_often_as_it_likes_and_checks_numbers(sandbox: Sandbox) -> None:
    driver = textwrap.dedent("""
        def solve(rank, case):
            return sorted(case, key=lambda x: number(rank(x)))
    """)
    cases = [[3, 1, 2]]
    assert sandbox.run("def r(x): return -x", "r", driver, cases, LIMITS).solutions == [[3, 2, 1]]
    for bad in ("'a'", "True", "None", "float('nan')", "type('F', (float,), {})(1)"):
        found = sandbox.run(f"def r(x): return {bad}", "r", driver, cases, LIMITS)
        assert found.kind == "type", bad


@pytest.mark.parametrize("driver", ["def solve(", "raise ValueError('mine')"])
def test_a_broken_driver_is_no_fault_of_the_program(driver: str) -> None:
    with Sandbox() as sandbox:
        with pytest.raises(SandboxFailure, match=r"did not come to its program: \w+Error"):
            sandbox.run("def f(x): return x", "f", driver, [[1]], LIMITS)
        assert sandbox.run("def f(x): return x", "f", CALL, [[1]], LIMITS).solutions == [1]


@pytest.mark.parametrize(
    "wrong", [{"seconds": 0}, {"seconds": float("inf")}, {"memory_mb": 0}, {"output_bytes": 0}]
)
def test_limits_that_are_none_cannot_be_built(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="limits: "):
        Limits(**wrong)  # type: ignore[arg-type]


def test_usual_programs_run(sandbox: Sandbox) -> None:
    source = "from __future__ import annotations\n"
    source += "".join(f"import {name}\n" for name in IMPORTABLE if name != "__future__")
    source += """
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, NamedTuple

@dataclass(order=True)
class Job:
    p: int
    kept: ClassVar[int] = 3

class Pair(NamedTuple):
    a: int

@lru_cache(None)
def g(n: int) -> int:
    return n if n < 2 else g(n - 1) + g(n - 2)

def f(x: list[int] | None) -> list[int]:
    heap = [Job(3), Job(1)]
    heapq.heapify(heap)
    print("debugging", file=sys.stderr)
    return [heap[0].p, Job.kept, Pair(4).a, g(50), copy.deepcopy(heap)[1].p]

if __name__ == "__main__":
    sys.exit(f(None))
"""
    found = sandbox.run(source, "f", CALL, [[None]], LIMITS)
    assert found.solutions == [[1, 3, 4, 12586269025, 3]], found.detail


def test_numpy_is_offered_if_asked() -> None:
    source = """
import numpy as np
def f(x):
    rng = np.random.default_rng()
    a = np.array(x)
    return [np.argsort(a), a.mean(), np.bool_(True), np.int8(3), np.linalg.norm(a),
            rng.random() == np.random.default_rng().random(), np.random.random()]
"""
    with Sandbox(packages=("numpy",)) as sandbox:
        found = sandbox.run(source, "f", CALL, [[[3, 1, 2]]] * 2, LIMITS)
        assert found.kind == "ok", found.detail
        assert found.solutions[0] == found.solutions[1]
        assert found.solutions[0][:5] == [[1, 2, 0], 2.0, True, 3, 14**0.5]
        for bad in (
            "np.float64('nan')",
            "np.complex128(1)",
            "np.array([None, {1}])",
            "np.arange(3).view(type('A', (np.ndarray,), {}))",
        ):
            source = f"import numpy as np\ndef f(x): return {bad}"
            assert sandbox.run(source, "f", CALL, [[0]], LIMITS).kind == "type", bad


def test_without_asking_there_is_no_numpy(sandbox: Sandbox) -> None:
    found = sandbox.run("import numpy\ndef f(x): return x", "f", CALL, [[1]], LIMITS)
    assert "No module named 'numpy'" in found.detail


@pytest.mark.heavy
def test_many_at_once_from_threads() -> None:
    with Sandbox(workers=2) as sandbox, ThreadPoolExecutor(6) as pool:

        def one(k: int) -> tuple[int, list[object]]:
            source = f"def f(x):\n    return x + {k}" if k % 3 else "import os\nos._exit(0)"
            return k, sandbox.run(source, "f", CALL, [[k]], LIMITS).solutions

        for k, solutions in pool.map(one, range(60)):
            assert solutions == ([2 * k] if k % 3 else [None])


def test_a_server_that_dies_is_replaced() -> None:
    others = servers()
    with Sandbox() as sandbox:
        [server] = servers() - others
        os.kill(server, signal.SIGKILL)
        assert sandbox.run("def f(x): return x", "f", CALL, [[1]], LIMITS).solutions == [1]
        assert sandbox.restarts == 1


@pytest.mark.heavy
def test_a_server_that_dies_under_a_program_is_replaced_and_the_program_run_again() -> None:
    spin = "def f(x):\n    for _ in range(x): pass\n    return x"
    others = servers()
    with Sandbox() as sandbox, ThreadPoolExecutor(1) as pool:
        [server] = servers() - others
        running = pool.submit(sandbox.run, spin, "f", CALL, [[80_000_000]], Limits(seconds=60))
        until(lambda: [child for child in children(server) if cpu(child) > 0.1])
        os.kill(server, signal.SIGKILL)
        assert running.result(60).solutions == [80_000_000]
        assert sandbox.restarts == 1


def test_servers_that_keep_dying_are_a_failure_of_the_sandbox() -> None:
    spin = "def f(x):\n    while True: pass"
    with Sandbox() as sandbox, ThreadPoolExecutor(1) as pool:
        running = pool.submit(sandbox.run, spin, "f", CALL, [[0]], Limits(seconds=60))

        def killed() -> bool:
            for child in children(os.getpid()):
                if is_server(child) and children(child):
                    os.kill(child, signal.SIGKILL)
            return running.done()

        until(killed)
        with pytest.raises(SandboxFailure, match=r"3 servers .* died|did not start"):
            running.result(60)


ENDLESS = f"""
from harness.sandbox.base import Limits
from harness.sandbox.sandbox import Sandbox
sandbox = Sandbox()
print("ready", flush=True)
sandbox.run("def f(x):\\n    while True: pass", "f", {CALL!r}, [[0]], Limits(seconds=600))
"""


@pytest.mark.heavy
def test_what_the_kernel_says_of_a_program_and_that_it_dies_with_the_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    assert parent.stdout.readline() == "ready\n"
    [server] = filter(is_server, children(parent.pid))
    busy = until(lambda: [c for c in children(server) if cpu(c) > 0.2])
    place = Path(f"/proc/{busy[0]}")
    status = dict(line.split(":\t", 1) for line in (place / "status").read_text().splitlines())
    assert (status["NoNewPrivs"], status["Seccomp"], status["Threads"]) == ("1", "2", "1")
    files = {int(fd.name): str(fd.readlink()) for fd in (place / "fd").iterdir()}
    assert files.pop(3).startswith("pipe:")
    assert files == dict.fromkeys(range(3), os.devnull)
    assert os.getsid(busy[0]) == busy[0]
    parent.kill()
    parent.wait(timeout=60)
    parent.stdout.close()
    for pid in (server, *busy):
        until(lambda pid=pid: not alive(pid))  # type: ignore[misc]


def cpu(pid: int) -> float:
    """CPU seconds of a process."""
    return time.clock_gettime(~pid << 3 | 2)


def alive(pid: int) -> bool:
    """Whether a process runs: it exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


WITHOUT = """
import ctypes, struct, sys
number, argument, value = map(int, sys.argv[1:])
libc = ctypes.CDLL(None)
libc.prctl(38, 1, 0, 0, 0)
code = b"".join(struct.pack("=HBBI", *line) for line in [
    (0x20, 0, 0, 0), (0x15, 0, 3, number), (0x20, 0, 0, argument), (0x15, 0, 1, value),
    (6, 0, 0, 0x00050000 | 38), (6, 0, 0, 0x7FFF0000)])
held = ctypes.create_string_buffer(code, len(code))
head = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(held)), 16)
assert libc.prctl(22, 2, ctypes.byref(head), 0, 0) == 0
from harness.sandbox.base import Limits, SandboxFailure
from harness.sandbox.sandbox import Sandbox
try:
    Sandbox()
except SandboxFailure as failure:
    print(failure.boundary, failure)
with Sandbox(unsafe=True) as sandbox:
    print([layer.name for layer in sandbox.layers if not layer.present])
    print(sandbox.run("def f(x): return x", "f", "def solve(f, c): return f(c)", [7], Limits()))
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86-64")
@pytest.mark.parametrize(
    ("layer", "call"), [("landlock", (444, 4, 0xC000003E)), ("seccomp", (157, 16, 22))]
)
def test_without_a_needed_layer_it_refuses_unless_told(
    layer: str, call: tuple[int, int, int]
) -> None:
    """In a process whose kernel says that it has no such call."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *map(str, call)], capture_output=True, text=True, check=True
    )
    refusal, missing, run = done.stdout.splitlines()
    assert refusal.startswith(f"sandbox programs would not be isolated ({layer}: NO, ")
    assert refusal.endswith("or take the risk with `unsafe`")
    assert missing == f"['{layer}']"
    assert "value=7" in run


def test_every_layer_of_this_machine_is_told(sandbox: Sandbox) -> None:
    told = {layer.name: str(layer) for layer in sandbox.layers}
    assert list(told) == [
        "fixed addresses",
        "no_new_privs",
        "rlimits",
        "landlock",
        "seccomp",
        "namespaces",
    ]
    assert told["seccomp"] == "seccomp: yes, 9 system calls left"


def test_closing_ends_the_servers() -> None:
    before = set(children(os.getpid()))
    with Sandbox(workers=2) as sandbox:
        assert len(set(children(os.getpid())) - before) == 2
    assert set(children(os.getpid())) <= before
    with pytest.raises(SandboxFailure, match="closed"):
        sandbox.run("", "f", CALL, [], LIMITS)


def test_at_least_one_worker() -> None:
    with pytest.raises(ValueError, match="0 workers"):
        Sandbox(workers=0)
