"""What shapes results on a machine: two that differ in it do not compute for one result."""

import platform
import sys
from functools import cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tasks.base import InputError

SHAPING = ("makespan", "ortools", "numpy", "msgspec", "jinja2")
PACKAGES = ("tasks", "graders", "generators", "memory", "harness")
KINDS = {".py", ".j2", ".toml"}


@cache
def shaping() -> dict[str, str]:
    """What this process runs, by name; programs, families and prompts by a digest of their text."""
    found = {
        "Python": ".".join(map(str, sys.version_info[:2])),
        "machine": platform.machine(),
    }
    for name in SHAPING:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    found["makespan's sources"] = _sources()
    return found


def require_same(theirs: dict[str, str], where: str) -> None:
    """InputError that names all in which this process, which is `where`, differs from another."""
    mine = shaping()
    different = [
        f"{name} is {mine.get(name)} there and {theirs.get(name)} here"
        for name in [*theirs, *(name for name in mine if name not in theirs)]
        if mine.get(name) != theirs.get(name)
    ]
    if different:
        raise InputError(
            f"{where} would compute something else: {'; '.join(different)}:"
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
