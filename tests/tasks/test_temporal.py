"""Wrong facts cannot be built; prompts are as they were; every spelling, and no other, is read."""

from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from generators.temporal import KINDS, Kind
from tasks.base import Instance, Outcome, Parsed, Reference, Reply
from tasks.prompts import installed
from tasks.spelling import Mends
from tasks.temporal import (
    TEMPLATES,
    TimeQuestion,
    answer_schema,
    answers,
    read,
    spelled,
    world,
)
from tasks.temporal_calendar import (
    half_day_time,
    shift_months,
    spelled_length,
    spelled_list,
    spelled_offset,
    spelled_time,
)
from tasks.temporal_forms import FORMS
from tests.factories.questions import question

GOLDEN = Path(__file__).parent / "golden"
FIRST = {"first": "2024-01-02", "last": "2024-01-03", "both": True}
EVENT = {"name": "x", "date": "2024-01-01"}
AFTER = {"event": EVENT, "side": "ago", "than": "less", "days": 8}
SENT = {  # the clocks go from 02:00 to 03:00
    "name": "A",
    "local": "2024-03-31T01:30:00",
    "offset": 60,
    "turn": "2024-03-31T01:00:00",
    "change": 60,
}
LENGTH = {"name": "A", "amount": 1, "unit": "days"}


def facts(kind: str, **fields: Any) -> dict[str, Any]:
    return {"facts": {"kind": kind, **fields}}


# What can be built ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (facts("riddle"), "Invalid value 'riddle'"),
        (facts("clock", shifts=[{"start": 0, "end": 1440}]), "1440 is no minute of a day"),
        (facts("clock", shifts=[{"start": 5, "end": 5}]), "a shift from minute 5 to the same"),
        (facts("clock", shifts=[]), "shifts: there must be at least one"),
        (facts("clock", shifts=[{"start": 0, "end": 1}], more=1), "unknown field `more`"),
        (facts("zones", messages=[SENT, SENT]), "name 'A' is there more than once"),
        (
            facts("zones", messages=[SENT, SENT | {"name": "B"}]),
            "moment '2024-03-31 00:30:00' is there more than once",
        ),
        (
            facts("zones", messages=[SENT | {"local": "2024-03-31T02:30:00"}]),
            "A: the clocks showed 2024-03-31 02:30:00 not once",
        ),
        (
            facts("zones", messages=[SENT | {"change": -60}]),
            "A: the clocks showed 2024-03-31 01:30:00 not once",
        ),
        (
            facts("zones", messages=[SENT | {"local": "2024-03-31T02:30:00Z"}]),
            "times have no zone of their own",
        ),
        (facts("date_steps", start="2023-02-29", steps=[]), "Invalid RFC3339 encoded date"),
        (
            facts("date_steps", start="2023-02-28", steps=[{"amount": 0, "unit": "days"}]),
            "a step of 0 goes nowhere",
        ),
        (
            facts("days_between", spans=[FIRST | {"last": "2024-01-02"}]),
            "the last day 2024-01-02 is not after the first 2024-01-02",
        ),
        (facts("business", start="2024-01-02", days=0, holidays=[]), "days: 0 is below 1"),
        (facts("together_again", start="2024-01-02", periods=[4]), "there must be two"),
        (facts("dating", weekday=7, bounds=[AFTER], cycles=[]), "weekday 7 is not from 0 to 6"),
        (
            facts("dating", weekday=1, bounds=[AFTER | {"days": 9}], cycles=[]),
            "2 days fit what the note mentions, not one",
        ),
        (
            facts("dating", weekday=1, bounds=[AFTER | {"than": "more"}], cycles=[]),
            "do not bound the day on both sides",
        ),
        (
            facts("dating", weekday=1, bounds=[], cycles=[{"event": EVENT, "every": 3, "ago": 3}]),
            "3 days ago is not below 3",
        ),
        (facts("durations", lengths=[LENGTH, LENGTH]), "name 'A' is there more than once"),
        (
            facts("durations", lengths=[LENGTH, {"name": "B", "amount": 24, "unit": "hours"}]),
            "seconds '86400' is there more than once",
        ),
        (
            facts("slot", people=[{"name": "A", "spans": [[0, 9]]}], need=5, first=0, last=10),
            "there is no time at which all are free long enough",
        ),
        (
            facts(
                "slot", people=[{"name": "A", "spans": [[5, 9], [7, 8]]}], need=5, first=0, last=9
            ),
            "appointments are not in order",
        ),
        (
            facts("ordering", gaps=[{"name": "A", "other": "B", "minutes": 5}] * 2),
            "they do not fix every arrival once",
        ),
        (
            facts("ordering", gaps=[{"name": "A", "other": "B", "minutes": 0}]),
            "arrival '0' is there more than once",
        ),
        (facts("interval_composition", relations=["before"]), "a chain has at least two"),
        (facts("interval_composition", relations=["before", "near"]), "Invalid enum value 'near'"),
        (facts("interval_relation", start=0, minutes=0, meetings=[]), "meetings: there must be"),
        (
            facts(
                "timeline",
                terms=[{"person": "A", "office": "o", "first": 1, "last": 1}],
                person="A",
            ),
            "a term from 1 to 1",
        ),
        (facts("timeline", terms=[], person="A"), "person: 'A' has no term"),
        (facts("slowest_path", steps=[{"minutes": 1, "needs": [1]}]), "step 1: it waits for"),
        (
            facts(
                "network",
                events=2,
                constraints=[{"earlier": 0, "later": 2, "least": 1, "most": 2}],
            ),
            "there are only 2 events",
        ),
        (
            facts(
                "network",
                events=2,
                constraints=[{"earlier": 0, "later": 1, "least": None, "most": 2}],
            ),
            "nothing says when event 1 is",
        ),
    ],
)
def test_wrong_facts_cannot_be_built(payload: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(payload, TimeQuestion)


@pytest.mark.parametrize("kind", KINDS)
def test_facts_survive_a_round_trip(kind: Kind) -> None:
    payload = question(kind).payload
    assert msgspec.json.decode(msgspec.json.encode(payload), type=TimeQuestion) == payload
    assert payload.facts.kind == kind


def test_dates_and_times_are_spelled_by_hand() -> None:
    assert [half_day_time(m) for m in (0, 59, 60, 719, 720, 779, 780, 1439)] == [
        "12:00 AM",
        "12:59 AM",
        "1:00 AM",
        "11:59 AM",
        "12:00 PM",
        "12:59 PM",
        "1:00 PM",
        "11:59 PM",
    ]
    assert [spelled_time(m) for m in (0, 65, 1439, 1440)] == ["00:00", "01:05", "23:59", "00:00"]
    assert [spelled_length(m) for m in (5, 60, 125)] == ["5 min", "1 h", "2 h 5 min"]
    assert [spelled_offset(m) for m in (-210, 0, 345)] == ["UTC-03:30", "UTC+00:00", "UTC+05:45"]
    assert [spelled_list(["a"]), spelled_list(["a", "b", "c"])] == ["a", "a, b and c"]
    assert shift_months(date(2024, 3, 31), -1) == date(2024, 2, 29)


# Prompts --------------------------------------------------------------------------------------


def prompt(one: Instance[TimeQuestion]) -> str:
    effect = next(world(one, installed()))
    return "\n".join(f"--- {m.role}\n{m.content}" for m in getattr(effect, "messages"))  # noqa: B009


@pytest.mark.parametrize("kind", KINDS)
def test_prompts_are_as_they_were(kind: Kind) -> None:
    text = "\n\n".join(prompt(question(kind, level)) for level in (1, 4)) + "\n"
    golden = GOLDEN / f"temporal-{kind}.txt"
    if not golden.exists():
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_says_its_form_and_nothing_of_the_reference(kind: Kind) -> None:
    one = question(kind)
    hidden = msgspec.structs.replace(one, reference=Reference("none"), id="x", index=9, settings={})
    assert prompt(one) == prompt(hidden)
    assert prompt(one).endswith(f'{{"answer": {one.payload.form.shape}}}')
    for option in one.payload.facts.options:
        assert option in prompt(one)


def test_every_template_is_of_a_kind() -> None:
    assert {name.removesuffix(".inc.j2") for name in TEMPLATES} == {
        "temporal/question.j2",
        *(f"temporal/{kind}" for kind in KINDS),
    }
    assert set(TEMPLATES) == set(installed().names("temporal"))


# Spelling -------------------------------------------------------------------------------------

DAYS = ("Monday", "Tuesday")
READINGS: list[tuple[str, Any, Any]] = [  # the form, what is written, what it is read as
    ("date", "2027-03-08", "2027-03-08"),
    ("date", "8 March 2027", "2027-03-08"),
    ("date", ["2027-03-08"], "2027-03-08"),
    ("time", "09:05", "09:05"),
    ("time", "9:05", "09:05"),
    ("number", 25, 25),
    ("number", "25", 25),
    ("number", 25.0, 25),
    ("number", [25], 25),
    ("name", "Monday", "Monday"),
    ("name", " monday", "Monday"),
    ("name", ["Tuesday"], "Tuesday"),
    ("names", ["tuesday", "Monday"], ["Tuesday", "Monday"]),
    ("order", ["MONDAY"], ["Monday"]),
    ("minute", "25", 25),
    ("minute", "Monday ", "Monday"),
]
REFUSED: list[tuple[str, Any]] = [  # the form, and what is not of it in any reading
    *(
        ("date", value)
        for value in (
            "2027-3-8",
            "2027/03/08",
            "08.03.2027",
            "March 8, 2027",
            "8 march 2027",
            "08 March 2027",
            "8th March 2027",
            "2027-02-29",
            "31 February 2027",
            "20270308",
            " 2027-03-08",
            "2027-03-08 00:00",
            "\u0662027-03-08",
            20270308,
            ["2027-03-08", "2027-03-09"],
            {"date": "2027-03-08"},
            None,
            True,
        )
    ),
    *(
        ("time", value)
        for value in (
            "24:00",
            "9:5",
            "09:60",
            "009:05",
            "9.05",
            "09:05:00",
            "9:05 AM",
            "0905",
            "09:05 ",
            905,
            9.05,
            None,
        )
    ),
    *(("number", value) for value in ("25 days", 25.5, "twenty", True, None, [1, 2], "1,000")),
    *(("name", value) for value in (1, None, ["Monday", "Tuesday"])),
    *(("names", value) for value in ("Monday", [1], [None], [["Monday", "Tuesday"]])),
    ("name", {}),
    ("names", {}),
    *(("order", value) for value in ("Monday, Tuesday", [1, 2], None)),
    *(("minute", value) for value in (1.5, None, [1, 2], True)),
]


@pytest.mark.parametrize(("form", "written", "value"), READINGS)
def test_spellings_of_an_answer(form: str, written: Any, value: Any) -> None:
    mends = Mends()
    reading = FORMS[form].spelled(written, DAYS, mends)
    assert (reading, type(reading)) == (value, type(value))
    assert FORMS[form].fits(reading)
    assert bool(mends.lines()) == (written != value or type(written) is not type(value))


@pytest.mark.parametrize(("form", "written"), REFUSED)
def test_other_spellings_are_none(form: str, written: Any) -> None:
    assert not FORMS[form].fits(FORMS[form].spelled(written, DAYS, Mends()))


def test_what_is_mended_is_told_and_what_a_program_gives_is_not_mended() -> None:
    one = question("slot").payload
    [answer] = spelled(one, read(None, 'So: {"answer": "9:05"}')).answers
    assert answer.value == {"answer": "09:05"}
    assert answer.mended == ("time '9:05' read as '09:05'",)
    assert answer.written == {"answer": "9:05"}
    given = Outcome((Parsed(value={"answer": "9:05"}, how="given"),))
    assert spelled(one, given) is given
    assert read({"answer": "9:05"}, "").answers[0].value == {"answer": "9:05"}
    nothing = read(None, "no idea")
    assert spelled(one, nothing) is nothing


# Schemas --------------------------------------------------------------------------------------


def test_schemas_hold_an_answer_to_its_form_and_names() -> None:
    assert answer_schema(question("date_steps").payload)["properties"]["answer"] == {
        "type": "string"
    }
    names = answer_schema(question("interval_composition").payload)["properties"]["answer"]
    assert (len(names["items"]["enum"]), names["maxItems"]) == (13, 13)
    minute = answer_schema(question("network").payload)["properties"]["answer"]
    assert minute["anyOf"][1]["enum"] == ["impossible"]
    assert list(answers(None)) == list(answers(question("slot").payload)) == ["Answer"]


def test_the_world_asks_once_and_reads_the_reply() -> None:
    program = world(question("weekday"), installed())
    effect: Any = next(program)
    assert "answer" not in str(effect.problem)
    assert effect.schema == answer_schema(question("weekday").payload)
    with pytest.raises(StopIteration) as stopped:
        program.send(Reply('I think {"answer": "sunday"}'))
    assert stopped.value.value.answers[0].value == {"answer": "Sunday"}
