"""Whole heuristics for total tardiness on one machine: `schedule(p, d) -> order`."""

from collections.abc import Sequence
from typing import Any

from graders.tardiness import yardsticks
from harness.evolve.domain import Domain, WrongSolution, entries
from harness.families.tardiness import POLICIES
from harness.suites.suite import Suite
from tasks.base import Fields, Instance, short
from tasks.tardiness import KEY, Jobs

FACTS = """\
One machine is free from time 0 and processes n jobs one after another without a pause.
Job j takes p[j] time units (a whole number >= 1) and is due at d[j] (a whole number, it may be
negative). If it completes at C[j], its tardiness is max(C[j] - d[j], 0). Minimise the sum of the
tardiness of all jobs.

`schedule(p, d)` gets the lists p and d and returns the order of processing: a list that holds
each of the positions 0 to n - 1 once, the first job first. It must not change p or d. n is
between 1 and several hundred; it has a few seconds."""

DRIVER = """\
def solve(function, case):
    p, d = list(case["p"]), list(case["d"])
    order = function(p, d)
    if p != case["p"] or d != case["d"]:
        return {"failure": "arguments", "detail": "p or d is not what it was"}
    return order
"""

EDD = """\
def schedule(p, d):
    return sorted(range(len(p)), key=lambda j: (d[j], p[j]))
"""

SPT = """\
def schedule(p, d):
    return sorted(range(len(p)), key=lambda j: (p[j], d[j]))
"""

MDD = """\
def schedule(p, d):
    waiting, order, t = list(range(len(p))), [], 0
    while waiting:
        j = min(waiting, key=lambda i: max(p[i] + t, d[i]))
        waiting.remove(j)
        order.append(j)
        t += p[j]
    return order
"""

WEIGHED = """\
def schedule(p, d):
    a, b, c = 1.0, 0.0, 0.0
    waiting, order, t = list(range(len(p))), [], 0
    while waiting:
        longest = max(p[i] for i in waiting)
        average = sum(p[i] for i in waiting) / len(waiting)

        def key(i):
            u = max(a * p[i] + t, d[i])
            return u * (1 + b * (p[i] / (t + longest)) ** 2) + c * p[i] / (t + average)

        j = min(waiting, key=key)
        waiting.remove(j)
        order.append(j)
        t += p[j]
    return order
"""

CELLS = [{"tf": tf, "rdd": rdd} for rdd in (0.6, 0.2, 1.0) for tf in (0.6, 0.8, 0.4, 0.2)]
OTHER_CELLS = [{"tf": tf, "rdd": rdd} for rdd in (0.4, 0.8) for tf in (0.6, 0.8, 0.4, 0.2)]
SUITES = {
    "train": Suite("train", "25 jobs, 12 cells", 9101, entry=entries("tardiness", 25, 4, *CELLS)),
    "validation": Suite(
        "validation", "25 jobs, 12 cells", 9102, entry=entries("tardiness", 25, 5, *CELLS)
    ),
    "test": Suite("test", "25 jobs, 12 cells", 9103, entry=entries("tardiness", 25, 8, *CELLS)),
    "larger": Suite(
        "larger", "100 jobs, 12 cells", 9104, entry=entries("tardiness", 100, 3, *CELLS)
    ),
    "cells": Suite(
        "cells", "25 jobs, 8 other cells", 9105, entry=entries("tardiness", 25, 8, *OTHER_CELLS)
    ),
}
RULES = ("edd", "spt", "mdd", "psk", "eddc", "mddc", "mddc-augmented", "mdd-insertion", "atc")


def case(instance: Instance[Jobs]) -> Any:
    """Return processing times and due dates, by position."""
    jobs = instance.payload.jobs
    return {"p": [job.p for job in jobs], "d": [job.d for job in jobs]}


def answer(instance: Instance[Jobs], solution: Any) -> Fields:
    """Return the order as ids; what is no position stays as it is, for the grader to name.

    Raises:
        WrongSolution: if it is no list.
    """
    if not isinstance(solution, list):
        raise WrongSolution("wrong type", f"not a list of positions but {short(solution)}")
    return {KEY: _ids(instance.payload, solution)}


def _ids(jobs: Jobs, order: Sequence[Any]) -> list[Any]:
    count = len(jobs.jobs)
    return [jobs.jobs[k].id if type(k) is int and 0 <= k < count else k for k in order]


def chance(instance: Instance[Jobs]) -> float:
    """Return the mean total tardiness of 200 random orders."""
    return yardsticks(instance.payload)[0]


DOMAIN = Domain(
    name="tardiness",
    family="tardiness",
    description="schedule(p, d) -> order: a whole heuristic for one machine",
    function="schedule",
    arguments=("p", "d"),
    facts=FACTS,
    driver=DRIVER,
    programs={"edd": EDD, "spt": SPT, "mdd": MDD, "weighed": WEIGHED},
    rules={name: POLICIES[name].answer for name in RULES},
    splits=SUITES,
    case=case,
    answer=answer,
    chance=chance,
)
