"""The software of a machine that shapes results: machines that differ in it are not mixed."""

import platform
import sys
from functools import cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tasks.base import InputError

DISTRIBUTIONS = ("makespan", "ortools", "numpy", "msgspec", "jinja2")
PACKAGES = ("tasks", "graders", "generators", "memory", "harness")
KINDS = {".py", ".j2", ".toml"}


@cache
def software_versions() -> dict[str, str]:
    """Return the versions of what this process runs, by name; our sources as a digest."""
    versions = {
        "Python": ".".join(map(str, sys.version_info[:2])),
        "machine": platform.machine(),
    }
    for name in DISTRIBUTIONS:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "missing"
    versions["makespan's sources"] = _sources()
    return versions


def require_same(sender: dict[str, str], place: str) -> None:
    """Raise InputError that names all in which this process differs from another.

    Args:
        sender: the versions of the process that sends the work.
        place: where this process is, for the message.
    """
    receiver = software_versions()
    different = [
        f"{name} is {receiver.get(name)} there and {sender.get(name)} here"
        for name in [*sender, *(name for name in receiver if name not in sender)]
        if receiver.get(name) != sender.get(name)
    ]
    if different:
        raise InputError(
            f"{place} would compute something else: {'; '.join(different)}:"
            " install the same on every node"
        )


def _sources() -> str:
    total = blake2b(digest_size=6)
    root = Path(__file__).parents[2]
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.suffix in KINDS:
                total.update(f"{path.relative_to(root).as_posix()}\n".encode())
                total.update(blake2b(path.read_bytes()).digest())
    return total.hexdigest()
