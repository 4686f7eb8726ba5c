"""The board as one picture to put into a page: self-contained, without script, light and dark."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from markupsafe import Markup

from graders.statistics import Estimate
from harness.board.board import Board, Row
from harness.board.text import group, row_name
from harness.formatting import label, number, with_interval
from harness.report.svg import Axis, plain_axis, shortened, tag

PANEL, ROW = 446, 19  # width of a panel, height of a line
NAMES, VALUES = 208, 52  # of a panel: room for names and for numbers, beside the plot
HEAD, FOOT, KEYS = 34, 34, 44  # above and below a panel's lines; below all panels
LINE = 16  # height of a line of text below all panels
PAGE, BETWEEN = 14, 24  # around panels, between two side by side
LETTER, SIGN = 7.3, 6.2  # width of a letter in a wide font, half that of a mark
LEAST = -1.0  # where an axis begins at the lowest
STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
text { fill: #1f2328; }
.small { font-size: 10px; }
.paper { fill: #ffffff; stroke: #d1d9e0; }
.title { font-weight: 600; font-size: 14px; }
.dim, .floor text, .ceiling text { fill: #59636e; }
.model text { font-weight: 600; }
.grid { stroke: #d1d9e0; }
.model line { stroke: #0969da; stroke-width: 2; } .model path { fill: #0969da; stroke: #0969da; }
.floor line, .ceiling line { stroke: #818b98; stroke-width: 1.5; }
.floor path, .ceiling path { fill: #ffffff; stroke: #59636e; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc; }
.paper { fill: #0d1117; stroke: #3d444d; }
.dim, .floor text, .ceiling text { fill: #9198a1; }
.grid { stroke: #3d444d; }
.model line { stroke: #4493f8; } .model path { fill: #4493f8; stroke: #4493f8; }
.floor line, .ceiling line { stroke: #656c76; }
.floor path, .ceiling path { fill: #0d1117; stroke: #9198a1; }
}
"""
MARKS = {  # around (0, 0): a disc, a square, a diamond
    "model": "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0Z",
    "floor": "M-3.5 -3.5H3.5V3.5H-3.5Z",
    "ceiling": "M0 -5.2L5.2 0L0 5.2L-5.2 0Z",
}
KINDS = {
    "model": "model",
    "floor": "floor: trivial code",
    "ceiling": "ceiling: the reference",
}


def as_svg(board: Board) -> str:
    """Return a panel a family and cell, a line a row of the board with its score and interval."""
    groups = {name: [r for r in board.rows if group(r) == name] for name in map(group, board.rows)}
    panels, ends = _panels(groups)
    width = 2 * PAGE + len(ends) * (PANEL + BETWEEN) - BETWEEN
    lines = list(_seeds(board))
    height = max(ends, default=0) + KEYS + LINE * len(lines)
    paper = tag("rect", x=0.5, y=0.5, width=width - 1, height=height - 1, rx=6, class_="paper")
    below = height - KEYS - LINE * len(lines) + 14
    keys = tag("g", *_keys(board.rows, lines), transform=f"translate({PAGE} {below})")
    title = "Scores with 95 % intervals: " + ", ".join(groups)
    picture = tag(
        "svg",
        tag("title", title),
        tag("style", Markup(STYLE)),
        paper,
        *panels,
        keys,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
    )
    return f"{picture}\n"


def _panels(groups: Mapping[str, Sequence[Row]]) -> tuple[list[Markup], list[int]]:
    """Return the panels in up to two columns, each in the shorter one, and where these end."""
    panels, ends = list[Markup](), [PAGE] * min(2, len(groups))
    for name, rows in groups.items():
        side = ends.index(min(ends))
        place = f"translate({PAGE + side * (PANEL + BETWEEN)} {ends[side]})"
        panels.append(tag("g", *_panel(name, rows), transform=place))
        ends[side] += HEAD + ROW * len(rows) + FOOT
    return panels, ends


def _panel(name: str, rows: Sequence[Row]) -> Iterator[Markup]:
    bounds = [v for r in rows for v in (r.score.value, r.score.low) if v is not None]
    axis = plain_axis("score", max(LEAST, min([0.0, *bounds])), 1.0)
    yield tag("text", name, x=0, y=16, class_="title")
    yield tag("text", _episodes(rows), x=PANEL, y=16, class_="dim", text_anchor="end")
    yield from _ticks(axis, HEAD + ROW * len(rows))
    for k, (row, label_of_row) in enumerate(zip(rows, _names(rows), strict=True)):
        yield tag(
            "g",
            *_line(row, label_of_row, axis),
            class_=row.kind,
            transform=f"translate(0 {HEAD + ROW * k + ROW / 2:g})",
        )


def _episodes(rows: Sequence[Row]) -> str:
    """Return how many episodes the rows have, from the fewest to the most."""
    counts = sorted({row.n for row in rows})
    return f"{' to '.join(map(str, counts[:1] + counts[1:][-1:]))} episodes each"


def _ticks(axis: Axis, base: int) -> Iterator[Markup]:
    for value, name in axis.ticks:
        x = _x(axis, value)
        yield tag("line", x1=x, x2=x, y1=HEAD - 6, y2=base, class_="grid")
        yield tag("text", name, x=x, y=base + 14, class_="dim", text_anchor="middle")


def _names(rows: Sequence[Row]) -> list[str]:
    """Return the rows' models, and how they were asked only if that tells two rows apart."""
    short = [label(row.model, row.agent, row.memory, {}) for row in rows]
    counts = Counter(short)
    return [
        name if counts[name] == 1 else row_name(row) for name, row in zip(short, rows, strict=True)
    ]


def _line(row: Row, name: str, axis: Axis) -> Iterator[Markup]:
    """Yield a row: its name, its score, its mark on its interval."""
    score = row.score
    text = shortened(name, int((NAMES - 10) / LETTER))
    yield tag("title", f"{row_name(row)}: {with_interval(score, 3)}")
    yield tag("text", text, x=NAMES - 10, y=4, text_anchor="end")
    yield tag("text", number(score.value, 3), x=PANEL, y=4, text_anchor="end")
    yield from _interval(score, axis)
    if score.value is not None:
        yield _mark(row.kind, _x(axis, score.value))


def _interval(score: Estimate, axis: Axis) -> Iterator[Markup]:
    if score.low is not None and score.high is not None:
        yield tag("line", x1=_x(axis, score.low), x2=_x(axis, score.high), y1=0, y2=0)


def _mark(kind: str, x: float) -> Markup:
    return tag("path", d=MARKS[kind], transform=f"translate({x:.1f} 0)")


def _x(axis: Axis, value: float) -> float:
    return NAMES + SIGN + axis.place(value) * (PANEL - VALUES - NAMES - 2 * SIGN)


def _keys(rows: Sequence[Row], lines: Sequence[str]) -> Iterator[Markup]:
    """Yield what the marks of the picture mean, and what to know of its numbers and seeds."""
    x, kinds = SIGN, {row.kind for row in rows}
    for kind, words in KINDS.items():
        if kind in kinds:
            mark = tag("path", d=MARKS[kind])
            text = tag("text", words, x=11, y=4, class_="dim")
            yield tag("g", mark, text, class_=kind, transform=f"translate({x:.1f} 0)")
            x += 30 + LETTER * len(words)
    yield tag("text", "; ".join(_notes(rows)) + ".", x=0, y=22, class_="dim")
    for place, line in enumerate(lines, 1):
        yield tag("text", line, x=0, y=22 + LINE * place, class_="dim small")


def _seeds(board: Board) -> Iterator[str]:
    """Yield two lines for each commitment behind the seeds: one is too long for a panel."""
    for state in board.commitments or ():
        yield f"{state.suite}: seed by commitment, {state.dates}:"
        yield state.digest


def _notes(rows: Sequence[Row]) -> Iterator[str]:
    yield "lines are 95 % intervals"
    bare = {r.score.note for r in rows if r.score.value is not None and r.score.low is None}
    if bare:
        yield f"without one: {', '.join(sorted(bare))}"
    yield "scores of different families are not comparable"
