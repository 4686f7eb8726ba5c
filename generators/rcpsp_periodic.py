"""Projects of periodic activities on unit devices: each occurrence has its period for a window.

After Skrzypczyk and Wehner, *An architecture for meeting quality-of-service requirements in
multi-user quantum networks* (arXiv 2111.13124): activity i of period P and duration d occurs in
[kP, (k + 1)P) for each k up to the least common multiple of the periods, and takes the whole of its
devices. No witness is made: of some projects it is proven that they have no schedule.
"""

from collections.abc import Iterator, Mapping, Sequence
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
    activities = _shortest(level, seed, index, settings)
    rng = _stream(level, seed, index, "durations")
    steps = lengthenings(activities, settings.resources, settings.load * CYCLE, rng)
    *_, activities = (activities, *steps)
    return occurring(activities, settings.resources, settings.setting)


def occurring(activities: Sequence[Activity], devices: int, setting: str = "plain") -> Project:
    """Return the occurrences of activities over one cycle, as a project.

    Args:
        activities: at least one.
        devices: how many there are.
        setting: the words of the prompt.
    """
    width = len(str(len(activities)))
    tasks: list[Task] = []
    windows: list[Window] = []
    for number, activity in enumerate(activities, 1):
        demands = {f"R{device + 1}": 1 for device in activity.devices}
        for k in range(CYCLE // activity.period):
            task = Task(f"P{number:0{width}d}.{k + 1}", activity.duration, demands)
            tasks.append(task)
            release = k * activity.period
            windows.append(Window(task.id, release, release + activity.period))
    return Project(
        tasks=tuple(tasks),
        resources=tuple(Resource(f"R{k + 1}", 1) for k in range(devices)),
        precedences=(),
        downtimes=(),
        windows=tuple(windows),
        disjunctions=(),
        horizon=CYCLE,
        setting=setting,
    )


def _stream(level: int, seed: int, index: int, part: str) -> Random:
    return Random(f"rcpsp/{VERSION}/{seed}/{index}/periodic {level} {part}")


def _shortest(level: int, seed: int, index: int, settings: PeriodicSettings) -> list[Activity]:
    """Draw periods and devices; each activity takes one time unit."""
    count = settings.resources
    activities = shortest_activities(level, count, _stream(level, seed, index, "activities"))
    if any(busy > settings.load * CYCLE for busy in busy_times(activities, count)):
        raise InputError(
            f"load={settings.load:g}: {level} activities on {count} devices load one beyond that at"
            f" seed {seed}, index {index}: give more resources or a higher load"
        )
    return activities


def shortest_activities(level: int, devices: int, rng: Random) -> list[Activity]:
    """Draw the periods of activities and the one or two devices that each takes for a time unit.

    Args:
        level: the number of activities.
        devices: how many there are.
        rng: the stream.
    """
    activities: list[Activity] = []
    for _ in range(level):
        period, taken = rng.choice(PERIODS), rng.randint(1, min(2, devices))
        chosen = tuple(sorted(rng.sample(range(devices), taken)))
        activities.append(Activity(period, 1, chosen))
    return activities


def lengthenings(
    activities: Sequence[Activity], devices: int, most: float, rng: Random
) -> Iterator[list[Activity]]:
    """Yield activities of which one grows by a time unit after the other, none past half a period.

    Args:
        activities: as they are at first; they are none of those yielded.
        devices: how many there are.
        most: the time units of a cycle that a device may be taken.
        rng: the stream.
    """
    latest, busy = list(activities), busy_times(activities, devices)
    growing = list(range(len(latest)))
    while growing:
        place = rng.randrange(len(growing))
        each = latest[growing[place]]
        unit = CYCLE // each.period
        fits = all(busy[device] + unit <= most for device in each.devices)
        if not fits or 2 * (each.duration + 1) > each.period:
            del growing[place]
            continue
        latest = list(latest)
        latest[growing[place]] = replace(each, duration=each.duration + 1)
        for device in each.devices:
            busy[device] += unit
        yield latest


def busy_times(activities: Sequence[Activity], devices: int) -> list[int]:
    """Return the time units of a cycle that each device is taken.

    Args:
        activities: that occur in it.
        devices: how many there are.
    """
    busy = [0] * devices
    for each in activities:
        for device in each.devices:
            busy[device] += each.duration * (CYCLE // each.period)
    return busy
