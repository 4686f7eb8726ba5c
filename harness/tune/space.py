"""The plan of a search for a pipeline, as a TOML file has it, and the pipelines of its space."""

from itertools import product
from pathlib import Path
from random import Random
from typing import Annotated, Any

from msgspec import Meta

from harness.agents.pipeline_file import PipelineFile, SeatTable, layers_of
from harness.agents.pipeline_format import Component, Layer, Pipeline
from harness.run.file_format import SamplingTable, convert, read_table
from tasks.base import Fields, InputError, Noun, Scalar

Count = Annotated[int, Meta(ge=1, le=100_000)]
WIDEST = 100_000  # pipelines of a space at most


class Shape(Noun, frozen=True):
    """Layers in which a list of values stands for a choice of one of them."""

    layers: tuple[Fields | tuple[Fields, ...], ...]


class TunePlan(Noun, frozen=True):
    """A search for a pipeline.

    Attributes:
        family: of the instances; `level` and `settings` as a run has them.
        model: of the run: who is asked where a component names no seat.
        tokens: an answer may take on average, in and out, of all calls together.
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
    tokens: Count
    shapes: tuple[Shape, ...]
    level: Count | None = None
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


def read_plan(path: Path) -> TunePlan:
    """Read the file of a search; InputError names the line and the key that are wrong."""
    table, text = read_table(path)
    return convert(table, text, TunePlan, path)


def space_of(plan: TunePlan, where: str) -> list[Pipeline]:
    """Return all pipelines of a space, each once, in the order of the file.

    Args:
        plan: the search.
        where: its file, for messages.

    Raises:
        InputError: one of them cannot be, the space is empty, or far too wide.
    """
    pipelines: dict[str, Pipeline] = {}
    for number, shape in enumerate(plan.shapes, 1):
        for layers in _choices(shape, where):
            file = PipelineFile(layers, seats=plan.seats)
            built = layers_of(file, f"{where}: shape {number}", [])
            pipeline = Pipeline(name_of(built), built)
            pipelines.setdefault(pipeline.digest, pipeline)
            if len(pipelines) > WIDEST:
                raise InputError(f"{where}: the space has more than {WIDEST} pipelines")
    if not pipelines:
        raise InputError(f"{where}: it needs a table [[shapes]] with `layers`")
    return list(pipelines.values())


def sampled(space: list[Pipeline], count: int, stream: str) -> list[Pipeline]:
    """Return so many pipelines of a space, all where it has no more, in the space's order."""
    if len(space) <= count:
        return space
    places = Random(stream).sample(range(len(space)), count)
    return [space[place] for place in sorted(places)]


def _choices(shape: Shape, where: str) -> list[tuple[tuple[Fields, ...], ...]]:
    """Return the layers of a shape with one value for each choice, in all ways."""
    layers = [(layer,) if isinstance(layer, dict) else layer for layer in shape.layers]
    values = [
        value if isinstance(value, list) else [value]
        for layer in layers
        for table in layer
        for value in table.values()
    ]
    if not all(values):
        raise InputError(f"{where}: a choice of no values")
    return [_filled(layers, iter(chosen)) for chosen in product(*values)]


def _filled(layers: list[tuple[Fields, ...]], chosen: Any) -> tuple[tuple[Fields, ...], ...]:
    """Return layers with the chosen values; the seat "" is the model of the run."""
    filled = [[{name: next(chosen) for name in table} for table in layer] for layer in layers]
    for table in (table for layer in filled for table in layer):
        if table.get("seat") == "":
            del table["seat"]
    return tuple(map(tuple, filled))


def name_of(layers: tuple[Layer, ...]) -> str:
    """Return a short name of layers, such as `generator4-ranker1`."""
    return "-".join("+".join(_name(each) for each in layer) for layer in layers)


def _name(component: Component) -> str:
    numbers = {
        "generator": component.samples,
        "fuser": component.samples,
        "verifier": component.first_k,
        "repair": component.rounds,
    }
    number = numbers.get(component.type, component.top_k)
    return f"{component.type}{number or ''}"
