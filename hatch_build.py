"""Compiles the tardiness kernel when a wheel or an editable install is built, if that can be done.

Without a C compiler the install is pure Python and does the same, only slower. With one the wheel
carries the library, and so a platform tag (any Python 3: it is loaded by ctypes).
"""

import os
import shlex
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from shutil import which
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = "graders/exact"
SOURCES = ("tardiness_kernel.c", "tardiness_memory.h")  # in the order of tardiness_kernel.py
LIBRARY = "libtardiness.dll" if sys.platform == "win32" else "libtardiness.so"


class KernelHook(BuildHookInterface[Any]):
    """What hatchling runs before it packs a wheel; an editable install is one too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build the library into the source tree, where git ignores it, and pack it."""
        folder = Path(self.root) / FOLDER
        (folder / LIBRARY).unlink(missing_ok=True)
        if not compile_kernel(folder):
            self.app.display_info("no C compiler: tardiness is solved in plain Python")
            return
        platform = self.build_config.builder.get_best_matching_tag().split("-", 2)[2]
        build_data["artifacts"].append(f"/{FOLDER}/{LIBRARY}")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"


def compile_kernel(folder: Path) -> bool:
    """Compile the sources in `folder` to the library beside them; whether it worked."""
    compiler = compiler_command()
    if not compiler:
        return False
    digest = sha256(b"".join((folder / name).read_bytes() for name in SOURCES)).hexdigest()
    flags = ["-std=c99", "-O2", "-shared", "-fPIC", f'-DDIGEST="{digest}"']
    with tempfile.TemporaryDirectory(dir=folder) as made:
        words = [*compiler, *flags, "-o", f"{made}/{LIBRARY}", str(folder / SOURCES[0])]
        if subprocess.run(words, capture_output=True, check=False).returncode:
            return False
        Path(made, LIBRARY).replace(folder / LIBRARY)
    return True


def compiler_command() -> list[str]:
    """$CC, or else the first usual compiler there is; empty if there is none."""
    given = shlex.split(os.environ.get("CC", ""))
    candidates = [given] if given else [["cc"], ["gcc"], ["clang"]]
    return next((words for words in candidates if which(words[0])), [])
