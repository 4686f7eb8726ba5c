"""Generates projects around a witness: a schedule that obeys every constraint of the instance.

One *design* for each (tasks, layers, resources, seed, index): layered precedences in a fixed
order of insertion, resources, downtimes, windows, disjunctions, a horizon, and one witness that
obeys them all. An instance takes the first `edges` precedences of its design and the axes it is
asked for and drops the rest, so that whatever is feasible with more constraints is feasible with
fewer: levels of edges and cells of axes are nested.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import floor
from random import Random
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta, structs

from generators import rcpsp_periodic
from generators.base import plain_settings, resolved_once, settings_as
from generators.rcpsp_edges import Edges, irredundant
from generators.rcpsp_lists import list_schedules, relaxed
from generators.rcpsp_packed import pack
from generators.rcpsp_pairs import misleading_pairs
from graders.exact import sgs
from graders.exact.rcpsp import reference as solve
from graders.exact.rcpsp_cp_sat import PURPOSE
from graders.exact.sgs import Compiled
from graders.rcpsp import violations
from graders.rcpsp_periodic import is_periodic
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.extras import require
from tasks.ids import instance_id
from tasks.rcpsp import VERSION, Downtime, Project, Resource, Task, Window, merged_spans

AXES = ("downtime", "windows", "disjunctions")
LAST = 2.35  # edges a task that every witness obeys, if they fit: 47 at 20 tasks, the paper's size
DURATIONS = range(1, 11)
LISTS = 50  # random list schedules, the best of which is the witness
STANDARD = {
    5: (3, 4),
    10: (4, 12),
    15: (4, 18),
    20: (5, 24),
    30: (6, 36),
    40: (8, 48),
    60: (10, 72),
}
LARGEST = 1_000  # tasks


class ProjectSettings(Noun, frozen=True):
    """The dials of a project.

    Attributes:
        edges, layers: precedences and the layers they run between; by level if not given.
        resources: how many, with capacity U{4..6}.
        axes: which constraints come on top, of downtime, windows, disjunctions (or `none`).
        axis_probability: chance that a resource has downtimes, that a task has a window.
        slack: the most time units between the witness and either end of a window.
        horizon_factor: the horizon over the witness's makespan, at least 1.
        setting: the words of the prompt.
        pattern: `project` is all of the above; with `periodic` activities that occur again and
            again there are only resources, setting and load (see `generators.rcpsp_periodic`).
        load: the largest share of its time that a device is taken; only of `pattern=periodic`.
        witness: the best of 50 random lists, or a packing, which nothing can beat (see
            `generators.rcpsp_packed`); it has no layers, and its downtimes are its own.
    """

    edges: Annotated[int, Meta(ge=0, le=LARGEST**2 // 2)] | None = None
    layers: Annotated[int, Meta(ge=1, le=LARGEST)] | None = None
    resources: Annotated[int, Meta(ge=1, le=100)] = 3
    axes: str = ",".join(AXES)
    axis_probability: Annotated[float, Meta(ge=0, le=1)] = 0.75
    slack: Annotated[int, Meta(ge=0, le=1_000_000)] = 4
    horizon_factor: Annotated[float, Meta(ge=1, le=1_000)] = 1.0
    setting: Literal["plain", "datacentre"] = "plain"
    pattern: Literal["project", "periodic"] = "project"
    load: Annotated[float, Meta(ge=0.05, le=1)] | None = None
    witness: Literal["lists", "packed"] = "lists"

    def __post_init__(self) -> None:
        if self.load is not None and self.pattern == "project":
            raise ValueError("load: only projects of pattern=periodic have one")
        unknown = [axis for axis in self.active_axes if axis not in AXES]
        if unknown:
            raise ValueError(f"axes: {unknown[0]!r} is not one of {', '.join(AXES)}, or none")

    @property
    def active_axes(self) -> tuple[str, ...]:
        """Return the axes that the project has."""
        return () if self.axes in ("", "none") else tuple(self.axes.split(","))

    @property
    def is_packed(self) -> bool:
        """Return whether the witness is a packing."""
        return self.witness == "packed"


@resolved_once
def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with the defaults of the level, in one spelling.

    Args:
        level: the number of tasks.
        settings: those that are given; see `ProjectSettings`.

    Raises:
        InputError: the level or a setting is wrong.
    """
    if is_periodic(settings):
        return rcpsp_periodic.resolve(level, settings)
    typed = settings_as(ProjectSettings, "rcpsp", settings)
    _check_level(level)
    layers, edges = _standard(level)
    if typed.is_packed:
        layers = 1
    layers = layers if typed.layers is None else typed.layers
    if typed.is_packed and layers > 1:
        raise InputError(f"layers={layers}: a packed project has none")
    if layers > level:
        raise InputError(f"layers={layers} are more than the {level} tasks")
    if typed.edges is not None:
        edges = typed.edges
    elif layers == 1 and not typed.is_packed:
        edges = 0
    axes = ",".join(axis for axis in AXES if axis in typed.active_axes) or "none"
    resolved = plain_settings(structs.replace(typed, layers=layers, edges=edges, axes=axes))
    # instances were published before there were others: their bytes and ids stay
    later = ("pattern", "load") if typed.is_packed else ("pattern", "load", "witness")
    return {name: value for name, value in resolved.items() if name not in later}


def _check_level(level: int) -> None:
    if level < 1:
        raise InputError(f"level {level}: a project needs at least one task")
    if level > LARGEST:
        raise InputError(f"level {level}: a project has at most {LARGEST} tasks")


def _standard(level: int) -> tuple[int, int]:
    """Return layers and edges of a level where none are given; n - 1 edges always fit."""
    edges = floor(1.2 * level) if level >= 10 else level - 1
    below = [layers for size, (layers, _) in STANDARD.items() if size < level]
    layers = max(below[-1], level // 6) if below else (level + 1) // 2
    return STANDARD.get(level, (layers, edges))


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[Project]:
    """Return a project with a witness.

    Args:
        level: the number of tasks; of activities with `pattern=periodic`, which have no witness.
        seed: of all streams.
        index: the number of the design, from 0.
        settings: those that are given; see `ProjectSettings`.
        reference: whether the solver looks for the optimum; else only the witness is known.

    Raises:
        InputError: the level or a setting is wrong, or there are more edges than fit.
        MissingExtra: the solver is to look, and is not installed.
    """
    if reference:  # not at the first project that needs it, in the middle of a file
        require("solvers", PURPOSE, "ortools")
    resolved = resolve(level, settings)
    if is_periodic(resolved):
        return _periodic(level, seed, index, resolved, reference)
    typed = msgspec.convert(resolved, ProjectSettings)
    design = _design(level, seed, index, settings=typed)
    project, witness = _cell(design, typed), design.starts
    broken = violations(project, witness)
    assert not broken, f"the witness of rcpsp {level}/{seed}/{index} breaks {broken[0]}"
    return Instance(
        id=instance_id("rcpsp", level, seed, index, VERSION, resolved),
        family="rcpsp",
        level=level,
        seed=seed,
        index=index,
        settings=resolved,
        version=VERSION,
        payload=project,
        reference=solve(project, hint=witness) if reference else _by_witness(project, witness),
    )


def _periodic(
    level: int, seed: int, index: int, resolved: dict[str, Scalar], reference: bool
) -> Instance[Project]:
    settings = msgspec.convert(resolved, rcpsp_periodic.PeriodicSettings)
    project = rcpsp_periodic.generate_project(level, seed, index, settings)
    return Instance(
        id=instance_id("rcpsp", level, seed, index, VERSION, resolved, apart=True),
        family="rcpsp",
        level=level,
        seed=seed,
        index=index,
        settings=resolved,
        version=VERSION,
        payload=project,
        reference=solve(project) if reference else Reference("none"),
    )


def _by_witness(project: Project, witness: dict[str, int]) -> Reference:
    return Reference(
        status="bounded",
        objective=_makespan(project, witness),
        bound=0,
        solver="witness",
        answer={"starts": witness},
    )


class _Design(NamedTuple):
    """A project, the last level of its edges in order of insertion, and all its axes apart.

    `starts` is the witness: start times by task.
    """

    bare: Project
    horizon: int
    downtimes: tuple[Downtime, ...]
    windows: tuple[Window, ...]
    disjunctions: tuple[tuple[str, str], ...]
    starts: dict[str, int]


def _design(level: int, seed: int, index: int, settings: ProjectSettings) -> _Design:
    """Draw every ingredient from its own stream, the level not in it."""
    if settings.is_packed:
        return _packed_design(level, seed, index, settings=settings)
    bare = _bare_project(level, seed, index, settings=settings)
    compiled = sgs.compile_project(bare)
    merged = _downtimes(compiled, bare.resources, settings, seed, index)
    closed = replace(compiled, downtimes=tuple(map(tuple, merged.values())))
    schedules = list_schedules(closed, LISTS, _stream(seed, index, "schedules"))
    witness = schedules.shortest
    horizon = floor(settings.horizon_factor * sgs.makespan(compiled, witness))
    starts = sgs.by_id(compiled, witness)
    windows = _windows(bare.tasks, horizon, starts, settings=settings, seed=seed, index=index)
    rng = _stream(seed, index, "disjunctions")
    free = relaxed(compiled, windows, horizon)
    pairs = misleading_pairs(free, witness, schedules.starts, rng)
    downtimes = tuple(Downtime(name, a, b) for name, spans in merged.items() for a, b in spans)
    return _Design(bare, horizon, downtimes, windows, pairs, starts)


def _packed_design(level: int, seed: int, index: int, settings: ProjectSettings) -> _Design:
    ids, edges = _ids(level, seed, index), settings.edges or 0
    has_downtime = "downtime" in settings.active_axes
    chance = settings.axis_probability if has_downtime else 0.0
    packing = pack(ids, settings.resources, chance, lambda part: _stream(seed, index, part))
    if edges > len(packing.edges):
        raise InputError(
            f"edges={edges} do not fit: this packing of {level} tasks takes at most"
            f" {len(packing.edges)} irredundant ones at seed {seed}, index {index}"
        )
    project = Project(
        tasks=packing.tasks,
        resources=packing.resources,
        precedences=tuple((ids[a], ids[b]) for a, b in packing.edges[:edges]),
        downtimes=packing.downtimes,
        windows=(),
        disjunctions=(),
        horizon=floor(settings.horizon_factor * packing.end),
        setting=settings.setting,
    )
    horizon, witness = project.horizon, packing.starts
    starts = dict(zip(ids, witness, strict=True))
    windows = _windows(project.tasks, horizon, starts, settings=settings, seed=seed, index=index)
    free = relaxed(sgs.compile_project(project), windows, horizon)
    rng = _stream(seed, index, "disjunctions")
    pairs = misleading_pairs(free, witness, [witness], rng)
    return _Design(project, horizon, project.downtimes, windows, pairs, starts)


def _ids(level: int, seed: int, index: int) -> list[str]:
    ids = [f"T{k:0{len(str(level))}d}" for k in range(1, level + 1)]
    _stream(seed, index, "ids").shuffle(ids)
    return ids


def _bare_project(level: int, seed: int, index: int, settings: ProjectSettings) -> Project:
    """Draw tasks, resources and precedences; the horizon is that of one task after another."""
    ids = _ids(level, seed, index)
    edges = _inserted_edges(level, seed, index, settings=settings)
    tasks, resources = _work(ids, settings.resources, seed, index)
    return Project(
        tasks=tasks,
        resources=resources,
        precedences=tuple((ids[a], ids[b]) for a, b in edges),
        downtimes=(),
        windows=(),
        disjunctions=(),
        horizon=sum(task.duration for task in tasks),
        setting=settings.setting,
    )


def _inserted_edges(level: int, seed: int, index: int, settings: ProjectSettings) -> Edges:
    """Draw the last level of edges, at least as many as the settings say."""
    layers, count = settings.layers or 1, settings.edges or 0
    edges = _edges(_layers_of(level, layers, seed, index), _stream(seed, index, "edges"))
    if count > len(edges):
        raise InputError(
            f"edges={count} do not fit: {level} tasks in {layers} layers take at most"
            f" {len(edges)} irredundant ones at seed {seed}, index {index}"
        )
    return edges[: max(count, floor(LAST * level))]


def _cell(design: _Design, settings: ProjectSettings) -> Project:
    """Drop the axes and edges that the instance does not have; sort by ids what remains."""
    bare, axes = design.bare, settings.active_axes
    return structs.replace(
        bare,
        tasks=tuple(sorted(bare.tasks, key=lambda task: task.id)),
        precedences=tuple(sorted(bare.precedences[: settings.edges])),
        downtimes=design.downtimes if "downtime" in axes else (),
        windows=tuple(sorted(design.windows, key=lambda w: w.task)) if "windows" in axes else (),
        disjunctions=tuple(sorted(design.disjunctions)) if "disjunctions" in axes else (),
        horizon=design.horizon,
    )


def _stream(seed: int, index: int, part: str) -> Random:
    return Random(f"rcpsp/{VERSION}/{seed}/{index}/{part}")


# Precedences --------------------------------------------------------------------------------


def _layers_of(level: int, layers: int, seed: int, index: int) -> list[int]:
    """Draw the layer of each task; sizes differ by one at most."""
    layer = [task % layers for task in range(level)]
    _stream(seed, index, "layers").shuffle(layer)
    return layer


def _edges(layer: Sequence[int], rng: Random) -> Edges:
    """Draw edges from lower to higher layers in order of insertion, as many as fit.

    Short ones tend to come first, and none is redundant at any prefix.
    """
    n = len(layer)
    key = {
        (a, b): rng.random() + 0.5 * (layer[b] - layer[a])
        for a in range(n)
        for b in range(n)
        if layer[a] < layer[b]
    }
    return irredundant(n, key)


# Work and axes ------------------------------------------------------------------------------


def _work(
    ids: Sequence[str], count: int, seed: int, index: int
) -> tuple[tuple[Task, ...], tuple[Resource, ...]]:
    """Draw durations U{1..10}, and what tasks demand of `count` resources of U{4..6} units."""
    rng = _stream(seed, index, "resources")
    resources = tuple(Resource(f"R{k}", rng.randint(4, 6)) for k in range(1, count + 1))
    durations, demands = _stream(seed, index, "durations"), _stream(seed, index, "demands")
    amounts = [(r.id, range(1, floor(0.6 * r.capacity) + 1)) for r in resources]
    tasks = tuple(
        [Task(name, durations.choice(DURATIONS), _demands(amounts, demands)) for name in ids]
    )
    return tasks, resources


def _demands(amounts: Sequence[tuple[str, range]], rng: Random) -> dict[str, int]:
    """Draw a demand on each resource with chance .6, U{1..floor(.6 capacity)}; on one at least."""
    needs = [row for row in amounts if rng.random() < 0.6] or [rng.choice(amounts)]
    return {name: rng.choice(row) for name, row in needs}


def _downtimes(
    project: Compiled,
    resources: Sequence[Resource],
    settings: ProjectSettings,
    seed: int,
    index: int,
) -> dict[str, list[tuple[int, int]]]:
    """Draw two downtimes of U{3..6} for a resource that has any; return them merged.

    They start within the span of a plain schedule.
    """
    rng = _stream(seed, index, "downtimes")
    span = sgs.makespan(project, sgs.serial(project, project.order))
    downtimes = []
    for resource in resources:
        has = rng.random() < settings.axis_probability
        for _ in range(2):
            start, length = rng.randrange(span), rng.randint(3, 6)
            if has:
                downtimes.append(Downtime(resource.id, start, start + length))
    return merged_spans(resources, downtimes)


def _makespan(project: Project, starts: Mapping[str, int]) -> int:
    return max(starts[task.id] + task.duration for task in project.tasks)


def _windows(
    tasks: Sequence[Task],
    horizon: int,
    starts: Mapping[str, int],
    *,
    settings: ProjectSettings,
    seed: int,
    index: int,
) -> tuple[Window, ...]:
    """Draw windows: the witness's interval, widened by U{0..slack} on each side."""
    rng, slacks = _stream(seed, index, "windows"), range(settings.slack + 1)
    windows = []
    for task in tasks:
        has = rng.random() < settings.axis_probability
        early, late = rng.choice(slacks), rng.choice(slacks)
        if has:
            start = starts[task.id]
            end = min(horizon, start + task.duration + late)
            windows.append(Window(task.id, max(0, start - early), end))
    return tuple(windows)
