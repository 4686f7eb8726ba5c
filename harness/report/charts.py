"""The charts that several families draw: shares up to a gap, performance profiles, matrices."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from math import inf, isfinite, log, log1p

from markupsafe import Markup

from harness.board.board import Row
from harness.costs import sum_or_none
from harness.report.base import EpisodeView, Figure, Looks, SeriesStyle, series
from harness.report.svg import (
    Axis,
    Plot,
    PlotLine,
    Point,
    level_axis,
    log_axis,
    plain_axis,
    share_axis,
    tag,
)
from tasks.base import Record

LEFT, HEAD, WIDE, HIGH = 132, 66, 42, 23  # of a matrix: room for names, size of a square
GAPS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
RATIOS = (1.0, 1.02, 1.05, 1.1, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)


def per_cent(value: float) -> str:
    """A share for a table."""
    return f"{100 * value:.1f} %"


def by_series(
    episodes: Iterable[EpisodeView], looks: Looks
) -> dict[SeriesStyle, list[EpisodeView]]:
    """The graded episodes of each series, in the order of the looks."""
    graded = [e for e in episodes if e.record.grade]
    found = {name: [e for e in graded if e.series == name] for name in looks}
    return {looks[name]: group for name, group in found.items() if group}


def ecdf(values: Sequence[float]) -> list[Point]:
    """The share of all values that are no larger, at each finite one; what fails is infinite."""
    finite = sorted(v for v in values if isfinite(v))
    found, done = [], 0
    for value, group in groupby(finite):
        done += len(list(group))
        found.append((value, done / len(values)))
    return found


def _from(start: float, points: list[Point], end: float) -> list[Point]:
    """A step line over the whole axis: 0 before the first point, level after the last."""
    before = [(start, 0.0)] if not points or points[0][0] > start else []
    return [*before, *points, (end, points[-1][1] if points else 0.0)]


def _until(found: Iterable[float], steps: Sequence[float]) -> float:
    """The first of the steps that no finite value exceeds, at least the fourth; else the last."""
    worst = max((v for v in found if isfinite(v)), default=0.0)
    return next((s for s in steps[3:] if s >= worst), steps[-1])


def gap_figure(gaps: Mapping[SeriesStyle, Sequence[float]], against: str) -> Figure:
    """How many answers come within a gap of the reference; inf for those that have none."""
    end = _until((g for group in gaps.values() for g in group), GAPS)
    ticks = [(g, f"{100 * g:g} %") for g in GAPS if g <= end]
    axis = Axis("gap to the reference, at the most", 0.0, end, ticks, lambda g: log1p(g / 0.01))
    lines = [PlotLine(k, _from(0.0, ecdf(v), end), steps=True) for k, v in gaps.items()]
    plot = Plot(
        "Share of answers within a gap of the reference",
        axis,
        share_axis("share of answers"),
        lines,
    )
    caption = (
        "Share of all graded answers whose gap is no larger; the height at 0 % is the share that"
        f" is as good as the reference. {against}"
    )
    return Figure("Gap to the reference", caption, plot.draw(), plot.table(ticks, per_cent))


def profile_figure(values: Mapping[SeriesStyle, Mapping[str, float]], goal: str) -> Figure:
    """A performance profile (Dolan & Moré 2002) of costs by instance; inf where there is none.

    Only instances that every series answered take part.
    """
    shared = set.intersection(*(set(v) for v in values.values()))
    best = {name: min(v[name] for v in values.values()) for name in shared}
    ratios = {
        look: [_ratio(costs[name], best[name]) for name in sorted(shared)]
        for look, costs in values.items()
    }
    end = _until((r for group in ratios.values() for r in group), RATIOS)
    ticks = [(r, f"{r:g}") for r in RATIOS if r <= end]
    axis = Axis(
        f"{goal}, as a multiple of the best answer's",
        1.0,
        end,
        ticks,
        lambda r: log(1 + (r - 1) / 0.05),
    )
    lines = [PlotLine(k, _from(1.0, ecdf(v), end), steps=True) for k, v in ratios.items()]
    plot = Plot("Performance profile", axis, share_axis("share of instances"), lines)
    caption = (
        f"Share of the {len(shared)} instances that all answered on which the {goal} is within a"
        " factor of the best of those shown; an invalid answer never is (Dolan & Moré 2002)."
    )
    return Figure("Performance profile", caption, plot.draw(), plot.table(ticks, per_cent))


def _ratio(value: float, best: float) -> float:
    if value == best:
        return 1.0 if isfinite(best) else inf
    return value / best if best > 0 else inf


def level_figures(
    rows: Sequence[Row], looks: Looks, metric: str, dial: str, caption: str, setting: str = ""
) -> Iterator[Figure]:
    """The board's `METRIC@L` with its interval, a picture a cell; none where there is one level.

    With a `setting`, the dial, its `METRIC@setting=X` instead.
    """
    for cell in {str(row.cell): row.cell for row in rows}.values():
        lines = [by_level(row, metric, looks, setting) for row in rows if row.cell == cell]
        levels = sorted({x for line in lines for x, _ in line.points})
        if len(levels) < 2:
            continue
        where = ", ".join(f"{k} {v}" for k, v in cell.items())
        title = f"{metric.capitalize()} by {'' if setting else 'number of '}{dial}"
        title += f" ({where})" if where else ""
        drawn = [y for line in lines for _, *ys in (*line.points, *line.bands) for y in ys]
        low = min([0.0, *drawn])
        axis = plain_axis(metric, max(low, -1.0), 1.0)
        plot = Plot(title, level_axis(dial, levels), axis, lines)
        ticks = [(x, f"{x:g}") for x in levels]
        yield Figure(title, caption, plot.draw(), plot.table(ticks, lambda y: f"{y:.3f}"))


def by_level(row: Row, metric: str, looks: Looks, setting: str = "") -> PlotLine:
    """The metrics `METRIC@L` of a row, or `METRIC@setting=X`, with their intervals."""
    prefix = f"{metric}@{setting}=" if setting else f"{metric}@"
    found = {
        float(k.removeprefix(prefix)): e
        for k, e in row.metrics.items()
        if k.startswith(prefix) and ("=" in k) == bool(setting)
    }
    points = [(x, e.value) for x, e in found.items() if e.value is not None]
    bands = [
        (x, e.low, e.high) for x, e in found.items() if e.low is not None and e.high is not None
    ]
    return PlotLine(looks[series(row, row.setup)], points, bands, dots=True)


def cost_figure(
    rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks
) -> Figure | None:
    """Score against dollars an episode, or against tokens where a cost is unknown; models only.

    Nothing where no model is, or where the tokens of one are unknown too.
    """
    models = [row for row in rows if row.kind == "model" and row.score.value is not None]
    each = [_spent(row, episodes, "cost") for row in models]
    dollars = bool(each) and all(each)
    if not dollars:
        each = [_spent(row, episodes, "tokens") for row in models]
    if not each or not all(each):
        return None
    what = "US dollars an episode" if dollars else "tokens an episode"
    found = [(x, row) for x, row in zip(each, models, strict=True) if x]
    lines = [_against_cost(x, row, looks) for x, row in found]
    axis = log_axis(what, min(x for x, _ in found), max(x for x, _ in found))
    low = min([0.0, *(row.score.value or 0.0 for row in models)])
    plot = Plot(
        f"Score against {what}",
        axis,
        plain_axis("score", max(low, -1.0), 1.0),
        lines,
        _limits(rows),
    )
    caption = (
        "The board's score with its 95 % interval, against the mean over graded episodes of all"
        " that agent and memory spent."
        + ("" if dollars else " Not all costs are known, so tokens stand for them.")
    )
    table = [
        ["", what, "score"],
        *([k.look.label, f"{x:.4g}", f"{y:.3f}"] for k in lines for x, y in k.points),
    ]
    return Figure("Score against cost", caption, plot.draw(), table)


def _spent(row: Row, episodes: Iterable[EpisodeView], what: str) -> float | None:
    """The mean a graded episode; None where one is unknown."""
    key = series(row, row.setup)
    found = [
        e.record.cost if what == "cost" else _tokens(e.record)
        for e in episodes
        if e.series == key
        and e.record.grade
        and all(e.record.settings.get(k) == v for k, v in row.cell.items())
    ]
    known = [value for value in found if value is not None]
    return sum(known) / len(known) if known and len(known) == len(found) else None


def _tokens(record: Record) -> int | None:
    counts = (record.input_tokens, record.output_tokens, record.memory_tokens)
    found: int | None = sum_or_none(counts)
    return found


def _limits(rows: Iterable[Row]) -> list[tuple[float, str]]:
    """The best floor and ceiling, where they are on the board."""
    best: dict[str, float] = {}
    for row in rows:
        if row.kind != "model" and row.score.value is not None:
            best[row.kind] = max(row.score.value, best.get(row.kind, row.score.value))
    return [(value, f"best {kind}") for kind, value in best.items()]


def _against_cost(x: float, row: Row, looks: Looks) -> PlotLine:
    score = row.score
    whole = score.low is not None and score.high is not None
    bands = [(x, score.low or 0.0, score.high or 0.0)] if whole else []
    return PlotLine(
        looks[series(row, row.setup)],
        [(x, score.value or 0.0)],
        bands,
        dots=True,
        whiskers=True,
        named=True,
    )


def matrix_figure(
    title: str,
    caption: str,
    shares: Mapping[SeriesStyle, Mapping[str, float]],
    columns: Sequence[str],
) -> Figure:
    """Shares as squares that are darker the larger they are, with the numbers in them."""
    lines = [_squares(look, found, columns, k) for k, (look, found) in enumerate(shares.items())]
    heads = [
        tag(
            "text",
            name.replace("_", " "),
            x=x,
            y=HEAD - 8,
            class_="tick",
            transform=f"rotate(-35 {x:g} {HEAD - 8})",
        )
        for name, x in ((n, LEFT + (k + 0.5) * WIDE - 6) for k, n in enumerate(columns))
    ]
    width, height = LEFT + WIDE * len(columns) + 40, HEAD + HIGH * len(lines) + 4
    picture = tag(
        "svg",
        tag("title", title),
        *heads,
        *lines,
        viewBox=f"0 0 {width} {height}",
        role="img",
        class_="plot matrix",
        width=width,
    )
    table = [
        ["", *columns],
        *([k.label, *(per_cent(v.get(c, 0.0)) for c in columns)] for k, v in shares.items()),
    ]
    return Figure(title, caption, picture, table)


def _squares(
    look: SeriesStyle, found: Mapping[str, float], columns: Sequence[str], row: int
) -> Markup:
    """A line of a matrix."""
    y = HEAD + row * HIGH
    who = look.label if len(look.label) <= 22 else look.label[:21] + "…"
    cells = [
        tag("title", look.label),
        tag("text", who, x=LEFT - 8, y=y + 16, class_="tick", text_anchor="end"),
    ]
    for k, name in enumerate(columns):
        share, x = found.get(name, 0.0), LEFT + k * WIDE
        cells.append(
            tag(
                "rect",
                x=x + 1,
                y=y + 1,
                width=WIDE - 2,
                height=HIGH - 2,
                rx=2,
                class_="heat",
                fill_opacity=f"{share:.2f}",
            )
        )
        strong = "heat-text strong" if share > 0.55 else "heat-text"
        text = f"{100 * share:.0f}" if share else "·"
        cells.append(
            tag("text", text, x=x + WIDE / 2, y=y + 16, text_anchor="middle", class_=strong)
        )
    return tag("g", *cells, class_=f"series {look.kind}", data_series=look.number)
