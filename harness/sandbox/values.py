"""Plain JSON, and nothing that only looks like it: types are compared, no method is called."""

import math
from typing import Any

NUMPY: set[type] = set()  # numpy's own arrays and numbers, where it is loaded


class Unfit(BaseException):
    """An error about a value that is no plain JSON; no `except Exception` can swallow it."""


def plain(value: Any) -> Any:
    """Copy a value in exact types: None, bool, int, finite float, str, list, dict with str keys.

    Tuples become lists; numpy's arrays and numbers become Python's.

    Raises:
        Unfit: for all else, and for integers beyond 64 bits.
    """
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        if not -(1 << 63) <= value < 1 << 64:
            raise Unfit("an integer beyond 64 bits")
        return value
    if kind is float:
        if not math.isfinite(value):
            raise Unfit(f"{value} is not a finite number")
        return value
    if kind is str:
        if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise Unfit("a text that is not Unicode")
        return value
    if kind is list or kind is tuple:
        return [plain(part) for part in value]
    if kind is dict:
        return {_key(key): plain(part) for key, part in value.items()}
    if kind in NUMPY:
        return plain(value.tolist())
    raise Unfit(f"a {kind.__name__} is no plain JSON value")


def number(value: Any) -> int | float:
    """Return a plain finite number; `Unfit` for all else, bool included."""
    copy = plain(value)
    if type(copy) is int or type(copy) is float:
        return copy
    raise Unfit(f"a {type(value).__name__} is no number")


def _key(key: object) -> Any:
    if type(key) is not str:
        raise Unfit(f"a {type(key).__name__} as a key")
    return plain(key)


def allow_numpy(numpy: Any) -> None:
    """Accept numpy's arrays and real numbers as what they hold."""
    widths = (8, 16, 32, 64)
    names = [f"{sign}int{width}" for width in widths for sign in ("", "u")]
    names += ["ndarray", "bool_", "float16", "float32", "float64", "longlong", "ulonglong"]
    NUMPY.update(getattr(numpy, name) for name in names)
