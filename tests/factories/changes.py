"""Values with one change, for what must not take every value."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

OTHERS: tuple[Any, ...] = (None, True, "", 1.5, [], {})


def changed(value: Any) -> Iterator[Any]:
    """Every value in which one thing is of another type, is missing, or is one too many.

    In lists only the first two items are changed.
    """
    if isinstance(value, dict):
        yield {**value, "another": 1}
        for key in value:
            yield {k: v for k, v in value.items() if k != key}
            for part in changed(value[key]):
                yield {**value, key: part}
    elif isinstance(value, list):
        for k, item in enumerate(value[:2]):
            for part in changed(item):
                yield [*value[:k], part, *value[k + 1 :]]
    for other in OTHERS:
        if type(other) is not type(value):
            yield deepcopy(other)
    if isinstance(value, int):
        yield float(value)
        yield str(value)
