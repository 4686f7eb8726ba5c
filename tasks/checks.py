"""Checks that the nouns of several families make of themselves."""

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def first_repeated(values: Iterable[T]) -> T | None:
    """Return the first value that is there more than once, None if all differ."""
    row = list(values)
    if len(set(row)) == len(row):
        return None
    return next(value for value, count in Counter(row).items() if count > 1)


def check_unique(label: str, names: Iterable[str]) -> None:
    """Refuse names of which two are alike.

    Args:
        label: what the names are, the beginning of the message: `tasks: id`.
        names: as they are listed.

    Raises:
        ValueError: one of them is there more than once.
    """
    repeated = first_repeated(names)
    if repeated is not None:
        raise ValueError(f"{label} {repeated!r} is there more than once")
