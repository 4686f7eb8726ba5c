"""Wrong projects cannot be built; prompts are as they were; structured answers are pinned."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from generators.rcpsp import generate
from tasks.base import InputError, Reference
from tasks.prompts import Prompts, installed
from tasks.rcpsp import (
    Downtime,
    Project,
    Resource,
    Task,
    Window,
    answer_schema,
    merged_downtimes,
    topological_order,
    world,
)

GOLDEN = Path(__file__).parent / "golden"


def good() -> dict[str, Any]:
    return {
        "tasks": [
            {"id": "A", "duration": 3, "demands": {"R": 2}},
            {"id": "B", "duration": 2, "demands": {}},
            {"id": "C", "duration": 2, "demands": {}},
        ],
        "resources": [{"id": "R", "capacity": 3}],
        "precedences": [["A", "B"], ["B", "C"]],
        "downtimes": [{"resource": "R", "start": 4, "end": 6}],
        "windows": [{"task": "B", "release": 1, "deadline": 9}],
        "disjunctions": [["A", "C"]],
        "horizon": 10,
        "setting": "plain",
    }


def test_a_good_one_is_built() -> None:
    project = msgspec.convert(good(), Project)
    assert topological_order(project) == ("A", "B", "C")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("tasks", [], "at least one"),
        ("tasks", [{"id": "A", "duration": -1}], "duration -1 is negative"),
        ("tasks", [{"id": "A", "duration": 1.0}], "Expected `int`, got `float`"),
        ("tasks", [{"id": "A", "duration": True}], "Expected `int`, got `bool`"),
        ("tasks", [{"id": "A", "duration": 1}] * 2, "id 'A' is there more than once"),
        ("tasks", [{"id": "A", "duration": 1, "demands": {"X": 1}}], "unknown resource 'X'"),
        ("tasks", [{"id": "A", "duration": 1, "demands": {"R": 4}}], "demands 4 of R, whose capac"),
        ("tasks", [{"id": "A", "duration": 1, "demands": {"R": -1}}], "demands -1 of R"),
        ("tasks", [{"id": "A", "duration": 1, "cost": 1}], "unknown field `cost`"),
        ("resources", [{"id": "R", "capacity": 3}] * 2, "id 'R' is there more than once"),
        ("resources", [{"id": "R", "capacity": -3}], "capacity -3 is negative"),
        ("precedences", [["A", "Z"]], "unknown task 'Z'"),
        ("precedences", [["A", "A"]], "paired with itself"),
        ("precedences", [["A", "B"], ["A", "B"]], "more than once"),
        ("precedences", [["A", "B"], ["B", "C"], ["C", "A"]], "cyclic: "),
        ("downtimes", [{"resource": "X", "start": 4, "end": 6}], "unknown resource 'X'"),
        ("downtimes", [{"resource": "R", "start": 6, "end": 6}], "start < end"),
        ("windows", [{"task": "Z", "release": 1, "deadline": 9}], "unknown task 'Z'"),
        ("windows", [{"task": "B", "release": 1, "deadline": 2}], "shorter than its duration 2"),
        ("disjunctions", [["A", "Z"]], "unknown task 'Z'"),
        ("horizon", 2, "shorter than the longest task"),
        ("setting", "moon", "'moon' is not one of"),
    ],
)
def test_a_wrong_one_cannot_be_built(key: str, value: object, message: str) -> None:
    raw = good() | {key: value}
    if key == "tasks":
        raw |= {"precedences": [], "windows": [], "disjunctions": []}
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(raw, Project)


def test_overlapping_and_touching_downtimes_are_one() -> None:
    project = Project(
        (Task("A", 1),),
        (Resource("R", 1), Resource("S", 1)),
        (),
        (Downtime("R", 7, 9), Downtime("R", 1, 4), Downtime("R", 3, 5), Downtime("R", 5, 6)),
        (Window("A", 0, 5),),
        (),
        10,
    )
    assert merged_downtimes(project) == {"R": [(1, 6), (7, 9)], "S": []}


@pytest.mark.parametrize("setting", ["plain", "datacentre"])
@pytest.mark.parametrize("axes", ["downtime,windows,disjunctions", "none"])
def test_prompts_are_as_they_were(setting: str, axes: str) -> None:
    instance = generate(6, 1, 0, {"setting": setting, "axes": axes}, reference=False)
    effect = next(world(instance, installed()))
    text = "\n".join(f"--- {m.role}\n{m.content}" for m in getattr(effect, "messages"))  # noqa: B009
    golden = GOLDEN / f"rcpsp-{setting}-{axes.partition(',')[0]}.txt"
    if not golden.exists():
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")


def test_nothing_of_the_reference_is_in_the_prompt() -> None:
    instance = generate(6, 1, 0, {}, reference=False)
    hidden = msgspec.structs.replace(instance, reference=Reference("none"), id="other", index=9)
    shown = [getattr(next(world(i, installed())), "messages") for i in (instance, hidden)]  # noqa: B009
    assert shown[0] == shown[1]


def test_schema_names_every_task() -> None:
    schema = answer_schema(msgspec.convert(good(), Project))
    assert schema["properties"]["starts"]["required"] == ["A", "B", "C"]


def test_a_template_of_several_turns_and_an_unknown_one() -> None:
    prompts = Prompts({"x/a.j2": "--- system\nBe {{ how }}.\n--- user\nGo.\n"})
    assert [(m.role, m.content) for m in prompts.messages("x/a.j2", how="brief")] == [
        ("system", "Be brief."),
        ("user", "Go."),
    ]
    with pytest.raises(InputError, match=r"no prompt template 'x/b\.j2'"):
        prompts.messages("x/b.j2")
