"""Jobs on one machine on the page: gaps, and orders with their due dates beside the optimum."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import inf
from typing import Any

from harness.board.board import Row
from harness.report.base import (
    Detail,
    Drawings,
    EpisodeView,
    Figure,
    InstanceFrame,
    Looks,
    Timeline,
    reference_title,
)
from harness.report.charts import by_series, gap_figure, level_figures, per_cent
from tasks.base import Fields
from tasks.tardiness import KEY, Jobs, tardiness

SENTENCES = {
    "unparsable": "No answer could be read: {reason}.",
    "not_a_list": "Where the order should be stands {value}.",
    "missing": "{job} is not in the order.",
    "duplicate": "{job} is in the order more than once.",
    "unknown": "There is no job {value}.",
}


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Yield skill by tardiness factor and by number of jobs, and gaps."""
    caption = (
        "1 is the reference, 0 the mean of random orders, with a 95 % interval."
        " Invalid answers have skill 0."
    )
    yield from level_figures(rows, looks, "skill", "tardiness factor", caption, "tf")
    yield from level_figures(rows, looks, "skill", "jobs", caption)
    groups = by_series(episodes, looks)
    gaps = {look: [_gap(e) for e in group] for look, group in groups.items()}
    if gaps:
        yield gap_figure(gaps, _against(episodes))


def _gap(episode: EpisodeView) -> float:
    grade = episode.record.grade
    if grade is None or grade.objective is None:
        return inf
    if grade.gap is not None:
        return grade.gap
    return 0.0 if grade.objective == grade.metrics["reference"] else inf


def _against(episodes: Sequence[EpisodeView]) -> str:
    graded = [e.record.grade for e in episodes if e.record.grade and e.record.grade.against]
    bound = sum(g.against == "bound" for g in graded)
    zero = "Where the reference is 0, any other value is beyond every gap."
    if not bound:
        return f"{zero} Every gap is against a proven optimum."
    return f"{zero} {per_cent(bound / len(graded))} of the gaps are against a lower bound."


# One answer ----------------------------------------------------------------------------------


def detail(episode: EpisodeView) -> Detail:
    """Return the answer's sequence beside the reference's: which jobs are late, and how much."""
    payload: Jobs = episode.instance.payload
    frame = _frame(payload)
    answer = (episode.outcome.answers[0].value or {}) if episode.outcome else {}
    reference = episode.instance.reference
    orders = {
        "Answer": answer.get(KEY),
        reference_title(reference): (reference.answer or {}).get(KEY),
    }
    pictures = (
        _sequence(title, payload, frame, order)
        for title, order in orders.items()
        if isinstance(order, list)
    )
    return Detail(tuple(pictures))


def _frame(payload: Jobs) -> InstanceFrame:
    jobs = payload.jobs
    return InstanceFrame(
        unit="time units",
        names=tuple(j.id for j in jobs),
        sizes=tuple(j.p for j in jobs),
        dues=tuple(j.d for j in jobs),
    )


def _sequence(title: str, payload: Jobs, frame: InstanceFrame, order: Sequence[Any]) -> Timeline:
    """Return the jobs in an order; one that is named twice runs where it is named first."""
    by_id = {job.id: job for job in payload.jobs}
    names = dict.fromkeys(name for name in order if isinstance(name, str) and name in by_id)
    jobs = [by_id[name] for name in names]
    ends = list(accumulate(job.p for job in jobs))
    late = sum(end > job.d for job, end in zip(jobs, ends, strict=True))
    note = f"total tardiness {tardiness(jobs):,}, {late} of {len(jobs)} jobs late"
    missing = len(by_id) - len(jobs)
    note += f", {missing} jobs missing" if missing else ""
    starts = {job.id: end - job.p for job, end in zip(jobs, ends, strict=True)}
    bars = tuple(starts.get(name) for name in frame.names)
    return Timeline(title, note, frame, starts=bars, sort=True)


def words(violation: Fields) -> str:
    """Return a violation as a sentence."""
    return SENTENCES[str(violation["kind"])].format(**violation)


DRAWINGS = Drawings(figures, detail, words)
