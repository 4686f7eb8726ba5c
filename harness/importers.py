"""Public formats by name: what `import` reads, and suites that need files of the user's."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tasks.base import InputError, Instance

Reader = Callable[[Path, int], list[Instance[Any]]]


def _psplib(path: Path, index: int) -> list[Instance[Any]]:
    from generators.psplib import read_instance

    return [read_instance(path, index)]


def _orlib(path: Path, index: int) -> list[Instance[Any]]:  # noqa: ARG001
    from generators.orlib import read_orlib

    return list(read_orlib(path))


def _jobs(path: Path, index: int) -> list[Instance[Any]]:  # noqa: ARG001
    from generators.jobs import read_jobs

    return list(read_jobs(path))


FORMATS: dict[str, Reader] = {"psplib": _psplib, "orlib": _orlib, "jobs": _jobs}


def read_files(name: str, paths: Sequence[Path]) -> list[Instance[Any]]:
    """All instances of files in a format; InputError names the file, the line and what is wrong."""
    found: dict[str, Instance[Any]] = {}
    for index, path in enumerate(paths):
        for instance in FORMATS[name](path, index):
            if instance.id in found:
                raise InputError(f"{path}: the id {instance.id!r} is there twice")
            found[instance.id] = instance
    return list(found.values())
