"""Reads and writes public job shops, in the standard layout and in Taillard's.

The standard one (OR-Library, JSPLIB) has a line with the numbers of jobs and machines, then a line
a job: `machine time` for each operation, machines numbered from 0; a job that ends early fills its
line with -1. Taillard's has several instances in a file, each with a head of numbers, a table of
times and one of machines, numbered from 1. A machine keeps its file's number in its name.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from generators.jobshop import numbered
from tasks.base import InputError, Instance, Reference
from tasks.encoding import decoded
from tasks.jobshop import VERSION, MachineStep, Shop, ShopJob, machines_of

LARGEST = 10_000  # jobs or machines
SOLVER = "given by the file"
NOTHING = Reference("none")


class NumberRow(NamedTuple):
    """The numbers of a line, and where it stands: `FILE:LINE`."""

    place: str
    numbers: list[int]


def read_jsplib(path: Path, index: int) -> list[Instance[Shop]]:
    """Read the instance of a file in the standard layout; nothing is known of its optimum.

    Args:
        path: the file; lines that begin with # are comments.
        index: its position among the files read.

    Returns:
        One instance with the name of the file, its number of jobs as level, jobs J1, J2, ... and
        machines M0, M1, ... in names of one width.

    Raises:
        InputError: `FILE:LINE: what is wrong and what was expected`.
    """
    rows = _rows(path)
    jobs, machines = _size(rows)
    if len(rows) - 1 != jobs:
        place = rows[min(len(rows) - 1, jobs + 1)].place
        raise InputError(f"{place}: {len(rows) - 1} lines of jobs; expected {jobs}")
    routes = [_pairs(row, machines) for row in rows[1:]]
    shop = _shop(routes, numbered("M", machines, first=0))
    return [_instance(path, path.stem, index, shop)]


def read_taillard(path: Path, index: int) -> list[Instance[Shop]]:
    """Read the instances of a file in Taillard's layout.

    Args:
        path: the file; its titles (`Times`, `Machines`) may be missing.
        index: its position among the files read.

    Returns:
        An instance a head, named by the file (and, of several, their number), with the bounds of
        its head if that has six numbers; else jobs and machines as in `read_jsplib`, the machines
        from 1.

    Raises:
        InputError: `FILE:LINE: what is wrong and what was expected`.
    """
    rows, instances = _rows(path, titles=True), list[Instance[Shop]]()
    while rows:
        jobs, machines = _size(rows)
        if len(rows) <= 2 * jobs:
            raise InputError(f"{rows[-1].place}: the file ends; expected {2 * jobs} lines of jobs")
        times, places = rows[1 : jobs + 1], rows[jobs + 1 : 2 * jobs + 1]
        routes = [_route(*pair, machines) for pair in zip(times, places, strict=True)]
        shop = _shop(routes, numbered("M", machines))
        name = f"{path.stem}-{len(instances) + 1:02d}"
        bounds = _bounds(rows[0])
        instances.append(_instance(path, name, len(instances), shop, bounds))
        rows = rows[2 * jobs + 1 :]
    if len(instances) == 1:
        [only] = instances
        return [_instance(path, path.stem, index, only.payload, only.reference)]
    return instances


def _instance(
    path: Path, name: str, index: int, shop: Shop, reference: Reference = NOTHING
) -> Instance[Shop]:
    return Instance(
        id=name,
        family="jobshop",
        level=len(shop.jobs),
        seed=None,
        index=index,
        settings={"source": path.stem, "buffers": shop.buffers},
        version=VERSION,
        payload=shop,
        reference=reference,
    )


def _shop(routes: Sequence[Sequence[tuple[int, int]]], machines: Sequence[str]) -> Shop:
    """Return the shop of routes, each (position of the machine, time) by operation."""
    names = numbered("J", len(routes))
    return Shop(
        tuple(
            ShopJob(name, tuple(MachineStep(machines[place], time) for place, time in route))
            for name, route in zip(names, routes, strict=True)
        )
    )


def _bounds(head: NumberRow) -> Reference:
    """Return what a head says: jobs, machines, two seeds, upper bound, lower bound."""
    if len(head.numbers) < 6:
        return NOTHING
    upper, lower = head.numbers[4:6]
    if not 0 < lower <= upper:
        raise InputError(
            f"{head.place}: upper bound {upper} and lower bound {lower}; expected"
            " 0 < lower <= upper"
        )
    return Reference("optimal" if upper == lower else "bounded", upper, lower, solver=SOLVER)


# Lines --------------------------------------------------------------------------------------


def _rows(path: Path, *, titles: bool = False) -> list[NumberRow]:
    """Return the lines that have numbers.

    Args:
        path: the file.
        titles: whether lines of words are passed over; comments and empty lines always are.
    """
    try:
        text = decoded(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        is_title = titles and bool(words) and words[0][0].isalpha()
        if words and not words[0].startswith("#") and not is_title:
            rows.append(NumberRow(f"{path}:{number}", _numbers(words, f"{path}:{number}")))
    if not rows:
        raise InputError(f"{path}:1: the file ends; expected the numbers of jobs and machines")
    return rows


def _numbers(words: Sequence[str], place: str) -> list[int]:
    for word in words:
        digits = word.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
            raise InputError(f"{place}: {word[:20]!r}; expected a whole number")
    return [int(word) for word in words]


def _size(rows: Sequence[NumberRow]) -> tuple[int, int]:
    """Return the numbers of jobs and machines that the first of some lines begins with."""
    place, numbers = rows[0]
    if len(numbers) < 2 or not all(1 <= each <= LARGEST for each in numbers[:2]):
        raise InputError(
            f"{place}: expected the numbers of jobs and machines, 1 to {LARGEST:,} each"
        )
    return numbers[0], numbers[1]


def _pairs(row: NumberRow, machines: int) -> list[tuple[int, int]]:
    """Return (machine, time) of the operations of a job in the standard layout."""
    place, numbers = row
    while numbers[-2:] == [-1, -1]:  # the job ends early
        numbers = numbers[:-2]
    if len(numbers) % 2 or not numbers:
        raise InputError(f"{place}: {len(numbers)} numbers; expected pairs of machine and time")
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    if len(row.numbers) == len(numbers) and len(pairs) != machines:
        raise InputError(
            f"{place}: {len(pairs)} operations; expected {machines}, or -1 -1 after them"
        )
    for machine, time in pairs:
        _require_machine(place, machine, range(machines))
        _require_time(place, machine, time)
    return pairs


def _route(times: NumberRow, places: NumberRow, machines: int) -> list[tuple[int, int]]:
    """Return (position of the machine, time) of a job in Taillard's layout."""
    for place, numbers in (times, places):
        if len(numbers) != machines:
            raise InputError(f"{place}: {len(numbers)} numbers; expected {machines}")
    for machine, time in zip(places.numbers, times.numbers, strict=True):
        _require_machine(places.place, machine, range(1, machines + 1))
        _require_time(times.place, machine, time)
    return [(k - 1, time) for k, time in zip(places.numbers, times.numbers, strict=True)]


def _require_machine(place: str, machine: int, machines: range) -> None:
    if machine not in machines:
        raise InputError(
            f"{place}: machine {machine}; expected one from {machines[0]} to {machines[-1]}"
        )


def _require_time(place: str, machine: int, time: int) -> None:
    if time < 1:
        raise InputError(f"{place}: time {time} on machine {machine}; expected at least 1")


# Writing ------------------------------------------------------------------------------------


def write_jsplib(shop: Shop) -> str:
    """Return a shop in the standard layout; machines are numbered from 0 in the order of names.

    Raises:
        InputError: it has features that the layout does not have.
    """
    if shop.buffers != "free" or shop.shutdowns:
        feature = "shutdowns" if shop.shutdowns else f"buffers={shop.buffers}"
        raise InputError(f"the standard layout of job shops has no {feature}")
    machines = {name: k for k, name in enumerate(machines_of(shop))}
    longest = max(len(job.operations) for job in shop.jobs)
    width = max(longest, len(machines))
    lines = [f"{len(shop.jobs)} {len(machines)}"]
    for job in shop.jobs:
        steps = [f"{machines[step.machine]} {step.time}" for step in job.operations]
        is_short = len(steps) != len(machines)
        filler = ["-1 -1"] * max(width - len(steps), is_short)
        lines.append(" ".join(steps + filler))
    return "\n".join(lines) + "\n"
