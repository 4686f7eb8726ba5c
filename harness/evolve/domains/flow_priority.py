"""Rules for one machine whose jobs show operation by operation: `priority(job, state) -> float`."""

from collections.abc import Callable, Iterator
from random import Random
from statistics import fmean
from typing import Any

from graders.exact import flow as exact
from harness.evolve.domain import Domain, Twin, WrongSolution, entries
from harness.suites.suite import Suite
from tasks.base import Fields, Instance, short
from tasks.flow import ANSWERS
from tasks.flow_machine import OneMachine
from tasks.flow_payload import Flow

EPISODES = 50  # of random decisions, whose mean is the zero of the scale
LONGER = 1_000  # time units by which what comes is longer on a twin
LATER = 40  # time units by which jobs come later on a twin

FACTS = """\
One machine works on jobs that come over time. A job is a sequence of operations; how long one is
shows only when the one before it is done. A job may be interrupted and taken up again; nothing is
lost by that. Minimise the sum over all jobs of the time from the coming of a job to the end of its
last operation.

Whenever a job comes or an operation ends, and two or more jobs are there,
`priority(job, state)` is called once for each job that is there, and the job with the SMALLEST
value runs until the next such moment (ties: the earlier one in the list). `job` and `state` are
dicts that must not be changed:
job: "released" (when it came); "finished" (lengths of its operations that are done, in order);
"now" (what is left of its current operation); "left" (how many operations come after that);
"had" (the time that it has run, on its current operation too).
state: "time"; "jobs" (all jobs that are there); "done" (of each job that is done, the list of the
lengths of its operations).
It returns a finite number. A program that uses what is still to come fails."""

DRIVER = """\
from copy import deepcopy

def solve(function, case):
    sizes = {job["id"]: job["operations"] for job in case["jobs"]}
    coming = sorted((job["release"], job["id"]) for job in case["jobs"])
    waiting, done, runs, time = {}, [], [], 0

    def arrive():
        while coming and coming[0][0] <= time:
            release, name = coming.pop(0)
            waiting[name] = {
                "released": release,
                "finished": [],
                "now": sizes[name][0],
                "left": len(sizes[name]) - 1,
                "had": 0,
            }

    def choose():
        names = sorted(waiting)
        state = {"time": time, "jobs": [waiting[n] for n in names], "done": done}
        shown = deepcopy(state)
        keys = [number(function(job, shown)) for job in shown["jobs"]]
        if shown != state:
            return None
        return names[keys.index(min(keys))]

    while waiting or coming:
        time = time if waiting else max(time, coming[0][0])
        arrive()
        if len(waiting) > 1:
            name = choose()
            if name is None:
                return {"failure": "arguments", "detail": "job or state is not what it was"}
            runs.append(name)
        else:
            [name] = waiting
        job = waiting[name]
        until = min([time + job["now"], *(release for release, _ in coming[:1])])
        job["now"] -= until - time
        job["had"] += until - time
        time = until
        if not job["now"]:
            job["finished"].append(sizes[name][len(job["finished"])])
            if job["left"]:
                job["left"] -= 1
                job["now"] = sizes[name][len(job["finished"])]
            else:
                done.append(job["finished"])
                del waiting[name]
    return runs
"""

OP_SRPT = """\
def priority(job, state):
    return job["now"]
"""

FIFO = """\
def priority(job, state):
    return job["released"]
"""

KNOWN_PART = """\
def priority(job, state):
    return job["had"] + job["now"]
"""

SERPT_MEAN = """\
def priority(job, state):
    known = job["had"] + job["now"]
    return job["now"] + job["left"] * known / (len(job["finished"]) + 1)
"""

WEIGHED = """\
def priority(job, state):
    a, b, c = 1.0, 0.0, 0.0
    known = job["had"] + job["now"]
    parts = len(job["finished"]) + 1
    waited = state["time"] - job["released"]
    return job["now"] + job["left"] * a * known / parts + b * known - c * waited
"""

SUITES = {
    "train": Suite("train", "10 jobs of 4 operations", 9301, entry=entries("flow", 4, 24, {})),
    "validation": Suite(
        "validation", "10 jobs of 4 operations", 9302, entry=entries("flow", 4, 48, {})
    ),
    "test": Suite("test", "10 jobs of 4 operations", 9303, entry=entries("flow", 4, 72, {})),
    "larger": Suite(
        "larger", "20 jobs of 8 operations", 9304, entry=entries("flow", 8, 24, {"jobs": 20})
    ),
    "cells": Suite(
        "cells",
        "half as much to do, or parts at random",
        9305,
        entry=entries("flow", 4, 24, {"load": 0.9}, {"shape": "random"}),
    ),
}
RULES: dict[str, exact.Rule] = {
    "fifo": exact.fifo,
    "op-srpt": exact.op_srpt,
    "known-part": exact.known_part,
    "serpt-mean": exact.serpt_mean,
    "learner": exact.learned,
}


def by_rule(rule: exact.Rule) -> Callable[[Instance[Flow]], Fields]:
    """Make what answers whole episodes by a rule."""
    return lambda instance: {ANSWERS: exact.decisions(instance.payload, rule)[0]}


def case(instance: Instance[Flow]) -> Any:
    """Return all jobs, those that are still to come among them: the driver plays the machine."""
    return {"jobs": [_job(j.id, j.release, j.operations) for j in instance.payload.jobs]}


def _job(name: str, release: int, operations: tuple[int, ...]) -> Fields:
    return {"id": name, "release": release, "operations": list(operations)}


def answer(instance: Instance[Flow], solution: Any) -> Fields:
    """Return the decisions of an episode, each a job that is there, until all are done.

    Whoever decides something else has not left it to the driver. It would not be run on a twin, so
    it is not left to the grader, with whom an episode may lose turns.

    Raises:
        WrongSolution: if they are anything else.
    """
    if not isinstance(solution, list):
        raise WrongSolution("wrong type", f"not a list of jobs but {short(solution)}")
    machine = OneMachine(instance.payload)
    if len(list(_played(machine, solution))) < len(solution) or not machine.is_over:
        raise WrongSolution("decisions", "they are not those of a whole episode")
    return {ANSWERS: solution}


def _played(machine: OneMachine, runs: list[Any]) -> Iterator[str]:
    """Yield decisions, each before it is played, up to the first that cannot be."""
    for name in runs:
        if machine.is_over or not isinstance(name, str) or name not in machine.waiting:
            return
        yield name
        machine.run(name)


def chance(instance: Instance[Flow]) -> float:
    """Return the mean total flow time of random decisions."""
    rng = Random(f"flow-priority/{instance.id}")

    def at_random(machine: OneMachine) -> str:
        return rng.choice(list(machine.waiting))

    return fmean(exact.simulate(instance.payload, at_random).total for _ in range(EPISODES))


# What is still to come -----------------------------------------------------------------------


def twin(instance: Instance[Flow], solution: Any) -> Twin | None:
    """Return the same world up to one of a program's decisions, and what was decided by then.

    The decision is drawn among those at which the job that runs and another one have operations to
    come. On the twin those of the first are long and those of the others short; jobs to come are
    longer, and come later. None where there is no such decision.
    """
    if not isinstance(solution, list):
        return None
    places = _places(OneMachine(instance.payload), solution)
    if not places:
        return None
    count = Random(f"flow-priority/twin/{instance.id}").choice(places)
    machine = OneMachine(instance.payload)
    for name in solution[: count - 1]:
        machine.run(name)
    jobs = [
        _changed(j.id, j.release, j.operations, machine, solution[count - 1])
        for j in instance.payload.jobs
    ]
    return Twin({"jobs": jobs}, lambda runs: runs[:count] if isinstance(runs, list) else None)


def _places(machine: OneMachine, runs: list[Any]) -> list[int]:
    """Return the numbers, from 1, of decisions before which something can differ unseen."""
    places = []
    for number, name in enumerate(_played(machine, runs), 1):
        partly_hidden = [n for n, job in machine.waiting.items() if job.left]
        if name in partly_hidden and len(partly_hidden) > 1:
            places.append(number)
    return places


def _changed(
    name: str, release: int, operations: tuple[int, ...], machine: OneMachine, runs: str
) -> Fields:
    """Return a job of a twin: what shows of it on the machine is as it was."""
    if name in machine.completed:
        return _job(name, release, operations)
    if name not in machine.waiting:
        return _job(name, release + LATER, tuple(size + LONGER for size in operations))
    shown = len(machine.waiting[name].finished) + 1
    hidden = (LONGER if name == runs else 1,) * (len(operations) - shown)
    return _job(name, release, operations[:shown] + hidden)


DOMAIN = Domain(
    name="flow-priority",
    family="flow",
    description="priority(job, state) -> float: which job runs on, the smallest first",
    function="priority",
    arguments=("job", "state"),
    facts=FACTS,
    driver=DRIVER,
    programs={
        "op-srpt": OP_SRPT,
        "fifo": FIFO,
        "known-part": KNOWN_PART,
        "serpt-mean": SERPT_MEAN,
        "weighed": WEIGHED,
    },
    rules={name: by_rule(rule) for name, rule in RULES.items()},
    splits=SUITES,
    case=case,
    answer=answer,
    chance=chance,
    twin=twin,
)
