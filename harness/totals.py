"""Sums of what may be unknown."""

from collections.abc import Sequence
from typing import Any


def total(values: Sequence[Any]) -> Any:
    """The sum, or None if any is unknown."""
    return None if any(value is None for value in values) else sum(values)
