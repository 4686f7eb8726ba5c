"""The reader and the writer of MiniMalloc's buffers: round trips, and every broken file."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.allocation import generate
from generators.minimalloc import read_minimalloc, write_minimalloc
from graders.exact.allocation_rules import load
from tasks.allocation import KEY, Tensor
from tasks.base import InputError, Reference
from tests.depth import examples
from tests.factories.tensors import program
from tests.harness.helpers import makespan

# as the readme of google/minimalloc has it, with the answer that is given there
BUFFERS = "id,lower,upper,size\nb1,0,3,4\nb2,3,9,4\nb3,0,9,4\nb4,9,21,4\nb5,0,21,4\n"
SOLVED = (
    "id,lower,upper,size,offset\nb1,0,3,4,8\nb2,3,9,4,8\nb3,0,9,4,4\nb4,9,21,4,4\nb5,0,21,4,0\n"
)


def saved(folder: Path, text: str, name: str = "input.12.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def test_buffers_are_read_and_the_capacity_is_in_the_name(tmp_path: Path) -> None:
    [one] = read_minimalloc(saved(tmp_path, BUFFERS), 4)
    assert (one.id, one.family, one.level, one.seed, one.index) == (
        "input",
        "allocation",
        5,
        None,
        4,
    )
    assert one.settings == {"source": "input", "objective": "peak"}
    assert one.reference == Reference("none")
    assert one.payload.capacity == 12
    assert one.payload.tensors[1] == Tensor("b2", 3, 9, 4)
    [other] = read_minimalloc(
        saved(tmp_path, BUFFERS.replace("b5,0,21,4", "b5,0,21,9"), "b.csv"), 0
    )
    assert (other.id, other.payload.capacity) == ("b", 17)


def test_an_answer_in_the_file_is_the_reference(tmp_path: Path) -> None:
    [one] = read_minimalloc(saved(tmp_path, SOLVED), 0)
    offsets = {"b1": 8, "b2": 8, "b3": 4, "b4": 4, "b5": 0}
    assert one.reference == Reference(
        "optimal", 12, 12, solver="given by the file", answer={KEY: offsets}
    )
    [high] = read_minimalloc(saved(tmp_path, SOLVED.replace("21,4,4", "21,4,40")), 0)
    assert (high.reference.status, high.reference.objective, high.reference.bound) == (
        "bounded",
        44,
        12,
    )


def test_the_older_form_counts_the_last_moment(tmp_path: Path) -> None:
    text = "buffer_id,start,end,size,alignment,hint,gaps\nx,0,2,4,1,-1,\ny,3,3,4,1,-1,\n"
    [one] = read_minimalloc(saved(tmp_path, text), 0)
    assert one.payload.tensors == (Tensor("x", 0, 3, 4), Tensor("y", 3, 4, 4))


@examples(200)
@given(st.lists(st.tuples(st.integers(0, 99), st.integers(1, 99), st.integers(1, 99)), min_size=1))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, int]]
) -> None:
    payload = program([(at, at + life, size) for at, life, size in rows], 7)
    path = saved(tmp_path_factory.mktemp("round"), write_minimalloc(payload), "round.7.csv")
    [one] = read_minimalloc(path, 0)
    path.unlink()
    assert one.payload == payload


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "the file ends; expected id,lower,upper,size and a buffer"),
        ("id,lower,upper,size\n", 1, "the file ends; expected id,lower,upper,size and a buffer"),
        ("id,lower,upper\nb,0,1\n", 1, "no column 'size'; expected id,lower,upper,size, perhaps"),
        ("id,lower,upper,size,colour\nb,0,1,1,2\n", 1, "a column 'colour'; expected"),
        ("id,lower,upper,size,size\nb,0,1,1,1\n", 1, "column 'size' is there more than once"),
        ("id,lower,start,end,size\nb,0,0,1,1\n", 1, "column 'lower' is there more than once"),
        ("id,lower,upper,size\nb,0,1\n", 2, "3 values; expected 4"),
        ("id,lower,upper,size\nb,0,1.5,1\n", 2, "upper '1.5'; expected a whole number"),
        ("id,lower,upper,size\nb,-1,1,1\n", 2, "lower '-1'; expected a whole number"),
        ("id,lower,upper,size\nb,0,\u0663,1\n", 2, "upper '\u0663'; expected a whole number"),
        ("id,lower,upper,size\n\nb,2,2,1\n", 3, "tensor b: [2, 2) is not 0 <= start < end"),
        ("id,lower,upper,size\nb,0,2,0\n", 2, "tensor b: size 0 is below 1"),
        ("id,lower,upper,size\n,0,2,1\n", 2, "id ''; expected a name"),
        ("id,lower,upper,size\nb,0,2,1\nb,0,2,1\n", 3, "id 'b' is there more than once"),
        ("id,lower,upper,size,alignment\nb,0,2,1,8\n", 2, "alignment '8'; expected none"),
        ("id,lower,upper,size,gaps\nb,0,2,1,0-1\n", 2, "gaps '0-1'; expected none"),
        ("id,lower,upper,size,offset\nb,0,2,1,x\n", 2, "offset 'x'; expected a whole number"),
        (SOLVED.replace("9,4,4", "9,4,5"), 4, "the offsets are no answer: overlap: first b1"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    path = saved(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_minimalloc(path, 0)
    assert str(caught.value).startswith(f"{path}:{line}: {says}")


def test_no_file_and_too_much_are_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing: No such file"):
        read_minimalloc(tmp_path / "nothing", 0)
    huge = "id,lower,upper,size\nb,0,1,999999999999999\n"
    with pytest.raises(InputError, match=r"huge\.csv: .* are 2\^48 at the most"):
        read_minimalloc(saved(tmp_path, huge, "huge.csv"), 0)


def test_what_the_format_cannot_say_is_refused() -> None:
    with pytest.raises(InputError, match="the format of MiniMalloc has no objective=benefit"):
        write_minimalloc(program([(0, 1, 1, 1)], objective="benefit"))
    named = program([(0, 1, 1)])
    strange = type(named)(4, (Tensor("a,b", 0, 1, 1),))
    with pytest.raises(InputError, match="cannot tell the id 'a,b'"):
        write_minimalloc(strange)


@examples(200)
@given(st.data())
def test_any_damage_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(SOLVED)))
    end = data.draw(st.integers(start, min(start + 9, len(SOLVED))))
    damage = data.draw(st.text(alphabet="0123456789 -,\nbx.\u0663", max_size=9))
    path = saved(tmp_path_factory.mktemp("damage"), SOLVED[:start] + damage + SOLVED[end:])
    complaint = complaint_of(path)
    path.unlink()
    assert complaint is None or complaint.startswith(f"{path}:")
    assert "\n" not in (complaint or "")


def complaint_of(path: Path) -> str | None:
    """What the reader says of a file; None if it reads it."""
    try:
        [one] = read_minimalloc(path, 0)
    except InputError as error:
        return str(error)
    assert load(one.payload) > 0
    return None


def test_commands_import_solve_and_write_them(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    source = tmp_path / "files"
    source.mkdir()
    saved(source, BUFFERS)
    saved(source, write_minimalloc(generate(16, 0, 0, {}).payload), "cut.64.csv")
    done = makespan("import", "minimalloc", source, "--out", out)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [(line["id"], line["reference"]["objective"]) for line in lines] == [
        ("cut", 64),
        ("input", 12),
    ]
    assert {line["reference"]["status"] for line in lines} == {"optimal"}
    again = makespan("export", out, "--format", "minimalloc", "--out", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again" / "input.12.csv").read_text() == BUFFERS
    missing = makespan("import", "minimalloc", tmp_path / "no.csv", "--out", out)
    assert missing.returncode == 2
