"""The reliability picture: how often answers are right, by the confidence that was stated."""

from collections.abc import Mapping, Sequence

from graders.confidence import Bin, forecast_of, tallies
from graders.statistics import rate
from harness.report.base import EpisodeView, Figure, Looks, SeriesStyle
from harness.report.charts import by_series, per_cent
from harness.report.svg import Axis, Plot, PlotLine, share_axis

TICKS = [(k / 5, f"{20 * k} %") for k in range(6)]
DIAGONAL = SeriesStyle(-1, "as stated", "floor", "", "1 3")


def reliability_figure(episodes: Sequence[EpisodeView], looks: Looks) -> Figure | None:
    """Return the share of right answers by stated confidence; None where none was asked for.

    Args:
        episodes: of one family.
        looks: the styles of their series.
    """
    bins = {look: _bins(group) for look, group in by_series(episodes, looks).items()}
    bins = {look: each for look, each in bins.items() if each}
    if not bins:
        return None
    lines = [_line(look, each) for look, each in bins.items()]
    diagonal = PlotLine(DIAGONAL, [(0.0, 0.0), (1.0, 1.0)])
    axis = Axis("stated confidence", 0.0, 1.0, ticks=TICKS)
    title = "Right answers by stated confidence"
    plot = Plot(title, axis, share_axis("share right"), lines=[diagonal, *lines])
    caption = (
        "Share of right answers among those with about the same stated confidence, with its 95 %"
        " interval, at their mean confidence; on the dotted line both are equal, below it answers"
        " are right less often than stated. Who states none is taken at 50 %."
    )
    return Figure("Stated confidence", caption, plot.draw(), table=_table(bins))


def _bins(episodes: Sequence[EpisodeView]) -> dict[int, Bin]:
    grades = [e.record.grade for e in episodes if e.record.grade]
    return tallies(f for f in map(forecast_of, grades) if f is not None)


def _line(look: SeriesStyle, bins: Mapping[int, Bin]) -> PlotLine:
    points, bands = [], []
    for each in bins.values():
        x, share = each.confidence / each.size, rate(each.right, each.size)
        points.append((x, each.share))
        if share.low is not None and share.high is not None:
            bands.append((x, share.low, share.high))
    return PlotLine(look, points, bands, dots=True, whiskers=True)


def _table(bins: Mapping[SeriesStyle, Mapping[int, Bin]]) -> list[list[str]]:
    lines = [["", "confidence", "right", "answers"]]
    for look, each in bins.items():
        for one in each.values():
            cells = (per_cent(one.confidence / one.size), per_cent(one.share), str(one.size))
            lines.append([look.label, *cells])
    return lines
