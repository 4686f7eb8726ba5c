"""Built-in policies for lines of tanks: one part at a time, moves one by one, the exact cycle."""

from collections.abc import Callable
from random import Random

from generators import hoist as generator
from generators import hoist_dzn
from graders import hoist as grader
from graders.exact.hoist import reference
from graders.exact.hoist_rules import Order, at_random, earliest, latest, sweep
from graders.exact.hoist_rules import serial as serial_cycle
from harness.families.family import BoardColumn, Family, FileFormat, Levels, Policy
from harness.families.stated import is_valid, with_confidence
from tasks import hoist as task
from tasks.base import Fields, Instance, SolverFailure
from tasks.hoist import HoistLine

TRIES = 5  # orders of random-5 for each period


def serial(instance: Instance[HoistLine]) -> Fields:
    """Answer with one part at a time, which is valid on every line."""
    return serial_cycle(instance.payload).by_id(instance.payload)


def by_order(order: Order) -> Callable[[Instance[HoistLine]], Fields]:
    """Make a policy that places one move after another, with one period after another.

    Args:
        order: in which the stays of a tank are tried.
    """

    def policy(instance: Instance[HoistLine]) -> Fields:
        return sweep(instance.payload, (order,)).by_id(instance.payload)

    return policy


def at_random_in(tries: int) -> Callable[[Instance[HoistLine]], Fields]:
    """Make a policy that tries stays at random, so often with each period; seeded by the line.

    Args:
        tries: how often.
    """

    def policy(instance: Instance[HoistLine]) -> Fields:
        rng = Random(f"hoist/random/{instance.level}/{instance.seed}/{instance.index}")
        orders = (at_random(rng),) * tries
        return sweep(instance.payload, orders).by_id(instance.payload)

    return policy


def exact(instance: Instance[HoistLine]) -> Fields:
    """Answer with the reference's own cycle, or what the solver finds now if there is none.

    Raises:
        SolverFailure: if there is no answer.
    """
    answer = instance.reference.answer or reference(instance.payload).answer
    if answer is None:
        raise SolverFailure(f"no answer to {instance.id} is known")
    return answer


def _unsolved(instance: Instance[HoistLine]) -> bool:
    return instance.reference.answer is None


POLICIES = {
    "serial": Policy("floor", "one part at a time", serial),
    "earliest": Policy(
        "floor",
        "the first period at which each move, as early as it may, finds room",
        by_order(earliest),
    ),
    "latest": Policy("floor", "the same with each move as late as it may", by_order(latest)),
    "random": Policy("floor", "the same with each move at a random time", at_random_in(1)),
    "random-5": Policy("floor", "the same in 5 tries with each period", at_random_in(TRIES)),
    "exact": Policy(
        "ceiling", "a proven optimum, or the solver's best answer", exact, solves=_unsolved
    ),
}

FAMILY: Family[HoistLine] = Family(
    name="hoist",
    description="the shortest cycle of a hoist that carries parts through a line of tanks",
    version=task.VERSION,
    templates=task.TEMPLATES,
    payload=HoistLine,
    generate=generator.generate,
    resolve=generator.resolve,
    settings=generator.HoistSettings,
    levels=Levels("tanks", 1, generator.LARGEST),
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
        BoardColumn("share_optimal"),
        BoardColumn("broken"),
        BoardColumn("gap_median", "gap"),
        BoardColumn("gap_proven", place="notes", title="of gaps are against a bound"),
    ),
    score_needs_bound=True,
    strata=grader.strata,
    ramp=("slack",),
    along=("score@",),
    formats={
        "hoist": FileFormat(
            read=hoist_dzn.read_dzn,
            write=lambda instance: ("dzn", hoist_dzn.write_dzn(instance.payload)),
        ),
    },
    drawings=".hoist",
)

FAMILY = with_confidence(FAMILY, "your cycle keeps every rule", is_valid)
