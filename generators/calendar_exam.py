"""Held-out clashes of a user: what a memory is asked after the year, from its store alone."""

from datetime import date, timedelta

import msgspec
from msgspec.structs import replace

from generators.calendar_rounds import Slot
from generators.calendar_year import (
    CalendarSettings,
    RoundBuilder,
    Setting,
    setting_of,
    slots,
    year_of,
)
from graders.exact.calendar import reference as solve
from tasks.base import InputError, Instance
from tasks.calendar import VERSION, Year
from tasks.calendar_truth import Era, Truth
from tasks.ids import instance_id

LATER = timedelta(weeks=52)  # the calendar of the year goes on as it was
EACH = 3  # occurrences of regular meetings for each clash: of 20, some two months


def held_out(instance: Instance[Year], count: int) -> Instance[Year]:
    """Return an exam: the user's first clashes of the next year.

    They are judged by the weights in force at the year's end. They are of one seed and index with
    the year, but of their own streams; no past is shown, and there is no feedback.

    Args:
        instance: a year that this version generates.
        count: clashes in the exam.

    Raises:
        InputError: the year is not what this version generates.
    """
    if not _is_generated(instance):
        raise InputError(
            f"{instance.id}: is not what this makespan generates: it has no held-out clashes"
        )
    exam = _exam(instance, count)
    return replace(instance, id=_exam_id(instance, count), payload=exam, reference=solve(exam))


def _exam(instance: Instance[Year], count: int) -> Year:
    year, setting = instance.payload, _setting(instance)
    principles, last = year.truth.principles, Era(1, year.truth.eras[-1].weights)
    builder = RoundBuilder(
        level=instance.level,
        stage=setting.stage,
        principles=principles,
        eras=[last],
        streams=f"{setting.streams}/held-out",
    )
    rounds, judgements = builder.build(_choices(year, setting, count), ())
    truth = Truth(principles, (last,), judgements)
    return replace(year, rounds=rounds, history=0, feedback="none", truth=truth, evidence=())


def _choices(year: Year, setting: Setting, count: int) -> list[list[Slot]]:
    """Draw the slots that each clash may take, one year after those of the calendar."""
    later = sorted(
        ((date.fromisoformat(day) + LATER).isoformat(), start, k)
        for day, start, k in setting.occurrences()
    )
    parts = slots(later[: EACH * count], count, setting.stream("held-out/slots"))
    manager = year.manager(parts[0][0][0])
    return [[Slot(day, setting.meetings[k], manager) for day, _, k in part] for part in parts]


def _exam_id(instance: Instance[Year], count: int) -> str:
    assert instance.seed is not None
    settings = {**instance.settings, "held_out": count}
    level, seed, index = instance.level, instance.seed, instance.index
    return instance_id("calendar", level, seed, index=index, version=VERSION, settings=settings)


def _setting(instance: Instance[Year]) -> Setting:
    assert instance.seed is not None
    return setting_of(instance.seed, instance.index, _settings(instance))


def _settings(instance: Instance[Year]) -> CalendarSettings:
    return msgspec.convert(instance.settings, CalendarSettings)


def _is_generated(instance: Instance[Year]) -> bool:
    """Return whether this version generates the same year."""
    if instance.seed is None or instance.version != VERSION:
        return False
    try:
        year = year_of(instance.level, instance.seed, instance.index, _settings(instance))
    except msgspec.ValidationError:
        return False
    return year == instance.payload
