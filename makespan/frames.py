"""Boards, episodes and instances as frames of pandas and datasets of Hugging Face."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import asdict

from harness.board.board import Board, Row
from harness.board.ranking import Rank
from harness.export.columns import SAMPLES
from harness.export.instances import instance_row
from harness.export.rows import PublishedRun, samples
from harness.suites import instances
from makespan.episodes import start
from tasks.base import Fields, Instance
from tasks.extras import extra

if TYPE_CHECKING:
    import datasets
    import pandas

_COLUMNS = ("id", "family", "level", "seed", "index", "prompt", "tools", "schema", "instance")
_JSON = [column.name for column in SAMPLES if column.kind == "json"]


def board_frame(board: Board) -> "pandas.DataFrame":
    """Return a row a board row; score and metrics in three columns, with ends of intervals."""
    return _pandas().DataFrame([_board_row(row) for row in board.rows])


def _board_row(row: Row) -> Fields:
    fields = asdict(row)
    rank, score, metrics = (fields.pop(name) for name in ("rank", "score", "metrics"))
    for end in Rank.__struct_fields__:
        fields[f"rank_{end}"] = getattr(rank, end) if rank else None
    for name, estimate in {"score": score, **metrics}.items():
        fields[name] = estimate.value
        fields[f"{name}_low"], fields[f"{name}_high"] = estimate.low, estimate.high
    return fields


def samples_frame(path: Path) -> "pandas.DataFrame":
    """Return a row an episode of a run folder: settings, violations and the like as objects."""
    return _pandas().DataFrame([_sample(row) for row in samples(PublishedRun.open(path))])


def _sample(row: Fields) -> Fields:
    decoded = {name: msgspec.json.decode(row[name]) for name in _JSON if row[name] is not None}
    return row | decoded | {"metrics": {each["name"]: each["value"] for each in row["metrics"]}}


def dataset(problems: Iterable[Instance[Any]], *, memory: str | None = None) -> "datasets.Dataset":
    """Return instances as a dataset to train on: what is asked first, and the instance itself.

    Its columns: `id`, `family`, `level`, `seed`, `index`; `prompt`, the messages; `tools` and
    `schema` of the answer as JSON text, or None; `instance`, the line by which `read_line` has it
    back for `grade` and `reward`.

    Args:
        problems: such as `generate` returns, or a part of `stream`.
        memory: of the episodes that begin so; None is `history` where there are rounds.

    Raises:
        InputError: there is no such memory.
        MissingExtra: the package is not installed.
    """
    with extra("hf", "a dataset"):
        import datasets
    return datasets.Dataset.from_list([_row(instance, memory) for instance in problems])


def _row(instance: Instance[Any], memory: str | None) -> Fields:
    row = instance_row(instance, start(instance, memory=memory).ask)
    return {name: row[name] for name in _COLUMNS}


def read_line(line: str) -> Instance[Any]:
    """Return the instance of a line; InputError if it is none."""
    return instances.decode(line, "the line of an instance")


def _pandas() -> Any:
    with extra("frames", "a frame"):
        import pandas
    return pandas
