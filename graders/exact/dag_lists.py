"""List scheduling of task graphs: the published rules, by indices.

A rule orders the tasks and gives each, in turn, a processor; the task then starts there in the
first gap that is long enough (insertion). Tasks and processors are indices here, in the order of
the payload. Mean times are over processors; the mean delay of an edge is its data, as in the
examples of the papers, though it is 0 on one processor.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TypeAlias

from tasks.base import Fields
from tasks.dag import TaskGraph

Plan: TypeAlias = list[tuple[int, int]]  # by task: processor, start
Links: TypeAlias = tuple[tuple[tuple[int, int], ...], ...]  # by task: (other task, data)
Chooser: TypeAlias = Callable[[int, Sequence[int]], int]


@dataclass(frozen=True, slots=True)
class IndexedGraph:
    """A graph by indices: n tasks and m processors.

    Attributes:
        ids: of the tasks.
        processors: their ids.
        times: n x m, in time units.
        up: for each task those that it waits for.
        down: for each task those that wait for it.
        order: of the tasks, each behind all that it waits for.
    """

    ids: tuple[str, ...]
    processors: tuple[str, ...]
    times: tuple[tuple[int, ...], ...]
    up: Links
    down: Links
    order: tuple[int, ...]

    def makespan(self, plan: Plan) -> int:
        """Return the end of the last task."""
        return max(
            start + row[processor] for row, (processor, start) in zip(self.times, plan, strict=True)
        )

    def by_id(self, plan: Plan) -> dict[str, Fields]:
        """Return a plan by the ids of tasks and processors."""
        return {
            name: {"processor": self.processors[processor], "start": start}
            for name, (processor, start) in zip(self.ids, plan, strict=True)
        }

    def turned_out(self, times: Mapping[str, Mapping[str, int]]) -> "IndexedGraph":
        """Return the graph with other times, by task and processor."""
        rows = (tuple(times[name][each] for each in self.processors) for name in self.ids)
        return replace(self, times=tuple(rows))


def index_graph(graph: TaskGraph) -> IndexedGraph:
    """Translate a graph into indices, once, for any number of plans."""
    number = {task.id: k for k, task in enumerate(graph.tasks)}
    up: list[list[tuple[int, int]]] = [[] for _ in number]
    down: list[list[tuple[int, int]]] = [[] for _ in number]
    for edge in graph.edges:
        first, second = number[edge.before], number[edge.after]
        up[second].append((first, edge.data))
        down[first].append((second, edge.data))
    links_up, links_down = (tuple(map(tuple, each)) for each in (up, down))
    return IndexedGraph(
        ids=tuple(number),
        processors=graph.processors,
        times=tuple(tuple(task.times[name] for name in graph.processors) for task in graph.tasks),
        up=links_up,
        down=links_down,
        order=tuple(in_order(links_up, links_down, lambda task: -task)),
    )


def in_order(up: Links, down: Links, key: Callable[[int], float]) -> Iterator[int]:
    """Yield the tasks, each behind all that it waits for: of those that may go the greatest key.

    Args:
        up: for each task those that it waits for.
        down: for each task those that wait for it.
        key: of a task, asked once it may go; ties go to the earlier task.
    """
    missing = [len(each) for each in up]
    keys = {task: key(task) for task, count in enumerate(missing) if not count}
    while keys:
        task = max(keys, key=lambda each: (keys[each], -each))
        del keys[task]
        yield task
        for other, _ in down[task]:
            missing[other] -= 1
            if not missing[other]:
                keys[other] = key(other)


def place(graph: IndexedGraph, order: Sequence[int], choose: Chooser) -> Plan:
    """Return the plan of a list: each task on its processor in the first gap that fits.

    Args:
        graph: n tasks.
        order: all tasks, each behind those that it waits for.
        choose: the processor, by the task and its end on each.
    """
    placed: dict[int, tuple[int, int]] = {}
    lanes: list[list[tuple[int, int]]] = [[] for _ in graph.processors]
    for task in order:
        ends = [
            _first_gap(lane, _ready(graph, placed, task, k), graph.times[task][k])
            + graph.times[task][k]
            for k, lane in enumerate(lanes)
        ]
        processor = choose(task, ends)
        start = ends[processor] - graph.times[task][processor]
        placed[task] = (processor, start)
        lanes[processor].append((start, ends[processor]))
    return [placed[task] for task in range(len(graph.ids))]


def _ready(
    graph: IndexedGraph, placed: Mapping[int, tuple[int, int]], task: int, processor: int
) -> int:
    """Return when all that a task waits for is on a processor."""
    arrivals = [0]
    for other, data in graph.up[task]:
        where, start = placed[other]
        arrivals.append(start + graph.times[other][where] + (data if where != processor else 0))
    return max(arrivals)


def _first_gap(lane: Sequence[tuple[int, int]], moment: int, time: int) -> int:
    for start, end in sorted(lane):
        if start - moment >= time:
            return moment
        moment = max(moment, end)
    return moment


def first_to_end(_: int, ends: Sequence[int]) -> int:
    """Choose the processor of the earliest end; ties go to the first."""
    return ends.index(min(ends))


# Ranks ---------------------------------------------------------------------------------------


def upward(graph: IndexedGraph) -> list[float]:
    """Return the mean length of the longest path from each task to the end, itself included.

    Topcuoglu, Hariri & Wu (2002), "Performance-effective and low-complexity task scheduling for
    heterogeneous computing", equation 7.
    """
    ranks = [0.0] * len(graph.ids)
    for task in reversed(graph.order):
        after = max((data + ranks[other] for other, data in graph.down[task]), default=0.0)
        ranks[task] = fmean(graph.times[task]) + after
    return ranks


def downward(graph: IndexedGraph) -> list[float]:
    """Return the mean length of the longest path to each task, itself not included (equation 9)."""
    ranks = [0.0] * len(graph.ids)
    for task in graph.order:
        ranks[task] = max(
            (ranks[other] + fmean(graph.times[other]) + data for other, data in graph.up[task]),
            default=0.0,
        )
    return ranks


def optimistic(graph: IndexedGraph) -> list[list[int]]:
    """Return for each task and processor the least time that follows its end there.

    The optimistic cost table of Arabnejad & Barbosa (2014), "List scheduling algorithm for
    heterogeneous systems by an optimistic cost table", equation 6: of each task that waits the
    fastest processor, as if it were free. No plan is faster.
    """
    count = range(len(graph.processors))
    table = [[0 for _ in count] for _ in graph.ids]
    for task in reversed(graph.order):
        for k in count:
            table[task][k] = max(
                (
                    min(
                        table[other][q] + graph.times[other][q] + (data if q != k else 0)
                        for q in count
                    )
                    for other, data in graph.down[task]
                ),
                default=0,
            )
    return table


# Rules ---------------------------------------------------------------------------------------


def by_key(
    graph: IndexedGraph, key: Callable[[int], float], choose: Chooser = first_to_end
) -> Plan:
    """Return the plan of a list by a key: of the tasks that may go the greatest is next."""
    return place(graph, list(in_order(graph.up, graph.down, key)), choose)


def heft(graph: IndexedGraph) -> Plan:
    """Return the plan of HEFT: upward ranks, the processor of the earliest end."""
    return by_key(graph, upward(graph).__getitem__)


def cpop(graph: IndexedGraph) -> Plan:
    """Return the plan of CPOP: a critical path is on one processor, all else ends earliest."""
    ranks = [a + b for a, b in zip(upward(graph), downward(graph), strict=True)]
    path = set(_critical_path(graph, ranks))
    loads = [sum(graph.times[task][k] for task in path) for k in range(len(graph.processors))]
    best = loads.index(min(loads))

    def choose(task: int, ends: Sequence[int]) -> int:
        return best if task in path else first_to_end(task, ends)

    return by_key(graph, ranks.__getitem__, choose)


def _critical_path(graph: IndexedGraph, ranks: Sequence[float]) -> Iterator[int]:
    """Yield the tasks of the first path on which all ranks are the greatest."""
    length = max(ranks) - 1e-9
    ways = [task for task in range(len(ranks)) if not graph.up[task]]
    while ways:
        task = next((each for each in ways if ranks[each] >= length), None)
        if task is None:
            return
        yield task
        ways = [other for other, _ in graph.down[task]]


def peft(graph: IndexedGraph) -> Plan:
    """Return the plan of PEFT: mean optimistic costs, the least end plus what must follow."""
    table = optimistic(graph)

    def choose(task: int, ends: Sequence[int]) -> int:
        return min(range(len(ends)), key=lambda k: ends[k] + table[task][k])

    return by_key(graph, lambda task: fmean(table[task]), choose)


def serial(graph: IndexedGraph) -> Plan:
    """Return the plan of all tasks on the processor that is fastest in total."""
    loads = [sum(row[k] for row in graph.times) for k in range(len(graph.processors))]
    best = loads.index(min(loads))
    return place(graph, graph.order, lambda *_: best)


RULES: Mapping[str, Callable[[IndexedGraph], Plan]] = {
    "serial": serial,
    "cpop": cpop,
    "peft": peft,
    "heft": heft,
}
