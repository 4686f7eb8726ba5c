"""When jobs end whose tasks begin by an order of jobs: what a run shows, without its log.

An order asks for no policy at every task, so that this is many times as fast as a run.
"""

from collections.abc import Sequence
from functools import lru_cache
from heapq import heappop, heappush
from random import Random

from graders.exact.orders import ranks_of
from tasks.fair_queue import ClusterJob


@lru_cache(maxsize=100)
def random_orders(jobs: int, count: int) -> tuple[tuple[int, ...], ...]:
    """Return the ranks of so many jobs, from 0, in each of the first random orders."""
    return tuple(random_ranks(jobs, str(number)) for number in range(count))


def random_ranks(count: int, seed: str) -> tuple[int, ...]:
    """Return the rank of each of so many jobs in a random order, from 0."""
    numbers = list(range(count))
    Random(f"fair-queue/random/{seed}").shuffle(numbers)
    return ranks_of(numbers)


def ends_by_rank(jobs: Sequence[ClusterJob], cores: int, ranks: Sequence[int]) -> list[int]:
    """Return when each job ends, in ms, if every core that is free goes to the least rank.

    Args:
        jobs: in the order of their coming.
        cores: of the cluster.
        ranks: of the jobs, each from 0 on once.
    """
    count, free, ready, ends = len(jobs), cores, list[int](), [0] * len(jobs)
    numbers = sorted(range(count), key=ranks.__getitem__)
    stages = [_last_first(job) for job in jobs]
    waiting, going = [each.pop() for each in stages], [0] * count  # of the stage of each job
    base = 2 * count  # an event is its moment times this, and a number: from `count` on it comes
    events = [job.at * base + count + number for number, job in enumerate(jobs)]
    while events:
        now, number = divmod(heappop(events), base)
        if number >= count:
            heappush(ready, ranks[number - count])
        else:
            free += 1
            going[number] -= 1
            ends[number] = now
            if not going[number] and not waiting[number]:
                waiting[number] = stages[number].pop()
                if waiting[number]:
                    heappush(ready, ranks[number])
        if events and events[0] < (now + 1) * base:
            continue  # something else happens before a task begins
        while free and ready:
            number = numbers[ready[0]]
            heappush(events, (now + waiting[number].pop()) * base + number)
            going[number] += 1
            free -= 1
            if not waiting[number]:
                heappop(ready)
    return ends


def _last_first(job: ClusterJob) -> list[list[int]]:
    """Return the tasks of a job's stages, the last stage and task first, after an empty one."""
    return [[], *(list(reversed(stage)) for stage in reversed(job.stages))]
