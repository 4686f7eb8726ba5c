"""Built-in policies for one machine: rules that know what shows, one that knows the generator."""

from collections.abc import Callable
from random import Random

from generators import flow as generator
from graders import flow as grader
from graders.clusters import strata
from graders.exact import flow as exact
from harness.families.family import BoardColumn, Family, Levels, Policy, Submission, Toolbox
from tasks import flow as task
from tasks.base import Fields
from tasks.flow import FlowStep
from tasks.flow_machine import KEY, FlowSimulation, submitted
from tasks.flow_payload import Flow
from tasks.schemas import object_schema


def by_rule(rule: exact.Rule) -> Callable[[FlowStep], Fields]:
    """Make a policy of a rule."""
    return lambda step: {KEY: rule(step.machine)}


def random_job(step: FlowStep) -> Fields:
    """Answer with one of the jobs that are there, drawn by the instance's id and the turn."""
    rng = Random(f"random/{step.instance.id}/{step.machine.turn}")
    return {KEY: rng.choice(list(step.machine.waiting))}


def informed(step: FlowStep) -> Fields:
    """Answer with the job that has the least expected rest, for who knows the generator."""
    return {KEY: generator.informed(step.instance)(step.machine)}


POLICIES = {
    "fifo": Policy("floor", "the job that came first", by_rule(exact.fifo)),
    "round-robin": Policy(
        "floor", "the job that has had nothing for longest", by_rule(exact.round_robin)
    ),
    "random": Policy("floor", "a job at random, each turn anew", random_job),
    "op-srpt": Policy("floor", "the shortest rest of a current operation", by_rule(exact.op_srpt)),
    "known-part": Policy("floor", "the smallest known part", by_rule(exact.known_part)),
    "serpt-mean": Policy(
        "floor",
        "the shortest expected rest, operations to come like those of the job that are known",
        by_rule(exact.serpt_mean),
    ),
    "learner": Policy(
        "floor", "the shortest rest that the jobs done so far let expect", by_rule(exact.learned)
    ),
    "informed": Policy(
        "floor",
        "the shortest expected rest for who knows the generator: a ceiling online",
        informed,
    ),
    "exact": Policy(
        "ceiling", "sees all sizes: the optimum, which nobody online can reach", by_rule(exact.srpt)
    ),
}

FAMILY: Family[Flow] = Family(
    name="flow",
    description="one machine with pre-emption, operations that show one by one: least flow time",
    version=task.VERSION,
    templates=task.TEMPLATES,
    payload=Flow,
    generate=generator.generate,
    resolve=generator.resolve,
    settings=generator.FlowSettings,
    levels=Levels("operations a job", 1, generator.LARGEST),
    solve=exact.reference,
    world=task.world,
    read=task.read,
    answers=task.answers,
    grade=grader.grade,
    reward=grader.reward,
    summarise=grader.summarise,
    policies=POLICIES,
    columns=(
        BoardColumn("beats_fifo"),
        BoardColumn("beats_op_srpt"),
        BoardColumn("over_fifo", "ratio"),
        BoardColumn("regret_informed", "gap"),
        BoardColumn("invalid_turns", "count"),
    ),
    strata=strata,
    along=("score@",),
    tools=Toolbox(
        world=FlowSimulation,
        request=task.request,
        transport="transport",  # no such setting: a run asks for decisions, not for calls
        submission=Submission(lambda _: object_schema({}), submitted),
    ),
    drawings=".flow",
)
