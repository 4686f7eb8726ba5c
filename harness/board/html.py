"""The board as one static page: no network, sortable, light and dark, readable without a script."""

from collections.abc import Iterator, Sequence
from importlib.resources import files

from harness.board.board import Board, Row
from harness.board.text import (
    contestants,
    group,
    headline_text,
    metric_text,
    notes,
    rank_text,
    second_headline,
    shown_metrics,
)
from harness.formatting import cost_text, tokens_text, with_interval

Cell = tuple[str, float | None]  # what is shown, what is sorted by


def as_html(board: Board) -> str:
    """A column group a family and cell, a line a model; empty where it was not asked."""
    from jinja2 import Environment, StrictUndefined

    groups = {name: [r for r in board.rows if group(r) == name] for name in map(group, board.rows)}
    heads = {name: [head for head, _ in _columns(rows[0], rows)] for name, rows in groups.items()}
    lines = [
        (who, kind, [cell for name, rows in groups.items() for cell in _cells(found, name, rows)])
        for who, kind, found in contestants(board.rows)
    ]
    source = (files(__package__) / "board.html.j2").read_text("utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return page.from_string(source).render(heads=heads, lines=lines, notes=notes(board))


def _cells(found: dict[str, Row], name: str, rows: Sequence[Row]) -> list[Cell]:
    """A model's cells in a column group."""
    if name not in found:
        return [("", None)] * len(list(_columns(rows[0], rows)))
    return [cell for _, cell in _columns(found[name], rows)]


def _columns(row: Row, rows: Sequence[Row]) -> Iterator[tuple[str, Cell]]:
    """The columns of a row's group, each with the row's cell."""
    yield "score (95 % interval)", (with_interval(row.score, 3), row.score.value)
    for name in second_headline(rows):
        metric = row.metrics.get(name)
        head = f"{name.replace('_', ' ')} (95 % interval)"
        yield head, (headline_text(name, row), metric.value if metric else None)
    if any(r.rank for r in rows):
        yield "rank", (rank_text(row.rank), row.rank.low if row.rank else None)
    for name in ("n", "errors", "unparsable", "infeasible"):
        count = getattr(row, name)
        yield name, (str(count), count)
    for name in shown_metrics(rows):
        metric = row.metrics.get(name)
        yield name.replace("_", " "), (metric_text(name, row), metric.value if metric else None)
    yield "tokens", (tokens_text(row.tokens), row.tokens)
    yield "cost", (cost_text(row.cost), row.cost)
    yield "seconds", (f"{row.seconds:.1f}", row.seconds)
