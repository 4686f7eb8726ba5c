"""The readers and the writer of public job shops: round trips, and every broken file."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.jsplib import read_jsplib, read_taillard, write_jsplib
from tasks.base import InputError, Instance, Reference
from tasks.jobshop import Shop
from tests.depth import examples
from tests.factories.shops import Jobs, shop
from tests.harness.helpers import makespan

SMALL = "# Fisher and Thompson, cut down\n\n 2 3\n 2 1  0 3  1 6\n 1 8  2 5  0 10\n"
TAILLARD = """Nb of jobs, Nb of Machines, Time seed, Machine seed, Upper bound, Lower bound
2 3 840612802 398197754 20 17
Times
94 66 10
74 31 88
Machines
3 1 2
2 3 1
"""


def saved(folder: Path, text: str, name: str = "ft03") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def steps(payload: Shop) -> list[list[tuple[str, int]]]:
    return [[(step.machine, step.time) for step in job.operations] for job in payload.jobs]


def test_the_standard_layout_is_read(tmp_path: Path) -> None:
    [one] = read_jsplib(saved(tmp_path, SMALL), 4)
    assert (one.id, one.family, one.level, one.seed, one.index) == ("ft03", "jobshop", 2, None, 4)
    assert one.settings == {"source": "ft03", "buffers": "free"}
    assert one.reference == Reference("none")
    assert [job.id for job in one.payload.jobs] == ["J1", "J2"]
    assert steps(one.payload) == [
        [("M2", 1), ("M0", 3), ("M1", 6)],
        [("M1", 8), ("M2", 5), ("M0", 10)],
    ]


def test_jobs_that_end_early_and_come_back_are_read(tmp_path: Path) -> None:
    text = "2 2\n0 1 1 2 0 3\n1 4 -1 -1\n"
    with pytest.raises(InputError, match=r":2: 3 operations; expected 2, or -1 -1 after them"):
        read_jsplib(saved(tmp_path, text), 0)
    [one] = read_jsplib(saved(tmp_path, text.replace("0 3\n", "0 3 -1 -1\n")), 0)
    assert steps(one.payload) == [[("M0", 1), ("M1", 2), ("M0", 3)], [("M1", 4)]]


def test_the_layout_of_taillard_is_read(tmp_path: Path) -> None:
    [one] = read_taillard(saved(tmp_path, TAILLARD, "tai.txt"), 2)
    assert (one.id, one.level, one.index) == ("tai", 2, 2)
    assert one.reference == Reference("bounded", 20, 17, solver="given by the file")
    assert steps(one.payload) == [
        [("M3", 94), ("M1", 66), ("M2", 10)],
        [("M2", 74), ("M3", 31), ("M1", 88)],
    ]
    proven, bare = TAILLARD.replace("20 17", "17 17"), "2 3\n1 2 3\n4 5 6\n1 2 3\n3 2 1\n"
    both = read_taillard(saved(tmp_path, proven + bare, "tai.txt"), 0)
    assert [each.id for each in both] == ["tai-01", "tai-02"]
    assert [each.reference.status for each in both] == ["optimal", "none"]


@st.composite
def shops(draw: st.DrawFn) -> Jobs:
    """Any routes in which every machine is used: the layout tells no other ones."""
    machines = draw(st.integers(1, 12))
    step = st.tuples(st.integers(0, machines - 1), st.integers(1, 10**9))
    jobs = draw(st.lists(st.lists(step, min_size=1, max_size=machines + 2), min_size=1, max_size=9))
    used = {machine for job in jobs for machine, _ in job}
    return [*jobs, [(machine, 1) for machine in range(machines) if machine not in used] or jobs[0]]


@examples(300)
@given(shops())
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, jobs: Jobs) -> None:
    """Names of jobs are those of the reader; machines keep their numbers."""
    payload = shop(jobs)
    path = saved(tmp_path_factory.mktemp("round"), write_jsplib(payload))
    [one] = read_jsplib(path, 0)
    path.unlink()
    assert steps(one.payload) == steps(payload)


@pytest.mark.parametrize(
    ("payload", "feature"),
    [
        (shop([[(0, 1)]], "swap"), "buffers=swap"),
        (shop([[(0, 1)]], "free", {0: [(0, 1)]}), "shutdowns"),
    ],
)
def test_what_the_layout_cannot_say_is_refused(payload: Shop, feature: str) -> None:
    with pytest.raises(InputError, match=f"the standard layout of job shops has no {feature}"):
        write_jsplib(payload)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "the file ends; expected the numbers of jobs and machines"),
        ("# only\n", 1, "the file ends; expected the numbers of jobs and machines"),
        ("2\n", 1, "expected the numbers of jobs and machines, 1 to 10,000 each"),
        ("0 2\n", 1, "expected the numbers of jobs and machines, 1 to 10,000 each"),
        ("two 2\n", 1, "'two'; expected a whole number"),
        ("1 1\n0 1.5\n", 2, "'1.5'; expected a whole number"),
        ("1 1\n0 \u0663\n", 2, "'\u0663'; expected a whole number"),
        ("1 1\n0 " + "9" * 40 + "\n", 2, f"'{'9' * 20}'; expected a whole number"),
        ("2 1\n0 1\n", 2, "1 lines of jobs; expected 2"),
        ("1 1\n0 1\n0 1\n", 3, "2 lines of jobs; expected 1"),
        ("1 1\n0 1 0\n", 2, "3 numbers; expected pairs of machine and time"),
        ("1 1\n-1 -1\n", 2, "0 numbers; expected pairs of machine and time"),
        ("1 2\n0 1\n", 2, "1 operations; expected 2, or -1 -1 after them"),
        ("1 2\n0 1 2 1\n", 2, "machine 2; expected one from 0 to 1"),
        ("1 2\n0 1 -1 1\n", 2, "machine -1; expected one from 0 to 1"),
        ("1 2\n0 1 1 0\n", 2, "time 0 on machine 1; expected at least 1"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    path = saved(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_jsplib(path, 0)
    assert str(caught.value) == f"{path}:{line}: {says}"


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("20 17", "17 20", 2, "upper bound 17 and lower bound 20; expected 0 < lower <= upper"),
        ("94 66 10", "94 66", 4, "2 numbers; expected 3"),
        ("94 66", "94 0", 4, "time 0 on machine 1; expected at least 1"),
        ("3 1 2", "3 1 4", 7, "machine 4; expected one from 1 to 3"),
        ("3 1 2", "3 0 2", 7, "machine 0; expected one from 1 to 3"),
        ("2 3 1\n", "", 7, "the file ends; expected 4 lines of jobs"),
        ("2 3 1\n", "2 3 1\n9\n", 9, "expected the numbers of jobs and machines, 1 to 10,000 each"),
    ],
)
def test_a_broken_file_of_taillard_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, says: str
) -> None:
    path = saved(tmp_path, TAILLARD.replace(old, new))
    with pytest.raises(InputError) as caught:
        read_taillard(path, 0)
    assert str(caught.value).startswith(f"{path}:{line}: {says}")


def test_no_file_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing: No such file"):
        read_jsplib(tmp_path / "nothing", 0)
    with pytest.raises(InputError, match="directory"):
        read_taillard(tmp_path, 0)


@examples(400)
@given(st.sampled_from((SMALL, TAILLARD)), st.data())
def test_any_damage_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, text: str, drawn: st.DataObject
) -> None:
    start = drawn.draw(st.integers(0, len(text)))
    end = drawn.draw(st.one_of(st.just(len(text)), st.integers(start, min(start + 9, len(text)))))
    damage = drawn.draw(st.text(alphabet="0123456789 -#\nMx.\u0663", max_size=9))
    path = saved(tmp_path_factory.mktemp("damage"), text[:start] + damage + text[end:])
    reader = read_jsplib if text == SMALL else read_taillard
    instances, complaint = tried(reader, path)
    path.unlink()
    if complaint:
        assert "\n" not in complaint
        assert complaint.startswith(f"{path}:")
    assert bool(instances) != bool(complaint)


def tried(reader: Callable[[Path, int], list[Instance[Shop]]], path: Path) -> tuple[int, str]:
    """How many instances a reader found, and what it complained of."""
    try:
        return len(reader(path, 0)), ""
    except InputError as error:
        return 0, str(error)


def test_commands_import_solve_and_write_it_with_bounds_of_a_published_table(
    tmp_path: Path,
) -> None:
    """In the layout of the table of best known solutions of ScheduleOpt/benchmarks."""
    saved(tmp_path, SMALL, "ft03.txt")
    table = tmp_path / "bks.json"
    table.write_text(
        '[\n{"instance":"ft03","size":"2 x 3","type":"jobshop","status":"closed",'
        '"lower_bound":23,"upper_bound":23,"lb_data":[{"value":23}]}\n]'
    )
    out = tmp_path / "shops.jsonl"
    words = ("jsplib", tmp_path / "ft03.txt", "--references", table, "--out", out)
    done = makespan("import", *words)
    assert done.returncode == 0, done.stderr
    assert '"status":"optimal","objective":23,"bound":23' in out.read_text()
    solved = makespan("import", "jsplib", tmp_path / "ft03.txt")
    assert '"objective":23,"bound":23' in solved.stdout
    done = makespan("export", out, "--format", "jsplib", "--out", tmp_path / "files")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "files" / "ft03.txt").read_text() == "2 3\n2 1 0 3 1 6\n1 8 2 5 0 10\n"
