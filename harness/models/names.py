"""The names of models, and of those that are programs in a file."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, NamedTuple

from msgspec import Meta
from msgspec.structs import replace

from tasks.base import InputError, Noun
from tasks.parts import read_part, settings_of, spelled

START = "policy/"

FILE = "file:"  # begins the name of a policy that is a program in a file

NO_PROGRAMS: Mapping[str, str] = {}


def program_of(model: str) -> str | None:
    """Return the digest in a model's name `policy/file:NAME.py@DIGEST`; None of other names."""
    return model.rpartition("@")[2] if model.startswith(START + FILE) else None


class ModelSettings(Noun, frozen=True):
    """What of one model can be set in its name, beside what all of a run have in common."""

    temperature: float | None = None
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    seed: int | None = None
    reasoning_effort: str | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None


NO_SETTINGS = ModelSettings()


class ModelName(NamedTuple):
    """A model's name in its two parts: who is asked, and the settings of its own."""

    base: str
    settings: ModelSettings


@cache
def read_name(name: str) -> ModelName:
    """Return the parts of `provider/name` or `provider/name:key=value,...`.

    Raises:
        InputError: a setting is none of a model's, or has a value that it cannot have.
    """
    base, colon, words = name.rpartition(":")
    if not colon or "=" not in words or program_of(name) or name.startswith(START + FILE):
        return ModelName(name, NO_SETTINGS)
    part = read_part(f"model:{words}")
    if part.inner:
        raise InputError(f"model {name!r}: {part.inner!r} is not of the form key=value")
    try:
        settings: ModelSettings = settings_of(part, ModelSettings)
    except InputError as error:
        raise InputError(f"{name!r}: {error}") from None
    if base.startswith(START):
        raise InputError(f"{name!r}: a policy has no settings")
    return ModelName(base, settings)


def seated(model: str, seat: str) -> str:
    """Return the model that sits in a seat of a run's agent.

    Args:
        model: the run's own, which sits wherever no other is named; a policy sits everywhere.
        seat: `provider/name`, with settings or not; nothing, or settings alone, is the run's own.

    Raises:
        InputError: the seat's name or settings are none.
    """
    if not seat or model.startswith(START):
        return model
    if not seat.startswith(":"):
        return canonical_name(seat)
    base, settings = read_name(model)
    changes = read_name(f"seat{seat}").settings
    names = ModelSettings.__struct_fields__
    values = {n: getattr(changes, n) for n in names if getattr(changes, n) is not None}
    return spelled(base, replace(settings, **values))


def canonical_name(name: str) -> str:
    """Return the shortest spelling of a model's name; InputError as `read_name`."""
    base, settings = read_name(name)
    return spelled(base, settings)
