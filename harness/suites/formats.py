"""Public formats by name: what `import` reads, and suites that need files of the user's."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tasks.base import InputError, Instance

LONGEST_ID = 200  # bytes of an id that becomes the name of a file

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
    """Read all instances of files in a public format.

    Args:
        name: a key of `FORMATS`.
        paths: the files; the position of one is the index of its instances.

    Raises:
        InputError: names the file, the line and what is wrong; also if an id occurs twice.
    """
    instances: dict[str, Instance[Any]] = {}
    for index, path in enumerate(paths):
        for instance in FORMATS[name](path, index):
            if instance.id in instances:
                raise InputError(f"{path}: the id {instance.id!r} is there twice")
            instances[instance.id] = instance
    return list(instances.values())


def write_format(instance: Instance[Any], form: str) -> tuple[str, str | bytes]:
    """Write an instance as a file of another format.

    Args:
        instance: of the one family that has this form.
        form: `psplib` or `ics`.

    Returns:
        The name and the content of the file.

    Raises:
        InputError: if the family has no such form, or the id cannot be a file's name.
    """
    if not _names_a_file(instance.id):
        raise InputError(f"the id {instance.id!r} cannot be the name of a file")
    if (form, instance.family) == ("psplib", "rcpsp"):
        from generators.psplib import write_psplib

        return f"{instance.id}.sm", write_psplib(instance.payload)
    if (form, instance.family) == ("ics", "calendar"):
        from generators.calendar_ics import export as write_ics

        return f"{instance.id}.ics", write_ics(instance)
    raise InputError(f"{instance.id}: a {instance.family} has no {form} form")


def _names_a_file(name: str) -> bool:
    return 0 < len(name.encode()) <= LONGEST_ID and not {"/", "\0"} & set(name)
