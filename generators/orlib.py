"""Reads the OR-Library's weighted tardiness files (wt40.txt, wt50.txt) and their best values.

Beasley (1990), "OR-Library: distributing test problems by electronic mail"; the instances and
values of Crauwels, Potts & Van Wassenhove (1998). A file has 125 instances of n jobs: n
processing times, n weights, n due dates each, as numbers between blanks; line breaks mean nothing.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from generators.jobs import by_position
from generators.optima import complaint, contradictions
from tasks.base import InputError, Instance, Reference
from tasks.encoding import decoded
from tasks.tardiness import VERSION, Jobs

COUNT = 125  # instances in a file
# Instances, from 1, whose values the library's README says are optimal: all but these.
UNSOLVED = {40: {19}, 50: {11, 12, 14, 19, 36, 44, 66, 87, 88, 111}}
SOLVER = "best known, OR-Library"
_NUMBER = re.compile(r"-?[0-9]{1,15}")
_PARTS = ("processing time", "weight", "due date")
_LEAST = (1, 1, None)


def read_orlib(path: Path, best: Path | None = None) -> list[Instance[Jobs]]:
    """Read the 125 instances of a file of the library.

    Args:
        path: wtN.txt, N the number of jobs.
        best: the file of best values, by default wtoptN.txt beside the other; without either
            nothing is known of the optimum. A value is optimal where the library says so, or is 0.

    Returns:
        Instances `wtN-001` and on, index from 0, of level N, with jobs J01, J02, ...

    Raises:
        InputError: `FILE:LINE: what is wrong and what was expected` for anything broken, and where
            a dispatching rule does better than a value.
    """
    level = _level(path)
    numbers = _numbers(path, 3 * level * COUNT, level)
    best = best or _beside(path)
    values = _numbers(best, COUNT) if best else None
    instances = [
        Instance(
            id=f"wt{level}-{index + 1:03d}",
            family="tardiness",
            level=level,
            seed=None,
            index=index,
            settings={"source": path.stem},
            version=VERSION,
            payload=_jobs(numbers[3 * level * index :], level),
            reference=_reference(level, index + 1, values[index]) if values else Reference("none"),
        )
        for index in range(COUNT)
    ]
    if cases := contradictions(instances):
        raise InputError(f"{best}: {complaint(cases, COUNT)}")
    return instances


def _jobs(numbers: Sequence[int], level: int) -> Jobs:
    """Return the jobs at the beginning of some numbers: all times, all weights, all due dates."""
    p, w, d = (list(numbers[part * level : (part + 1) * level]) for part in range(3))
    return by_position(p, d, w)


def _level(path: Path) -> int:
    name = re.fullmatch(r"wt([1-9][0-9]{0,3})", path.stem)
    if not name:
        raise InputError(f"{path}: expected a file named wtN.txt, N the number of jobs")
    return int(name[1])


def _beside(path: Path) -> Path | None:
    """Return the file of best values beside a file of jobs, None if it is not there."""
    beside = path.with_name(path.name.replace("wt", "wtopt", 1))
    return beside if beside.exists() else None


def _reference(level: int, number: int, value: int) -> Reference:
    """Return the best value of instance `number`, from 1, its own bound if it is optimal.

    One that is only the best known is no bound of anything: 0 would be taken for the optimum.
    """
    proven = level in UNSOLVED and number not in UNSOLVED[level]
    if proven or value == 0:
        return Reference("optimal", value, value, solver=SOLVER)
    return Reference("bounded", value, solver=SOLVER)


def _numbers(path: Path, expected: int, level: int | None = None) -> list[int]:
    """Return all numbers of a file.

    Args:
        path: the file.
        expected: how many there have to be.
        level: the number of jobs; None for a file of best values.
    """
    try:
        text = decoded(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    numbers: list[int] = []
    for line, row in enumerate(text.rstrip().split("\n"), 1):
        for word in row.split():
            if len(numbers) == expected:
                raise InputError(f"{path}:{line}: {word[:20]!r}; expected the end of the file")
            if problem := _problem(word, len(numbers), level):
                raise InputError(f"{path}:{line}: {problem}")
            numbers.append(int(word))
    if len(numbers) < expected:
        raise InputError(f"{path}:{line}: the file ends after {len(numbers)} of {expected} numbers")
    return numbers


def _problem(word: str, position: int, level: int | None) -> str:
    """Return what is wrong with a word as the number at a position; empty if nothing is."""
    label, least = _expected(position, level)
    if _NUMBER.fullmatch(word) and (least is None or int(word) >= least):
        return ""
    bound = "" if least is None else f" of at least {least}"
    return f"{word[:20]!r}; expected {label}, a whole number{bound}"


def _expected(position: int, level: int | None) -> tuple[str, int | None]:
    """Return what the number at a position is, and its least value, None if it has none."""
    if level is None:
        return f"the best value of instance {position + 1}", 0
    number, rest = divmod(position, 3 * level)
    part, job = divmod(rest, level)
    return f"the {_PARTS[part]} of job {job + 1} of instance {number + 1}", _LEAST[part]
