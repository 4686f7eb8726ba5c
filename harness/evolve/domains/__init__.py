"""The domains of programs, one a file or by another distribution, looked up by name."""

from importlib import import_module
from importlib.resources import files
from pathlib import PurePath

from harness.evolve.domain import Domain
from tasks.plugins import Parts


def _own() -> list[str]:
    """Return the names of the domains in this folder."""
    paths = map(PurePath, (file.name for file in files(__package__).iterdir()))
    modules = (path.stem for path in paths if path.suffix == ".py")
    return sorted(name.replace("_", "-") for name in modules if not name.startswith("_"))


def _load(name: str) -> Domain:
    definition: Domain = import_module(f"{__package__}.{name.replace('-', '_')}").DOMAIN
    return definition


DOMAINS = Parts("domain", "makespan.domains", Domain, names=_own(), load=_load)


def domain(name: str) -> Domain:
    """Return a domain by name; InputError if there is none, or it cannot be loaded."""
    return DOMAINS.part(name)
