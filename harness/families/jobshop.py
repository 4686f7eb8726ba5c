"""Built-in policies for job shops: rules with their schedule generator, and the exact answer."""

from collections.abc import Callable
from random import Random

from generators import jobshop as generator
from generators import jsplib
from graders import jobshop as grader
from graders.exact.jobshop import reference
from graders.exact.jobshop_rules import (
    RULES,
    Generator,
    IndexedShop,
    Starts,
    dispatch,
    in_turn,
    index_shop,
)
from harness.families.family import BoardColumn, Family, FileFormat, Levels, Policy
from harness.families.stated import with_confidence
from tasks import jobshop as task
from tasks.base import Fields, Instance, SolverFailure
from tasks.jobshop import KEY, Shop

TRIES = 100  # schedules of random-100


def by_rule(
    name: str, generated: Generator, *, careful: bool = False
) -> Callable[[Instance[Shop]], Fields]:
    """Make a policy of a rule in a schedule generator; at a deadlock it has no answer, which is 0.

    Args:
        name: of the rule.
        generated: the schedule generator. Where jobs wait on their machines `nondelay` knows it;
            the others do not.
        careful: whether it is held back from deadlocks, where there can be any.
    """

    def policy(instance: Instance[Shop]) -> Fields:
        indexed, buffers = index_shop(instance.payload), instance.payload.buffers
        rule = RULES[name]
        starts = dispatch(indexed, rule, generated, buffers=buffers, careful=careful)
        return _answer(indexed, starts)

    return policy


def serial(instance: Instance[Shop]) -> Fields:
    """Answer with one job after another, which is valid in every shop."""
    indexed = index_shop(instance.payload)
    return _answer(indexed, in_turn(indexed))


def random(instance: Instance[Shop]) -> Fields:
    """Answer with one random schedule: active where jobs may wait anywhere, else no deadlock."""
    return _random(instance, 1)


def random_100(instance: Instance[Shop]) -> Fields:
    """Answer with the shortest of 100 such schedules."""
    return _random(instance, TRIES)


def _random(instance: Instance[Shop], tries: int) -> Fields:
    """Return the shortest of some random schedules, seeded by the jobs and not by the rules."""
    indexed, buffers = index_shop(instance.payload), instance.payload.buffers
    rng = Random(f"jobshop/random/{instance.level}/{instance.seed}/{instance.index}")
    generated: Generator = "active" if buffers == "free" else "nondelay"
    schedules = [
        dispatch(indexed, lambda _: rng.random(), generated, buffers=buffers, careful=True)
        for _ in range(tries)
    ]
    return _answer(indexed, min(filter(None, schedules), key=indexed.makespan))


def _answer(indexed: IndexedShop, starts: Starts | None) -> Fields:
    return {KEY: {} if starts is None else indexed.by_id(starts)}


def exact(instance: Instance[Shop]) -> Fields:
    """Answer with the reference's own schedule, or what the solver finds now if there is none.

    Raises:
        SolverFailure: if there is no answer.
    """
    best = reference(instance.payload) if _unsolved(instance) else instance.reference
    if best.answer is None:
        raise SolverFailure(f"no answer to {instance.id} is known: it is {best.status}")
    return best.answer


def _unsolved(instance: Instance[Shop]) -> bool:
    return instance.reference.answer is None


_WORDS = {
    "spt": "shortest operation",
    "lpt": "longest operation",
    "fifo": "job that waits longest",
    "mwkr": "most work left in the job",
    "mor": "most operations left in the job",
}
_GENERATED: tuple[tuple[Generator, tuple[str, ...]], ...] = (
    ("nondelay", ("spt", "lpt", "fifo", "mwkr", "mor")),
    ("active", ("spt", "mwkr", "mor")),
    ("semiactive", ("spt", "mwkr", "mor")),
)

POLICIES = {
    "serial": Policy("floor", "one job after another", serial),
    **{
        f"{name}-{generated}": Policy(
            "floor", f"{_WORDS[name]} first, {generated}", by_rule(name, generated)
        )
        for generated, names in _GENERATED
        for name in names
    },
    **{
        f"{name}-careful": Policy(
            "floor",
            f"{_WORDS[name]} first, nondelay, never into a deadlock",
            by_rule(name, "nondelay", careful=True),
        )
        for name in ("fifo", "mwkr")
    },
    "random": Policy("floor", "one random schedule, active or never into a deadlock", random),
    "random-100": Policy("floor", "the shortest of 100 random schedules", random_100),
    "exact": Policy(
        "ceiling", "a proven optimum, or the solver's best answer", exact, solves=_unsolved
    ),
}

FAMILY: Family[Shop] = Family(
    name="jobshop",
    description="start times for a job shop: free buffers, blocking with and without swaps",
    version=task.VERSION,
    templates=task.TEMPLATES,
    payload=Shop,
    generate=generator.generate,
    resolve=generator.resolve,
    settings=generator.ShopSettings,
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
        BoardColumn("feasible"),
        BoardColumn("share_optimal"),
        BoardColumn("broken"),
        BoardColumn("gap_median", "gap"),
        BoardColumn("gap_proven", place="notes", title="of gaps are against a bound"),
    ),
    score_needs_bound=True,
    strata=grader.strata,
    ramp=("machines",),
    along=("score@",),
    formats={
        "jsplib": FileFormat(
            read=jsplib.read_jsplib,
            write=lambda instance: ("txt", jsplib.write_jsplib(instance.payload)),
        ),
        "taillard": FileFormat(read=jsplib.read_taillard),
    },
    drawings=".jobshop",
)

FAMILY = with_confidence(FAMILY, "your start times keep every rule, and that none end earlier")
