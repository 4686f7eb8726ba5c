"""Tasks on hosts on the page: skill by tasks, and which host had which tasks when."""

from collections.abc import Iterator, Mapping, Sequence
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
from harness.report.charts import by_series, gap_figure, gap_of, level_figures
from tasks.base import Fields
from tasks.placement import KEY, Fleet, host_seconds

SENTENCES = {
    "unparsable": "No answer could be read: {reason}.",
    "missing": "{task} has no host.",
    "unknown": "There is no task {task}.",
    "not_integer": "The host of {task} is no whole number: {value}.",
    "host": "{task} is on host {value}, which is not from 1 to the number of tasks.",
    "room": "When {task} comes to host {host} at {start}, it is over its {resource} by {amount}.",
}


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Yield skill by number of tasks, and gaps."""
    caption = (
        "1 is the optimum or the bound, 0 the mean of random fits, with a 95 % interval. Invalid"
        " answers have skill 0."
    )
    yield from level_figures(rows, looks, "skill", "tasks", caption)
    groups = by_series(episodes, looks)
    if groups:
        gaps = {look: [gap_of(e) for e in group] for look, group in groups.items()}
        yield gap_figure(gaps, "Gaps are against the optimum, or the bound where none is proven.")


def detail(episode: EpisodeView) -> Detail:
    """Return the answer's tasks by host, and beside it the reference's."""
    fleet: Fleet = episode.instance.payload
    answer = (episode.outcome.answers[0].value or {}) if episode.outcome else {}
    reference, grade = episode.instance.reference, episode.record.grade
    pictures = []
    if isinstance(answer.get(KEY), dict):
        pictures.append(_hosts("Answer", fleet, answer[KEY], grade.violations if grade else ()))
    if reference.answer is not None:
        pictures.append(_hosts(reference_title(reference), fleet, reference.answer[KEY], ()))
    return Detail(tuple(pictures))


def _hosts(
    title: str, fleet: Fleet, hosts: Mapping[str, Any], problems: Sequence[Fields]
) -> Timeline:
    """Return each task from its coming to its end, on the line of its host."""
    numbers = [hosts.get(task.id) for task in fleet.tasks]
    is_drawn = [type(n) is int and 1 <= n <= len(fleet.tasks) for n in numbers]
    width = len(str(len(fleet.tasks)))
    frame = InstanceFrame(
        unit="s",
        names=tuple(task.id for task in fleet.tasks),
        sizes=tuple(task.time for task in fleet.tasks),
        lanes=tuple(
            f"host {number:{width}d}" if drawn else "none"
            for number, drawn in zip(numbers, is_drawn, strict=True)
        ),
    )
    starts = tuple(t.at if drawn else None for t, drawn in zip(fleet.tasks, is_drawn, strict=True))
    missing = is_drawn.count(False)
    note = f"{missing} of {len(starts)} tasks have no host that can be drawn"
    if not missing:
        note = f"{host_seconds(fleet, hosts):,} host-seconds, {len(set(numbers))} hosts"
    rows = {task.id: row for row, task in enumerate(fleet.tasks)}
    bad = tuple((rows[p["task"]], k) for k, p in enumerate(problems) if p.get("task") in rows)
    return Timeline(title, note, frame, starts=starts, bad=bad)


def words(violation: Fields) -> str:
    """Return a violation as a sentence."""
    return SENTENCES[str(violation["kind"])].format(**violation)


DRAWINGS = Drawings(figures, detail, words)
