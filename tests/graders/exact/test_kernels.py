"""What the build hook compiles is what the loaders take, and nothing else is."""

import shutil
from pathlib import Path
from random import Random
from typing import Any

import pytest

from graders.exact import (
    fair_queue_kernel,
    feasibility_kernel,
    pods_kernel,
    rcpsp_kernel,
    serving_kernel,
    sgs,
    sgs_kernel,
    tardiness_kernel,
    tools_layers_kernel,
    tools_lean_kernel,
    vms_kernel,
)
from graders.exact.fair_queue_kernel import KernelClusterRuns, PlainClusterRuns
from graders.exact.rcpsp_bounds import earliest_starts, resource_pools
from graders.exact.rcpsp_layers import PlainLayers, layer_problem
from graders.exact.tools_lean import LeanProblem, LeanSearch, TurnSearchLimits
from graders.exact.tools_lean_kernel import KernelTurnSearch
from graders.exact.tools_schedule import _topological
from tests.depth import often
from tests.factories.projects import scarce
from tests.factories.queues import dense_cluster, drawn_cluster
from tests.factories.tool_calls import large
from tests.wheel import hook

KERNELS = {rcpsp_kernel.WIDE_KERNEL.name: rcpsp_kernel.WIDE_KERNEL} | {
    module.KERNEL.name: module.KERNEL
    for module in (
        tardiness_kernel,
        rcpsp_kernel,
        feasibility_kernel,
        sgs_kernel,
        vms_kernel,
        pods_kernel,
        serving_kernel,
        fair_queue_kernel,
        tools_layers_kernel,
        tools_lean_kernel,
    )
}


def copied(folder: Path) -> list[Path]:
    """The sources of all kernels, in a folder of their own."""
    sources = sorted({source for kernel in KERNELS.values() for source in kernel.paths})
    return [Path(shutil.copy(source, folder)) for source in sources]


def test_hook_knows_every_kernel() -> None:
    assert {name: kernel.sources for name, kernel in KERNELS.items()} == hook().KERNELS


@pytest.mark.heavy
@pytest.mark.parametrize("name", sorted(KERNELS))
def test_hook_builds_what_the_loader_takes(name: str, tmp_path: Path) -> None:
    copied(tmp_path)
    if not hook().compile_kernels(tmp_path):
        pytest.skip("no C compiler")
    kernel = KERNELS[name]
    assert kernel.load(tmp_path / kernel.place.name, kernel.paths) is not None


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_a_library_of_other_sources_is_not_used(name: str, tmp_path: Path) -> None:
    kernel = KERNELS[name]
    if kernel.load(kernel.place, kernel.paths) is None:
        pytest.skip("no compiled kernel: install again where there is a C compiler")
    changed = tmp_path / "changed.c"
    changed.write_bytes(kernel.paths[0].read_bytes() + b"\n")
    assert kernel.load(kernel.place, (changed, *kernel.paths[1:])) is None
    assert kernel.load(kernel.place, kernel.paths) is not None
    assert kernel.load(tmp_path / "missing.so", kernel.paths) is None


@pytest.mark.heavy
def test_layers_that_begin_with_the_least_room_grow_as_they_must(tmp_path: Path) -> None:
    """The same source with room for one state and two slots, against the plain search."""
    for source in copied(tmp_path):
        text = source.read_text("utf-8").replace("FIRST_SLOTS = 1 << 6", "FIRST_SLOTS = 2")
        source.write_text(text.replace("2 * *room : 64", "2 * *room : 1"), "utf-8")
    sources = [tmp_path / each.name for each in rcpsp_kernel.KERNEL.paths]
    assert "FIRST_SLOTS = 2," in sources[1].read_text("utf-8")
    assert "2 * *room : 1;" in sources[1].read_text("utf-8")
    if not hook().compile_kernels(tmp_path):
        pytest.skip("no C compiler")
    small = KERNELS["rcpsp"].load(tmp_path / KERNELS["rcpsp"].place.name, sources)
    assert small is not None
    sizes = []
    for seed in range(often(6)):
        project = sgs.compile_project(scarce(24, seed))
        heads, latest = earliest_starts(project), [120] * 24
        problem, _ = layer_problem(project, resource_pools(project), heads, latest, target=None)
        grown, plain = rcpsp_kernel.KernelLayers(small, problem), PlainLayers(problem)
        assert grown.run(4000) == plain.run(4000)
        assert grown.children == plain.children
        sizes.append(plain.children)
    assert max(sizes) > 500  # else little grew


@pytest.mark.heavy
def test_tables_of_turns_that_begin_with_the_least_room_grow_as_they_must(tmp_path: Path) -> None:
    """The same sources with room for one item and two slots, against the plain search."""
    copied(tmp_path)
    header = tmp_path / "tools_memory.h"
    text = header.read_text("utf-8")
    small_text = text.replace(
        "FIRST_SLOTS = 1 << 10, FIRST_ROOM = 64", "FIRST_SLOTS = 2, FIRST_ROOM = 1"
    )
    assert small_text != text
    header.write_text(small_text, "utf-8")
    if not hook().compile_kernels(tmp_path):
        pytest.skip("no C compiler")
    kernel = tools_lean_kernel.KERNEL
    small = kernel.load(tmp_path / kernel.place.name, [tmp_path / p.name for p in kernel.paths])
    assert small is not None
    for seed in range(often(3)):
        calls = large(30, 6, 6, seed)
        case = LeanProblem(*calls, order=_topological(*calls[:2]))
        limits = TurnSearchLimits(5000, 10**7)
        assert KernelTurnSearch(small, case).run(900, limits) == LeanSearch(case).run(900, limits)


@pytest.mark.heavy
def test_fluid_machine_is_the_same_where_numbers_have_64_bits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copied(tmp_path)
    kernel = fair_queue_kernel.KERNEL
    [source] = [tmp_path / each.name for each in kernel.paths]
    text = source.read_text("utf-8")
    assert text.count("#ifdef __SIZEOF_INT128__") == 1
    source.write_text(text.replace("#ifdef __SIZEOF_INT128__", "#if 0"), "utf-8")
    if not hook().compile_kernels(tmp_path):
        pytest.skip("no C compiler")
    narrow = kernel.load(tmp_path / kernel.place.name, [source])
    assert narrow is not None
    rng, left, count = Random("fair-queue/kernel/narrow"), list[int](), often(600)
    for number in range(count):
        cluster = drawn_cluster(rng, 9) if number % 3 else dense_cluster(number, 40)
        limits = PlainClusterRuns(cluster).limits()

        def noted(_: PlainClusterRuns, share: int, limits: tuple[int, ...] = limits) -> Any:
            left.append(share)
            return limits

        with monkeypatch.context() as patched:
            patched.setattr(PlainClusterRuns, "limits", noted)
            assert KernelClusterRuns(narrow, cluster).limits() == limits
    assert 0 < len(left) < count


@pytest.mark.parametrize("compiler", ["false", "no-such-compiler"])
def test_hook_does_without_a_compiler(
    compiler: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sources = copied(tmp_path)
    monkeypatch.setenv("CC", compiler)
    assert hook().compile_kernels(tmp_path) == []
    assert sorted(tmp_path.iterdir()) == sorted(sources)
