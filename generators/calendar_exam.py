"""Held-out clashes of a user: what a memory is asked after the year, from its store alone."""

from datetime import date, timedelta
from random import Random

import msgspec
from msgspec.structs import replace

from generators.calendar_people import occurrences
from generators.calendar_rounds import Slot
from generators.calendar_year import CalendarSettings, made_rounds, setting, slots, year_of
from graders.exact.calendar import reference as solve
from tasks.base import InputError, Instance
from tasks.calendar import VERSION, Year
from tasks.calendar_truth import Era, Truth
from tasks.ids import instance_id

LATER = timedelta(weeks=52)  # the calendar of the year goes on as it was
EACH = 3  # occurrences of regular meetings for each clash: of 20, some two months


def held_out(instance: Instance[Year], count: int) -> Instance[Year]:
    """The user's first `count` clashes of the next year, judged by the weights in force at its end.

    They are of one seed and index with the year, but of their own streams; no past is shown and
    nothing is told. InputError if the year is not what this version generates.
    """
    if instance.seed is None or instance.version != VERSION or not _is_generated(instance):
        raise InputError(
            f"{instance.id}: is not what this makespan generates: it has no held-out clashes"
        )
    year, stage = instance.payload, setting(instance.seed, instance.index, _settings(instance))
    found = sorted(
        ((date.fromisoformat(day) + LATER).isoformat(), one.series.start, k)
        for k, one in enumerate(stage.meetings)
        if stage.made.user.id in one.series.attendees
        for day in occurrences(one.series)
    )
    streams = f"{stage.streams}/held-out"
    drawn = slots(found[: EACH * count], count, Random(f"{streams}/slots"))
    manager = year.manager(drawn[0][0][0])
    after = [[Slot(day, stage.meetings[k], manager) for day, _, k in part] for part in drawn]
    last = Era(1, year.truth.eras[-1].weights)
    rounds, judgements = made_rounds(
        instance.level, stage.stage, after, (), year.truth.principles, [last], streams
    )
    exam = replace(
        year,
        rounds=tuple(rounds),
        history=0,
        feedback="none",
        truth=Truth(year.truth.principles, (last,), tuple(judgements)),
    )
    name = instance_id(
        "calendar",
        instance.level,
        instance.seed,
        instance.index,
        VERSION,
        {**instance.settings, "held_out": count},
    )
    return replace(instance, id=name, payload=exam, reference=solve(exam))


def _settings(instance: Instance[Year]) -> CalendarSettings:
    return msgspec.convert(instance.settings, CalendarSettings)


def _is_generated(instance: Instance[Year]) -> bool:
    assert instance.seed is not None
    try:
        made = year_of(instance.level, instance.seed, instance.index, _settings(instance))
    except msgspec.ValidationError:
        return False
    return made == instance.payload
