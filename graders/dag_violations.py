"""Checks a plan against every rule of a task graph.

`dag.py` lists the kinds of violations and their fields.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from tasks.base import Fields, short
from tasks.dag import TaskGraph

Answer: TypeAlias = Mapping[str, Any]  # what stands for a task's place, by task id


class TaskRun(NamedTuple):
    """A task on its processor: [start, end)."""

    start: int
    end: int
    task: str
    processor: str


def violations(graph: TaskGraph, schedule: Answer) -> list[Fields]:
    """Return all violations of a plan; none if it is feasible.

    Tasks without a processor that there is and a whole start are reported as such and take no part
    in the other checks.

    Args:
        graph: the graph.
        schedule: what the answer gives as the place of each task id; ids may be missing or
            unknown, and values anything.
    """
    runs = _runs(graph, schedule)
    ids = {task.id for task in graph.tasks}
    return [
        *_check_entries(graph, schedule),
        *({"kind": "unknown", "task": short(name)} for name in schedule if name not in ids),
        *_check_edges(graph, runs),
        *_check_processors(graph, runs),
    ]


def _runs(graph: TaskGraph, schedule: Answer) -> dict[str, TaskRun]:
    """Return the tasks that are placed at all, by id."""
    runs = {}
    for task in graph.tasks:
        entry = schedule.get(task.id)
        if isinstance(entry, dict) and not list(_check_entry(graph, task.id, entry, below=False)):
            processor, start = entry["processor"], entry["start"]
            runs[task.id] = TaskRun(start, start + task.times[processor], task.id, processor)
    return runs


def _check_entries(graph: TaskGraph, schedule: Answer) -> Iterator[Fields]:
    for task in graph.tasks:
        if task.id not in schedule:
            yield {"kind": "missing", "task": task.id}
        elif isinstance(schedule[task.id], dict):
            yield from _check_entry(graph, task.id, schedule[task.id])
        else:
            yield {"kind": "not_an_object", "task": task.id, "value": short(schedule[task.id])}


def _check_entry(
    graph: TaskGraph, name: str, entry: Fields, *, below: bool = True
) -> Iterator[Fields]:
    """Yield what is wrong with a task's processor and start; `below`: also a start below 0."""
    processor, start = entry.get("processor"), entry.get("start")
    if not isinstance(processor, str) or processor not in graph.processors:
        yield {"kind": "processor", "task": name, "value": short(processor)}
    if type(start) is not int:  # a bool or a float is none
        yield {"kind": "not_integer", "task": name, "value": short(start)}
    elif below and start < 0:
        yield {"kind": "negative", "task": name, "value": short(start)}


def _check_edges(graph: TaskGraph, runs: Mapping[str, TaskRun]) -> Iterator[Fields]:
    for edge in graph.edges:
        if edge.before in runs and edge.after in runs:
            first, second = runs[edge.before], runs[edge.after]
            data = edge.data if first.processor != second.processor else 0
            early = first.end + data - second.start
            if early > 0:
                fields: Fields = {"before": edge.before, "after": edge.after, "amount": early}
                yield {"kind": "precedence", **fields}


def _check_processors(graph: TaskGraph, runs: Mapping[str, TaskRun]) -> Iterator[Fields]:
    """Yield the pairs of tasks that overlap on a processor."""
    for processor in graph.processors:
        row = sorted(run for run in runs.values() if run.processor == processor)
        for place, first in enumerate(row):
            for second in row[place + 1 :]:
                if second.start >= first.end:
                    break
                yield {
                    "kind": "processor_busy",
                    "processor": processor,
                    "first": first.task,
                    "second": second.task,
                    "start": second.start,
                    "end": min(first.end, second.end),
                }


# Broken constraints --------------------------------------------------------------------------

_OF_ENTRIES = ("missing", "not_an_object", "processor", "not_integer", "negative")


def broken_share(graph: TaskGraph, problems: list[Fields]) -> float:
    """Return the share of constraints not satisfied, in [0, 1].

    One constraint each are a task (a processor that there is, a whole start from 0 on), an edge and
    a processor. An edge of a task without a place is not satisfied, and then no processor is. All
    ids that are no task's count as one more that is broken. So the share is 0 only without a
    violation, and leaving tasks out never lowers it.

    Args:
        graph: the graph.
        problems: the plan's violations, as `violations` gives them.
    """
    faulty = {v["task"] for v in problems if v["kind"] in _OF_ENTRIES}
    placeless = {v["task"] for v in problems if v["kind"] in _OF_ENTRIES[:-1]}
    edges = {(v["before"], v["after"]) for v in problems if v["kind"] == "precedence"}
    edges |= {
        (e.before, e.after) for e in graph.edges if e.before in placeless or e.after in placeless
    }
    busy = {v["processor"] for v in problems if v["kind"] == "processor_busy"}
    processors = len(graph.processors) if placeless else len(busy)
    unknown = any(v["kind"] == "unknown" for v in problems)
    count = len(graph.tasks) + len(graph.edges) + len(graph.processors)
    return (len(faulty) + len(edges) + processors + unknown) / (count + unknown)
