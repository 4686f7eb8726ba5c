"""Checks start times against every rule of a job shop.

`jobshop.py` lists the kinds of violations and their fields.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from tasks.base import Fields, short
from tasks.jobshop import Shop, ShopJob, machines_of, merged_shutdowns

Answer: TypeAlias = Mapping[str, Any]  # what stands for a job's start times, by job id
Rows: TypeAlias = Mapping[str, list[int]]  # start times by job id


class Stay(NamedTuple):
    """The time that a job has a machine: [start, leaves); the operation itself is over at `end`."""

    start: int
    leaves: int
    end: int
    job: str
    number: int


def violations(shop: Shop, starts: Answer) -> list[Fields]:
    """Return all violations of an answer; none if it is feasible.

    Jobs without a whole number for each operation are reported as such and take no part in the
    other checks. Rings are looked for where nothing else is wrong.

    Args:
        shop: the shop.
        starts: what the answer gives as start times for each job id; ids may be missing or
            unknown, and values anything.
    """
    rows = {job.id: starts[job.id] for job in shop.jobs if _is_row(job, starts.get(job.id))}
    stays = stays_by_machine(shop, rows)
    problems = [
        *_check_rows(shop, starts),
        *_check_ids(shop, starts),
        *_check_precedences(shop, rows),
        *_check_machines(stays),
        *_check_shutdowns(shop, stays),
    ]
    if shop.buffers == "none" and not problems:
        problems += [
            {"kind": "swap", "time": time, "jobs": jobs} for time, jobs in rings(shop, rows)
        ]
    return problems


def _is_row(job: ShopJob, row: object) -> bool:
    """Return whether something is a list of as many whole numbers as a job has operations."""
    if not isinstance(row, list) or len(row) != len(job.operations):
        return False
    return all(type(start) is int for start in row)  # a bool or a float is none


def _check_rows(shop: Shop, starts: Answer) -> Iterator[Fields]:
    for job in shop.jobs:
        if job.id not in starts:
            yield {"kind": "missing", "job": job.id}
        else:
            yield from _check_row(job, starts[job.id])


def _check_row(job: ShopJob, row: object) -> Iterator[Fields]:
    if not isinstance(row, list):
        yield {"kind": "not_a_list", "job": job.id, "value": short(row)}
        return
    if len(row) != len(job.operations):
        operations = len(job.operations)
        yield {"kind": "length", "job": job.id, "amount": len(row), "operations": operations}
    for number, start in enumerate(row, 1):
        fields: Fields = {"job": job.id, "operation": number, "value": short(start)}
        if type(start) is not int:
            yield {"kind": "not_integer", **fields}
        elif start < 0:
            yield {"kind": "negative", **fields}


def _check_ids(shop: Shop, starts: Answer) -> list[Fields]:
    ids = {job.id for job in shop.jobs}
    return [{"kind": "unknown", "job": short(name)} for name in starts if name not in ids]


def _check_precedences(shop: Shop, rows: Rows) -> Iterator[Fields]:
    for job in shop.jobs:
        row = rows.get(job.id, [])
        for number in range(1, len(row)):
            early = row[number - 1] + job.operations[number - 1].time - row[number]
            if early > 0:
                fields: Fields = {"job": job.id, "operation": number + 1, "amount": early}
                yield {"kind": "precedence", **fields}


def stays_by_machine(shop: Shop, rows: Rows) -> dict[str, list[Stay]]:
    """Return by machine when which job has it, sorted by start.

    A job leaves at the end of its operation; where there are no free buffers, at the start of its
    next one.

    Args:
        shop: the shop.
        rows: start times of some of its jobs.
    """
    stays: dict[str, list[Stay]] = {name: [] for name in machines_of(shop)}
    for job in shop.jobs:
        if job.id in rows:
            row = rows[job.id]
            for number, step in enumerate(job.operations):
                end = row[number] + step.time
                is_held = shop.buffers != "free" and number + 1 < len(row)
                leaves = max(end, row[number + 1]) if is_held else end
                stays[step.machine].append(Stay(row[number], leaves, end, job.id, number))
    return {name: sorted(each) for name, each in stays.items()}


def _check_machines(stays: Mapping[str, list[Stay]]) -> Iterator[Fields]:
    """Yield the pairs of stays that overlap; those of one job break a precedence already."""
    for machine, row in stays.items():
        for place, first in enumerate(row):
            for second in row[place + 1 :]:
                if second.start >= first.leaves:
                    break
                if second.job != first.job:
                    yield {
                        "kind": "machine",
                        "machine": machine,
                        "first": first.job,
                        "second": second.job,
                        "start": second.start,
                        "end": min(first.leaves, second.leaves),
                    }


def _check_shutdowns(shop: Shop, stays: Mapping[str, list[Stay]]) -> Iterator[Fields]:
    for machine, spans in merged_shutdowns(shop).items():
        for stay in stays[machine]:
            for begin, end in spans:
                if stay.start < end and begin < stay.end:
                    yield {
                        "kind": "shutdown",
                        "machine": machine,
                        "job": stay.job,
                        "operation": stay.number + 1,
                        "start": max(begin, stay.start),
                        "end": min(end, stay.end),
                    }


def rings(shop: Shop, rows: Rows) -> list[tuple[int, list[str]]]:
    """Return the rings of jobs that exchange machines at one instant: (time, job ids).

    Of a schedule without any other fault. It needs only the starts: at each time, from each machine
    that a job enters an arc leads to the one that it leaves, and a circle of arcs is a ring. As
    every operation takes time, no job moves twice at one time, and no circle goes over several.

    Args:
        shop: the shop.
        rows: start times of all its jobs.
    """
    moves: dict[int, dict[str, tuple[str, str]]] = {}  # by time, machine entered: machine left, job
    for job in shop.jobs:
        steps = zip(job.operations, job.operations[1:], rows[job.id][1:], strict=False)
        for before, after, time in steps:
            if before.machine != after.machine:
                moves.setdefault(time, {})[after.machine] = (before.machine, job.id)
    return [(time, ring) for time, arcs in sorted(moves.items()) for ring in _circles(arcs)]


def _circles(arcs: Mapping[str, tuple[str, str]]) -> Iterator[list[str]]:
    """Yield the jobs of each circle of arcs, each circle once."""
    done: set[str] = set()
    for first in arcs:
        path: list[str] = []
        machine = first
        while machine in arcs and machine not in done and machine not in path:
            path.append(machine)
            machine = arcs[machine][0]
        if machine in path:
            yield [arcs[each][1] for each in path[path.index(machine) :]]
        done.update(path)


# Broken constraints --------------------------------------------------------------------------


def broken_share(shop: Shop, problems: list[Fields]) -> float:
    """Return the share of constraints not satisfied, in [0, 1].

    One constraint each are a job (a whole start from 0 on for every operation), a step from one
    operation to the next, a machine, the shutdowns of a machine, and that there is no ring. One
    that involves a job without starts is not satisfied, nor are rings where they were not looked
    for. All ids that are no job's count as one more that is broken. So the share is 0 only without
    a violation, and leaving jobs out never lowers it.

    Args:
        shop: the shop.
        problems: the answer's violations, as `violations` gives them.
    """
    placeless = {v["job"] for v in problems if v["kind"] in _OF_ROWS}
    broken = _undecided(shop, placeless - _only_negative(problems))
    for violation in problems:
        kind = violation["kind"]
        if kind in _KEYS:
            broken.add((kind, *(violation[key] for key in _KEYS[kind])))
    if shop.buffers == "none" and problems:
        broken.add(("swap",))
    unknown = any(v["kind"] == "unknown" for v in problems)
    return (len(broken | {("job", each) for each in placeless}) + unknown) / (
        _constraints(shop) + unknown
    )


_OF_ROWS = ("missing", "not_a_list", "length", "not_integer", "negative")
_KEYS = {"precedence": ("job", "operation"), "machine": ("machine",), "shutdown": ("machine",)}


def _only_negative(problems: list[Fields]) -> set[str]:
    """Return the jobs whose starts are whole numbers, of which some are below 0."""
    other = {v["job"] for v in problems if v["kind"] in _OF_ROWS[:-1]}
    return {v["job"] for v in problems if v["kind"] == "negative"} - other


def _undecided(shop: Shop, placeless: set[str]) -> set[tuple[Any, ...]]:
    """Return the constraints that involve a job without starts."""
    down = {shutdown.machine for shutdown in shop.shutdowns}
    constraints: set[tuple[Any, ...]] = set()
    for job in shop.jobs:
        if job.id in placeless:
            machines = {step.machine for step in job.operations}
            constraints |= {("machine", name) for name in machines}
            constraints |= {("shutdown", name) for name in machines & down}
            constraints |= {("precedence", job.id, k + 1) for k in range(1, len(job.operations))}
    return constraints


def _constraints(shop: Shop) -> int:
    """Count the constraints of a shop."""
    operations = sum(len(job.operations) for job in shop.jobs)  # a job and its steps
    down = len({shutdown.machine for shutdown in shop.shutdowns})
    return operations + len(machines_of(shop)) + down + (shop.buffers == "none")
