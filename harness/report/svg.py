"""SVG as text: escaped, without style attributes or script; colours are classes of the page."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite, log, log10

from markupsafe import Markup, escape

from harness.report.base import SeriesStyle

WIDTH, HEIGHT = 460, 270
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 12, 40
EAST, SOUTH = float(WIDTH - RIGHT), float(HEIGHT - BOTTOM)  # where the axes end
DENSE = 10_000  # points of a line, beyond which those in one place are drawn once
LETTER, LINE = 6.0, 11  # about the width of a letter, the height of a line
Point = tuple[float, float]
Ticks = Sequence[tuple[float, str]]
Box = tuple[float, float, float, float]  # left, top, right, bottom


def tag(name: str, *children: str, **attributes: object) -> Markup:
    """Return one element, its children and the values of its attributes escaped.

    `stroke_width` is the attribute stroke-width, `class_` class; None and "" leave it out.
    """
    words = [
        f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
        for key, value in attributes.items()
        if value is not None and value != ""
    ]
    inside = "".join(escape(child) for child in children)
    return Markup(f"<{name}{''.join(words)}>{inside}</{name}>")


def _text(value: object) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Axis:
    """A direction of a plot.

    Attributes:
        bend: a rising function before the linear scale, such as a logarithm.
    """

    name: str
    low: float
    high: float
    ticks: Ticks
    bend: Callable[[float], float] = float

    def place(self, value: float) -> float:
        """Return where a value stands, 0 at the low end and 1 at the high one; no further out."""
        inside = max(self.low, min(self.high, value))
        low, high, at = map(self.bend, (self.low, self.high, inside))
        return (at - low) / (high - low)


@dataclass(frozen=True)
class PlotLine:
    """A series of a plot: its points, the ends of their intervals, how it is joined.

    A step line holds each value until the next point. Points without a finite y are left out.
    Whiskers are bands of single points; `named` writes the series beside its last point.
    """

    look: SeriesStyle
    points: Sequence[Point]
    bands: Sequence[tuple[float, float, float]] = ()
    steps: bool = False
    dots: bool = False
    whiskers: bool = False
    named: bool = False
    joined: bool = True

    def at(self, x: float) -> float | None:
        """Return the value at x, of the step or of a point; None if neither is there."""
        if self.steps:
            k = bisect_right([p[0] for p in self.points], x + 1e-12)
            return self.points[k - 1][1] if k else None
        return next((y for px, y in self.points if px == x), None)


@dataclass(frozen=True)
class Plot:
    """Lines over two axes.

    Attributes:
        levels: horizontal lines with their names, such as chance.
        moments: vertical lines with their names.
    """

    title: str
    x: Axis
    y: Axis
    lines: Sequence[PlotLine]
    levels: Ticks = ()
    moments: Ticks = ()
    description: str = field(default="")

    def draw(self) -> Markup:
        """Return the picture; it scales with its place on the page."""
        return tag(
            "svg",
            tag("title", self.title),
            tag("desc", self.description) if self.description else Markup(),
            *self._grid(),
            *(self._line(line) for line in self.lines),
            *self._names(),
            viewBox=f"0 0 {WIDTH} {HEIGHT}",
            role="img",
            class_="plot",
        )

    def _x(self, value: float) -> float:
        return LEFT + self.x.place(value) * (WIDTH - LEFT - RIGHT)

    def _y(self, value: float) -> float:
        return HEIGHT - BOTTOM - self.y.place(value) * (HEIGHT - TOP - BOTTOM)

    def _grid(self) -> Iterator[Markup]:
        middle = (LEFT + WIDTH - RIGHT) / 2
        yield from self._horizontals()
        yield from self._ticks()
        yield tag("line", x1=LEFT, x2=EAST, y1=SOUTH, y2=SOUTH, class_="axis")
        yield tag("text", self.x.name, x=middle, y=HEIGHT - 5, class_="name", text_anchor="middle")
        yield from self._levels()
        yield from self._moments()

    def _horizontals(self) -> Iterator[Markup]:
        for value, name in self.y.ticks:
            y = self._y(value)
            yield tag("line", x1=LEFT, x2=EAST, y1=y, y2=y, class_="grid")
            yield tag("text", name, x=LEFT - 7, y=y + 3.5, class_="tick", text_anchor="end")

    def _ticks(self) -> Iterator[Markup]:
        """Yield the ticks of the x axis, with those names that have room."""
        end = 0.0
        for value, name in self.x.ticks:
            x, half = self._x(value), 3.4 * len(name)
            yield tag("line", x1=x, x2=x, y1=SOUTH, y2=SOUTH + 4, class_="axis")
            if x - half > end:
                yield tag("text", name, x=x, y=SOUTH + 16, class_="tick", text_anchor="middle")
                end = x + half + 3

    def _levels(self) -> Iterator[Markup]:
        for value, _ in self.levels:
            y = self._y(value)
            yield tag("line", x1=LEFT, x2=EAST, y1=y, y2=y, class_="level")
        yield from self._level_texts()

    def _level_texts(self) -> Iterator[Markup]:
        for y, name in self._level_names():
            yield tag("text", name, x=EAST, y=y - 4, class_="tick", text_anchor="end")

    def _moments(self) -> Iterator[Markup]:
        for value, name in self.moments:
            x = self._x(value)
            yield tag("line", x1=x, x2=x, y1=TOP, y2=SOUTH, class_="level")
            yield tag("text", name, x=x + 4, y=TOP + 8, class_="tick")

    def _level_names(self) -> list[tuple[float, str]]:
        """Return heights and names of levels; levels too close for two names share the upper."""
        names: list[tuple[float, str]] = []
        for y, name in sorted((self._y(value), name) for value, name in self.levels):
            if names and y - names[-1][0] < LINE:
                names[-1] = names[-1][0], f"{names[-1][1]}, {name}"
            else:
                names.append((y, name))
        return names

    def _names(self) -> Iterator[Markup]:
        """Yield the names of series beside their last points, on a side that has room for them."""
        named = [line for line in self.lines if line.named and line.points]
        occupied = [
            (EAST - LETTER * len(name), y - 4 - LINE, EAST, y - 4)
            for y, name in self._level_names()
        ]
        occupied += [box for line in named for box in self._marks(line)]
        for line in named:
            for left, name, box in self._beside(line):
                if not any(_meet(box, other) for other in occupied):
                    occupied.append(box)
                    x, anchor = (box[2], "end") if left else (box[0], None)
                    yield tag("text", name, x=x, y=box[3], class_="tick", text_anchor=anchor)
                    break

    def _marks(self, line: PlotLine) -> list[Box]:
        """Return the boxes of a line's last point and of its whiskers."""
        x, y = self._x(line.points[-1][0]), self._y(line.points[-1][1])
        whiskers = [
            (self._x(at) - 1, self._y(high), self._x(at) + 1, self._y(low))
            for at, low, high in line.bands
            if line.whiskers
        ]
        return [(x - 4, y - 4, x + 4, y + 4), *whiskers]

    def _beside(self, line: PlotLine) -> Iterator[tuple[bool, str, Box]]:
        """Yield both sides of a line's last point, the roomier first: whether left, name, box."""
        x = self._x(line.points[-1][0])
        y = min(self._y(line.points[-1][1]) + 3.5, HEIGHT - BOTTOM - 4.0)
        for room, left in sorted([(x - LEFT, True), (EAST - x, False)], reverse=True):
            most = int((room - 7) / LETTER)
            name = shortened(line.look.label, most)
            near, width = (x - 7 - LETTER * len(name) if left else x + 7), LETTER * len(name)
            yield left, name, (near, y - LINE, near + width, y)

    def _line(self, line: PlotLine) -> Markup:
        look = line.look
        points = [(self._x(x), self._y(y)) for x, y in line.points if isfinite(y)]
        parts = [tag("title", look.label), *self._bands(line)]
        if len(points) > 1 and line.joined:
            corners = stairs(visible(points)) if line.steps else points
            parts.append(tag("path", d=path(corners), class_="line", stroke_dasharray=look.dash))
        if line.dots or len(points) == 1:
            parts += [tag("circle", cx=x, cy=y, r=2.6, class_="dot") for x, y in points]
        return tag("g", *parts, class_=f"series {look.kind} {look.colour}", data_series=look.number)

    def _bands(self, line: PlotLine) -> Iterator[Markup]:
        """Yield the intervals of a line: a whisker at each point, or one area."""
        if line.whiskers:
            yield from (self._whisker(line.look, *band) for band in line.bands)
        elif line.bands:
            yield tag("path", d=path(self._outline(line)) + "Z", class_="band")

    def _whisker(self, look: SeriesStyle, x: float, low: float, high: float) -> Markup:
        return tag(
            "line",
            x1=self._x(x),
            x2=self._x(x),
            y1=self._y(low),
            y2=self._y(high),
            class_="whisker",
            stroke_dasharray=look.dash,
        )

    def _outline(self, line: PlotLine) -> list[Point]:
        """Return the corners of the area between the ends of a line's intervals."""
        upper = [(self._x(x), self._y(high)) for x, _, high in line.bands]
        lower = [(self._x(x), self._y(low)) for x, low, _ in reversed(line.bands)]
        return [*upper, *lower]

    def table(self, xs: Ticks, show: Callable[[float], str]) -> list[list[str]]:
        """Return the lines' values at some places, a column each, under a head.

        Args:
            xs: the places with their names.
            show: a value as text.
        """
        lines = [
            [line.look.label, *("-" if (y := line.at(x)) is None else show(y) for x, _ in xs)]
            for line in self.lines
        ]
        return [[self.x.name, *(name for _, name in xs)], *lines]


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def shortened(text: str, most: int) -> str:
    """Return a text of so many characters at most, the end of a longer one as an ellipsis."""
    return text if len(text) <= most else f"{text[: max(0, most - 1)]}…"


def visible(points: list[Point]) -> list[Point]:
    """Return the points of a step line; of very many those that a tenth of a pixel tells apart."""
    if len(points) <= DENSE:
        return points
    return list({(round(x, 1), round(y, 1)): (x, y) for x, y in points}.values())


def path(points: Sequence[Point]) -> str:
    """Return the path data of straight lines from point to point."""
    return "M" + "L".join(f"{_text(float(x))} {_text(float(y))}" for x, y in points)


def stairs(points: Sequence[Point]) -> list[Point]:
    """Return the corners of a step line that holds each value until the next point."""
    corners = [points[0]]
    for (_, y), (x, after) in pairwise(points):
        corners += [(x, y), (x, after)]
    return corners


# Axes ----------------------------------------------------------------------------------------


def share_axis(name: str) -> Axis:
    """Return an axis from 0 to 100 %."""
    return Axis(name, 0.0, 1.0, ticks=[(k / 4, f"{25 * k} %") for k in range(5)])


def score_axis(name: str, values: Iterable[float]) -> Axis:
    """Return an axis up to 1, from 0 or from the lowest value, but not from below -1."""
    return plain_axis(name, max(min([0.0, *values]), -1.0), 1.0)


def plain_axis(name: str, low: float, high: float, count: int = 5) -> Axis:
    """Return an axis with round ticks, wide enough that they hold the range, and never of width 0.

    Args:
        name: written beside the axis.
        low: lower end of the range.
        high: upper end of the range.
        count: about the number of steps between ticks.
    """
    if high - low <= 1e-9 * max(abs(low), abs(high), 1.0):
        low, high = low - 0.5, high + 0.5
    step = round_step((high - low) / count)
    first, last = int(low // step), -int(-high // step)
    ticks = [(k * step, f"{k * step:,.10g}") for k in range(first, last + 1)]
    return Axis(name, first * step, last * step, ticks=ticks)


def level_axis(name: str, levels: Sequence[float]) -> Axis:
    """Return an axis with a tick for each level that has room for its name."""
    low, high = min(levels), max(levels)
    pad = (high - low) * 0.04 or 1.0
    room, ticks = (high - low) / 14, list[tuple[float, str]]()
    for level in sorted(levels):
        if not ticks or level - ticks[-1][0] >= room:
            ticks.append((level, f"{level:g}"))
    return Axis(name, low - pad, high + pad, ticks=ticks)


def log_axis(name: str, low: float, high: float) -> Axis:
    """Return an axis of decades, with 2 and 5 between them if there are few; low is above 0."""
    bottom, top = low / 2, high * 2
    digits = (1, 2, 5) if log10(top / bottom) < 2.5 else (1,)
    decades = range(int(log10(bottom)) - 1, int(log10(top)) + 2)
    values = [m * 10.0**e for e in decades for m in digits]
    ticks = [(x, short_number(x)) for x in values if bottom <= x <= top]
    return Axis(name, bottom, top, ticks=ticks, bend=log)


def short_number(value: float) -> str:
    """Return 1200 as 1.2k, 0.002 as it is."""
    for size, mark in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{mark}"
    return f"{value:g}"


def round_step(wish: float) -> float:
    """Return the least of 1, 2, 5 times a power of ten that is no less, or hardly."""
    power = 10.0 ** int(log10(wish) // 1)
    return next(m * power for m in (1, 2, 5, 10) if m * power >= wish * 0.999)
