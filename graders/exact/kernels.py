"""Compiled twins of searches, where the install had a C compiler.

`hatch_build.py` compiles the C sources of a kernel and puts their digest into its library. Where
there is none, or one of other sources, Python walks the same states.
"""

import ctypes
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

FOLDER = Path(__file__).parent
PAUSED, NO_MEMORY = 0, -1  # what every kernel's `run` returns before it is done

Longs = ctypes.POINTER(ctypes.c_int64)
Signatures: TypeAlias = Mapping[str, tuple[Sequence[Any], Any]]


def library_path(name: str) -> Path:
    """Return where the library of a kernel is, if it was compiled."""
    return FOLDER / (f"lib{name}.dll" if sys.platform == "win32" else f"lib{name}.so")


def load_kernel(
    name: str, place: Path, sources: Sequence[Path], signatures: Signatures
) -> ctypes.CDLL | None:
    """Load a kernel; None if it cannot be loaded here, or was compiled from other sources.

    Args:
        name: of the kernel; its symbol `<name>_digest` is the SHA-256 of its sources.
        place: the library.
        sources: in the order in which they are digested.
        signatures: what each function takes and gives.
    """
    try:
        kernel = ctypes.CDLL(str(place))
        built_from = ctypes.c_char_p.in_dll(kernel, f"{name}_digest").value
        current = sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    except (OSError, ValueError):
        return None
    if built_from != current.encode():
        return None
    for function_name, (takes, gives) in signatures.items():
        function = getattr(kernel, function_name)
        function.argtypes, function.restype = takes, gives
    return kernel
