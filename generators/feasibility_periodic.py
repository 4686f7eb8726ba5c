"""Periodic activities that may have no schedule: one of them is a time unit too long, or is not.

Activities grow, one time unit at a time, while no device has more work than time. The project
before the first step that leaves no schedule has one, the project after it has none, and so has
every later one: who starts a shorter activity at the same time keeps every rule. No device's work
alone decides it; the windows do.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Annotated, Literal

from msgspec import Meta

from generators.base import plain_settings, settings_as
from generators.rcpsp_periodic import (
    CYCLE,
    Activity,
    busy_times,
    lengthenings,
    occurring,
    shortest_activities,
)
from graders.exact.feasibility import has_schedule
from graders.exact.rcpsp import reference
from tasks.base import InputError, Noun, Reference, Scalar
from tasks.feasibility import VERSION
from tasks.rcpsp import Project

LEAST, LARGEST = 3, 5  # activities: of 6 some cores take half a minute
QUICK = 0.05  # deterministic seconds to decide a step: what takes longer is drawn again


class PeriodicTwinSettings(Noun, frozen=True):
    """The dials of periodic activities that may have no schedule.

    Attributes:
        resources: devices; an activity takes one or two of them.
        twin, confidence: as of other projects.
        pattern: says that these are the dials.
    """

    resources: Annotated[int, Meta(ge=1, le=20)] = 3
    twin: Literal["blind", "feasible", "infeasible"] = "blind"
    confidence: bool = False
    pattern: Literal["periodic"] = "periodic"


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with their defaults, in one spelling.

    Args:
        level: the number of activities.
        settings: those that are given; see `PeriodicTwinSettings`.

    Raises:
        InputError: the level or a setting is wrong.
    """
    if not LEAST <= level <= LARGEST:
        raise InputError(
            f"level {level}: with pattern=periodic a twin has {LEAST} to {LARGEST} activities"
        )
    family = "feasibility with pattern=periodic"
    return plain_settings(settings_as(PeriodicTwinSettings, family, settings))


def twins(
    level: int, seed: int, number: int, settings: PeriodicTwinSettings
) -> tuple[Project, Reference, Project] | None:
    """Return a project with its reference, and the one without a schedule; None where none is near.

    Args:
        level: the number of activities.
        seed: of all streams.
        number: of the draw, from 0.
        settings: the dials.
    """
    rng, devices = Random(f"feasibility/{VERSION}/{seed}/{number} periodic"), settings.resources
    activities = shortest_activities(level, devices, rng)
    if max(busy_times(activities, devices)) > CYCLE:
        return None
    steps = [activities, *lengthenings(activities, devices, CYCLE, rng)]
    first = _first_without(steps, devices)
    if first is None:
        return None
    longest, too_long = (occurring(steps[k], devices) for k in (first - 1, first))
    best = reference(longest)
    return None if best.answer is None else (longest, best, too_long)


def _first_without(steps: Sequence[list[Activity]], devices: int) -> int | None:
    """Return the first step that leaves no schedule, by bisection; None if no step but the first.

    None also where the solver does not decide a step on the way.
    """
    low, high = 0, len(steps) - 1
    if _has_schedule(steps[high], devices) is not False:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        verdict = _has_schedule(steps[middle], devices)
        if verdict is None:
            return None
        low, high = (middle, high) if verdict else (low, middle)
    return high if _has_schedule(steps[low], devices) else None


def _has_schedule(activities: Sequence[Activity], devices: int) -> bool | None:
    return has_schedule(occurring(activities, devices), QUICK)
