"""Small fleets, and what they cost by other means than the graders'."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random

from tasks.base import Instance
from tasks.placement import Fleet, PlacedTask


def drawn_fleet(rng: Random, tasks: int = 6) -> Fleet:
    """A few tasks of which many come or end at the same moments."""
    now, rows = 0, []
    for k in range(rng.randint(1, tasks)):
        now += rng.choice((0, rng.randint(0, 4)))
        cpu, memory = rng.randint(0, 5), rng.randint(1, 5)
        guess = rng.choice((None, rng.randint(1, 9)))
        rows.append(
            PlacedTask(f"T{k}", now, rng.randint(1, 6), cpu=cpu, memory=memory, guess=guess)
        )
    return Fleet(rng.randint(5, 8), rng.randint(5, 8), tuple(rows))


def instance_with(fleet: Fleet) -> Instance[Fleet]:
    """An instance of a fleet, without a reference."""
    return Instance("i", "placement", len(fleet.tasks), None, 0, {}, 1, fleet)


def slow_seconds(fleet: Fleet, hosts: Mapping[str, int]) -> int | None:
    """Host-seconds, a second at a time; None where a host is over what it has."""
    total = 0
    for now in range(max(task.end for task in fleet.tasks)):
        rows: dict[int, list[PlacedTask]] = {}
        for task in fleet.tasks:
            if task.at <= now < task.end:
                rows.setdefault(hosts[task.id], []).append(task)
        for row in rows.values():
            if sum(t.cpu for t in row) > fleet.cpu or sum(t.memory for t in row) > fleet.memory:
                return None
        total += len(rows)
    return total


def partitions(count: int) -> Iterator[list[int]]:
    """All ways to put so many tasks on hosts, numbered from 1 in the order of their first task."""

    def placed(numbers: Sequence[int]) -> Iterator[list[int]]:
        if len(numbers) == count:
            yield list(numbers)
            return
        for number in range(1, max(numbers, default=0) + 2):
            yield from placed([*numbers, number])

    return placed([])
