"""Generates a user's year of clashes, and further clashes of theirs for an exam of a memory."""

from collections.abc import Mapping

import msgspec

from generators.base import plain_settings, settings_as
from generators.calendar_audit import audit as audit
from generators.calendar_exam import held_out as held_out
from generators.calendar_spec import user_spec
from generators.calendar_year import CalendarSettings, year_of
from graders.exact.calendar import reference as solve
from tasks.base import InputError, Instance, Reference, Scalar
from tasks.calendar import LEVELS, VERSION, Year
from tasks.ids import instance_id


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with their defaults, in one spelling.

    `organisation`, a file of the user's own, is there only if it is given, with its digest, and
    `evidence` only if it is artefacts, with what is of these alone.

    Args:
        level: events in a clash.
        settings: those that are given; see `CalendarSettings`.

    Raises:
        InputError: the level or a setting is wrong, or the organisation's file is.
    """
    if level not in LEVELS:
        raise InputError(f"level {level}: the events in a clash are 2, 3, 4 or 5")
    typed = settings_as(CalendarSettings, "calendar", settings)
    resolved = plain_settings(typed)
    del resolved["organisation"]
    if typed.organisation:
        resolved["organisation"] = user_spec(typed.organisation)[0]
    if typed.evidence == "artefacts":
        _require_readable(typed)
        return resolved
    return {name: value for name, value in resolved.items() if name not in _needless(typed)}


def _require_readable(typed: CalendarSettings) -> None:
    """Refuse artefacts of what is not the user's own decision."""
    if (typed.feedback, typed.decisions) != ("full", "true"):
        raise InputError(
            "settings of calendar: evidence=artefacts tells what the user did, instead of"
            " feedback=full with decisions=true: leave feedback and decisions out"
        )


def _needless(typed: CalendarSettings) -> tuple[str, ...]:
    """Return the settings of artefacts alone, which must not be set where there are none."""
    for name in ("indirect", "rumours"):
        if getattr(typed, name):
            raise InputError(f"settings of calendar: {name} is of evidence=artefacts: set that too")
    return ("evidence", "indirect", "rumours")


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
