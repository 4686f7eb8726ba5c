"""Questions about projects on the page: the share right by level, and by kind."""

from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean

from harness.board.board import Row
from harness.report.base import Detail, Drawings, EpisodeView, Figure, Looks
from harness.report.charts import by_series, level_figures, matrix_figure
from tasks.base import Fields
from tasks.contexts import KINDS

SENTENCES = {
    "unparsable": "Question {question}: no answer could be read: {reason}.",
    "missing": "Question {question} has no answer.",
    "wrong_form": "Question {question}: {value} is no whole number.",
    "wrong": "Question {question}: {value} is not the right answer ({asked}).",
    "surplus": "There are {amount} answers beyond the last question.",
}


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Yield the share right by level, and by kind over all levels."""
    caption = "The share of questions with the right answer, with a 95 % interval."
    yield from level_figures(rows, looks, "score", "steps (2 a level, from 8)", caption)
    shares = {look: _shares(group) for look, group in by_series(episodes, looks).items()}
    columns = [kind for kind in KINDS if any(kind in share for share in shares.values())]
    if columns:
        about = "Per cent of the questions of a kind with the right answer, all levels together."
        yield matrix_figure("Right answers by kind", about, shares, columns)


def _shares(episodes: Iterable[EpisodeView]) -> dict[str, float]:
    """Return the share of right answers to the questions of each kind."""
    values: dict[str, list[float]] = {}
    for episode in episodes:
        metrics = episode.record.grade.metrics if episode.record.grade else {}
        for kind in KINDS:
            if f"score_{kind}" in metrics:
                values.setdefault(kind, []).append(metrics[f"score_{kind}"])
    return {kind: fmean(each) for kind, each in values.items()}


def words(violation: Fields) -> str:
    """Return a violation as a sentence."""
    return SENTENCES[str(violation["kind"])].format(**violation)


DRAWINGS = Drawings(figures, lambda _: Detail(), words)
