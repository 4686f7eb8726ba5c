"""The OR-Library's weighted files: what is read, what is proven, what is refused with its line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from generators.orlib import read_orlib
from graders.exact import dispatch
from tasks.base import InputError, Reference
from tasks.tardiness import Job, Jobs, tardiness
from tests.data import data

COUNT = 125


def write(folder: Path, *, jobs: int = 2, best: int | None = 7) -> Path:
    """A file of 125 times the same two jobs, one part of an instance a line."""
    path = folder / f"wt{jobs}.txt"
    path.write_text("  3  5\n  2  9\n 4 -5\n" * COUNT + "\n", "utf-8")
    if best is not None:
        (folder / f"wtopt{jobs}.txt").write_text(f"{best} {best + 1}\n" + " 0\n" * 123, "utf-8")
    return path


def test_parts_become_jobs(tmp_path: Path) -> None:
    read = read_orlib(write(tmp_path))
    first, last = read[0], read[-1]
    assert len(read) == COUNT
    assert first.payload == last.payload == Jobs((Job("J01", 3, 4, 2), Job("J02", 5, -5, 9)))
    assert (first.id, last.id, last.index) == ("wt2-001", "wt2-125", 124)
    assert (first.family, first.level, first.seed) == ("tardiness", 2, None)
    assert first.settings == {"source": "wt2"}


def test_only_what_is_said_to_be_proven_is_optimal(tmp_path: Path) -> None:
    first, second, third, *_ = read_orlib(write(tmp_path))
    assert (first.reference.status, first.reference.objective, first.reference.bound) == (
        "bounded",
        7,
        None,
    )
    assert second.reference.objective == 8
    assert third.reference.status == "optimal"  # nothing is below 0


def test_best_values_are_given_or_beside_or_unknown(tmp_path: Path) -> None:
    path = write(tmp_path, best=None)
    assert {i.reference for i in read_orlib(path)} == {Reference("none")}
    given = tmp_path / "mine.txt"
    given.write_text("1 " * COUNT, "utf-8")
    assert {i.reference.objective for i in read_orlib(path, given)} == {1}


def _edit(path: Path, line: int, text: str) -> None:
    lines = path.read_text("utf-8").split("\n")
    lines[line - 1] = text
    path.write_text("\n".join(lines), "utf-8")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda f: _edit(f / "wt2.txt", 1, "0 5"),
            r"wt2\.txt:1: '0'; expected the processing time of job 1 of instance 1, .* at least 1",
        ),
        (
            lambda f: _edit(f / "wt2.txt", 5, "2 0"),
            r"wt2\.txt:5: '0'; expected the weight of job 2 of instance 2, .* at least 1",
        ),
        (lambda f: _edit(f / "wt2.txt", 3, "4 4.5"), r"wt2\.txt:3: '4\.5'; expected the due date"),
        (lambda f: _edit(f / "wt2.txt", 375, "4"), r"wt2\.txt:375: .* after 749 of 750 numbers"),
        (lambda f: _edit(f / "wt2.txt", 376, "4"), r"wt2\.txt:376: '4'; expected the end"),
        (
            lambda f: _edit(f / "wtopt2.txt", 2, "-1"),
            r"wtopt2\.txt:2: '-1'; expected the best value of instance 3, .* at least 0",
        ),
        (lambda f: _edit(f / "wtopt2.txt", 9, ""), r"wtopt2\.txt:124: .* after 124 of 125"),
        (lambda f: (f / "wt2.txt").write_text(""), r"wt2\.txt:1: .* after 0 of 750"),
    ],
)
def test_broken_files_are_named(
    tmp_path: Path, edit: Callable[[Path], object], message: str
) -> None:
    path = write(tmp_path)
    edit(tmp_path)
    with pytest.raises(InputError, match=message):
        read_orlib(path)


def test_values_in_another_order_than_the_jobs_are_refused(tmp_path: Path) -> None:
    """The library's own, as file names would sort; also those that are only the best known."""
    jobs, values = data("orlib", "wt40.txt"), data("orlib", "wtopt40.txt")
    best = values.read_text("utf-8").split()
    by_name = sorted(range(1, COUNT + 1), key=str)
    moved = tmp_path / "moved.txt"
    moved.write_text("\n".join(best[number - 1] for number in by_name), "utf-8")
    with pytest.raises(InputError, match=r"moved\.txt: .* of 125 instances is too high \(wt40-0"):
        read_orlib(jobs, moved)
    best[18] = str(10 * int(best[18]))
    moved.write_text("\n".join(best), "utf-8")
    with pytest.raises(InputError, match=r" for 1 of 125 instances .*\(wt40-019; .* or none$"):
        read_orlib(jobs, moved)


def test_names_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a file named wtN"):
        read_orlib(tmp_path / "jobs.txt")
    with pytest.raises(InputError, match=r"wt40\.txt: No such file"):
        read_orlib(tmp_path / "wt40.txt")
    with pytest.raises(InputError, match=r"mine\.txt: No such file"):
        read_orlib(write(tmp_path), tmp_path / "mine.txt")


@pytest.mark.parametrize(
    ("level", "unsolved", "first"),
    [(40, {19}, 913), (50, {11, 12, 14, 19, 36, 44, 66, 87, 88, 111}, 2134)],
)
def test_the_library(level: int, unsolved: set[int], first: int) -> None:
    read = read_orlib(data("orlib", f"wt{level}.txt"))
    assert {i.index + 1 for i in read if i.reference.status == "bounded"} == unsolved
    assert read[0].reference.objective == first
    for instance in read:
        jobs = instance.payload.jobs
        assert len(jobs) == level
        assert all(1 <= job.p <= 100 and 1 <= job.w <= 10 and job.d >= 0 for job in jobs)
        p, d, w = ([getattr(job, name) for job in jobs] for name in "pdw")
        value = tardiness([jobs[k] for k in dispatch.atc(p, d, w)])
        assert instance.reference.objective is not None
        assert value >= instance.reference.objective
