"""List schedules against a scheme that tries every moment, and at known cases."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from graders.exact import sgs
from graders.rcpsp import violations
from tasks.rcpsp import Downtime, Project, Resource, Task, Window
from tests.depth import examples
from tests.graders.exact.small import allowed, projects

LATE = {"horizon", "deadline"}


def plain(*tasks: Task, capacity: int = 2, horizon: int = 100, **more: object) -> Project:
    fields = {"precedences": (), "downtimes": (), "windows": (), "disjunctions": ()} | more
    return Project(tasks=tasks, resources=(Resource("R", capacity),), horizon=horizon, **fields)  # type: ignore[arg-type]


def naive(project: Project, order: list[int]) -> list[int]:
    """The serial scheme by trying each start in turn."""
    starts: dict[str, int] = {}
    for i in order:
        task, start = project.tasks[i], 0
        while not allowed(project, {**starts, task.id: start}, ends=False):
            start += 1
        starts[task.id] = start
    return [starts[task.id] for task in project.tasks]


@given(projects(most=7), st.integers())
@examples(300)
def test_every_task_starts_as_early_as_its_list_allows(project: Project, seed: int) -> None:
    compiled = sgs.compile_project(project)
    order = sgs.random_list(compiled, Random(f"test/{seed}"))
    assert sgs.serial(compiled, order) == naive(project, order)


@given(projects(most=7), st.integers())
@examples(300)
def test_only_deadlines_can_break_and_in_time_says_so(project: Project, seed: int) -> None:
    compiled = sgs.compile_project(project)
    starts = sgs.serial(compiled, sgs.random_list(compiled, Random(f"test/{seed}")))
    wrong = violations(project, sgs.by_id(compiled, starts))
    assert {v.get("bound", v["kind"]) for v in wrong} <= LATE
    assert sgs.in_time(compiled, starts) == (not wrong)


@given(projects(most=8), st.integers())
@examples(300)
def test_forward_backward_keeps_what_holds_and_is_never_longer(project: Project, seed: int) -> None:
    compiled = sgs.compile_project(project)
    starts = sgs.serial(compiled, sgs.random_list(compiled, Random(f"test/{seed}")))
    better = sgs.shortened(compiled, starts)
    assert sgs.makespan(compiled, better) <= sgs.makespan(compiled, starts)
    wrong = violations(project, sgs.by_id(compiled, better))
    assert {v.get("bound", v["kind"]) for v in wrong} <= LATE
    if sgs.in_time(compiled, starts):
        assert not wrong


@given(projects(most=8), st.integers())
@examples(200)
def test_lists_hold_each_task_once_after_its_predecessors(project: Project, seed: int) -> None:
    compiled = sgs.compile_project(project)
    keys = [Random(f"key/{seed}/{i}").randrange(3) for i in range(len(project.tasks))]
    for order in (
        sgs.random_list(compiled, Random(f"test/{seed}")),
        sgs.priority_list(compiled, keys),
    ):
        assert sorted(order) == list(range(len(project.tasks)))
        at = {project.tasks[i].id: place for place, i in enumerate(order)}
        assert all(at[a] < at[b] for a, b in project.precedences)


def test_forward_backward_shortens_a_bad_list() -> None:
    tasks = (Task("A", 4, {"R": 1}), Task("B", 2, {"R": 1}), Task("C", 2, {"R": 1}))
    compiled = sgs.compile_project(plain(*tasks))
    bad = sgs.serial(compiled, [1, 2, 0])
    assert sgs.makespan(compiled, bad) == 6
    assert sgs.makespan(compiled, sgs.shortened(compiled, bad)) == 4


def test_same_seed_same_list_and_all_lists_are_drawn() -> None:
    compiled = sgs.compile_project(plain(*(Task(i, 1) for i in "ABC")))
    lists = [tuple(sgs.random_list(compiled, Random(f"s/{k}"))) for k in range(60)]
    assert len(set(lists)) == 6
    assert lists == [tuple(sgs.random_list(compiled, Random(f"s/{k}"))) for k in range(60)]


def test_rules_on_a_known_project() -> None:
    project = plain(
        Task("A", 2),
        Task("B", 3),
        Task("C", 4),
        Task("D", 1),
        precedences=(("A", "C"), ("B", "D")),
        windows=(Window("D", 0, 9),),
        horizon=20,
    )
    compiled = sgs.compile_project(project)
    assert sgs.edf(compiled) == [20, 20, 20, 9]
    assert sgs.lft(compiled) == [16, 8, 20, 9]
    assert sgs.priority_list(compiled, sgs.lft(compiled)) == [1, 3, 0, 2]
    assert sgs.priority_list(compiled, sgs.edf(compiled)) == [0, 1, 3, 2]


def test_touching_downtimes_are_one_and_a_task_may_end_where_they_start() -> None:
    gaps = tuple(Downtime("R", a, b) for a, b in ((7, 9), (3, 5), (4, 7), (0, 1)))
    task, other = Task("A", 2, {"R": 1}), Task("B", 3, {"R": 2})
    compiled = sgs.compile_project(plain(task, other, downtimes=gaps))
    assert compiled.downtimes == (((0, 1), (3, 9)),)
    assert sgs.serial(compiled, [0, 1]) == [1, 9]


def test_no_duration_or_no_demand_is_never_in_the_way() -> None:
    tasks = (Task("A", 5, {"R": 2}), Task("B", 0, {"R": 2}), Task("C", 4, {"R": 0}))
    project = plain(*tasks, disjunctions=(("A", "B"),), windows=(Window("B", 2, 2),))
    compiled = sgs.compile_project(project)
    assert sgs.serial(compiled, [0, 1, 2]) == [0, 2, 0]


def test_far_times_cost_nothing() -> None:
    far = 10**15
    tasks = tuple(Task(f"T{k}", far, {"R": 1}) for k in range(40))
    project = plain(*tasks, downtimes=(Downtime("R", far, far + 5),), horizon=far)
    compiled = sgs.compile_project(project)
    starts = sgs.serial(compiled, compiled.order)
    assert sgs.makespan(compiled, starts) == 20 * far + 5
