"""Policies that place tasks as they come, on a host in use that has room or on a new one."""

from collections.abc import Callable, Sequence
from math import sqrt
from random import Random
from typing import Any

from graders.exact.placement_simulator import ComingTask, Place, PlacementRun, UsedHost

End = Callable[[ComingTask], float]
Make = Callable[[PlacementRun], Place]
STEP = 120  # s by which ends are told apart where a host is to fit


def least(key: Callable[[ComingTask, UsedHost], Any]) -> Place:
    """Return the policy of the host with the smallest key, of equals the one longest in use."""

    def place(task: ComingTask, hosts: Sequence[UsedHost]) -> int | None:
        keys = [key(task, host) for host in hosts]
        return keys.index(min(keys)) if keys else None

    return place


def guessed_end(task: ComingTask) -> float:
    """Return when a task ends by its guess; without one 600 s after its coming."""
    return task.at + (600 if task.guess is None else task.guess)


def room(run: PlacementRun, host: UsedHost) -> float:
    """Return the share of a host's resources that is free, summed over both."""
    return host.cpu / run.cpu + host.memory / run.memory


def random_fit(seed: str) -> Make:
    """Return the policy that takes any host with room: the zero of skill."""
    rng = random_stream(seed)

    def place(task: ComingTask, hosts: Sequence[UsedHost]) -> int | None:
        del task
        return rng.randrange(len(hosts)) if hosts else None

    return lambda run: place  # noqa: ARG005


def random_stream(seed: str) -> Random:
    """Return the stream from which a random fit draws."""
    return Random(f"placement/random/{seed}")


def first_fit(run: PlacementRun) -> Place:
    """The host that is longest in use."""
    del run
    return least(lambda task, host: 0)  # noqa: ARG005


def best_fit(run: PlacementRun) -> Place:
    """The fullest host."""
    return least(lambda _, host: room(run, host))


def worst_fit(run: PlacementRun) -> Place:
    """The emptiest host."""
    return least(lambda _, host: -room(run, host))


def dot_product(run: PlacementRun) -> Place:
    """The host whose free resources are most alike in shape: Panigrahy et al. 2011."""

    def key(task: ComingTask, host: UsedHost) -> float:
        cpu, memory = host.cpu / run.cpu, host.memory / run.memory
        inner = task.cpu / run.cpu * cpu + task.memory / run.memory * memory
        length = sqrt(cpu * cpu + memory * memory)
        return -inner / length if length else 0.0

    return least(key)


def last_end(host: UsedHost, end: End) -> float:
    """Return when the last task of a host ends, as far as `end` knows."""
    return max(end(task) for task in host.tasks)


def alike_end(run: PlacementRun, end: End = guessed_end) -> Place:
    """The host that ends about when the task does, in steps; of equals the fullest.

    After lifetime-aware placing of virtual machines: Barbalho et al. 2023.
    """
    return least(
        lambda task, host: (
            abs(max(last_end(host, end), run.now) - end(task)) // STEP,
            room(run, host),
        )
    )


def least_longer(run: PlacementRun, end: End = guessed_end) -> Place:
    """The host that the task keeps in use for the least time more; of equals the fullest."""
    return least(
        lambda task, host: (
            max(0.0, end(task) - max(last_end(host, end), run.now)),
            room(run, host),
        )
    )


RULES: dict[str, tuple[str, Make]] = {
    "first-fit": ("the host that is longest in use", first_fit),
    "best-fit": ("the fullest host", best_fit),
    "worst-fit": ("the emptiest host", worst_fit),
    "dot-product": ("the host whose free resources have the task's shape", dot_product),
    "alike-end": ("the host that ends about when the task does, by guess", alike_end),
    "least-longer": ("the host that is longer in use by the least, by guess", least_longer),
}
