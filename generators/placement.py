"""Generates tasks that come and go on hosts of one size, with room between random and good."""

from collections.abc import Mapping, Sequence
from math import exp
from random import Random
from statistics import fmean
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from generators.base import plain_settings, settings_as
from graders.exact.placement import FEW, TaskRow, least_cost, leaves_choice, random_costs
from graders.exact.placement import reference as solved
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.ids import instance_id
from tasks.placement import VERSION, Fleet, PlacedTask

FEWEST, MOST = 3, 2000  # tasks
CPU, MEMORY = 32, 128  # of a host
TYPICAL = 600  # s that a task stays
SIZES, SMALL_SIZES = (2, 4, 8, 16, 24), (1, 2, 4, 8)  # CPUs of a task, of either sort as often
RATIOS = (1, 2, 4, 8)  # GiB a CPU, of which a tenth is the host's own
MEAN_CPU = 7.275
ROOM = 0.2  # of skill between random fits and the best of them, where tasks are few
LEAST = 1.05  # of random fits over the bound: below it there is nothing to plan
TRIES = 400  # draws of tasks that leave as much
TaskSize: TypeAlias = tuple[int, int, int]  # how long a task stays, its cpu and memory


class PlacementSettings(Noun, frozen=True):
    """The dials of a fleet.

    Attributes:
        load: hosts that the tasks of a moment would fill by their CPUs, on average.
        spread: of how long tasks stay: the standard deviation of its logarithm.
        hint: what a scheduler is told of how long a task stays: a guess, wrong by half; the number;
            or nothing.
    """

    load: Annotated[float, Meta(ge=0.5, le=100)] = 3.0
    spread: Annotated[float, Meta(ge=0, le=2)] = 1.0
    hint: Literal["guess", "exact", "none"] = "guess"


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with their defaults, in one spelling.

    Args:
        level: the number of tasks.
        settings: those that are given; see `PlacementSettings`.

    Raises:
        InputError: the level or a setting is wrong.
    """
    typed = settings_as(PlacementSettings, "placement", settings)
    if not FEWEST <= level <= MOST:
        raise InputError(f"level {level}: a fleet has {FEWEST} to {MOST} tasks")
    for name, value in (("load", typed.load), ("spread", typed.spread)):
        if value != value:  # not a number passes every bound
            raise InputError(f"settings of placement: {name}: {value} is no number")
    return plain_settings(typed)


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[Fleet]:
    """Return tasks that come to hosts of one size.

    Args:
        level: the number of tasks.
        seed: of all streams.
        index: the number of the instance, from 0.
        settings: those that are given; see `PlacementSettings`.
        reference: whether good placings are searched; the bound is there without.

    Raises:
        InputError: the level or a setting is wrong, or no draw leaves anything to plan.
    """
    resolved = resolve(level, settings)
    typed = msgspec.convert(resolved, PlacementSettings)
    fleet = _with_room(level, f"{seed}/{index}/{level}", typed)
    return Instance(
        id=instance_id("placement", level, seed, index, VERSION, resolved, apart=True),
        family="placement",
        level=level,
        seed=seed,
        index=index,
        settings=resolved,
        version=VERSION,
        payload=fleet,
        reference=solved(fleet, search=reference),
    )


def solve(fleet: Fleet, /, *, seconds: float | None = None) -> Reference:
    """Return the best placing that is found, and the bound; see `graders.exact.placement`."""
    del seconds
    return solved(fleet)


def _with_room(level: int, place: str, settings: PlacementSettings) -> Fleet:
    """Draw tasks until random fits are clearly worse than the bound, and than the best of them."""
    for number in range(TRIES):
        stream = f"{place}/{number}"
        sizes = _sizes(level, stream, settings)
        if level <= FEW and _fit_together(sizes[:-1]):  # on the one host in use
            continue
        rows = _rows(sizes, stream, settings)
        if level <= FEW and not leaves_choice(rows, CPU, MEMORY):  # all fits are one
            continue
        fleet = _fleet(rows, stream, settings)
        if _leaves_room(fleet):
            return fleet
    raise InputError(f"level {level}: every placing of these tasks is as good: give more of them")


def _leaves_room(fleet: Fleet) -> bool:
    costs, bound = random_costs(fleet), least_cost(fleet)
    chance = fmean(costs)
    if chance < LEAST * bound:
        return False
    return len(fleet.tasks) > FEW or chance - min(costs) >= ROOM * (chance - bound)


def drawn(level: int, place: str, settings: PlacementSettings) -> Fleet:
    """Return tasks of a stream: their sizes and stays hang on neither hint nor load.

    Args:
        level: the number of tasks.
        place: of the streams.
        settings: the dials.
    """
    return _fleet(_rows(_sizes(level, place, settings), place, settings), place, settings)


def _sizes(level: int, place: str, settings: PlacementSettings) -> list[TaskSize]:
    rng, sizes = _stream(place, "tasks"), list[TaskSize]()
    for _ in range(level):
        cpu = rng.choice(SIZES if rng.random() < 0.5 else SMALL_SIZES)
        memory = min(MEMORY, max(1, int(cpu * rng.choice(RATIOS) * 0.9)))
        time = max(30, int(TYPICAL * exp(rng.gauss(0, settings.spread))))
        sizes.append((time, cpu, memory))
    return sizes


def _fit_together(sizes: Sequence[TaskSize]) -> bool:
    return sum([s[1] for s in sizes]) <= CPU and sum([s[2] for s in sizes]) <= MEMORY


def _rows(sizes: Sequence[TaskSize], place: str, settings: PlacementSettings) -> list[TaskRow]:
    arrivals, rows, now = _stream(place, "arrivals"), list[TaskRow](), 0
    stay = TYPICAL * exp(settings.spread**2 / 2)
    gap = stay * MEAN_CPU / (settings.load * CPU)
    for time, cpu, memory in sizes:
        rows.append((now, now + time, cpu, memory))
        now += int(arrivals.expovariate(1) * gap)
    return rows


def _fleet(rows: Sequence[TaskRow], place: str, settings: PlacementSettings) -> Fleet:
    guesses, width = _stream(place, "guesses"), max(2, len(str(len(rows))))
    tasks = []
    for number, (at, end, cpu, memory) in enumerate(rows, 1):
        time = end - at
        guess = max(30, int(time * exp(guesses.gauss(0, 0.5))))
        hint = {"guess": guess, "exact": time, "none": None}[settings.hint]
        tasks.append(PlacedTask(f"T{number:0{width}d}", at, time, cpu, memory, hint))
    return Fleet(CPU, MEMORY, tuple(tasks))


def _stream(place: str, part: str) -> Random:
    return Random(f"placement/{VERSION}/{place}/{part}")
