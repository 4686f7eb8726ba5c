"""Built-in policies for servers of a language model: those of papers, and the best run known."""

from collections.abc import Callable
from random import Random

from generators import serving as generator
from graders import serving as grader
from graders.clusters import strata
from graders.exact import serving as exact
from graders.exact import serving_papers as papers
from graders.exact import serving_rules as rules
from graders.exact.serving_measure import Plan
from graders.exact.serving_server import RefusedPlan
from graders.exact.serving_simulator import ServingRun
from harness.families.family import BoardColumn, Family, Levels, Policy
from harness.families.stated import is_valid, with_confidence
from tasks import serving as task
from tasks.base import Fields, Instance, SolverFailure
from tasks.serving import KEY
from tasks.serving_payload import Service


def by_plan(make: Callable[[], Plan]) -> Callable[[Instance[Service]], Fields]:
    """Make a policy of one that plans online: its answer is the log of its decisions.

    Args:
        make: returns the plan, afresh for each run.
    """

    def policy(instance: Instance[Service]) -> Fields:
        simulation = ServingRun(exact.case_of(instance.payload), make())
        try:
            return {KEY: simulation.run()}
        except RefusedPlan:  # the grader says why
            return {KEY: simulation.log}

    return policy


def random(instance: Instance[Service]) -> Fields:
    """Answer with one order of jobs drawn at random, seeded by the instance's id."""
    return random_number(instance, 1)


def random_number(instance: Instance[Service], number: int) -> Fields:
    """Answer with the random order of a number, from 1; the first is that of `random`."""
    names = [job.id for job in instance.payload.jobs]
    Random(f"random/{instance.id}" + (f"/{number}" if number > 1 else "")).shuffle(names)
    return {KEY: names}


def arrival(instance: Instance[Service]) -> Fields:
    """Answer with the order in which the jobs come."""
    return {KEY: [job.id for job in instance.payload.jobs]}


def exact_answer(instance: Instance[Service]) -> Fields:
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


_ARRIVAL = """\
def solve(problem):
    return {"schedule": [job["id"] for job in problem["jobs"]]}
"""

PLANS: dict[str, tuple[str, Callable[[], Plan]]] = {
    "first-come": ("first come, first served, what fits now (vLLM)", rules.first_come),
    "conservative": ("reserves for each request the most it may make (TGI)", rules.conservative),
    "past-future": ("admits by lengths drawn from the recent past", rules.past_future),
    "shortest": ("the shortest by hint first, what fits now", rules.shortest_first),
    "mc-sf": ("the shortest by hint first, while the peak of memory fits", rules.mc_sf),
    "prefill-first": ("whole prompts first, decoding stands still", rules.prefill_first),
    "chunk-128": ("128 tokens of prompts an iteration (Sarathi)", lambda: rules.chunked(128)),
    "chunk-2048": ("2048 tokens of prompts an iteration", lambda: rules.chunked(2048)),
    "layered": ("a batch of prompts by groups of layers", papers.layered),
    "flow-prefill": ("the prompt with the least slack, overtaken by layers", papers.flow_prefill),
    "continuum": (
        "pins contexts as long as gains most, by its paper",
        papers.POLICIES["continuum"],
    ),
    "continuum-released": (
        "pins contexts for 2 s, by its released code",
        papers.POLICIES["continuum-released"],
    ),
    "vtc": ("next whoever has been served least", papers.vtc),
    "on-demand": ("an idle server for prompts takes one request", papers.on_demand),
    "urgency": ("the least slack of the job's deadline first", papers.urgency),
    "hybrid": ("pins, slack, guesses and chunks together: ours", papers.hybrid),
}

POLICIES = {
    **{
        name: Policy("floor", description, by_plan(make))
        for name, (description, make) in PLANS.items()
    },
    "arrival": Policy("floor", "the order in which the jobs come", arrival, program=_ARRIVAL),
    "random": Policy("floor", "one random order of jobs", random, draw=random_number),
    "exact": Policy("ceiling", "the best run that is known, clairvoyant", exact_answer),
}

FAMILY: Family[Service] = Family(
    name="serving",
    description="requests to servers of a language model that keep their limits as well as can be",
    version=task.VERSION,
    templates=task.TEMPLATES,
    payload=Service,
    generate=generator.generate,
    resolve=generator.resolve,
    settings=generator.ServingSettings,
    levels=Levels("jobs", 3, 24),
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
        BoardColumn("ttft_p50", "ratio", title="median TTFT s"),
        BoardColumn("evictions", "count"),
    ),
    strata=strata,
    ramp=("pressure",),
    along=("skill@",),
    means=("program", "checker"),
    drawings=".serving",
)

FAMILY = with_confidence(FAMILY, "your answer keeps every rule", is_valid)
