"""The compiled kernel against its plain twin, and an install without it."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic
from types import FrameType

import pytest

from graders.exact import kernels
from graders.exact.tardiness import solve
from graders.exact.tardiness_kernel import KERNEL, KernelSearch, fits, library
from graders.exact.tardiness_search import PlainSearch, read_order
from tests.depth import often
from tests.factories.single_machine import cell, draws
from tests.wheel import hook

ROOT = Path(__file__).parents[3]


@pytest.fixture
def kernel() -> None:
    if library() is None:
        pytest.skip("no compiled kernel: install again where there is a C compiler")


@pytest.mark.heavy
@pytest.mark.usefixtures("kernel")
def test_kernel_walks_the_same_states() -> None:
    for p, d, _ in draws("kernel", often(1500), 25):
        assert solve(p, d) == solve(p, d, compiled=False), (p, d)
    for tf in (0.4, 0.6, 0.8):
        for n in (63, 64, 65, 130):
            p, d = cell(n, tf, 0.4)
            assert solve(p, d) == solve(p, d, compiled=False)


@pytest.mark.heavy
@pytest.mark.usefixtures("kernel")
def test_kernel_stops_at_the_same_state() -> None:
    p, d = cell(25, 0.6, 0.2)
    for limit in (0, 1, 2, 50):
        assert solve(p, d, node_limit=limit) == solve(p, d, node_limit=limit, compiled=False)


@pytest.mark.usefixtures("kernel")
def test_pauses_change_nothing() -> None:
    p, d = map(
        list,
        zip(*sorted(zip(*cell(60, 0.6, 0.2), strict=True), key=lambda job: job[1]), strict=True),
    )
    loaded = library()
    assert loaded is not None
    whole, paused, plain = KernelSearch(loaded, p, d), KernelSearch(loaded, p, d), PlainSearch(p, d)
    value = whole.run(10**9)
    for nodes in range(10**6):
        least = paused.run(1)
        assert least == plain.run(1)
        if least is not None:
            break
        assert paused.nodes == plain.nodes == nodes + 1
    assert least == value
    assert paused.nodes == whole.nodes


@pytest.mark.usefixtures("kernel")
def test_kernel_is_interrupted_within_a_second() -> None:
    class Interrupt(Exception):
        pass

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise Interrupt

    p, d = cell(500, 0.6, 0.2)
    before = signal.signal(signal.SIGALRM, interrupt)
    began = monotonic()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(Interrupt):
            solve(p, d)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert monotonic() - began < 1.3


def test_what_might_overflow_is_left_to_python() -> None:
    assert fits([2**59], [0])
    assert fits([10**12] * 500, [10**12] * 500)
    assert not fits([2**60, 2**60], [0, 0])
    assert not fits([1, 1, 1], [0, 0, -(2**61)])
    least = solve([2**60, 2**60, 3], [-(2**62), 5, 0])
    assert least == solve([2**60, 2**60, 3], [-(2**62), 5, 0], compiled=False)


def test_all_works_without_the_library(tmp_path: Path) -> None:
    """In an install of its own, whose library is missing or broken."""
    p, d = cell(20, 0.6, 0.4)
    for package in ("graders", "tasks"):
        shutil.copytree(ROOT / package, tmp_path / package)
    installed = tmp_path / KERNEL.place.relative_to(ROOT)
    code = (
        "from graders.exact import tardiness_kernel\nfrom graders.exact.tardiness import solve\n"
        f"assert str(tardiness_kernel.KERNEL.place) == {str(installed)!r}\n"
        "assert tardiness_kernel.library() is None\n"
        f"print(solve({p}, {d}))"
    )
    for content in (None, b"no library"):
        installed.unlink(missing_ok=True)
        if content is not None:
            installed.write_bytes(content)
        printed = subprocess.run(
            [
                sys.executable,
                "-P",
                "-c",
                f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}",
            ],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        ).stdout
        assert printed == f"{solve(p, d)}\n"


@pytest.mark.heavy
def test_tables_that_begin_with_the_least_room_grow_as_they_must(tmp_path: Path) -> None:
    """The same sources with room for one set and two entries, against the plain search."""
    for source in KERNEL.paths:
        text = source.read_text("utf-8")
        text = text.replace("1 << 18, FIRST_SLOTS = 1 << 12", "2, FIRST_SLOTS = 2")
        (tmp_path / source.name).write_text(text.replace("s->room = 64;", "s->room = 1;"))
    assert "CHUNK_ENTRIES = 2, FIRST_SLOTS = 2" in (tmp_path / KERNEL.paths[1].name).read_text()
    assert "s->room = 1;" in (tmp_path / KERNEL.paths[1].name).read_text()
    for other in ("rcpsp_kernel.c", "sgs_kernel.c", "tools_kernel.c", "tools_memory.h"):
        shutil.copy(kernels.FOLDER / other, tmp_path)
    if not hook().compile_kernels(tmp_path):
        pytest.skip("no C compiler")
    small = KERNEL.load(
        tmp_path / KERNEL.place.name, [tmp_path / source.name for source in KERNEL.paths]
    )
    assert small is not None
    sizes = []
    cases = [(p, d) for p, d, _ in draws("growth", often(200), 40)]
    for p, d in [*cases, *(cell(n, 0.6, 0.2) for n in (30, 65, 80))]:
        p, d = map(list, zip(*sorted(zip(p, d, strict=True), key=lambda job: job[1]), strict=True))
        grown, plain = KernelSearch(small, p, d), PlainSearch(p, d)
        assert grown.run(10**6) == plain.run(10**6)
        assert grown.nodes == plain.nodes
        assert read_order(p, d, grown.split) == read_order(p, d, plain.split)
        sizes.append(plain.nodes)
    assert max(sizes) > 500  # else little grew
