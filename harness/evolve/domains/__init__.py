"""The domains of programs, one a file, looked up by name."""

from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import PurePath

from harness.evolve.domain import Domain
from tasks.base import InputError


def names() -> list[str]:
    """Return the names of the domains."""
    paths = map(PurePath, (file.name for file in files(__package__).iterdir()))
    modules = (path.stem for path in paths if path.suffix == ".py")
    return sorted(name.replace("_", "-") for name in modules if not name.startswith("_"))


@cache
def domain(name: str) -> Domain:
    """Load a domain by name; InputError if there is none."""
    if name not in names():
        raise InputError(f"unknown domain {name!r}: there are {', '.join(names())}")
    module = import_module(f"{__package__}.{name.replace('-', '_')}")
    definition: Domain = module.DOMAIN
    return definition
