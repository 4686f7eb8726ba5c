"""Small task graphs, and what they are worth by trying everything."""

from collections.abc import Mapping, Sequence
from itertools import permutations, product
from typing import Any

from hypothesis import strategies as st

from graders.exact.dag_lists import IndexedGraph, Plan, upward
from tasks.base import Instance, Reference
from tasks.dag import GraphEdge, GraphTask, TaskGraph

Times = Sequence[Sequence[int]]  # by task and processor
Edges = Mapping[tuple[int, int], int]  # data by tasks from 0

EXAMPLE: Times = [  # Topcuoglu, Hariri & Wu (2002), figure 2
    [14, 16, 9],
    [13, 19, 18],
    [11, 13, 19],
    [13, 8, 17],
    [12, 13, 10],
    [13, 16, 9],
    [7, 15, 11],
    [5, 11, 14],
    [18, 12, 20],
    [21, 7, 16],
]
EXAMPLE_EDGES: Edges = {
    (0, 1): 18,
    (0, 2): 12,
    (0, 3): 9,
    (0, 4): 11,
    (0, 5): 14,
    (1, 7): 19,
    (1, 8): 16,
    (2, 6): 23,
    (3, 7): 27,
    (3, 8): 23,
    (4, 8): 13,
    (5, 7): 15,
    (6, 9): 17,
    (7, 9): 11,
    (8, 9): 13,
}


def graph(times: Times, edges: Edges | None = None, scenarios: Sequence[Times] = ()) -> TaskGraph:
    """A graph of tasks T0, T1, ... on processors P0, P1, ..., with noise if it has scenarios."""
    names = [f"T{k}" for k in range(len(times))]
    processors = [f"P{k}" for k in range(len(times[0]))]
    rows = [dict(zip(processors, row, strict=True)) for row in times]
    return TaskGraph(
        tuple(processors),
        tuple(GraphTask(name, row) for name, row in zip(names, rows, strict=True)),
        tuple(GraphEdge(f"T{a}", f"T{b}", data) for (a, b), data in (edges or {}).items()),
        noise=0.5 if scenarios else 0.0,
        scenarios=tuple(
            {
                name: dict(zip(processors, row, strict=True))
                for name, row in zip(names, each, strict=True)
            }
            for each in scenarios
        ),
    )


def instance(
    payload: TaskGraph,
    reference: Reference = Reference("none"),  # noqa: B008
) -> Instance[TaskGraph]:
    """An instance of a graph."""
    return Instance("i", "dag", len(payload.tasks), None, 0, {}, 1, payload, reference)


@st.composite
def small(draw: st.DrawFn, most: int = 4, scenarios: int = 0) -> TaskGraph:
    """Up to so many tasks on up to two processors, edges anywhere, data from 0."""
    count, processors = draw(st.integers(1, most)), draw(st.integers(1, 2))
    rows = st.lists(
        st.lists(st.integers(1, 5), min_size=processors, max_size=processors),
        min_size=count,
        max_size=count,
    )
    pairs = [(a, b) for b in range(count) for a in range(b)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    edges = {pair: draw(st.integers(0, 4)) for pair in chosen}
    return graph(draw(rows), edges, [draw(rows) for _ in range(scenarios)])


# Trying everything ---------------------------------------------------------------------------


def least_value(payload: TaskGraph) -> int:
    """The optimum: the least over all processors and all orders of the tasks.

    Of one plan for all scenarios, where there are some: tasks of an order start as early as the
    ones before them let them.
    """
    count = len(payload.tasks)
    rows = payload.scenarios or ({task.id: task.times for task in payload.tasks},)
    orders = [o for o in permutations(range(count)) if _is_order(payload, o)]
    return min(
        sum(_length(payload, order, dict(enumerate(choice)), times) for times in rows)
        for order in orders
        for choice in product(payload.processors, repeat=count)
    )


def _is_order(payload: TaskGraph, order: Sequence[int]) -> bool:
    places = {f"T{task}": k for k, task in enumerate(order)}
    return all(places[edge.before] < places[edge.after] for edge in payload.edges)


def _length(
    payload: TaskGraph,
    order: Sequence[int],
    choice: Mapping[int, str],
    times: Mapping[str, Mapping[str, int]],
) -> int:
    ends: dict[str, int] = {}
    for task in order:
        name = f"T{task}"
        same = [ends[f"T{k}"] for k in choice if choice[k] == choice[task] and f"T{k}" in ends]
        for edge in payload.edges:
            if edge.after == name:
                apart = choice[int(edge.before[1:])] != choice[task]
                same.append(ends[edge.before] + (edge.data if apart else 0))
        ends[name] = max(same, default=0) + times[name][choice[task]]
    return max(ends.values())


def faults(payload: TaskGraph, schedule: Mapping[str, Any]) -> set[tuple[Any, ...]]:
    """What is wrong with whole starts on processors, found by looking at every unit of time."""
    wrong: set[tuple[Any, ...]] = set()
    running: dict[tuple[str, int], set[str]] = {}
    spans = {}
    for task in payload.tasks:
        place = schedule[task.id]
        spans[task.id] = range(place["start"], place["start"] + task.times[place["processor"]])
        if place["start"] < 0:
            wrong.add(("negative", task.id))
        for moment in spans[task.id]:
            running.setdefault((place["processor"], moment), set()).add(task.id)
    for (processor, _), tasks in running.items():
        wrong |= {("processor_busy", processor, frozenset(p)) for p in permutations(tasks, 2)}
    for edge in payload.edges:
        same = schedule[edge.before]["processor"] == schedule[edge.after]["processor"]
        arrival = spans[edge.before].stop + (0 if same else edge.data)
        if any(moment < arrival for moment in spans[edge.after]):
            wrong.add(("precedence", edge.before, edge.after))
    return wrong


def dispatched(stated: IndexedGraph, actual: IndexedGraph) -> int:
    """The makespan without a plan: whatever is ready goes where by the stated times it ends first.

    Ends of tasks are known as they turn out; ties go to the greater upward rank.
    """
    ranks, count = upward(stated), len(stated.ids)
    where: dict[int, int] = {}
    ends: dict[int, int] = {}
    free = [0] * len(stated.processors)
    while len(ends) < count:
        choices = []
        for task in range(count):
            if task not in ends and all(other in ends for other, _ in stated.up[task]):
                for processor, since in enumerate(free):
                    arrivals = [
                        ends[other] + (data if where[other] != processor else 0)
                        for other, data in stated.up[task]
                    ]
                    start = max([since, *arrivals])
                    end = start + stated.times[task][processor]
                    choices.append((end, -ranks[task], task, processor, start))
        _, _, task, processor, start = min(choices)
        where[task] = processor
        free[processor] = ends[task] = start + actual.times[task][processor]
    return max(ends.values())


def as_schedule(payload: TaskGraph, plan: Plan) -> dict[str, dict[str, Any]]:
    """A plan by indices as an answer has it."""
    return {
        task.id: {"processor": payload.processors[processor], "start": start}
        for task, (processor, start) in zip(payload.tasks, plan, strict=True)
    }
