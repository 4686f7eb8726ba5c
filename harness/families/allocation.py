"""Built-in policies for memory mapping: orders of the tensors with a fit, and the exact answer."""

from collections.abc import Callable
from random import Random

from generators import allocation as generator
from generators import minimalloc
from graders import allocation as grader
from graders.exact.allocation import reference
from graders.exact.allocation_rules import Fit, at_random, by_id, by_rule
from harness.families.family import BoardColumn, Family, FileFormat, Levels, Policy
from harness.families.stated import with_confidence
from tasks import allocation as task
from tasks.allocation import KEY, TensorProgram, value
from tasks.base import Fields, Instance, SolverFailure

TRIES = 100  # answers of random-100


def in_order(name: str, fit: Fit) -> Callable[[Instance[TensorProgram]], Fields]:
    """Make a policy of a rule's order and a fit."""

    def policy(instance: Instance[TensorProgram]) -> Fields:
        program = instance.payload
        return {KEY: by_id(program, by_rule(program, name, fit))}

    return policy


def random(instance: Instance[TensorProgram]) -> Fields:
    """Answer with a random order, by first or by best fit, seeded by the instance's id."""
    return _random(instance, 1)


def random_100(instance: Instance[TensorProgram]) -> Fields:
    """Answer with the best of 100 such orders."""
    return _random(instance, TRIES)


def _random(instance: Instance[TensorProgram], tries: int) -> Fields:
    program, rng = instance.payload, Random(f"allocation/random/{instance.id}")
    answers = [by_id(program, at_random(program, rng)) for _ in range(tries)]
    return {KEY: min(answers, key=lambda offsets: value(program, offsets))}


def exact(instance: Instance[TensorProgram]) -> Fields:
    """Answer with the reference's own offsets, or what the solver finds now if there are none.

    Raises:
        SolverFailure: if there is no answer.
    """
    answer = instance.reference.answer or reference(instance.payload).answer
    if answer is None:
        raise SolverFailure(f"no answer to {instance.id} is known")
    return answer


def _unsolved(instance: Instance[TensorProgram]) -> bool:
    return instance.reference.answer is None


POLICIES = {
    "arrival-first": Policy(
        "floor", "by the beginning of lifetimes, first fit", in_order("arrival", "first")
    ),
    "size-best": Policy("floor", "the largest first, best fit", in_order("size", "best")),
    "benefit-best": Policy(
        "floor",
        "the greatest benefit first (with peak as listed), best fit",
        in_order("benefit", "best"),
    ),
    "random": Policy("floor", "one random order, first or best fit", random),
    "random-100": Policy("floor", "the best of 100 random orders", random_100),
    "exact": Policy(
        "ceiling", "a proven optimum, or the solver's best answer", exact, solves=_unsolved
    ),
}

FAMILY: Family[TensorProgram] = Family(
    name="allocation",
    description="offsets for tensors in a memory, so that all fit or the most is saved",
    version=task.VERSION,
    templates=task.TEMPLATES,
    payload=TensorProgram,
    generate=generator.generate,
    resolve=generator.resolve,
    settings=generator.AllocationSettings,
    levels=Levels("tensors", 1, generator.LARGEST),
    solve=reference,
    world=task.world,
    read=task.read,
    answers=task.answers,
    grade=grader.grade,
    reward=grader.reward,
    summarise=grader.summarise,
    policies=POLICIES,
    columns=(
        BoardColumn("feasible"),
        BoardColumn("fits", measure=grader.fits),
        BoardColumn("share_optimal"),
        BoardColumn("broken"),
        BoardColumn("gap_median", "gap"),
        BoardColumn("gap_proven", place="notes", title="of gaps are against a bound"),
    ),
    score_needs_bound=True,
    strata=grader.strata,
    along=("score@", "fits@"),
    formats={
        "minimalloc": FileFormat(
            read=minimalloc.read_minimalloc,
            write=lambda instance: (
                f"{instance.payload.capacity}.csv",
                minimalloc.write_minimalloc(instance.payload),
            ),
            names=("*.csv",),
        ),
    },
    drawings=".allocation",
)

FAMILY = with_confidence(FAMILY, "nothing better than your answer can be had")
