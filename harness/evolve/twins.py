"""Programs that may not see the future: each is run again on twins, which differ only later.

What is still to come lies in the process of an online domain's program: a program may read it. So
it is not kept from looking, it is caught: on a twin, which is the same world until a moment and
goes on otherwise, whoever has not looked ahead decides the same until then.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.evolve.domain import Domain, Twin
from harness.sandbox.base import CaseResult
from tasks.base import Instance

FORESIGHT = "foresight"  # the kind of failure


def twins_of(
    domain: Domain, instances: Sequence[Instance[Any]], results: Sequence[CaseResult]
) -> dict[int, Twin]:
    """Return the twins of the instances that have one, by their positions.

    Args:
        domain: of the program.
        instances: on which it was run.
        results: what came of each; one that failed needs no twin.
    """
    if domain.twin is None:
        return {}
    pairs = zip(instances, results, strict=True)
    twins = {
        k: domain.twin(instance, result.value)
        for k, (instance, result) in enumerate(pairs)
        if result.kind == "ok" and not _is_failure(result.value)
    }
    return {k: twin for k, twin in twins.items() if twin is not None}


def compared(result: CaseResult, again: CaseResult, twin: Twin) -> CaseResult:
    """Return the result of a case in the light of its twin.

    Args:
        result: of the case.
        again: of the twin.
        twin: says what was decided before the moment.

    Returns:
        The result as it is; or a failure: `foresight` if the decisions differ, or what a program
        fails with that comes to no end on the twin.
    """
    if again.kind != "ok":
        return CaseResult(again.kind, detail=f"on its twin: {again.detail}")
    if _is_failure(again.value):
        failure: Mapping[str, Any] = again.value
        return _failure(failure["failure"], f"on its twin: {failure.get('detail', '')}")
    if twin.decisions(result.value) != twin.decisions(again.value):
        return _failure(FORESIGHT, "it decides by what is still to come: otherwise on its twin")
    return result


def _failure(kind: Any, detail: str) -> CaseResult:
    """Return a broken rule of the domain as its driver would tell it."""
    return CaseResult(value={"failure": kind, "detail": detail})


def _is_failure(value: Any) -> bool:
    return isinstance(value, dict) and "failure" in value
