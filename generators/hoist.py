"""Generates lines of tanks: places in a row, visited mostly in order, and windows for each stay.

Tanks stand in a row, loading at one end and unloading at the other; a few neighbours have changed
places, so that the way of a part goes back and forth. The hoist travels in proportion to the
distance.
"""

from collections.abc import Mapping
from random import Random
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from generators.base import plain_settings, settings_as
from generators.jobshop import numbered
from graders.exact.hoist import PURPOSE
from graders.exact.hoist import reference as solve
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.extras import require
from tasks.hoist import VERSION, HoistLine, SoakWindow, Tank
from tasks.ids import instance_id

LARGEST = 30  # tanks
LOW, HIGH = 20, 80  # least stays
NARROW, WIDE = 5, 60  # what the longest stay is above the least, where `slack` is 1


class HoistSettings(Noun, frozen=True):
    """The dials of a line.

    Attributes:
        slack: how much longer than need be a part may stay: times 5 to 60; 0 is not at all.
        crossed: the share of tanks that have changed places with the next one.
        pace: the time that the hoist travels from one place to the next.
        lift: the time of taking up and putting down.
        station: whether loading and unloading are at two ends (`apart`) or at one place (`shared`).
        setting: the words of the prompt.
    """

    slack: Annotated[float, Meta(ge=0, le=10)] = 1.0
    crossed: Annotated[float, Meta(ge=0, le=1)] = 0.34
    pace: Annotated[int, Meta(ge=0, le=100)] = 2
    lift: Annotated[int, Meta(ge=1, le=100)] = 10
    station: Literal["apart", "shared"] = "apart"
    setting: Literal["plain"] = "plain"


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with their defaults, in one spelling.

    Args:
        level: the number of tanks.
        settings: those that are given; see `HoistSettings`.

    Raises:
        InputError: the level or a setting is wrong.
    """
    if not 1 <= level <= LARGEST:
        raise InputError(f"level {level}: a line has 1 to {LARGEST} tanks")
    return plain_settings(settings_as(HoistSettings, "hoist", settings))


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[HoistLine]:
    """Return a line of tanks; levels share nothing.

    Args:
        level: the number of tanks.
        seed: of all streams.
        index: the number of the instance, from 0.
        settings: those that are given; see `HoistSettings`.
        reference: whether the solver looks for the least period; else nothing is known of it.

    Raises:
        InputError: the level or a setting is wrong.
        MissingExtra: the solver is to look, and is not installed.
    """
    if reference:  # not at the first line that needs it, in the middle of a file
        require("solvers", PURPOSE, "ortools")
    resolved = resolve(level, settings)
    line = _line(f"hoist/{VERSION}/{level}/{seed}/{index}", level, resolved)
    return Instance(
        id=instance_id("hoist", level, seed, index, VERSION, resolved, apart=True),
        family="hoist",
        level=level,
        seed=seed,
        index=index,
        settings=resolved,
        version=VERSION,
        payload=line,
        reference=solve(line) if reference else Reference("none"),
    )


def _line(streams: str, level: int, settings: Mapping[str, Scalar]) -> HoistLine:
    """Draw every ingredient from its own stream, whose name begins with `streams`."""
    typed = msgspec.convert(settings, HoistSettings)
    soaks, windows = Random(f"{streams}/soaks"), Random(f"{streams}/windows")
    least = [soaks.randint(LOW, HIGH) for _ in range(level)]
    most = [stay + round(typed.slack * windows.randint(NARROW, WIDE)) for stay in least]
    is_shared = typed.station == "shared"
    places = _places(level, typed.crossed, Random(f"{streams}/places {typed.crossed}"))
    up, down = places[:-1], [*places[1:-1], 0 if is_shared else places[-1]]
    empty = tuple(tuple(typed.pace * abs(a - b) for b in up) for a in down)
    station = Random(f"{streams}/station").randint(LOW, HIGH)
    return HoistLine(
        tuple(map(Tank, numbered("T", level), least, most)),
        tuple(typed.lift + typed.pace * abs(a - b) for a, b in zip(up, down, strict=True)),
        empty,
        station=SoakWindow(station) if is_shared else None,
        setting=typed.setting,
    )


def _places(level: int, crossed: float, rng: Random) -> list[int]:
    """Draw where loading, the tanks in the order of treatment, and unloading stand in the row."""
    places = list(range(level + 2))
    if level > 1:
        for _ in range(int(crossed * level)):
            k = rng.randrange(1, level)
            places[k], places[k + 1] = places[k + 1], places[k]
    return places
