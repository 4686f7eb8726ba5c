"""The references of instances that have none: found by a solver, or read from a file.

What is known of an optimum comes from several places: the instance, a file of published values, a
solver. Together they are one reference. Where two of them cannot both be right, that is told.
"""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from harness.families.registry import family
from harness.suites import instances
from tasks.base import InputError, Instance, Number, Reference


def has_none(instance: Instance[Any]) -> bool:
    """Return whether no bound is known of an instance, not even one that says nothing."""
    return instance.reference.bound is None and instance.reference.status != "infeasible"


def completed(line: bytes, seconds: float | None) -> bytes:
    """Return the line of an instance, which is solved first if it has no reference.

    Args:
        line: of an instance of any family. What another process gets is the line, since an object
            that was sent there may be written otherwise.
        seconds: a limit of wall time; None for the solver's own limit, which counts steps, so that
            the line is the same on every machine.

    Raises:
        InputError: what is known of the instance contradicts the solver.
        MissingExtra: the solver is not installed.
    """
    instance = instances.decode(line, "instances")
    return instances.encode(_solved(instance, seconds)) if has_none(instance) else line


def _solved(instance: Instance[Any], seconds: float | None) -> Instance[Any]:
    proven = family(instance.family).solve(instance.payload, seconds=seconds)
    return replace(instance, reference=united(instance.reference, proven, instance.id))


def united(first: Reference, second: Reference, where: str) -> Reference:
    """Return what two references say together: the better value of each side.

    Args:
        first: what was known.
        second: what is known too.
        where: the name of the instance, the beginning of messages.

    Raises:
        InputError: they contradict each other: the bound of one is above the value of the other,
            or one says that there is no answer and the other has one.
    """
    both = [each for each in (first, second) if each != Reference("none")]
    if len(both) < 2:
        return both[0] if both else first
    if "infeasible" in (first.status, second.status):
        return _infeasible(first, second, where)
    lower = max((each for each in both if each.bound is not None), key=_bound, default=None)
    upper = min((each for each in both if each.objective is not None), key=_objective, default=None)
    if lower and upper and _bound(lower) > _objective(upper):
        raise InputError(
            f"{where}: the lower bound {lower.bound} ({_origin(lower)}) is above the value"
            f" {upper.objective} ({_origin(upper)}): one of them is wrong; mend it or leave it out"
        )
    return _of_both(both, lower.bound if lower else None, upper.objective if upper else None)


def _of_both(
    both: Sequence[Reference], bound: Number | None, objective: Number | None
) -> Reference:
    """Return the reference of a bound and a value, with an answer that has it, if there is one."""
    attained = (each.answer for each in both if each.answer and each.objective == objective)
    used = [e.solver for e in both if objective == e.objective or (bound and bound == e.bound)]
    proven = objective is not None and objective == bound
    return Reference(
        "optimal" if proven else "bounded",
        objective,
        bound,
        solver=", ".join(dict.fromkeys(filter(None, used))),
        answer=next(attained, None),
    )


def _infeasible(first: Reference, second: Reference, where: str) -> Reference:
    """Return the one that says that there is no answer; InputError if the other has one."""
    proof, other = (first, second) if first.status == "infeasible" else (second, first)
    if other.objective is not None:
        raise InputError(
            f"{where}: infeasible ({_origin(proof)}), but the value {other.objective} is known"
            f" ({_origin(other)}): one of them is wrong; mend it or leave it out"
        )
    return proof


def _bound(reference: Reference) -> Number:
    assert reference.bound is not None
    return reference.bound


def _objective(reference: Reference) -> Number:
    assert reference.objective is not None
    return reference.objective


def _origin(reference: Reference) -> str:
    return reference.solver or "of the instance"
