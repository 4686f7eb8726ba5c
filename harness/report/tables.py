"""The board as the page shows it: every number as text, and as the value it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from graders.statistics import Estimate
from harness.board.board import Row
from harness.board.text import further_metrics, rank_text, second_headline
from harness.families.registry import family
from harness.formatting import cost_text, tokens_text, unusual
from harness.report.base import Looks, series
from harness.report.svg import tag
from harness.secrets import scrub

Value = str | int | float | None


@dataclass(frozen=True)
class TableCell:
    """A cell of the table.

    Attributes:
        key: the path of its value in a row of `board --json`; empty if there is none.
        value: that value.
        link: what of the page it leads to.
        small: what stands under the text: the interval, or a note why there is none.
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
        """Whether what stands under the text is no interval."""
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
    """A family's rows, which come with their place on the board."""
    rows = [row for _, row in numbered]
    shown = [*second_headline(rows), *further_metrics(rows)]
    ranked = any(row.rank for row in rows)
    cells = any(row.cell for row in rows)
    notes = any(row.memory_calls for row in rows)
    heads = [
        *[("cell", False)] * cells,
        ("model", False),
        ("kind", False),
        ("score", True),
        *[("rank", True)] * ranked,
        *((name, True) for name in ("n", "errors", "unparsable", "infeasible")),
        *((name.replace("_", " "), True) for name in shown),
        *((name, True) for name in ("tokens", "cost", "seconds")),
        *[("memory calls", True), ("memory tokens", True)] * notes,
    ]
    low = min(
        [0.0, *(e for row in rows for e in (row.score.low, row.score.value) if e is not None)]
    )
    lines = []
    for number, row in numbered:
        look = looks[series(row, row.setup)]
        found = [*[_where(row)] * cells, *_cells(row, shown, rows, max(low, -1.0))]
        found += [_count("memory_calls", row.memory_calls), _tokens(row)] * notes
        lines.append(BoardLine(number, look.number, look.colour, row.kind, tuple(found)))
    return BoardTable(tuple(heads), tuple(lines))


def _where(row: Row) -> TableCell:
    return TableCell("", ", ".join(f"{k} {setting(v)}" for k, v in row.cell.items()))


def setting(value: object) -> str:
    """A setting for a reader; lists in it may break."""
    return "unknown" if value is None else str(value).replace(",", ", ")


def _tokens(row: Row) -> TableCell:
    return _count("memory_tokens", row.memory_tokens)


def _cells(row: Row, shown: Sequence[str], rows: Sequence[Row], low: float) -> Iterator[TableCell]:
    extra = unusual(row.agent, row.memory)
    several = len({r.setup.get("base_url") for r in rows if r.model == row.model}) > 1
    extra += [f"{k} {v}" for k, v in row.setup.items() if k != "base_url" or several]
    yield TableCell("model", row.model, row.model, ", ".join(map(scrub, extra)))
    yield TableCell("kind", row.kind, row.kind)
    yield _score(row, rows, low)
    if any(r.rank for r in rows):
        yield TableCell("rank.low", rank_text(row.rank), row.rank.low if row.rank else None)
    partial = row.of is not None and row.n < row.of
    yield TableCell("n", f"{row.n:,}", row.n, f"of {row.of:,}" if partial else "")
    for name in ("errors", "unparsable", "infeasible"):
        count: int = getattr(row, name)
        yield TableCell(name, f"{count:,}", count, tone=name if count else "zero")
    for name in shown:
        yield metric(name, row)
    yield _count("tokens", row.tokens)
    yield TableCell("cost", cost_text(row.cost), row.cost, tone="" if row.cost else "zero")
    yield TableCell("seconds", f"{row.seconds:,.1f}", row.seconds)


def _score(row: Row, rows: Sequence[Row], low: float) -> TableCell:
    score = row.score
    if score.value is None:
        return TableCell("score", "none", None, score.note, tone="zero")
    peers = [r for r in rows if r.cell == row.cell and r.score.value is not None]
    marks = {
        kind: max((r.score.value or 0.0 for r in peers if r.kind == kind), default=None)
        for kind in ("floor", "ceiling")
    }
    return TableCell(
        "score",
        f"{score.value:.3f}",
        score.value,
        interval(score, 3),
        score.low,
        score.high,
        whisker(score, marks, low),
    )


def metric(name: str, row: Row) -> TableCell:
    """A metric: a gap or a share in per cent, anything else as a number."""
    key, found = f"metrics.{name}", row.metrics.get(name)
    if found is None:
        return TableCell(key, "-", tone="zero")
    if found.value is None:
        return TableCell(key, "-", None, found.note, tone="zero")
    plain = name == "ratio_of_sums" or name in family(row.family).plain
    scale, digits, unit = (1, 3, "") if plain else (100, 1, " %")
    text = f"{scale * found.value:.{digits}f}{unit}"
    said = found.low is None and found.note == row.score.note  # beside the score, for all of them
    small = "" if said else interval(found, digits, scale)
    return TableCell(key, text, found.value, small, found.low, found.high)


def interval(estimate: Estimate, digits: int, scale: int = 1) -> str:
    """The ends of an interval, or why there is none; a note on it goes with it."""
    if estimate.low is None or estimate.high is None:
        return estimate.note
    return f"{scale * estimate.low:.{digits}f} to {scale * estimate.high:.{digits}f}"


def _count(key: str, count: int | None) -> TableCell:
    return TableCell(key, tokens_text(count), count, tone="" if count else "zero")


def whisker(score: Estimate, marks: Mapping[str, float | None], low: float) -> Markup:
    """A score with its interval on the scale of its family, the best floor and ceiling marked."""
    wide, high = 112.0, 20.0

    def place(value: float) -> float:
        return 4 + (max(low, min(1.0, value)) - low) / (1 - low) * (wide - 8)

    middle = high / 2
    parts = [tag("line", x1=4.0, x2=wide - 4, y1=middle, y2=middle, class_="grid")]
    for kind, value in marks.items():
        if value is not None:
            x = place(value)
            parts.append(tag("line", x1=x, x2=x, y1=3.0, y2=high - 3, class_=f"mark {kind}"))
    if score.low is not None and score.high is not None:
        parts.append(
            tag(
                "line",
                x1=place(score.low),
                x2=place(score.high),
                y1=middle,
                y2=middle,
                class_="whisker",
            )
        )
    if score.value is not None:
        parts.append(tag("circle", cx=place(score.value), cy=middle, r=3.4, class_="dot"))
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {wide:g} {high:g}",
        width=wide,
        height=high,
        class_="forest",
        aria_hidden="true",
    )
