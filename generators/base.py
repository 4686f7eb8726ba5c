"""What all generators share: settings as they are given become the family's own type."""

import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec
from msgspec import inspect

from tasks.base import InputError, Scalar
from tasks.near import did_you_mean

S = TypeVar("S", bound=msgspec.Struct)
_BOUND = re.compile(r"Expected `(?:int|float)` [<>]=? .* - at `\$\.(\w+)`")


def settings_as(kind: type[S], family: str, settings: Mapping[str, Scalar]) -> S:
    """Convert settings to a family's own type; text is read as numbers.

    Args:
        kind: the type; bounds of its fields stand in their annotations (`msgspec.Meta`).
        family: its name, for the message.
        settings: by name, as a user gave them.

    Raises:
        InputError: one is unknown, of another type or out of bounds; the message names it and
            what is allowed.
    """
    try:
        return msgspec.convert(dict(settings), kind, strict=False)
    except msgspec.ValidationError as error:
        raise InputError(f"settings of {family}: {_reason(kind, settings, str(error))}") from None


def plain_settings(settings: msgspec.Struct) -> dict[str, Scalar]:
    """Return settings of a family's own type by name."""
    plain: dict[str, Scalar] = msgspec.to_builtins(settings)
    return plain


def _reason(kind: type[msgspec.Struct], settings: Mapping[str, Scalar], message: str) -> str:
    if "unknown field `confidence`" in message:
        return "confidence: it is stated beside one answer object, and here a model answers often"
    if "unknown field" in message:
        names = kind.__struct_fields__
        near = next((did_you_mean(key, names) for key in settings if key not in names), "")
        return f"{message}; there are {', '.join(names)}{near}"
    field = _BOUND.fullmatch(message)
    if field is None:
        return message
    least, most = bounds_of(kind, field[1])
    return f"{field[1]}: {settings[field[1]]} is not from {least} to {most}"


def bounds_of(kind: type[msgspec.Struct], name: str) -> tuple[float | None, float | None]:
    """Return the least and the largest number that a field may hold, None where it is open."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    field = next(field for field in info.fields if field.encode_name == name)
    types = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
    number = next(t for t in types if isinstance(t, inspect.IntType | inspect.FloatType))
    return number.ge, number.le
