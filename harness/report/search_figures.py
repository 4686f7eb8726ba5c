"""The pictures of a search: its course, the champion's ancestors, the map of elites."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from markupsafe import Markup

from harness.evolve.database import Candidate, Cell
from harness.evolve.report import SearchReport, progress
from harness.evolve.search import Search
from harness.report.base import DASHES, Figure, SeriesStyle
from harness.report.search_tables import Links, per_cent
from harness.report.svg import Plot, PlotLine, plain_axis, tag

BOX, HIGH, ACROSS, DOWN = 132, 40, 16, 34  # of an ancestor: its size, the room between two
SIDE, ROW, LEFT, HEAD, FOOT = 46, 24, 92, 26, 46  # of a cell of the map, and the room for names


def looks(searches: Sequence[Search]) -> list[SeriesStyle]:
    """The search has a colour, those without a model beside it are grey."""
    found = [SeriesStyle(0, searches[0].arm, "model", "c0", "")]
    for k, search in enumerate(searches[1:], 1):
        found.append(SeriesStyle(k, search.arm, "floor", f"g{k - 1}", DASHES[k % len(DASHES)]))
    return found


def course(searches: Sequence[Search]) -> Figure:
    """The best training gap after each try, of all searches."""
    lines, most = [], max(1, *(len(s.tried) for s in searches))
    for look, search in zip(looks(searches), searches, strict=True):
        best = {float(p.call): 100 * p.gap for p in progress(search)}  # of the seeds the last
        points = list(best.items())
        end = [(float(len(search.tried)), points[-1][1])] if points else []
        lines.append(PlotLine(look, [*points, *end], steps=True))
    gaps = [y for line in lines for _, y in line.points] or [0.0]
    x, y = plain_axis("tries", 0, most), plain_axis("training gap, %", min(gaps), max(gaps))
    plot = Plot("Best training gap so far", x, y, lines)
    caption = (
        "Ratio of sums on the training instances less 1, of the best valid program after so many"
        " tries; at 0 the best seed program. A low gap here is what the search strove for, not"
        " what it is worth: that is told on instances that it has not seen."
    )
    return Figure(
        "Best training gap so far, %",
        caption,
        plot.draw(),
        plot.table(x.ticks, lambda v: f"{v:.2f} %"),
    )


# The champion's ancestors -----------------------------------------------------------------------


def tree(report: SearchReport, links: Links) -> Markup:
    """The champion on top, every program above all its parents; parents are joined to children."""
    known = {c.name: c for c in report.lineage}
    places = _places(report.lineage)
    wide = max(x for x, _ in places.values()) + BOX + 2
    high = max(y for _, y in places.values()) + HIGH + 2
    joins = [
        tag("path", d=_join(places[c.name], places[parent]), class_="join")
        for c in report.lineage
        for parent in c.parents
    ]
    boxes = [_box(known[name], *place, links[name]) for name, place in places.items()]
    return tag(
        "svg",
        tag("title", "The champion's ancestors"),
        *joins,
        *boxes,
        role="group",
        viewBox=f"0 0 {wide} {high}",
        width=wide,
        height=high,
        class_="lineage",
    )


def _places(lineage: Sequence[Candidate]) -> dict[str, tuple[int, int]]:
    """Left and top of each; rows are as far down as the longest way from the champion."""
    depth = {lineage[0].name: 0}
    # A parent is always older, so every child's row is known before its own.
    for c in sorted(lineage, key=_age, reverse=True):
        for parent in c.parents:
            depth[parent] = max(depth.get(parent, 0), depth[c.name] + 1)
    rows: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for c in lineage:
        rows[depth[c.name]].append(c.name)
    widest = max(map(len, rows))
    step = BOX + ACROSS
    return {
        name: (1 + k * step + (widest - len(row)) * step // 2, 1 + y * (HIGH + DOWN))
        for y, row in enumerate(rows)
        for k, name in enumerate(row)
    }


def _age(c: Candidate) -> tuple[bool, str]:
    return c.operator != "seed", c.name


def _join(child: tuple[int, int], parent: tuple[int, int]) -> str:
    (x, y), (px, py) = child, parent
    x, px, top = x + BOX // 2, px + BOX // 2, y + HIGH
    return f"M{x} {top}C{x} {top + DOWN} {px} {py - DOWN} {px} {py}"


def _box(c: Candidate, x: int, y: int, link: str) -> Markup:
    told = per_cent(c.gap) if c.status in ("valid", "duplicate") else c.status
    return tag(
        "a",
        tag("title", f"{c.name}, by {c.operator}" + (f" of {c.model}" if c.model else "")),
        tag("rect", x=x, y=y, width=BOX, height=HIGH, rx=5),
        tag("text", c.name, x=x + 9, y=y + 16, class_="who"),
        tag("text", f"{c.operator} · {told}", x=x + 9, y=y + 31),
        href=link,
        class_=f"ancestor by-{c.operator}",
    )


# The map of elites ------------------------------------------------------------------------------


def cells(search: Search, champion: Candidate | None, links: Links) -> Figure:
    """The cells that hold an elite on some island at the end, the best gap on top."""
    held: dict[Cell, list[Candidate]] = {}
    for island in search.database.islands:
        for cell, elite in island.items():
            held.setdefault(cell, []).append(elite)
    for group in held.values():
        group.sort(key=search.database.rank)
    axis, many = search.plan.axis, len(search.database.islands)
    unit = "characters" if axis == "length" else "CPU µs"
    mine = champion.name if champion else ""
    head = ["gap from", f"{unit} from", "islands", "best", "training gap"]
    table = [
        [
            _from(g, per_cent),
            _from(o, "{:.0f}".format),
            str(len(group)),
            group[0].name,
            per_cent(group[0].gap),
        ]
        for (g, o), group in sorted(held.items())
    ]
    caption = (
        f"Cells are steps of a factor of the square root of 2 in the training gap and in {unit}."
        f" In each: how many of the {many} islands have an elite there. Outlined: the champion's."
    )
    picture = _map(held, many, mine, links, f"{axis}, {unit}")
    return Figure("Cells that are held", caption, picture, [head, *table])


def _map(
    held: Mapping[Cell, Sequence[Candidate]], many: int, champion: str, links: Links, name: str
) -> Markup:
    if not held:
        return tag("p", "Nothing has been run yet.")
    gaps = range(min(g for g, _ in held), max(g for g, _ in held) + 1)
    others = range(min(o for _, o in held), max(o for _, o in held) + 1)
    base = HEAD + ROW * len(gaps)
    wide, high = LEFT + SIDE * len(others) + 12, base + FOOT
    parts = [
        tag("title", "Cells that are held"),
        tag("text", "training gap", x=LEFT - 8, y=HEAD - 8, text_anchor="end", class_="name"),
    ]
    parts += _axes(gaps, others, name)
    for g in gaps:
        for o in others:
            x, y = LEFT + (o - others[0]) * SIDE, HEAD + (g - gaps[0]) * ROW
            parts.append(_square(held.get((g, o), ()), x, y, many, champion, links))
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {wide} {high}",
        width=wide,
        role="img",
        class_="plot matrix map",
    )


def _axes(gaps: Sequence[int], others: Sequence[int], name: str) -> Iterator[Markup]:
    """The ends of both axes' cells, and the name of the horizontal one."""
    base = HEAD + ROW * len(gaps)
    for k, g in enumerate(gaps):
        text, y = _from(g, per_cent), HEAD + k * ROW + 16
        yield tag("text", text, x=LEFT - 8, y=y, text_anchor="end", class_="tick")
    for k, o in enumerate(others):
        text, x = _from(o, "{:.0f}".format), LEFT + k * SIDE
        yield tag("text", text, x=x, y=base + 15, text_anchor="middle", class_="tick")
    centre = LEFT + SIDE * len(others) / 2
    yield tag("text", name, x=centre, y=base + 36, text_anchor="middle", class_="name")


def _square(
    group: Sequence[Candidate], x: int, y: int, many: int, champion: str, links: Links
) -> Markup:
    """A cell; one that is held leads to the best of its elites."""
    size = {"x": x + 1, "y": y + 1, "width": SIDE - 2, "height": ROW - 2, "rx": 2}
    if not group:
        return tag("rect", **size, class_="heat", fill_opacity="0.00")
    told = ", ".join(dict.fromkeys(f"{c.name} ({per_cent(c.gap)})" for c in group))
    mark = " mine" if champion in {c.name for c in group} else ""
    deep = len(group) / many
    return tag(
        "a",
        tag("title", told),
        tag("rect", **size, class_=f"heat elite{mark}", fill_opacity=f"{0.15 + 0.85 * deep:.2f}"),
        tag(
            "text",
            str(len(group)),
            x=x + SIDE / 2,
            y=y + 16,
            text_anchor="middle",
            class_="heat-text strong" if deep > 0.5 else "heat-text",
        ),
        href=links[group[0].name],
    )


def _from(step: int, show: Callable[[float], str]) -> str:
    """The lower end of a step of the map."""
    return show(2 ** (step / 2))
