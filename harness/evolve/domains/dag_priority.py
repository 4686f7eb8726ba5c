"""List rules for task graphs, with insertion: `priority(task, graph) -> float`."""

from collections.abc import Callable
from random import Random
from statistics import fmean
from typing import Any

from graders.exact.dag_lists import (
    by_key,
    downward,
    first_to_end,
    index_graph,
    optimistic,
    place,
    upward,
)
from harness.evolve.domain import Domain, WrongSolution, entries
from harness.families.dag import POLICIES
from harness.suites.suite import Suite
from tasks.base import Fields, Instance, short
from tasks.dag import KEY, TaskGraph

LISTS = 50  # random lists that set the zero of the scale

FACTS = """\
A graph has n tasks on m unlike processors. A task takes a whole time of at least 1 that depends on
the processor, without a break; a processor runs one task at a time. An edge a -> b with data d
means: b starts at the end of a or later, and d later than that if it is on another processor than
a. Minimise the makespan, the end of the last task.

The list scheme places one task after another. Of the tasks whose predecessors are placed the one
with the SMALLEST value of `priority(task, graph)` is next (ties: the earlier task). It goes to the
processor on which it ends first, into the first gap that is long enough. `task` and `graph` are
dicts that must not be changed:
task: "index" (from 0); "times" (a list, by processor); "mean_time"; "upward_rank" (the mean length
of the longest path from its start to the end of the graph, with data); "downward_rank" (the mean
length of the longest path to its start); "optimistic_cost" (the mean over processors of the least
time that must follow its end); "predecessors" and "successors" (how many); "data_in" and
"data_out" (sums).
graph: "tasks" (n); "processors" (m); "placed" (how many tasks are); "ready" (how many may go);
"mean_time" and "mean_data"; "critical_path" (the greatest upward rank).
It returns a finite number."""

DRIVER = """\
def solve(function, case):
    tasks, edges = case["tasks"], case["edges"]
    missing = [task["predecessors"] for task in tasks]
    order, keys, ready = [], {}, [k for k, count in enumerate(missing) if not count]
    fresh = list(ready)
    while ready:
        for k in fresh:
            task = dict(tasks[k], times=list(tasks[k]["times"]))
            graph = dict(case["graph"], placed=len(order), ready=len(ready))
            before = (dict(task, times=list(task["times"])), dict(graph))
            keys[k] = number(function(task, graph))
            if (task, graph) != before:
                return {"failure": "arguments", "detail": "task or graph is not what it was"}
        best = min(ready, key=lambda k: (keys[k], k))
        ready.remove(best)
        order.append(best)
        fresh = []
        for a, b in edges:
            if a == best:
                missing[b] -= 1
                if not missing[b]:
                    fresh.append(b)
        ready += fresh
    return order
"""

HEFT = """\
def priority(task, graph):
    return -task["upward_rank"]
"""

PEFT = """\
def priority(task, graph):
    return -task["optimistic_cost"]
"""

LONGEST = """\
def priority(task, graph):
    return -task["mean_time"]
"""

WEIGHED = """\
def priority(task, graph):
    a, b, c = 0.0, 0.0, 0.0
    return (
        -task["upward_rank"]
        + a * task["downward_rank"]
        + b * task["data_out"]
        + c * task["successors"] * graph["mean_time"]
    )
"""

SUITES = {
    "train": Suite(
        "train",
        "10 and 15 tasks",
        9401,
        entry=(*entries("dag", 10, 12, {}), *entries("dag", 15, 12, {})),
    ),
    "validation": Suite(
        "validation",
        "10 and 15 tasks",
        9402,
        entry=(*entries("dag", 10, 24, {}), *entries("dag", 15, 24, {})),
    ),
    "test": Suite(
        "test",
        "10 and 15 tasks",
        9403,
        entry=(*entries("dag", 10, 36, {}), *entries("dag", 15, 36, {})),
    ),
    "larger": Suite("larger", "20 tasks", 9404, entry=entries("dag", 20, 12, {})),
    "cells": Suite(
        "cells",
        "15 tasks, 4 processors, less data",
        9405,
        entry=entries("dag", 15, 20, {"processors": 4, "ccr": 0.5}),
    ),
}


def case(instance: Instance[TaskGraph]) -> Any:
    """Return the graph by indices, with what is known of each task."""
    graph = index_graph(instance.payload)
    up, down = upward(graph), downward(graph)
    costs = [fmean(row) for row in optimistic(graph)]
    tasks = [
        {
            "index": k,
            "times": list(times),
            "mean_time": fmean(times),
            "upward_rank": up[k],
            "downward_rank": down[k],
            "optimistic_cost": costs[k],
            "predecessors": len(graph.up[k]),
            "successors": len(graph.down[k]),
            "data_in": sum(data for _, data in graph.up[k]),
            "data_out": sum(data for _, data in graph.down[k]),
        }
        for k, times in enumerate(graph.times)
    ]
    edges = [[k, other] for k, links in enumerate(graph.down) for other, _ in links]
    delays = [data for links in graph.down for _, data in links]
    totals = {
        "tasks": len(tasks),
        "processors": len(graph.processors),
        "mean_time": fmean(map(fmean, graph.times)),
        "mean_data": fmean(delays) if delays else 0.0,
        "critical_path": max(up),
    }
    return {"tasks": tasks, "edges": edges, "graph": totals}


def answer(instance: Instance[TaskGraph], solution: Any) -> Fields:
    """Return the plan of tasks placed in an order, a number for each.

    Raises:
        WrongSolution: if it is no order in which each task is behind its predecessors.
    """
    graph = index_graph(instance.payload)
    if not isinstance(solution, list):
        raise WrongSolution("wrong type", f"not a list of tasks but {short(solution)}")
    for task in solution:
        if type(task) is not int or not 0 <= task < len(graph.ids):
            raise WrongSolution("wrong type", f"{short(task)} is no number of a task")
    if sorted(solution) != list(range(len(graph.ids))):
        raise WrongSolution("wrong count", "some task is not there exactly once")
    places = {task: k for k, task in enumerate(solution)}
    for task, links in enumerate(graph.up):
        for other, _ in links:
            if places[other] > places[task]:
                raise WrongSolution("wrong order", f"task {task} is before {other}")
    return {KEY: graph.by_id(place(graph, solution, first_to_end))}


def chance(instance: Instance[TaskGraph]) -> float:
    """Return the mean makespan of 50 random lists."""
    graph = index_graph(instance.payload)
    rng = Random(f"dag/random lists/{len(graph.ids)}")
    return fmean(graph.makespan(by_key(graph, lambda _: rng.random())) for _ in range(LISTS))


RULE_POLICIES: dict[str, Callable[[Instance[TaskGraph]], Fields]] = {
    name: POLICIES[name].answer for name in ("heft", "cpop", "peft")
}

DOMAIN = Domain(
    name="dag-priority",
    family="dag",
    description="priority(task, graph) -> float: which task is placed next, with insertion",
    function="priority",
    arguments=("task", "graph"),
    facts=FACTS,
    driver=DRIVER,
    programs={"heft": HEFT, "peft-list": PEFT, "longest": LONGEST, "weighed": WEIGHED},
    rules=RULE_POLICIES,
    splits=SUITES,
    case=case,
    answer=answer,
    chance=chance,
)
