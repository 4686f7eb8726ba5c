"""Built-in policies for projects that may have no schedule: one side always, bounds, the truth."""

from msgspec.structs import replace

from generators import feasibility as generator
from graders import feasibility as grader
from graders.exact import rcpsp as exact_rcpsp
from graders.exact.feasibility import reference
from graders.exact.rcpsp_bounds import quick_bound
from harness.families.family import BoardColumn, Family, Levels, Policy
from harness.families.rcpsp import list_best
from harness.families.stated import COLUMNS, stating
from tasks import feasibility as task
from tasks.base import Fields, Instance, SolverFailure
from tasks.feasibility import STARTS, answer_of, constraints
from tasks.rcpsp import Project


def always_infeasible(instance: Instance[Project]) -> Fields:
    """Name every constraint, whatever the project."""
    return answer_of(labels=tuple(constraints(instance.payload)))


def always_feasible(instance: Instance[Project]) -> Fields:
    """Answer with a shortest schedule, which ends past the deadlines where there is none within.

    Raises:
        SolverFailure: if none is found.
    """
    project = instance.payload
    total = sum(task.duration for task in project.tasks)
    downtime = max((down.end for down in project.downtimes), default=0)
    far = project.horizon + total + downtime
    best = exact_rcpsp.reference(project if project.windows else replace(project, horizon=far))
    if best.answer is None and project.windows:
        windows = tuple(replace(window, deadline=far) for window in project.windows)
        best = exact_rcpsp.reference(replace(project, horizon=far, windows=windows))
    if best.answer is None:
        raise SolverFailure(f"no schedule of {instance.id} is known: it is {best.status}")
    return answer_of(best.answer[STARTS])


def by_list(instance: Instance[Project]) -> Fields:
    """Answer with the best of 102 list schedules, never with constraints."""
    return answer_of(list_best(instance)[STARTS])


def by_bound(instance: Instance[Project]) -> Fields:
    """Name every constraint if the critical path or a resource's work is too long; else a list."""
    if quick_bound(instance.payload) > instance.payload.horizon:
        return always_infeasible(instance)
    return by_list(instance)


def exact(instance: Instance[Project]) -> Fields:
    """Answer with the reference's own schedule or core, or what the solver finds now.

    Raises:
        SolverFailure: if there is no answer.
    """
    best = reference(instance.payload) if _unsolved(instance) else instance.reference
    if best.answer is None:
        raise SolverFailure(f"no answer to {instance.id} is known: it is {best.status}")
    return best.answer


def _unsolved(instance: Instance[Project]) -> bool:
    return instance.reference.answer is None


POLICIES = {
    "always-infeasible": Policy(
        "floor", "names every constraint, always", stating(0.5, always_infeasible)
    ),
    "always-feasible": Policy(
        "floor",
        "the shortest schedule, always, whether it keeps the horizon or not",
        stating(0.5, always_feasible),
        solves=lambda _: True,
    ),
    "list-best": Policy("floor", "the best of 102 noisy lists, always", stating(0.5, by_list)),
    "bound": Policy(
        "floor",
        "every constraint where a cheap bound is past the horizon, else list-best",
        stating(0.75, by_bound),
    ),
    "exact": Policy(
        "ceiling",
        "the shortest schedule, or an irreducible core",
        stating(1.0, exact),
        solves=_unsolved,
    ),
}

FAMILY: Family[Project] = Family(
    name="feasibility",
    description="whether a project has a schedule: start times, or constraints that leave none",
    version=task.VERSION,
    templates=task.TEMPLATES,
    payload=Project,
    generate=generator.generate,
    resolve=generator.resolve,
    settings=generator.TwinSettings,
    levels=Levels("tasks", generator.LEAST, generator.LARGEST),
    solve=reference,
    world=task.world,
    read=task.read,
    answers=task.answers,
    grade=grader.grade,
    reward=grader.reward,
    summarise=grader.summarise,
    policies=POLICIES,
    columns=(
        BoardColumn("sensitivity"),
        BoardColumn("specificity"),
        BoardColumn("claim", "ratio", title="J of claims"),
        BoardColumn("sharp", "ratio"),
        *COLUMNS,
    ),
    strata=grader.strata,
    ramp=("edges", "layers", "machines"),
    along=("youden@",),
    drawings=".feasibility",
    means=("program",),
)
