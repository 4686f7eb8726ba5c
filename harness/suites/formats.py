"""Public formats by name: what `import` reads, and suites that need files of the user's."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.families.family import FileFormat
from harness.families.registry import FAMILIES, family
from tasks.base import InputError, Instance

LONGEST_ID = 200  # bytes of an id that becomes the name of a file


def formats() -> dict[str, FileFormat[Any]]:
    """Return the declared formats of all families, by name."""
    declared: dict[str, FileFormat[Any]] = {}
    for name in FAMILIES:
        for each, form in family(name).formats.items():
            if each in declared:
                raise InputError(f"family {name!r}: the format {each!r} is another family's")
            declared[each] = form
    return declared


def read_files(name: str, paths: Sequence[Path]) -> list[Instance[Any]]:
    """Read all instances of files in a public format.

    Args:
        name: of a declared format.
        paths: the files; the position of one is the index of its instances.

    Raises:
        InputError: names the file, the line and what is wrong; also if an id occurs twice, or no
            format of that name is read.
    """
    readers = {each: form.read for each, form in formats().items() if form.read}
    if name not in readers:
        raise InputError(f"unknown format {name!r}: there are {', '.join(readers)}")
    instances: dict[str, Instance[Any]] = {}
    for index, path in enumerate(paths):
        for instance in readers[name](path, index):
            if instance.id in instances:
                raise InputError(f"{path}: the id {instance.id!r} is there twice")
            instances[instance.id] = instance
    return list(instances.values())


def write_format(instance: Instance[Any], form: str) -> tuple[str, str | bytes]:
    """Write an instance as a file of another format.

    Args:
        instance: of a family that has this format.
        form: its name.

    Returns:
        The name and the content of the file.

    Raises:
        InputError: if the family has no such form, or the id cannot be a file's name.
    """
    if not _names_a_file(instance.id):
        raise InputError(f"the id {instance.id!r} cannot be the name of a file")
    declared = family(instance.family).formats.get(form)
    if declared is None or declared.write is None:
        raise InputError(f"{instance.id}: a {instance.family} has no {form} form")
    ending, content = declared.write(instance)
    return f"{instance.id}.{ending}", content


def _names_a_file(name: str) -> bool:
    return 0 < len(name.encode()) <= LONGEST_ID and not {"/", "\0"} & set(name)
