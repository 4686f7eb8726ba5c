"""What hatchling runs before it packs a wheel; an editable install is one too.

It compiles the kernels, if that can be done: without a C compiler the install is pure Python and
does the same, only slower. With one the wheel carries the libraries, and so a platform tag (any
Python 3: they are loaded by ctypes). On Linux that names the oldest C library that they run with.

A wheel has one top-level package, `makespan`, with the five folders inside it: `tasks` and `memory`
are names that users give to modules of their own. The statements that import the five are
rewritten on the way; nothing else of the code is touched.
"""

import ast
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from shutil import which
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "makespan"
INSIDE = ("tasks", "graders", "generators", "memory", "harness")
FOLDER = "graders/exact"
KERNELS = {  # name: sources, in the order in which `<name>_kernel.py` digests them
    "tardiness": ("tardiness_kernel.c", "tardiness_memory.h"),
    "rcpsp": ("rcpsp_kernel.c", "rcpsp_layers.h", "rcpsp_state.h"),
    "rcpsp_wide": ("rcpsp_wide_kernel.c", "rcpsp_kernel.c", "rcpsp_layers.h", "rcpsp_state.h"),
    "feasibility": ("feasibility_kernel.c", "rcpsp_layers.h", "rcpsp_state.h"),
    "sgs": ("sgs_kernel.c",),
    "vms": ("vms_kernel.c",),
    "pods": ("pods_kernel.c",),
    "serving": ("serving_kernel.c", "serving_state.h"),
    "fair_queue": ("fair_queue_kernel.c",),
    "tools": ("tools_kernel.c", "tools_options.h", "tools_memory.h"),
    "tools_layers": ("tools_layers_kernel.c", "tools_memory.h"),
}
SUFFIX = ".dll" if sys.platform == "win32" else ".so"


class MakespanHook(BuildHookInterface[Any]):
    """Builds the kernels into the source tree, where git ignores them, and lays out a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Say what goes into the wheel; `version` is `editable` where that is the checkout."""
        root = Path(self.root)
        libraries = compile_kernels(root / FOLDER)
        if libraries:
            here = self.build_config.builder.get_best_matching_tag().split("-", 2)[2]
            platform = wheel_platform(here, [library.read_bytes() for library in libraries])
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform}"
        else:
            self.app.display_info("no C compiler: all is solved in plain Python")
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


def compile_kernels(folder: Path) -> list[Path]:
    """Compile the kernels of `folder`; return their libraries, none unless all of them work."""
    libraries = [folder / f"lib{name}{SUFFIX}" for name in KERNELS]
    for library in libraries:
        library.unlink(missing_ok=True)
    compiler = compiler_command()
    if not compiler:
        return []
    with tempfile.TemporaryDirectory(dir=folder) as build:
        for library, sources in zip(libraries, KERNELS.values(), strict=True):
            if not _is_compiled(
                compiler, [folder / name for name in sources], Path(build, library.name)
            ):
                return []
        for library in libraries:
            Path(build, library.name).replace(library)
    return libraries


def _is_compiled(compiler: list[str], sources: list[Path], library: Path) -> bool:
    """Compile the first of the sources, which includes the others; return whether it worked."""
    digest = sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    flags = ["-std=c99", "-O2", "-shared", "-fPIC", f'-DDIGEST="{digest}"']
    words = [*compiler, *flags, "-o", str(library), str(sources[0])]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def compiler_command() -> list[str]:
    """Return $CC, or else the first usual compiler there is; nothing if there is none."""
    given = shlex.split(os.environ.get("CC", ""))
    candidates = [given] if given else [["cc"], ["gcc"], ["clang"]]
    return next((words for words in candidates if which(words[0])), [])


# The platform of a wheel --------------------------------------------------------------------

OLDEST_GLIBC = {"x86_64": (2, 5), "i686": (2, 5)}  # that installers know of; of others 2.17
RELATIVE_RELOCATIONS = (2, 36)  # the glibc that can load a library with GLIBC_ABI_DT_RELR


def wheel_platform(here: str, libraries: list[bytes]) -> str:
    """Return the platform tag of a wheel with libraries; indexes refuse `linux_...`.

    Args:
        here: the tag of this machine, which stays where nothing better can be said.
        libraries: their contents.
    """
    system, _, machine = here.partition("_")
    if system != "linux":
        return here
    elves = [Elf(content) for content in libraries]
    links = {name for elf in elves for name in elf.libraries()}
    if links == {"libc.so.6"}:
        needed = [_glibc(name) for elf in elves for name in elf.versions()]
        oldest = max([OLDEST_GLIBC.get(machine, (2, 17)), *filter(None, needed)])
        return here if None in needed else f"manylinux_{oldest[0]}_{oldest[1]}_{machine}"
    if all(name == "libc.so" or name.startswith("libc.musl-") for name in links):
        return _musl(here)
    return here


def _glibc(name: str) -> tuple[int, int] | None:
    """Return the glibc that has a version of symbols; None of a name that says no number."""
    if name == "GLIBC_ABI_DT_RELR":
        return RELATIVE_RELOCATIONS
    numbers = re.fullmatch(r"GLIBC_(\d+)\.(\d+)(\.\d+)?", name)
    return (int(numbers[1]), int(numbers[2])) if numbers else None


def _musl(here: str) -> str:
    """Return the tag of this machine's musl, whose symbols have no versions (PEP 656)."""
    from packaging.tags import platform_tags

    return next((tag for tag in platform_tags() if tag.startswith("musllinux_")), here)


class Elf:
    """What an ELF library needs of others (System V ABI; versions as in the LSB Core, 10.7)."""

    DYNAMIC, VERNEED = 6, 0x6FFFFFFE  # types of sections
    NEEDED = 1  # the tag of an entry of DYNAMIC

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._order, self._wide = "<" if content[5] == 1 else ">", content[4] == 2
        table = self._read("Q", 0x28) if self._wide else self._read("I", 0x20)
        size, count = self._read("HH", 0x3A if self._wide else 0x2E)
        shape = "IIQQQQII" if self._wide else "IIIIIIII"
        self._sections = [self._read(shape, table[0] + k * size) for k in range(count)]

    def _read(self, shape: str, place: int) -> tuple[int, ...]:
        return struct.unpack_from(self._order + shape, self._content, place)

    def _text(self, place: int) -> str:
        return self._content[place : self._content.index(b"\0", place)].decode()

    def _of_kind(self, kind: int) -> Iterator[tuple[int, int, int]]:
        """Yield the offset and size of each section of a kind, and the offset of its strings."""
        for section in self._sections:
            if section[1] == kind:
                yield section[4], section[5], self._sections[section[6]][4]

    def libraries(self) -> set[str]:
        """Return the names of the libraries that it is linked to."""
        entry = "qQ" if self._wide else "iI"
        width = struct.calcsize(self._order + entry)
        entries = [
            (self._read(entry, place), strings)
            for offset, size, strings in self._of_kind(self.DYNAMIC)
            for place in range(offset, offset + size, width)
        ]
        return {
            self._text(strings + value) for (tag, value), strings in entries if tag == self.NEEDED
        }

    def versions(self) -> set[str]:
        """Return the names of the versions of symbols that it takes from them."""
        return {
            self._text(strings + self._read("IHHII", place)[3])
            for offset, _, strings in self._of_kind(self.VERNEED)
            for file in self._chain(offset, "HHIII", 4)
            for place in self._chain(file + self._read("HHIII", file)[3], "IHHII", 4)
        }

    def _chain(self, place: int, shape: str, following: int) -> Iterator[int]:
        """Yield the places of entries that each tell how far on the next one is, 0 at the end."""
        yield place
        while step := self._read(shape, place)[following]:
            place += step
            yield place
