"""What agents with programs share: limits, the shape of a problem, the program in a reply."""

import json
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError
from typing import Annotated, Any

from msgspec import Meta
from msgspec.structs import force_setattr, replace

from harness.sandbox.packages import PACKAGES, versions
from tasks.base import Ask, Failure, InputError, Message, Noun
from tasks.means import ProgramLimits
from tasks.thoughts import without_thoughts

ENTRIES, KEYS = 2, 12  # of a list, and of an object, that the shape of a problem shows
PRINTED = 4000  # characters of what a program printed that are told
CUT = "\n[...]\n"
_FENCE = re.compile(
    r"^[ \t]*```[ \t]*(\w*)[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE
)
_SOLVE = re.compile(r"^def[ \t]+solve\b", re.MULTILINE)
_PYTHON = ("python", "py", "python3")

Seconds = Annotated[float, Meta(gt=0, le=3600)]
Megabytes = Annotated[int, Meta(ge=16, le=65536)]


class WorkbenchSettings(Noun, frozen=True, kw_only=True):
    """The settings of an agent whose programs run in the sandbox.

    Attributes:
        packages: what programs may import beside the standard library: numpy, scipy, ortools, with
            a plus between them.
        seconds: of a processor, for each program.
        memory_mb: for each program, on top of what Python takes.
    """

    packages: str = ""
    seconds: Seconds = 10.0
    memory_mb: Megabytes = 512

    def __post_init__(self) -> None:
        names = [name for name in self.packages.split("+") if name]
        for name in names:
            if name not in PACKAGES:
                raise ValueError(
                    f"no package {name!r} in packages: there are {', '.join(PACKAGES)}"
                )
        ordered = "+".join(name for name in PACKAGES if name in names)
        force_setattr(self, "packages", ordered)

    @property
    def limits(self) -> ProgramLimits:
        """Return what each program may use."""
        packages = tuple(filter(None, self.packages.split("+")))
        return ProgramLimits(packages, self.seconds, self.memory_mb)


def means_of(name: str, times: str, limits: ProgramLimits) -> tuple[str, ...]:
    """Return what an agent lets models use, sorted: its programs' limits, packages with versions.

    Args:
        name: of the agent.
        times: how often, in words.
        limits: of each of its programs.

    Raises:
        InputError: a package is not installed.
    """
    bounds = f"{name} ({times}, {limits.seconds:g} CPU s and {limits.memory_mb} MB each)"
    try:
        packages = versions(limits.packages)
    except PackageNotFoundError as error:
        package = error.name
        raise InputError(
            f"programs are to import {package}, which is not installed: pip install {package}"
        ) from None
    return tuple(sorted([bounds, *(f"{each} {text}" for each, text in packages.items())]))


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it is one."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def problem_of(ask: Ask) -> Mapping[str, Any]:
    """Return what a program is given at a step; Failure where the world gives nothing."""
    if ask.problem is None:
        raise Failure(f"{ask.path}: the world gives no problem to a program")
    return ask.problem


def shape(problem: object) -> str:
    """Return a problem as JSON, its lists cut after two entries, large objects after twelve."""
    return json.dumps(_cut(problem), ensure_ascii=False)


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        entries = {key: _cut(each) for key, each in list(value.items())[:KEYS]}
        return entries | ({"...": "..."} if len(value) > KEYS else {})
    if isinstance(value, list | tuple):
        return [_cut(each) for each in value[:ENTRIES]] + ["..."] * (len(value) > ENTRIES)
    return value


def ends(text: str, most: int = PRINTED) -> str:
    """Return a text, of a long one its two ends."""
    half = most // 2
    return text if len(text) <= most else text[:half] + CUT + text[-half:]


def added(messages: Sequence[Message], text: str) -> tuple[Message, ...]:
    """Return a conversation whose last message says something more."""
    *rest, last = messages
    return (*rest, replace(last, content=f"{last.content}\n\n{text}"))


def source_of(text: str) -> str:
    """Return the program in a reply.

    It is the last block that defines `solve`, else the last block, else all of the text, thoughts
    left out. A block that is never closed goes to the end.
    """
    spoken, _ = without_thoughts(text)
    blocks: list[str] = [block for _, block in _FENCE.findall(spoken)]
    solving = [block for block in blocks if _SOLVE.search(block)]
    return (solving or blocks or [spoken])[-1]


def python_block(text: str) -> str | None:
    """Return the last block of a reply that is marked as Python; None without one."""
    spoken, _ = without_thoughts(text)
    blocks = [block for mark, block in _FENCE.findall(spoken) if mark.lower() in _PYTHON]
    return blocks[-1] if blocks else None
