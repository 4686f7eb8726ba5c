"""Dispatching rules for job shops, non-delay: `priority(operation, state) -> float`."""

from collections.abc import Callable
from random import Random
from statistics import mean
from typing import Any

from graders.exact.jobshop_rules import RULES, Starts, dispatch, index_shop
from harness.evolve.domain import Domain, WrongSolution, entries
from harness.families.jobshop import POLICIES
from harness.suites.suite import Suite
from tasks.base import Fields, Instance, short
from tasks.jobshop import KEY, Shop

LISTS = 50  # random schedules that set the zero of the scale

FACTS = """\
A job shop has n jobs and m machines. Every job is a list of operations that are done in this
order; an operation takes a whole time of at least 1 on one machine, without a break, and a machine
does one operation at a time. A job may wait anywhere between two operations. Minimise the makespan,
the end of the last operation.

The non-delay scheme begins one operation after another. Of the operations that are next in their
job it takes those that can start earliest; among these the one with the SMALLEST value of
`priority(operation, state)` begins (ties: the earlier job). `operation` and `state` are dicts that
must not be changed:
operation: "job"; "machine" (both from 0); "duration"; "ready" (since when its job waits for it);
"work_left" and "operations_left" (of its job, itself included); "machine_load" (the time that is
still to be done on its machine, itself included).
state: "time" (the earliest start); "waiting" (how many operations could begin on this machine now);
"jobs" and "machines" (n and m); "mean_duration" (of all operations).
It returns a finite number."""

DRIVER = """\
def solve(function, case):
    jobs, machines = case["jobs"], case["machines"]
    count, sizes = len(jobs), [time for job in jobs for _, time in job]
    done, ready, free = [0] * count, [0] * count, [0] * machines
    left = [sum(time for _, time in job) for job in jobs]
    load = [sum(t for job in jobs for m, t in job if m == k) for k in range(machines)]
    mean_duration, order = sum(sizes) / len(sizes), []
    for _ in sizes:
        begins = [
            (max(ready[j], free[jobs[j][done[j]][0]]), j)
            for j in range(count)
            if done[j] < len(jobs[j])
        ]
        now = min(begins)[0]
        able = [j for start, j in begins if start == now]
        keys = []
        for j in able:
            machine, time = jobs[j][done[j]]
            operation = {
                "job": j,
                "machine": machine,
                "duration": time,
                "ready": ready[j],
                "work_left": left[j],
                "operations_left": len(jobs[j]) - done[j],
                "machine_load": load[machine],
            }
            state = {
                "time": now,
                "waiting": sum(jobs[i][done[i]][0] == machine for i in able),
                "jobs": count,
                "machines": machines,
                "mean_duration": mean_duration,
            }
            before = (dict(operation), dict(state))
            keys.append(number(function(operation, state)))
            if (operation, state) != before:
                return {"failure": "arguments", "detail": "operation or state is not what it was"}
        j = able[keys.index(min(keys))]
        machine, time = jobs[j][done[j]]
        order.append(j)
        done[j] += 1
        left[j] -= time
        load[machine] -= time
        ready[j] = free[machine] = now + time
    return order
"""

SPT = """\
def priority(operation, state):
    return operation["duration"]
"""

MWKR = """\
def priority(operation, state):
    return -operation["work_left"]
"""

WEIGHED = """\
def priority(operation, state):
    a, b, c = 0.0, 0.0, 0.0
    return (
        -operation["work_left"]
        + a * operation["duration"]
        + b * (state["time"] - operation["ready"])
        + c * operation["machine_load"] / state["machines"]
    )
"""

SUITES = {
    "train": Suite(
        "train",
        "6 x 6 and 8 x 8",
        9301,
        entry=(*entries("jobshop", 6, 12, {}), *entries("jobshop", 8, 12, {})),
    ),
    "validation": Suite(
        "validation",
        "6 x 6 and 8 x 8",
        9302,
        entry=(*entries("jobshop", 6, 24, {}), *entries("jobshop", 8, 24, {})),
    ),
    "test": Suite(
        "test",
        "6 x 6 and 8 x 8",
        9303,
        entry=(*entries("jobshop", 6, 36, {}), *entries("jobshop", 8, 36, {})),
    ),
    "larger": Suite("larger", "15 x 15", 9304, entry=entries("jobshop", 15, 12, {})),
    "cells": Suite(
        "cells", "20 jobs, 5 machines", 9305, entry=entries("jobshop", 20, 20, {"machines": 5})
    ),
}


def case(instance: Instance[Shop]) -> Any:
    """Return the jobs as lists of [machine, time], by indices."""
    shop = index_shop(instance.payload)
    jobs = [[list(step) for step in route] for route in shop.routes]
    return {"jobs": jobs, "machines": len(shop.down)}


def answer(instance: Instance[Shop], solution: Any) -> Fields:
    """Return the schedule of operations begun in an order, a job's number for each.

    Raises:
        WrongSolution: if it is no such order.
    """
    shop = index_shop(instance.payload)
    count = len(shop.routes)
    if not isinstance(solution, list):
        raise WrongSolution("wrong type", f"not a list of jobs but {short(solution)}")
    for job in solution:
        if type(job) is not int or not 0 <= job < count:
            raise WrongSolution("wrong type", f"{short(job)} is no number of a job")
    for job, route in enumerate(shop.routes):
        if solution.count(job) != len(route):
            raise WrongSolution("wrong count", f"job {job} is there {solution.count(job)} times")
    ready, free = [0] * count, [0] * len(shop.down)
    starts: Starts = [[] for _ in range(count)]
    for job in solution:
        machine, time = shop.routes[job][len(starts[job])]
        start = max(ready[job], free[machine])
        starts[job].append(start)
        ready[job] = free[machine] = start + time
    return {KEY: shop.by_id(starts)}


def chance(instance: Instance[Shop]) -> float:
    """Return the mean makespan of 50 random non-delay schedules."""
    shop = index_shop(instance.payload)
    rng = Random(f"jobshop/random schedules/{len(shop.routes)}")
    schedules = (dispatch(shop, lambda _: rng.random()) for _ in range(LISTS))
    return mean(shop.makespan(starts) for starts in schedules if starts is not None)


RULE_POLICIES: dict[str, Callable[[Instance[Shop]], Fields]] = {
    name: POLICIES[f"{name}-nondelay"].answer for name in RULES if f"{name}-nondelay" in POLICIES
}

DOMAIN = Domain(
    name="jobshop-priority",
    family="jobshop",
    description="priority(operation, state) -> float: which operation begins, non-delay scheme",
    function="priority",
    arguments=("operation", "state"),
    facts=FACTS,
    driver=DRIVER,
    programs={"spt": SPT, "mwkr": MWKR, "weighed": WEIGHED},
    rules=RULE_POLICIES,
    splits=SUITES,
    case=case,
    answer=answer,
    chance=chance,
)
