"""Every attack is refused or scored by its true solution, and the next honest program is right."""

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.sandbox.base import KINDS, Limits, ProgramRun
from harness.sandbox.sandbox import Sandbox
from harness.sandbox.worker import ENVIRONMENT
from tests.harness.processes import children, servers, until
from tests.harness.sandbox.attacks import (
    CALLS,
    LOOKING,
    LOUD,
    NOBLE,
    QUIET,
    SHARED,
    WRITTEN,
    telling,
    trying,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layers are those of Linux")
DRIVER = "def solve(f, case): return f(case['p'], case['d'])\n"
LIMITS = Limits(seconds=0.6, memory_mb=64, output_bytes=100_000)
CASES = [{"p": [4, 2, 7], "d": [9, 3, 5]}, {"p": [1, 1, 1, 1], "d": [4, 3, 2, 1]}]
TRUE = [[1, 2, 0], [3, 2, 1, 0]]
HONEST = NOBLE + "schedule = honest\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    os.environ["MAKESPAN_HUNTED"] = "hunted-key"
    with Sandbox() as made:
        yield made
    del os.environ["MAKESPAN_HUNTED"]


def ran(sandbox: Sandbox, source: str) -> ProgramRun:
    """The run of a source, after which an honest program must come out right."""
    restarts = sandbox.restarts
    found = sandbox.run(source, "schedule", DRIVER, CASES, LIMITS)
    after = sandbox.run(HONEST, "schedule", DRIVER, CASES, LIMITS)
    assert (after.kind, after.solutions, sandbox.restarts) == ("ok", TRUE, restarts)
    assert len(found.results) == len(CASES)
    assert found.kind in KINDS
    assert found.detail.isprintable()
    assert len(found.detail) < 400
    return found


@pytest.mark.parametrize("name", LOUD)
def test_a_failure_has_its_kind(sandbox: Sandbox, name: str) -> None:
    source, kinds = LOUD[name]
    found = ran(sandbox, source)
    assert found.kind in kinds, (found.kind, found.detail)
    if found.kind != "ok":
        assert found.solutions[0] is None
        assert found.detail
    if found.kind == "time":
        assert found.seconds >= LIMITS.seconds


@pytest.mark.parametrize("name", QUIET)
def test_what_is_refused_changes_no_score(sandbox: Sandbox, name: str) -> None:
    found = ran(sandbox, trying(QUIET[name]))
    assert (found.kind, found.solutions) == ("ok", TRUE)


def test_arguments_that_a_program_changes_are_its_own(sandbox: Sandbox) -> None:
    source = "def schedule(p, d):\n    p.append(9)\n    d.clear()\n    return p"
    kept = [{key: list(values) for key, values in case.items()} for case in CASES]
    found = ran(sandbox, source)
    assert found.solutions == [[4, 2, 7, 9], [1, 1, 1, 1, 9]]
    assert kept == CASES


def test_a_forged_solution_is_a_solution(sandbox: Sandbox) -> None:
    """What a program writes itself is graded like what it returns: nothing is gained."""
    lines = b'["ok",[2,1,0]]\n["ok",[0]]\n'
    source = f"import os\ndef schedule(p, d):\n    os.write(3, {lines!r})\n    os._exit(0)"
    found = ran(sandbox, source)
    assert (found.kind, found.solutions) == ("ok", [[2, 1, 0], [0]])


def test_builtins_that_a_program_patches_are_its_own(sandbox: Sandbox) -> None:
    source = "import builtins\nbuiltins.sorted = lambda *a, **k: [0]\n" + HONEST
    assert ran(sandbox, source).solutions == [[0], [0]]


@pytest.mark.parametrize("name", LOOKING)
def test_nothing_is_found(sandbox: Sandbox, name: str) -> None:
    found = ran(sandbox, telling(LOOKING[name]))
    assert found.solutions == [None, None], found.solutions
    assert found.kind in ("ok", "raised", "memory")
    assert not os.path.lexists(WRITTEN)
    assert not os.path.lexists(SHARED)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="no filter")
def test_system_calls_are_refused_whatever_calls_them(sandbox: Sandbox) -> None:
    column = ("x86_64", "aarch64").index(platform.machine())
    calls = [[numbers[column], *arguments] for *numbers, arguments in CALLS.values()]
    source = f"""
import ctypes
def schedule(p, d):
    call = ctypes.CDLL(None, use_errno=True).syscall
    found = []
    for numbers in {calls}:
        call.restype = ctypes.c_long
        answer = call(*map(ctypes.c_long, numbers))
        found.append([answer, ctypes.get_errno()])
    return found
"""
    found = ran(sandbox, source)
    for name, answer in zip(CALLS, found.solutions[0], strict=True):
        assert answer == [-1, 1], name  # EPERM


def test_the_servers_processes_hold_no_key_and_no_file(sandbox: Sandbox) -> None:
    assert sandbox.layers
    [server] = servers()
    ready = until(lambda: children(server))
    assert len(ready) == 1
    for pid in (server, *ready):
        items = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        names = {item.partition(b"=")[0] for item in items}
        assert names <= {b"", *map(str.encode, ENVIRONMENT)}
        kept = {str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()}
        assert all(k.startswith(("socket:", "anon_inode:")) or "(deleted)" in k for k in kept)
