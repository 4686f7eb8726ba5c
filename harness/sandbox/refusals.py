"""What a program cannot have, said in words that its author understands."""

import sys
from collections.abc import Sequence
from types import ModuleType

ALONE = "a program runs in one process with one thread, without files and network"
CLOSED = dict.fromkeys(
    (
        "asyncio",
        "concurrent",
        "http",
        "multiprocessing",
        "pathlib",
        "requests",
        "shutil",
        "signal",
        "socket",
        "sqlite3",
        "subprocess",
        "tempfile",
        "urllib",
    ),
    ALONE,
)


class Refusal(RuntimeError):
    """An error about what is not to be had in the sandbox; it names what is to be had instead."""


class ImportRefusals:
    """The last of `sys.meta_path`: says why a module cannot be imported, and what can be."""

    def __init__(self, packages: Sequence[str]) -> None:
        offered = ["the standard modules that need no file", *packages]
        self._offered = f"there are {', '.join(offered)}"

    def find_spec(self, name: str, path: object = None, target: ModuleType | None = None) -> None:
        """Raise ModuleNotFoundError: whoever else could find the module has been asked."""
        del path, target
        reason = CLOSED.get(name.partition(".")[0], self._offered)
        raise ModuleNotFoundError(f"No module named {name!r}: {reason}", name=name)


def explain_imports(packages: Sequence[str]) -> None:
    """Have imports that fail say what can be imported; not undone."""
    sys.meta_path.append(ImportRefusals(packages))
