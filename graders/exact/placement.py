"""The least host-seconds of a fleet: a bound, good runs, and for few tasks a proven optimum.

The bound counts, at each moment, how many hosts the tasks of that moment need, for each resource
by itself: the bound L2 of bin packing (Martello & Toth 1990).
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache, partial
from heapq import heappop, heappush
from itertools import chain, islice, pairwise
from statistics import fmean
from typing import TypeAlias

import msgspec

from graders.exact.placement_rules import (
    RULES,
    Make,
    alike_end,
    least_longer,
    random_fit,
    random_stream,
)
from graders.exact.placement_search import branched, descent, longest_first
from graders.exact.placement_simulator import ComingTask, PlacementRun
from tasks.base import Fields, Reference
from tasks.placement import KEY, Fleet, host_seconds

FEW = 48  # tasks up to which good runs are mended by a descent
WORDS = 500  # of a random fit's stream that are kept
RUNS, RUNS_OF_FEW = 3, 20  # random runs that set the zero of skill, above `FEW` and below
TaskRow: TypeAlias = tuple[int, int, int, int]  # when a task comes and ends, its cpu and memory


def case_of(fleet: Fleet) -> Fields:
    """Return a fleet as the simulator reads it."""
    case: Fields = msgspec.to_builtins(fleet)
    return case


def simulate(fleet: Fleet, make: Make) -> list[int]:
    """Return the number of each task's host under a policy."""
    run = PlacementRun(case_of(fleet), lambda task, hosts: None)  # noqa: ARG005
    run.place = make(run)
    return run.run()


def by_id(fleet: Fleet, hosts: Sequence[int]) -> dict[str, int]:
    """Return the number of a host for each task id, from one for each task in order."""
    return {task.id: number for task, number in zip(fleet.tasks, hosts, strict=True)}


@lru_cache(maxsize=1000)
def random_cost(fleet: Fleet) -> float:
    """Return the mean host-seconds of random fits."""
    return fmean(random_costs(fleet))


def random_costs(fleet: Fleet) -> list[int]:
    """Return the host-seconds of several random fits."""
    count = RUNS_OF_FEW if len(fleet.tasks) <= FEW else RUNS
    rows = [(task.at, task.end, task.cpu, task.memory) for task in fleet.tasks]
    return [_cost(fleet, rows, _words(number)) for number in range(count)]


def _words(number: int) -> Iterator[int]:
    """Yield the 32-bit words of a random fit's stream, which is the same for every fleet."""
    return chain(_first_words(number), _later_words(number))


@cache
def _first_words(number: int) -> tuple[int, ...]:
    rng = random_stream(str(number))
    return tuple(rng.getrandbits(32) for _ in range(WORDS))


def _later_words(number: int) -> Iterator[int]:
    rng = random_stream(str(number))
    yield from islice(iter(partial(rng.getrandbits, 32), None), WORDS, None)


def _below(count: int, words: Iterator[int]) -> int:
    """Return what `Random.randrange` draws from a stream of words: too large ones are left out."""
    shift = 32 - count.bit_length()
    for word in words:
        if word >> shift < count:
            return word >> shift
    raise AssertionError("words have no end")


def _cost(fleet: Fleet, rows: Sequence[TaskRow], words: Iterator[int]) -> int:
    """Return the host-seconds of the policy `random_fit` without its log, which takes longer."""
    total, hosts, ends = 0, list[_Filled](), list[tuple[int, int, _Filled]]()
    for number, (at, end, cpu, memory) in enumerate(rows):
        while ends and ends[0][0] <= at:
            _, other, host = heappop(ends)
            host.cpu += rows[other][2]
            host.memory += rows[other][3]
            if host.until <= at and host in hosts:
                hosts.remove(host)
        able = [host for host in hosts if host.cpu >= cpu and host.memory >= memory]
        if able:
            host = able[_below(len(able), words)]
        else:
            host = _Filled(fleet.cpu, fleet.memory, at)
            hosts.append(host)
        host.cpu -= cpu
        host.memory -= memory
        total += max(0, end - host.until)
        host.until = max(end, host.until)
        heappush(ends, (end, number, host))
    return total


class _Filled:
    """A host in use: what is free of it, and until when it is in use."""

    __slots__ = ("cpu", "memory", "until")

    def __init__(self, cpu: int, memory: int, until: int) -> None:
        self.cpu, self.memory, self.until = cpu, memory, until


def leaves_choice(rows: Iterable[TaskRow], cpu: int, memory: int) -> bool:
    """Return whether random fits can differ: at some task two hosts in use have room.

    Args:
        rows: tasks in the order of their coming.
        cpu, memory: of a host.
    """
    hosts: list[list[TaskRow]] = []
    for row in rows:
        hosts = [[task for task in host if task[1] > row[0]] for host in hosts]
        able = [
            host
            for host in hosts
            if host
            and sum(task[2] for task in host) + row[2] <= cpu
            and sum(task[3] for task in host) + row[3] <= memory
        ]
        if len(able) > 1:
            return True
        if able:
            able[0].append(row)
        else:
            hosts.append([row])
    return False


# Bound -----------------------------------------------------------------------------------------


@lru_cache(maxsize=1000)
def least_cost(fleet: Fleet) -> int:
    """Return what no placing has fewer host-seconds than."""
    return sum((end - start) * hosts for start, end, hosts in needed(fleet))


def needed(fleet: Fleet) -> Iterator[tuple[int, int, int]]:
    """Yield the intervals [start, end) between events and how many hosts each needs at least."""
    moments = sorted({task.at for task in fleet.tasks} | {task.end for task in fleet.tasks})
    for start, end in pairwise(moments):
        there = [task for task in fleet.tasks if task.at <= start < task.end]
        by_cpu = bins([task.cpu for task in there], fleet.cpu)
        yield start, end, max(by_cpu, bins([task.memory for task in there], fleet.memory))


def bins(sizes: Sequence[int], capacity: int) -> int:
    """Return how many bins sizes need at least: L2 of Martello & Toth 1990.

    Args:
        sizes: each from 0 to the capacity.
        capacity: of a bin.
    """
    return max(
        (_bins_above(sizes, capacity, least) for least in {0, *sizes} if 2 * least <= capacity),
        default=0,
    )


def _bins_above(sizes: Sequence[int], capacity: int, least: int) -> int:
    """Return the bins that sizes of some least need, if smaller ones take no place."""
    alone = [size for size in sizes if size > capacity - least]
    large = [size for size in sizes if capacity - least >= size and 2 * size > capacity]
    small = sum(size for size in sizes if least <= size and 2 * size <= capacity)
    free = len(large) * capacity - sum(large)
    return len(alone) + len(large) + max(0, -((free - small) // capacity))


# Reference -------------------------------------------------------------------------------------


def reference(fleet: Fleet, *, search: bool = True, seconds: float | None = None) -> Reference:
    """Return the bound and the best placing that is found; few tasks have a proven optimum.

    Args:
        fleet: with its tasks.
        search: whether placings are tried; else nothing but the bound is there.
        seconds: has no effect, as what is tried is the same on every machine.
    """
    del seconds
    bound = least_cost(fleet)
    if not search:
        return Reference("bounded", bound=bound)
    hosts, is_proven = _best(fleet, bound)
    answer = by_id(fleet, hosts)
    objective = host_seconds(fleet, answer)
    if is_proven or objective == bound:
        return Reference("optimal", objective, objective, "search", answer={KEY: answer})
    return Reference("bounded", objective, bound, "search", answer={KEY: answer})


def _best(fleet: Fleet, bound: int) -> tuple[list[int], bool]:
    """Return the best placing that is found, and whether it is proven that there is no better."""

    def cost(hosts: Sequence[int]) -> int:
        return host_seconds(fleet, by_id(fleet, hosts))

    runs = [simulate(fleet, make) for make in _policies(fleet)]
    best = min([longest_first(fleet), *runs], key=cost)
    if len(fleet.tasks) > FEW or cost(best) == bound:
        return best, False
    return branched(fleet, descent(fleet, best), [*needed(fleet)])


def _policies(fleet: Fleet) -> Iterator[Make]:
    """Yield policies that know when tasks end, and those that guess."""

    def end(task: ComingTask) -> float:
        return fleet.tasks[task.id].end

    yield partial(least_longer, end=end)
    yield partial(alike_end, end=end)
    yield from (make for _, make in RULES.values())
    if len(fleet.tasks) <= FEW:
        yield from (random_fit(str(number)) for number in range(RUNS_OF_FEW))
