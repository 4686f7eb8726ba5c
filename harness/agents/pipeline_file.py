"""Reads pipelines from files: TOML of this project, and the JSON of Archon as it is found."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from harness.agents.pipeline_archon import layers_of_archon
from harness.agents.pipeline_format import (
    SETTINGS,
    SORTS,
    Component,
    Layer,
    Pipeline,
    built,
    require_order,
)
from tasks.base import Fields, InputError, Noun
from tasks.encoding import as_utf8
from tasks.near import did_you_mean


class SeatTable(Noun, frozen=True, omit_defaults=True):
    """A seat of a file: who sits there, and how it is asked."""

    model: str = ""
    temperature: float | None = None
    max_output_tokens: int | None = None


class PipelineFile(Noun, frozen=True):
    """A TOML file of a pipeline.

    Attributes:
        layers: of each its components; a layer of one may be that one.
        name: what the pipeline is called; else as the file is.
        seats: models by the names that components have for them in `seat`.
    """

    layers: tuple[Fields | tuple[Fields, ...], ...]
    name: str = ""
    seats: dict[str, SeatTable] = {}


class ReadPipeline(NamedTuple):
    """A pipeline, and what in its file has no effect, a line each."""

    pipeline: Pipeline
    notes: tuple[str, ...]


def read_pipeline(path: Path, *, own: bool = True) -> ReadPipeline:
    """Read a pipeline from a file.

    Args:
        path: of TOML, of Archon's JSON, or the `manifest.json` of a run that had a pipeline.
            An object with a key `pipeline`, as a search writes it, is read like that.
        own: whether components ask the models that the file names; else all ask the run's.

    Raises:
        InputError: it cannot be read, or is no pipeline.
    """
    try:
        text = as_utf8(path.read_bytes()).decode()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeError:
        raise InputError(f"{path} is not UTF-8 text") from None
    pipeline, notes = _of_toml(text, path) if path.suffix == ".toml" else _of_json(text, path)
    if not own:
        layers = tuple(tuple(replace(c, model="") for c in layer) for layer in pipeline.layers)
        pipeline = replace(pipeline, layers=layers)
    return ReadPipeline(pipeline, tuple(dict.fromkeys(notes)))


def _of_json(text: str, path: Path) -> tuple[Pipeline, list[str]]:
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error}") from None
    if not isinstance(raw, dict):
        raise InputError(f"{path}: it is no object with layers")
    holder = raw.get("configuration", raw)
    if isinstance(holder, dict) and (holder is not raw or "pipeline" in raw):
        return _of_run(holder, path), []
    notes: list[str] = []
    layers = layers_of_archon(raw, str(path), notes)
    require_order(layers, str(path))
    name = raw.get("name")
    return Pipeline(_name(name if isinstance(name, str) else "", path), layers), notes


def _of_run(configuration: Mapping[str, Any], path: Path) -> Pipeline:
    """Return the pipeline of a run or a trial, as it was written."""
    if "pipeline" not in configuration:
        raise InputError(f"{path}: that run has no pipeline")
    try:
        pipeline = msgspec.convert(configuration["pipeline"], Pipeline)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: its pipeline: {error}") from None
    require_order(pipeline.layers, str(path))
    return pipeline


def _of_toml(text: str, path: Path) -> tuple[Pipeline, list[str]]:
    try:
        file = msgspec.toml.decode(text, type=PipelineFile)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {error}") from None
    except msgspec.DecodeError as error:
        raise InputError(f"{path}: not TOML: {error}") from None
    notes: list[str] = []
    layers = layers_of(file, str(path), notes)
    unused = file.seats.keys() - _seats_in(file)
    notes += [f"seat {name!r} is no component's" for name in sorted(unused)]
    return Pipeline(_name(file.name, path), layers), notes


def layers_of(file: PipelineFile, where: str, notes: list[str]) -> tuple[Layer, ...]:
    """Return the layers that a table describes, checked.

    Args:
        file: the table.
        where: it is, for messages.
        notes: to which is added what has no effect.

    Raises:
        InputError: a component or the order of the layers is wrong.
    """
    layers = []
    for number, layer in enumerate(file.layers, 1):
        tables = (layer,) if isinstance(layer, dict) else layer
        place = f"{where}: layer {number}"
        layers.append(tuple(_component(table, file, place, notes=notes) for table in tables))
    require_order(layers, where)
    return tuple(layers)


def _seats_in(file: PipelineFile) -> set[str]:
    tables = [t for layer in file.layers for t in ((layer,) if isinstance(layer, dict) else layer)]
    return {str(table.get("seat", "")) for table in tables}


def _component(table: Fields, file: PipelineFile, place: str, *, notes: list[str]) -> Component:
    sort = table.get("type")
    if sort not in SORTS:
        raise InputError(f"{place}: type {sort!r} is none of {', '.join(SORTS)}")
    fields = dict(table)
    if (seat := fields.pop("seat", None)) is not None:
        if not isinstance(seat, str) or seat not in file.seats:
            near = did_you_mean(str(seat), file.seats)
            raise InputError(f"{place}: {sort}: there is no seat {seat!r}{near}")
        fields = msgspec.to_builtins(file.seats[seat]) | fields
    for name in fields:
        if name not in Component.__struct_fields__:
            near = did_you_mean(name, Component.__struct_fields__)
            choices = near or f": there are {', '.join(('type', 'seat', *SETTINGS[sort]))}"
            raise InputError(f"{place}: {sort}: unknown key {name!r}{choices}")
    return built(fields, place, notes)


def _name(name: str, path: Path) -> str:
    """Return what a pipeline is called, in letters that a setting and a file's name may have."""
    text = name or path.stem
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in text)
