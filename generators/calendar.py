"""Generates a user's year of clashes, and further clashes of theirs for an exam of a memory."""

from collections.abc import Mapping

import msgspec

from generators.base import plain_settings, settings_as
from generators.calendar_audit import audit as audit
from generators.calendar_exam import held_out as held_out
from generators.calendar_spec import user_spec
from generators.calendar_year import CalendarSettings, room, year_of
from graders.exact.calendar import reference as solve
from tasks.base import InputError, Instance, Reference, Scalar
from tasks.calendar import LEVELS, VERSION, Year
from tasks.ids import instance_id

EVIDENCE = ("evidence", "indirect", "rumours")  # no part of a year where they are at defaults


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with their defaults, in one spelling.

    `organisation`, a file of the user's own, is there only if it is given, with its digest, and
    `density`, `evidence`, `indirect` and `rumours` only if they are not at their defaults.

    Args:
        level: events in a clash.
        settings: those that are given; see `CalendarSettings`.

    Raises:
        InputError: the level or a setting is wrong, or the organisation's file is, or there may be
            too little room for the rounds.
    """
    if level not in LEVELS:
        raise InputError(f"level {level}: the events in a clash are 2, 3, 4 or 5")
    typed = settings_as(CalendarSettings, "calendar", settings)
    resolved = plain_settings(typed)
    del resolved["organisation"]
    if typed.density == 1:  # what is not asked for is no part of an instance's id
        del resolved["density"]
    if typed.rounds > (most := room(typed.density)):
        raise InputError(
            f"settings of calendar: rounds: {typed.rounds} may not find a slot at density"
            f" {typed.density}: there is room for {most}"
        )
    if typed.organisation:
        resolved["organisation"] = user_spec(typed.organisation)[0]
    for name in EVIDENCE:
        if getattr(typed, name) == getattr(CalendarSettings(), name):
            del resolved[name]
    _require_readable(typed)
    return resolved


def _require_readable(typed: CalendarSettings) -> None:
    """Refuse artefacts of what is not the user's own decision, and what is of artefacts alone."""
    if typed.evidence == "structured":
        for name in EVIDENCE:
            if getattr(typed, name) != getattr(CalendarSettings(), name):
                raise InputError(f"settings of calendar: {name} needs evidence=artefacts too")
    elif (typed.feedback, typed.decisions) != ("full", "true"):
        raise InputError(
            "settings of calendar: evidence=artefacts lets one read what the user did, which needs"
            " feedback=full and decisions=true, the defaults"
        )


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[Year]:
    """Return the year of a user.

    Args:
        level: events in a clash.
        seed: of all streams.
        index: the number of the user, from 0.
        settings: those that are given; see `CalendarSettings`.
        reference: whether the optimum is added.

    Raises:
        InputError: the level or a setting is wrong.
    """
    resolved = resolve(level, settings)
    year = year_of(level, seed, index, msgspec.convert(resolved, CalendarSettings))
    return Instance(
        id=instance_id("calendar", level, seed, index, VERSION, resolved),
        family="calendar",
        level=level,
        seed=seed,
        index=index,
        settings=resolved,
        version=VERSION,
        payload=year,
        reference=solve(year) if reference else Reference("none"),
    )
