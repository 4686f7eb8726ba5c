"""Servers of a language model on the page: skill by jobs, load, and when jobs were there."""

from collections.abc import Iterator, Sequence

from graders.exact.limits import LEAST
from graders.exact.serving import case_of
from graders.exact.serving_measure import job_costs
from graders.exact.serving_server import RefusedPlan
from graders.exact.serving_simulator import ServingRun
from graders.serving import plan_of, violations
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
from harness.report.serving_load import load_figures
from tasks.base import Fields
from tasks.serving import KEY
from tasks.serving_payload import Service

MS = 1_000_000
SENTENCES = {
    "unparsable": "No answer could be read: {reason}.",
    "not_a_list": "Where the order should be stands {value}.",
    "missing": "{job} is not in the order.",
    "duplicate": "{job} is in the order more than once.",
    "unknown": "There is no job {value}.",
    "not_a_log": "A log of decisions has no entry {value}.",
    "refused": "The simulator refuses a plan, by the rule {rule}: {detail}.",
}


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Yield skill by number of jobs, and gaps."""
    caption = (
        "1 is a run in which every limit is kept, 0 the mean of random orders, with a 95 %"
        " interval. Invalid answers have skill 0."
    )
    yield from level_figures(rows, looks, "skill", "jobs", caption)
    yield from load_figures(episodes, looks)
    groups = by_series(episodes, looks)
    if groups:
        gaps = {look: [gap_of(e) for e in group] for look, group in groups.items()}
        yield gap_figure(gaps, "Every gap is against the bound, a cost of 1 a job.")


def detail(episode: EpisodeView) -> Detail:
    """Return when each job was there in the answer's run, and beside it in the reference's."""
    service: Service = episode.instance.payload
    answer = (episode.outcome.answers[0].value or {}) if episode.outcome else {}
    reference = episode.instance.reference
    schedules = {
        "Answer": answer.get(KEY),
        reference_title(reference): (reference.answer or {}).get(KEY),
    }
    pictures = (_picture(title, service, each) for title, each in schedules.items())
    return Detail(tuple(picture for picture in pictures if picture is not None))


def _picture(title: str, service: Service, schedule: object) -> Timeline | None:
    """Return each job from its arrival to its end; None where a schedule cannot be run."""
    if not isinstance(schedule, list) or violations(service, schedule):
        return None
    run = ServingRun(case_of(service), plan_of(service, schedule))
    try:
        run.run()
    except RefusedPlan:
        return None
    costs, ends = job_costs(run), [job.done or 0 for job in run.jobs]
    over = sum(cost > LEAST for cost in costs)
    frame = InstanceFrame(
        unit="ms",
        names=tuple(job.id for job in service.jobs),
        sizes=tuple((end - job.at) // MS for job, end in zip(service.jobs, ends, strict=True)),
    )
    mean = sum(costs) / 1000 / len(costs)
    note = f"mean cost {mean:.3f}, {over} of {len(costs)} jobs over a limit,"
    note += f" {run.stats['evictions']} evictions"
    starts = tuple(job.at // MS for job in service.jobs)
    return Timeline(title, note, frame, starts=starts, sort=True, mark=max(ends) // MS)


def words(violation: Fields) -> str:
    """Return a violation as a sentence."""
    return SENTENCES[str(violation["kind"])].format(**violation)


DRAWINGS = Drawings(figures, detail, words)
