"""Jobs on one machine on the page: gaps, and orders with their due dates beside the optimum."""

from collections.abc import Iterator, Sequence
from math import inf
from typing import Any

from harness.board.board import Row
from harness.report.base import Detail, EpisodeView, Figure, InstanceFrame, Looks, Timeline
from harness.report.charts import by_series, gap_figure, level_figures, per_cent
from tasks.base import Fields
from tasks.tardiness import KEY, Jobs, tardiness


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Skill by tardiness factor and by number of jobs, and gaps."""
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
    told = "Where the reference is 0, any other value is beyond every gap."
    if not bound:
        return f"{told} Every gap is against a proven optimum."
    return f"{told} {per_cent(bound / len(graded))} of the gaps are against a lower bound."


# One answer ----------------------------------------------------------------------------------


def detail(episode: EpisodeView) -> Detail:
    """The answer's sequence beside the reference's: who is late, and by how much."""
    payload: Jobs = episode.instance.payload
    jobs = payload.jobs
    frame = InstanceFrame(
        unit="time units",
        names=tuple(j.id for j in jobs),
        sizes=tuple(j.p for j in jobs),
        dues=tuple(j.d for j in jobs),
    )
    answered = (episode.outcome.answers[0].value or {}) if episode.outcome else {}
    known = episode.instance.reference
    status = "proven optimum" if known.status == "optimal" else f"reference, {known.status}"
    found = [
        ("Answer", answered.get(KEY)),
        (f"Reference ({status})", (known.answer or {}).get(KEY)),
    ]
    return Detail(
        tuple(
            _sequence(title, payload, frame, order)
            for title, order in found
            if isinstance(order, list)
        )
    )


def _sequence(title: str, payload: Jobs, frame: InstanceFrame, order: Sequence[Any]) -> Timeline:
    """The jobs in the order given; a job that is named twice runs where it is named first."""
    known = {job.id: job for job in payload.jobs}
    names = list(dict.fromkeys(i for i in order if isinstance(i, str) and i in known))
    starts, end = dict[str, int](), 0
    for name in names:
        starts[name] = end
        end += known[name].p
    jobs = [known[name] for name in names]
    late = sum(starts[job.id] + job.p > job.d for job in jobs)
    note = f"total tardiness {tardiness(jobs):,}, {late} of {len(jobs)} jobs late"
    missing = len(known) - len(names)
    note += f", {missing} jobs missing" if missing else ""
    drawn = tuple(starts.get(name) for name in frame.names)
    return Timeline(title, note, frame, drawn, sort=True)


def words(violation: Fields) -> str:
    """A violation as a sentence."""
    return {
        "unparsable": "No answer could be read: {reason}.",
        "not_a_list": "Where the order should be stands {value}.",
        "missing": "{job} is not in the order.",
        "duplicate": "{job} is in the order more than once.",
        "unknown": "There is no job {value}.",
    }[str(violation["kind"])].format(**violation)
