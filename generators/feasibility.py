"""Generates twins: one project with the optimum as its horizon, or with one less.

With the optimum as its horizon it has a schedule, with one less it has none: both are proven,
since the optimum is. Of the instances 2k and 2k + 1 of a seed, which are different projects, one
has a schedule and the other has none, so that exactly half have; a stream of their own decides
which. A project whose optimum is not proven, or too short to lose a unit, is drawn again,
whichever of the two was wanted: what is drawn tells nothing of it.

There are no windows. A deadline at the horizon's side would be nearer to its task in the twin
that has no schedule, and tell which one it is.

Projects of other patterns, `generators.feasibility_shop` and `generators.feasibility_periodic`, are
drawn, paired and proven in the same way; the last are cut by a time unit of work, not of horizon.
"""

from collections.abc import Mapping
from random import Random
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from generators import feasibility_periodic, feasibility_shop, jobshop, rcpsp
from generators.base import plain_settings, resolved_once, settings_as
from generators.feasibility_periodic import PeriodicTwinSettings
from generators.feasibility_shop import ShopTwinSettings
from graders.exact import rcpsp as exact
from graders.exact.feasibility import has_schedule, judged, least_end
from graders.exact.rcpsp_cp_sat import PURPOSE
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.extras import require
from tasks.feasibility import VERSION
from tasks.ids import instance_id
from tasks.rcpsp import Project

AXES = ("downtime", "disjunctions")
TRIES = 32  # designs that an instance may draw
SPAN = 2**24  # indexes of a level, which share nothing with those of another
LEAST, LARGEST = 3, 60  # tasks
_OF_SHOPS = ("machines", "shutdowns", "high")
_PATTERNS = {"jobshop": feasibility_shop.resolve, "periodic": feasibility_periodic.resolve}
Typed: TypeAlias = "TwinSettings | ShopTwinSettings | PeriodicTwinSettings"
Twin: TypeAlias = tuple[Project, Reference]  # and the reference of the one with a schedule


class TwinSettings(Noun, frozen=True):
    """The dials of a project that may have no schedule.

    Attributes:
        edges, layers: precedences and the layers they run between; by level if not given.
        resources: how many, with capacity U{4..6}.
        axes: which constraints come on top, of downtime, disjunctions (or `none`).
        axis_probability: chance that a resource has downtimes.
        twin: whether a schedule exists: `blind` draws it, half have one; `feasible` and
            `infeasible` are both twins of one project.
        confidence: whether an answer is to state how sure it is, from 0 to 1.
        pattern: `project` is all of the above; a `jobshop` with a deadline has machines, shutdowns,
            high, twin and confidence alone, `periodic` activities have resources, twin and
            confidence.
        machines, shutdowns, high: of `pattern=jobshop`, as in jobshop.
    """

    edges: Annotated[int, Meta(ge=0, le=LARGEST**2 // 2)] | None = None
    layers: Annotated[int, Meta(ge=1, le=LARGEST)] | None = None
    resources: Annotated[int, Meta(ge=1, le=100)] = 3
    axes: str = ",".join(AXES)
    axis_probability: Annotated[float, Meta(ge=0, le=1)] = 0.75
    twin: Literal["blind", "feasible", "infeasible"] = "blind"
    confidence: bool = False
    pattern: Literal["project", "jobshop", "periodic"] = "project"
    machines: Annotated[int, Meta(ge=2, le=feasibility_shop.LARGEST)] | None = None
    shutdowns: Annotated[int, Meta(ge=0, le=jobshop.MOST_SHUTDOWNS)] | None = None
    high: Annotated[int, Meta(ge=1, le=1000)] | None = None

    def __post_init__(self) -> None:
        axes = [] if self.axes in ("", "none") else self.axes.split(",")
        unknown = [axis for axis in axes if axis not in AXES]
        if unknown:
            raise ValueError(f"axes: {unknown[0]!r} is not one of {', '.join(AXES)}, or none")
        for name in _OF_SHOPS:
            if self.pattern != "jobshop" and getattr(self, name) is not None:
                raise ValueError(f"{name}: only projects of pattern=jobshop have that")


@resolved_once
def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with the defaults of the level, in one spelling.

    Args:
        level: the number of tasks.
        settings: those that are given; see `TwinSettings`.

    Raises:
        InputError: the level or a setting is wrong.
    """
    pattern = str(settings.get("pattern", "project"))
    resolved = _PATTERNS.get(pattern, _resolve_project)(level, settings)
    if not resolved["confidence"]:  # projects are the same with it, and so are their ids without it
        del resolved["confidence"]
    return resolved


def _resolve_project(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    if not LEAST <= level <= LARGEST:
        raise InputError(f"level {level}: a twin has {LEAST} to {LARGEST} tasks")
    typed = settings_as(TwinSettings, "feasibility", settings)
    bare = {name: value for name, value in _base(typed).items() if value is not None}
    resolved = rcpsp.resolve(level, bare)
    own = {k: v for k, v in plain_settings(typed).items() if k not in ("pattern", *_OF_SHOPS)}
    return {name: resolved.get(name, value) for name, value in own.items()}


def _base(settings: TwinSettings) -> dict[str, Scalar]:
    """Return the settings of the projects that twins are cut from."""
    own = ("twin", "confidence", "pattern", *_OF_SHOPS)
    return {name: value for name, value in plain_settings(settings).items() if name not in own}


def generate(
    level: int,
    seed: int,
    index: int,
    settings: Mapping[str, Scalar],
    *,
    reference: bool = True,  # noqa: ARG001
) -> Instance[Project]:
    """Return a project that can just be done, or just not.

    Args:
        level: the number of tasks.
        seed: of all streams.
        index: the number of the instance, from 0.
        settings: those that are given; see `TwinSettings`.
        reference: changes nothing: without a solver there is no twin.

    Raises:
        InputError: the level or a setting is wrong, or no project of them has twins.
        MissingExtra: the solver is not installed.
    """
    require("solvers", PURPOSE, "ortools")
    resolved = resolve(level, settings)
    typed = msgspec.convert(resolved, _type_of(resolved))
    lacks = _lacks_schedule(level, seed, index, typed)
    project, best = _draw(level, seed, index, typed, lacks=lacks)
    if lacks:
        best = Reference("infeasible", solver=best.solver)
    return Instance(
        id=instance_id("feasibility", level, seed, index, VERSION, resolved, apart=True),
        family="feasibility",
        level=level,
        seed=seed,
        index=index,
        settings=resolved,
        version=VERSION,
        payload=project,
        reference=judged(project, best),
    )


def _type_of(resolved: Mapping[str, Scalar]) -> type[Typed]:
    types: dict[str, type[Typed]] = {
        "jobshop": ShopTwinSettings,
        "periodic": PeriodicTwinSettings,
    }
    return types.get(str(resolved.get("pattern")), TwinSettings)


def _lacks_schedule(level: int, seed: int, index: int, settings: Typed) -> bool:
    if settings.twin != "blind":
        return settings.twin == "infeasible"
    rng = Random(f"feasibility/{VERSION}/{seed}/{index // 2}/{level} twin")
    return rng.randrange(2) == index % 2


def _draw(level: int, seed: int, index: int, settings: Typed, *, lacks: bool) -> Twin:
    """Return one of the first twins of which both are proven."""
    for attempt in range(TRIES):
        number = (level * SPAN + index) * TRIES + attempt
        twin = _twin(level, seed, number, settings, lacks=lacks)
        if twin is not None:
            return twin
    raise InputError(
        f"level {level}: none of {TRIES} projects at seed {seed}, index {index} has a proven"
        f" optimum that is longer than its longest task: {_MENDS[settings.pattern]}"
    )


_MENDS = {
    "project": "give more edges, or fewer tasks",
    "jobshop": "give more machines, or fewer jobs",
    "periodic": "give fewer resources, or more activities",
}


def _twin(level: int, seed: int, number: int, settings: Typed, *, lacks: bool) -> Twin | None:
    """Return a twin, with a schedule or without; None where not both of them are proven."""
    if isinstance(settings, PeriodicTwinSettings):
        twins = feasibility_periodic.twins(level, seed, number, settings)
        if twins is None:
            return None
        project, best, without = twins
        return (without if lacks else project), best
    if isinstance(settings, ShopTwinSettings):
        return _cut(feasibility_shop.drawn_shop(level, seed, number, settings), None, lacks=lacks)
    base = rcpsp.generate(level, seed, number, _base(settings), reference=False)
    return _cut(base.payload, (base.reference.answer or {})["starts"], lacks=lacks)


def _cut(project: Project, hint: Mapping[str, int] | None, *, lacks: bool) -> Twin | None:
    """Return a project at its least makespan or at one less; None where that is not proven."""
    longest = max(task.duration for task in project.tasks)
    least = _least(project, hint) if hint else None
    best = exact.reference(project, hint=hint, least=least or 0)
    if best.status != "optimal" or best.objective is None or best.objective <= longest:
        return None
    end = int(best.objective)
    if least is None and has_schedule(replace(project, horizon=end - 1)) is not False:
        return None
    return replace(project, horizon=end - 1 if lacks else end), best


def _least(project: Project, starts: Mapping[str, int]) -> int | None:
    return least_end(project, max(starts[task.id] + task.duration for task in project.tasks))
