"""The families, by name: each is declared in a file of this folder, loaded when it is wanted.

A new family adds its name here.
"""

from functools import cache
from importlib import import_module
from typing import Any

from harness.families.family import Family
from tasks.base import InputError

FAMILIES = ["rcpsp", "calendar", "tardiness", "tools"]


@cache
def family(name: str) -> Family[Any]:
    """Load a family by name; InputError if there is none.

    Args:
        name: one of `FAMILIES`.
    """
    if name not in FAMILIES:
        raise InputError(f"unknown family {name!r}: there are {', '.join(FAMILIES)}")
    declared: Family[Any] = import_module(f"{__package__}.{name}").FAMILY
    return declared
