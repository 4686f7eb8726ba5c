"""Built-in policies for jobs on one machine: dispatching rules, and the exact answer."""

from collections.abc import Callable
from random import Random

from generators import tardiness as generator
from generators.jobs import read_jobs
from generators.orlib import read_orlib
from graders import tardiness as grader
from graders.exact import dispatch
from graders.exact.tardiness import reference
from harness.families.family import BoardColumn, Family, FileFormat, Levels, Policy
from harness.families.stated import with_confidence
from harness.families.tardiness_programs import PROGRAMS
from tasks import tardiness as task
from tasks.base import Fields, Instance, SolverFailure
from tasks.tardiness import KEY, Jobs


def by_rule(rule: dispatch.Rule) -> Callable[[Instance[Jobs]], Fields]:
    """Make a policy of a rule that knows processing times and due dates, and ignores weights.

    Args:
        rule: gives an order of positions for processing times and due dates.
    """

    def policy(instance: Instance[Jobs]) -> Fields:
        jobs = instance.payload.jobs
        return _answer(instance, rule([job.p for job in jobs], [job.d for job in jobs]))

    return policy


def atc(instance: Instance[Jobs]) -> Fields:
    """Answer with the order by apparent tardiness cost, the one rule here that uses weights."""
    jobs = instance.payload.jobs
    p, d, w = ([getattr(job, name) for job in jobs] for name in "pdw")
    return _answer(instance, dispatch.atc(p, d, w))


def random(instance: Instance[Jobs], draw: int = 1) -> Fields:
    """Answer with one order drawn at random, seeded by the instance's id and the draw's number."""
    rng = Random(f"random/{instance.id}" + (f"/{draw}" if draw > 1 else ""))
    return by_rule(lambda p, d: dispatch.random_order(p, d, rng))(instance)


def exact(instance: Instance[Jobs]) -> Fields:
    """Answer with the reference's own order if a solver gave it, or what the solver finds now.

    Raises:
        SolverFailure: if there is no answer.
    """
    best = instance.reference
    if best.answer is None or not best.solver:
        best = reference(instance.payload)
    if best.answer is None:
        raise SolverFailure(f"no answer to {instance.id} is known: it is {best.status}")
    return best.answer


def _answer(instance: Instance[Jobs], order: list[int]) -> Fields:
    return {KEY: [instance.payload.jobs[k].id for k in order]}


_RULES: dict[str, tuple[str, dispatch.Rule]] = {
    "edd": ("earliest due date first", dispatch.edd),
    "spt": ("shortest processing time first", dispatch.spt),
    "mdd": ("modified due date, ties by id", dispatch.mdd),
    "mdd-spt": ("modified due date, ties to the shorter job", dispatch.mdd_shortest),
    "psk": ("the rule of Panwalkar, Smith and Koulamas", dispatch.psk),
    "eddc": ("EDD Challenger, as its published code computes it", dispatch.eddc),
    "eddc-printed": (
        "EDD Challenger, as its paper prints it: as good as edd",
        dispatch.eddc_printed,
    ),
    "mddc": ("MDD Challenger", dispatch.mddc),
    "mdd-augmented": (
        "mdd, an earlier job put last after each step if it helps",
        dispatch.augmented_mdd,
    ),
    "mddc-augmented": (
        "mddc, an earlier job put last after each step if it helps",
        dispatch.augmented_mddc,
    ),
    "mdd-insertion": (
        "mdd, then every job moved to its best place until none gains",
        dispatch.mdd_insertion,
    ),
}

POLICIES = {
    **{
        name: Policy("floor", description, by_rule(rule), program=PROGRAMS.get(name, ""))
        for name, (description, rule) in _RULES.items()
    },
    "atc": Policy("floor", "apparent tardiness cost, K = 2, with weights", atc),
    "random": Policy("floor", "one random order", random, draw=random),
    "exact": Policy("ceiling", "a proven optimum, or the solver's best order", exact),
}

FAMILY: Family[Jobs] = Family(
    name="tardiness",
    description="an order of jobs on one machine that is late as little as possible in total",
    version=task.VERSION,
    templates=task.TEMPLATES,
    payload=Jobs,
    generate=generator.generate,
    resolve=generator.resolve,
    settings=generator.JobsSettings,
    levels=Levels("jobs", 1, generator.LARGEST),
    solve=reference,
    world=task.world,
    read=task.read,
    answers=task.answers,
    grade=grader.grade,
    reward=grader.reward,
    summarise=grader.summarise,
    policies=POLICIES,
    columns=(
        BoardColumn(
            "share_optimal",
            place="beside",
            measure=grader.is_optimal,
            estimate=grader.share_optimal,
        ),
        BoardColumn("ratio_of_sums", "ratio", interval=True),
        BoardColumn("mean_of_ratios"),
        BoardColumn("gap_median", "gap"),
        BoardColumn("gap_proven", place="notes", title="of gaps are against a bound"),
    ),
    score_needs_bound=True,
    ramp=("tf", "rdd"),
    along=("skill@tf=", "share_optimal@"),  # what each of the headlines falls along
    formats={
        "orlib": FileFormat(read=lambda path, _: list(read_orlib(path)), names=("wt[0-9]*.txt",)),
        "jobs": FileFormat(read=lambda path, _: list(read_jobs(path)), names=("*.jsonl",)),
    },
    drawings=".tardiness",
    means=("checker", "program"),
)

FAMILY = with_confidence(FAMILY, "no order has a smaller total tardiness than yours")
