"""The families, by name: each is declared in a file of this folder, or by another distribution.

A new family of the project adds its name here.
"""

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from harness.families.family import Family
from tasks.base import Instance, Scalar
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
        "hoist",
        "allocation",
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


Uses = Iterable[tuple[str, Mapping[str, Scalar]]]  # families with settings that instances have


def families_used(uses: Uses) -> dict[str, Family[Any]]:
    """Return the families of a run by name, each with the templates that it uses there.

    Args:
        uses: names of families, with all settings of some instances.
    """
    settings: dict[str, list[Mapping[str, Scalar]]] = {}
    for name, each in uses:
        settings.setdefault(name, []).append(each)
    return {name: family(name).at(each) for name, each in settings.items()}


def used_by(instance: Instance[Any]) -> dict[str, Family[Any]]:
    """Return the family of an instance by its name, with the templates that it uses."""
    return families_used([(instance.family, instance.settings)])
