"""Wrong shops cannot be built; the makespan by hand; prompts are as they were; spelling."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from generators.jobshop import generate
from tasks.base import Instance, Outcome, Parsed, Reference, Reply, Scalar
from tasks.jobshop import (
    Shop,
    answer_schema,
    in_a_row,
    machines_of,
    makespan,
    merged_shutdowns,
    read,
    spelled,
    world,
)
from tasks.prompts import installed
from tests.factories.shops import instance, shop

GOLDEN = Path(__file__).parent / "golden"


def good() -> dict[str, Any]:
    return {
        "jobs": [
            {"id": "A", "operations": [{"machine": "M2", "time": 3}, {"machine": "M1", "time": 1}]},
            {"id": "B", "operations": [{"machine": "M1", "time": 2}]},
        ],
        "shutdowns": [{"machine": "M1", "start": 4, "end": 6}],
        "buffers": "none",
        "setting": "plain",
    }


def test_a_good_one_is_built() -> None:
    payload = msgspec.convert(good(), Shop)
    assert machines_of(payload) == ("M1", "M2")
    assert msgspec.json.decode(msgspec.json.encode(payload)) == good()
    assert msgspec.convert({"jobs": good()["jobs"]}, Shop).buffers == "free"


def operations(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"jobs": [{"id": "A", "operations": list(steps)}]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jobs": []}, "jobs: a shop needs at least one"),
        (operations(), "job A: it has no operation"),
        (operations({"machine": "M1", "time": 0}), "an operation on M1: time 0 is below 1"),
        (operations({"machine": "M1", "time": -2}), "time -2 is below 1"),
        (operations({"machine": "M1", "time": 1.0}), "Expected `int`, got `float`"),
        (operations({"machine": "M1", "time": True}), "Expected `int`, got `bool`"),
        (operations({"machine": "M1"}), "missing required field `time`"),
        (operations({"machine": 1, "time": 1}), "Expected `str`, got `int`"),
        ({"jobs": [good()["jobs"][0]] * 2}, "id 'A' is there more than once"),
        ({"shutdowns": [{"machine": "M3", "start": 0, "end": 1}]}, "no job visits a machine 'M3'"),
        ({"shutdowns": [{"machine": "M1", "start": 4, "end": 4}]}, r"\[4, 4\) is not 0 <= start"),
        ({"shutdowns": [{"machine": "M1", "start": -1, "end": 4}]}, r"\[-1, 4\) is not 0 <="),
        ({"buffers": "some"}, "Invalid enum value 'some'"),
        ({"setting": "moon"}, "'moon' is not one of plain"),
        ({"machines": 2}, "unknown field `machines`"),
    ],
)
def test_a_wrong_one_cannot_be_built(change: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(good() | change, Shop)


def test_measures_by_hand() -> None:
    payload = msgspec.convert(good(), Shop)
    assert makespan(payload, {"A": [0, 3], "B": [7]}) == 9
    assert makespan(payload, {"A": [9, 12], "B": [0]}) == 13
    assert in_a_row(payload) == 6 + 6


def test_shutdowns_are_merged_where_they_overlap_or_touch() -> None:
    spans = ((5, 7), (0, 2), (6, 9), (2, 3), (12, 13), (1, 2))
    payload = shop([[(0, 1), (1, 1)]], "free", {1: spans})
    assert merged_shutdowns(payload) == {"M0": (), "M1": ((0, 3), (5, 9), (12, 13))}


# Prompts --------------------------------------------------------------------------------------


def shown(one: Instance[Shop]) -> str:
    effect = next(world(one, installed()))
    return "\n".join(f"--- {m.role}\n{m.content}" for m in getattr(effect, "messages"))  # noqa: B009


@pytest.mark.parametrize("buffers", ["free", "swap", "none"])
@pytest.mark.parametrize("shutdowns", [0, 2])
def test_prompts_are_as_they_were(buffers: str, shutdowns: int) -> None:
    settings: dict[str, Scalar] = {"buffers": buffers, "shutdowns": shutdowns}
    text = shown(generate(3, 1, 5, settings, reference=False))
    golden = GOLDEN / f"jobshop-{buffers}{'-shutdowns' if shutdowns else ''}.txt"
    if not golden.exists():
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")


def test_nothing_of_the_reference_is_in_the_prompt() -> None:
    one = generate(4, 1, 0, {}, reference=False)
    best = Reference("optimal", 987654, 987654, solver="s", answer={"starts": {"J1": [987654]}})
    hidden = msgspec.structs.replace(one, reference=best, id="other", index=9, settings={})
    assert shown(one) == shown(hidden)


def test_the_schema_has_a_row_of_starts_for_each_job_and_the_world_reads_them() -> None:
    payload = msgspec.convert(good(), Shop)
    rows = answer_schema(payload)["properties"]["starts"]
    assert rows["required"] == ["A", "B"]
    assert [(row["minItems"], row["maxItems"]) for row in rows["properties"].values()] == [
        (2, 2),
        (1, 1),
    ]
    program = world(instance(payload), installed())
    next(program)
    with pytest.raises(StopIteration) as stopped:
        program.send(Reply('So: {"starts": {"A": [0, 3], "B": [7]}}'))
    assert stopped.value.value.answers[0].value == {"starts": {"A": [0, 3], "B": [7]}}


# Spelling -------------------------------------------------------------------------------------

TWO = shop([[(0, 1), (1, 2)], [(1, 1)]])  # J0, J1


@pytest.mark.parametrize(
    ("starts", "read_as"),
    [
        ({"J0": [0, 1], "J1": [0]}, {"J0": [0, 1], "J1": [0]}),
        ({"j0": ["0", 1.0], "J01": [0]}, {"J0": [0, 1], "J1": [0]}),
        ({"J0 ": [0, "1"], "J1": "0"}, {"J0": [0, 1], "J1": "0"}),
        ({"J0": [0, 1.5], "J1": [None]}, {"J0": [0, 1.5], "J1": [None]}),
        ({"J9": ["7"], "J1": [0]}, {"J9": ["7"], "J1": [0]}),
    ],
)
def test_ids_and_times_are_read_by_the_rule_of_spelling(starts: Any, read_as: Any) -> None:
    [answer] = spelled(TWO, read(None, msgspec.json.encode({"starts": starts}).decode())).answers
    assert answer.value == {"starts": read_as}
    assert bool(answer.mended) == (read_as != starts)
    numbers = (answer.value or {})["starts"].get("J0", [])
    assert [type(each) for each in numbers] == [type(each) for each in read_as.get("J0", [])]


def test_starts_given_twice_are_doubtful() -> None:
    text = '{"starts": {"J0": [0, 1], "j0": [2, 3], "J1": [0]}}'
    [answer] = spelled(TWO, read(None, text)).answers
    assert answer.value is None
    assert answer.problem == "the starts of 'J0' are given twice"


def test_what_a_program_gives_is_taken_as_it_is() -> None:
    given = Outcome((Parsed(value={"starts": {"j0": ["0", 1]}}, how="given"),))
    assert spelled(TWO, given) is given
    assert read({"starts": {"J0": ["0"]}}, "").answers[0].value == {"starts": {"J0": ["0"]}}
    assert read(None, "no idea").answers[0].value is None
