"""What all generators share: settings as they are given become the family's own type."""

from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from typing import TypeAlias, TypeVar

import msgspec

from tasks.base import InputError, Scalar
from tasks.near import did_you_mean
from tasks.refusals import reason_of

S = TypeVar("S", bound=msgspec.Struct)
Resolve: TypeAlias = Callable[[int, Mapping[str, Scalar]], dict[str, Scalar]]


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
        raise InputError(f"settings of {family}: {_reason(kind, settings, error)}") from None


def resolved_once(resolve: Resolve) -> Resolve:
    """Return a family's `resolve` that remembers what it returned: batches ask for the same."""

    @lru_cache(maxsize=100, typed=True)
    def remembered(level: int, items: tuple[tuple[str, Scalar, type], ...]) -> dict[str, Scalar]:
        return resolve(level, {name: value for name, value, _ in items})

    @wraps(resolve)
    def resolved(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
        items = tuple([(name, value, type(value)) for name, value in settings.items()])
        try:
            return dict(remembered(level, items))
        except TypeError:  # a value that is no scalar, which `resolve` refuses
            return resolve(level, settings)

    return resolved


def plain_settings(settings: msgspec.Struct) -> dict[str, Scalar]:
    """Return settings of a family's own type by name."""
    plain: dict[str, Scalar] = msgspec.to_builtins(settings)
    return plain


def _reason(
    kind: type[msgspec.Struct], settings: Mapping[str, Scalar], error: msgspec.ValidationError
) -> str:
    message = str(error)
    if "unknown field `confidence`" in message:
        return "confidence: it is stated beside one answer object, and here a model answers often"
    if "unknown field" in message:
        names = kind.__struct_fields__
        near = next((did_you_mean(key, names) for key in settings if key not in names), "")
        return f"{message}; there are {', '.join(names)}{near}"
    return reason_of(kind, settings, error)
