"""Reads and writes the buffers of MiniMalloc: a comma-separated file with a head.

Moffitt (2023), "MiniMalloc: A Lightweight Memory Allocator for Hardware-Accelerated Machine
Learning". A line is a buffer: `id,lower,upper,size`, with a lifetime [lower, upper); a column
`offset` is an answer. In the older form the columns are `start` and `end`, of which the end is the
last moment. The capacity stands in the file's name, `NAME.CAPACITY.csv`, as in its collection; in
another file it is the greatest load. Alignments, hints and gaps are not read.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from graders.allocation_violations import violations
from graders.exact.allocation import stated
from graders.exact.allocation_rules import load
from tasks.allocation import VERSION, Tensor, TensorProgram
from tasks.base import InputError, Instance, Reference
from tasks.checks import first_repeated
from tasks.encoding import decoded

SOLVER = "given by the file"
ALIASES = {"begin": "lower", "start": "lower", "end": "upper", "buffer": "id", "buffer_id": "id"}
NEEDED = ("id", "lower", "upper", "size")
EMPTY = {"alignment": ("", "1"), "hint": ("", "-1"), "gaps": ("",)}  # what says nothing in these
_CAPACITY = re.compile(r"(.+)\.([1-9][0-9]{0,14})")
_WHOLE = re.compile(r"[0-9]{1,15}")


class BufferRow(NamedTuple):
    """A line of a file: where it stands, `FILE:LINE`, and its values by column."""

    place: str
    values: Mapping[str, str]

    def number(self, column: str) -> int:
        """Return the whole number in a column.

        Raises:
            InputError: there is none.
        """
        text = self.values[column]
        if not _WHOLE.fullmatch(text):
            raise InputError(f"{self.place}: {column} {text[:20]!r}; expected a whole number")
        return int(text)


def read_minimalloc(path: Path, index: int) -> list[Instance[TensorProgram]]:
    """Read the buffers of a file.

    Args:
        path: the file.
        index: its position among the files read.

    Returns:
        One instance with the name of the file and its number of buffers as level. Its reference is
        the answer of the file, if it has one, against the load; else nothing is known.

    Raises:
        InputError: `FILE:LINE: what is wrong and what was expected`.
    """
    rows, is_old = _rows(path)
    tensors = [_tensor(row, last=is_old) for row in rows]
    repeated = first_repeated(tensor.id for tensor in tensors)
    if repeated is not None:
        place = [row.place for row in rows if row.values["id"] == repeated][1]
        raise InputError(f"{place}: id {repeated[:20]!r} is there more than once")
    name, capacity = _named(path)
    program = _program(path, tensors, capacity)
    return [
        Instance(
            id=name,
            family="allocation",
            level=len(tensors),
            seed=None,
            index=index,
            settings={"source": name, "objective": "peak"},
            version=VERSION,
            payload=program,
            reference=_reference(rows, program),
        )
    ]


def _named(path: Path) -> tuple[str, int | None]:
    """Return the name that a file gives, and the capacity, if that is in it."""
    match = _CAPACITY.fullmatch(path.stem)
    return (match[1], int(match[2])) if match else (path.stem, None)


def _program(path: Path, tensors: Sequence[Tensor], capacity: int | None) -> TensorProgram:
    try:
        program = TensorProgram(capacity or 1, tuple(tensors))
        return program if capacity else TensorProgram(load(program), tuple(tensors))
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def _tensor(row: BufferRow, *, last: bool) -> Tensor:
    """Return the tensor of a line; with `last` its end is the last moment of it."""
    start, end, size = (row.number(column) for column in NEEDED[1:])
    if not row.values["id"]:
        raise InputError(f"{row.place}: id ''; expected a name")
    for column, empty in EMPTY.items():
        text = row.values.get(column, "")
        if text not in empty:
            raise InputError(f"{row.place}: {column} {text[:20]!r}; expected none, as none is read")
    try:
        return Tensor(row.values["id"], start, end + last, size)
    except ValueError as error:
        raise InputError(f"{row.place}: {error}") from None


def _reference(rows: Sequence[BufferRow], program: TensorProgram) -> Reference:
    """Return the answer of a file; InputError if it has one that breaks a rule."""
    if "offset" not in rows[0].values:
        return Reference("none")
    offsets: dict[str, int | None] = {row.values["id"]: row.number("offset") for row in rows}
    if problems := violations(program, offsets):
        names = [problems[0].get("second"), problems[0].get("tensor")]
        place = next(row.place for row in rows if row.values["id"] in names)
        words = ", ".join(f"{key} {value}" for key, value in problems[0].items() if key != "kind")
        raise InputError(f"{place}: the offsets are no answer: {problems[0]['kind']}: {words}")
    return stated(program, load(program), offsets, SOLVER)


# Lines ---------------------------------------------------------------------------------------


def _rows(path: Path) -> tuple[list[BufferRow], bool]:
    """Return the lines below the head, and whether their ends are last moments."""
    try:
        text = decoded(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    lines = [
        (f"{path}:{number}", [word.strip() for word in line.split(",")])
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip()
    ]
    if len(lines) < 2:
        raise InputError(f"{path}:1: the file ends; expected {','.join(NEEDED)} and a buffer")
    (place, head), *body = lines
    columns = [ALIASES.get(name, name) for name in head]
    _require_columns(place, columns)
    rows = []
    for place, words in body:
        if len(words) != len(columns):
            raise InputError(f"{place}: {len(words)} values; expected {len(columns)}")
        rows.append(BufferRow(place, dict(zip(columns, words, strict=True))))
    return rows, "end" in head


def _require_columns(place: str, columns: Sequence[str]) -> None:
    missing = [name for name in NEEDED if name not in columns]
    strange = [name for name in columns if name not in (*NEEDED, *EMPTY, "offset")]
    if missing or strange:
        problem = f"no column {missing[0]!r}" if missing else f"a column {strange[0][:20]!r}"
        raise InputError(f"{place}: {problem}; expected {','.join(NEEDED)}, perhaps offset")
    if repeated := first_repeated(columns):
        raise InputError(f"{place}: column {repeated!r} is there more than once")


# Writing -------------------------------------------------------------------------------------


def write_minimalloc(program: TensorProgram) -> str:
    """Return the tensors of a program as a file, without an answer.

    Raises:
        InputError: the format cannot tell what it asks for.
    """
    if program.objective != "peak":
        raise InputError("the format of MiniMalloc has no objective=benefit")
    for tensor in program.tensors:
        if set(tensor.id) & set(",\r\n") or tensor.id != tensor.id.strip():
            raise InputError(f"the format of MiniMalloc cannot tell the id {tensor.id!r}")
    rows = [f"{t.id},{t.start},{t.end},{t.size}" for t in program.tensors]
    return "\n".join([",".join(NEEDED), *rows]) + "\n"
