"""Reads sets of jobs for one machine from JSON Lines: `{"id", "p": [...], "d": [...]}` a line.

`opt`, the least total tardiness, and `w`, weights, may be there too.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec

from generators.optima import complaint, contradictions
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.tardiness import VERSION, Job, Jobs

LIMIT = 10**12  # of every number, so that sums of tardiness fit 64 bits
Whole: TypeAlias = Annotated[int, msgspec.Meta(ge=-LIMIT, le=LIMIT)]


class _JobsLine(Noun, frozen=True):
    """A line: processing times, due dates and weights by job, all of one length."""

    id: str
    p: list[Whole]
    d: list[Whole]
    opt: int | None = None
    w: list[Whole] | None = None

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("id is empty")
        for name, values in (("d", self.d), ("w", self.w)):
            if values is not None and len(values) != len(self.p):
                raise ValueError(
                    f"p has {len(self.p)} numbers and {name} {len(values)}; expected as many"
                )
        if self.opt is not None and self.opt < 0:
            raise ValueError(f"opt {self.opt} is negative")


def read_jobs(path: Path) -> list[Instance[Jobs]]:
    """Every line as an instance: index its line from 0, level its number of jobs, jobs J01, ...

    The setting `source` is the name of the file, so that boards keep sets apart.

    Blank lines are passed over. InputError "FILE:LINE: what is wrong" for anything broken, and
    where a dispatching rule does better than an optimum given.
    """
    found: dict[str, Instance[Jobs]] = {}
    for index, line in _lines(path):
        try:
            instance = _instance(msgspec.json.decode(line, type=_JobsLine), path.stem, index)
        except ValueError as error:  # what msgspec and the nouns raise
            raise InputError(f"{path}:{index + 1}: {error}") from None
        if instance.id in found:
            first = found[instance.id].index + 1
            raise InputError(
                f"{path}:{index + 1}: the id {instance.id!r} is there already, in line {first}"
            )
        found[instance.id] = instance
    if not found:
        raise InputError(f"{path}:1: the file ends; expected a line of jobs")
    instances = list(found.values())
    if cases := contradictions(instances):
        number = cases[0].instance.index + 1
        raise InputError(f"{path}:{number}: {complaint(cases, len(instances))}")
    return instances


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    for index, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n")):
        if line.strip():
            yield index, line


def _instance(line: _JobsLine, source: str, index: int) -> Instance[Jobs]:
    payload = by_position(line.p, line.d, line.w)
    known = Reference("none")
    if line.opt is not None:
        known = Reference("optimal", line.opt, line.opt, solver="given by the file")
    settings: dict[str, Scalar] = {"source": source}
    return Instance(
        line.id, "tardiness", len(line.p), None, index, settings, VERSION, payload, known
    )


def by_position(p: list[int], d: list[int], w: list[int] | None = None) -> Jobs:
    """Jobs J01, J02, ... by position; ValueError if there are none or one is impossible."""
    width = max(2, len(str(len(p))))
    ids = (f"J{k:0{width}d}" for k in range(1, len(p) + 1))
    return Jobs(tuple(map(Job, ids, p, d, w or [1] * len(p))))
