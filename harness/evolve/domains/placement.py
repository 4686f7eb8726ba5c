"""On which host a task is placed when it comes: `place(task, hosts) -> index or None`."""

from collections.abc import Mapping
from typing import Any

from generators import placement as generator
from graders.exact import placement_simulator
from graders.exact.placement import by_id, case_of, random_cost
from graders.exact.placement_twin import twin_of
from harness.evolve.domain import Domain, Twin, WrongSolution, entries
from harness.evolve.driver_text import text_of
from harness.families.placement import POLICIES
from harness.suites.suite import Suite
from tasks.base import Fields, Instance, Scalar, short
from tasks.placement import KEY, VERSION, Fleet

FACTS = """\
Tasks come one by one, stay for a time that nobody knows before they end, and cannot be moved. All
hosts are alike, and there are as many as are wanted. A host is in use while a task lies on it;
minimise for how long hosts are in use, all together.

When a task comes, `place(task, hosts)` returns where it goes: the index in the list `hosts`, which
are those in use that have room for it, or None for a new host. The list may be empty.
task.id (its number), task.at (s, now), task.cpu, task.memory (what it takes), task.guess (of the s
that it stays, often wrong by half, or None).
host.number (from 1, in the order in which hosts came into use), host.since (s), host.cpu,
host.memory (what is free), host.all_cpu, host.all_memory (what it has), host.tasks (those on it,
in the order of their coming; never empty).
What it is given must not be changed. It may remember things in global variables; what is still to
come it may not look at."""

DRIVER = (
    text_of(placement_simulator)
    + """

def solve(function, case):
    try:
        return PlacementRun(case["fleet"], function, case["until"]).run()
    except RefusedPlace as refused:
        return {"failure": refused.kind, "detail": str(refused)}
"""
)

FIRST_FIT = """\
def place(task, hosts):
    return 0 if hosts else None
"""

BEST_FIT = """\
def place(task, hosts):
    def room(k):
        return hosts[k].cpu / hosts[k].all_cpu + hosts[k].memory / hosts[k].all_memory

    return min(range(len(hosts)), key=room) if hosts else None
"""

LEAST_LONGER = """\
def end(task):
    return task.at + (600 if task.guess is None else task.guess)


def place(task, hosts):
    def key(k):
        last = max(max(end(t) for t in hosts[k].tasks), task.at)
        room = hosts[k].cpu / hosts[k].all_cpu + hosts[k].memory / hosts[k].all_memory
        return (max(0.0, end(task) - last), room)

    return min(range(len(hosts)), key=key) if hosts else None
"""

WEIGHED = """\
def end(task):
    return task.at + (600 if task.guess is None else task.guess)


def place(task, hosts):
    a, b, c = 1.0, 0.0, 0.0

    def key(k):
        host = hosts[k]
        last = max(max(end(t) for t in host.tasks), task.at)
        room = host.cpu / host.all_cpu + host.memory / host.all_memory
        longer = max(0.0, end(task) - last)
        value = a * longer + b * 600 * room + c * abs(end(task) - last)
        return (value, room)

    return min(range(len(hosts)), key=key) if hosts else None
"""

USUAL: dict[str, Scalar] = {"load": 6.0}


def _split(name: str, seed: int, each: int) -> Suite:
    """Return a split of what a search sees: stays that differ by little, and by much."""
    spreads = ({**USUAL, "spread": 0.5}, {**USUAL, "spread": 1.5})
    return Suite(name, "400 tasks", seed, entry=entries("placement", 400, each, *spreads))


SUITES = {
    "train": _split("train", 9301, 12),
    "validation": _split("validation", 9302, 24),
    "test": _split("test", 9303, 36),
    "larger": Suite("larger", "1,600 tasks", 9304, entry=entries("placement", 1600, 20, USUAL)),
    "cells": Suite(
        "cells",
        "20 hosts, no guesses, or right ones",
        9305,
        entry=entries(
            "placement",
            400,
            14,
            {"load": 20.0},
            {**USUAL, "hint": "none"},
            {**USUAL, "hint": "exact"},
        ),
    ),
}
RULES = ("first-fit", "best-fit", "worst-fit", "dot-product", "alike-end", "least-longer")


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[Fleet]:
    """Return a fleet with its bound: no placing is searched, as a search goes by the bound."""
    del reference
    return generator.generate(level, seed, index, settings, reference=False)


def case(instance: Instance[Fleet]) -> Any:
    """Return the fleet as the simulator reads it."""
    return {"fleet": case_of(instance.payload), "until": None}


def answer(instance: Instance[Fleet], solution: Any) -> Fields:
    """Return the log as an answer: the host of each task, which the grader checks.

    Raises:
        WrongSolution: if it is no log of all tasks.
    """
    fleet = instance.payload
    if not _is_log(solution):
        raise WrongSolution("wrong type", f"not a list of hosts but {short(solution)}")
    if len(solution) != len(fleet.tasks):
        raise WrongSolution("wrong count", f"{len(solution)} hosts for {len(fleet.tasks)} tasks")
    return {KEY: by_id(fleet, solution)}


def _is_log(solution: Any) -> bool:
    return isinstance(solution, list) and all(type(number) is int for number in solution)


def twin(instance: Instance[Fleet], solution: Any) -> Twin | None:
    """Return a fleet that is the same until a moment at which there were many hosts to choose."""
    if not _is_log(solution):
        return None
    other = twin_of(case_of(instance.payload), solution, instance.id)
    if other is None:
        return None
    count = other.tasks
    return Twin(
        {"fleet": other.case, "until": count},
        lambda log: log[:count] if isinstance(log, list) else None,
    )


DOMAIN = Domain(
    name="placement",
    family="placement",
    description="place(task, hosts) -> index or None: on which host a task is placed",
    function="place",
    arguments=("task", "hosts"),
    facts=FACTS,
    driver=DRIVER,
    programs={
        "first-fit": FIRST_FIT,
        "best-fit": BEST_FIT,
        "least-longer": LEAST_LONGER,
        "weighed": WEIGHED,
    },
    rules={name: POLICIES[name].answer for name in RULES},
    splits=SUITES,
    case=case,
    answer=answer,
    chance=lambda instance: random_cost(instance.payload),
    generate=generate,
    version=VERSION,
    twin=twin,
)
