"""Wrong lines cannot be built; values by hand; prompts are as they were; spelling."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from generators.hoist import generate
from tasks.base import Instance, Outcome, Parsed, Reference, Reply, Scalar
from tasks.hoist import (
    HoistLine,
    SoakWindow,
    answer_schema,
    gap,
    move_ids,
    one_at_a_time,
    read,
    spelled,
    stays,
    world,
)
from tasks.prompts import installed
from tests.factories.lines import answer, instance, line

GOLDEN = Path(__file__).parent / "golden"


def good() -> dict[str, Any]:
    return {
        "tanks": [{"id": "A", "least": 4, "most": 9}, {"id": "B", "least": 0, "most": None}],
        "loaded": [3, 2, 5],
        "empty": [[1, 0, 2], [2, 1, 0], [4, 3, 2]],
        "station": {"least": 6, "most": 50},
        "setting": "plain",
    }


def test_a_good_one_is_built() -> None:
    payload = msgspec.convert(good(), HoistLine)
    assert msgspec.json.decode(msgspec.json.encode(payload)) == good()
    assert move_ids(payload) == ("load", "A", "B")
    bare = {name: good()[name] for name in ("tanks", "loaded", "empty")}
    assert msgspec.convert(bare, HoistLine).station is None


def tanks(*changes: dict[str, Any]) -> dict[str, Any]:
    return {"tanks": [{"id": "A", "least": 4, "most": 9} | each for each in changes]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tanks": []}, "a line needs at least one tank"),
        (tanks({}, {}), "tanks: id 'A' is there more than once"),
        (tanks({}, {"id": "load"}), "tanks: id 'load' is there more than once"),
        (tanks({}, {"id": "unload"}), "tanks: id 'unload' is the place of unloading"),
        (tanks({}, {"id": "B", "least": 10}), "tank B: a stay of 10 to 9 is not 0 <= least"),
        (tanks({}, {"id": "B", "least": -1}), "tank B: a stay of -1 to 9 is not 0 <= least"),
        (tanks({}, {"id": "B", "least": 1.0}), "Expected `int`, got `float`"),
        (tanks({}, {"id": "B", "least": True}), "Expected `int`, got `bool`"),
        ({"loaded": [3, 2]}, "loaded: it needs 3 times from 1 on"),
        ({"loaded": [3, 0, 5]}, "loaded: it needs 3 times from 1 on"),
        ({"empty": [[1, 0, 2], [2, 1, 0]]}, "empty: it needs 3 rows of 3 times"),
        ({"empty": [[1, 0], [2, 1], [4, 3]]}, "empty: it needs 3 rows of 3 times"),
        ({"empty": [[1, 0, 2], [2, -1, 0], [4, 3, 2]]}, "empty: a time is below 0"),
        (
            {"empty": [[1, 0, 99], [2, 1, 0], [4, 3, 2]]},
            "empty: after the move from load the hoist is too late at B even for one part at a",
        ),
        (
            {"empty": [[99, 0, 2], [2, 1, 0], [4, 3, 2]]},
            "empty: after the move from load the hoist is too late at load even",
        ),
        ({"station": {"least": 6, "most": 5}}, "a stay of 6 to 5 is not 0 <= least"),
        ({"station": {"least": 0, "most": 3}}, "station: the hoist is back too late even for"),
        ({"setting": "moon"}, "'moon' is not one of plain"),
        ({"hoists": 2}, "unknown field `hoists`"),
    ],
)
def test_a_wrong_one_cannot_be_built(change: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(good() | change, HoistLine)


def test_values_by_hand() -> None:
    payload = msgspec.convert(good(), HoistLine)
    assert gap(payload, 0, 2) == 3 + 2
    assert gap(payload, 2, 1) == 5 + 3
    assert one_at_a_time(payload) == (9 + 5 + 6, [0, 7, 9])
    alone = msgspec.structs.replace(payload, station=None)
    assert one_at_a_time(alone) == (9 + 5 + 4, [0, 7, 9])
    quick = msgspec.structs.replace(payload, station=SoakWindow(1))
    assert one_at_a_time(quick) == (9 + 5 + 4, [0, 7, 9])
    assert stays(payload, {"load": 1, "A": 8, "B": 20}) == {"A": 4, "B": 10}
    assert stays(payload, {"load": 1, "B": 20}) == {}


# Prompts --------------------------------------------------------------------------------------


def shown(one: Instance[HoistLine]) -> str:
    effect = next(world(one, installed()))
    return "\n".join(f"--- {m.role}\n{m.content}" for m in getattr(effect, "messages"))  # noqa: B009


CASES: dict[str, tuple[int, dict[str, Scalar]]] = {
    "hoist": (3, {}),
    "hoist-shared": (2, {"station": "shared"}),
    "hoist-exact": (1, {"slack": 0}),
}


@pytest.mark.parametrize("name", CASES)
def test_prompts_are_as_they_were(name: str) -> None:
    level, settings = CASES[name]
    text = shown(generate(level, 1, 5, settings, reference=False))
    golden = GOLDEN / f"{name}.txt"
    if not golden.exists():
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")


def test_a_prompt_tells_a_stay_without_end_and_a_window_of_the_station() -> None:
    payload = line([(4, None), (4, 5)], [0, 1, 2, 0], station=(3, 30))
    text = shown(instance(payload))
    assert "- A: 4 or longer" in text
    assert "- B: 4 to 5" in text
    assert 'leaves "load", is from 3 to 30.' in text


def test_nothing_of_the_reference_is_in_the_question() -> None:
    one = generate(3, 1, 0, {}, reference=False)
    best = Reference("optimal", 987654, 987654, solver="s", answer=answer(987654, {"T1": 987654}))
    hidden = msgspec.structs.replace(one, reference=best, id="other", index=9, settings={})
    assert shown(one) == shown(hidden)
    effect = next(world(hidden, installed()))
    assert b"987654" not in msgspec.json.encode(getattr(effect, "problem"))  # noqa: B009


def test_the_schema_has_a_time_for_each_move_and_the_world_reads_them() -> None:
    payload = msgspec.convert(good(), HoistLine)
    schema = answer_schema(payload)
    assert schema["required"] == ["period", "times"]
    assert schema["properties"]["times"]["required"] == ["load", "A", "B"]
    program = world(instance(payload), installed())
    next(program)
    wanted = answer(20, {"load": 0, "A": 7, "B": 9})
    with pytest.raises(StopIteration) as stopped:
        program.send(Reply("So: " + msgspec.json.encode(wanted).decode()))
    assert stopped.value.value.answers[0].value == wanted


# Spelling -------------------------------------------------------------------------------------

ONE = line([(4, 5)], [0, 1, 2])
GOOD = answer(9, {"load": 0, "A": 6})


@pytest.mark.parametrize(
    "written",
    [
        GOOD,
        answer("9", {"LOAD": 0, " a": 6}),
        answer(9.0, {"load": "0", "A": [6]}),
        answer([9], {"Load ": 0.0, "A": "6.0"}),
    ],
)
def test_the_period_ids_and_times_are_read_by_the_rule_of_spelling(written: Any) -> None:
    [found] = spelled(ONE, read(None, msgspec.json.encode(written).decode())).answers
    assert found.value == GOOD
    assert bool(found.mended) == (written != GOOD)
    value = found.value or {}
    assert {type(each) for each in (value["period"], *value["times"].values())} == {int}


@pytest.mark.parametrize(
    "written", [answer("soon", {"load": 0, "A": 6.5}), answer(None, {"T9": 3}), {"times": {}}]
)
def test_what_stands_for_nothing_stays(written: Any) -> None:
    [found] = spelled(ONE, read(None, msgspec.json.encode(written).decode())).answers
    assert found.value == written
    assert not found.mended


def test_a_time_given_twice_is_doubtful() -> None:
    [found] = spelled(ONE, read(None, '{"period": 9, "times": {"A": 6, "a": 7}}')).answers
    assert found.value is None
    assert found.problem == "the time of 'A' is given twice"


def test_what_a_program_gives_is_taken_as_it_is() -> None:
    given = Outcome((Parsed(value=answer("9", {"a": 1}), how="given"),))
    assert spelled(ONE, given) is given
    assert read(None, "no idea").answers[0].value is None
