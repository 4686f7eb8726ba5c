"""Public formats by name: what `import` reads, and suites that need files of the user's."""

from collections.abc import Container, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import count as naturals
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

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


class FileBatch(NamedTuple):
    """What a number of files and folders hold in one format.

    Attributes:
        instances: of all files that could be read.
        complaints: a line about each file that could not: which, where, and what is wrong.
        foreign: the files in folders that are of another format.
    """

    instances: list[Instance[Any]]
    complaints: list[str]
    foreign: list[Path]


def read_files(name: str, paths: Sequence[Path]) -> list[Instance[Any]]:
    """Read all instances of files and folders in a public format; `read_batch` explains how.

    Raises:
        InputError: one of them cannot be read.
    """
    batch = read_batch(name, paths)
    if batch.complaints:
        raise InputError(batch.complaints[0])
    return batch.instances


def read_batch(name: str, paths: Sequence[Path]) -> FileBatch:
    """Read what can be read of files and folders in a public format.

    A folder stands for the files below it whose names are of the format, in the order of their
    paths. The position of a file is the index of its instances, whether those before it can be
    read or not. Files of equal names have the names of their folders in the ids of their instances.

    Args:
        name: of a declared format.
        paths: the files and folders.

    Raises:
        InputError: no format of that name is read, or there is no file of it in a folder.
    """
    readers = {each: form for each, form in formats().items() if form.read}
    if name not in readers:
        raise InputError(f"unknown format {name!r}: there are {', '.join(readers)}")
    members, foreign = _expanded(name, readers[name].names, paths)
    prefixes = _prefixes(members)
    batch, ids = FileBatch([], [], foreign), set[str]()
    for index, path in enumerate(members):
        try:
            instances = _read_one(readers[name], path, index, prefixes[path])
            _require_new(path, instances, ids)
        except InputError as error:
            batch.complaints.append(str(error))
        else:
            ids |= {instance.id for instance in instances}
            batch.instances.extend(instances)
    return batch


def _read_one(
    form: FileFormat[Any], path: Path, index: int, prefix: str
) -> Sequence[Instance[Any]]:
    """Return the instances of a file, with a prefix in front of their ids."""
    assert form.read is not None
    instances = form.read(path, index)
    return [replace(each, id=f"{prefix}{each.id}") for each in instances] if prefix else instances


def _require_new(path: Path, instances: Sequence[Instance[Any]], ids: Container[str]) -> None:
    for instance in instances:
        if instance.id in ids:
            raise InputError(f"{path}: the id {instance.id!r} is there twice")


def _expanded(
    name: str, patterns: Sequence[str], paths: Sequence[Path]
) -> tuple[list[Path], list[Path]]:
    """Return the files that are meant, folders opened, and the others in those folders."""
    members: list[Path] = []
    foreign: list[Path] = []
    for path in paths:
        if not path.is_dir():
            members.append(path)
            continue
        inside = sorted(each for each in path.rglob("*") if each.is_file())
        meant = [each for each in inside if _matches(each, patterns)]
        if not meant:
            raise InputError(f"{path}: no file of {name} in it ({', '.join(patterns)})")
        members += meant
        foreign += [each for each in inside if not _matches(each, patterns)]
    return members, foreign


def _matches(path: Path, patterns: Sequence[str]) -> bool:
    name = path.name.lower()
    return not name.startswith(".") and any(fnmatchcase(name, each) for each in patterns)


def _prefixes(paths: Iterable[Path]) -> dict[Path, str]:
    """Return what tells each file from others of its name: as many of its folders as that takes."""
    homes: dict[str, dict[Path, tuple[str, ...]]] = {}
    for path in paths:
        homes.setdefault(path.name, {})[path] = path.resolve().parent.parts[1:]
    return {path: text for group in homes.values() for path, text in _apart(group).items()}


def _apart(group: Mapping[Path, tuple[str, ...]]) -> dict[Path, str]:
    """Return the last folders of each of some files, as many as all differ in; none for one."""
    places = set(group.values())
    if len(places) < 2:
        return dict.fromkeys(group, "")
    depth = next(k for k in naturals(1) if len({place[-k:] for place in places}) == len(places))
    return {path: ".".join((*place[-depth:], "")) for path, place in group.items()}


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
