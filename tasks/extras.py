"""Packages that only some of the work needs: each comes with an extra of the distribution.

They are imported where they are used. Where one is not installed, one line says which extra has it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from tasks.base import InputError


class MissingExtra(InputError):
    """A package that is not installed."""

    @classmethod
    def of(cls, name: str, purpose: str, package: str) -> "MissingExtra":
        """Return the error whose message says how to get a package.

        Args:
            name: the extra that brings it.
            purpose: what needs it, as the subject of a sentence.
            package: the package.
        """
        return cls(
            f"{purpose} needs the package {package}: pip install 'makespan[{name}]'"
            f" (in a clone: pip install -e '.[{name}]')"
        )


@contextmanager
def extra(name: str, purpose: str) -> Iterator[None]:
    """Import packages of an extra inside.

    Args:
        name: the extra.
        purpose: what needs it, as the subject of a sentence.

    Raises:
        MissingExtra: one is not installed. An installed one that does not load is another error.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        raise MissingExtra.of(name, purpose, package) from None


def is_missing(package: str) -> bool:
    """Return whether a package is not installed; it is not loaded."""
    return find_spec(package) is None


def require(name: str, purpose: str, package: str) -> None:
    """Raise MissingExtra if a package is not installed; it is not loaded.

    Args:
        name: the extra that brings it.
        purpose: what needs it, as the subject of a sentence.
        package: the package.
    """
    if is_missing(package):
        raise MissingExtra.of(name, purpose, package)
