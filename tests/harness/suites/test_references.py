"""References from several places: together they say what all of them say, or who is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from generators.psplib import read_instance
from harness.suites.reference_files import read_references, with_references
from harness.suites.references import has_none, united
from tasks.base import InputError, Instance, Number, Reference
from tests.data import data
from tests.depth import examples
from tests.factories.gold import CASES, instance_of
from tests.factories.layouts import SM
from tests.harness.helpers import makespan

NONE = Reference("none")
ENDS = st.one_of(st.none(), st.integers(0, 6))


@st.composite
def references(draw: st.DrawFn) -> Reference:
    """What may be known: nothing, either bound, both, the optimum, or that there is no answer."""
    lower, upper = draw(ENDS), draw(ENDS)
    if draw(st.integers(0, 9)) == 0:
        return Reference("infeasible", solver="proof")
    if lower is not None and upper is not None and lower > upper:
        lower, upper = upper, lower
    if lower == upper:
        return NONE if lower is None else Reference("optimal", lower, lower, solver="s")
    answer = {"of": upper} if upper is not None and draw(st.booleans()) else None
    return Reference("bounded", upper, lower, solver=draw(st.sampled_from("ab")), answer=answer)


def allowed(reference: Reference) -> set[Number | None]:
    """The optima that a reference leaves open; None is that there is no answer."""
    if reference.status == "infeasible":
        return {None}
    low = -1 if reference.bound is None else reference.bound
    if reference.objective is None:
        return {None, *(x for x in range(-1, 8) if x >= low)}
    return {x for x in range(-1, 8) if low <= x <= reference.objective}


@examples(3000)
@given(references(), references())
def test_two_references_leave_open_what_both_do(first: Reference, second: Reference) -> None:
    common = allowed(first) & allowed(second)
    if not common:
        with pytest.raises(InputError, match=r"^x: .* one of them is wrong"):
            united(first, second, "x")
        return
    both = united(first, second, "x")
    assert allowed(both) == common
    assert (both.status == "optimal") == (both.objective is not None and len(common) == 1)
    assert both.answer is None or both.answer == {"of": both.objective}
    assert united(both, first, "x") == both or both.solver
    assert allowed(united(second, first, "x")) == common


def project(folder: Path, name: str = "j301_1.sm") -> Instance[Any]:
    path = folder / name
    path.write_text(SM)
    return read_instance(path, 0)


def known(instance: Instance[Any], text: str, path: Path) -> Reference:
    path.write_text(text)
    [one], _ = with_references([instance], path)
    return one.reference


OPTIMAL = Reference("optimal", 9, 9, solver="t.csv")
UPPER = Reference("bounded", 9, solver="t.csv")
BOTH = Reference("bounded", 9, 8, solver="t.csv")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("problem,optimum\nj301_1.sm,9\n", OPTIMAL),
        ("problem;best\nj301_1.sm;9\n", UPPER),
        ("\ufeffProblem\tBest\r\nJ\t1\r\nj301_1.sm\t9.0\r\n", UPPER),
        ("problem,best\nj301_1.sm,8..9\n", BOTH),
        ("problem,optimum\nj301_1.sm,8..9\n", BOTH),
        ("lower,upper,id\n8,9,j301_1\n", BOTH),
        ("name,instance,LB,UB\nx,j301_1, 8 , 9\n", BOTH),
        ("id,best,optimum\nj301_1,12,9\n", OPTIMAL),
        ("id,best,status\nj301_1,9,optimal\n", UPPER),
        ("id,best\nj301_1,9\nj301_1.sm,12\n", UPPER),
        ("id,status,best\nj301_1,infeasible,\n", Reference("infeasible", solver="t.csv")),
        ('{"id": "j301_1", "lower": 8, "upper": 9}\n\n', BOTH),
        ('[{"id": "j301_1", "optimum": 9}, {"id": "other", "best": 3}]', OPTIMAL),
        ('[{"problem": "j301_1.sm", "best": "9"}]', UPPER),
        (
            '[\n{"instance":"j301_1","status":"open","lower_bound":8,"upper_bound":9,'
            '"lb_data":[{"value":8}]}\n]',
            BOTH,
        ),
        (
            '{"id":"j301_1","objective":9,"bound":9,"status":"optimal","answer":null,"solver":"s",'
            '"seconds":0.1}\n',
            replace(OPTIMAL, solver="s"),
        ),
    ],
)
def test_a_table_says_what_its_columns_say(tmp_path: Path, text: str, expected: Reference) -> None:
    """A best value is never taken for the optimum, not even beside a column that says so."""
    assert known(project(tmp_path), text, tmp_path / "t.csv") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "id,lower,upper\nj301_1,10,9\n",
            r"t\.csv:2: j301_1, column lower: the lower bound 10 \(t",
        ),
        ("id,optimum,best\nj301_1,10,9\n", r"t\.csv:2: j301_1.*bound 10 .* above the value 9"),
        ("id,best\nj301_1,x\n", r"t\.csv:2: j301_1, column best: 'x' is no number"),
        ("id,best\nj301_1,inf\n", r"t\.csv:2: .* 'inf' is no number"),
        ("id,makespan\nj301_1,9\n", r"t\.csv:1: no column optimum, best, lower or upper"),
        ("", r"t\.csv:1: no column optimum"),
        ("id,best\n,9\n", r"t\.csv:2: '' is no id"),
        ("id,best\nother,9\n", r"names none of the instances: it has 'other', not 'j301_1'"),
        ('{"id": "j301_1", "best": 9', r"t\.csv:1: Input data was truncated"),
        ("[3]", r"t\.csv: entry 1: expected an object"),
        ('{"id": "j301_1", "best": true}', r"t\.csv:1: .* True is no number"),
        ('{"id":"j301_1","objective":9,"answer":{"starts":{}}}', "its answer is infeasible: mend"),
        (
            '{"id":"j301_1","objective":8,"bound":8,"answer":{"starts":{"T02":0,"T03":3,"T04":5}}}',
            "its answer is worth 9, not 8: mend",
        ),
        (
            "id,optimum\nj301_1,9\nj301_1.sm,10\n",
            r"t\.csv:3: j301_1\.sm: the lower bound 10 .* above the value 9",
        ),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        known(project(tmp_path), text, tmp_path / "t.csv")
    assert "\n" not in str(caught.value)


def test_an_answer_that_is_known_refutes_an_optimum(tmp_path: Path) -> None:
    found = Reference("bounded", 9, 0, solver="witness", answer={"starts": {}})
    instance = replace(project(tmp_path), reference=found)
    with pytest.raises(InputError, match=r"bound 12 \(t\.csv\) is above the value 9 \(witness\)"):
        known(instance, "id,optimum\nj301_1,12\n", tmp_path / "t.csv")
    assert known(instance, "id,optimum\nj301_1,9\n", tmp_path / "t.csv").answer == {"starts": {}}


@pytest.mark.parametrize("case", CASES)
def test_lines_of_solve_are_references_of_every_family(tmp_path: Path, case: str) -> None:
    """With their answers, which are checked."""
    from harness.suites.instances import encode

    instance, file = instance_of(case), tmp_path / "i.jsonl"
    file.write_bytes(encode(instance))
    assert makespan("solve", file, "--out", tmp_path / "s.jsonl").returncode == 0
    bare = replace(instance, reference=NONE)
    [one], count = with_references([bare], tmp_path / "s.jsonl")
    assert count == 1
    assert not has_none(one)
    for field in ("status", "objective", "bound"):
        assert getattr(one.reference, field) == getattr(instance.reference, field)
    assert (one.reference.answer is None) == (one.reference.status == "infeasible")


def test_the_published_tables_are_read() -> None:
    optima = read_references(data("psplib", "j30", "optimum.csv"))
    assert (optima["j301_1"].reference.status, optima["j301_1"].reference.objective) == (
        "optimal",
        43,
    )
    best = read_references(data("psplib", "j60", "best.csv"))
    assert best["j601_1"].reference == Reference("bounded", 77, solver="best.csv")
    assert best["j609_1.sm"].reference == Reference("bounded", 87, 82, solver="best.csv")


def test_a_line_of_solve_as_it_is_printed(tmp_path: Path) -> None:
    line = {"id": "j301_1", "objective": None, "bound": 7, "status": "none", "answer": None}
    text = json.dumps({**line, "solver": "cp-sat", "seconds": 1})
    expected = Reference("bounded", bound=7, solver="cp-sat")
    assert known(project(tmp_path), text, tmp_path / "t.csv") == expected
