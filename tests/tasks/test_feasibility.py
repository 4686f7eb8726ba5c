"""Labels and parts of projects; the prompt as it was; which of two answers in a reply counts."""

from pathlib import Path

import pytest

from generators.feasibility import generate
from tasks.base import Instance, Outcome, Parsed, Reference, Reply
from tasks.feasibility import (
    answer_of,
    answer_schema,
    constraints,
    read,
    read_reply,
    restricted,
    spelled,
    world,
)
from tasks.prompts import installed
from tasks.rcpsp import Downtime, Project, Resource, Task, Window

GOLDEN = Path(__file__).parent / "golden"
SMALL = Project(
    tasks=(Task("A", 3, {"R": 2}), Task("B", 2, {}), Task("C", 2, {"R": 1})),
    resources=(Resource("R", 2),),
    precedences=(("A", "B"), ("B", "C")),
    downtimes=(Downtime("R", 4, 6),),
    windows=(Window("B", 1, 9),),
    disjunctions=(("A", "C"),),
    horizon=10,
)


def test_every_constraint_has_a_label_and_any_of_them_make_a_project() -> None:
    assert constraints(SMALL) == {
        "P1": ("precedences", ("A", "B")),
        "P2": ("precedences", ("B", "C")),
        "D1": ("downtimes", Downtime("R", 4, 6)),
        "W1": ("windows", Window("B", 1, 9)),
        "E1": ("disjunctions", ("A", "C")),
    }
    assert restricted(SMALL, list(constraints(SMALL))) == SMALL
    part = restricted(SMALL, ["P2", "E1", "P9"])
    assert (part.precedences, part.disjunctions) == ((("B", "C"),), (("A", "C"),))
    assert (part.downtimes, part.windows, part.horizon) == ((), (), 10)
    assert part.tasks == SMALL.tasks


@pytest.mark.parametrize("name", ["small", "bare", "generated"])
def test_prompts_are_as_they_were(name: str) -> None:
    project = {
        "small": SMALL,
        "bare": restricted(SMALL, []),
        "generated": generate(10, 0, 0, {}).payload,
    }[name]
    instance = Instance("i", "feasibility", 3, None, 0, {}, 1, project, Reference("none"))
    [message] = next(world(instance, installed())).messages  # type: ignore[union-attr]
    assert message.content + "\n" == (GOLDEN / f"feasibility-{name}.txt").read_text("utf-8")


@pytest.mark.parametrize("twin", ["feasible", "infeasible"])
def test_what_is_asked_tells_neither_the_twin_nor_the_optimum(twin: str) -> None:
    instance = generate(10, 0, 0, {"twin": twin})
    effect = next(world(instance, installed()))
    text = effect.messages[0].content  # type: ignore[union-attr]
    assert twin not in text.replace('"infeasible"', "")
    assert set(effect.problem) == set(Project.__struct_fields__)  # type: ignore[union-attr, arg-type]


def test_twins_differ_by_one_unit_in_one_line_of_the_prompt() -> None:
    texts = []
    for twin in ("feasible", "infeasible"):
        effect = next(world(generate(10, 0, 3, {"twin": twin}), installed()))
        texts.append(effect.messages[0].content.splitlines())  # type: ignore[union-attr]
    different = [(a, b) for a, b in zip(*texts, strict=True) if a != b]
    assert len(different) == 1
    assert different[0][0].startswith("- Every task ends at time ")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"starts": {"A": 0}}', {"starts": {"A": 0}}),
        ('{"infeasible": []}', {"infeasible": []}),
        ('First {"starts": {"A": 0}}, no: {"infeasible": ["P1"]}', {"infeasible": ["P1"]}),
        ('Not {"infeasible": ["P1"]} but {"starts": {"A": 1}}', {"starts": {"A": 1}}),
        ('{"starts": {"A": 1}} since it is not infeasible', {"starts": {"A": 1}}),
        ('{"starts": null, "infeasible": ["P1"]}', answer_of(labels=["P1"])),
        ("{'infeasible': ['P1'],}", {"infeasible": ["P1"]}),
        ('{"starts": {"A": 0}} {"infeasible": ["P1"], "infeasible": []}', None),
        ('{"starts": {"A": 0}} then {"infeasible": ["P1"', None),
        ("There is no schedule.", None),
        ("", None),
    ],
)
def test_the_last_answer_of_either_kind_counts(text: str, value: object) -> None:
    parsed = read_reply(Reply(text))
    assert parsed.value == value
    assert (parsed.problem is None) == (value is not None)


def test_a_reply_without_an_answer_is_told_both_keys() -> None:
    assert read_reply(Reply("no")).problem == (
        'no JSON object with the key "starts" or "infeasible" in the reply'
    )
    assert "cut off" in str(read_reply(Reply('{"infeasible": ["P', finish="length")).problem)


def test_labels_and_starts_are_read_by_the_rule_of_spelling() -> None:
    [named] = spelled(SMALL, read(None, '{"infeasible": ["p1", " D01", "E1", "X"]}')).answers
    assert named.value == {"infeasible": ["P1", "D1", "E1", "X"]}
    assert named.written == {"infeasible": ["p1", " D01", "E1", "X"]}
    assert named.mended == ("id 'p1' read as 'P1' (2 times)",)
    [placed] = spelled(SMALL, read(None, '{"starts": {"a": "0", "B": 3.0, "C": 6}}')).answers
    assert placed.value == {"starts": {"A": 0, "B": 3, "C": 6}}
    given = Outcome((Parsed({"infeasible": ["p1"]}, "given"),))
    assert spelled(SMALL, given) == given == read({"infeasible": ["p1"]}, "")


def test_the_schema_names_the_tasks_and_the_labels() -> None:
    properties = answer_schema(SMALL)["properties"]
    assert list(properties["starts"]["anyOf"][0]["properties"]) == ["A", "B", "C"]
    labels = properties["infeasible"]["anyOf"][0]["items"]["enum"]
    assert labels == ["P1", "P2", "D1", "W1", "E1"]
