"""Questions about time on the page: the share right by level, and by kind."""

from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean

from harness.board.board import Row
from harness.report.base import Detail, Drawings, EpisodeView, Figure, Looks
from harness.report.charts import by_series, level_figures, matrix_figure
from tasks.base import Fields
from tasks.temporal_facts import KINDS

SENTENCES = {
    "unparsable": "No answer could be read: {reason}.",
    "wrong_form": "Where a {form} should be stands {value}.",
    "wrong": "{value} is not the right {form}.",
}


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Yield the share right by level, and by kind over all levels."""
    caption = "The share of questions with the right answer, with a 95 % interval."
    yield from level_figures(rows, looks, "score", "steps or facts", caption)
    shares = {look: _shares(group) for look, group in by_series(episodes, looks).items()}
    columns = [kind for kind in KINDS if any(kind in share for share in shares.values())]
    if columns:
        about = "Per cent of the questions of a kind with the right answer, all levels together."
        yield matrix_figure("Right answers by kind", about, shares, columns)


def _shares(episodes: Iterable[EpisodeView]) -> dict[str, float]:
    """Return the share of right answers to the questions of each kind."""
    scores: dict[str, list[float]] = {}
    for episode in episodes:
        if episode.record.grade:
            kind = episode.instance.payload.facts.kind
            scores.setdefault(kind, []).append(episode.record.grade.score)
    return {kind: fmean(values) for kind, values in scores.items()}


def words(violation: Fields) -> str:
    """Return a violation as a sentence."""
    return SENTENCES[str(violation["kind"])].format(**violation)


DRAWINGS = Drawings(figures, lambda _: Detail(), words)
