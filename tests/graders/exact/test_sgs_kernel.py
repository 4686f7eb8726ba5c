"""The kernel's list schedules are those of `sgs`, and so are its justified ones."""

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given

from graders.exact import sgs, sgs_kernel
from graders.exact.sgs import Compiled
from graders.exact.sgs_kernel import KernelScheduler, PlainScheduler, fits, scheduler
from tasks.rcpsp import Project
from tests.depth import examples, often
from tests.factories.projects import mixed, scarce
from tests.graders.exact.small import projects


@pytest.fixture
def kernel() -> None:
    if sgs_kernel.library() is None:
        pytest.skip("no compiled kernel: install again where there is a C compiler")


def compare_schedules(project: Compiled, rng: Random, lists: int) -> None:
    fast, plain = scheduler(project), scheduler(project, compiled=False)
    assert isinstance(fast, KernelScheduler)
    assert isinstance(plain, PlainScheduler)
    for _ in range(lists):
        order = sgs.random_list(project, rng)
        starts = plain.serial(order)
        assert fast.serial(order) == starts
        justified = plain.justified(starts)
        assert fast.justified(starts) == justified
        assert fast.justified(justified) == plain.justified(justified)
        length = sgs.makespan(project, starts)
        for lower in (0, length - 1, length):
            assert fast.shortened(starts, lower) == plain.shortened(starts, lower)
    seed = rng.random()
    assert fast.random_schedules(Random(seed), lists) == plain.random_schedules(Random(seed), lists)


@given(projects(most=6))
@examples(300)
@pytest.mark.usefixtures("kernel")
def test_small_schedules_are_the_same(project: Project) -> None:
    compare_schedules(sgs.compile_project(project), Random("small"), 3)


def larger() -> Iterator[Project]:
    for seed in range(often(4)):
        yield mixed(12, seed)
        yield mixed(70, seed)
        yield scarce(30, seed)


@pytest.mark.usefixtures("kernel")
def test_larger_schedules_are_the_same() -> None:
    rng = Random("larger")
    for project in larger():
        compare_schedules(sgs.compile_project(project), rng, 10)


def test_what_might_overflow_is_left_to_python() -> None:
    assert fits(sgs.compile_project(mixed(12, 0, horizon=10**17)))
    far = sgs.compile_project(mixed(12, 0, horizon=2**61))
    assert not fits(far)
    assert isinstance(scheduler(far), PlainScheduler)
