"""The export opens again and says what the year says; free/busy is as Google's."""

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from generators.calendar import generate
from generators.calendar_ics import export, free_busy
from generators.calendar_people import occurrences
from tasks.base import InputError, Instance
from tasks.calendar import Year


@pytest.fixture(scope="module")
def instance() -> Instance[Year]:
    return generate(4, 0, 1, {"rounds": 12})


def opened(data: bytes) -> list[Any]:
    library = pytest.importorskip("icalendar")
    found: list[Any] = library.Calendar.from_ical(data).walk("VEVENT")
    return found


def answers(event: Any) -> dict[str, str]:
    """PARTSTAT by person."""
    listed = event["ATTENDEE"] if isinstance(event["ATTENDEE"], list) else [event["ATTENDEE"]]
    return {str(a)[7:].partition("@")[0]: a.params["PARTSTAT"] for a in listed}


def test_a_year_comes_back(instance: Instance[Year]) -> None:
    pytest.importorskip("icalendar")
    year = instance.payload
    events = opened(export(instance))
    attended_series = [s for s in year.series if year.user in s.attendees]
    assert len(events) == len(attended_series) + 12 * 4
    regular = {str(e["UID"]).partition("@")[0]: e for e in events if "RRULE" in e}
    for series in attended_series:
        event = regular[series.id]
        assert str(event["SUMMARY"]) == series.title
        assert event["DTSTART"].dt.isoformat() == f"{series.first}T{series.start}:00+00:00"
        assert event["RRULE"]["INTERVAL"] == [series.every]
        assert event["RRULE"]["UNTIL"][0].date().isoformat() == series.last
        assert set(answers(event)) == set(series.attendees)
    clashing = [e for e in events if "RRULE" not in e]
    for k, clash in enumerate(year.rounds):
        for event, shown in zip(clashing[4 * k : 4 * k + 4], clash.events, strict=True):
            assert str(event["X-MAKESPAN-EVENT"]) == shown.id
            assert int(event["X-MAKESPAN-ROUND"]) == k + 1
            assert event["DTSTART"].dt.isoformat() == f"{clash.date}T{clash.start}:00+00:00"
            assert (event["DTEND"].dt - event["DTSTART"].dt).seconds == 60 * clash.minutes
            assert str(event["DESCRIPTION"]) == shown.description
            assert ("RECURRENCE-ID" in event) == bool(shown.series)
            assert set(answers(event)) == set(shown.attendees)


def test_nothing_gives_the_answer_away_until_it_is_given(instance: Instance[Year]) -> None:
    pytest.importorskip("icalendar")
    year = instance.payload
    user, data = year.user, export(instance)
    open_ = [e for e in opened(data) if "RRULE" not in e]
    assert {answers(e)[user] for e in open_} == {"NEEDS-ACTION"}
    text = data.decode().replace("\r\n ", "")
    assert not any(p.text in text for p in year.truth.principles)


def test_decisions_are_partstat(instance: Instance[Year]) -> None:
    pytest.importorskip("icalendar")
    year = instance.payload
    choices: list[str | None] = [j.decision for j in year.truth.judgements]
    choices[2] = None
    events = [e for e in opened(export(instance, choices[:6])) if "RRULE" not in e]
    for k, clash in enumerate(year.rounds):
        states = {
            str(e["X-MAKESPAN-EVENT"]): answers(e)[year.user] for e in events[4 * k : 4 * k + 4]
        }
        expected = dict.fromkeys(clash.ids, "DECLINED" if k < 6 else "NEEDS-ACTION")
        if k < 6 and choices[k]:
            expected[str(choices[k])] = "ACCEPTED"
        assert states == expected
    with pytest.raises(InputError, match="round 1: 'E0' is not one of"):
        export(instance, ["E0"])


def test_identical_bytes(instance: Instance[Year]) -> None:
    pytest.importorskip("icalendar")
    again = generate(4, 0, 1, {"rounds": 12})
    assert export(instance) == export(again)
    uids = [(str(e["UID"]), str(e.get("X-MAKESPAN-ROUND"))) for e in opened(export(instance))]
    assert max(Counter(uids).values()) == 1
    assert b"DTSTAMP:20250101T000000Z" in export(instance)


def test_without_the_library(instance: Instance[Year], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "icalendar", None)
    with pytest.raises(InputError, match="needs the package icalendar"):
        export(instance)


# Free and busy -------------------------------------------------------------------------------


def test_free_busy_of_a_year(instance: Instance[Year]) -> None:
    year = instance.payload
    people = [p.id for p in year.organisation.people]
    found = free_busy(year, people, "2025-01-01", "2026-01-01T00:00:00Z")
    assert found["kind"] == "calendar#freeBusy"
    assert (found["timeMin"], found["timeMax"]) == ("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
    for person in people:
        spans = found["calendars"][person]["busy"]
        hours = sum(len(occurrences(s)) for s in year.series if person in s.attendees)
        assert sum(int(s["end"][11:13]) - int(s["start"][11:13]) for s in spans) == hours
        ends = [(s["start"], s["end"]) for s in spans]
        assert all(a[1] < b[0] for a, b in pairwise(ends))


def test_free_busy_is_cut_to_the_time_asked_for(instance: Instance[Year]) -> None:
    year = instance.payload
    series = next(s for s in year.series if year.user in s.attendees)
    hour = int(series.start[:2])
    begin, end = (f"{series.first}T{hour + k:02d}:30:00+01:00" for k in (1, 2))
    found = free_busy(year, [year.user, "p99"], begin, end)
    assert found["timeMin"] == f"{series.first}T{series.start[:2]}:30:00Z"
    first = found["calendars"][year.user]["busy"][0]
    assert first["start"] == found["timeMin"]
    assert found["calendars"]["p99"] == {
        "errors": [{"domain": "global", "reason": "notFound"}],
        "busy": [],
    }


@pytest.mark.parametrize(
    ("begin", "end", "message"),
    [
        ("2025-02-01", "2025-02-01", "is not before"),
        ("soon", "2025-02-01", "'soon' is no ISO time"),
    ],
)
def test_wrong_times(instance: Instance[Year], begin: str, end: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        free_busy(instance.payload, [], begin, end)
