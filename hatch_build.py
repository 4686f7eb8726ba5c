"""What hatchling runs before it packs a wheel; an editable install is one too.

It compiles the tardiness kernel, if that can be done: without a C compiler the install is pure
Python and does the same, only slower. With one the wheel carries the library, and so a platform tag
(any Python 3: it is loaded by ctypes).

A wheel has one top-level package, `makespan`, with the five folders inside it: `tasks` and `memory`
are names that users give to modules of their own. The statements that import the five are
rewritten on the way; nothing else of the code is touched.
"""

import ast
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from shutil import which
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "makespan"
INSIDE = ("tasks", "graders", "generators", "memory", "harness")
FOLDER = "graders/exact"
SOURCES = ("tardiness_kernel.c", "tardiness_memory.h")  # in the order of tardiness_kernel.py
LIBRARY = "libtardiness.dll" if sys.platform == "win32" else "libtardiness.so"


class MakespanHook(BuildHookInterface[Any]):
    """Builds the kernel into the source tree, where git ignores it, and lays out a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Say what goes into the wheel; `version` is `editable` where that is the checkout."""
        root = Path(self.root)
        (root / FOLDER / LIBRARY).unlink(missing_ok=True)
        if compile_kernel(root / FOLDER):
            platform = self.build_config.builder.get_best_matching_tag().split("-", 2)[2]
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform}"
        else:
            self.app.display_info("no C compiler: tardiness is solved in plain Python")
        if version != "editable":
            self._folder = Path(tempfile.mkdtemp())
            lay_out(root, self._folder / PACKAGE)
            build_data["force_include"][str(self._folder / PACKAGE)] = PACKAGE

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove what was laid out."""
        if version != "editable":
            shutil.rmtree(self._folder)


def lay_out(root: Path, package: Path) -> None:
    """Copy the package as it is installed: the five folders of `root` inside it, rewritten."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", "checkout.py")
    shutil.copytree(root / PACKAGE, package, ignore=ignored)
    for name in INSIDE:
        shutil.copytree(root / name, package / name, ignore=ignored)
    for path in package.rglob("*.py"):
        path.write_text(rewritten(path.read_text("utf-8")), "utf-8")


def rewritten(source: str) -> str:
    """Return the source with `from tasks... import` as `from makespan.tasks... import`, and so on.

    ValueError if it has `import tasks` or the like, whose name could not stay what it is.
    """
    lines = source.split("\n")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.partition(".")[0] in INSIDE]
            if names:
                raise ValueError(f"line {node.lineno}: import {names[0]}: use from ... import")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in INSIDE:
            line = lines[node.lineno - 1]
            before, after = line[: node.col_offset], line[node.col_offset :]
            lines[node.lineno - 1] = before + after.replace("from ", f"from {PACKAGE}.", 1)
    return "\n".join(lines)


def compile_kernel(folder: Path) -> bool:
    """Compile the sources in `folder` to the library beside them; return whether it worked."""
    compiler = compiler_command()
    if not compiler:
        return False
    digest = sha256(b"".join((folder / name).read_bytes() for name in SOURCES)).hexdigest()
    flags = ["-std=c99", "-O2", "-shared", "-fPIC", f'-DDIGEST="{digest}"']
    with tempfile.TemporaryDirectory(dir=folder) as build:
        words = [*compiler, *flags, "-o", f"{build}/{LIBRARY}", str(folder / SOURCES[0])]
        if subprocess.run(words, capture_output=True, check=False).returncode:
            return False
        Path(build, LIBRARY).replace(folder / LIBRARY)
    return True


def compiler_command() -> list[str]:
    """Return $CC, or else the first usual compiler there is; nothing if there is none."""
    given = shlex.split(os.environ.get("CC", ""))
    candidates = [given] if given else [["cc"], ["gcc"], ["clang"]]
    return next((words for words in candidates if which(words[0])), [])
