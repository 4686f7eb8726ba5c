"""Compiled twins of searches, where the install had a C compiler.

`hatch_build.py` compiles the C sources of a kernel and puts their digest into its library. Where
there is none, or one of other sources, Python walks the same states.
"""

import ctypes
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

FOLDER = Path(__file__).parent
PAUSED, NO_MEMORY = 0, -1  # what every kernel's `run` returns before it is done

Longs = ctypes.POINTER(ctypes.c_int64)
Signatures: TypeAlias = Mapping[str, tuple[Sequence[Any], Any]]


@dataclass(frozen=True)
class Kernel:
    """A compiled twin: its sources and library lie beside this file.

    Attributes:
        name: its symbol `<name>_digest` is the SHA-256 of its sources.
        sources: file names, in the order in which they are digested.
        signatures: what each function takes and gives.
    """

    name: str
    sources: tuple[str, ...]
    signatures: Signatures

    @property
    def paths(self) -> list[Path]:
        """Return the paths of its sources."""
        return [FOLDER / source for source in self.sources]

    @property
    def place(self) -> Path:
        """Return where its library is, if it was compiled."""
        suffix = "dll" if sys.platform == "win32" else "so"
        return FOLDER / f"lib{self.name}.{suffix}"

    def load(self, place: Path, sources: Sequence[Path]) -> ctypes.CDLL | None:
        """Load a library; None if it cannot be loaded here, or was compiled from other sources."""
        try:
            kernel = ctypes.CDLL(str(place))
            built_from = ctypes.c_char_p.in_dll(kernel, f"{self.name}_digest").value
            current = sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
        except (OSError, ValueError):
            return None
        if built_from != current.encode():
            return None
        for name, (takes, gives) in self.signatures.items():
            function = getattr(kernel, name)
            function.argtypes, function.restype = takes, gives
        return kernel


def longs(numbers: Iterable[int]) -> "ctypes.Array[ctypes.c_int64]":
    """Return numbers as a kernel takes them: by way of an array, which is three times as fast."""
    row = array("q", numbers)
    return (ctypes.c_int64 * len(row)).from_buffer(row)


@lru_cache(maxsize=1000)
def constants(numbers: tuple[int, ...]) -> "ctypes.Array[ctypes.c_int64]":
    """Return numbers as a kernel takes them that only reads them, again and again."""
    return longs(numbers)
