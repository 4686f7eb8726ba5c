"""The board as one static page: no network, sortable, light and dark, readable without a script."""

from collections.abc import Iterator, Sequence
from importlib.resources import files

from harness.board.board import Board, Row
from harness.board.text import (
    columns_at,
    contestants,
    further_metrics,
    group,
    headline_text,
    metric_text,
    notes,
    rank_text,
)
from harness.formatting import cost_text, tokens_text, with_interval

Cell = tuple[str, float | None]  # the text, the value to sort by


def as_html(board: Board) -> str:
    """Return a page with a column group a family and cell, a line a model.

    A cell is empty if the model was not asked there.
    """
    from jinja2 import Environment, StrictUndefined

    groups = {name: [r for r in board.rows if group(r) == name] for name in map(group, board.rows)}
    heads = {name: [head for head, _ in _columns(rows[0], rows)] for name, rows in groups.items()}
    lines = [
        (
            name,
            kind,
            [cell for column, rows in groups.items() for cell in _cells(by_group, column, rows)],
        )
        for name, kind, by_group in contestants(board.rows)
    ]
    source = (files(__package__) / "board.html.j2").read_text("utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return page.from_string(source).render(heads=heads, lines=lines, notes=notes(board))


def _cells(by_group: dict[str, Row], name: str, rows: Sequence[Row]) -> list[Cell]:
    """Return a model's cells in a column group."""
    if name not in by_group:
        return [("", None)] * len(list(_columns(rows[0], rows)))
    return [cell for _, cell in _columns(by_group[name], rows)]


def _columns(row: Row, rows: Sequence[Row]) -> Iterator[tuple[str, Cell]]:
    """Yield the columns of a row's group, each with the row's cell."""
    yield from _score_columns(row, rows)
    for name in ("n", "errors", "unparsable", "infeasible"):
        yield name, (str(getattr(row, name)), getattr(row, name))
    for column in further_metrics(rows):
        yield column.head, (metric_text(column.name, row), _value(column.name, row))
    yield from _spending_columns(row)


def _score_columns(row: Row, rows: Sequence[Row]) -> Iterator[tuple[str, Cell]]:
    yield "score (95 % interval)", (with_interval(row.score, 3), row.score.value)
    for column in columns_at("beside", rows):
        head = f"{column.head} (95 % interval)"
        yield head, (headline_text(column.name, row), _value(column.name, row))
    if any(r.rank for r in rows):
        yield "rank", (rank_text(row.rank), row.rank.low if row.rank else None)


def _spending_columns(row: Row) -> Iterator[tuple[str, Cell]]:
    yield "tokens", (tokens_text(row.tokens), row.tokens)
    yield "cost", (cost_text(row.cost), row.cost)
    yield "seconds", (f"{row.seconds:.1f}", row.seconds)


def _value(name: str, row: Row) -> float | None:
    return row.metrics[name].value if name in row.metrics else None
