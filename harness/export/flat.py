"""A run as one table, an episode a line: the columns of `harness.export.columns.SAMPLES`."""

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from harness import files
from harness.board.load import text
from harness.export.columns import SAMPLES
from harness.export.parquet import write_parquet
from tasks.base import Fields, InputError, StoreFailure

_JSON = [column.name for column in SAMPLES if column.kind == "json"]


def _csv(path: Path, rows: Iterable[Fields]) -> None:
    files.write_lines(path, _lines(rows), end=b"")


def _lines(rows: Iterable[Fields]) -> Iterator[bytes]:
    """Yield the lines of a CSV file, lists as JSON text, null as nothing."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow([column.name for column in SAMPLES])
    for row in rows:
        table.writerow([_cell(value) for value in row.values()])
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()
    yield out.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return text(value)
    return "" if value is None else value


def _jsonl(path: Path, rows: Iterable[Fields]) -> None:
    """Write a line a row, JSON columns as values instead of text."""
    files.write_lines(path, (msgspec.json.encode(_nested(row)) for row in rows))


def _nested(row: Fields) -> Fields:
    return row | {name: msgspec.Raw(row[name]) for name in _JSON if row[name] is not None}


def _parquet(path: Path, rows: Iterable[Fields]) -> None:
    place = files.destination(path)
    if place is None:
        raise InputError(f"cannot write Parquet to {path}: it is no regular file")
    partial = place.with_name(f"{place.name}.{os.getpid()}.partial")
    try:
        write_parquet(partial, SAMPLES, rows)
        partial.replace(place)
    except OSError as error:
        raise StoreFailure(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)


FLAT: dict[str, Callable[[Path, Iterable[Fields]], None]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "parquet": _parquet,
}
