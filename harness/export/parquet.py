"""Tables as Parquet files: typed columns, and the same bytes for the same rows.

The bytes also depend on the version of pyarrow, which a file names.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from harness.export.columns import Column, Kind
from tasks.base import Fields, InputError
from tasks.extras import extra

ROWS = 1000  # of a row group


class ParquetSink:
    """A file that rows are added to, written a row group at a time."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._arrow = _pyarrow()
        from pyarrow.parquet import ParquetWriter

        self._schema, self._rows = _schema(columns), list[Fields]()
        self._out = ParquetWriter(path, self._schema, compression="zstd")

    def add(self, row: Fields) -> None:
        """Add a row, a value for each column."""
        self._rows.append(row)
        if len(self._rows) == ROWS:
            self._flush()

    def close(self) -> None:
        """Write the last rows, and the end of the file."""
        if self._rows:
            self._flush()
        self._out.close()

    def _flush(self) -> None:
        self._out.write_table(self._arrow.Table.from_pylist(self._rows, schema=self._schema))
        self._rows.clear()


def write_parquet(path: Path, columns: Sequence[Column], rows: Iterable[Fields]) -> None:
    """Write a file of rows, each with a value for every column."""
    sink = ParquetSink(path, columns)
    for row in rows:
        sink.add(row)
    sink.close()


def read_parquet(path: Path, columns: Sequence[Column]) -> list[Fields]:
    """Return all rows of a file.

    Raises:
        InputError: it is no Parquet file, or has not just these columns.
    """
    arrow = _pyarrow()
    from pyarrow.parquet import read_table

    try:
        table = read_table(path)
    except arrow.ArrowInvalid as error:
        raise InputError(f"{path.name} is no Parquet file: {error}") from None
    if not table.schema.equals(_schema(columns)):
        raise InputError(f"{path.name} has the columns of another version of makespan")
    rows: list[Fields] = table.to_pylist()
    return rows


def _pyarrow() -> Any:
    with extra("hf", "Parquet"):
        import pyarrow
    return pyarrow


def _schema(columns: Sequence[Column]) -> Any:
    types = _types(_pyarrow())
    return _pyarrow().schema([(column.name, types[column.kind]) for column in columns])


def _types(arrow: Any) -> dict[Kind, Any]:
    """Return the type of each kind of column."""
    text, whole, real = arrow.string(), arrow.int64(), arrow.float64()
    value = [("name", text), ("value", real)]
    estimate = [*value, ("low", real), ("high", real), ("note", text)]
    reply = [(name, text) for name in ("path", "text", "calls", "finish", "model")]
    return {
        "text": text,
        "json": text,
        "whole": whole,
        "real": real,
        "texts": arrow.list_(text),
        "wholes": arrow.list_(whole),
        "reals": arrow.list_(real),
        "values": arrow.list_(arrow.struct(value)),
        "estimates": arrow.list_(arrow.struct(estimate)),
        "replies": arrow.list_(arrow.struct(reply)),
        "messages": arrow.list_(arrow.struct([("role", text), ("content", text)])),
    }
