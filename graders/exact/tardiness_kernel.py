"""The compiled twin of `tardiness_search.PlainSearch`, where the install had a C compiler.

`hatch_build.py` compiles the C sources beside this file and puts their digest into the library.
Where there is none, or one of other sources, Python walks the same states.
"""

import ctypes
import sys
import weakref
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

_FOLDER = Path(__file__).parent
SOURCES = (_FOLDER / "tardiness_kernel.c", _FOLDER / "tardiness_memory.h")
LIBRARY = _FOLDER / ("libtardiness.dll" if sys.platform == "win32" else "libtardiness.so")
_MOST = 1 << 62  # what no sum of times in the kernel may reach

_Longs = ctypes.POINTER(ctypes.c_int64)
_SIGNATURES = {
    "tardiness_new": ([ctypes.c_int32, _Longs, _Longs], ctypes.c_void_p),
    "tardiness_free": ([ctypes.c_void_p], None),
    "tardiness_run": ([ctypes.c_void_p, ctypes.c_int64, _Longs], ctypes.c_int),
    "tardiness_nodes": ([ctypes.c_void_p], ctypes.c_int64),
    "tardiness_split": (
        [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int32), ctypes.c_int32, ctypes.c_int64],
        ctypes.c_int32,
    ),
}


@cache
def library() -> ctypes.CDLL | None:
    """The compiled kernel, or None where there is none for this machine and these sources."""
    return load(LIBRARY, SOURCES)


def load(place: Path, sources: Sequence[Path]) -> ctypes.CDLL | None:
    """Load a kernel; None if it cannot be loaded here, or was compiled from other sources."""
    try:
        loaded = ctypes.CDLL(str(place))
        built_from = ctypes.c_char_p.in_dll(loaded, "tardiness_digest").value
        current = sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    except (OSError, ValueError):
        return None
    if built_from != current.encode():
        return None
    for name, (takes, gives) in _SIGNATURES.items():
        function = getattr(loaded, name)
        function.argtypes, function.restype = takes, gives
    return loaded


def fits(p: Sequence[int], d: Sequence[int]) -> bool:
    """Whether no sum over these jobs can overflow 64 bits."""
    furthest = max((abs(due) for due in d), default=0)
    return (len(p) + 1) * (sum(p) + furthest) < _MOST


class KernelSearch:
    """`PlainSearch` in C: the same states in the same order; dropping it frees its memory."""

    def __init__(self, kernel: ctypes.CDLL, p: Sequence[int], d: Sequence[int]) -> None:
        self._kernel = kernel
        longs = ctypes.c_int64 * len(p)
        self._handle = kernel.tardiness_new(len(p), longs(*p), longs(*d))
        if not self._handle:
            raise MemoryError("tardiness kernel: no memory to begin")
        weakref.finalize(self, kernel.tardiness_free, self._handle)

    @property
    def nodes(self) -> int:
        """States expanded so far."""
        return int(self._kernel.tardiness_nodes(self._handle))

    def run(self, nodes: int) -> int | None:
        """Expand at most `nodes` states more; the least total tardiness once known, else None."""
        value = ctypes.c_int64()
        status = self._kernel.tardiness_run(self._handle, nodes, ctypes.byref(value))
        if status < 0:
            raise MemoryError(f"tardiness kernel: no memory after {self.nodes} nodes")
        return value.value if status else None

    def split(self, jobs: list[int], start: int) -> int:
        """Best position of the longest job among stripped `jobs`, of a finished search."""
        array = (ctypes.c_int32 * len(jobs))(*jobs)
        found = int(self._kernel.tardiness_split(self._handle, array, len(jobs), start))
        if found < 0:
            raise KeyError(f"tardiness kernel: {len(jobs)} jobs at {start} were never split")
        return found
