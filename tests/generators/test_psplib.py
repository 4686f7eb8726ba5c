"""The readers and the writer of public project formats: round trips, and every broken file."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from generators.psplib import read_instance, read_psplib, write_psplib
from tasks.base import InputError
from tasks.rcpsp import Downtime, Project, Resource, Task, Window
from tests.data import data
from tests.depth import examples

SMALL = Project(
    tasks=(Task("T02", 3, {"R1": 2}), Task("T03", 4, {"R1": 1, "R2": 5}), Task("T04", 0)),
    resources=(Resource("R1", 2), Resource("R2", 5)),
    precedences=(("T02", "T03"), ("T02", "T04")),
    downtimes=(),
    windows=(),
    disjunctions=(),
    horizon=11,
)
SM = write_psplib(SMALL)
RCP = """5 2
2 5
0 0 0 1 2

3 2 0 2 3 4
4 1 5 1
5
0 0 0 1 5
0 0 0 0
"""


def saved(folder: Path, text: str, name: str = "small.sm") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@st.composite
def plain_projects(draw: st.DrawFn) -> Project:
    """What a .sm file can say, with names of any kind."""
    count = draw(st.integers(1, 12))
    names = st.text(min_size=1, max_size=6)
    ids = draw(st.lists(names, min_size=count, max_size=count, unique=True))
    if draw(st.booleans()):
        first = draw(st.integers(1, 3))  # 2 is the number of the first job that is no dummy
        ids = [f"T{k:02d}" for k in range(first, first + count)]
    used = draw(st.lists(names, max_size=3, unique=True))
    resources = [Resource(r, draw(st.integers(0, 100_000))) for r in used]
    tasks = [
        Task(
            i,
            draw(st.integers(0, 2_000_000)),
            {r.id: q for r in resources if (q := draw(st.integers(0, r.capacity)))},
        )
        for i in ids
    ]
    order = draw(st.permutations(ids))
    pairs = [(a, b) for k, a in enumerate(order) for b in order[k + 1 :]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return Project(
        tasks=tuple(tasks),
        resources=tuple(resources),
        precedences=tuple(sorted(chosen, key=lambda pair: ids.index(pair[0]))),
        downtimes=(),
        windows=(),
        disjunctions=(),
        horizon=max(t.duration for t in tasks) + draw(st.integers(0, 10**9)),
    )


@given(plain_projects())
@examples(200)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, project: Project
) -> None:
    path = saved(tmp_path_factory.mktemp("round"), write_psplib(project))
    assert read_psplib(path) == project
    path.unlink()


def test_usual_names_are_not_written() -> None:
    assert SM.endswith("*\n")
    assert "NAMES" not in SM
    assert "NAMES" in write_psplib(replace(SMALL, tasks=(Task("X", 1),), precedences=()))


def test_a_task_has_the_number_of_its_job(tmp_path: Path) -> None:
    """Also where numbers have three digits, and where tasks of the old numbering are written."""
    many = tuple(Task(f"T{job:03d}", job) for job in range(2, 122))
    project = replace(SMALL, tasks=many, precedences=(("T002", "T121"),), horizon=999)
    text = write_psplib(project)
    assert "NAMES" not in text
    assert f"{121:3d}      1 {121:5d}" in text  # the job's number, its mode, its duration
    assert read_psplib(saved(tmp_path, text)) == project
    old = replace(SMALL, tasks=(Task("T01", 3), Task("T02", 4)), precedences=(("T01", "T02"),))
    assert read_psplib(saved(tmp_path, write_psplib(old))) == old


def test_the_layout_is_psplibs_own() -> None:
    """Line by line, apart from the numbers and the width of their columns."""
    ours, theirs = (
        [re.sub(r"\d+", "0", " ".join(line.split())) for line in text.split("\n")[:18]]
        for text in (SM, data("psplib", "j30", "j301_1.sm").read_text(encoding="utf-8"))
    )
    assert ours[4:] == theirs[4:]


def test_patterson_says_the_same(tmp_path: Path) -> None:
    project = read_psplib(saved(tmp_path, RCP, "small.rcp"))
    assert project == replace(SMALL, horizon=7)


def test_line_ends_and_a_mark_of_encoding_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "dos.SM"
    path.write_bytes(b"\xef\xbb\xbf" + SM.replace("\n", "\r\n").encode())
    assert read_psplib(path) == SMALL


def test_an_instance_has_the_name_of_its_file(tmp_path: Path) -> None:
    instance = read_instance(saved(tmp_path, SM, "j301_1.sm"), 4)
    assert (instance.id, instance.family, instance.level) == ("j301_1", "rcpsp", 3)
    assert (instance.seed, instance.index, instance.payload) == (None, 4, SMALL)


def test_real_files_are_read_and_written() -> None:
    for name in ("j301_1", "j3029_10", "j3048_3"):
        project = read_psplib(data("psplib", "j30", f"{name}.sm"))
        assert [task.id for task in project.tasks] == [f"T{job:02d}" for job in range(2, 32)]
        assert [resource.id for resource in project.resources] == ["R1", "R2", "R3", "R4"]
    first = read_psplib(data("psplib", "j30", "j301_1.sm"))
    assert first.horizon == 158
    assert first.tasks[0] == Task("T02", 8, {"R1": 4})
    assert ("T02", "T06") in first.precedences
    assert len(first.precedences) == 48 - 3 - 3


@pytest.mark.parametrize(
    ("project", "names"),
    [
        (replace(SMALL, downtimes=(Downtime("R1", 0, 1),)), "downtimes"),
        (replace(SMALL, windows=(Window("T02", 0, 9),)), "windows"),
        (
            replace(SMALL, windows=(Window("T02", 0, 9),), disjunctions=(("T02", "T03"),)),
            "windows, disjunctions",
        ),
    ],
)
def test_what_the_format_cannot_say_is_refused(project: Project, names: str) -> None:
    with pytest.raises(InputError, match=f"cannot express {names}:"):
        write_psplib(project)


def refused(folder: Path, name: str, text: str) -> tuple[int, str]:
    """The line that is blamed, and what is said of it; the message is one line."""
    path = saved(folder, text, name)
    with pytest.raises(InputError) as caught:
        read_psplib(path)
    place, number, message = str(caught.value).removeprefix(str(path)).split(":", 2)
    assert place == ""
    assert "\n" not in message
    return int(number), message.strip()


def changed(text: str, start: str, new: str) -> tuple[str, int]:
    """The text with its only line that starts so replaced, and that line's number."""
    lines = text.split("\n")
    (at,) = (k for k, line in enumerate(lines) if line.startswith(start))
    return "\n".join([*lines[:at], new, *lines[at + 1 :]]), at + 1


JOB2, WORK2 = "   2        1", "  2      1"
IN_PLACE = [
    ("jobs", "jobs : 2", "'2'; expected the jobs, a number >= 3"),
    ("jobs", "jobs : six", "'six'; expected the jobs, a number >= 3"),
    ("jobs", "jobs :", "''; expected the jobs, a number >= 3"),
    ("horizon", "horizon : 3", "horizon 3 is shorter than the longest task"),
    ("horizon", "horizon : -3", "'-3'; expected the horizon, a number >= 0"),
    ("horizon", "horizon : " + "9" * 5000, f"'{'9' * 20}'; expected the horizon, a number >= 0"),
    ("projects", "projects : 2", "projects: 2; expected 1, no other can be read"),
    ("  - non", "  - nonrenewable : 2", "nonrenewable: 2; expected 0, no other can be read"),
    (
        "  - dou",
        "  - doubly constrained : 1",
        "doubly constrained: 1; expected 0, no other can be read",
    ),
    ("    1 ", "    1  3  7  7  0  7", "release date 7; expected 0, no other can be read"),
    ("    1 ", "    1  3", "the row ends; expected its release date"),
    (JOB2, "2 1 2 3", "1 successors; expected 2"),
    (JOB2, "2 1 2 3 4 5", "3 successors; expected 2"),
    (JOB2, "2 3 2 3 4", "mode 3; expected 1, no other can be read"),
    (JOB2, "2 1 2 3 3", "job 2 has a successor twice; expected each once"),
    (JOB2, "2 1 2 3 9", "job 2: successor 9; expected 2 to 5"),
    (JOB2, "2 1 2 3 1", "job 2: successor 1; expected 2 to 5"),
    (JOB2, "2 1 2 3 x", "'x'; expected a successor, a number >= 0"),
    (JOB2, "2 1", "the row ends; expected the number of successors"),
    (JOB2, "7 1 2 3 4", "job 7; expected job 2"),
    (JOB2, "2 1 2 2 4", "jobs in a cycle: 2 -> 2; expected none"),
    ("   5        1", "5 1 1 2", "the last job has successors; expected a dummy's none"),
    (WORK2, "2 1 -3 2 0", "'-3'; expected the duration, a number >= 0"),
    (WORK2, "2 1 3.5 2 0", "'3.5'; expected the duration, a number >= 0"),
    (WORK2, "2 1 \u0663 2 0", "'\u0663'; expected the duration, a number >= 0"),
    (WORK2, "2 1 3 3 0", "job 2: 3 of R1; expected <= 2"),
    (WORK2, "2 1 3 2", "the row ends; expected a demand"),
    (WORK2, "2 1 3 2 0 1", "'1'; expected the end of the row"),
    (WORK2, "2 2 3 2 0", "mode 2; expected 1, no other can be read"),
    ("  5      1", "5 1 0 1 0", "job 5 has demands and no duration; expected both"),
    ("     2     5", "2", "1 capacities; expected 2"),
    ("     2     5", "1 5", None),
]


@pytest.mark.parametrize(("start", "new", "says"), IN_PLACE)
def test_a_broken_line_is_named(tmp_path: Path, start: str, new: str, says: str | None) -> None:
    text, line = changed(SM, start, new)
    if says is None:  # a capacity too small for job 2, which is the one to blame
        line, says = changed(SM, WORK2, "")[1], "job 2: 2 of R1; expected <= 1"
    assert refused(tmp_path, "small.sm", text) == (line, says)


@pytest.mark.parametrize(
    ("start", "new", "blamed", "says"),
    [
        ("jobs", "jobs : 6", 24, "'PRECEDENCE RELATIONS:' ends after 5 rows; expected 6"),
        ("jobs", "jobs : 4", 23, "'PRECEDENCE RELATIONS:' goes on; expected 4 rows"),
        ("horizon", "", 37, "the file ends; expected a line 'horizon : number'"),
        ("PRECEDENCE", "", 37, "the file ends; expected a section 'PRECEDENCE RELATIONS:'"),
        ("REQUESTS", "", 37, "the file ends; expected a section 'REQUESTS/DURATIONS:'"),
        ("RESOURCEAV", "", 37, "the file ends; expected a section 'RESOURCEAVAILABILITIES:'"),
        ("  - ren", "  - renewable : 999999999999", 36, "2 capacities; expected 999999999999"),
        ("  - ren", "  - renewable : 0", 36, "'RESOURCEAVAILABILITIES:' goes on; expected 0 rows"),
        ("   4        1", "4 1 1 2", 20, "jobs in a cycle: 2 -> 4 -> 2; expected none"),
        ("   5        1", "5 1 1 2", 23, "the last job has successors; expected a dummy's none"),
    ],
)
def test_what_is_missing_or_too_much_is_named(
    tmp_path: Path, start: str, new: str, blamed: int, says: str
) -> None:
    assert refused(tmp_path, "small.sm", changed(SM, start, new)[0]) == (blamed, says)


@pytest.mark.parametrize(
    ("old", "new", "blamed", "says"),
    [
        ("5 2\n", "2 2\n", 1, "'2'; expected the number of jobs, a number >= 3"),
        ("5 2\n", "5 x\n", 1, "'x'; expected the number of resources, a number >= 0"),
        ("5 2\n", "6 2\n", 9, "the file ends; expected the duration of job 6"),
        ("5 2\n", "4 2\n", 9, "'0'; expected the end of the file"),
        ("4 1 5 1\n5", "4 1 5 1\n2", 5, "jobs in a cycle: 2 -> 3 -> 2; expected none"),
        (
            "2 3 4\n4 1 5 1\n5\n0 0 0 1 5",
            "1 3\n4 1 5 1\n4\n0 0 0 1 2",
            5,
            "jobs in a cycle: 2 -> 3 -> 4 -> 2; expected none",
        ),
        ("4 1 5 1\n5", "4 1 5 1\n6", 6, "job 3: successor 6; expected 2 to 5"),
        ("4 1 5 1", "4 1 6 1", 6, "job 3: 6 of R2; expected <= 5"),
        ("4 1 5 1", "-4 1 5 1", 6, "'-4'; expected the duration of job 3, a number >= 0"),
    ],
)
def test_a_broken_patterson_file_is_named(
    tmp_path: Path, old: str, new: str, blamed: int, says: str
) -> None:
    assert refused(tmp_path, "small.rcp", RCP.replace(old, new, 1)) == (blamed, says)


@pytest.mark.parametrize(
    "rows",
    [
        '["a","b"]\n["R1","R2"]',
        '["a","b","b"]\n["R1","R2"]',
        '["a","b",3]\n["R1","R2"]',
        "a b c\nd e",
    ],
)
def test_broken_names_are_named(tmp_path: Path, rows: str) -> None:
    text = f"{SM}NAMES:\nnames\n{rows}\n"
    assert refused(tmp_path, "small.sm", text) == (
        40,
        "expected a JSON list of 3 names, no two alike",
    )


def test_no_file_and_no_known_format(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.sm: No such file"):
        read_psplib(tmp_path / "nothing.sm")
    with pytest.raises(InputError, match=r"\.sm or \.rcp"):
        read_psplib(tmp_path / "project.mpp")
    (tmp_path / "folder.sm").mkdir()
    with pytest.raises(InputError, match=r"folder\.sm"):
        read_psplib(tmp_path / "folder.sm")


@given(st.sampled_from((".sm", ".rcp")), st.data())
@examples(600)
def test_any_damage_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, drawn: st.DataObject
) -> None:
    text = SM if suffix == ".sm" else RCP
    start = drawn.draw(st.integers(0, len(text)))
    end = drawn.draw(st.one_of(st.just(len(text)), st.integers(start, min(start + 9, len(text)))))
    noise = drawn.draw(st.one_of(st.text(max_size=4), st.text("0123456789-. \n*", max_size=6)))
    damaged = text[:start] + noise + text[end:]
    path = tmp_path_factory.getbasetemp() / f"damaged{suffix}"
    path.write_bytes(damaged.encode("utf-8", "replace"))
    try:
        read_psplib(path)
        message = f"{path}:1: nothing"
    except InputError as error:
        message = str(error)
    match = re.fullmatch(re.escape(str(path)) + r":(\d+): [^\n]+", message)
    assert match, message
    assert 1 <= int(match[1]) <= len(re.split(r"\r\n?|\n", damaged))


@pytest.mark.parametrize("content", [b"", b"\n\n", bytes(range(256)) * 20])
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("empty.sm", "empty.rcp"):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError, match=re.escape(name) + r":\d+: "):
            read_psplib(path)
