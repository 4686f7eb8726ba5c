"""The board as the page shows it: every number as text, and as the value it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from graders.statistics import Estimate
from harness.board.board import Row
from harness.board.text import MEMORY, columns_at, further_metrics, rank_text
from harness.families.family import BoardColumn
from harness.families.registry import family
from harness.formatting import cost_text, tokens_text, unusual
from harness.report.base import Looks, series
from harness.report.svg import tag
from harness.secrets import scrub

WHISKER_WIDTH, WHISKER_HEIGHT = 112.0, 20.0
Value = str | int | float | None


@dataclass(frozen=True)
class TableCell:
    """A cell of the table.

    Attributes:
        key: the path of its value in a row of `board --json`; empty if there is none.
        value: that value.
        link: the address on the page that it leads to.
        small: the text below: the interval, or a note why there is none.
    """

    key: str
    text: str
    value: Value = None
    small: str = ""
    low: float | None = None
    high: float | None = None
    picture: Markup | None = None
    tone: str = ""
    link: str = ""

    @property
    def note(self) -> bool:
        """Return whether the text below is no interval."""
        return self.low is None


@dataclass(frozen=True)
class BoardLine:
    """A row of the table: its place on the board, and the series it is."""

    number: int
    series: int
    colour: str
    kind: str
    cells: tuple[TableCell, ...]


@dataclass(frozen=True)
class BoardTable:
    """A family's part of the board."""

    heads: tuple[tuple[str, bool], ...]
    lines: tuple[BoardLine, ...]


def table(numbered: Sequence[tuple[int, Row]], looks: Looks) -> BoardTable:
    """Return a family's part of the board.

    Args:
        numbered: its rows, each with its place on the board.
        looks: the styles of their series.
    """
    rows = [row for _, row in numbered]
    columns = _Columns(
        [*columns_at("beside", rows), *further_metrics(rows)],
        cells=any(row.cell for row in rows),
        ranks=any(row.rank for row in rows),
        memory=any(row.memory_calls for row in rows),
    )
    lines = []
    for number, row in numbered:
        look, cells = looks[series(row, row.setup)], tuple(_cells(row, rows, columns))
        lines.append(BoardLine(number, look.number, look.colour, kind=row.kind, cells=cells))
    return BoardTable(tuple(columns.heads()), tuple(lines))


@dataclass(frozen=True)
class _Columns:
    """Which columns a table has beside those that every one has."""

    metrics: Sequence[BoardColumn]
    cells: bool
    ranks: bool
    memory: bool

    def heads(self) -> list[tuple[str, bool]]:
        """Return each column's name, and whether it is of numbers."""
        return [
            *[("cell", False)] * self.cells,
            ("model", False),
            ("kind", False),
            ("score", True),
            *[("rank", True)] * self.ranks,
            *((name, True) for name in ("n", "errors", "unparsable", "infeasible")),
            *((column.head, True) for column in self.metrics),
            *((name, True) for name in ("tokens", "cost", "seconds")),
            *[(name, True) for name in MEMORY] * self.memory,
        ]


def _cell_settings(row: Row) -> TableCell:
    return TableCell("", ", ".join(f"{k} {setting(v)}" for k, v in row.cell.items()))


def setting(value: object) -> str:
    """Return a setting for a reader; lists in it may break."""
    return "unknown" if value is None else str(value).replace(",", ", ")


def _cells(row: Row, rows: Sequence[Row], columns: _Columns) -> Iterator[TableCell]:
    if columns.cells:
        yield _cell_settings(row)
    yield _model(row, rows)
    yield TableCell("kind", row.kind, row.kind)
    yield _score(row, rows)
    if columns.ranks:
        yield TableCell("rank.low", rank_text(row.rank), row.rank.low if row.rank else None)
    yield from _episode_counts(row)
    for column in columns.metrics:
        yield metric(column.name, row)
    yield _count("tokens", row.tokens)
    yield TableCell("cost", cost_text(row.cost), row.cost, tone="" if row.cost else "zero")
    yield TableCell("seconds", f"{row.seconds:,.1f}", row.seconds)
    if columns.memory:
        yield _count("memory_calls", row.memory_calls)
        yield _count("memory_tokens", row.memory_tokens)
        yield _count("recall_tokens", row.recall_tokens)
        yield _count("sleep_tokens", row.sleep_tokens)


def _model(row: Row, rows: Sequence[Row]) -> TableCell:
    """Return the model, beneath it how it was asked; its server only where it has several."""
    several = len({r.setup.get("base_url") for r in rows if r.model == row.model}) > 1
    extra = unusual(row.agent, row.memory)
    extra += [f"{k} {v}" for k, v in row.setup.items() if k != "base_url" or several]
    return TableCell("model", row.model, row.model, small=", ".join(map(scrub, extra)))


def _episode_counts(row: Row) -> Iterator[TableCell]:
    partial = row.of is not None and row.n < row.of
    yield TableCell("n", f"{row.n:,}", row.n, small=f"of {row.of:,}" if partial else "")
    yield _failures("errors", row.errors)
    yield _failures("unparsable", row.unparsable)
    yield _failures("infeasible", row.infeasible)


def _failures(key: str, count: int) -> TableCell:
    return TableCell(key, f"{count:,}", count, tone=key if count else "zero")


def _score(row: Row, rows: Sequence[Row]) -> TableCell:
    score = row.score
    if score.value is None:
        return TableCell("score", "none", small=score.note, tone="zero")
    return TableCell(
        "score",
        f"{score.value:.3f}",
        score.value,
        small=interval(score, 3),
        low=score.low,
        high=score.high,
        picture=whisker(score, _best_policies(row, rows), _lowest(rows)),
    )


def _best_policies(row: Row, rows: Sequence[Row]) -> dict[str, float | None]:
    """Return the score of the best floor and of the best ceiling in a row's cell."""
    peers = [r for r in rows if r.cell == row.cell and r.score.value is not None]
    return {
        kind: max((r.score.value or 0.0 for r in peers if r.kind == kind), default=None)
        for kind in ("floor", "ceiling")
    }


def _lowest(rows: Sequence[Row]) -> float:
    """Return where the scale of a family's scores begins: at its lowest value, from -1 to 0."""
    ends = [e for row in rows for e in (row.score.low, row.score.value) if e is not None]
    return max(min([0.0, *ends]), -1.0)


def metric(name: str, row: Row) -> TableCell:
    """Return a metric: a gap or a share in per cent, anything else as a number."""
    key, estimate = f"metrics.{name}", row.metrics.get(name)
    if estimate is None:
        return TableCell(key, "-", tone="zero")
    if estimate.value is None:
        return TableCell(key, "-", small=estimate.note, tone="zero")
    in_percent = family(row.family).column(name).in_percent
    scale, digits, unit = (100, 1, " %") if in_percent else (1, 3, "")
    text = f"{scale * estimate.value:.{digits}f}{unit}"
    # A note that all metrics share stands once, beside the score.
    repeated = estimate.low is None and estimate.note == row.score.note
    return TableCell(
        key,
        text,
        estimate.value,
        small="" if repeated else interval(estimate, digits, scale),
        low=estimate.low,
        high=estimate.high,
    )


def interval(estimate: Estimate, digits: int, scale: int = 1) -> str:
    """Return the ends of an interval, or why there is none.

    Args:
        estimate: a value with its interval and note.
        digits: decimals of each end.
        scale: by which the ends are multiplied, 100 for per cent.
    """
    if estimate.low is None or estimate.high is None:
        return estimate.note
    return f"{scale * estimate.low:.{digits}f} to {scale * estimate.high:.{digits}f}"


def _count(key: str, count: int | None) -> TableCell:
    return TableCell(key, tokens_text(count), count, tone="" if count else "zero")


def whisker(score: Estimate, marks: Mapping[str, float | None], low: float) -> Markup:
    """Return a picture of a score with its interval.

    Args:
        score: in units of the board, at most 1.
        marks: the scores of the best floor and the best ceiling; None is not drawn.
        low: lower end of the scale, which ends at 1.
    """
    middle = WHISKER_HEIGHT / 2
    parts = [tag("line", x1=4.0, x2=WHISKER_WIDTH - 4, y1=middle, y2=middle, class_="grid")]
    parts += [_mark(_place(value, low), kind) for kind, value in marks.items() if value is not None]
    if score.low is not None and score.high is not None:
        x1, x2 = _place(score.low, low), _place(score.high, low)
        parts.append(tag("line", x1=x1, x2=x2, y1=middle, y2=middle, class_="whisker"))
    if score.value is not None:
        parts.append(tag("circle", cx=_place(score.value, low), cy=middle, r=3.4, class_="dot"))
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {WHISKER_WIDTH:g} {WHISKER_HEIGHT:g}",
        width=WHISKER_WIDTH,
        height=WHISKER_HEIGHT,
        class_="forest",
        aria_hidden="true",
    )


def _place(value: float, low: float) -> float:
    """Return the x of a score on a scale from low to 1."""
    return 4 + (max(low, min(1.0, value)) - low) / (1 - low) * (WHISKER_WIDTH - 8)


def _mark(x: float, kind: str) -> Markup:
    return tag("line", x1=x, x2=x, y1=3.0, y2=WHISKER_HEIGHT - 3, class_=f"mark {kind}")
