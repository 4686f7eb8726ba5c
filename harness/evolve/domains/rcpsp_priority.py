"""Priority rules for projects: `priority(task, project) -> float` in the serial scheme."""

from collections.abc import Callable, Sequence
from random import Random
from statistics import mean
from typing import Any

from graders.exact import sgs
from graders.exact.rcpsp_bounds import longest_tails
from harness.evolve.domain import Domain, WrongSolution, entries
from harness.suites.suite import Suite
from tasks.base import Fields, Instance, short
from tasks.rcpsp import KEY, Project

LISTS = 50  # random lists that set the zero of the scale

FACTS = """\
A project has tasks with durations, precedences between them, and renewable resources, each with
a capacity that may not be exceeded at any time. Minimise the makespan, the end of the last task.

The serial schedule generation scheme takes one task after another, always one whose predecessors
have all been placed, and starts it as early as precedence and resources allow. Of the tasks it can
take, the one with the SMALLEST value of `priority(task, project)` goes next (ties: the earlier one
in the list). `task` and `project` are dicts that must not be changed:
task: "index"; "duration"; "demands" (resource name -> units); "predecessors" and "successors"
(lists of indices); "earliest_start", "latest_start", "latest_finish" (by the critical path, without
resources); "apart" (indices of tasks that it must not overlap, mostly none).
project: "tasks" (the list of all tasks, by index); "capacities" (resource name -> units);
"critical_path" (its length); "downtimes" (resource name -> list of [start, end], mostly none).
It returns a finite number."""

DRIVER = """\
from copy import deepcopy

def solve(function, case):
    project = deepcopy(case)
    keys = [number(function(task, project)) for task in project["tasks"]]
    if project != case:
        return {"failure": "arguments", "detail": "task or project is not what it was"}
    return keys
"""

LFT = """\
def priority(task, project):
    return task["latest_finish"]
"""

SHORTEST = """\
def priority(task, project):
    return task["duration"]
"""

SUCCESSORS = """\
def priority(task, project):
    return -len(task["successors"])
"""

WEIGHED = """\
def priority(task, project):
    a, b, c = 0.0, 0.0, 0.0
    load = sum(q / project["capacities"][r] for r, q in task["demands"].items())
    return (
        task["latest_finish"]
        + a * task["duration"]
        + b * len(task["successors"])
        + c * load * task["duration"]
    )
"""


def _plain(edges: Sequence[int]) -> list[dict[str, Any]]:
    """Return settings with a far horizon, so that every list has a schedule in time."""
    return [{"edges": e, "resources": 4, "axes": "none", "horizon_factor": 10} for e in edges]


OTHER_CELLS: list[dict[str, Any]] = [
    {"edges": e, "resources": r, "axes": "downtime,disjunctions", "horizon_factor": 10}
    for e, r in ((45, 3), (60, 2))
]
SUITES = {
    "train": Suite(
        "train",
        "30 tasks, 36 to 60 edges",
        9201,
        entry=entries("rcpsp", 30, 8, *_plain((45, 36, 60))),
    ),
    "validation": Suite(
        "validation",
        "30 tasks, 36 to 60 edges",
        9202,
        entry=entries("rcpsp", 30, 16, *_plain((45, 36, 60))),
    ),
    "test": Suite(
        "test",
        "30 tasks, 36 to 60 edges",
        9203,
        entry=entries("rcpsp", 30, 24, *_plain((45, 36, 60))),
    ),
    "larger": Suite(
        "larger", "60 tasks, 150 edges", 9204, entry=entries("rcpsp", 60, 20, *_plain((150,)))
    ),
    "cells": Suite(
        "cells",
        "30 tasks, downtimes and disjunctions, 2 or 3 resources",
        9205,
        entry=entries("rcpsp", 30, 20, *OTHER_CELLS),
    ),
}


def case(instance: Instance[Project]) -> Any:
    """Return the project by indices, with the times of its critical path."""
    project = sgs.compile_project(instance.payload)
    names = [r.id for r in instance.payload.resources]
    heads, tails = _heads(project), longest_tails(project)
    length = max(h + d + t for h, d, t in zip(heads, project.durations, tails, strict=True))
    tasks = [
        {
            "index": i,
            "duration": project.durations[i],
            "demands": {names[r]: q for r, q in project.demands[i]},
            "predecessors": list(project.predecessors[i]),
            "successors": list(project.successors[i]),
            "earliest_start": heads[i],
            "latest_start": length - tails[i] - project.durations[i],
            "latest_finish": length - tails[i],
            "apart": list(project.partners[i]),
        }
        for i in range(len(project.ids))
    ]
    return {
        "tasks": tasks,
        "capacities": dict(zip(names, project.capacities, strict=True)),
        "critical_path": length,
        "downtimes": {
            n: [list(s) for s in d] for n, d in zip(names, project.downtimes, strict=True) if d
        },
    }


def _heads(project: sgs.Compiled) -> list[int]:
    """Return earliest starts by precedence alone."""
    heads = [0] * len(project.ids)
    for i in project.order:
        heads[i] = max(
            (heads[j] + project.durations[j] for j in project.predecessors[i]), default=0
        )
    return heads


def answer(instance: Instance[Project], solution: Any) -> Fields:
    """Return the serial schedule by priorities, one of each task.

    Raises:
        WrongSolution: if they are no such numbers.
    """
    project = sgs.compile_project(instance.payload)
    if not isinstance(solution, list) or len(solution) != len(project.ids):
        raise WrongSolution("wrong type", f"not a priority for each task but {short(solution)}")
    for key in solution:
        if type(key) not in (int, float) or key != key or abs(key) == float("inf"):
            raise WrongSolution("not finite", f"a priority is {short(key)}")
    return _schedule(project, solution)


def _schedule(project: sgs.Compiled, keys: Sequence[float]) -> Fields:
    starts = sgs.serial(project, sgs.priority_list(project, keys))
    return {KEY: sgs.by_id(project, starts)}


def chance(instance: Instance[Project]) -> float:
    """Return the mean makespan of 50 random lists."""
    project = sgs.compile_project(instance.payload)
    rng = Random(f"rcpsp/random lists/{len(project.ids)}")
    lists = (sgs.random_list(project, rng) for _ in range(LISTS))
    return mean(sgs.makespan(project, sgs.serial(project, order)) for order in lists)


def _rule(key: Callable[[dict[str, Any]], float]) -> Callable[[Instance[Project]], Fields]:
    """Make a policy of a published rule in the same scheme (Kolisch & Hartmann 1999)."""
    return lambda instance: answer(instance, [key(task) for task in case(instance)["tasks"]])


RULES = {
    "lft": _rule(lambda task: task["latest_finish"]),
    "lst": _rule(lambda task: task["latest_start"]),
    "spt": _rule(lambda task: task["duration"]),
    "mis": _rule(lambda task: -len(task["successors"])),
}

DOMAIN = Domain(
    name="rcpsp-priority",
    family="rcpsp",
    description="priority(task, project) -> float: which task the serial scheme takes next",
    function="priority",
    arguments=("task", "project"),
    facts=FACTS,
    driver=DRIVER,
    programs={"lft": LFT, "shortest": SHORTEST, "successors": SUCCESSORS, "weighed": WEIGHED},
    rules=RULES,
    splits=SUITES,
    case=case,
    answer=answer,
    chance=chance,
)
