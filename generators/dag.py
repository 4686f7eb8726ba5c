"""Generates task graphs: layers of tasks on unlike processors, as random graphs of the field are.

After Topcuoglu, Hariri & Wu (2002), section 5.1: the number of tasks, the shape, the ratio of
communication to computation and the spread of times over processors are dials. Every task waits for
one of the layer before, so that none stands alone. The same graph is there for every noise, and the
chances of a scenario are the same for all of them: more noise pulls the same times further away.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import exp
from random import Random
from statistics import fmean
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from generators.base import plain_settings, settings_as
from generators.jobshop import numbered
from graders.exact.dag import PURPOSE
from graders.exact.dag import reference as solve
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.dag import VERSION, GraphEdge, GraphTask, TaskGraph
from tasks.extras import require
from tasks.ids import instance_id

LARGEST = 100  # tasks
LOW, HIGH = 10, 30  # mean times of tasks


class GraphSettings(Noun, frozen=True):
    """The dials of a task graph.

    Attributes:
        processors: how many, each with times of its own.
        ccr: the mean time of data over the mean time of tasks.
        spread: how far times of a task on its processors lie apart: its mean times 1 - spread / 2
            to 1 + spread / 2.
        shape: how wide: about shape times the square root of the tasks in a layer.
        density: the most tasks of the layer before that one is made to wait for.
        noise: the standard deviation of the logarithm of the factor between a stated time and the
            one that it turns out to be; 0 is none.
        scenarios: how many, where there is noise.
        setting: the words of the prompt.
    """

    processors: Annotated[int, Meta(ge=1, le=20)] = 3
    ccr: Annotated[float, Meta(ge=0, le=10)] = 1.0
    spread: Annotated[float, Meta(ge=0, le=2)] = 1.0
    shape: Annotated[float, Meta(ge=0.1, le=10)] = 1.0
    density: Annotated[int, Meta(ge=1, le=10)] = 2
    noise: Annotated[float, Meta(ge=0, le=2)] = 0.0
    scenarios: Annotated[int, Meta(ge=1, le=50)] = 10
    setting: Literal["plain"] = "plain"


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with their defaults, in one spelling.

    Args:
        level: the number of tasks.
        settings: those that are given; see `GraphSettings`.

    Raises:
        InputError: the level or a setting is wrong.
    """
    if not 1 <= level <= LARGEST:
        raise InputError(f"level {level}: a graph has 1 to {LARGEST} tasks")
    return plain_settings(settings_as(GraphSettings, "dag", settings))


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[TaskGraph]:
    """Return a task graph; levels share nothing.

    Args:
        level: the number of tasks.
        seed: of all streams.
        index: the number of the instance, from 0.
        settings: those that are given; see `GraphSettings`.
        reference: whether the solver looks for the optimum; else nothing is known of it.

    Raises:
        InputError: the level or a setting is wrong.
        MissingExtra: the solver is to look, and is not installed.
    """
    if reference:  # not at the first graph that needs it, in the middle of a file
        require("solvers", PURPOSE, "ortools")
    resolved = resolve(level, settings)
    graph = _graph(f"dag/{VERSION}/{level}/{seed}/{index}", level, resolved)
    return Instance(
        id=instance_id("dag", level, seed, index, VERSION, resolved, apart=True),
        family="dag",
        level=level,
        seed=seed,
        index=index,
        settings=resolved,
        version=VERSION,
        payload=graph,
        reference=solve(graph) if reference else Reference("none"),
    )


def _graph(streams: str, level: int, settings: Mapping[str, Scalar]) -> TaskGraph:
    """Draw every ingredient from its own stream, whose name begins with `streams`."""
    typed = msgspec.convert(settings, GraphSettings)
    processors, names = numbered("P", typed.processors), numbered("T", level)
    form = Random(f"{streams}/form {typed.shape} {typed.density}")
    pairs = sorted(_pairs(_layers(level, typed.shape, form), typed.density, form))
    sizes = Random(f"{streams}/sizes")
    means = [sizes.randint(LOW, HIGH) for _ in names]
    times = Random(f"{streams}/times {typed.processors}")
    tasks = tuple(
        GraphTask(name, {p: _time(size, typed.spread, times) for p in processors})
        for name, size in zip(names, means, strict=True)
    )
    amounts = Random(f"{streams}/data {typed.shape} {typed.density}")
    unit = typed.ccr * fmean(means)
    edges = tuple(
        GraphEdge(names[a], names[b], round(unit * amounts.uniform(0.5, 1.5))) for a, b in pairs
    )
    count = typed.scenarios if typed.noise else 0
    scenarios = tuple(
        _scenario(tasks, typed.noise, Random(f"{streams}/noise {typed.processors} {k}"))
        for k in range(count)
    )
    return TaskGraph(
        tuple(processors),
        tasks,
        edges,
        noise=typed.noise,
        scenarios=scenarios,
        setting=typed.setting,
    )


def _layers(level: int, shape: float, rng: Random) -> list[range]:
    """Draw layers of about shape times the square root of all tasks."""
    layers, first = [], 0
    while first < level:
        size = max(1, round(rng.uniform(0.5, 1.5) * shape * level**0.5))
        layers.append(range(first, min(level, first + size)))
        first += size
    return layers


def _pairs(layers: Sequence[range], density: int, rng: Random) -> set[tuple[int, int]]:
    """Draw which task of a layer waits for which of the one before: all are in some pair."""
    pairs = set()
    for before, after in pairwise(layers):
        for task in after:
            count = min(len(before), rng.randint(1, density))
            pairs |= {(other, task) for other in rng.sample(before, count)}
        followed = {a for a, _ in pairs}
        pairs |= {(other, rng.choice(after)) for other in before if other not in followed}
    return pairs


def _time(mean: int, spread: float, rng: Random) -> int:
    return max(1, round(mean * rng.uniform(1 - spread / 2, 1 + spread / 2)))


def _scenario(tasks: Sequence[GraphTask], noise: float, rng: Random) -> dict[str, dict[str, int]]:
    """Draw times around those stated, by lognormal factors of mean 1."""
    return {
        task.id: {
            name: max(1, round(time * exp(noise * rng.gauss(0, 1) - noise * noise / 2)))
            for name, time in task.times.items()
        }
        for task in tasks
    }
