"""The domains of programs, one a file, looked up by name."""

from functools import cache
from importlib import import_module
from importlib.resources import files

from harness.evolve.domain import Domain
from tasks.base import InputError


def names() -> list[str]:
    """Return the names of the domains."""
    filenames = (f.name for f in files(__package__).iterdir())
    return sorted(
        n.removesuffix(".py").replace("_", "-")
        for n in filenames
        if n.endswith(".py") and n[0] != "_"
    )


@cache
def domain(name: str) -> Domain:
    """Load a domain by name; InputError if there is none."""
    if name not in names():
        raise InputError(f"unknown domain {name!r}: there are {', '.join(names())}")
    module = import_module(f"{__package__}.{name.replace('-', '_')}")
    loaded: Domain = module.DOMAIN
    return loaded
