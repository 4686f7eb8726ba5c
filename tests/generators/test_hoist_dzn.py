"""The reader and the writer of public lines of tanks: round trips, and every broken file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.hoist_dzn import read_dzn, write_dzn
from tasks.base import InputError, Reference
from tasks.hoist import HoistLine, SoakWindow
from tests.depth import examples
from tests.factories.lines import line, small
from tests.harness.helpers import makespan

SMALL = """% two tanks
Ninner = 2;   % tanks
J = 9;
tmin = [4, 5];
tmax = [9, INF];

e = array2d(1..Tinner,0..Ninner,
    [|1, 0, 1,
     |2, 1, 0,
     |0, 1, 2|]);

f = array1d(0..Ninner, [3, 2, 4]);
"""


def saved(folder: Path, text: str, name: str = "small.dzn") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def test_a_line_is_read(tmp_path: Path) -> None:
    [one] = read_dzn(saved(tmp_path, SMALL), 4)
    assert (one.id, one.family, one.level, one.seed, one.index) == ("small", "hoist", 2, None, 4)
    assert one.settings == {"source": "small", "station": "apart"}
    assert one.reference == Reference("none")
    payload = one.payload
    assert [(t.id, t.least, t.most) for t in payload.tanks] == [("T1", 4, 9), ("T2", 5, None)]
    assert payload.loaded == (3, 2, 4)
    assert payload.empty == ((1, 0, 1), (2, 1, 0), (0, 1, 2))
    assert payload.station is None
    ones = "Multiplier = 1; Hoists = 1; Capacity = 1;\n"
    [same] = read_dzn(saved(tmp_path, ones + SMALL), 4)
    assert same == one


def test_where_the_first_move_takes_no_time_tank_1_is_the_station(tmp_path: Path) -> None:
    """The zeros of the last row and the first column, by which the hoist would jump, are unused."""
    text = (
        "Ninner = 3; tmin = [7, 4, 5]; tmax = [INF, 9, 9]; f = [0, 3, 2, 4];\n"
        "e = [0, 0, 1, 2,   0, 1, 0, 1,   0, 2, 1, 0,   0, 0, 0, 0];\n"
    )
    [one] = read_dzn(saved(tmp_path, text), 0)
    payload = one.payload
    assert [tank.id for tank in payload.tanks] == ["T2", "T3"]
    assert (one.level, payload.station) == (2, SoakWindow(7))
    assert payload.loaded == (3, 2, 4)
    assert payload.empty == ((1, 0, 1), (2, 1, 0), (0, 1, 2))
    assert one.settings["station"] == "shared"


@examples(300)
@given(small(4))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, payload: HoistLine
) -> None:
    """But for the names of tanks, which are those of the reader."""
    if payload.station is not None:
        with pytest.raises(InputError, match="no stay at a shared station"):
            write_dzn(payload)
        return
    path = saved(tmp_path_factory.mktemp("round"), write_dzn(payload))
    [one] = read_dzn(path, 0)
    path.unlink()
    assert (one.payload.loaded, one.payload.empty) == (payload.loaded, payload.empty)
    windows = [(tank.least, tank.most) for tank in one.payload.tanks]
    assert windows == [(tank.least, tank.most) for tank in payload.tanks]


@pytest.mark.parametrize(
    ("old", "new", "place", "says"),
    [
        ("Ninner = 2", "Ninner = two", 2, "Ninner: 'two'; expected a whole number"),
        ("Ninner = 2", "Ninner = INF", 2, "Ninner: 'INF'; expected a whole number"),
        ("Ninner = 2", "Ninner = 0", 2, "Ninner is 0; expected 1 to 1000"),
        ("Ninner = 2", "Ninner = 3", 4, "tmin; expected 3 whole numbers"),
        ("Ninner = 2", "Ninner 2", 2, "'Ninner 2'; expected NAME = VALUE;"),
        ("Ninner = 2;", "", 1, "nothing is assigned to Ninner"),
        ("tmax", "upper", 1, "nothing is assigned to tmax"),
        ("[4, 5]", "[4, 5.5]", 4, "tmin: '5.5'; expected a whole number"),
        ("[4, 5]", "[4, -5]", 4, "tmin: '-5'; expected a whole number"),
        ("[4, 5]", "[4, \u0663]", 4, "tmin: '\u0663'; expected a whole number"),
        ("[4, 5]", f"[4, {'9' * 40}]", 4, f"tmin: '{'9' * 20}'; expected a whole number"),
        ("[4, 5]", "[4, INF]", 4, "tmin; expected 2 whole numbers"),
        ("[4, 5]", "4", 4, "tmin: '4'; expected a list in brackets"),
        ("[4, 5]", "[4, 5", 4, "tmin: ''; expected a list in brackets"),
        ("|0, 1, 2|", "|0, 1|", 7, "e; expected 9 whole numbers"),
        ("[9, INF]", "[3, INF]", 2, "a stay of 4 to 3 is not 0 <= least <= most"),
        ("[3, 2, 4]", "[3, 0, 4]", 2, "loaded: it needs 3 times from 1 on, one more than tanks"),
        ("J = 9;", "Hoists = 2;", 3, "Hoists is 2; expected 1: take out Multiplier, Hoists, Cap"),
        ("J = 9;", "Ninner = 2;", 3, "Ninner again; expected a value once"),
        ("J = 9;", "Capacity = 2;", 3, "Capacity is 2; expected 1: take out Multiplier, Hoists,"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, place: int, says: str
) -> None:
    path = saved(tmp_path, SMALL.replace(old, new))
    with pytest.raises(InputError) as caught:
        read_dzn(path, 0)
    assert str(caught.value).startswith(f"{path}:{place}: {says}")
    assert "\n" not in str(caught.value)


def test_no_file_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing: No such file"):
        read_dzn(tmp_path / "nothing", 0)


@examples(300)
@given(st.data())
def test_any_damage_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, drawn: st.DataObject
) -> None:
    start = drawn.draw(st.integers(0, len(SMALL)))
    end = drawn.draw(st.one_of(st.just(len(SMALL)), st.integers(start, min(start + 9, len(SMALL)))))
    damage = drawn.draw(st.text(alphabet="0123456789 -[];=|%\nfe\u0663", max_size=9))
    path = saved(tmp_path_factory.mktemp("damage"), SMALL[:start] + damage + SMALL[end:])
    complaint, instances = "", 0
    try:
        instances = len(read_dzn(path, 0))
    except InputError as error:
        complaint = str(error)
    path.unlink()
    assert "\n" not in complaint
    assert complaint.startswith(f"{path}:") or instances == 1


def test_commands_import_solve_and_write_it(tmp_path: Path) -> None:
    path, out = (
        saved(tmp_path, write_dzn(line([(4, 5), (4, 5)], [0, 1, 2, 3]))),
        tmp_path / "l.jsonl",
    )
    done = makespan("import", "hoist", path, "--out", out)
    assert done.returncode == 0, done.stderr
    assert '"objective":11,"bound":11' in out.read_text()
    done = makespan("export", out, "--format", "hoist", "--out", tmp_path / "files")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "files" / "small.dzn").read_text() == path.read_text()
