"""The charts that several families draw: shares up to a gap, performance profiles, matrices."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf, isfinite, log, log1p

from markupsafe import Markup

from harness.board.board import Row
from harness.costs import sum_or_none
from harness.report.base import EpisodeView, Figure, Looks, SeriesStyle, in_cell, of_cell, series
from harness.report.svg import (
    Axis,
    Plot,
    PlotLine,
    Point,
    level_axis,
    log_axis,
    score_axis,
    share_axis,
    shortened,
    tag,
)
from tasks.base import Record

LEFT, HEAD, WIDE, HIGH = 132, 66, 42, 23  # of a matrix: room for names, size of a square
GAPS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
RATIOS = (1.0, 1.02, 1.05, 1.1, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)


def per_cent(value: float) -> str:
    """Return a share for a table."""
    return f"{100 * value:.1f} %"


def gap_of(episode: EpisodeView) -> float:
    """Return an episode's gap, infinite where there is none."""
    grade = episode.record.grade
    return float("inf") if grade is None or grade.gap is None else grade.gap


def by_series(
    episodes: Iterable[EpisodeView], looks: Looks
) -> dict[SeriesStyle, list[EpisodeView]]:
    """Return the graded episodes of each series that has any, in the order of the looks."""
    groups: dict[str, list[EpisodeView]] = {name: [] for name in looks}
    for episode in episodes:
        if episode.record.grade and episode.series in groups:
            groups[episode.series].append(episode)
    return {looks[name]: group for name, group in groups.items() if group}


def ecdf(values: Sequence[float]) -> list[Point]:
    """Return the share of all values that are no larger, at each finite one.

    A failure counts as infinite.
    """
    finite = sorted(filter(isfinite, values))
    return [(v, bisect_right(finite, v) / len(values)) for v in dict.fromkeys(finite)]


def _from(start: float, points: list[Point], end: float) -> list[Point]:
    """Return a step line over the whole axis: 0 before the first point, level after the last."""
    before = [(start, 0.0)] if not points or points[0][0] > start else []
    return [*before, *points, (end, points[-1][1] if points else 0.0)]


def _until(values: Iterable[float], steps: Sequence[float]) -> float:
    """Return the first step that no finite value exceeds, at least the fourth; else the last."""
    worst = max([0.0, *filter(isfinite, values)])
    return next((s for s in steps[3:] if s >= worst), steps[-1])


def gap_figure(gaps: Mapping[SeriesStyle, Sequence[float]], against: str) -> Figure:
    """Return how many answers come within a gap of the reference.

    Args:
        gaps: one for each graded answer, as a share of the reference; inf for an invalid one.
        against: a sentence that says what the references are.
    """
    end = _until((g for group in gaps.values() for g in group), GAPS)
    ticks = [(g, f"{100 * g:g} %") for g in GAPS if g <= end]
    name = "gap to the reference, at the most"
    axis = Axis(name, 0.0, end, ticks=ticks, bend=lambda g: log1p(g / 0.01))
    lines = [PlotLine(k, _from(0.0, ecdf(v), end), steps=True) for k, v in gaps.items()]
    title = "Share of answers within a gap of the reference"
    plot = Plot(title, axis, share_axis("share of answers"), lines=lines)
    caption = (
        "Share of all graded answers whose gap is no larger; the height at 0 % is the share that"
        f" is as good as the reference. {against}"
    )
    table = plot.table(ticks, per_cent)
    return Figure("Gap to the reference", caption, plot.draw(), table=table)


def profile_figure(values: Mapping[SeriesStyle, Mapping[str, float]], goal: str) -> Figure:
    """Return a performance profile (Dolan & Moré 2002) of the instances that all series answered.

    Args:
        values: costs by instance; inf for an invalid answer.
        goal: what the costs are, such as `makespan`.
    """
    shared = set.intersection(*(set(v) for v in values.values()))
    ratios = _ratios(values, sorted(shared))
    end = _until((r for group in ratios.values() for r in group), RATIOS)
    ticks = [(r, f"{r:g}") for r in RATIOS if r <= end]
    name = f"{goal}, as a multiple of the best answer's"
    axis = Axis(name, 1.0, end, ticks=ticks, bend=lambda r: log(1 + (r - 1) / 0.05))
    lines = [PlotLine(k, _from(1.0, ecdf(v), end), steps=True) for k, v in ratios.items()]
    plot = Plot("Performance profile", axis, share_axis("share of instances"), lines=lines)
    caption = (
        f"Share of the {len(shared)} instances that all answered on which the {goal} is within a"
        " factor of the best of those shown; an invalid answer never is (Dolan & Moré 2002)."
    )
    table = plot.table(ticks, per_cent)
    return Figure("Performance profile", caption, plot.draw(), table=table)


def _ratios(
    values: Mapping[SeriesStyle, Mapping[str, float]], instances: Sequence[str]
) -> dict[SeriesStyle, list[float]]:
    """Return each series' costs as multiples of the best one on the instance."""
    best = {name: min(costs[name] for costs in values.values()) for name in instances}
    return {
        look: [_ratio(costs[name], best[name]) for name in instances]
        for look, costs in values.items()
    }


def _ratio(value: float, best: float) -> float:
    if value == best:
        return 1.0 if isfinite(best) else inf
    return value / best if best > 0 else inf


def level_figures(
    rows: Sequence[Row], looks: Looks, metric: str, dial: str, caption: str, setting: str = ""
) -> Iterator[Figure]:
    """Yield the board's `METRIC@L` with its interval, a picture a cell; none of a single level.

    Args:
        rows: the family's board rows.
        looks: the styles of their series.
        metric: what is drawn.
        dial: what the levels count, or the name of the setting in words.
        caption: of every picture.
        setting: where given, `METRIC@setting=X` is drawn instead.
    """
    name = f"{metric.capitalize()} by {'' if setting else 'number of '}{dial}"
    for cell in {str(row.cell): row.cell for row in rows}.values():
        lines = [by_level(row, metric, looks, setting) for row in rows if row.cell == cell]
        levels = sorted({x for line in lines for x, _ in line.points})
        if len(levels) > 1:
            axis = level_axis(dial, levels)
            title = of_cell(name, cell)
            plot = Plot(title, axis, score_axis(metric, _values(lines)), lines=lines)
            table = plot.table([(x, f"{x:g}") for x in levels], lambda y: f"{y:.3f}")
            yield Figure(title, caption, plot.draw(), table=table)


def _values(lines: Iterable[PlotLine]) -> list[float]:
    """Return the heights of all points and ends of intervals."""
    return [y for line in lines for _, *ys in (*line.points, *line.bands) for y in ys]


def by_level(row: Row, metric: str, looks: Looks, setting: str = "") -> PlotLine:
    """Return the metrics `METRIC@L` of a row, or `METRIC@setting=X`, with their intervals."""
    prefix = f"{metric}@{setting}=" if setting else f"{metric}@"
    estimates = {
        float(k.removeprefix(prefix)): e
        for k, e in row.metrics.items()
        if k.startswith(prefix) and ("=" in k) == bool(setting)
    }
    points = [(x, e.value) for x, e in estimates.items() if e.value is not None]
    bands = [
        (x, e.low, e.high) for x, e in estimates.items() if e.low is not None and e.high is not None
    ]
    return PlotLine(looks[series(row, row.setup)], points, bands, dots=True)


def cost_figure(
    rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks
) -> Figure | None:
    """Return score against dollars an episode, or against tokens if a cost is unknown.

    Only models are drawn; None if there is no model, or the tokens of one are unknown too.
    """
    models = [row for row in rows if row.kind == "model" and row.score.value is not None]
    costs = _spending(models, episodes, "cost")
    spending = costs or _spending(models, episodes, "tokens")
    if not spending:
        return None
    unit = "US dollars an episode" if costs else "tokens an episode"
    lines = [_against_cost(x, row, looks) for x, row in zip(spending, models, strict=True)]
    plot = Plot(
        f"Score against {unit}",
        log_axis(unit, min(spending), max(spending)),
        score_axis("score", (row.score.value or 0.0 for row in models)),
        lines=lines,
        levels=_limits(rows),
    )
    caption = (
        "The board's score with its 95 % interval, against the mean over graded episodes of all"
        " that agent and memory spent."
        + ("" if costs else " Not all costs are known, so tokens stand for them.")
    )
    return Figure("Score against cost", caption, plot.draw(), table=_cost_table(unit, lines))


def _cost_table(unit: str, lines: Iterable[PlotLine]) -> list[list[str]]:
    head = ["", unit, "score"]
    return [head, *([k.look.label, f"{x:.4g}", f"{y:.3f}"] for k in lines for x, y in k.points)]


def _spending(rows: Iterable[Row], episodes: Sequence[EpisodeView], unit: str) -> list[float]:
    """Return each row's mean a graded episode; nothing if one is unknown or 0."""
    means = [_spent(row, episodes, unit) for row in rows]
    return [mean for mean in means if mean] if all(means) else []


def _spent(row: Row, episodes: Iterable[EpisodeView], unit: str) -> float | None:
    """Return the mean a graded episode, of `cost` or `tokens`; None if one is unknown."""
    key = series(row, row.setup)
    inside = [e for e in episodes if e.series == key and e.record.grade and in_cell(e, row.cell)]
    values = [e.record.cost if unit == "cost" else _tokens(e.record) for e in inside]
    total: float | None = sum_or_none(values)
    return None if total is None or not values else total / len(values)


def _tokens(record: Record) -> int | None:
    counts = (record.input_tokens, record.output_tokens, record.memory_tokens)
    tokens: int | None = sum_or_none(counts)
    return tokens


def _limits(rows: Iterable[Row]) -> list[tuple[float, str]]:
    """Return the scores of the best floor and ceiling that are on the board."""
    best: dict[str, float] = {}
    for row in rows:
        if row.kind != "model" and row.score.value is not None:
            best[row.kind] = max(row.score.value, best.get(row.kind, row.score.value))
    return [(value, f"best {kind}") for kind, value in best.items()]


def _against_cost(x: float, row: Row, looks: Looks) -> PlotLine:
    score = row.score
    bounded = score.low is not None and score.high is not None
    return PlotLine(
        looks[series(row, row.setup)],
        [(x, score.value or 0.0)],
        [(x, score.low or 0.0, score.high or 0.0)] if bounded else [],
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
    """Return shares as squares that are darker the larger they are, with the numbers in them.

    Args:
        title: of the figure.
        caption: of the figure.
        shares: a line a series, from 0 to 1; a column that it has not is 0.
        columns: the names of the columns.
    """
    lines = [_squares(look, line, columns, k) for k, (look, line) in enumerate(shares.items())]
    width, height = LEFT + WIDE * len(columns) + 40, HEAD + HIGH * len(lines) + 4
    picture = tag(
        "svg",
        tag("title", title),
        *(_head(name, k) for k, name in enumerate(columns)),
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
    return Figure(title, caption, picture, table=table)


def _head(name: str, column: int) -> Markup:
    """Return the name above a column of a matrix, aslant."""
    x = LEFT + (column + 0.5) * WIDE - 6
    return tag(
        "text",
        name.replace("_", " "),
        x=x,
        y=HEAD - 8,
        class_="tick",
        transform=f"rotate(-35 {x:g} {HEAD - 8})",
    )


def _squares(
    look: SeriesStyle, shares: Mapping[str, float], columns: Sequence[str], row: int
) -> Markup:
    """Return a line of a matrix."""
    y = HEAD + row * HIGH
    name = shortened(look.label, 22)
    cells = [
        tag("title", look.label),
        tag("text", name, x=LEFT - 8, y=y + 16, class_="tick", text_anchor="end"),
    ]
    for k, column in enumerate(columns):
        cells += _square(shares.get(column, 0.0), LEFT + k * WIDE, y)
    return tag("g", *cells, class_=f"series {look.kind}", data_series=look.number)


def _square(share: float, x: int, y: int) -> tuple[Markup, Markup]:
    """Return a square of a matrix and the number in it; x and y are its left and top."""
    square = tag(
        "rect",
        x=x + 1,
        y=y + 1,
        width=WIDE - 2,
        height=HIGH - 2,
        rx=2,
        class_="heat",
        fill_opacity=f"{share:.2f}",
    )
    strong = "heat-text strong" if share > 0.55 else "heat-text"
    text = f"{100 * share:.0f}" if share else "·"
    number = tag("text", text, x=x + WIDE / 2, y=y + 16, text_anchor="middle", class_=strong)
    return square, number
