"""References against an enumeration of every answer, and at known optima."""

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given

from generators.psplib import read_psplib
from graders.exact import rcpsp, sgs
from graders.exact.rcpsp import reference
from graders.exact.rcpsp_bounds import earliest_starts, longest_tails, lower_bound, quick_bound
from graders.exact.rcpsp_cp_sat import Solution, improve
from graders.exact.rcpsp_search import upper_bound
from graders.rcpsp import makespan, violations
from tasks.base import Reference, SolverFailure
from tasks.rcpsp import Downtime, Project, Resource, Task, Window
from tests.data import data
from tests.depth import examples
from tests.factories.projects import mixed, scarce
from tests.graders.exact.small import least_makespan, projects


def plain(*tasks: Task, capacity: int = 1, horizon: int = 100, **more: Any) -> Project:
    fields = {"precedences": (), "downtimes": (), "windows": (), "disjunctions": ()} | more
    return Project(tasks=tasks, resources=(Resource("R", capacity),), horizon=horizon, **fields)


def check(project: Project, exact: Reference, best: int | None) -> None:
    if best is None:
        assert exact.status == "infeasible"
        assert (exact.objective, exact.bound, exact.answer) == (None, None, None)
    else:
        assert (exact.status, exact.objective, exact.bound) == ("optimal", best, best)
        assert exact.answer is not None
        starts = exact.answer["starts"]
        assert not violations(project, starts)
        assert makespan(project, starts) == best
        assert list(starts) == [task.id for task in project.tasks]


@given(projects())
@examples(1000)
def test_reference_is_what_enumeration_finds(project: Project) -> None:
    check(project, reference(project), least_makespan(project))


@given(projects(most=4))
@examples(800)
def test_solver_alone_is_what_enumeration_finds(project: Project) -> None:
    """Without list schedules and cheap bounds."""
    compiled = sgs.compile_project(project)
    releases = compiled.releases
    if sgs.in_time(compiled, releases):
        none = Solution(sgs.makespan(compiled, releases), None)
        exact = improve(compiled, none, releases, limit=5, seconds=None)
        assert exact.solver.startswith("cp-sat ")
        check(project, rcpsp.state(project, compiled, exact), least_makespan(project))


@given(projects())
@examples(400)
def test_cheap_bounds_hold(project: Project) -> None:
    best = least_makespan(project)
    compiled = sgs.compile_project(project)
    heads, tails = earliest_starts(compiled), longest_tails(compiled)
    bound = lower_bound(compiled, heads, tails)
    assert quick_bound(project) == quick_bound(project) == bound
    if best is not None:
        assert bound <= best
    found = upper_bound(compiled, bound, tails)
    if found is not None:
        assert best is not None
        assert best <= sgs.makespan(compiled, found) <= project.horizon


@pytest.mark.parametrize(
    ("project", "makespan"),
    [
        # three of two, in a window for two
        (
            plain(
                *(Task(i, 2, {"R": 1}) for i in "ABC"),
                windows=tuple(Window(i, 0, 5) for i in "ABC"),
            ),
            None,
        ),
        (plain(*(Task(i, 2, {"R": 1}) for i in "ABC"), horizon=5), None),
        (plain(Task("A", 4, {"R": 1}), downtimes=(Downtime("R", 3, 5),), horizon=8), None),
        (plain(Task("A", 4, {"R": 1}), downtimes=(Downtime("R", 3, 5),), horizon=9), 9),
        # downtimes that overlap are one, not two demands on a capacity of one
        (plain(Task("A", 1, {"R": 1}), downtimes=(Downtime("R", 0, 3), Downtime("R", 1, 4))), 5),
        (plain(Task("A", 3), Task("B", 4), disjunctions=(("A", "B"),)), 7),
        (
            plain(
                Task("A", 3), Task("B", 4), precedences=(("A", "B"),), windows=(Window("A", 2, 9),)
            ),
            9,
        ),
        (plain(Task("A", 0), Task("B", 0, {"R": 1}), precedences=(("A", "B"),), horizon=0), 0),
    ],
)
def test_known_optima(project: Project, makespan: int | None) -> None:
    check(project, reference(project), makespan)


def test_infeasible_beyond_the_cheap_bounds_is_proven() -> None:
    tasks = [Task(i, 3) for i in "ABCD"]
    apart = [(a.id, b.id) for k, a in enumerate(tasks) for b in tasks[:k]]
    by_clique = reference(plain(*tasks, disjunctions=tuple(apart), horizon=11))
    assert (by_clique.status, by_clique.solver) == ("infeasible", rcpsp.PORTFOLIO)
    best = reference(mixed(14, 0))
    assert best.solver.startswith("cp-sat ")
    assert isinstance(best.objective, int)
    by_search = reference(mixed(14, 0, horizon=best.objective - 1))
    assert by_search.status == "infeasible"
    assert by_search.solver.startswith("cp-sat ")


@pytest.mark.heavy
def test_what_the_first_search_leaves_open_goes_to_the_portfolio() -> None:
    project = scarce(30, 2)
    first = reference(project, deterministic_limit=0.01)
    with patch.object(rcpsp, "FIRST", 0.01):
        more, again = (reference(project, deterministic_limit=0.3) for _ in "ab")
    assert more == again
    assert first.bound is not None
    assert more.bound is not None
    assert more.solver.endswith(rcpsp.PORTFOLIO)
    assert more.bound > first.bound


def test_horizon_does_not_matter_if_it_is_far() -> None:
    exact = reference(mixed(14, 0))
    assert exact.status == "optimal"
    assert reference(mixed(14, 0, horizon=10**17)) == exact


def test_times_beyond_the_solver_still_get_a_bound() -> None:
    far = 10**16
    project = plain(
        *(Task(i, far, {"R": 2}) for i in "ABC"),
        Task("D", far, {"R": 1}),
        capacity=3,
        disjunctions=(("C", "D"), ("A", "D"), ("B", "D")),
        horizon=10**18,
    )
    exact = reference(project)
    assert (exact.status, exact.solver) == ("bounded", "sgs")
    assert exact.objective == 4 * far


@pytest.mark.heavy
def test_the_same_bytes_every_time() -> None:
    exact = [msgspec.json.encode(reference(mixed(30, 3), deterministic_limit=0.1)) for _ in "ab"]
    assert exact[0] == exact[1]
    assert b"bounded" in exact[0]


@pytest.mark.heavy
def test_out_of_time_without_an_answer_says_none_and_a_bound() -> None:
    short = reference(mixed(30, 3), deterministic_limit=0.1)
    assert isinstance(short.objective, int)
    project = mixed(30, 3, horizon=short.objective - 1)
    exact = reference(project, deterministic_limit=1e-6)
    assert exact.status == "none"
    assert exact.answer is None
    assert exact.bound is not None


@pytest.mark.heavy
def test_a_feasible_hint_is_never_made_worse_and_another_is_ignored() -> None:
    project = mixed(30, 3)
    good = reference(project, deterministic_limit=0.1)
    assert good.answer is not None
    again = reference(project, deterministic_limit=1e-6, hint=good.answer["starts"])
    assert again.objective == good.objective
    bad = dict.fromkeys(good.answer["starts"], 0)
    assert reference(project, deterministic_limit=0.05, hint=bad) == reference(
        project, deterministic_limit=0.05
    )


def test_what_the_checker_refutes_is_a_failure() -> None:
    project = plain(Task("A", 2, {"R": 1}), Task("B", 2, {"R": 1}))
    compiled = sgs.compile_project(project)
    with pytest.raises(SolverFailure, match="breaks 1 rules"):
        rcpsp.state(project, compiled, Solution(2, [0, 1], "wrong"))
    with pytest.raises(SolverFailure, match="below its lower bound"):
        rcpsp.state(project, compiled, Solution(5, [0, 2], "wrong"))


def test_easy_projects_load_no_solver() -> None:
    code = """
import sys
from graders.exact.rcpsp import reference
from tasks.rcpsp import Project, Task
tasks = (Task("A", 3), Task("B", 4))
assert reference(Project(tasks, (), (("A", "B"),), (), (), (), 9)).solver == "sgs"
assert not [name for name in sys.modules if name.startswith("ortools")]
"""
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


@pytest.mark.parametrize("name", ["j301_1", "j301_5", "j3010_4", "j3017_3", "j3025_2", "j3048_10"])
def test_known_psplib_optima(name: str) -> None:
    folder = data("psplib", "j30")
    with (folder / "optimum.csv").open(encoding="utf-8") as file:
        optimum = {row["problem"]: int(row["optimum"]) for row in csv.DictReader(file)}
    project = read_psplib(folder / f"{name}.sm")
    check(project, reference(project), optimum[f"{name}.sm"])


def test_a_gap_is_narrowed_to_the_optimum_that_is_proven_otherwise() -> None:
    for seed in range(3):
        project = scarce(12, seed)
        best = rcpsp.reference(project)
        assert best.status == "optimal"
        loose = msgspec.structs.replace(best, status="bounded", bound=1)
        narrower = rcpsp.narrowed(project, loose, 1.0)
        assert (narrower.status, narrower.objective) == ("optimal", best.objective)
