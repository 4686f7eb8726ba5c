"""Projects of periodic activities on unit devices: each occurrence has its period for a window.

After Skrzypczyk and Wehner, *An architecture for meeting quality-of-service requirements in
multi-user quantum networks* (arXiv 2111.13124): activity i of period P and duration d occurs in
[kP, (k + 1)P) for each k up to the least common multiple of the periods, and takes the whole of its
devices. No witness is made: of some projects it is proven that they have no schedule.
"""

from collections.abc import Mapping
from math import isfinite, lcm
from random import Random
from typing import Annotated, Literal

from msgspec import Meta
from msgspec.structs import replace

from generators.base import plain_settings, settings_as
from tasks.base import InputError, Noun, Scalar
from tasks.rcpsp import VERSION, Project, Resource, Task, Window

PERIODS = (20, 40, 80)
CYCLE = lcm(*PERIODS)  # time units, after which all begins anew
LARGEST = 100  # activities


class PeriodicSettings(Noun, frozen=True):
    """The dials of periodic activities.

    Attributes:
        resources: devices; an activity takes one or two of them.
        load: the largest share of its time that a device is taken.
        setting: the words of the prompt.
        pattern: says that these are the dials.
    """

    resources: Annotated[int, Meta(ge=1, le=100)] = 4
    load: Annotated[float, Meta(ge=0.05, le=1)] = 0.7
    setting: Literal["plain", "datacentre"] = "plain"
    pattern: Literal["periodic"] = "periodic"

    def __post_init__(self) -> None:
        if not isfinite(self.load):
            raise ValueError(f"load: {self.load} is not from 0.05 to 1")


class Activity(Noun, frozen=True):
    """What occurs once in every period; all in time units but the numbers of its devices."""

    period: int
    duration: int
    devices: tuple[int, ...]


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with their defaults, in one spelling.

    Args:
        level: the number of activities.
        settings: those that are given; see `PeriodicSettings`.

    Raises:
        InputError: the level or a setting is wrong.
    """
    if not 1 <= level <= LARGEST:
        raise InputError(
            f"level {level}: with pattern=periodic there are 1 to {LARGEST} activities"
        )
    return plain_settings(settings_as(PeriodicSettings, "rcpsp with pattern=periodic", settings))


def generate_project(level: int, seed: int, index: int, settings: PeriodicSettings) -> Project:
    """Return the occurrences of periodic activities over one cycle, as a project.

    Args:
        level: the number of activities.
        seed: of all streams.
        index: the number of the instance, from 0.
        settings: the dials.

    Raises:
        InputError: activities of one time unit load a device beyond `load`.
    """
    activities = _lengthened(_shortest(level, seed, index, settings), seed, index, settings)
    names = [f"P{k:0{len(str(level))}d}" for k in range(1, level + 1)]
    tasks: list[Task] = []
    windows: list[Window] = []
    for name, activity in zip(names, activities, strict=True):
        demands = {f"R{device + 1}": 1 for device in activity.devices}
        for k in range(CYCLE // activity.period):
            task = Task(f"{name}.{k + 1}", activity.duration, demands)
            tasks.append(task)
            release = k * activity.period
            windows.append(Window(task.id, release, release + activity.period))
    return Project(
        tasks=tuple(tasks),
        resources=tuple(Resource(f"R{k + 1}", 1) for k in range(settings.resources)),
        precedences=(),
        downtimes=(),
        windows=tuple(windows),
        disjunctions=(),
        horizon=CYCLE,
        setting=settings.setting,
    )


def _stream(level: int, seed: int, index: int, part: str) -> Random:
    return Random(f"rcpsp/{VERSION}/{seed}/{index}/periodic {level} {part}")


def _shortest(level: int, seed: int, index: int, settings: PeriodicSettings) -> list[Activity]:
    """Draw periods and devices; each activity takes one time unit."""
    rng, count = _stream(level, seed, index, "activities"), settings.resources
    activities: list[Activity] = []
    for _ in range(level):
        period, taken = rng.choice(PERIODS), rng.randint(1, min(2, count))
        devices = tuple(sorted(rng.sample(range(count), taken)))
        activities.append(Activity(period, 1, devices))
    if any(busy > settings.load * CYCLE for busy in _busy(activities, count)):
        raise InputError(
            f"load={settings.load:g}: {level} activities on {count} devices load one beyond that at"
            f" seed {seed}, index {index}: give more resources or a higher load"
        )
    return activities


def _lengthened(
    activities: list[Activity], seed: int, index: int, settings: PeriodicSettings
) -> list[Activity]:
    """Lengthen activities, each to half its period at most, until no device has room for more."""
    rng = _stream(len(activities), seed, index, "durations")
    most, busy = settings.load * CYCLE, _busy(activities, settings.resources)
    growing = list(range(len(activities)))
    while growing:
        place = rng.randrange(len(growing))
        each = activities[growing[place]]
        unit = CYCLE // each.period
        fits = all(busy[device] + unit <= most for device in each.devices)
        if not fits or 2 * (each.duration + 1) > each.period:
            del growing[place]
            continue
        activities[growing[place]] = replace(each, duration=each.duration + 1)
        for device in each.devices:
            busy[device] += unit
    return activities


def _busy(activities: list[Activity], count: int) -> list[int]:
    """Return the time units of a cycle that each device is taken."""
    busy = [0] * count
    for each in activities:
        for device in each.devices:
            busy[device] += each.duration * (CYCLE // each.period)
    return busy
