"""Every family of bounds against an enumeration of all answers, and where each sees the most."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.exact import sgs
from graders.exact.rcpsp_bounds import (
    Pool,
    bound_by,
    earliest_starts,
    longest_tails,
    lower_bound,
    resource_pools,
)
from graders.exact.rcpsp_covering import covering_pools
from graders.exact.rcpsp_energy import destructive_bound
from graders.exact.rcpsp_pools import (
    clique_pools,
    later_heads,
    longer_tails,
    rounded_pools,
)
from graders.exact.sgs import Compiled
from tasks.rcpsp import Project, Resource, Task
from tests.depth import examples
from tests.graders.exact.small import least_makespan, projects, schedules

FAMILIES = ("rounded", "cliques", "covering")


def pools_of(project: Compiled, family: str) -> list[Pool]:
    if family == "rounded":
        return [each for pool in resource_pools(project) for each in rounded_pools(pool)]
    if family == "cliques":
        return clique_pools(project)
    return covering_pools(project, earliest_starts(project), longest_tails(project))


def all_pools(project: Compiled) -> list[Pool]:
    return [
        *resource_pools(project),
        *(pool for family in FAMILIES for pool in pools_of(project, family)),
    ]


def together(project: Compiled) -> Iterator[tuple[int, ...]]:
    """All sets of tasks that may be under way at one moment: no order, room for all."""
    paths = {(a, b) for b in range(len(project.ids)) for a in before(project, b)}
    apart = paths | {(a, b) for b, group in enumerate(project.partners) for a in group}
    tasks = [i for i, duration in enumerate(project.durations) if duration]
    for size in range(1, len(tasks) + 1):
        for group in combinations(tasks, size):
            pairs = [(a, b) for a in group for b in group]
            used = [0] * len(project.capacities)
            for i in group:
                for r, q in project.demands[i]:
                    used[r] += q
            fits = all(u <= c for u, c in zip(used, project.capacities, strict=True))
            if fits and not apart.intersection(pairs):
                yield group


def before(project: Compiled, task: int) -> set[int]:
    direct = set(project.predecessors[task])
    return direct.union(*(before(project, j) for j in direct))


@pytest.mark.parametrize("family", FAMILIES)
@given(project=projects())
@examples(600)
def test_what_can_run_together_fits_into_every_pool(family: str, project: Project) -> None:
    compiled = sgs.compile_project(project)
    groups = list(together(compiled))
    for pool in pools_of(compiled, family):
        units = dict(pool.units)
        assert all(amount > 0 for amount in units.values())
        assert all(sum(units.get(i, 0) for i in group) <= pool.capacity for group in groups)


@given(st.integers(2, 30), st.lists(st.integers(1, 30), min_size=1, max_size=7))
@examples(1000)
def test_what_fits_still_fits_when_it_is_rounded(capacity: int, sizes: list[int]) -> None:
    units = tuple((i, min(size, capacity)) for i, size in enumerate(sizes))
    for pool in rounded_pools(Pool(capacity, (), units)):
        rounded = dict(pool.units)
        for size in range(1, len(units) + 1):
            for group in combinations(units, size):
                if sum(q for _, q in group) <= capacity:
                    assert sum(rounded.get(i, 0) for i, _ in group) <= pool.capacity


@pytest.mark.parametrize("family", FAMILIES)
@given(project=projects())
@examples(400)
def test_no_family_is_above_the_least_makespan(family: str, project: Project) -> None:
    best, compiled = least_makespan(project), sgs.compile_project(project)
    heads, tails = earliest_starts(compiled), longest_tails(compiled)
    if best is not None:
        assert bound_by(compiled, pools_of(compiled, family), heads, tails) <= best


@given(projects(most=4))
@examples(600)
def test_no_schedule_is_outside_of_sharper_heads_and_tails(project: Project) -> None:
    compiled = sgs.compile_project(project)
    pools = all_pools(compiled)
    heads = later_heads(compiled, pools, earliest_starts(compiled))
    tails = longer_tails(compiled, pools, longest_tails(compiled))
    for starts in schedules(project):
        length = max(starts[t.id] + t.duration for t in project.tasks)
        for task, head, tail in zip(project.tasks, heads, tails, strict=True):
            assert starts[task.id] >= head
            assert starts[task.id] + task.duration + tail <= length


@given(projects())
@examples(400)
def test_all_families_together_refute_no_makespan_that_is_attained(project: Project) -> None:
    best, compiled = least_makespan(project), sgs.compile_project(project)
    heads, tails = earliest_starts(compiled), longest_tails(compiled)
    cheap, pools = lower_bound(compiled, heads, tails), all_pools(compiled)
    heads, tails = later_heads(compiled, pools, heads), longer_tails(compiled, pools, tails)
    bound = bound_by(compiled, pools, heads, tails)
    most = compiled.horizon + 1
    if best is None or bound >= most:
        assert best is None
        return
    assert bound_by(compiled, [*pools, *resource_pools(compiled)], heads, tails) >= cheap
    for every in ([pool] for pool in pools):
        assert destructive_bound(compiled, every, heads, tails, bound, most) <= best
    assert bound <= destructive_bound(compiled, pools, heads, tails, bound, most) <= best


def plain(
    durations: Sequence[int], demands: Sequence[dict[str, int]], capacities: dict[str, int]
) -> Compiled:
    rows = enumerate(zip(durations, demands, strict=True))
    return sgs.compile_project(
        Project(
            tasks=tuple(Task(f"T{k}", duration, demand) for k, (duration, demand) in rows),
            resources=tuple(Resource(r, capacity) for r, capacity in capacities.items()),
            precedences=(),
            downtimes=(),
            windows=(),
            disjunctions=(),
            horizon=100,
        )
    )


def bound_of(project: Compiled, family: str) -> int:
    heads, tails = earliest_starts(project), longest_tails(project)
    return bound_by(project, pools_of(project, family), heads, tails)


def test_three_of_two_thirds_are_one_after_the_other_when_they_are_rounded() -> None:
    project = plain([4, 4, 4], [{"A": 4}] * 3, {"A": 6})
    assert lower_bound(project, [0] * 3, [0] * 3) == 8
    assert bound_of(project, "rounded") == 12


def test_tasks_of_different_resources_are_one_clique() -> None:
    project = plain(
        [4, 4, 4], [{"A": 2, "B": 2}, {"B": 2, "C": 2}, {"A": 2, "C": 2}], dict.fromkeys("ABC", 3)
    )
    assert lower_bound(project, [0] * 3, [0] * 3) == 6
    assert bound_of(project, "rounded") == 8
    assert bound_of(project, "cliques") == 12


def test_a_covering_sees_a_circle_of_five_that_no_clique_does() -> None:
    """Each excludes two others, so that no two pairs of them leave out only one."""
    demands = [dict.fromkeys((f"R{k}", f"R{(k + 1) % 5}"), 1) for k in range(5)]
    project = plain([4] * 5, demands, {f"R{k}": 1 for k in range(5)})
    assert lower_bound(project, [0] * 5, [0] * 5) == bound_of(project, "cliques") == 8
    assert bound_of(project, "covering") == 10


def test_energy_refutes_what_work_and_paths_allow() -> None:
    """A long task must spend part of its time in the middle, wherever it lies."""
    project = plain([8, 8, 3, 3], [{"A": 1}] * 4, {"A": 2})
    heads, tails = [0, 0, 3, 3], [0, 0, 3, 3]
    bound = lower_bound(project, heads, tails)
    assert bound == 11
    assert destructive_bound(project, resource_pools(project), heads, tails, bound, 30) == 14


@given(st.integers(0, 10**6))
@examples(40)
def test_what_energy_refutes_slow_sums_refute_too(seed: int) -> None:
    """The vectors against loops over intervals, tasks and starts."""
    rng = Random(f"energy/{seed}")
    count = rng.randint(2, 6)
    units = [rng.randint(1, 4) for _ in range(count)]
    project = plain([rng.randint(1, 6) for _ in range(count)], [{"A": q} for q in units], {"A": 5})
    heads = [rng.randint(0, 4) for _ in range(count)]
    tails = [rng.randint(0, 4) for _ in range(count)]
    ends = [h + d + t for h, d, t in zip(heads, project.durations, tails, strict=True)]
    pools, most = resource_pools(project), sum(project.durations) + 20
    bound = destructive_bound(project, pools, heads, tails, max(ends), most)
    assert bound == max(ends) or refuted(project, units, heads, tails, bound - 1)


def refuted(
    project: Compiled, units: Sequence[int], heads: Sequence[int], tails: Sequence[int], most: int
) -> bool:
    latest = sgs.lft(project)
    rows = [
        (q, d, head, min(most - tail, end) - d)
        for q, d, head, tail, end in zip(
            units, project.durations, heads, tails, latest, strict=True
        )
    ]
    return any(
        sum(q * inside(d, early, late, left, right) for q, d, early, late in rows)
        > project.capacities[0] * (right - left)
        for left in range(most)
        for right in range(left + 1, most + 1)
    )


def inside(duration: int, early: int, late: int, left: int, right: int) -> int:
    """The least time that a task spends in [left, right), by trying all of its starts."""
    return min(max(0, min(s + duration, right) - max(s, left)) for s in range(early, late + 1))
