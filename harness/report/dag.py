"""Task graphs on the page: scores by size, what is violated, gaps, Gantt charts by processor."""

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
from harness.report.makespans import makespan_figures
from tasks.base import Fields
from tasks.dag import KEY, GraphTask, TaskGraph, in_a_row, stated

FAR = 2  # times what all tasks and data in a row need: bars further out are counted, not drawn
NOWHERE = "nowhere"  # the line of tasks that are on no processor
KINDS = ("precedence", "processor_busy", "processor", "missing")
SENTENCES = {
    "unparsable": "No answer could be read: {reason}.",
    "missing": "{task} has no place.",
    "unknown": "There is no task {task}.",
    "not_an_object": "Where the processor and start of {task} should be stands {value}.",
    "processor": "{task} is on {value}, which is no processor.",
    "not_integer": "{task} starts at {value}, which is no whole number.",
    "negative": "{task} starts at {value}, before time 0.",
    "precedence": "{after} starts {amount} before {before} has ended and its data are there.",
    "processor_busy": "{first} and {second} both run on {processor} in [{start}, {end}).",
}


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Return the score by number of tasks for each cell, the mix of violations, and gaps."""
    return makespan_figures(rows, episodes, looks, unit="tasks", kinds=KINDS, remark="")


# One answer ----------------------------------------------------------------------------------


def detail(episode: EpisodeView) -> Detail:
    """Return the answer's Gantt chart by processor beside the reference's, by the stated times."""
    graph: TaskGraph = episode.instance.payload
    answer = (episode.outcome.answers[0].value or {}) if episode.outcome else {}
    reference, grade = episode.instance.reference, episode.record.grade
    pictures = []
    if isinstance(answer.get(KEY), dict):
        pictures.append(_gantt("Answer", graph, answer[KEY], grade.violations if grade else ()))
    if reference.answer is not None:
        pictures.append(_gantt(reference_title(reference), graph, reference.answer[KEY], ()))
    return Detail(tuple(pictures))


def _gantt(
    title: str, graph: TaskGraph, schedule: Mapping[str, Any], problems: Sequence[Fields]
) -> Timeline:
    limit = FAR * in_a_row(stated(graph))
    bars = tuple(_bar(schedule.get(task.id), graph, limit) for task in graph.tasks)
    lanes = tuple(_lane(schedule.get(task.id), graph) for task in graph.tasks)
    sizes = tuple(
        task.times.get(lane, max(task.times.values()))
        for task, lane in zip(graph.tasks, lanes, strict=True)
    )
    ends = [start + size for start, size in zip(bars, sizes, strict=True) if start is not None]
    missing = bars.count(None)
    by = " by the stated times" if graph.noise else ""
    notes = [f"makespan {max(ends)}{by}"] if ends else []
    notes += [f"{missing} of {len(bars)} tasks have no place that can be drawn"] * bool(missing)
    names = tuple(task.id for task in graph.tasks)
    return Timeline(
        title,
        ", ".join(notes),
        InstanceFrame(unit="time units", names=names, sizes=sizes, lanes=lanes),
        starts=bars,
        mark=max(ends, default=None),
        bad=tuple(_marks(graph.tasks, problems)),
        links=tuple(_links(names, bars, problems)),
    )


def _lane(entry: object, graph: TaskGraph) -> str:
    """Return the processor of a task, `NOWHERE` where it is none that there is."""
    processor = entry.get("processor") if isinstance(entry, dict) else None
    is_one = isinstance(processor, str) and processor in graph.processors
    return str(processor) if is_one else NOWHERE


def _bar(entry: object, graph: TaskGraph, limit: int) -> int | None:
    """Return the start of a task's bar; None where it is nowhere, or no time in the picture."""
    start = entry.get("start") if isinstance(entry, dict) else None
    if type(start) is not int or not 0 <= start <= limit:
        return None
    return None if _lane(entry, graph) == NOWHERE else start


def _marks(tasks: Sequence[GraphTask], problems: Sequence[Fields]) -> Iterator[tuple[int, int]]:
    """Yield the rows of tasks that break a rule, each with the number of the violation."""
    for row, task in enumerate(tasks):
        for number, problem in enumerate(problems):
            names = [problem.get(key) for key in ("task", "after", "first", "second")]
            if task.id in names:
                yield row, number


def _links(
    names: Sequence[str], bars: Sequence[int | None], problems: Sequence[Fields]
) -> Iterator[tuple[int, int, int]]:
    """Yield the edges that are broken between two bars."""
    for number, problem in enumerate(problems):
        if problem["kind"] == "precedence":
            first, second = names.index(problem["before"]), names.index(problem["after"])
            if bars[first] is not None and bars[second] is not None:
                yield first, second, number


def words(violation: Fields) -> str:
    """Return a violation as a sentence."""
    return SENTENCES[str(violation["kind"])].format(**violation)


DRAWINGS = Drawings(figures, detail, words)
