"""Reads and writes lines of tanks in the layout of Wallace & Yorke-Smith (2020), as MiniZinc data.

A file assigns `Ninner` (tanks), `tmin` and `tmax` (stays; `INF` is no limit), `f` (a loaded move
from the station and from each tank), and `e` (the empty hoist from each tank, and last from the
station, to the station and to each tank). Loading and unloading are at the station, where parts may
wait. Where the first move takes no time, tank 1 is itself the station: the way to and from the
other, which such files fill with zeros, is not used.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from generators.jobshop import numbered
from tasks.base import InputError, Instance, Reference
from tasks.encoding import decoded
from tasks.hoist import VERSION, HoistLine, SoakWindow, Tank

LARGEST = 1000  # tanks
FIXED = ("Multiplier", "Hoists", "Capacity")  # of these the family has one each
LISTS = ("tmin", "tmax", "f", "e")
_ASSIGNMENT = re.compile(r"\s*(\w+)\s*=\s*(.*?)\s*", re.DOTALL)
_COMMENT = re.compile(r"%[^\n]*")


class Assigned(NamedTuple):
    """What a file assigns to a name, and where: `FILE:LINE`."""

    place: str
    text: str


def read_dzn(path: Path, index: int) -> list[Instance[HoistLine]]:
    """Read the line of a file; nothing is known of its least period.

    Args:
        path: the file. `J`, how many parts may be in the line at once, is no rule of this family
            and is passed over, as is any other name.
        index: its position among the files read.

    Returns:
        One instance with the name of the file, its number of tanks as level, and tanks T1, T2, ...
        in names of one width, each with its number in the file.

    Raises:
        InputError: `FILE:LINE: what is wrong and what was expected`.
    """
    fields = _assignments(path)
    for name in FIXED:
        if name in fields and _whole(fields[name], name) != 1:
            raise InputError(
                f"{fields[name].place}: {name} is {fields[name].text}; expected 1: take out"
                f" {', '.join(FIXED)} to read the line by itself"
            )
    count = _whole(_given(path, fields, "Ninner"), "Ninner")
    if not 1 <= count <= LARGEST:
        raise InputError(f"{fields['Ninner'].place}: Ninner is {count}; expected 1 to {LARGEST}")
    least, most, loaded, empty = (_numbers(_given(path, fields, name), name) for name in LISTS)
    sizes = (count, count, count + 1, (count + 1) ** 2)
    for name, row, size in zip(LISTS, (least, most, loaded, empty), sizes, strict=True):
        if len(row) != size or (None in row and name != "tmax"):
            raise InputError(f"{fields[name].place}: {name}; expected {size} whole numbers")
    rows = [empty[k : k + count + 1] for k in range(0, len(empty), count + 1)]
    line = _line(fields["Ninner"].place, (least, most, loaded), rows)
    return [_instance(path, index, line)]


def _instance(path: Path, index: int, line: HoistLine) -> Instance[HoistLine]:
    return Instance(
        id=path.stem,
        family="hoist",
        level=len(line.tanks),
        seed=None,
        index=index,
        settings={"source": path.stem, "station": "shared" if line.station else "apart"},
        version=VERSION,
        payload=line,
        reference=Reference("none"),
    )


Row = Sequence[int | None]


def _line(place: str, columns: tuple[Row, Row, Row], rows: Sequence[Row]) -> HoistLine:
    """Return the line of stays, loaded moves and rows of empty ones, all as the file has them."""
    least, most, loaded = columns
    first = int(loaded[0] == 0)  # tank 1 is the station: its row is the last, its column the first
    try:
        windows = [SoakWindow(a or 0, b) for a, b in zip(least, most, strict=True)]
        names = numbered("T", len(windows) - first, first=1 + first)
        tanks = [
            Tank(name, window.least, window.most)
            for name, window in zip(names, windows[first:], strict=True)
        ]
        ways = [*rows[first:-1], rows[0] if first else rows[-1]]
        return HoistLine(
            tuple(tanks),
            tuple(time or 0 for time in loaded[first:]),
            tuple(tuple(time or 0 for time in row[first:]) for row in ways),
            station=windows[0] if first else None,
        )
    except ValueError as error:
        raise InputError(f"{place}: {error}") from None


# The file -----------------------------------------------------------------------------------


def _assignments(path: Path) -> dict[str, Assigned]:
    """Return what a file assigns, by name."""
    try:
        text = decoded(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    fields, number = dict[str, Assigned](), 1
    for statement in _COMMENT.sub("", text).split(";"):
        blank = len(statement) - len(statement.lstrip())
        place = f"{path}:{number + statement[:blank].count(chr(10))}"
        number += statement.count("\n")
        if not statement.strip():
            continue
        match = _ASSIGNMENT.fullmatch(statement)
        if match is None:
            raise InputError(f"{place}: {statement.strip()[:20]!r}; expected NAME = VALUE;")
        if match[1] in fields:
            raise InputError(f"{place}: {match[1]} again; expected a value once")
        fields[match[1]] = Assigned(place, match[2])
    return fields


def _given(path: Path, fields: Mapping[str, Assigned], name: str) -> Assigned:
    if name not in fields:
        raise InputError(f"{path}:1: nothing is assigned to {name}")
    return fields[name]


def _whole(assigned: Assigned, name: str) -> int:
    number = _number(assigned.text, f"{assigned.place}: {name}")
    if number is None:
        raise InputError(f"{assigned.place}: {name}: 'INF'; expected a whole number")
    return number


def _number(word: str, place: str) -> int | None:
    """Return a whole number, None for `INF`."""
    if word == "INF":
        return None
    if not (word.isascii() and word.isdigit() and len(word) <= 15):
        raise InputError(f"{place}: {word[:20]!r}; expected a whole number")
    return int(word)


def _numbers(assigned: Assigned, name: str) -> list[int | None]:
    """Return the numbers of a list, of one dimension or of two."""
    before, opening, rest = assigned.text.partition("[")
    inner, closing, after = rest.rpartition("]")
    if not opening or not closing or after.strip(" \n\r\t)"):
        raise InputError(f"{assigned.place}: {name}: {before[:20]!r}; expected a list in brackets")
    words = re.split(r"[,|\s]+", inner)
    return [_number(word, f"{assigned.place}: {name}") for word in words if word]


# Writing ------------------------------------------------------------------------------------


def write_dzn(line: HoistLine) -> str:
    """Return a line in the layout; tanks are numbered from 1 in their order.

    Raises:
        InputError: loading and unloading are at one place, with a stay, which the layout does not
            say.
    """
    if line.station is not None:
        raise InputError("the layout of lines of tanks has no stay at a shared station")
    most = ["INF" if tank.most is None else str(tank.most) for tank in line.tanks]
    rows = ",\n     |".join(", ".join(map(str, row)) for row in line.empty)
    return (
        f"Ninner = {len(line.tanks)};\n"
        f"tmin = [{', '.join(str(tank.least) for tank in line.tanks)}];\n"
        f"tmax = [{', '.join(most)}];\n"
        f"f = array1d(0..Ninner, [{', '.join(map(str, line.loaded))}]);\n"
        f"e = array2d(1..Tinner, 0..Ninner,\n    [|{rows}|]);\n"
    )
