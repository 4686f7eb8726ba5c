"""Why a setting is refused, in words: which one it is, its value, and what it may be."""

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
from msgspec import inspect

from tasks.near import did_you_mean

_BOUND = re.compile(r"Expected `(?:int|float)` [<>]=? .* - at `\$\.(\w+)`")
_CHOICE = re.compile(r"Invalid enum value .* - at `\$\.(\w+)`")
Number: TypeAlias = inspect.IntType | inspect.FloatType


def reason_of(
    kind: type[msgspec.Struct], settings: Mapping[str, Any], error: msgspec.ValidationError
) -> str:
    """Return what is wrong with settings that could not be converted.

    Args:
        kind: the type that they were to become.
        settings: by name, as they were given.
        error: about them.
    """
    message = str(error)
    if field := _BOUND.fullmatch(message):
        return f"{field[1]}: {settings[field[1]]} is {_beyond(kind, field[1])}"
    if field := _CHOICE.fullmatch(message):
        choices, value = choices_of(kind, field[1]), str(settings[field[1]])
        near = did_you_mean(value, choices)
        number = ", nor a number" if _numbers(kind, field[1]) else ""
        return f"{field[1]}: {value!r} is not one of {', '.join(choices)}{number}{near}"
    return message


def _beyond(kind: type[msgspec.Struct], name: str) -> str:
    number = _number(kind, name)
    if number.ge is not None and number.le is not None:
        return f"not from {number.ge} to {number.le}"
    if number.ge is not None:
        return f"not from {number.ge} on"
    most = "" if number.le is None else f" and at most {number.le}"
    return f"not above {number.gt}{most}"


def bounds_of(kind: type[msgspec.Struct], name: str) -> tuple[float | None, float | None]:
    """Return the least and the largest number that a field may hold, None where it is open."""
    number = _number(kind, name)
    return number.ge, number.le


def _number(kind: type[msgspec.Struct], name: str) -> Number:
    return _numbers(kind, name)[0]


def _numbers(kind: type[msgspec.Struct], name: str) -> list[Number]:
    types = _types(kind, name)
    return [each for each in types if isinstance(each, inspect.IntType | inspect.FloatType)]


def choices_of(kind: type[msgspec.Struct], name: str) -> list[str]:
    """Return the words that a field may hold, in the order of its declaration."""
    values = (t.values for t in _types(kind, name) if isinstance(t, inspect.LiteralType))
    return [str(value) for each in values for value in each]


def _types(kind: type[msgspec.Struct], name: str) -> tuple[inspect.Type, ...]:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    field = next(field for field in info.fields if field.encode_name == name)
    return field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
