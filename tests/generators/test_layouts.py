"""Files by other hands: any layout of a good file is the same project, or the same jobs."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.jobs import read_jobs
from generators.orlib import read_orlib
from generators.psplib import read_psplib, write_psplib
from graders.exact import sgs
from graders.exact.rcpsp_bounds import longest_tails, quick_bound
from graders.exact.rcpsp_search import upper_bound
from graders.rcpsp import makespan
from tasks.base import InputError
from tasks.rcpsp import Project, Resource, Task
from tests.data import data
from tests.depth import examples, often
from tests.factories.layouts import RCP, SM, named, relaid

PROJECT = Project(
    tasks=(
        Task("T02", 3, {"R1": 2}),
        Task("T03", 2, {"R1": 1, "R2": 1}),
        Task("T04", 4, {"R2": 1}),
    ),
    resources=(Resource("R1", 2), Resource("R2", 1)),
    precedences=(("T02", "T04"),),
    downtimes=(),
    windows=(),
    disjunctions=(),
    horizon=20,
)


def saved(folder: Path, content: bytes, name: str) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", named())
def test_a_layout_that_is_about_is_read(tmp_path: Path, name: str) -> None:
    project = read_psplib(saved(tmp_path, named()[name], name))
    assert project.tasks == PROJECT.tasks
    assert (project.resources, project.precedences) == (PROJECT.resources, PROJECT.precedences)
    assert project.horizon == (20 if name.lower().endswith(".sm") else 9)


@st.composite
def small_projects(draw: st.DrawFn) -> Project:
    """Projects with the usual names."""
    count, kinds = draw(st.integers(1, 8)), draw(st.integers(0, 3))
    resources = [Resource(f"R{k + 1}", draw(st.integers(0, 9))) for k in range(kinds)]
    tasks = [
        Task(
            f"T{k:02d}",
            draw(st.integers(0, 9)),
            {r.id: q for r in resources if (q := draw(st.integers(0, r.capacity)))},
        )
        for k in range(2, count + 2)
    ]
    pairs = [(a.id, b.id) for k, a in enumerate(tasks) for b in tasks[k + 1 :]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return Project(
        tasks=tuple(tasks),
        resources=tuple(resources),
        precedences=tuple(sorted(chosen, key=lambda pair: pair[0])),
        downtimes=(),
        windows=(),
        disjunctions=(),
        horizon=max(task.duration for task in tasks) + draw(st.integers(0, 99)),
    )


@given(small_projects(), st.integers(0, 10**6))
@examples(1500)
def test_no_spacing_case_encoding_or_line_end_changes_a_project(
    tmp_path_factory: pytest.TempPathFactory, project: Project, seed: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "relaid.sm"
    path.write_bytes(relaid(write_psplib(project), seed))
    assert read_psplib(path) == project


@pytest.mark.parametrize("text", [SM, RCP])
def test_a_layout_drawn_from_a_seed_is_the_same_project(tmp_path: Path, text: str) -> None:
    for seed in range(often(600)):
        name = "drawn.sm" if text == SM else "drawn.rcp"
        project = read_psplib(saved(tmp_path, relaid(text, seed), name))
        assert project.tasks == PROJECT.tasks, seed


@pytest.mark.parametrize(
    ("row", "precedences", "shortest"),
    [
        ("  5      1     3       0    1", {("T03", "T05"), ("T04", "T05"), ("T02", "T04")}, 12),
        ("  1      1     3       0    1", {("T01", "T02"), ("T01", "T03"), ("T02", "T04")}, 12),
    ],
)
def test_a_first_or_last_job_that_takes_time_is_a_task(
    tmp_path: Path, row: str, precedences: set[tuple[str, str]], shortest: int
) -> None:
    """It has the number of its job, and its time counts."""
    lines = SM.split("\n")
    [at] = (k for k, line in enumerate(lines) if line == f"{row[:15]}0       0    0")
    text = "\n".join([*lines[:at], row, *lines[at + 1 :]])
    project = read_psplib(saved(tmp_path, text.encode(), "worker.sm"))
    assert len(project.tasks) == 4
    assert set(project.precedences) == precedences
    starts = _shortest(project)
    assert makespan(project, starts) == shortest
    again = read_psplib(saved(tmp_path, write_psplib(project).encode(), "again.sm"))
    assert [(t.id, t.duration) for t in again.tasks] == [(t.id, t.duration) for t in project.tasks]


def _shortest(project: Project) -> dict[str, int]:
    compiled = sgs.compile_project(project)
    starts = upper_bound(compiled, quick_bound(project), longest_tails(compiled))
    assert starts is not None
    return sgs.by_id(compiled, starts)


def test_several_modes_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"j10\.mm: jobs with several modes; only one mode"):
        read_psplib(saved(tmp_path, SM.encode(), "j10.mm"))
    text = SM.replace("   2        1          1", "   2        3          1")
    with pytest.raises(InputError, match=r"j10\.sm:20: mode 3; expected 1, no other can be read"):
        read_psplib(saved(tmp_path, text.encode(), "j10.sm"))


JOBS = [{"id": "a", "p": [3, 4], "d": [1, -2]}, {"id": "é", "p": [1], "d": [0], "opt": 1}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("tail", ["", "\x1a", "\0"])
def test_lines_of_jobs_are_read_in_any_encoding(
    tmp_path: Path, encoding: str, end: str, tail: str
) -> None:
    text = end.join(json.dumps(line, ensure_ascii=False) for line in JOBS) + end + tail
    instances = read_jobs(saved(tmp_path, text.encode(encoding), "mine.jsonl"))
    assert [(i.id, i.index, i.level) for i in instances] == [("a", 0, 2), ("é", 1, 1)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_the_library_s_files_are_read_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    text = "3 5\r\n2 9\r\n4 -5\r\n" * 125 + "\x1a"
    plain = read_orlib(saved(tmp_path, text.encode(), "wt2.txt"))
    assert read_orlib(saved(tmp_path, text.encode(encoding), "wt2.txt")) == plain


# Published values ----------------------------------------------------------------------------


def _published(folder: str, name: str) -> list[tuple[Path, int, int]]:
    """The files of a folder with the lower and the upper bound that are published: `82..87`."""
    table = data("psplib", folder, name)
    rows = [row.split(",") for row in table.read_text("utf-8").split()[1:]]
    assert len(rows) > 200
    ends = {name: value.split("..") for name, value in rows if value}
    return [(table.parent / name, int(e[0] or 0), int(e[-1])) for name, e in ends.items()]


def test_no_published_optimum_is_contradicted() -> None:
    """No bound is above one, and no list schedule is below one: all 480 projects of 30 jobs."""
    met = 0
    for path, optimum, _ in _published("j30", "optimum.csv"):
        project = read_psplib(path)
        lower, shortest = quick_bound(project), makespan(project, _shortest(project))
        assert lower <= optimum <= shortest, path.name
        met += lower == shortest
    assert met > 150


def test_no_best_known_value_is_below_a_bound() -> None:
    """No list schedule is below a published bound either, of half of the projects of 60 jobs."""
    for path, lower, best in _published("j60", "best.csv"):
        project = read_psplib(path)
        assert quick_bound(project) <= best, path.name
        assert lower <= makespan(project, _shortest(project)), path.name
