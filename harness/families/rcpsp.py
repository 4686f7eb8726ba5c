"""Built-in policies for projects: what trivial code scores, and the exact answer."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

from generators import psplib
from generators import rcpsp as generator
from graders import rcpsp as grader
from graders.exact import sgs
from graders.exact.rcpsp import reference
from graders.exact.rcpsp_bounds import earliest_starts
from graders.rcpsp import broken_share, violations
from graders.rcpsp_periodic import is_periodic
from harness.families import rcpsp_programs as programs
from harness.families.family import BoardColumn, Family, FileFormat, Levels, Policy
from harness.families.stated import with_confidence
from tasks import rcpsp as task
from tasks.base import Fields, Instance, SolverFailure
from tasks.rcpsp import Project

NOISE = 3.0  # time units: standard deviation of a list's keys around the rule
Starts = dict[str, int]
Keys = Callable[[sgs.Compiled], list[int]]


def serial(instance: Instance[Project]) -> Fields:
    """Place one task after another in a topological order, as its release and downtimes allow."""
    project = sgs.compile_project(instance.payload)
    unconstrained = replace(
        project, predecessors=((),) * len(project.ids), partners=((),) * len(project.ids)
    )
    starts: dict[str, int] = {}
    end = 0
    for i in project.order:
        remainder = replace(unconstrained, releases=tuple(max(r, end) for r in project.releases))
        start = sgs.serial(remainder, [i])[i]
        starts[project.ids[i]] = start
        end = start + project.durations[i]
    return {"starts": starts}


def by_rule(keys: Keys, *, disjunctions: bool = False) -> Callable[[Instance[Project]], Fields]:
    """Make a policy of list scheduling by a priority rule (Kolisch & Hartmann 1999).

    It knows precedence, capacities, downtimes and release dates; deadlines only enter the keys.

    Args:
        keys: gives each task's key, the smallest first.
        disjunctions: whether pairs are kept apart too, which the textbook's rule does not know.
    """
    compile_payload = sgs.compile_project if disjunctions else _textbook

    def policy(instance: Instance[Project]) -> Fields:
        project = compile_payload(instance.payload)
        starts = sgs.serial(project, sgs.priority_list(project, keys(project)))
        return {"starts": sgs.by_id(project, starts)}

    return policy


def midpoints(project: sgs.Compiled) -> list[int]:
    """Return keys of 2 x the middle of the starts that a task's own window allows.

    A task without one has the window that its predecessors and successors leave it. Windows are
    drawn around the generator's witness, so their middles reveal its order.
    """
    latest, earliest = sgs.lft(project), earliest_starts(project)
    has_window = [
        release > 0 or deadline < project.horizon
        for release, deadline in zip(project.releases, project.deadlines, strict=True)
    ]
    return [
        (project.releases[i] + project.deadlines[i] if owns_window else earliest[i] + latest[i])
        - project.durations[i]
        for i, owns_window in enumerate(has_window)
    ]


def random_50(instance: Instance[Project]) -> Fields:
    """Answer with the best of 50 random textbook lists: feasible and short, else least broken."""
    project = _textbook(instance.payload)
    rng = Random(f"random-50/{_place(instance)}")
    lists = (sgs.random_list(project, rng) for _ in range(50))
    return _best(instance.payload, (sgs.by_id(project, sgs.serial(project, o)) for o in lists))


def random_list(instance: Instance[Project], draw: int = 1) -> Fields:
    """Answer with one random textbook list, the draw of a number from 1 on."""
    project = _textbook(instance.payload)
    rng = Random(f"random-list/{_place(instance)}/{draw}")
    return {"starts": sgs.by_id(project, sgs.serial(project, sgs.random_list(project, rng)))}


def list_best(instance: Instance[Project]) -> Fields:
    """Answer with the best of 102 list schedules that also keep disjunctive pairs apart.

    One is by latest finish time, one by deadline, 100 by latest finish time with noise.
    """
    project = sgs.compile_project(instance.payload)
    rng, latest = Random(f"list-best/{_place(instance)}"), sgs.lft(project)

    def lists() -> Iterator[list[int]]:
        yield sgs.priority_list(project, latest)
        yield sgs.priority_list(project, sgs.edf(project))
        for _ in range(100):
            keys = [round(1000 * (key + rng.gauss(0, NOISE))) for key in latest]
            yield sgs.priority_list(project, keys)

    return _best(instance.payload, (sgs.by_id(project, sgs.serial(project, o)) for o in lists()))


def exact(instance: Instance[Project]) -> Fields:
    """Answer with the reference's own schedule, or what the solver finds now if no solver was run.

    Of periodic activities that have no schedule it starts nothing.

    Raises:
        SolverFailure: if there is no answer.
    """
    best = reference(instance.payload) if _unsolved(instance) else instance.reference
    if best.status == "infeasible" and is_periodic(instance.settings):
        return {"starts": {}}
    if best.answer is None:
        raise SolverFailure(f"no answer to {instance.id} is known: it is {best.status}")
    return best.answer


def _unsolved(instance: Instance[Project]) -> bool:
    if is_periodic(instance.settings) and instance.reference.status == "infeasible":
        return False
    return instance.reference.answer is None or instance.reference.solver == "witness"


def _place(instance: Instance[Project]) -> str:
    """Return what seeds a policy: the same for one project in several wordings."""
    return f"{instance.level}/{instance.seed}/{instance.index}"


def _textbook(project: Project) -> sgs.Compiled:
    compiled = sgs.compile_project(project)
    return replace(compiled, partners=((),) * len(compiled.ids))


def _best(project: Project, candidates: Iterator[Starts]) -> Fields:
    ends = {task.id: task.duration for task in project.tasks}

    def rank(starts: Starts) -> tuple[Any, ...]:
        broken = violations(project, starts)
        length = max(starts[i] + d for i, d in ends.items())
        return (broken_share(project, broken) if broken else 0.0, length)

    return {"starts": min(candidates, key=rank)}


POLICIES = {
    "serial": Policy(
        "floor", "one task after another in a topological order", serial, program=programs.SERIAL
    ),
    "sgs-lft": Policy("floor", "textbook list schedule by latest finish time", by_rule(sgs.lft)),
    "sgs-lft-disjunctions": Policy(
        "floor",
        "list schedule by latest finish time that knows disjunctions",
        by_rule(sgs.lft, disjunctions=True),
    ),
    "window-midpoints": Policy(
        "floor",
        "list schedule by the middle of windows that knows disjunctions",
        by_rule(midpoints, disjunctions=True),
    ),
    "edf": Policy("floor", "textbook list schedule by earliest deadline", by_rule(sgs.edf)),
    "random-list": Policy(
        "floor", "one random textbook list", random_list, draw=random_list, drawn_only=True
    ),
    "random-50": Policy("floor", "the best of 50 random textbook lists", random_50),
    "list-best": Policy("floor", "the best of 102 noisy lists that know disjunctions", list_best),
    "exact": Policy(
        "ceiling",
        "a proven optimum, or the solver's best answer; as a program a short model in CP-SAT",
        exact,
        solves=_unsolved,
        program=programs.CP_SAT,
        packages=("ortools",),
    ),
}

FAMILY: Family[Project] = Family(
    name="rcpsp",
    description="start times for a project: precedence, resources, downtime, windows, disjunctions",
    version=task.VERSION,
    templates=task.TEMPLATES,
    payload=Project,
    generate=generator.generate,
    resolve=generator.resolve,
    settings=generator.ProjectSettings,
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
        BoardColumn("broken"),
        BoardColumn("gap_median", "gap"),
        BoardColumn("quality", place="nowhere", measure=grader.quality),
        BoardColumn("jitter", "count", place="nowhere"),
        BoardColumn("solvable", place="nowhere"),
        BoardColumn("half_level", "level", place="ramps", title="half succeed at"),
        BoardColumn("gap_proven", place="notes", title="of gaps are against a bound"),
    ),
    strata=grader.strata,
    ramp=("edges", "layers"),
    along=("feasible@",),
    formats={
        "psplib": FileFormat(
            read=lambda path, index: [psplib.read_instance(path, index)],
            write=lambda instance: ("sm", psplib.write_psplib(instance.payload)),
            names=("*.sm", "*.rcp", "*.mm"),  # the last to be refused by name
        )
    },
    drawings=".rcpsp",
    means=("checker", "program"),
)

FAMILY = with_confidence(FAMILY, "your start times keep every constraint")
