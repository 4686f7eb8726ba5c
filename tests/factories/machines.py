"""Small sets of jobs whose operations show one by one, and plays of them by brute force."""

from functools import cache
from random import Random

from tasks.base import Instance
from tasks.flow_payload import Flow, StagedJob, has_choice


def drawn_flow(rng: Random, jobs: int = 4, largest: int = 6, latest: int = 8) -> Flow:
    """Jobs with at least one moment at which two of them are there."""
    while True:
        staged = []
        for k in range(rng.randint(2, jobs)):
            size = rng.randint(1, largest)
            points = sorted(rng.sample(range(1, size), rng.randint(0, size - 1)))
            operations = [b - a for a, b in zip([0, *points], [*points, size], strict=True)]
            staged.append(StagedJob(f"J{k}", rng.randint(0, latest), tuple(operations)))
        rng.shuffle(staged)
        if has_choice(staged):
            return Flow(tuple(staged), pause=rng.randint(1, 5))


def instance_with(flow: Flow) -> Instance[Flow]:
    """An instance of these jobs, without a reference."""
    return Instance("i", "flow", 1, None, 0, {}, 1, flow)


def least_by_units(flow: Flow) -> int:
    """The least total flow time, by looking at every unit of time."""
    releases = [job.release for job in flow.jobs]

    @cache
    def best(time: int, left: tuple[int, ...]) -> int:
        alive = [k for k, units in enumerate(left) if units and releases[k] <= time]
        coming = [releases[k] for k, units in enumerate(left) if units and releases[k] > time]
        if not alive:
            return best(min(coming), left) if coming else 0
        after = ((*left[:k], left[k] - 1, *left[k + 1 :]) for k in alive)
        return len(alive) + min(best(time + 1, each) for each in after)

    return best(0, tuple(sum(job.operations) for job in flow.jobs))


def total_by_units(flow: Flow, choices: list[str]) -> tuple[int, int]:
    """The total flow time and the number of turns where choices name jobs in turn, unit by unit.

    The next choice is taken where an operation has ended or a job has come, and two are there.
    """
    left = {job.id: list(job.operations) for job in flow.jobs}
    releases = {job.id: job.release for job in flow.jobs}
    time = total = turns = 0
    current, asks = "", True
    while any(left.values()):
        asks = asks or time in releases.values()
        alive = [name for name in left if left[name] and releases[name] <= time]
        if alive and asks:
            current = alive[0]
            if len(alive) > 1:
                current, turns = choices[turns], turns + 1
        time, asks = time + 1, False
        if alive:
            total += len(alive)
            left[current][0] -= 1
            if not left[current][0]:
                left[current].pop(0)
                asks = True
        else:
            asks = True
    return total, turns
