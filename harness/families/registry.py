"""The families, by name: each is declared in a file of this folder, or by another distribution.

A new family of the project adds its name here.
"""

from importlib import import_module
from typing import Any

from harness.families.family import Family
from tasks.plugins import Parts


def module_of(name: str) -> str:
    """Return what the files of a family of the project are called: hyphens are underscores."""
    return name.replace("-", "_")


def _load(name: str) -> Family[Any]:
    declared: Family[Any] = import_module(f"{__package__}.{module_of(name)}").FAMILY
    return declared


FAMILIES: Parts[Family[Any]] = Parts(
    "family",
    "makespan.families",
    Family,
    names=(
        "rcpsp",
        "calendar",
        "tardiness",
        "tools",
        "flow",
        "vms",
        "jobshop",
        "serving",
        "fair-queue",
        "placement",
        "feasibility",
        "temporal",
        "dag",
        "pods",
        "contexts",
    ),
    load=_load,
)


def family(name: str) -> Family[Any]:
    """Return a family by name; InputError if there is none, or it cannot be loaded.

    Args:
        name: one of `FAMILIES`.
    """
    return FAMILIES.part(name)
