"""Reads projects in PSPLIB's single-mode format (.sm), and in Patterson's (.rcp).

Kolisch & Sprecher (1996), "PSPLIB - a project scheduling problem library". Both formats number
the jobs from 1 and begin and end with a dummy; the dummies are dropped here.

Files by other hands are laid out in other ways: titles and heads in any case and spacing, heads
that leave out what there is none of, tables without column heads, any encoding and line ends. A
first or last job that takes time is no dummy, and stays as a task.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import msgspec

from generators.psplib_writer import (
    AVAILABILITIES,
    NAMES,
    PRECEDENCES,
    REQUESTS,
    usual_names,
    write_psplib,
)
from tasks.base import InputError, Instance
from tasks.encoding import decoded
from tasks.rcpsp import VERSION, Project, Resource, Task

__all__ = ["read_instance", "read_psplib", "write_psplib"]

INFORMATION = "PROJECT INFORMATION:"
_PROJECT = ("the project", "its jobs", "its release date")
_NUMBER = re.compile(r"-?[0-9]{1,15}")


def read_instance(path: Path, index: int) -> Instance[Project]:
    """Read a file as instance number `index`; its id is the file's stem, its level the task count.

    Raises:
        InputError: see `read_psplib`.
    """
    project = read_psplib(path)
    return Instance(
        id=path.stem,
        family="rcpsp",
        level=len(project.tasks),
        seed=None,
        index=index,
        settings={"source": "psplib", "setting": project.setting},
        version=VERSION,
        payload=project,
    )


def read_psplib(path: Path) -> Project:
    """Read the project in a .sm or .rcp file.

    Returns:
        The project with tasks T02, T03, ... and resources R1, R2, ... Task T02 is job 2 of the
        file: a published schedule of jobs is one of the tasks so numbered. The first and the last
        job are tasks too if they take time. Names that `write_psplib` put at the end of a .sm file
        replace the numbered ones. The horizon is that of the .sm file, for .rcp the sum of the
        durations.

    Raises:
        InputError: `FILE:LINE: what is wrong and what was expected` for anything broken, and for
            modes, nonrenewable resources and release dates.
    """
    readers = {".sm": _read_sm, ".rcp": _read_rcp}
    suffix = path.suffix.lower()
    if suffix == ".mm":
        raise InputError(f"{path}: jobs with several modes; only one mode can be read (.sm, .rcp)")
    if suffix not in readers:
        raise InputError(f"{path}: expected a file that ends in .sm or .rcp")
    try:
        text = decoded(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    source = _Source(path, text.rstrip().split("\n"))
    return _project(source, readers[suffix](source))


@dataclass(frozen=True)
class _Source:
    """The lines of a file, numbered from 1 in every message."""

    path: Path
    lines: list[str]

    def wrong(self, line: int, message: str) -> InputError:
        """Return the error that says what is wrong in a line."""
        return InputError(f"{self.path}:{line}: {message}")

    def number(self, line: int, text: str, label: str, least: int = 0) -> int:
        """Return the number that a text is; InputError says that `label` was expected."""
        if not _NUMBER.fullmatch(text) or int(text) < least:
            raise self.wrong(line, f"{text[:20]!r}; expected {label}, a number >= {least}")
        return int(text)


class _Job(NamedTuple):
    """A job as the file has it: demands one a resource, successors as job numbers."""

    duration: int
    demands: list[int]
    successors: list[int]
    line: int  # of duration and demands
    below: int  # of the successors


class _ProjectFile(NamedTuple):
    """The contents of a file, dummies included."""

    jobs: list[_Job]
    capacities: list[int]
    horizon: int
    horizon_line: int
    task_names: list[str]
    resource_names: list[str]


# The project --------------------------------------------------------------------------------


def _project(source: _Source, file: _ProjectFile) -> Project:
    """Drop the dummies and check what a project would refuse, with the line to blame."""
    for number, job in enumerate(file.jobs, 1):
        _check_job(source, number, job, file)
    _check_dummies(source, file.jobs)
    _check_cycle(source, file.jobs)
    ids = _task_ids(file)
    inner = [(name, file.jobs[j - 1]) for j, name in ids.items()]
    try:
        return Project(
            tasks=tuple(_task(name, job, file.resource_names) for name, job in inner),
            resources=tuple(map(Resource, file.resource_names, file.capacities)),
            precedences=tuple(
                (name, ids[k]) for name, job in inner for k in job.successors if k in ids
            ),
            downtimes=(),
            windows=(),
            disjunctions=(),
            horizon=file.horizon,
        )
    except ValueError as error:  # the horizon is too short
        raise source.wrong(file.horizon_line, str(error)) from None


def _task_ids(file: _ProjectFile) -> dict[int, str]:
    """Return the task ids by job number, in order: the dummies have none."""
    last = len(file.jobs)
    width = max(2, len(str(last - 1)))  # as in `usual_names`
    ids = dict(enumerate(file.task_names, 2))
    ids |= {k: f"T{k:0{width}d}" for k in (1, last) if file.jobs[k - 1].duration}
    return dict(sorted(ids.items()))


def _task(name: str, job: _Job, resources: Sequence[str]) -> Task:
    demands = zip(resources, job.demands, strict=True)
    return Task(name, job.duration, {resource: units for resource, units in demands if units})


def _check_job(source: _Source, number: int, job: _Job, file: _ProjectFile) -> None:
    for r, amount, most in zip(file.resource_names, job.demands, file.capacities, strict=True):
        if amount > most:
            raise source.wrong(job.line, f"job {number}: {amount} of {r}; expected <= {most}")
    last = len(file.jobs)
    for k in job.successors:
        if not 1 < k <= last:
            raise source.wrong(job.below, f"job {number}: successor {k}; expected 2 to {last}")
    if len(set(job.successors)) < len(job.successors):
        raise source.wrong(job.below, f"job {number} has a successor twice; expected each once")


def _check_dummies(source: _Source, jobs: Sequence[_Job]) -> None:
    for number, job in ((1, jobs[0]), (len(jobs), jobs[-1])):
        if any(job.demands) and not job.duration:
            raise source.wrong(job.line, f"job {number} has demands and no duration; expected both")
    if jobs[-1].successors:
        raise source.wrong(jobs[-1].below, "the last job has successors; expected a dummy's none")


def _check_cycle(source: _Source, jobs: Sequence[_Job]) -> None:
    graph = {number: job.successors for number, job in enumerate(jobs, 1)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle = error.args[1][::-1]  # it takes our successors for predecessors
        path = " -> ".join(map(str, cycle[:12])) + (" ..." if len(cycle) > 12 else "")
        line = jobs[cycle[0] - 1].below
        raise source.wrong(line, f"jobs in a cycle: {path}; expected none") from None


# .sm ----------------------------------------------------------------------------------------


def _read_sm(source: _Source) -> _ProjectFile:
    jobs = _value(source, "jobs", 3)[1]
    resources = _value(source, "renewable")[1]
    line, horizon = _value(source, "horizon")
    for key, expected in (("projects", 1), ("nonrenewable", 0), ("doubly constrained", 0)):
        at, value = _value(source, key, default=expected)
        if value != expected:
            raise source.wrong(at, f"{key}: {value}; expected {expected}, no other can be read")
    _check_release(source)
    capacities = _capacities(source, resources)
    sm_jobs = _sm_jobs(source, jobs, resources)
    task_names, resource_names = _names(source, jobs - 2, resources)
    return _ProjectFile(
        jobs=sm_jobs,
        capacities=capacities,
        horizon=horizon,
        horizon_line=line,
        task_names=task_names,
        resource_names=resource_names,
    )


def _sm_jobs(source: _Source, count: int, resources: int) -> list[_Job]:
    """Read the two tables of jobs, of successors and of durations with demands."""
    after = _jobs(source, PRECEDENCES, count, ["the number of successors"], "a successor")
    work = _jobs(source, REQUESTS, count, ["the duration", *["a demand"] * resources])
    for line, (number, *successors) in after:
        if len(successors) != number:
            raise source.wrong(line, f"{len(successors)} successors; expected {number}")
    return [
        _Job(duration, demands, successors, line=line, below=below)
        for (line, (duration, *demands)), (below, (_, *successors)) in zip(work, after, strict=True)
    ]


def _value(
    source: _Source, key: str, least: int = 0, default: int | None = None
) -> tuple[int, int]:
    """Return line and value of a `key ... : value` in the head of the file.

    Without that line they are 0 and the default, if there is one.
    """
    for line, text in enumerate(source.lines, 1):
        if " ".join(text.split()).strip(" -").casefold().startswith(key) and ":" in text:
            words = text.split(":")[-1].split()
            return line, source.number(line, words[0] if words else "", f"the {key}", least)
    if default is not None:
        return 0, default
    raise source.wrong(len(source.lines), f"the file ends; expected a line '{key} : number'")


def _rows(source: _Source, title: str, expected: int) -> list[tuple[int, str]]:
    """Return lines and texts of a section's rows, without its title, column heads and rules."""
    start = _section(source, title)
    if not start:
        raise source.wrong(len(source.lines), f"the file ends; expected a section {title!r}")
    line, rows = _section_rows(source, start)
    if len(rows) < expected:
        raise source.wrong(line, f"{title!r} ends after {len(rows)} rows; expected {expected}")
    if len(rows) > expected:
        raise source.wrong(rows[expected][0], f"{title!r} goes on; expected {expected} rows")
    return rows


def _section_rows(source: _Source, start: int) -> tuple[int, list[tuple[int, str]]]:
    """Return the last line of the section whose title is line `start`, and its rows."""
    rows: list[tuple[int, str]] = []
    line = start
    for line, text in enumerate(source.lines[start:], start + 1):
        if text.lstrip().startswith("*"):
            break
        if text.strip(" -=\t"):
            rows.append((line, text))
    return line, rows[1:] if rows and not _are_numbers(rows[0][1]) else rows


def _are_numbers(text: str) -> bool:
    """Return whether a row is one of numbers, and not the heads of columns."""
    return all(_NUMBER.fullmatch(word) for word in text.split())


def _section(source: _Source, title: str) -> int:
    """Return the number of a section's title line, 0 if it is not there."""
    start = _title(title).rstrip(":")
    return next((k for k, text in enumerate(source.lines, 1) if _title(text).startswith(start)), 0)


def _title(text: str) -> str:
    """Return a line as titles are compared: neither case nor blanks count."""
    return "".join(text.split()).casefold()


def _check_release(source: _Source) -> None:
    if _section(source, INFORMATION):
        ((line, (_, _, release, *_)),) = _table(source, INFORMATION, 1, _PROJECT, "a date")
        if release:
            raise source.wrong(line, f"release date {release}; expected 0, no other can be read")


def _table(
    source: _Source, title: str, count: int, heads: Sequence[str], more: str = ""
) -> list[tuple[int, list[int]]]:
    """Return lines and numbers of the rows of a section.

    Args:
        source: the file.
        title: of the section.
        count: how many rows there have to be.
        heads: what the numbers of a row are, for messages.
        more: what any numbers after them are; without it there may be none.
    """
    table = []
    for line, text in _rows(source, title, count):
        words = text.split()
        if len(words) < len(heads):
            raise source.wrong(line, f"the row ends; expected {heads[len(words)]}")
        if len(words) > len(heads) and not more:
            raise source.wrong(line, f"{words[len(heads)][:20]!r}; expected the end of the row")
        named = zip_longest(words, heads, fillvalue=more)
        table.append((line, [source.number(line, word, label) for word, label in named]))
    return table


def _jobs(
    source: _Source, title: str, count: int, heads: Sequence[str], more: str = ""
) -> list[tuple[int, list[int]]]:
    """Return a table of jobs without its first two columns: numbers in order, and the one mode."""
    rows = []
    table = _table(source, title, count, ["the job", "the mode", *heads], more)
    for expected, (line, (job, mode, *row)) in enumerate(table, 1):
        if job != expected:
            raise source.wrong(line, f"job {job}; expected job {expected}")
        if mode != 1:
            raise source.wrong(line, f"mode {mode}; expected 1, no other can be read")
        rows.append((line, row))
    return rows


def _capacities(source: _Source, resources: int) -> list[int]:
    """Return the capacities; their row is blank if there are no resources."""
    for line, capacities in _table(source, AVAILABILITIES, min(resources, 1), [], "a capacity"):
        if len(capacities) == resources:
            return capacities
        raise source.wrong(line, f"{len(capacities)} capacities; expected {resources}")
    return []


def _names(source: _Source, tasks: int, resources: int) -> tuple[list[str], list[str]]:
    """Return the ids that `write_psplib` added after the end, else the usual ones."""
    if not _section(source, NAMES):
        return usual_names(tasks, resources)
    first, second = _rows(source, NAMES, 2)
    return _name_list(source, *first, tasks), _name_list(source, *second, resources)


def _name_list(source: _Source, line: int, text: str, count: int) -> list[str]:
    try:
        names = msgspec.json.decode(text, type=list[str])
    except msgspec.DecodeError:
        names = []
    if len(names) != count or len(set(names)) < count:
        raise source.wrong(line, f"expected a JSON list of {count} names, no two alike")
    return names


# .rcp ---------------------------------------------------------------------------------------


class _Words:
    """The numbers of a file whose line breaks mean nothing."""

    def __init__(self, source: _Source) -> None:
        self.source = source
        self.line = 1
        self._remaining = (
            (line, word) for line, text in enumerate(source.lines, 1) for word in text.split()
        )

    def take(self, label: str, least: int = 0) -> int:
        """Return the next number, which is `label` in messages; `line` is then its line."""
        self.line, word = next(self._remaining, (len(self.source.lines), ""))
        if not word:
            raise self.source.wrong(self.line, f"the file ends; expected {label}")
        return self.source.number(self.line, word, label, least)

    def end(self) -> None:
        """Refuse a file that goes on."""
        for line, word in self._remaining:
            raise self.source.wrong(line, f"{word[:20]!r}; expected the end of the file")


def _read_rcp(source: _Source) -> _ProjectFile:
    words = _Words(source)
    count = words.take("the number of jobs", 3)
    resources = words.take("the number of resources")
    capacities = [words.take(f"the capacity of R{r + 1}") for r in range(resources)]
    jobs = [_rcp_job(words, number, resources) for number in range(1, count + 1)]
    words.end()
    total = sum(job.duration for job in jobs)
    task_names, resource_names = usual_names(count - 2, resources)
    return _ProjectFile(
        jobs=jobs,
        capacities=capacities,
        horizon=total,
        horizon_line=1,
        task_names=task_names,
        resource_names=resource_names,
    )


def _rcp_job(words: _Words, number: int, resources: int) -> _Job:
    duration = words.take(f"the duration of job {number}")
    line = words.line
    demands = [words.take(f"job {number}'s demand of R{r + 1}") for r in range(resources)]
    count = words.take(f"the number of successors of job {number}")
    below = words.line
    successors = [words.take(f"a successor of job {number}") for _ in range(count)]
    return _Job(duration, demands, successors, line=line, below=below)
