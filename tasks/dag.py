"""Task graphs on unlike processors: the payload, the answer's schema, the one-shot world.

Every task takes a time that depends on the processor; a task that follows another on another
processor waits for its data as well (Topcuoglu, Hariri & Wu 2002). Give every task a processor and
a whole start time so that the last of them ends early. All intervals are half-open.

With scenarios the times turn out otherwise than they were stated: the processors of an answer and
the order on each are carried out with the times of each scenario, every task as early as it can.
Nobody who answers sees them.
"""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from msgspec.structs import replace

from tasks.base import Fields, Instance, Noun, Outcome, Parsed, Program, short
from tasks.checks import check_unique
from tasks.one_shot import ask_once, parsed_answer
from tasks.prompts import Prompts
from tasks.schemas import AnswerForm, mapping_schema, object_schema
from tasks.spelling import GIVEN, Mends, ids_of, respelt

VERSION = 1
TEMPLATES = ("dag/plain.j2",)
KEY = "schedule"  # of the answer object
SETTINGS = ("plain",)


class GraphTask(Noun, frozen=True):
    """A task: the time units, at least 1, that it takes on each processor."""

    id: str
    times: dict[str, int]

    def __post_init__(self) -> None:
        for processor, time in self.times.items():
            if time < 1:
                raise ValueError(f"task {self.id}: time {time} on {processor} is below 1")


class GraphEdge(Noun, frozen=True):
    """An order of two tasks: `data` is the delay, from 0, if they are on unlike processors."""

    before: str
    after: str
    data: int

    def __post_init__(self) -> None:
        if self.data < 0:
            raise ValueError(f"edge {self.before} to {self.after}: data {self.data} is below 0")


class TaskGraph(Noun, frozen=True):
    """A graph of tasks, checked when it is made: a wrong one cannot be built.

    Attributes:
        processors: at least one, unique.
        tasks: at least one, ids unique, each with a time on every processor.
        edges: between unlike tasks, each pair once, without a circle.
        noise: the standard deviation of the logarithm of the factor between a stated time and the
            one that it turns out to be; 0 if times are as they are stated.
        scenarios: where there is noise, the times by task and processor that they turn out to be.
        setting: which words tell the graph, one of `SETTINGS`.
    """

    processors: tuple[str, ...]
    tasks: tuple[GraphTask, ...]
    edges: tuple[GraphEdge, ...] = ()
    noise: float = 0.0
    scenarios: tuple[dict[str, dict[str, int]], ...] = ()
    setting: str = "plain"

    def __post_init__(self) -> None:
        if not self.processors or not self.tasks:
            raise ValueError("a graph needs at least one processor and one task")
        if self.setting not in SETTINGS:
            raise ValueError(f"setting {self.setting!r} is not one of {', '.join(SETTINGS)}")
        if self.noise < 0 or bool(self.noise) != bool(self.scenarios):
            raise ValueError(f"noise {self.noise}: it is above 0 where there are scenarios, else 0")
        check_unique("processors:", self.processors)
        check_unique("tasks: id", (task.id for task in self.tasks))
        for task in self.tasks:
            if set(task.times) != set(self.processors):
                raise ValueError(f"task {task.id}: it needs a time on every processor, no other")
        _check_edges(self)
        for number, times in enumerate(self.scenarios):
            _check_scenario(self, number, times)


Payload = TaskGraph


def _check_edges(graph: TaskGraph) -> None:
    ids = {task.id for task in graph.tasks}
    for edge in graph.edges:
        for name in (edge.before, edge.after):
            if name not in ids:
                raise ValueError(f"edges: there is no task {name!r}")
    check_unique("edges:", (f"{edge.before} to {edge.after}" for edge in graph.edges))
    order = TopologicalSorter[str]()
    for edge in graph.edges:
        order.add(edge.after, edge.before)
    try:
        order.prepare()
    except CycleError as error:
        raise ValueError(f"edges: a circle of {', '.join(error.args[1])}") from None


def _check_scenario(graph: TaskGraph, number: int, times: Mapping[str, Mapping[str, int]]) -> None:
    if set(times) != {task.id for task in graph.tasks}:
        raise ValueError(f"scenarios[{number}]: it needs every task, no other")
    for name, row in times.items():
        if set(row) != set(graph.processors) or min(row.values()) < 1:
            raise ValueError(
                f"scenarios[{number}]: {name} needs a time from 1 on every processor, no other"
            )


def stated(graph: TaskGraph) -> TaskGraph:
    """Return a graph as it is told: without its scenarios, and so without noise."""
    return replace(graph, noise=0.0, scenarios=()) if graph.scenarios else graph


def answer_schema(graph: TaskGraph) -> Fields:
    """Return the JSON schema of an answer: for every task a processor and a start time."""
    entry = _entry_schema({"type": "string", "enum": list(graph.processors)})
    return object_schema({KEY: object_schema({task.id: entry for task in graph.tasks})})


def _entry_schema(processor: Fields) -> Fields:
    return object_schema({"processor": processor, "start": {"type": "integer"}})


def answers(graph: TaskGraph | None) -> dict[str, AnswerForm]:
    """Return the form of an answer to a graph by its name; None is any graph."""
    if graph is not None:
        return {"Plan": AnswerForm(answer_schema(graph))}
    rows = mapping_schema(_entry_schema({"type": "string"}))
    return {"Plan": AnswerForm(object_schema({KEY: rows}))}


def world(instance: Instance[TaskGraph], prompts: Prompts) -> Program[Outcome]:
    """Show the graph once, without its scenarios, and take the plan."""
    graph = instance.payload
    messages = prompts.messages(f"dag/{graph.setting}.j2", graph=graph)
    question = replace(instance, payload=stated(graph))
    outcome = yield from ask_once(question, messages, key=KEY, schema=answer_schema(graph))
    return spelled(graph, outcome)


def spelled(graph: TaskGraph, outcome: Outcome) -> Outcome:
    """Return an outcome whose ids and start times are read by the rule of spelling.

    A task that is placed under two spellings has no place: the answer is doubtful.
    """
    [parsed] = outcome.answers
    schedule = (parsed.value or {}).get(KEY)
    if parsed.how == GIVEN or not isinstance(schedule, dict):
        return outcome
    ids, mends = ids_of(tuple(task.id for task in graph.tasks)), Mends()
    rows: Fields = {}
    for name, entry in schedule.items():
        task = mends.id_of(name, ids)
        if task in rows:
            problem = f"the place of {short(repr(task))} is given twice"
            return Outcome((Parsed(problem=problem, mended=parsed.mended),))
        rows[task] = _entry(entry, graph, mends) if task in ids else entry
    return Outcome((respelt(parsed, {**(parsed.value or {}), KEY: rows}, mends.lines()),))


def _entry(entry: Any, graph: TaskGraph, mends: Mends) -> Any:
    if not isinstance(entry, dict):
        return entry
    entry = dict(entry)
    if "processor" in entry:
        entry["processor"] = mends.id_of(entry["processor"], ids_of(graph.processors))
    if "start" in entry:
        entry["start"] = mends.number_of(entry["start"])
    return entry


def read(answer: Fields | None, text: str) -> Outcome:
    """Return the outcome of an answer from a file (see `parsed_answer`)."""
    return Outcome((parsed_answer(answer, text, KEY),))


# The worth of a plan -------------------------------------------------------------------------


def value(graph: TaskGraph, schedule: Mapping[str, Any]) -> int:
    """Return the makespan of a valid plan; with scenarios the sum of those that come of it.

    Args:
        graph: the graph.
        schedule: for each task id its `processor` and `start`.

    Returns:
        Time units, to be minimised.
    """
    if not graph.scenarios:
        return makespan(graph, schedule)
    return sum(replay(graph, schedule, times) for times in graph.scenarios)


def makespan(graph: TaskGraph, schedule: Mapping[str, Any]) -> int:
    """Return the end of the last task by the starts of a plan, in time units."""
    ends = {
        task.id: int(schedule[task.id]["start"]) + task.times[schedule[task.id]["processor"]]
        for task in graph.tasks
    }
    return max(ends.values())


def replay(
    graph: TaskGraph, schedule: Mapping[str, Any], times: Mapping[str, Mapping[str, int]]
) -> int:
    """Return the makespan of a valid plan where the times are others than stated.

    The processor of each task and the order on each processor are those of the plan; every task
    starts as soon as the one before it on the processor, and the data that it needs, are there.

    Args:
        graph: the graph.
        schedule: for each task id its `processor` and `start`.
        times: by task and processor, in time units.
    """
    before: dict[str, list[GraphEdge]] = {task.id: [] for task in graph.tasks}
    for edge in graph.edges:
        before[edge.after].append(edge)
    free, ends = dict.fromkeys(graph.processors, 0), dict[str, int]()
    for name in sorted(before, key=lambda name: (schedule[name]["start"], name)):
        processor = schedule[name]["processor"]
        arrivals = [
            ends[e.before] + (e.data if schedule[e.before]["processor"] != processor else 0)
            for e in before[name]
        ]
        free[processor] = ends[name] = max(free[processor], *arrivals, 0) + times[name][processor]
    return max(ends.values())


def in_a_row(graph: TaskGraph) -> int:
    """Return a value that no plan without needless waiting is above.

    All times, each on its slowest processor, and all data in a row; with scenarios their sum.
    """
    rows = graph.scenarios or ({task.id: task.times for task in graph.tasks},)
    data = sum(edge.data for edge in graph.edges)
    return sum(data + sum(max(times.values()) for times in each.values()) for each in rows)
