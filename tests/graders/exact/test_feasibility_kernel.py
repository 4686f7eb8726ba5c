"""What the kernel decides of a project's constraints is what trying it without the kernel says."""

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from graders.exact import feasibility, feasibility_kernel
from graders.exact.feasibility import has_schedule, irreducible_core
from graders.exact.feasibility_kernel import Decider, decider, fits
from graders.exact.rcpsp_bounds import quick_bound
from tasks.feasibility import constraints, restricted
from tasks.rcpsp import Downtime, Project, Resource, Task
from tests.depth import examples, often
from tests.factories.projects import mixed, scarce
from tests.graders.exact.small import projects

pytestmark = pytest.mark.skipif(
    feasibility_kernel.library() is None,
    reason="no compiled kernel: install again where there is a C compiler",
)


def without_kernel(project: Project, monkeypatch: pytest.MonkeyPatch) -> bool | None:
    with monkeypatch.context() as patch:
        patch.setattr(feasibility, "decider", lambda _: None)
        return has_schedule(project)


def compare(project: Project, rng: Random, monkeypatch: pytest.MonkeyPatch) -> set[bool | None]:
    """Compare both for some of a project's constraints, and return the verdicts."""
    subsets, verdicts = decider(project), set[bool | None]()
    if subsets is None:  # its downtimes overlap
        return verdicts
    for _ in range(3):
        labels = [label for label in constraints(project) if rng.random() < 0.8]
        part = restricted(project, labels)
        expected = without_kernel(part, monkeypatch)
        verdicts.add(subsets.has_schedule(10**6, labels))
        assert subsets.has_schedule(10**6, labels) == expected
        assert has_schedule(part) == expected
    return verdicts


@examples(300)
@given(projects(most=6), st.integers(0, 10**6))
def test_verdicts_of_small_projects_are_the_same(project: Project, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        compare(project, Random(seed), patch)


def tight() -> Iterator[Project]:
    """Projects whose horizon is about what they need."""
    for seed in range(often(60)):
        rng = Random(f"tight/{seed}")
        apart = mixed(rng.randint(6, 10), seed)
        apart = replace(apart, downtimes=apart.downtimes[1:])  # that do not overlap
        for project in (apart, scarce(rng.randint(6, 9), seed)):
            work = sum(task.duration for task in project.tasks)
            longest = max(task.duration for task in project.tasks)
            yield replace(project, horizon=max(longest, int(work * rng.uniform(0.3, 1))))


def test_verdicts_of_tight_projects_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = set[bool | None]()
    for k, project in enumerate(tight()):
        verdicts |= compare(project, Random(k), monkeypatch)
    assert verdicts == {True, False}


def test_cores_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    cores = set[int]()
    for project in tight():
        labels = tuple(constraints(project))
        if has_schedule(project) is False:
            core = irreducible_core(project, labels)
            with monkeypatch.context() as patch:
                patch.setattr(feasibility, "decider", lambda _: None)
                assert irreducible_core(project, labels) == core
            cores.add(len(core))
    assert len(cores) > 2


def test_an_end_is_a_horizon() -> None:
    for project in tight():
        subsets = decider(project)
        if subsets is None:
            continue
        longest = max(task.duration for task in project.tasks)
        for end in range(max(longest, project.horizon - 5), project.horizon + 1):
            same = has_schedule(replace(project, horizon=end))
            assert subsets.has_schedule(10**6, end=end) == same


def test_a_search_ends_after_as_many_states_as_it_may_make() -> None:
    verdicts = set[bool | None]()
    for seed in range(often(40)):
        project = scarce(30, seed)
        subsets, bound = decider(project), quick_bound(project)
        assert isinstance(subsets, Decider)
        verdicts |= {subsets.has_schedule(40, end=bound + k) for k in range(-1, 100, 20)}
    assert verdicts == {True, False, None}


def test_what_it_cannot_hold_is_left_to_python() -> None:
    task, resource = Task("A", 2, {"R": 1}), Resource("R", 1)
    project = Project((task,), (resource,), (), (), (), (), horizon=9)
    assert fits(project)
    downs = (Downtime("R", 0, 3), Downtime("R", 2, 5))
    assert not fits(replace(project, downtimes=downs))
    assert not fits(replace(project, downtimes=downs[::-1]))
    assert fits(replace(project, downtimes=(downs[0], Downtime("R", 3, 5))))
    assert not fits(replace(project, horizon=2**61))
    many = tuple(Task(f"T{k}", 1) for k in range(65))
    assert not fits(replace(project, tasks=many))
    assert has_schedule(replace(project, downtimes=downs, horizon=6)) is False
    assert has_schedule(replace(project, downtimes=downs, horizon=7)) is True
