"""Built-in policies that place tasks on hosts, and the best placing that is known."""

from collections.abc import Callable

from generators import placement as generator
from graders import placement as grader
from graders.clusters import strata
from graders.exact import placement as exact
from graders.exact.placement_rules import RULES, Make, random_fit
from harness.families.family import BoardColumn, Family, Levels, Policy
from harness.families.stated import is_valid, with_confidence
from tasks import placement as task
from tasks.base import Fields, Instance, SolverFailure
from tasks.placement import KEY, Fleet


def by_rule(make: Make) -> Callable[[Instance[Fleet]], Fields]:
    """Make a policy of a rule that places tasks as they come."""
    return lambda instance: _answer(instance.payload, make)


def _answer(fleet: Fleet, make: Make) -> Fields:
    return {KEY: exact.by_id(fleet, exact.simulate(fleet, make))}


def random(instance: Instance[Fleet]) -> Fields:
    """Answer with one random fit, seeded by the instance's id."""
    return random_number(instance, 1)


def random_number(instance: Instance[Fleet], number: int) -> Fields:
    """Answer with the random fit of a number, from 1; the first is that of `random`."""
    return _answer(instance.payload, random_fit(f"{instance.id}/{number}"))


def alone(instance: Instance[Fleet]) -> Fields:
    """Answer with a host for each task."""
    tasks = instance.payload.tasks
    return {KEY: {each.id: number for number, each in enumerate(tasks, 1)}}


def exact_answer(instance: Instance[Fleet]) -> Fields:
    """Answer with the reference's own placing if there is one, or what the search finds now.

    Raises:
        SolverFailure: if there is no answer.
    """
    best = exact.reference(instance.payload) if _unsolved(instance) else instance.reference
    if best.answer is None:
        raise SolverFailure(f"no answer to {instance.id} is known: it is {best.status}")
    return best.answer


def _unsolved(instance: Instance[Fleet]) -> bool:
    return instance.reference.answer is None


_FIRST_FIT = """\
def solve(problem):
    hosts, placing = {}, {}
    for task in problem["tasks"]:
        number = 1
        while True:
            row = [t for t in hosts.get(number, []) if t["at"] + t["time"] > task["at"]] + [task]
            fits = all(sum(t[r] for t in row) <= problem[r] for r in ("cpu", "memory"))
            if fits:
                break
            number += 1
        hosts[number] = row
        placing[task["id"]] = number
    return {"hosts": placing}
"""

POLICIES = {
    "alone": Policy("floor", "a host for each task", alone),
    **{
        name: Policy(
            "floor", text, by_rule(make), program=_FIRST_FIT if name == "first-fit" else ""
        )
        for name, (text, make) in RULES.items()
    },
    "random": Policy("floor", "a random host in use that has room", random, draw=random_number),
    "exact": Policy("ceiling", "a proven optimum, or the best placing that is found", exact_answer),
}

FAMILY: Family[Fleet] = Family(
    name="placement",
    description="hosts for tasks that come and go, so that hosts are in use as short as can be",
    version=task.VERSION,
    templates=task.TEMPLATES,
    payload=Fleet,
    generate=generator.generate,
    resolve=generator.resolve,
    settings=generator.PlacementSettings,
    levels=Levels("tasks", generator.FEWEST, generator.MOST),
    solve=generator.solve,
    world=task.world,
    read=task.read,
    answers=task.answers,
    grade=grader.grade,
    reward=grader.reward,
    summarise=grader.summarise,
    policies=POLICIES,
    columns=(
        BoardColumn("feasible"),
        BoardColumn("over_bound", "ratio", interval=True),
        BoardColumn("most_hosts", "count"),
    ),
    score_needs_bound=True,
    strata=strata,
    ramp=("load", "spread"),
    along=("skill@",),
    means=("program", "checker"),
    drawings=".placement",
)

FAMILY = with_confidence(FAMILY, "your answer keeps every rule", is_valid)
