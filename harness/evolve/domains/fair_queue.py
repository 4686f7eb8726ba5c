"""Which user's job gets a core that is free: `priority(job, cluster) -> float`."""

from collections.abc import Mapping
from typing import Any

from generators import fair_queue as generator
from graders.exact import fair_queue_simulator
from graders.exact.fair_queue import case_of, random_cost
from graders.exact.fair_queue_twin import twin_of
from graders.fair_queue import violations
from harness.evolve.domain import Domain, Twin, WrongSolution, entries
from harness.evolve.driver_text import text_of
from harness.families.fair_queue import POLICIES
from harness.suites.suite import Suite
from tasks.base import Fields, Instance, Scalar, short
from tasks.fair_queue import KEY, VERSION, SharedCluster, is_log

FACTS = """\
A cluster has cores, all alike; users send it jobs. A job has stages, one after another; a stage has
tasks that may run beside each other. A task takes one core, is not interrupted, and how long it
lasts nobody knows before it ends. Whenever a core is free, `priority(job, cluster)` is called once
for each job that has a task that can begin, and the job with the SMALLEST value gets the core
(ties: the earlier one). No core is left free.
job.id, job.user (numbers), job.arrived (ms), job.hint (a guess of the ms of all its tasks together,
often wrong by half, or None), job.stages and job.tasks (how many in all), job.stage (the number of
the one that runs, from 0), job.waiting (tasks of that stage that have not begun), job.running
(tasks under way), job.ended (tasks that have ended), job.work (ms of those together), job.done
(when its last task ended, or None).
cluster.now (ms), cluster.cores, cluster.free (cores), cluster.ready (jobs that can begin a task),
cluster.jobs (all that have come, those that are done too).
The limit of a job is the time that it would take if at every moment all cores were shared equally
among the users who have a job there, and each user's share equally among that user's jobs; but at
least 1.5 times what it takes alone. A job costs 1 within its limit, a time of twice its limit 2,
and so on up to 10; minimise the mean. What it is given must not be changed. It may remember things
in global variables; what is still to come it may not look at. It returns a finite number."""

DRIVER = (
    text_of(fair_queue_simulator)
    + """

def solve(function, case):
    def pick(cluster):
        return min(cluster.ready, key=lambda job: (number(function(job, cluster)), job.id))

    try:
        return ClusterRun(case["cluster"], pick, case["until"]).run()
    except RefusedPick as refused:
        return {"failure": refused.kind, "detail": str(refused)}
"""
)

FIFO = """\
def priority(job, cluster):
    return job.arrived
"""

FAIR = """\
def priority(job, cluster):
    return job.running
"""

USER_FAIR = """\
def priority(job, cluster):
    mine = sum(other.running for other in cluster.jobs if other.user == job.user)
    return mine * 1000 + job.running
"""

SHORTEST = """\
def priority(job, cluster):
    mean = job.work / job.ended if job.ended else 1000.0
    size = job.hint if job.hint is not None else mean * job.tasks
    return max(size, job.work) - job.work
"""

WEIGHED = """\
def priority(job, cluster):
    a, b, c = 0.0, 0.0, 0.0
    mean = job.work / job.ended if job.ended else 1000.0
    size = job.hint if job.hint is not None else mean * job.tasks
    left = max(size, job.work) - job.work
    return left + a * 1000 * job.running + b * job.work - c * (cluster.now - job.arrived)
"""

USUAL: dict[str, Scalar] = {"cores": 32, "users": 5}


def _split(name: str, seed: int, each: int) -> Suite:
    """Return a split of what a search sees: one user sends half of the jobs, or none sends more."""
    shares = ({**USUAL}, {**USUAL, "heavy": 0.2})
    return Suite(
        name, "100 jobs on 32 cores", seed, entry=entries("fair-queue", 100, each, *shares)
    )


SUITES = {
    "train": _split("train", 9301, 12),
    "validation": _split("validation", 9302, 24),
    "test": _split("test", 9303, 36),
    "larger": Suite("larger", "400 jobs", 9304, entry=entries("fair-queue", 400, 20, {**USUAL})),
    "cells": Suite(
        "cells",
        "8 cores, 12 users, or no hints",
        9305,
        entry=(
            *entries("fair-queue", 100, 14, {"cores": 8, "users": 3}),
            *entries("fair-queue", 100, 13, {"cores": 32, "users": 12, "heavy": 0.1}),
            *entries("fair-queue", 100, 13, {**USUAL, "hint": "none"}),
        ),
    ),
}
RULES = ("fifo", "fair", "user-fair", "least-served", "shortest", "job-fair", "uwfq")


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[SharedCluster]:
    """Return a cluster with its bound: no run is searched, as a search goes by the bound."""
    del reference
    return generator.generate(level, seed, index, settings, reference=False)


def case(instance: Instance[SharedCluster]) -> Any:
    """Return the cluster as the simulator reads it."""
    return {"cluster": case_of(instance.payload), "until": None}


def answer(instance: Instance[SharedCluster], solution: Any) -> Fields:
    """Return the log as an answer, which the grader plays again.

    Raises:
        WrongSolution: if it is no log.
    """
    if not is_log(solution) or violations(instance.payload, solution):
        raise WrongSolution("wrong type", f"not a log of picks but {short(solution)}")
    return {KEY: solution}


def chance(instance: Instance[SharedCluster]) -> float:
    """Return the mean cost in random orders, in thousandths."""
    return random_cost(instance.payload)


def twin(instance: Instance[SharedCluster], solution: Any) -> Twin | None:
    """Return a cluster that is the same until a moment at which many jobs could begin a task."""
    if not is_log(solution):
        return None
    other = twin_of(case_of(instance.payload), solution, instance.id)
    if other is None:
        return None
    picks = other.picks
    return Twin(
        {"cluster": other.case, "until": picks},
        lambda log: log[:picks] if isinstance(log, list) else None,
    )


DOMAIN = Domain(
    name="fair-queue",
    family="fair-queue",
    description="priority(job, cluster) -> float: which user's job gets a core that is free",
    function="priority",
    arguments=("job", "cluster"),
    facts=FACTS,
    driver=DRIVER,
    programs={
        "fifo": FIFO,
        "fair": FAIR,
        "user-fair": USER_FAIR,
        "shortest": SHORTEST,
        "weighed": WEIGHED,
    },
    rules={name: POLICIES[name].answer for name in RULES},
    splits=SUITES,
    case=case,
    answer=answer,
    chance=chance,
    generate=generate,
    version=VERSION,
    twin=twin,
)
