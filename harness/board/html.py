"""The board as one static page: no network, sortable, light and dark, readable without a script."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from harness.board.board import Board, Row
from harness.board.text import (
    cell_of,
    columns_at,
    further_metrics,
    headline_text,
    metric_text,
    notes,
    overview_rows,
    rank_text,
    row_name,
)
from harness.families.registry import family
from harness.formatting import cost_text, tokens_text, with_interval
from harness.screen import UNIT


@dataclass(frozen=True)
class PageCell:
    """A cell of a row.

    Attributes:
        head: of its column.
        text: as it is read.
        value: to sort by; None of a name, or of what is unknown.
        role: the classes of its column: `name` and `kind` sort by their text, `more` is what a
            phone shows only when asked.
    """

    head: str
    text: str
    value: float | None
    role: str = "more"


@dataclass(frozen=True)
class PageTable:
    """A table of the page: what it is of, its columns, and its lines, models apart."""

    title: str
    about: str
    columns: Sequence[PageCell]
    models: Sequence[Sequence[PageCell]]
    yardsticks: Sequence[tuple[str, Sequence[PageCell]]]


def as_html(board: Board) -> str:
    """Return a page with a table a family, a line a row, and one over all families before."""
    from jinja2 import Environment, StrictUndefined

    names = list(dict.fromkeys(row.family for row in board.rows))
    tables = [_overview(board.rows)] if len(names) > 1 else []
    tables += [_family(name, [r for r in board.rows if r.family == name]) for name in names]
    source = (files(__package__) / "board.html.j2").read_text("utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return page.from_string(source).render(tables=tables, notes=notes(board))


def _overview(rows: Sequence[Row]) -> PageTable:
    about = "Every model in each family; below them a family's ceiling and its best floor."
    with_cells = any(row.cell for row in rows)

    def cells(row: Row) -> Iterator[PageCell]:
        yield _name("model", row_name(row))
        yield _name("family", row.family)
        if with_cells:
            yield _name("cell", cell_of(row))
        yield _name("kind", row.kind, role="kind")
        yield from _score_cells(row, rows, of_family=False)
        yield _count("n", row, rows)
        yield _count("errors", row, rows)

    return _table("all families", about, overview_rows(rows), cells)


def _family(name: str, rows: Sequence[Row]) -> PageTable:
    def cells(row: Row) -> Iterator[PageCell]:
        yield _name("model", row_name(row))
        if any(each.cell for each in rows):
            yield _name("cell", cell_of(row))
        yield _name("kind", row.kind, role="kind")
        yield from _score_cells(row, rows)
        for count in ("n", "errors", "unparsable", "infeasible"):
            yield _count(count, row, rows)
        for column in further_metrics(rows):
            yield PageCell(column.head, metric_text(column.name, row), _value(column.name, row))
        yield from _spending_cells(row)

    return _table(name, family(name).description, rows, cells)


def _table(
    title: str, about: str, rows: Sequence[Row], cells: Callable[[Row], Iterable[PageCell]]
) -> PageTable:
    lines = [(row.kind, list(cells(row))) for row in rows]
    return PageTable(
        title,
        about,
        columns=lines[0][1],
        models=[line for kind, line in lines if kind == "model"],
        yardsticks=[(kind, line) for kind, line in lines if kind != "model"],
    )


def _name(head: str, text: str, role: str = "name") -> PageCell:
    return PageCell(head, text, None, role=role)


def _count(name: str, row: Row, rows: Sequence[Row]) -> PageCell:
    """Return how many of a row's episodes are so; errors are never left out if there are any."""
    count: int = getattr(row, name)
    if name == "errors":
        role = "errors" if any(each.errors for each in rows) else "errors more"
    else:
        role = "count" if name == "n" else "more"
    return PageCell(name, str(count), count, role=role)


def _score_cells(row: Row, rows: Sequence[Row], *, of_family: bool = True) -> Iterator[PageCell]:
    yield PageCell(f"score {UNIT}", with_interval(row.score, 3), row.score.value, role="score")
    for column in columns_at("beside", rows) if of_family else ():
        text = headline_text(column.name, row)
        yield PageCell(f"{column.head} {UNIT}", text, _value(column.name, row), role="more score")
    if any(r.rank for r in rows):
        place = row.rank.low if row.rank else None
        yield PageCell("rank", rank_text(row.rank), place, role="rank" if of_family else "more")


def _spending_cells(row: Row) -> Iterator[PageCell]:
    yield PageCell("tokens", tokens_text(row.tokens), row.tokens)
    yield PageCell("cost", cost_text(row.cost), row.cost)
    yield PageCell("seconds", f"{row.seconds:.1f}", row.seconds)


def _value(name: str, row: Row) -> float | None:
    return row.metrics[name].value if name in row.metrics else None
