"""The plan of a search for a pipeline, as a TOML file has it, and the pipelines of its space."""

from collections.abc import Iterator, Sequence
from itertools import islice, product
from math import prod
from pathlib import Path
from random import Random
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from harness.agents.base import AGENTS
from harness.agents.pipeline_file import PipelineFile, SeatTable, layers_of
from harness.agents.pipeline_format import AGENT, HIDDEN, Pipeline
from harness.families.registry import FAMILIES
from harness.run.file_format import SamplingTable, convert, read_table
from harness.run.prepare import require_allowed
from harness.suites import instances
from harness.suites import suite as suites
from tasks.base import Fields, InputError, Noun, Scalar
from tasks.near import did_you_mean

Count = Annotated[int, Meta(ge=1, le=100_000)]
Tables: TypeAlias = Sequence[tuple[Fields, ...]]  # of layers, each a tuple of components
WIDEST = 10_000  # pipelines of a space at most
# By sort the setting that is in the name of a pipeline; of others it is `top_k`.
NUMBERS = {
    "generator": "samples",
    "fuser": "samples",
    "verifier": "first_k",
    "unit_test_generator": "unit_test_cap",
    "repair": "rounds",
}


class Shape(Noun, frozen=True):
    """Layers in which a list of values stands for a choice of one of them."""

    layers: tuple[Fields | tuple[Fields, ...], ...]


class TunePlan(Noun, frozen=True):
    """A search for a pipeline.

    Attributes:
        family: of the instances.
        model: of the run: who is asked where a component names no seat.
        tokens: an answer may take on average, in and out, of all calls together.
        level: of the instances, and further `settings` of the family.
        shapes: the space.
        seats: models by the names that components have for them.
        seed: of the development instances, of which there are `instances`.
        held_out_seed: of the others, of which there are `held_out`.
        trials: pipelines that are tried.
        eta: of so many trials of a rung one goes on to the next, which has so many times the
            instances.
        base_url, api_key_env: of the model's server.
        sampling: how replies are drawn.
    """

    family: str
    model: str
    tokens: Annotated[int, Meta(ge=1, le=10**9)]
    level: Count
    shapes: tuple[Shape, ...]
    settings: dict[str, Scalar] = {}
    seats: dict[str, SeatTable] = {}
    seed: int = 0
    held_out_seed: int = 1
    instances: Count = 27
    held_out: Count = 40
    trials: Count = 27
    eta: Annotated[int, Meta(ge=2, le=10)] = 3
    base_url: str | None = None
    api_key_env: str | None = None
    sampling: SamplingTable = SamplingTable()

    def __post_init__(self) -> None:
        if self.seed == self.held_out_seed:
            raise ValueError(f"seed and held_out_seed are both {self.seed}: nothing is held out")
        if self.model.startswith(HIDDEN):
            raise ValueError(f"model {self.model} is no model: policies are beside the search")


def read_plan(path: Path) -> TunePlan:
    """Read the file of a search; InputError names the line and the key that are wrong."""
    table, text = read_table(path)
    try:
        plan = convert(table, text, TunePlan, path)
    except InputError as error:  # what is in backquotes is named as an option
        raise InputError(str(error).replace("`", "'")) from None
    if plan.family not in FAMILIES:
        near = did_you_mean(plan.family, FAMILIES) or f": there are {', '.join(FAMILIES)}"
        raise InputError(f"{path}: family {plan.family!r} is none{near}")
    return plan


def space_of(plan: TunePlan, where: str, notes: list[str]) -> list[Pipeline]:
    """Return all pipelines of a space, each once, in the order of the file.

    Args:
        plan: the search.
        where: its file, for messages.
        notes: to which is added what has no effect.

    Raises:
        InputError: one of them cannot be or is not for the family, or there are none or too many.
    """
    choices = [_choices(shape, f"{where}: shape {k}") for k, shape in enumerate(plan.shapes, 1)]
    width = sum(prod(map(len, values)) for values in choices)
    if not 0 < width <= WIDEST:
        raise InputError(
            f"{where}: its [[shapes]] make {width} pipelines, and 1 to {WIDEST} are allowed"
        )
    pipelines: dict[str, Pipeline] = {}
    for number, (shape, values) in enumerate(zip(plan.shapes, choices, strict=True), 1):
        for chosen in product(*values):
            place = f"{where}: shape {number}"
            pipeline = pipeline_of_tables(_filled(shape, iter(chosen)), plan, place, notes=notes)
            require_allowed(AGENTS.part(AGENT), pipeline, plan.family)
            pipelines.setdefault(pipeline.digest, pipeline)
    return list(pipelines.values())


def pipeline_of_tables(layers: Tables, plan: TunePlan, where: str, *, notes: list[str]) -> Pipeline:
    """Return the pipeline of some tables, named by them; InputError if it cannot be."""
    file = PipelineFile(tuple(layers), seats=plan.seats)
    return Pipeline(name_of(layers), layers_of(file, where, notes))


def sampled(space: list[Pipeline], count: int, stream: str) -> list[Pipeline]:
    """Return so many pipelines of a space, all where it has no more, in the space's order."""
    if len(space) <= count:
        return space
    places = Random(stream).sample(range(len(space)), count)
    return [space[place] for place in sorted(places)]


def require_apart(plan: TunePlan, where: str) -> None:
    """Raise InputError if a held-out problem is among those of development.

    Seeds share no draws, but where there are few problems the same one may come twice.
    """
    developed = set(_problems(plan, plan.seed, plan.instances))
    common = sum(p in developed for p in _problems(plan, plan.held_out_seed, plan.held_out))
    if common:
        raise InputError(
            f"{where}: {common} of {plan.held_out} held-out problems are development problems too:"
            " give a higher level, or other settings, of which there are more problems"
        )


def _problems(plan: TunePlan, seed: int, count: int) -> Iterator[bytes]:
    """Yield the problems of a seed, without their references."""
    suite = suites.find(plan.family, level=plan.level, seed=seed, settings=plan.settings)
    for spec in islice(suite.instances(), count):
        line = instances.make(replace(spec, reference=False))
        yield msgspec.json.encode(instances.decode(line, spec.family).payload)


def _layers(shape: Shape) -> list[tuple[Fields, ...]]:
    return [(layer,) if isinstance(layer, dict) else layer for layer in shape.layers]


def _choices(shape: Shape, where: str) -> list[list[Any]]:
    """Return the values that each key of a shape may have, in the order of the file."""
    values = [
        value if isinstance(value, list) else [value]
        for layer in _layers(shape)
        for table in layer
        for value in table.values()
    ]
    if not all(values):
        raise InputError(f"{where}: a choice of no values")
    return values


def _filled(shape: Shape, chosen: Iterator[Any]) -> Tables:
    """Return layers with the chosen values; the seat "" is the model of the run."""
    layers = []
    for layer in _layers(shape):
        tables = [{name: next(chosen) for name in table} for table in layer]
        layers.append(tuple(_seated(table) for table in tables))
    return layers


def _seated(table: Fields) -> Fields:
    return {name: value for name, value in table.items() if name != "seat" or value != ""}


def name_of(layers: Tables) -> str:
    """Return a short name of layers, such as `generator4-ranker1.judge`."""
    return "-".join("+".join(map(_name, layer)) for layer in layers)


def _name(table: Fields) -> str:
    sort, seat = str(table.get("type")), table.get("seat")
    number = table.get(NUMBERS.get(sort, "top_k"), "")
    name = f"{sort}{number}.{seat}" if seat else f"{sort}{number}"
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name)
