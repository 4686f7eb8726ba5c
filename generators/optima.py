"""Checks the optima that come with public sets of jobs: no simple rule may do better than one."""

from collections.abc import Sequence
from typing import NamedTuple

from graders.exact import dispatch
from graders.exact.tardiness_local import Ints, modified_due_date, weighted_tardiness
from tasks.base import Instance
from tasks.tardiness import Jobs

NAMED = 5  # instances in a message


class Contradiction(NamedTuple):
    """An instance, and the rule whose order is worth `reached`, less than the value of the file."""

    instance: Instance[Jobs]
    rule: str
    reached: int


def contradictions(instances: Sequence[Instance[Jobs]]) -> list[Contradiction]:
    """Return the instances whose value is above what the best of a few dispatching rules reaches.

    An instance without a value is not among them.
    """
    cases = []
    for instance in instances:
        value = instance.reference.objective
        if value is None:
            continue
        reached, rule = min((worth, rule) for rule, worth in _reached(instance.payload).items())
        if reached < value:
            cases.append(Contradiction(instance, rule, reached))
    return cases


def _reached(payload: Jobs) -> dict[str, int]:
    """Return the total weighted tardiness by rule; with weights also of the rules that use them."""
    p, d, w = ([getattr(job, name) for job in payload.jobs] for name in "pdw")
    orders: dict[str, Ints] = {
        "edd": dispatch.edd(p, d),
        "spt": dispatch.spt(p, d),
        "psk": dispatch.psk(p, d),
    }
    if payload.weighted:
        orders["atc"] = dispatch.atc(p, d, w)
        orders["weighted mdd"] = modified_due_date(p, d, w)
    return {rule: weighted_tardiness(order, p, d, w) for rule, order in orders.items()}


def complaint(cases: Sequence[Contradiction], count: int) -> str:
    """Return a message on contradictions among `count` instances: which, why, and a remedy."""
    first = cases[0]
    names = ", ".join(case.instance.id for case in cases[:NAMED])
    more = f" and {len(cases) - NAMED} more" if len(cases) > NAMED else ""
    return (
        f"the optimum given for {len(cases)} of {count} instances is too high ({names}{more}; for"
        f" {first.instance.id} it is {first.instance.reference.objective}, but the rule"
        f" {first.rule} reaches {first.reached}): {_cause(cases)}"
    )


def _cause(cases: Sequence[Contradiction]) -> str:
    if len(cases) == 1:
        return "give the right value for it, or none"
    return (
        "do the optima stand in another order than the jobs, such as that of file names (1, 10,"
        " 2, ...)? Give each instance its own, or none"
    )
