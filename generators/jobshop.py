"""Generates job shops: every job visits every machine once, in an order of its own.

Taillard (1993), "Benchmarks for basic scheduling problems": routes are random orders, times are
U{1..high}. The same jobs are there for all settings of buffers and shutdowns, and of the shutdowns
the first so many of each machine: fewer of them, or more room, drop rules and change nothing else.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from generators.base import plain_settings, settings_as
from graders.exact.jobshop import PURPOSE
from graders.exact.jobshop import reference as solve
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.extras import require
from tasks.ids import instance_id
from tasks.jobshop import VERSION, MachineStep, Shop, ShopJob, Shutdown

LARGEST = 50  # jobs, and machines
MOST_SHUTDOWNS = 4  # of a machine


class ShopSettings(Noun, frozen=True):
    """The dials of a job shop.

    Attributes:
        machines: how many; as many as jobs if not given.
        buffers: where jobs wait. `free`: anywhere; `swap`: on their machine, and they may exchange
            machines; `none`: on their machine, and they may not.
        shutdowns: of each machine, known beforehand; together a third to two thirds of the work of
            the busiest machine if there are as many as there can be.
        high: the longest time of an operation; the shortest is 1.
        setting: the words of the prompt.
    """

    machines: Annotated[int, Meta(ge=1, le=LARGEST)] | None = None
    buffers: Literal["free", "swap", "none"] = "free"
    shutdowns: Annotated[int, Meta(ge=0, le=MOST_SHUTDOWNS)] = 0
    high: Annotated[int, Meta(ge=1, le=1_000_000)] = 20
    setting: Literal["plain"] = "plain"


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with the defaults of the level, in one spelling.

    Args:
        level: the number of jobs.
        settings: those that are given; see `ShopSettings`.

    Raises:
        InputError: the level or a setting is wrong.
    """
    if not 1 <= level <= LARGEST:
        raise InputError(f"level {level}: a shop has 1 to {LARGEST} jobs")
    typed = settings_as(ShopSettings, "jobshop", settings)
    return plain_settings(replace(typed, machines=typed.machines or level))


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[Shop]:
    """Return a job shop; levels share nothing, settings of one level share the jobs.

    Args:
        level: the number of jobs.
        seed: of all streams.
        index: the number of the instance, from 0.
        settings: those that are given; see `ShopSettings`.
        reference: whether the solver looks for the optimum; else nothing is known of it.

    Raises:
        InputError: the level or a setting is wrong.
        MissingExtra: the solver is to look, and is not installed.
    """
    if reference:  # not at the first shop that needs it, in the middle of a file
        require("solvers", PURPOSE, "ortools")
    resolved = resolve(level, settings)
    shop = _shop(f"jobshop/{VERSION}/{level}/{seed}/{index}", level, resolved)
    return Instance(
        id=instance_id("jobshop", level, seed, index, VERSION, resolved, apart=True),
        family="jobshop",
        level=level,
        seed=seed,
        index=index,
        settings=resolved,
        version=VERSION,
        payload=shop,
        reference=solve(shop) if reference else Reference("none"),
    )


def _shop(streams: str, level: int, settings: Mapping[str, Scalar]) -> Shop:
    """Draw every ingredient from its own stream, whose name begins with `streams`."""
    typed = msgspec.convert(settings, ShopSettings)
    machines = numbered("M", typed.machines or level)
    routes = Random(f"{streams}/routes {len(machines)}")
    times = Random(f"{streams}/times {len(machines)} {typed.high}")
    jobs = tuple(
        ShopJob(
            name,
            tuple(
                MachineStep(machine, times.randint(1, typed.high))
                for machine in routes.sample(machines, len(machines))
            ),
        )
        for name in numbered("J", level)
    )
    rng = Random(f"{streams}/shutdowns {len(machines)} {typed.high}")
    shutdowns = _shutdowns(jobs, machines, typed, rng)
    return Shop(jobs, shutdowns, buffers=typed.buffers, setting=typed.setting)


def numbered(letter: str, count: int, first: int = 1) -> list[str]:
    """Return names with numbers of one width, which then sort by number: `M01`, `M02`, ..."""
    width = len(str(first + count - 1))
    return [f"{letter}{k:0{width}d}" for k in range(first, first + count)]


def _shutdowns(
    jobs: Sequence[ShopJob], machines: Sequence[str], settings: ShopSettings, rng: Random
) -> tuple[Shutdown, ...]:
    """Draw all shutdowns there can be of each machine and return the first so many, in time order.

    The greatest work of a machine, which no schedule is shorter than, is cut into as many slots as
    a machine can have shutdowns; each slot, in random order, gets one somewhere in it.
    """
    loads = dict.fromkeys(machines, 0)
    for job in jobs:
        for step in job.operations:
            loads[step.machine] += step.time
    slot = max(1, max(loads.values()) // MOST_SHUTDOWNS)
    drawn: list[Shutdown] = []
    for machine in machines:
        slots = rng.sample(range(MOST_SHUTDOWNS), MOST_SHUTDOWNS)
        spans = [_span(slot * place, slot, rng) for place in slots]
        drawn += [Shutdown(machine, *span) for span in sorted(spans[: settings.shutdowns])]
    return tuple(drawn)


def _span(begin: int, slot: int, rng: Random) -> tuple[int, int]:
    """Draw an interval of a third to two thirds of a slot that begins somewhere."""
    length = rng.randint(max(1, slot // 3), max(1, 2 * slot // 3))
    start = begin + rng.randint(0, slot - length)
    return start, start + length
