"""Instances as they are made and as files: JSON lines in, JSON lines out."""

from collections.abc import Iterable
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from harness.families.registry import family
from tasks.base import InputError, Instance, Scalar
from tasks.encoding import as_utf8

T = TypeVar("T")


class InstanceSpec(msgspec.Struct, frozen=True):
    """The name of an instance that can be generated."""

    family: str
    level: int
    seed: int
    index: int
    settings: dict[str, Scalar]
    reference: bool = True


class _LineHead(msgspec.Struct):
    family: str
    id: str = ""


class _LineUse(msgspec.Struct):
    family: str
    settings: dict[str, Scalar] = {}


def encode(instance: Instance[Any]) -> bytes:
    """Return one instance line, without its line end."""
    return msgspec.json.encode(instance)


def family_of(line: bytes) -> str:
    """Return the family of an instance line, without reading the rest; InputError if none."""
    return decode_as(_LineHead, line, "instances").family


def use_of(line: bytes) -> tuple[str, dict[str, Scalar]]:
    """Return family and settings of an instance line; InputError if it has no family."""
    use = decode_as(_LineUse, line, "instances")
    return use.family, use.settings


def id_of(line: bytes) -> str:
    """Return the id of an instance line, without reading the rest; InputError if it has none."""
    return decode_as(_LineHead, line, "instances").id


class InstanceLine:
    """An instance line: its id and family at once, the whole on first use.

    Args:
        line: one line of JSON.
        place: its file and line, for messages.
    """

    __slots__ = ("__dict__", "_line", "_place", "family", "id")

    def __init__(self, line: bytes, place: str) -> None:
        head = decode_as(_LineHead, line, place)
        self.id, self.family = head.id, head.family
        self._line, self._place = line, place

    def __reduce__(self) -> tuple[type["InstanceLine"], tuple[bytes, str]]:
        """Return the line alone: another process reads the instance when it needs it."""
        return InstanceLine, (self._line, self._place)

    @cached_property
    def instance(self) -> Instance[Any]:
        """Return the instance; InputError says which line and what is wrong."""
        return _decode(self.family, self._line, f"{self._place}, {self.id}")


def decode(line: bytes | str, place: str) -> Instance[Any]:
    """Read an instance line.

    Args:
        line: one line of JSON.
        place: its file and line, for messages.

    Raises:
        InputError: says which line and what is wrong.
    """
    return _decode(decode_as(_LineHead, line, place).family, line, place)


def _decode(name: str, line: bytes | str, place: str) -> Instance[Any]:
    """Read a line of a family that is known already."""
    try:
        payload = family(name).payload
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    kind: Any = Instance[payload]  # type: ignore[valid-type]
    instance: Instance[Any] = decode_as(kind, line, place)
    return instance


def decode_as(kind: type[T], line: bytes | str, place: str) -> T:
    """Read a line of JSON as a value of a type.

    Args:
        kind: the type, which also checks the value.
        line: one line of JSON.
        place: its file and line, for messages.

    Raises:
        InputError: says which line and what is wrong.
    """
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.DecodeError as error:
        raise InputError(f"{place}: {error}") from None
    except UnicodeError:
        raise InputError(f"{place}: not UTF-8 text") from None
    except RecursionError:
        raise InputError(f"{place}: nested too deeply") from None


def read(path: Path) -> list[Instance[Any]]:
    """Return all instances of a file; InputError on a bad line or an id that occurs twice."""
    instances: dict[str, Instance[Any]] = {}
    for number, line in enumerate(read_lines(path), 1):
        if line.strip():
            instance = decode(line, f"{path}:{number}")
            if instance.id in instances:
                raise InputError(f"{path}:{number}: the id {instance.id!r} is there twice")
            instances[instance.id] = instance
    if not instances:
        raise InputError(f"{path}: no instances in it")
    return list(instances.values())


def read_lines(path: Path) -> list[bytes]:
    """Return the lines of a file that the user named, in UTF-8; InputError if it is unreadable."""
    try:
        return as_utf8(path.read_bytes()).splitlines()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None


def digest(lines: Iterable[bytes]) -> str:
    """Return 16 hex digits of the content of instance lines."""
    total = sha256()
    for line in lines:
        total.update(line + b"\n")
    return total.hexdigest()[:16]


def make(spec: InstanceSpec) -> bytes:
    """Generate one instance as a line; the same bytes in every process."""
    w = spec
    generate = family(w.family).generate
    return encode(generate(w.level, w.seed, w.index, w.settings, reference=w.reference))
