"""Wrong graphs cannot be built; values by hand; prompts are as they were; spelling."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from generators.dag import generate
from tasks.base import Instance, Outcome, Parsed, Reference, Reply, Scalar
from tasks.dag import (
    TaskGraph,
    answer_schema,
    in_a_row,
    makespan,
    read,
    replay,
    spelled,
    stated,
    value,
    world,
)
from tasks.prompts import installed
from tests.factories.graphs import graph, instance

GOLDEN = Path(__file__).parent / "golden"


def good() -> dict[str, Any]:
    return {
        "processors": ["P1", "P2"],
        "tasks": [
            {"id": "A", "times": {"P1": 3, "P2": 5}},
            {"id": "B", "times": {"P1": 4, "P2": 2}},
        ],
        "edges": [{"before": "A", "after": "B", "data": 6}],
        "noise": 0.5,
        "scenarios": [{"A": {"P1": 2, "P2": 9}, "B": {"P1": 1, "P2": 1}}],
        "setting": "plain",
    }


def test_a_good_one_is_built() -> None:
    payload = msgspec.convert(good(), TaskGraph)
    assert msgspec.json.decode(msgspec.json.encode(payload)) == good()
    bare = {name: good()[name] for name in ("processors", "tasks", "edges")}
    assert msgspec.convert(bare, TaskGraph) == stated(payload)


def edges(*pairs: tuple[str, str, int]) -> dict[str, Any]:
    return {"edges": [{"before": a, "after": b, "data": data} for a, b, data in pairs]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": []}, "at least one processor and one task"),
        ({"processors": []}, "at least one processor and one task"),
        ({"processors": ["P1", "P1"]}, "processors: 'P1' is there more than once"),
        ({"tasks": [good()["tasks"][0]] * 2}, "tasks: id 'A' is there more than once"),
        ({"tasks": [{"id": "A", "times": {"P1": 0, "P2": 1}}]}, "task A: time 0 on P1 is below 1"),
        ({"tasks": [{"id": "A", "times": {"P1": 1}}]}, "task A: it needs a time on every"),
        (
            {"tasks": [{"id": "A", "times": {"P1": 1, "P2": 1, "P3": 1}}]},
            "task A: it needs a time on every",
        ),
        ({"tasks": [{"id": "A", "times": {"P1": 1.0}}]}, "Expected `int`, got `float`"),
        ({"tasks": [{"id": "A", "times": {"P1": True}}]}, "Expected `int`, got `bool`"),
        (edges(("A", "B", -1)), "edge A to B: data -1 is below 0"),
        (edges(("A", "C", 1)), "edges: there is no task 'C'"),
        (edges(("A", "B", 1), ("A", "B", 2)), "edges: 'A to B' is there more than once"),
        (edges(("A", "B", 1), ("B", "A", 2)), "edges: a circle of"),
        (edges(("A", "A", 1)), "edges: a circle of A, A"),
        ({"noise": 0.0}, "noise 0.0: it is above 0 where there are scenarios"),
        ({"scenarios": []}, "noise 0.5: it is above 0 where there are scenarios"),
        ({"scenarios": [{"A": {"P1": 1, "P2": 1}}]}, r"scenarios\[0\]: it needs every task"),
        (
            {"scenarios": [good()["scenarios"][0] | {"B": {"P1": 0, "P2": 1}}]},
            r"scenarios\[0\]: B needs a time from 1",
        ),
        ({"setting": "moon"}, "'moon' is not one of plain"),
        ({"machines": 2}, "unknown field `machines`"),
    ],
)
def test_a_wrong_one_cannot_be_built(change: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(good() | change, TaskGraph)


def plan(*places: tuple[str, str, int]) -> dict[str, dict[str, Any]]:
    return {task: {"processor": processor, "start": start} for task, processor, start in places}


def test_values_by_hand() -> None:
    payload = msgspec.convert(good(), TaskGraph)
    apart, together = plan(("A", "P1", 0), ("B", "P2", 9)), plan(("A", "P1", 2), ("B", "P1", 5))
    assert (makespan(payload, apart), makespan(payload, together)) == (11, 9)
    assert (value(stated(payload), apart), value(stated(payload), together)) == (11, 9)
    [times] = payload.scenarios
    assert (replay(payload, apart, times), replay(payload, together, times)) == (9, 3)
    assert (value(payload, apart), value(payload, together)) == (9, 3)
    assert (in_a_row(stated(payload)), in_a_row(payload)) == (5 + 4 + 6, 9 + 1 + 6)


def test_a_replay_keeps_the_order_on_each_processor() -> None:
    """T1 goes behind T0 though it could go first where T0's data come late."""
    payload = graph([[1, 9], [9, 1], [9, 1]], {(0, 1): 5}, [[[8, 9], [9, 1], [9, 1]]])
    [times] = payload.scenarios
    behind = plan(("T0", "P0", 0), ("T1", "P1", 6), ("T2", "P1", 7))
    before = plan(("T0", "P0", 0), ("T2", "P1", 0), ("T1", "P1", 6))
    assert (replay(payload, behind, times), replay(payload, before, times)) == (15, 14)


# Prompts --------------------------------------------------------------------------------------


def shown(one: Instance[TaskGraph]) -> str:
    effect = next(world(one, installed()))
    return "\n".join(f"--- {m.role}\n{m.content}" for m in getattr(effect, "messages"))  # noqa: B009


CASES: dict[str, tuple[int, dict[str, Scalar]]] = {
    "dag": (4, {}),
    "dag-noise": (4, {"noise": 0.4}),
    "dag-single": (1, {"processors": 1}),
}


@pytest.mark.parametrize("name", CASES)
def test_prompts_are_as_they_were(name: str) -> None:
    level, settings = CASES[name]
    text = shown(generate(level, 1, 5, settings, reference=False))
    golden = GOLDEN / f"{name}.txt"
    if not golden.exists():
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")


def test_nothing_of_the_reference_and_of_scenarios_is_in_the_question() -> None:
    one = generate(4, 1, 0, {"noise": 0.4}, reference=False)
    best = Reference("optimal", 987654, 987654, solver="s", answer={"schedule": {"T1": [987654]}})
    hidden = msgspec.structs.replace(one, reference=best, id="other", index=9, settings={})
    assert shown(one) == shown(hidden)
    odd = [
        {t: dict.fromkeys(row, 987654) for t, row in each.items()} for each in one.payload.scenarios
    ]
    other = msgspec.structs.replace(one.payload, scenarios=tuple(odd))
    changed = msgspec.structs.replace(one, payload=other)
    assert shown(one) == shown(changed)
    effect = next(world(changed, installed()))
    assert b"987654" not in msgspec.json.encode(getattr(effect, "problem"))  # noqa: B009


def test_the_schema_has_a_place_for_each_task_and_the_world_reads_them() -> None:
    payload = msgspec.convert(good(), TaskGraph)
    rows = answer_schema(payload)["properties"]["schedule"]
    assert rows["required"] == ["A", "B"]
    assert rows["properties"]["A"]["required"] == ["processor", "start"]
    program = world(instance(payload), installed())
    next(program)
    wanted = plan(("A", "P1", 0), ("B", "P1", 3))
    with pytest.raises(StopIteration) as stopped:
        program.send(Reply("So: " + msgspec.json.encode({"schedule": wanted}).decode()))
    assert stopped.value.value.answers[0].value == {"schedule": wanted}


# Spelling -------------------------------------------------------------------------------------

TWO = graph([[1, 2], [2, 1]])  # T0, T1 on P0, P1
GOOD = plan(("T0", "P0", 0), ("T1", "P1", 4))


@pytest.mark.parametrize(
    "written",
    [
        GOOD,
        plan(("t0", "p0", 0), ("T01", "P1", 4)),
        plan(("T0 ", " P00", 0), ("T1", "p1", 4)),
        {"T0": {"processor": "P0", "start": "0"}, "T1": {"processor": ["P1"], "start": 4.0}},
    ],
)
def test_ids_and_times_are_read_by_the_rule_of_spelling(written: Any) -> None:
    text = msgspec.json.encode({"schedule": written}).decode()
    [answer] = spelled(TWO, read(None, text)).answers
    assert answer.value == {"schedule": GOOD}
    assert bool(answer.mended) == (written != GOOD)
    assert {type(place["start"]) for place in (answer.value or {})["schedule"].values()} == {int}


@pytest.mark.parametrize(
    "written", [{"T0": 3, "T1": None}, {"T0": {"processor": "P9", "start": 1.5}}, {"T9": {}}]
)
def test_what_stands_for_nothing_stays(written: Any) -> None:
    text = msgspec.json.encode({"schedule": written}).decode()
    [answer] = spelled(TWO, read(None, text)).answers
    assert answer.value == {"schedule": written}
    assert not answer.mended


def test_a_place_given_twice_is_doubtful() -> None:
    entry = '{"processor": "P0", "start": 0}'
    text = f'{{"schedule": {{"T0": {entry}, "t0": {entry}, "T1": {entry}}}}}'
    [answer] = spelled(TWO, read(None, text)).answers
    assert answer.value is None
    assert answer.problem == "the place of 'T0' is given twice"


def test_what_a_program_gives_is_taken_as_it_is() -> None:
    given = Outcome((Parsed(value={"schedule": plan(("t0", "P0", 1))}, how="given"),))
    assert spelled(TWO, given) is given
    assert read(None, "no idea").answers[0].value is None
