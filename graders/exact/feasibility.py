"""The proof that a project has no schedule, and an irreducible core of constraints behind it."""

from collections.abc import Sequence

from msgspec.structs import replace

from graders.exact import rcpsp, sgs
from graders.exact.feasibility_kernel import decider
from graders.exact.rcpsp_bounds import (
    earliest_starts,
    longest_tails,
    lower_bound,
    resource_pools,
)
from graders.exact.rcpsp_cp_sat import Solution, improve
from graders.exact.rcpsp_search import upper_bound
from graders.exact.rcpsp_targets import ask_targets
from graders.exact.sgs import Compiled, Ints
from tasks.base import Reference
from tasks.feasibility import STARTS, answer_of, constraints, restricted
from tasks.rcpsp import Project

LIMIT = 3.0  # deterministic seconds of CP-SAT to decide one project
STEP_LIMIT = 0.5  # and for each step of a core, which is larger if a step is undecided
FEW = 16  # tasks of which CP-SAT decides all in a fraction of that: another search decides the same
STATES = 4000  # of the search in layers


def has_schedule(project: Project, limit: float = LIMIT) -> bool | None:
    """Return whether a project has a schedule; None if that is not decided within the limit.

    Cheap bounds come first; few tasks are then searched in layers, which mostly ends at once; then
    come list schedules and CP-SAT. Every verdict is a proof.

    Args:
        project: the project.
        limit: in deterministic seconds of CP-SAT.

    Raises:
        MissingExtra: it takes CP-SAT to decide, which is not installed.
    """
    if len(project.tasks) <= FEW and limit >= STEP_LIMIT and (subsets := decider(project)):
        verdict = subsets.has_schedule(STATES)
        if verdict is not None:
            return verdict
    compiled = sgs.compile_project(project)
    heads, tails = earliest_starts(compiled), longest_tails(compiled)
    bound = lower_bound(compiled, heads, tails)
    if bound > compiled.horizon:
        return False
    if len(compiled.ids) <= FEW and limit >= STEP_LIMIT:
        verdict = _met(compiled, heads, tails)
        if verdict is not None:
            return verdict
    if upper_bound(compiled, compiled.horizon, tails) is not None:
        return True
    nothing = Solution(bound, None)
    solution = improve(compiled, nothing, heads, limit, None, any_schedule=True)
    if solution.starts is not None:
        return True
    return False if solution.bound > compiled.horizon else None


def least_end(project: Project, end: int) -> int | None:
    """Return the least makespan of a project; None if that is not decided in no time.

    Args:
        project: with a schedule that ends at `end`.
        end: from which it is counted down.
    """
    subsets = decider(project) if len(project.tasks) <= FEW else None
    while subsets:
        verdict = subsets.has_schedule(STATES, end=end - 1)
        if not verdict:
            return None if verdict is None else end
        end -= 1
    return None


def _met(project: Compiled, heads: Ints, tails: Ints) -> bool | None:
    """Return whether a project can end by its horizon; None if that takes too many states."""
    last = range(project.horizon, project.horizon + 1)
    outcome = ask_targets(project, resource_pools(project), heads, tails, last, children=STATES)
    if outcome.starts is not None:
        return True
    return False if outcome.bound > project.horizon else None


def irreducible_core(project: Project, labels: Sequence[str]) -> tuple[str, ...]:
    """Return labels that leave no schedule, of which none can be left out (a deletion filter).

    After Chinneck, *Feasibility and Infeasibility in Optimization* (2008), section 6.1. Durations,
    demands, capacities and the horizon always hold, so a core may be empty. A step that is not
    decided within `STEP_LIMIT` keeps its constraint.

    Args:
        project: with all of its constraints.
        labels: of constraints that are proven to leave no schedule.
    """
    core = list(dict.fromkeys(labels))
    subsets = decider(project) if len(project.tasks) <= FEW else None
    for label in tuple(core):
        fewer = [each for each in core if each != label]
        verdict = subsets.has_schedule(STATES, fewer) if subsets else None
        if verdict is None:
            verdict = has_schedule(restricted(project, fewer), STEP_LIMIT)
        if verdict is False:
            core = fewer
    return tuple(core)


def reference(project: Project, *, seconds: float | None = None) -> Reference:
    """Return a shortest schedule of a project, or an irreducible core if it has none.

    Args:
        project: the project.
        seconds: a limit of CP-SAT's wall time; the outcome then depends on the machine.

    Returns:
        The reference, `infeasible` or as `graders.exact.rcpsp.reference` has it; its answer has
        the form of this family's answers.
    """
    return judged(project, rcpsp.reference(project, seconds=seconds))


def judged(project: Project, best: Reference) -> Reference:
    """Return the reference of a project with its answer in the form of this family.

    Args:
        project: the project.
        best: its reference as `graders.exact.rcpsp.reference` has it.
    """
    if best.status == "infeasible":
        core = irreducible_core(project, tuple(constraints(project)))
        return replace(best, answer=answer_of(labels=core))
    if best.answer is None:
        return best
    return replace(best, answer=answer_of(best.answer[STARTS]))
