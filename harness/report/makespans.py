"""What pages of families share whose one answer has a least value: violations and gaps."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from harness.board.board import Row
from harness.report.base import EpisodeView, Figure, Looks
from harness.report.charts import (
    by_series,
    gap_figure,
    gap_of,
    level_figures,
    matrix_figure,
    per_cent,
)


def makespan_figures(
    rows: Sequence[Row],
    episodes: Sequence[EpisodeView],
    looks: Looks,
    *,
    unit: str,
    kinds: Sequence[str],
    remark: str,
    length: str = "makespan",
) -> Iterator[Figure]:
    """Yield the score by level for each cell, the mix of violations, and gaps.

    Args:
        rows: of the board.
        episodes: of those rows.
        looks: of the series.
        unit: what a level counts.
        kinds: those that stand first among the violations, in their order.
        remark: on the violations, one sentence or none.
        length: what is to be short.
    """
    caption = (
        f"The optimum over the {length} (the lower bound, where the optimum is not proven), 0 for"
        " an answer that breaks a rule, with a 95 % interval."
    )
    yield from level_figures(rows, looks, "score", unit, caption)
    yield from violation_figures(episodes, looks, kinds=kinds, remark=remark)
    groups = by_series(episodes, looks)
    gaps = {look: [gap_of(e) for e in group] for look, group in groups.items()}
    if gaps:
        yield gap_figure(gaps, _against(episodes))


def violation_figures(
    episodes: Sequence[EpisodeView], looks: Looks, *, kinds: Sequence[str], remark: str
) -> Iterator[Figure]:
    """Yield the mix of violations, if there are any.

    Args:
        episodes: of the rows of a board.
        looks: of the series.
        kinds: those that stand first, in their order.
        remark: one sentence or none.
    """
    groups = by_series(episodes, looks)
    shares = {look: _kinds(group) for look, group in groups.items()}
    broken = {kind for share in shares.values() for kind in share}
    if broken:
        columns = [k for k in kinds if k in broken] + sorted(broken - set(kinds))
        legend = " ".join(
            (
                "Per cent of all graded answers with at least one violation of the kind.",
                *filter(None, [remark]),
                "All cells and levels together.",
            )
        )
        yield matrix_figure("What is violated", legend, shares, columns)


def _kinds(episodes: Iterable[EpisodeView]) -> dict[str, float]:
    """Return the share of answers that have each kind of violation."""
    answers = [{v["kind"] for v in e.record.grade.violations} for e in episodes if e.record.grade]
    counts = Counter(kind for kinds in answers for kind in kinds)
    return {kind: count / len(answers) for kind, count in counts.items()}


def _against(episodes: Iterable[EpisodeView]) -> str:
    grades = [e.record.grade for e in episodes if e.record.grade and e.record.grade.against]
    bound = sum(grade.against == "bound" for grade in grades)
    if not bound:
        return "Every gap is against a proven optimum."
    return f"{per_cent(bound / len(grades))} of the gaps are against a lower bound, so too large."
