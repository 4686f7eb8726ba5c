"""Job shops with a deadline, as projects: the least makespan, or one less.

A job shop whose jobs may wait anywhere is a project: an operation is a task, a machine a resource
of one unit, the order within a job its precedences, a shutdown a downtime. What blocks a machine
while it waits is none: those shops have no twins.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal

from msgspec import Meta

from generators import jobshop
from generators.base import plain_settings, settings_as
from tasks.base import InputError, Noun, Scalar
from tasks.jobshop import Shop, in_a_row, machines_of
from tasks.rcpsp import Downtime, Project, Resource, Task

LEAST, LARGEST = 2, 8  # jobs, and machines


class ShopTwinSettings(Noun, frozen=True):
    """The dials of a job shop with a deadline.

    Attributes:
        machines: how many, each visited once by every job; as many as jobs if not given.
        shutdowns: of each machine, known beforehand.
        high: the longest time of an operation; the shortest is 1.
        twin, confidence: as of other projects.
        pattern: says that these are the dials.
    """

    machines: Annotated[int, Meta(ge=2, le=LARGEST)] | None = None
    shutdowns: Annotated[int, Meta(ge=0, le=jobshop.MOST_SHUTDOWNS)] = 0
    high: Annotated[int, Meta(ge=1, le=1000)] = 20
    twin: Literal["blind", "feasible", "infeasible"] = "blind"
    confidence: bool = False
    pattern: Literal["jobshop"] = "jobshop"


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with the defaults of the level, in one spelling.

    Args:
        level: the number of jobs.
        settings: those that are given; see `ShopTwinSettings`.

    Raises:
        InputError: the level or a setting is wrong.
    """
    if not LEAST <= level <= LARGEST:
        raise InputError(
            f"level {level}: with pattern=jobshop a twin has {LEAST} to {LARGEST} jobs"
        )
    typed = settings_as(ShopTwinSettings, "feasibility with pattern=jobshop", settings)
    resolved = plain_settings(typed)
    return resolved | {"machines": typed.machines or level}


def drawn_shop(level: int, seed: int, number: int, settings: ShopTwinSettings) -> Project:
    """Return a job shop as a project whose horizon leaves room for one job after another.

    Args:
        level: the number of jobs.
        seed: of all streams.
        number: of the draw.
        settings: the dials.
    """
    dials: dict[str, Scalar] = {
        "machines": settings.machines,
        "shutdowns": settings.shutdowns,
        "high": settings.high,
    }
    return as_project(jobshop.generate(level, seed, number, dials, reference=False).payload)


def as_project(shop: Shop) -> Project:
    """Return a job shop with free buffers as a project; task `J2.3` is operation 3 of job J2.

    Args:
        shop: its jobs may wait anywhere.
    """
    names = {
        job.id: [f"{job.id}.{k}" for k in range(1, len(job.operations) + 1)] for job in shop.jobs
    }
    return Project(
        tasks=tuple(
            Task(name, step.time, {step.machine: 1})
            for job in shop.jobs
            for name, step in zip(names[job.id], job.operations, strict=True)
        ),
        resources=tuple(Resource(machine, 1) for machine in machines_of(shop)),
        precedences=tuple(pair for row in names.values() for pair in pairwise(row)),
        downtimes=tuple(Downtime(down.machine, down.start, down.end) for down in shop.shutdowns),
        windows=(),
        disjunctions=(),
        horizon=in_a_row(shop),
    )
