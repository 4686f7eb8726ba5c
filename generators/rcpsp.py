"""Generates projects around a witness: a schedule that obeys every constraint of the instance.

One *design* for each (tasks, layers, resources, seed, index): layered precedences in a fixed
order of insertion, resources, downtimes, windows, disjunctions, a horizon, and one witness that
obeys them all. An instance takes the first `edges` precedences of its design and the axes it is
asked for and drops the rest, so that whatever is feasible with more constraints is feasible with
fewer: levels of edges and cells of axes are nested.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import floor
from random import Random
from typing import Literal

import msgspec
from msgspec.structs import replace

from generators.base import settings_as
from graders.exact import sgs
from graders.exact.rcpsp import reference as solve
from graders.rcpsp import violations
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.ids import instance_id
from tasks.rcpsp import VERSION, Downtime, Project, Resource, Task, Window, merged_downtimes

AXES = ("downtime", "windows", "disjunctions")
LAST = 2.35  # edges a task that every witness obeys, if they fit: 47 at 20 tasks, the paper's size
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
LEAST = {"edges": 0, "layers": 1, "resources": 1, "slack": 0, "horizon_factor": 1}
MOST = {
    "edges": LARGEST**2 // 2,
    "layers": LARGEST,
    "resources": 100,
    "slack": 1_000_000,
    "horizon_factor": 1_000,
}
Edges = list[tuple[int, int]]


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
    """

    edges: int | None = None
    layers: int | None = None
    resources: int = 3
    axes: str = ",".join(AXES)
    axis_probability: float = 0.75
    slack: int = 4
    horizon_factor: float = 1.0
    setting: Literal["plain", "datacentre"] = "plain"

    def __post_init__(self) -> None:
        wrong = [a for a in self.wanted if a not in AXES]
        if wrong:
            raise ValueError(f"axes: {wrong[0]!r} is not one of {', '.join(AXES)}, or none")
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise ValueError(f"{name}: {value} is below {least}")
            if value is not None and not value <= MOST[name]:
                raise ValueError(f"{name}: {value} is above {MOST[name]}")
        if not 0 <= self.axis_probability <= 1:
            raise ValueError(f"axis_probability: {self.axis_probability} is not in [0, 1]")

    @property
    def wanted(self) -> tuple[str, ...]:
        """The axes asked for."""
        return () if self.axes in ("", "none") else tuple(self.axes.split(","))


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """All settings, with the defaults of the level, in one spelling; InputError names a bad one."""
    given = settings_as(ProjectSettings, "rcpsp", settings)
    if level < 1:
        raise InputError(f"level {level}: a project needs at least one task")
    if level > LARGEST:
        raise InputError(f"level {level}: a project has at most {LARGEST} tasks")
    usual = floor(1.2 * level) if level >= 10 else level - 1  # n - 1 always fit
    layers, edges = STANDARD.get(level, (_layers(level), usual))
    layers = layers if given.layers is None else given.layers
    if layers > level:
        raise InputError(f"layers={layers} are more than the {level} tasks")
    if given.edges is not None:
        edges = given.edges
    elif layers == 1:
        edges = 0
    axes = ",".join(a for a in AXES if a in given.wanted) or "none"
    named = replace(given, layers=layers, edges=edges, axes=axes)
    plain: dict[str, Scalar] = msgspec.to_builtins(named)
    return plain


def _layers(level: int) -> int:
    below = [layers for size, (layers, _) in STANDARD.items() if size < level]
    return max(below[-1], level // 6) if below else (level + 1) // 2


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[Project]:
    """The instance of `level` tasks at a seed and index; without `reference` only the witness's.

    InputError if the settings are wrong or more edges are asked for than fit.
    """
    resolved = resolve(level, settings)
    wanted = msgspec.convert(resolved, ProjectSettings)
    design = _design(level, seed, index, wanted)
    project = _cell(design, wanted)
    witness = design.starts
    wrong = violations(project, witness)
    assert not wrong, f"the witness of rcpsp {level}/{seed}/{index} breaks {wrong[0]}"
    known = Reference(
        "bounded",
        objective=max(witness[t.id] + t.duration for t in project.tasks),
        bound=0,
        solver="witness",
        answer={"starts": witness},
    )
    if reference:
        known = solve(project, hint=witness)
    name = instance_id("rcpsp", level, seed, index, VERSION, resolved)
    return Instance(name, "rcpsp", level, seed, index, resolved, VERSION, project, known)


@dataclass(frozen=True)
class _Design:
    """A project with every axis and the last level of edges, the edges in order of insertion."""

    full: Project
    starts: dict[str, int]


def _design(level: int, seed: int, index: int, wanted: ProjectSettings) -> _Design:
    """Draw every ingredient from its own stream, the level not in it."""
    layers, edges = wanted.layers or 1, wanted.edges or 0
    ids = [f"T{k:0{len(str(level))}d}" for k in range(1, level + 1)]
    _stream(seed, index, "ids").shuffle(ids)
    inserted = _edges(_layers_of(level, layers, seed, index), _stream(seed, index, "edges"))
    if edges > len(inserted):
        raise InputError(
            f"edges={edges} do not fit: {level} tasks in {layers} layers take at most"
            f" {len(inserted)} irredundant ones at seed {seed}, index {index}"
        )
    last = max(edges, floor(LAST * level))
    tasks, resources = _work(ids, wanted.resources, seed, index)
    bare = Project(
        tasks=tasks,
        resources=resources,
        precedences=tuple((ids[a], ids[b]) for a, b in inserted[:last]),
        downtimes=(),
        windows=(),
        disjunctions=(),
        horizon=sum(task.duration for task in tasks),
        setting=wanted.setting,
    )
    down = replace(bare, downtimes=_downtimes(bare, wanted, seed, index))
    schedules = _schedules(down, seed, index)
    starts = min(schedules, key=lambda s: _makespan(down, s))
    horizon = floor(wanted.horizon_factor * _makespan(down, starts))
    framed = replace(down, horizon=horizon)
    windowed = replace(framed, windows=_windows(framed, starts, wanted, seed, index))
    pairs = _disjunctions(windowed, starts, schedules, _stream(seed, index, "disjunctions"))
    return _Design(replace(windowed, disjunctions=pairs), starts)


def _cell(design: _Design, wanted: ProjectSettings) -> Project:
    """Drop what the instance was not asked for; tasks and pairs in the order of their ids."""
    full, axes = design.full, wanted.wanted
    return replace(
        full,
        tasks=tuple(sorted(full.tasks, key=lambda task: task.id)),
        precedences=tuple(sorted(full.precedences[: wanted.edges])),
        downtimes=full.downtimes if "downtime" in axes else (),
        windows=tuple(sorted(full.windows, key=lambda w: w.task)) if "windows" in axes else (),
        disjunctions=tuple(sorted(full.disjunctions)) if "disjunctions" in axes else (),
    )


def _stream(seed: int, index: int, part: str) -> Random:
    return Random(f"rcpsp/{VERSION}/{seed}/{index}/{part}")


# Precedences --------------------------------------------------------------------------------


def _layers_of(level: int, layers: int, seed: int, index: int) -> list[int]:
    """The layer of each task; sizes differ by one at most."""
    layer = [task % layers for task in range(level)]
    _stream(seed, index, "layers").shuffle(layer)
    return layer


def _edges(layer: Sequence[int], rng: Random) -> Edges:
    """Edges from lower to higher layers in order of insertion, as many as fit.

    No prefix has a redundant edge: one that a path already implies is passed over, and so is one
    that would make an earlier edge redundant. Short edges tend to come first, which is what lets
    many fit.
    """
    n = len(layer)
    key = {
        (a, b): rng.random() + 0.5 * (layer[b] - layer[a])
        for a in range(n)
        for b in range(n)
        if layer[a] < layer[b]
    }
    above = [1 << i for i in range(n)]  # bit masks: the task and all that must precede it
    below = list(above)
    parents = [0] * n
    edges: Edges = []
    for a, b in sorted(key, key=key.__getitem__):
        up, down = above[a], below[b]
        if below[a] >> b & 1 or any(parents[y] & up for y in _bits(down)):
            continue
        for x in _bits(up):
            below[x] |= down
        for y in _bits(down):
            above[y] |= up
        parents[b] |= 1 << a
        edges.append((a, b))
    return edges


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


# Work and axes ------------------------------------------------------------------------------


def _work(
    ids: Sequence[str], count: int, seed: int, index: int
) -> tuple[tuple[Task, ...], tuple[Resource, ...]]:
    """Durations U{1..10}; each resource demanded with chance .6, U{1..floor(.6 capacity)}."""
    rng = _stream(seed, index, "resources")
    resources = tuple(Resource(f"R{k}", rng.randint(4, 6)) for k in range(1, count + 1))
    lengths, rng = _stream(seed, index, "durations"), _stream(seed, index, "demands")
    tasks = []
    for name in ids:
        needs = [r for r in resources if rng.random() < 0.6] or [rng.choice(resources)]
        demands = {r.id: rng.randint(1, floor(0.6 * r.capacity)) for r in needs}
        tasks.append(Task(name, lengths.randint(1, 10), demands))
    return tuple(tasks), resources


def _downtimes(
    project: Project, wanted: ProjectSettings, seed: int, index: int
) -> tuple[Downtime, ...]:
    """Two of U{3..6} for a resource that has any, within the span of a plain schedule."""
    rng = _stream(seed, index, "downtimes")
    compiled = sgs.compile_project(project)
    span = sgs.makespan(compiled, sgs.serial(compiled, compiled.order))
    drawn = []
    for resource in project.resources:
        has = rng.random() < wanted.axis_probability
        for _ in range(2):
            start, length = rng.randrange(span), rng.randint(3, 6)
            if has:
                drawn.append(Downtime(resource.id, start, start + length))
    merged = merged_downtimes(replace(project, downtimes=tuple(drawn)))
    return tuple(Downtime(name, a, b) for name, spans in merged.items() for a, b in spans)


def _schedules(project: Project, seed: int, index: int) -> list[dict[str, int]]:
    """Random list schedules under precedence, capacity and downtimes."""
    rng, compiled = _stream(seed, index, "schedules"), sgs.compile_project(project)
    lists = (sgs.random_list(compiled, rng) for _ in range(LISTS))
    return [sgs.by_id(compiled, sgs.serial(compiled, order)) for order in lists]


def _makespan(project: Project, starts: Mapping[str, int]) -> int:
    return max(starts[task.id] + task.duration for task in project.tasks)


def _windows(
    project: Project, starts: Mapping[str, int], wanted: ProjectSettings, seed: int, index: int
) -> tuple[Window, ...]:
    """The witness's interval, widened by U{0..slack} on each side."""
    rng, slack = _stream(seed, index, "windows"), wanted.slack
    windows = []
    for task in project.tasks:
        has = rng.random() < wanted.axis_probability
        early, late = rng.randint(0, slack), rng.randint(0, slack)
        if has:
            start = starts[task.id]
            end = min(project.horizon, start + task.duration + late)
            windows.append(Window(task.id, max(0, start - early), end))
    return tuple(windows)


def _disjunctions(
    project: Project,
    starts: Mapping[str, int],
    schedules: Sequence[Mapping[str, int]],
    rng: Random,
) -> tuple[tuple[str, str], ...]:
    """floor(n / 4) pairs that bind: apart in the witness, together in a relaxed schedule.

    First choice are pairs whose order in the witness is not that of their latest finish times, so
    that the obvious order misleads; then pairs that overlap at their earliest starts under
    precedence and windows alone; then in any of the list schedules; then any that precedence
    leaves free to overlap.
    """
    duration = {task.id: task.duration for task in project.tasks}

    def together(schedule: Mapping[str, int], a: str, b: str) -> bool:
        return schedule[a] < schedule[b] + duration[b] and schedule[b] < schedule[a] + duration[a]

    free = replace(project, tasks=tuple(replace(t, demands={}) for t in project.tasks))
    compiled = sgs.compile_project(replace(free, downtimes=()))
    earliest = sgs.by_id(compiled, sgs.serial(compiled, compiled.order))
    ordered = _ordered(compiled)
    apart = [
        pair
        for pair in combinations(sorted(duration), 2)
        if pair not in ordered and not together(starts, *pair)
    ]
    rng.shuffle(apart)
    latest = dict(zip(compiled.ids, sgs.lft(compiled), strict=True))

    def rank(a: str, b: str) -> int:
        overlap = together(earliest, a, b)
        if (latest[a] - latest[b]) * (starts[a] - starts[b]) < 0:
            return 0 if overlap else 1
        return 2 if overlap else 3 if any(together(s, a, b) for s in schedules) else 4

    ranked = sorted((rank(a, b), k) for k, (a, b) in enumerate(apart))
    return tuple(apart[k] for _, k in ranked)[: len(duration) // 4]


def _ordered(project: sgs.Compiled) -> set[tuple[str, str]]:
    """Pairs of ids, either way round, of which one task has to precede the other."""
    below = [0] * len(project.ids)
    for i in reversed(project.order):
        for j in project.successors[i]:
            below[i] |= below[j] | 1 << j
    ids = project.ids
    pairs = {(ids[i], ids[j]) for i, mask in enumerate(below) for j in _bits(mask)}
    return pairs | {(b, a) for a, b in pairs}
