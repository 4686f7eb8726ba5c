"""Wrong fleets cannot be built; prompts are as they were; answers give each task a host."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from generators.placement import PlacementSettings, drawn, generate
from tasks.base import Ask, Instance
from tasks.placement import Fleet, answer_schema, answers, host_seconds, read, world
from tasks.prompts import installed

GOLDEN = Path(__file__).parent / "golden" / "placement.txt"


def good() -> dict[str, Any]:
    task = {"id": "A", "at": 0, "time": 5, "cpu": 2, "memory": 3, "guess": 4}
    return {"cpu": 4, "memory": 8, "tasks": [task, {**task, "id": "B", "at": 4}]}


def test_a_good_one_is_built() -> None:
    fleet = msgspec.convert(good(), Fleet)
    assert fleet.tasks[1].end == 9
    assert msgspec.json.decode(msgspec.json.encode(fleet), type=Fleet) == fleet
    assert host_seconds(fleet, {"A": 1, "B": 1}) == 9
    assert host_seconds(fleet, {"A": 1, "B": 2}) == 10


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("tasks",), [], "there must be at least one"),
        (("tasks", 1, "id"), "A", "id 'A' is there more than once"),
        (("tasks", 0, "at"), 5, "not in the order of their coming"),
        (("tasks", 0, "at"), -1, "it comes at -1"),
        (("tasks", 0, "time"), 0, "it stays 0"),
        (("tasks", 0, "cpu"), -1, "it takes -1 cpu"),
        (("tasks", 0, "cpu"), 5, "have no room on a host of 4 and 8"),
        (("tasks", 0, "memory"), 9, "have no room on a host"),
        (("cpu",), 1, "have no room on a host"),
        (("tasks", 0, "time"), 2.5, "Expected `int`"),
        (("tasks", 0, "guess"), 0, "guess 0 is below 1"),
        (("hosts",), 3, "unknown field `hosts`"),
    ],
)
def test_a_wrong_one_cannot_be_built(place: tuple[Any, ...], value: Any, message: str) -> None:
    fleet: Any = deepcopy(good())
    inner = fleet
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(fleet, Fleet)


def test_a_task_takes_something() -> None:
    fleet = good()
    fleet["tasks"][0] |= {"cpu": 0, "memory": 0}
    with pytest.raises(msgspec.ValidationError, match="it takes 0 cpu and 0 memory"):
        msgspec.convert(fleet, Fleet)


def question(instance: Instance[Fleet]) -> Ask:
    ask = next(world(instance, installed()))
    assert isinstance(ask, Ask)
    return ask


def test_the_prompt_is_as_it_was() -> None:
    fleet = drawn(4, "golden", PlacementSettings())
    instance = Instance("i", "placement", 4, None, 0, {}, 1, fleet)
    text = "\n".join(f"--- {m.role}\n{m.content}" for m in question(instance).messages)
    assert text == GOLDEN.read_text("utf-8"), f"{GOLDEN} has another text"


def test_the_question_hides_nothing_and_its_schema_names_all_tasks() -> None:
    instance = generate(10, 0, 0, {}, reference=False)
    ask = question(instance)
    assert ask.problem == msgspec.to_builtins(instance.payload)
    assert ask.schema == answer_schema(instance.payload)
    ids = [task.id for task in instance.payload.tasks]
    assert ask.schema["properties"]["hosts"]["required"] == ids
    assert set(answers(instance.payload)) == set(answers(None)) == {"Placing"}


def test_answers_are_read_from_objects_and_texts() -> None:
    assert read({"hosts": {"A": 1}}, "").answers[0].value == {"hosts": {"A": 1}}
    assert read(None, 'So: {"hosts": {"A": 1}}').answers[0].value == {"hosts": {"A": 1}}
    assert read(None, "none").answers[0].problem
