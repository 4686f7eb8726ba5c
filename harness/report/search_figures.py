"""The pictures of a search: its course, the champion's ancestors, the map of elites."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.evolve.database import Candidate, Cell
from harness.evolve.report import SearchReport, progress
from harness.evolve.search import Search
from harness.report.base import DASHES, Figure, SeriesStyle
from harness.report.search_tables import Links, per_cent
from harness.report.svg import Plot, PlotLine, plain_axis, tag

Elites = Mapping[Cell, Sequence[Candidate]]

BOX, HIGH, ACROSS, DOWN = 132, 40, 16, 34  # of an ancestor: its size, the room between two
SIDE, ROW, LEFT, HEAD, FOOT = 46, 24, 92, 26, 46  # of a cell of the map, and the room for names


def looks(searches: Sequence[Search]) -> list[SeriesStyle]:
    """Return a colour for the search, greys for those without a model beside it."""
    return [
        SeriesStyle(0, searches[0].arm, "model", colour="c0", dash=""),
        *(
            SeriesStyle(k, s.arm, "floor", colour=f"g{k - 1}", dash=DASHES[k % len(DASHES)])
            for k, s in enumerate(searches[1:], 1)
        ),
    ]


def course(searches: Sequence[Search]) -> Figure:
    """Return the best training gap after each try, of all searches."""
    most = max(1, *(len(s.tried) for s in searches))
    styles = looks(searches)
    lines = [_course_line(look, s) for look, s in zip(styles, searches, strict=True)]
    gaps = [y for line in lines for _, y in line.points] or [0.0]
    x, y = plain_axis("tries", 0, most), plain_axis("training gap, %", min(gaps), max(gaps))
    plot = Plot("Best training gap so far", x, y, lines=lines)
    caption = (
        "Ratio of sums on the training instances less 1, of the best valid program after so many"
        " tries; at 0 the best seed program. A low gap here is what the search strove for, not"
        " what it is worth: that is told on instances that it has not seen."
    )
    table = plot.table(x.ticks, lambda v: f"{v:.2f} %")
    return Figure("Best training gap so far, %", caption, plot.draw(), table=table)


def _course_line(look: SeriesStyle, search: Search) -> PlotLine:
    best = {float(p.call): 100 * p.gap for p in progress(search)}  # of the seeds the last
    points = list(best.items())
    end = [(float(len(search.tried)), points[-1][1])] if points else []
    return PlotLine(look, [*points, *end], steps=True)


# The champion's ancestors -----------------------------------------------------------------------


def tree(report: SearchReport, links: Links) -> Markup:
    """Return the champion on top, every program above all its parents, joined to them.

    Args:
        report: of a search that has a champion.
        links: the place on the page of each program.
    """
    places = _places(report.lineage)
    width = max(x for x, _ in places.values()) + BOX + 2
    height = max(y for _, y in places.values()) + HIGH + 2
    joins = [
        tag("path", d=_join(places[c.name], places[parent]), class_="join")
        for c in report.lineage
        for parent in c.parents
    ]
    by_name = {c.name: c for c in report.lineage}
    boxes = [_box(by_name[name], *place, links[name]) for name, place in places.items()]
    return tag(
        "svg",
        tag("title", "The champion's ancestors"),
        *joins,
        *boxes,
        role="group",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        class_="lineage",
    )


def _places(lineage: Sequence[Candidate]) -> dict[str, tuple[int, int]]:
    """Return left and top of each; rows are as far down as the longest way from the champion."""
    rows = _rows(lineage)
    widest = max(map(len, rows))
    step = BOX + ACROSS
    return {
        name: (1 + k * step + (widest - len(row)) * step // 2, 1 + y * (HIGH + DOWN))
        for y, row in enumerate(rows)
        for k, name in enumerate(row)
    }


def _rows(lineage: Sequence[Candidate]) -> list[list[str]]:
    depth = {lineage[0].name: 0}
    # A parent is always older, so every child's row is settled before its own.
    for c in sorted(lineage, key=_age, reverse=True):
        for parent in c.parents:
            depth[parent] = max(depth.get(parent, 0), depth[c.name] + 1)
    rows: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for c in lineage:
        rows[depth[c.name]].append(c.name)
    return rows


def _age(c: Candidate) -> tuple[bool, str]:
    return c.operator != "seed", c.name


def _join(child: tuple[int, int], parent: tuple[int, int]) -> str:
    (x, y), (px, py) = child, parent
    x, px, top = x + BOX // 2, px + BOX // 2, y + HIGH
    return f"M{x} {top}C{x} {top + DOWN} {px} {py - DOWN} {px} {py}"


def _box(c: Candidate, x: int, y: int, link: str) -> Markup:
    outcome = per_cent(c.gap) if c.status in ("valid", "duplicate") else c.status
    return tag(
        "a",
        tag("title", f"{c.name}, by {c.operator}" + (f" of {c.model}" if c.model else "")),
        tag("rect", x=x, y=y, width=BOX, height=HIGH, rx=5),
        tag("text", c.name, x=x + 9, y=y + 16, class_="who"),
        tag("text", f"{c.operator} · {outcome}", x=x + 9, y=y + 31),
        href=link,
        class_=f"ancestor by-{c.operator}",
    )


# The map of elites ------------------------------------------------------------------------------


def cells(search: Search, champion: Candidate | None, links: Links) -> Figure:
    """Return the cells that hold an elite on some island at the end, the best gap on top.

    Args:
        search: the search whose islands are drawn.
        champion: its champion, whose cell is outlined.
        links: the place on the page of each program.
    """
    elites = _elites(search)
    axis, islands = search.plan.axis, len(search.database.islands)
    unit = "characters" if axis == "length" else "CPU µs"
    head = ["gap from", f"{unit} from", "islands", "best", "training gap"]
    caption = (
        f"Cells are steps of a factor of the square root of 2 in the training gap and in {unit}."
        f" In each: how many of the {islands} islands have an elite there. Outlined: the"
        " champion's."
    )
    map_of_elites = EliteMap(elites, islands, champion.name if champion else "", links=links)
    return Figure(
        "Cells that are held",
        caption,
        map_of_elites.draw(f"{axis}, {unit}"),
        table=[head, *_cell_lines(elites)],
    )


def _elites(search: Search) -> Elites:
    """Return the elites of all islands by cell, the best first."""
    elites: dict[Cell, list[Candidate]] = {}
    for island in search.database.islands:
        for cell, elite in island.items():
            elites.setdefault(cell, []).append(elite)
    return {cell: sorted(group, key=search.database.rank) for cell, group in elites.items()}


def _cell_lines(elites: Elites) -> list[list[str]]:
    return [_cell_line(*cell, group) for cell, group in sorted(elites.items())]


def _cell_line(gap: int, second: int, group: Sequence[Candidate]) -> list[str]:
    return [
        _from(gap, per_cent),
        _from(second, "{:.0f}".format),
        str(len(group)),
        group[0].name,
        per_cent(group[0].gap),
    ]


@dataclass(frozen=True)
class EliteMap:
    """The map of elites as a picture.

    Attributes:
        islands: their number, of which a cell's elites are a share.
        champion: its name.
    """

    elites: Elites
    islands: int
    champion: str
    links: Links

    @property
    def gaps(self) -> range:
        """Return the steps of the gap that are drawn, one a row."""
        return range(min(g for g, _ in self.elites), max(g for g, _ in self.elites) + 1)

    @property
    def columns(self) -> range:
        """Return the steps of the second axis that are drawn."""
        return range(min(o for _, o in self.elites), max(o for _, o in self.elites) + 1)

    def draw(self, name: str) -> Markup:
        """Return the picture, or a sentence if there is no elite; `name` is the second axis'."""
        if not self.elites:
            return tag("p", "Nothing has been run yet.")
        width = LEFT + SIDE * len(self.columns) + 12
        height = HEAD + ROW * len(self.gaps) + FOOT
        return tag(
            "svg",
            tag("title", "Cells that are held"),
            tag("text", "training gap", x=LEFT - 8, y=HEAD - 8, text_anchor="end", class_="name"),
            *self._axes(name),
            *self._squares(),
            viewBox=f"0 0 {width} {height}",
            width=width,
            role="img",
            class_="plot matrix map",
        )

    def _axes(self, name: str) -> Iterator[Markup]:
        """Yield the lower ends of both axes' cells, and the name of the horizontal one."""
        base = HEAD + ROW * len(self.gaps)
        yield from self._gap_names()
        yield from self._column_names(base + 15)
        centre = LEFT + SIDE * len(self.columns) / 2
        yield tag("text", name, x=centre, y=base + 36, text_anchor="middle", class_="name")

    def _gap_names(self) -> Iterator[Markup]:
        for k, gap in enumerate(self.gaps):
            text, y = _from(gap, per_cent), HEAD + k * ROW + 16
            yield tag("text", text, x=LEFT - 8, y=y, text_anchor="end", class_="tick")

    def _column_names(self, y: int) -> Iterator[Markup]:
        for k, step in enumerate(self.columns):
            text, x = _from(step, "{:.0f}".format), LEFT + k * SIDE
            yield tag("text", text, x=x, y=y, text_anchor="middle", class_="tick")

    def _squares(self) -> Iterator[Markup]:
        for row, gap in enumerate(self.gaps):
            for column, step in enumerate(self.columns):
                x, y = LEFT + column * SIDE, HEAD + row * ROW
                yield self._square(self.elites.get((gap, step), ()), x, y)

    def _square(self, group: Sequence[Candidate], x: int, y: int) -> Markup:
        """Return a cell; one that is held leads to the best of its elites."""
        size = {"x": x + 1, "y": y + 1, "width": SIDE - 2, "height": ROW - 2, "rx": 2}
        if not group:
            return tag("rect", **size, class_="heat", fill_opacity="0.00")
        names = dict.fromkeys(f"{c.name} ({per_cent(c.gap)})" for c in group)
        mark = " mine" if self.champion in {c.name for c in group} else ""
        share = len(group) / self.islands
        heat = f"{0.15 + 0.85 * share:.2f}"
        return tag(
            "a",
            tag("title", ", ".join(names)),
            tag("rect", **size, class_=f"heat elite{mark}", fill_opacity=heat),
            _count(len(group), x, y, strong=share > 0.5),
            href=self.links[group[0].name],
        )


def _count(count: int, x: int, y: int, *, strong: bool) -> Markup:
    return tag(
        "text",
        str(count),
        x=x + SIDE / 2,
        y=y + 16,
        text_anchor="middle",
        class_="heat-text strong" if strong else "heat-text",
    )


def _from(step: int, show: Callable[[float], str]) -> str:
    """Return the lower end of a step of the map."""
    return show(2 ** (step / 2))
