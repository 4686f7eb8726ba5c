"""The grader that an exported task brings along: our own modules, and what they need, as files.

Nothing is installed where it runs and nothing is fetched. Python sources are in one archive, so
that a tree of many tasks has few files; the compiled part of msgspec, which no archive can hold,
stands beside it. That part is of one version of Python on one platform: `image` names the
container image that has them.
"""

import io
import sys
import sysconfig
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import files as distribution_files
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from graders import verifier
from graders.verifier import GRADER, GraderParts
from harness.families.family import Family
from harness.families.registry import FAMILIES
from tasks.base import InputError

ROOMS = ("tasks", "graders")  # of ours, all that grading needs
OURS = "makespan"  # the distribution
PURE = ("jinja2", "markupsafe")
COMPILED = "msgspec"
LEFT_OUT = ("__pycache__", "suites", "organisations", "templates")  # folders
ENDINGS = (".py", ".toml")
EPOCH = (1980, 1, 1, 0, 0, 0)  # of all files in the archive: the same bytes from the same sources
SCRIPT = '''\
"""Grades an answer with the grader beside this file, and with nothing else that is here."""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "grader.zip"), str(HERE / "vendor")]

from {module} import main  # noqa: E402

sys.exit(main(HERE, sys.argv[1:]))
'''


def image() -> str:
    """Return the container image whose Python runs the grader; InputError if there is none."""
    abi = str(sysconfig.get_config_var("SOABI") or "")
    if sys.platform != "linux" or not abi.startswith("cpython-"):
        raise InputError(
            "harbor tasks take the compiled part of msgspec along, for a container of Linux:"
            " export them with CPython on Linux"
        )
    kind = "alpine" if abi.endswith("-musl") else "slim"
    return f"python:{sys.version_info.major}.{sys.version_info.minor}-{kind}"


def grader_files(declared: Family[Any], *, has_score: bool) -> dict[str, bytes]:
    """Return the files of the grader of a family, by their paths in a folder of tests.

    Args:
        declared: one of the project's own families.
        has_score: whether a score of its answers means something, which may need a reference.

    Raises:
        InputError: the family is another distribution's, whose modules nobody knows.
    """
    if declared.name not in FAMILIES.own:
        raise InputError(
            f"{declared.name} is a family of {FAMILIES.origin(declared.name)}: harbor tasks take"
            " along the graders of makespan's own families"
        )
    script = SCRIPT.format(module=verifier.__name__)
    parts = msgspec.json.encode(_parts(declared, has_score=has_score))
    return {"grade.py": script.encode(), GRADER: parts + b"\n", **_modules()}


def _parts(declared: Family[Any], *, has_score: bool) -> GraderParts:
    step = declared.rounds.reward_step if declared.rounds else None
    return GraderParts(
        payload=_name(declared.payload),
        read=_name(declared.read),
        grade=_name(declared.grade),
        reward=_name(declared.reward),
        reward_step=_name(step) if step else "",
        has_score=has_score,
    )


def _name(part: Any) -> str:
    return f"{part.__module__}:{part.__qualname__}"


@cache
def _modules() -> Mapping[str, bytes]:
    """Return the archive, what stands beside it, and under which terms."""
    compiled = _home(COMPILED)
    beside = {
        f"vendor/{COMPILED}/{path.relative_to(compiled).as_posix()}": path.read_bytes()
        for path in sorted(compiled.rglob("*"))
        if path.suffix in (".py", ".so") and "__pycache__" not in path.parts
    }
    terms = {
        f"licences/{name}-{path.name}": path.read_bytes()
        for name in (OURS, *PURE, COMPILED)
        for path in _terms(name)
    }
    return {"grader.zip": _archive(), **beside, **terms}


def _archive() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in _sources():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, source)
    return content.getvalue()


def _sources() -> Iterator[tuple[str, bytes]]:
    """Yield the path in the archive and the content of each file of Python."""
    room = Path(verifier.__file__).parent
    outer = verifier.__name__.split(".")[:-2]  # of an installed package, `makespan`
    if outer:  # its own front loads what is not here
        yield f"{outer[0]}/__init__.py", b""
    for name in ROOMS:
        yield from _walk(room.with_name(name), PurePosixPath(*outer, name))
    for name in PURE:
        yield from _walk(_home(name), PurePosixPath(name))


def _walk(folder: Path, prefix: PurePosixPath) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.suffix in ENDINGS and not set(inside.parts) & set(LEFT_OUT):
            yield str(prefix / inside.as_posix()), path.read_bytes()


def _home(name: str) -> Path:
    """Return the folder of an installed package."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _terms(name: str) -> list[Path]:
    """Return the files of a distribution that say under which licence it is."""
    listed = distribution_files(name) or []
    paths = [Path(str(each.locate())) for each in listed if each.name.startswith("LICENSE")]
    return [path for path in paths if path.is_file()]
