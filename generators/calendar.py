"""Generates a user's year of clashes, and further clashes of theirs for an exam of a memory."""

from collections.abc import Mapping

import msgspec

from generators.base import settings_as
from generators.calendar_audit import audit as audit
from generators.calendar_exam import held_out as held_out
from generators.calendar_spec import own_spec
from generators.calendar_year import CalendarSettings, year_of
from graders.exact.calendar import reference as solve
from tasks.base import InputError, Instance, Reference, Scalar
from tasks.calendar import LEVELS, VERSION, Year
from tasks.ids import instance_id


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """All settings, with their defaults, in one spelling; InputError names a bad one.

    `organisation`, a file of the user's own, is there only if it is given, with its digest.
    """
    if level not in LEVELS:
        raise InputError(f"level {level}: the events in a clash are 2, 3, 4 or 5")
    given = settings_as(CalendarSettings, "calendar", settings)
    plain: dict[str, Scalar] = msgspec.to_builtins(given)
    del plain["organisation"]
    own = given.organisation
    return {**plain, "organisation": own_spec(own)[0]} if own else plain


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[Year]:
    """The year of user `index`: `level` events in a clash. InputError if the settings are wrong."""
    resolved = resolve(level, settings)
    year = year_of(level, seed, index, msgspec.convert(resolved, CalendarSettings))
    known = solve(year) if reference else Reference("none")
    name = instance_id("calendar", level, seed, index, VERSION, resolved)
    return Instance(name, "calendar", level, seed, index, resolved, VERSION, year, known)
