"""Reads sets of jobs for one machine from JSON Lines: `{"id", "p": [...], "d": [...]}` a line.

`opt`, the least total tardiness, and `w`, weights, may be there too.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec

from generators.optima import complaint, contradictions
from tasks.base import InputError, Instance, Noun, Reference
from tasks.encoding import as_utf8
from tasks.tardiness import VERSION, Job, Jobs

LIMIT = 10**12  # of every number, so that sums of tardiness fit 64 bits
Whole: TypeAlias = Annotated[int, msgspec.Meta(ge=-LIMIT, le=LIMIT)]


class _JobsLine(Noun, frozen=True):
    """A line: processing times `p`, due dates `d` and weights `w` by job, all of one length."""

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
    """Read every line as an instance; blank lines are passed over.

    Args:
        path: a file of JSON Lines. Its name is the setting `source`, so that boards keep sets
            apart.

    Returns:
        Instances with the index of their line from 0, their number of jobs as level, and jobs
        J01, J02, ...

    Raises:
        InputError: `FILE:LINE: what is wrong` for anything broken, and where a dispatching rule
            does better than an optimum that the file gives.
    """
    instances: dict[str, Instance[Jobs]] = {}
    for index, line in _lines(path):
        try:
            instance = _instance(msgspec.json.decode(line, type=_JobsLine), path.stem, index)
        except ValueError as error:  # what msgspec and the nouns raise
            raise InputError(f"{path}:{index + 1}: {error}") from None
        if instance.id in instances:
            first = instances[instance.id].index + 1
            raise InputError(
                f"{path}:{index + 1}: the id {instance.id!r} is there already, in line {first}"
            )
        instances[instance.id] = instance
    if not instances:
        raise InputError(f"{path}:1: the file ends; expected a line of jobs")
    if cases := contradictions(list(instances.values())):
        number = cases[0].instance.index + 1
        raise InputError(f"{path}:{number}: {complaint(cases, len(instances))}")
    return list(instances.values())


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank with their numbers from 0, in UTF-8."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    for index, line in enumerate(as_utf8(content).splitlines()):
        if line.strip():
            yield index, line


def _instance(line: _JobsLine, source: str, index: int) -> Instance[Jobs]:
    optimum = Reference("none")
    if line.opt is not None:
        optimum = Reference("optimal", line.opt, line.opt, solver="given by the file")
    return Instance(
        id=line.id,
        family="tardiness",
        level=len(line.p),
        seed=None,
        index=index,
        settings={"source": source},
        version=VERSION,
        payload=by_position(line.p, line.d, line.w),
        reference=optimum,
    )


def job_ids(count: int) -> list[str]:
    """Return J01, J02, ...: numbers of two digits, of more if there are 100 jobs or more."""
    width = max(2, len(str(count)))
    return [f"J{k:0{width}d}" for k in range(1, count + 1)]


def by_position(p: list[int], d: list[int], w: list[int] | None = None) -> Jobs:
    """Return jobs J01, J02, ... by position.

    Args:
        p: processing times, in time units.
        d: due dates, in time units.
        w: weights; 1 each without it.

    Raises:
        ValueError: there are no jobs, or one is impossible.
    """
    return Jobs(tuple(map(Job, job_ids(len(p)), p, d, w or [1] * len(p))))
