"""Files of references: lines of `solve`, or tables of published values in CSV or JSON.

| column | what it says |
|---|---|
| `optimum`, `opt` | the least value there is |
| `best`, `upper`, `ub`, `objective`, `upper_bound` | somebody's: never taken for the optimum |
| `lower`, `lb`, `lower_bound`, `bound` | no answer is better |
| any of these | `82..87` is a lower and an upper bound |
| `status` | `infeasible`: there is no answer |
| `answer`, `solver` | of a line of `solve` |

Instances go by the column `id` or `instance`, else by the first one; what stands there may be the
name of the instance's file. Case does not count in the names of columns.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from harness.families.registry import family
from harness.suites.formats import formats
from harness.suites.references import united
from tasks.base import Fields, InputError, Instance, NoReference, Number, Reference, Verdict, short
from tasks.encoding import decoded

IDS = ("id", "instance")
EXACT = ("optimum", "opt")
UPPER = ("best", "upper", "ub", "upper_bound", "objective")
LOWER = ("lower", "lb", "lower_bound", "bound")
EMPTY = (None, "", "-")


class Claim(NamedTuple):
    """What a line of a file says of an instance, and where it stands: `FILE:LINE`."""

    reference: Reference
    place: str


def with_references(batch: Sequence[Instance[Any]], path: Path) -> tuple[list[Instance[Any]], int]:
    """Return instances with what a file says of them, and how many of them it names.

    Args:
        batch: instances, with what is known of them before.
        path: of the file. It may name other instances too.

    Raises:
        InputError: the file cannot be read, names none of the instances, or says what cannot be
            true: of an answer of its own, or beside what is known.
    """
    claims = read_references(path)
    united_batch = [_with_claim(each, claims.get(each.id)) for each in batch]
    count = sum(each.id in claims for each in batch)
    if not count:
        names = f"{short(next(iter(claims)))!r}, not {batch[0].id!r}" if claims else "none at all"
        raise InputError(f"{path}: names none of the instances: it has {names}")
    return united_batch, count


def _with_claim(instance: Instance[Any], claim: Claim | None) -> Instance[Any]:
    if claim is None:
        return instance
    where = f"{claim.place}: {instance.id}"
    if claim.reference.answer is not None:
        _require_worth(instance, claim.reference, where)
    return replace(instance, reference=united(instance.reference, claim.reference, where))


def _require_worth(instance: Instance[Any], reference: Reference, where: str) -> None:
    """Raise InputError if a reference's answer is not worth what it says."""
    judge = family(instance.family)
    outcome = judge.read(reference.answer, "")
    try:
        grade = judge.grade(replace(instance, reference=Reference("none")), outcome)
    except NoReference:  # a score says nothing there unless it is known what can be done
        grade = judge.grade(replace(instance, reference=reference), outcome)
    if grade.verdict is not Verdict.valid:
        raise InputError(f"{where}: its answer is {grade.verdict}: mend it or leave it out")
    if grade.objective != reference.objective:
        raise InputError(
            f"{where}: its answer is worth {grade.objective}, not {reference.objective}:"
            " mend it or leave it out"
        )


def read_references(path: Path) -> dict[str, Claim]:
    """Read what a file says of instances, by their ids.

    An id that is the name of a file, with the ending of a declared format, is also one without it.

    Raises:
        InputError: `FILE:LINE: what is wrong`.
    """
    try:
        text = decoded(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    claims: dict[str, Claim] = {}
    endings = {Path(name).suffix for form in formats().values() for name in form.names} - {""}
    for place, fields in _rows(path, text):
        name, reference = _claim(fields, path.name, place)
        suffix = Path(name).suffix
        stem = name.removesuffix(suffix) if suffix.lower() in endings else name
        earlier = claims[stem].reference if stem in claims else Reference("none")
        claims[stem] = Claim(united(earlier, reference, f"{place}: {name}"), place)
        claims[name] = claims[stem]
    return claims


def _claim(fields: Fields, source: str, place: str) -> tuple[str, Reference]:
    """Return the id in a row, and what the row says."""
    first = next(iter(fields))
    name = fields[next((column for column in IDS if fields.get(column)), first)]
    if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
        raise InputError(f"{place}: {short(name)!r} is no id of an instance")
    return str(name), _reference(fields, source, f"{place}: {name}")


def _reference(fields: Fields, source: str, where: str) -> Reference:
    solver = fields.get("solver") or source
    if not isinstance(solver, str) or not isinstance(fields.get("answer"), dict | None):
        raise InputError(f"{where}: `solver` is a text and `answer` an object, if they are there")
    if str(fields.get("status")).casefold() == "infeasible":
        return Reference("infeasible", solver=solver)
    said = Reference("none")
    for column, reference in _values(fields, solver, where):
        said = united(said, reference, f"{where}, column {column}")
    return replace(said, answer=fields.get("answer")) if said.objective is not None else said


def _values(fields: Fields, solver: str, where: str) -> Iterator[tuple[str, Reference]]:
    """Yield the columns that have a value, each with the reference that this is alone."""
    for column in (*EXACT, *UPPER, *LOWER):
        low, high = _ends(fields.get(column), column, f"{where}, column {column}")
        if low is not None:
            yield column, Reference("bounded", bound=low, solver=solver)
        if high is not None:
            yield column, Reference("bounded", high, solver=solver)


def _ends(value: object, column: str, where: str) -> tuple[Number | None, Number | None]:
    """Return the lower and the upper bound that a value in a column is."""
    if isinstance(value, str) and ".." in value:
        low, _, high = value.partition("..")
        return _number(low.strip(), where), _number(high.strip(), where)
    number = _number(value, where)
    return None if column in UPPER else number, None if column in LOWER else number


def _number(value: object, where: str) -> Number | None:
    """Return a value as a number, a whole one as an integer; None if there is none."""
    if value in EMPTY:
        return None
    try:
        number = float(value) if isinstance(value, str | int | float) else float("nan")
    except ValueError:
        number = float("nan")
    if isinstance(value, bool) or not isfinite(number):
        raise InputError(f"{where}: {short(value)!r} is no number")
    return int(number) if number.is_integer() else number


# Rows ---------------------------------------------------------------------------------------


def _rows(path: Path, text: str) -> Iterator[tuple[str, Fields]]:
    """Yield the rows of a file with their places, columns in lower case."""
    start = text.lstrip()[:1]
    rows = _array(path, text) if start == "[" else None
    rows = rows or (_lines(path, text) if start == "{" else _table(path, text))
    for place, row in rows:
        if not isinstance(row, Mapping) or not row:
            raise InputError(f"{place}: expected an object with an id and a value")
        yield place, {str(column).strip().casefold(): value for column, value in row.items()}


def _array(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    for number, row in enumerate(_json(text, f"{path}:1"), 1):
        yield f"{path}: entry {number}", row


def _lines(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield f"{path}:{number}", _json(line, f"{path}:{number}")


def _json(text: str, place: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise InputError(f"{place}: {error}") from None
    except RecursionError:
        raise InputError(f"{place}: nested too deeply") from None


def _table(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    lines = text.split("\n")
    heads = next((line for line in lines if line.strip()), "")
    delimiter = max(",;\t", key=heads.count)
    reader = csv.DictReader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        columns = [str(name).strip().casefold() for name in reader.fieldnames or ()]
        if not set(columns) & {*EXACT, *UPPER, *LOWER}:
            found = ", ".join(columns[:6]) or "none"
            raise InputError(
                f"{path}:1: no column optimum, best, lower or upper: there are {short(found)}"
            )
        for row in reader:
            yield f"{path}:{reader.line_num}", {k: _cell(v) for k, v in row.items() if k}
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: {error}") from None


def _cell(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value
