"""What the checker of a family tells of a reply: its grader's word, which knows no optimum."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from harness.families.registry import family
from tasks.base import Ask, Failure, Instance, Outcome, Reference, Reply
from tasks.means import Checked
from tasks.prompts import Prompts

Checker = Callable[[Reply], Checked]


def checked(instance: Instance[Any], prompts: Prompts, reply: Reply) -> Checked:
    """Return what an agent is told of a reply that it might give.

    The grader gets the instance without its reference: verdict, violations and value do not hang
    on it, and bound, optimum, gap and score cannot be told by who does not know them.

    Args:
        instance: what is asked; one question and one answer.
        prompts: the templates of the run.
        reply: as the world would get it.

    Raises:
        Failure: the family declares no checker, or the world asks more than once.
    """
    declared = family(instance.family)
    if "checker" not in declared.means:
        raise Failure(f"{instance.id}: {declared.name} has no checker: {declared.no_means}")
    blind = replace(instance, reference=Reference("none"))
    world = declared.world(blind, prompts)
    if not isinstance(next(world), Ask):
        raise Failure(f"{instance.id}: its world does not begin with a question")
    try:
        world.send(reply)
    except StopIteration as stop:
        outcome: Outcome = stop.value
    else:
        raise Failure(f"{instance.id}: its world asks more than once")
    grade = declared.grade(blind, outcome)
    return Checked(grade.verdict, grade.objective, grade.violations)
