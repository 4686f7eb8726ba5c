"""Servers of a language model under load: what they had to do over time, and goodput by load."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean

from graders.exact.serving import case_of
from graders.exact.serving_server import RefusedPlan
from graders.exact.serving_simulator import ServingRun
from graders.serving import plan_of, violations
from harness.report.base import EpisodeView, Figure, Looks, SeriesStyle
from harness.report.charts import by_series, per_cent
from harness.report.svg import Axis, Plot, PlotLine, Point, plain_axis, share_axis
from tasks.base import Instance
from tasks.serving import KEY
from tasks.serving_payload import Service

SECOND = 1_000_000_000
MOMENTS = 160  # at which servers are looked at
Seen = tuple[float, float, float, float]  # s, requests that run, that wait, share of memory
Group = tuple[int, float]  # jobs, and the pressure of their arrivals
PARTS: tuple[tuple[str, str, str, int], ...] = (
    ("Requests that run", "requests", "Requests that have their place in memory.", 1),
    ("Requests that wait", "requests", "Requests that have come and have no place.", 2),
    ("Memory in use", "share of memory", "Tokens of context in memory, over what there is.", 3),
)


def load_figures(episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Yield goodput by load, and what servers had to do over time on one instance."""
    groups = by_series(episodes, looks)
    yield from _goodput(groups)
    first = next((e.instance for e in episodes if e.record.grade), None)
    if first is not None:
        yield from _timelines(first, groups)


# Over time -----------------------------------------------------------------------------------


def _timelines(
    instance: Instance[Service], groups: Mapping[SeriesStyle, Sequence[EpisodeView]]
) -> Iterator[Figure]:
    """Yield a picture each of the requests that run, that wait, and of memory."""
    runs: dict[SeriesStyle, list[Seen]] = {}
    for look, group in groups.items():
        episode = next((e for e in group if e.instance.id == instance.id), None)
        moments = [] if episode is None else watched(episode)
        if moments:
            runs[look] = moments
    if not runs:
        return
    end = max(moments[-1][0] for moments in runs.values())
    axis = plain_axis("seconds", 0.0, end)
    for title, unit, caption, place in PARTS:
        lines = [
            PlotLine(look, [(seen[0], seen[place]) for seen in moments], steps=True)
            for look, moments in runs.items()
        ]
        most = max(y for line in lines for _, y in line.points)
        height = share_axis(unit) if place == 3 else plain_axis(unit, 0.0, max(1.0, most))
        yield _figure(f"{title} over time", axis, height, lines, f"{caption} {instance.id}.")


def _figure(title: str, x: Axis, y: Axis, lines: Sequence[PlotLine], caption: str) -> Figure:
    plot = Plot(title, x, y, lines=lines)
    return Figure(title, caption, plot.draw(), table=plot.table(x.ticks, lambda v: f"{v:.3g}"))


def watched(episode: EpisodeView) -> list[Seen]:
    """Return what all servers together had to do at moments of an answer's run.

    Nothing of an answer that cannot be run.
    """
    service: Service = episode.instance.payload
    answer = (episode.outcome.answers[0].value or {}) if episode.outcome else {}
    schedule = answer.get(KEY)
    if not isinstance(schedule, list) or violations(service, schedule):
        return []
    case = case_of(service)

    def simulation() -> ServingRun:
        return ServingRun(case, plan_of(service, schedule))

    whole = simulation()
    try:
        whole.run()
    except RefusedPlan:
        return []
    end = max(job.done or 0 for job in whole.jobs)
    again, memory = simulation(), sum(server.memory for server in service.servers)
    return [_seen(again, end * k // MOMENTS, memory) for k in range(MOMENTS + 1)]


def _seen(run: ServingRun, moment: int, memory: int) -> Seen:
    """Run on to a moment and return what there is to see then."""
    run.advance(moment + 1)
    return (
        moment / SECOND,
        float(sum(len(server.running) for server in run.servers)),
        float(len(run.queue) + len(run.moved)),
        sum(server.used for server in run.servers) / memory,
    )


# Goodput by load -----------------------------------------------------------------------------


def _goodput(groups: Mapping[SeriesStyle, Sequence[EpisodeView]]) -> Iterator[Figure]:
    """Yield goodput by load, a point for each number of jobs and pressure; none of a single one."""
    lines = [PlotLine(look, _points(group), dots=True) for look, group in groups.items()]
    loads = [x for line in lines for x, _ in line.points]
    if not loads or max(len(line.points) for line in lines) < 2:
        return
    axis = plain_axis("tokens a second that come", 0.0, max(loads))
    plot = Plot("Goodput against load", axis, share_axis("share of jobs"), lines=lines)
    head = ["", "tokens a second", "goodput"]
    rows = [[k.look.label, f"{x:.0f}", per_cent(y)] for k in lines for x, y in k.points]
    caption = (
        "Share of jobs within their limits, the mean over the instances of a number of jobs and a"
        " pressure, against the tokens of prompts and outputs that come in a second. An invalid"
        " answer keeps no limit."
    )
    yield Figure("Goodput against load", caption, plot.draw(), table=[head, *rows])


def _points(episodes: Sequence[EpisodeView]) -> list[Point]:
    groups: dict[Group, list[EpisodeView]] = {}
    for episode in episodes:
        pressure = episode.instance.settings.get("pressure", 0.0)
        key = (episode.instance.level, float(pressure or 0.0))
        groups.setdefault(key, []).append(episode)
    return sorted((_mean(group, _load), _mean(group, _kept)) for group in groups.values())


def _mean(episodes: Sequence[EpisodeView], value: Callable[[EpisodeView], float]) -> float:
    return fmean(map(value, episodes))


def _load(episode: EpisodeView) -> float:
    """Return the tokens that come in a second, from the first job to the last."""
    service: Service = episode.instance.payload
    calls = [call for job in service.jobs for stage in job.stages for call in stage.calls]
    span = service.jobs[-1].at - service.jobs[0].at
    return sum(call.prompt + call.output for call in calls) * SECOND / max(span, SECOND // 1000)


def _kept(episode: EpisodeView) -> float:
    grade = episode.record.grade
    return grade.metrics.get("goodput", 0.0) if grade else 0.0
