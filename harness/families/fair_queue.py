"""Built-in policies of a cluster of several users, and the best run that is known."""

from collections.abc import Callable
from random import Random

from generators import fair_queue as generator
from graders import fair_queue as grader
from graders.clusters import strata
from graders.exact import fair_queue as exact
from graders.exact.fair_queue_measure import simulate
from graders.exact.fair_queue_rules import POLICIES as RULES
from graders.exact.fair_queue_simulator import Pick
from harness.families.family import BoardColumn, Family, Levels, Policy
from harness.families.stated import is_valid, with_confidence
from tasks import fair_queue as task
from tasks.base import Fields, Instance, SolverFailure
from tasks.fair_queue import KEY, SharedCluster


def by_rule(make: Callable[[], Pick]) -> Callable[[Instance[SharedCluster]], Fields]:
    """Make a policy of one that picks online: its answer is the log of its picks.

    Args:
        make: returns the rule, afresh for each run.
    """
    return lambda instance: {KEY: simulate(exact.case_of(instance.payload), make()).log}


def random(instance: Instance[SharedCluster]) -> Fields:
    """Answer with one order of jobs drawn at random, seeded by the instance's id."""
    return random_number(instance, 1)


def random_number(instance: Instance[SharedCluster], number: int) -> Fields:
    """Answer with the random order of a number, from 1; the first is that of `random`."""
    names = [job.id for job in instance.payload.jobs]
    Random(f"random/{instance.id}" + (f"/{number}" if number > 1 else "")).shuffle(names)
    return {KEY: names}


def arrival(instance: Instance[SharedCluster]) -> Fields:
    """Answer with the order in which the jobs come."""
    return {KEY: [job.id for job in instance.payload.jobs]}


def smallest(instance: Instance[SharedCluster]) -> Fields:
    """Answer with the jobs by their work, the smallest first."""
    jobs = sorted(instance.payload.jobs, key=lambda job: job.work)
    return {KEY: [job.id for job in jobs]}


def exact_answer(instance: Instance[SharedCluster]) -> Fields:
    """Answer with the reference's own run if there is one, or what the search finds now.

    Raises:
        SolverFailure: if there is no answer.
    """
    best = instance.reference
    if best.answer is None or not best.solver:
        best = exact.reference(instance.payload)
    if best.answer is None:
        raise SolverFailure(f"no answer to {instance.id} is known: it is {best.status}")
    return best.answer


_SMALLEST = """\
def solve(problem):
    jobs = sorted(problem["jobs"], key=lambda job: sum(map(sum, job["stages"])))
    return {"schedule": [job["id"] for job in jobs]}
"""

POLICIES = {
    **{
        name: Policy("floor", description, by_rule(make))
        for name, (description, make) in RULES.items()
    },
    "arrival": Policy("floor", "the order in which the jobs come", arrival),
    "smallest": Policy(
        "floor", "the order of the jobs' work, smallest first", smallest, program=_SMALLEST
    ),
    "random": Policy("floor", "one random order of jobs", random, draw=random_number),
    "exact": Policy("ceiling", "the best run that is known, clairvoyant", exact_answer),
}

FAMILY: Family[SharedCluster] = Family(
    name="fair-queue",
    description="jobs of several users on the cores of a cluster, each as soon as in a fair share",
    version=task.VERSION,
    templates=task.TEMPLATES,
    payload=SharedCluster,
    generate=generator.generate,
    resolve=generator.resolve,
    settings=generator.FairQueueSettings,
    levels=Levels("jobs", generator.FEWEST, generator.MOST),
    solve=generator.solve,
    world=task.world,
    read=task.read,
    answers=task.answers,
    grade=grader.grade,
    reward=grader.reward,
    summarise=grader.summarise,
    policies=POLICIES,
    columns=(
        BoardColumn("goodput", interval=True),
        BoardColumn("job_cost", "ratio"),
        BoardColumn("seconds_small", "ratio", title="small jobs s"),
        BoardColumn("worst_user", "ratio"),
    ),
    strata=strata,
    ramp=("pressure",),
    along=("skill@",),
    means=("program", "checker"),
    drawings=".fair_queue",
)

FAMILY = with_confidence(FAMILY, "your answer keeps every rule", is_valid)
