"""Reads the OR-Library's weighted tardiness files (wt40.txt, wt50.txt) and their best values.

Beasley (1990), "OR-Library: distributing test problems by electronic mail"; the instances and
values of Crauwels, Potts & Van Wassenhove (1998). A file has 125 instances of n jobs: n
processing times, n weights, n due dates each, as numbers between blanks; line breaks mean nothing.
"""

import re
from pathlib import Path

from generators.jobs import by_position
from generators.optima import complaint, contradictions
from tasks.base import InputError, Instance, Reference, Scalar
from tasks.tardiness import VERSION, Jobs

COUNT = 125  # instances in a file
# Instances, from 1, whose values the library's README says are optimal: all but these.
UNSOLVED = {40: {19}, 50: {11, 12, 14, 19, 36, 44, 66, 87, 88, 111}}
SOLVER = "best known, OR-Library"
_NUMBER = re.compile(r"-?[0-9]{1,15}")
_PARTS = ("processing time", "weight", "due date")
_LEAST = (1, 1, None)


def read_orlib(path: Path, best: Path | None = None) -> list[Instance[Jobs]]:
    """The 125 instances of wtN.txt: `wtN-001` and on, index from 0, level N jobs J01, J02, ...

    The best values are in `best`, by default wtoptN.txt beside the file; without either nothing
    is known of the optimum. A value is optimal where the library says so, or is 0. InputError
    "FILE:LINE: what is wrong and what was expected" for anything broken, and where a dispatching
    rule does better than a value.
    """
    level = _level(path)
    numbers = _numbers(path, 3 * level * COUNT, level)
    best = best or _beside(path)
    values = _numbers(best, COUNT) if best else None
    settings: dict[str, Scalar] = {"source": path.stem}
    made = []
    for index in range(COUNT):
        start = 3 * level * index
        p, w, d = (numbers[start + part * level :][:level] for part in range(3))
        known = _reference(level, index + 1, values[index]) if values else Reference("none")
        name, jobs = f"wt{level}-{index + 1:03d}", by_position(p, d, w)
        made.append(Instance(name, "tardiness", level, None, index, settings, VERSION, jobs, known))
    if cases := contradictions(made):
        raise InputError(f"{best}: {complaint(cases, COUNT)}")
    return made


def _level(path: Path) -> int:
    name = re.fullmatch(r"wt([1-9][0-9]{0,3})", path.stem)
    if not name:
        raise InputError(f"{path}: expected a file named wtN.txt, N the number of jobs")
    return int(name[1])


def _beside(path: Path) -> Path | None:
    """The file of best values beside a file of jobs, if it is there."""
    beside = path.with_name(path.name.replace("wt", "wtopt", 1))
    return beside if beside.exists() else None


def _reference(level: int, number: int, value: int) -> Reference:
    """The best value of instance `number`, from 1, with itself as its bound if it is optimal."""
    proven = level in UNSOLVED and number not in UNSOLVED[level]
    if proven or value == 0:
        return Reference("optimal", value, value, solver=SOLVER)
    return Reference("bounded", value, 0, solver=SOLVER)


def _numbers(path: Path, expected: int, level: int | None = None) -> list[int]:
    """All numbers of a file: as many as expected, times and weights of `level` jobs from 1 on."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    found: list[int] = []
    for line, row in enumerate(text.rstrip().split("\n"), 1):
        for word in row.split():
            what, least = _expected(len(found), level)
            if len(found) == expected:
                raise InputError(f"{path}:{line}: {word[:20]!r}; expected the end of the file")
            if not _NUMBER.fullmatch(word) or (least is not None and int(word) < least):
                bound = "" if least is None else f" of at least {least}"
                raise InputError(
                    f"{path}:{line}: {word[:20]!r}; expected {what}, a whole number{bound}"
                )
            found.append(int(word))
    if len(found) < expected:
        raise InputError(f"{path}:{line}: the file ends after {len(found)} of {expected} numbers")
    return found


def _expected(position: int, level: int | None) -> tuple[str, int | None]:
    """What the number at a position is, and its least value, if it has one."""
    if level is None:
        return f"the best value of instance {position + 1}", 0
    number, rest = divmod(position, 3 * level)
    part, job = divmod(rest, level)
    return f"the {_PARTS[part]} of job {job + 1} of instance {number + 1}", _LEAST[part]
