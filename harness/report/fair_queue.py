"""Clusters of several users on the page: skill by jobs, and when jobs were there."""

from collections.abc import Iterator, Sequence

from graders.exact.fair_queue_measure import job_costs, limits_of
from graders.exact.fair_queue_simulator import RefusedPick
from graders.exact.limits import LEAST
from graders.fair_queue import played, violations
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
from harness.report.charts import by_series, gap_figure, gap_of, level_figures
from tasks.base import Fields
from tasks.fair_queue import KEY, SharedCluster

SENTENCES = {
    "unparsable": "No answer could be read: {reason}.",
    "not_a_list": "Where the order should be stands {value}.",
    "missing": "{job} is not in the order.",
    "duplicate": "{job} is in the order more than once.",
    "unknown": "There is no job {value}.",
    "refused": "The simulator refuses a pick, by the rule {rule}: {detail}.",
}


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Yield skill by number of jobs, and gaps."""
    caption = (
        "1 is a run in which no job takes longer than in a fair share, 0 the mean of random"
        " orders, with a 95 % interval. Invalid answers have skill 0."
    )
    yield from level_figures(rows, looks, "skill", "jobs", caption)
    groups = by_series(episodes, looks)
    if groups:
        gaps = {look: [gap_of(e) for e in group] for look, group in groups.items()}
        yield gap_figure(gaps, "Every gap is against the bound, a cost of 1 a job.")


def detail(episode: EpisodeView) -> Detail:
    """Return when each job was there in the answer's run, and beside it in the reference's."""
    cluster: SharedCluster = episode.instance.payload
    answer = (episode.outcome.answers[0].value or {}) if episode.outcome else {}
    reference = episode.instance.reference
    schedules = {
        "Answer": answer.get(KEY),
        reference_title(reference): (reference.answer or {}).get(KEY),
    }
    pictures = (_picture(title, cluster, each) for title, each in schedules.items())
    return Detail(tuple(picture for picture in pictures if picture is not None))


def _picture(title: str, cluster: SharedCluster, schedule: object) -> Timeline | None:
    """Return each job from its arrival to its end, with its limit; None where there is no run."""
    if not isinstance(schedule, list) or violations(cluster, schedule):
        return None
    try:
        run = played(cluster, schedule)
    except RefusedPick:
        return None
    limits = limits_of(cluster)
    costs, ends = job_costs(limits, run), [job.done or 0 for job in run.jobs]
    frame = InstanceFrame(
        unit="ms",
        names=tuple(f"{job.id} (user {job.user})" for job in cluster.jobs),
        sizes=tuple(end - job.at for job, end in zip(cluster.jobs, ends, strict=True)),
        dues=tuple(job.at + limit for job, limit in zip(cluster.jobs, limits, strict=True)),
    )
    over = sum(cost > LEAST for cost in costs)
    mean = sum(costs) / 1000 / len(costs)
    note = f"mean cost {mean:.3f}, {over} of {len(costs)} jobs over their limit"
    starts = tuple(job.at for job in cluster.jobs)
    return Timeline(title, note, frame, starts=starts, sort=True, mark=max(ends))


def words(violation: Fields) -> str:
    """Return a violation as a sentence."""
    return SENTENCES[str(violation["kind"])].format(**violation)


DRAWINGS = Drawings(figures, detail, words)
