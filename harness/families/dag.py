"""Built-in policies for task graphs: the published list rules, and the exact answer."""

from collections.abc import Callable
from random import Random

from generators import dag as generator
from graders import dag as grader
from graders.exact.dag import reference
from graders.exact.dag_lists import RULES, IndexedGraph, Plan, by_key, index_graph
from harness.families.family import BoardColumn, Family, Levels, Policy
from harness.families.stated import is_valid, with_confidence
from tasks import dag as task
from tasks.base import Fields, Instance, SolverFailure
from tasks.dag import KEY, TaskGraph, stated

TRIES = 100  # lists of random-100


def by_rule(name: str) -> Callable[[Instance[TaskGraph]], Fields]:
    """Make a policy of a list rule."""

    def policy(instance: Instance[TaskGraph]) -> Fields:
        indexed = index_graph(instance.payload)
        return _answer(indexed, RULES[name](indexed))

    return policy


def random(instance: Instance[TaskGraph]) -> Fields:
    """Answer with one random list, each task where it ends first."""
    return _random(instance, 1)


def random_100(instance: Instance[TaskGraph]) -> Fields:
    """Answer with the best of 100 such lists by the stated times."""
    return _random(instance, TRIES)


def _random(instance: Instance[TaskGraph], tries: int) -> Fields:
    """Return the shortest plan of some random lists, seeded by the graph and not by its noise."""
    indexed = index_graph(instance.payload)
    rng = Random(f"dag/random/{instance.level}/{instance.seed}/{instance.index}")
    plans = [by_key(indexed, lambda _: rng.random()) for _ in range(tries)]
    return _answer(indexed, min(plans, key=indexed.makespan))


def _answer(indexed: IndexedGraph, plan: Plan) -> Fields:
    return {KEY: indexed.by_id(plan)}


def stated_best(instance: Instance[TaskGraph]) -> Fields:
    """Answer with the shortest plan by the stated times, as if they were sure.

    Raises:
        SolverFailure: if there is no answer.
    """
    if instance.settings.get("noise"):
        return _best(instance, reference(stated(instance.payload)).answer)
    return exact(instance)


def exact(instance: Instance[TaskGraph]) -> Fields:
    """Answer with the reference's own plan, or what the solver finds now if there is none.

    Raises:
        SolverFailure: if there is no answer.
    """
    plan = instance.reference.answer or reference(instance.payload).answer
    return _best(instance, plan)


def _best(instance: Instance[TaskGraph], plan: Fields | None) -> Fields:
    if plan is None:
        raise SolverFailure(f"no answer to {instance.id} is known")
    return plan


def _unsolved(instance: Instance[TaskGraph]) -> bool:
    return instance.reference.answer is None


def _noisy_or_unsolved(instance: Instance[TaskGraph]) -> bool:
    return bool(instance.settings.get("noise")) or _unsolved(instance)


POLICIES = {
    "serial": Policy("floor", "all on the processor that is fastest in total", by_rule("serial")),
    "cpop": Policy("floor", "CPOP: a critical path on one processor", by_rule("cpop")),
    "peft": Policy("floor", "PEFT: by an optimistic cost table", by_rule("peft")),
    "heft": Policy("floor", "HEFT: the longest way to the end first", by_rule("heft")),
    "random": Policy("floor", "one random list, each task where it ends first", random),
    "random-100": Policy("floor", "the shortest of 100 random lists", random_100),
    "exact": Policy(
        "ceiling", "a proven optimum, or the solver's best answer", exact, solves=_unsolved
    ),
    "stated": Policy(
        "ceiling",
        "the optimum by the stated times, as if they were sure",
        stated_best,
        solves=_noisy_or_unsolved,
    ),
}

FAMILY: Family[TaskGraph] = Family(
    name="dag",
    description="a graph of tasks on unlike processors, with communication, also under noise",
    version=task.VERSION,
    templates=task.TEMPLATES,
    payload=TaskGraph,
    generate=generator.generate,
    resolve=generator.resolve,
    settings=generator.GraphSettings,
    levels=Levels("tasks", 1, generator.LARGEST),
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
    ramp=("processors",),
    along=("score@",),
    no_means="with noise its times turn out otherwise, which a checker would tell",
    drawings=".dag",
)

FAMILY = with_confidence(FAMILY, "your answer keeps every rule", is_valid)
