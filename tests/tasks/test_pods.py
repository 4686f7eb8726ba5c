"""Wrong clusters cannot be built; values by hand; prompts are as they were; spelling."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from generators.pods import generate
from tasks.base import Instance, Outcome, Parsed, Reference, Reply, Scalar
from tasks.pods import (
    LARGEST,
    PodCluster,
    answer_schema,
    bases,
    composed,
    disruption,
    now,
    read,
    spelled,
    split_value,
    value,
    waiting,
    world,
)
from tasks.prompts import installed
from tests.factories.pods import cluster, instance

GOLDEN = Path(__file__).parent / "golden"


def good() -> dict[str, Any]:
    node = {"cpu": 4, "memory": 4}
    pod = {"cpu": 2, "memory": 1, "priority": 1, "node": "A", "protected": False}
    return {
        "nodes": [node | {"id": "A"}, node | {"id": "B"}],
        "pods": [
            pod | {"id": "a", "protected": True},
            pod | {"id": "b", "priority": 2},
            pod | {"id": "c", "node": None},
        ],
        "setting": "plain",
    }


def pods(*changes: dict[str, Any]) -> dict[str, Any]:
    """The first pod of the good cluster, changed: one for each change."""
    return {"pods": [good()["pods"][1] | change for change in changes]}


def test_a_good_one_is_built() -> None:
    payload = msgspec.convert(good(), PodCluster)
    assert msgspec.json.decode(msgspec.json.encode(payload)) == good()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nodes": []}, "at least one node and one pod"),
        ({"pods": []}, "at least one node and one pod"),
        ({"nodes": [good()["nodes"][0]] * 2}, "nodes: id 'A' is there more than once"),
        (pods({}, {}), "pods: id 'b' is there more than once"),
        (pods({"cpu": 0}), "pod b: cpu and memory must be at least 1"),
        (pods({"memory": -1}), "pod b: cpu and memory must be at least 1"),
        (pods({"cpu": 1.0}), "Expected `int`, got `float`"),
        (pods({"priority": True}), "Expected `int`, got `bool`"),
        (pods({"node": "C"}), "pod b: there is no node 'C'"),
        (pods({"node": None, "protected": True}), "pod b: it is protected, but does not run"),
        (pods({"cpu": 5}), "node A: the pods that run there do not fit"),
        (pods({"memory": 3}, {"id": "d", "memory": 2}), "node A: the pods that run there"),
        (
            {"nodes": [{"id": "A", "cpu": 0, "memory": 1}]},
            "node A: cpu and memory must be at least 1",
        ),
        (
            pods(*({"id": f"p{k}", "priority": k, "node": None} for k in range(20))),
            "pods: too many of too many priorities",
        ),
        ({"setting": "moon"}, "'moon' is not one of plain"),
        ({"hosts": 2}, "unknown field `hosts`"),
    ],
)
def test_a_wrong_one_cannot_be_built(change: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(good() | change, PodCluster)


def test_values_by_hand() -> None:
    payload = msgspec.convert(good(), PodCluster)
    assert bases(payload) == (2, 4, 5)  # one of priority 2, three of 1 or 2, two that run
    as_it_is = now(payload)
    assert as_it_is == {"a": "A", "b": "A", "c": None}
    assert (waiting(payload, as_it_is), disruption(payload, as_it_is)) == ((0, 1), 0)
    moved: dict[str, str | None] = {"a": "A", "b": "B", "c": "A"}
    evicted: dict[str, str | None] = {"a": "A", "b": None, "c": "A"}
    assert (waiting(payload, moved), disruption(payload, moved)) == ((0, 0), 2)
    assert (waiting(payload, evicted), disruption(payload, evicted)) == ((1, 1), 1)
    values = [value(payload, each) for each in (moved, as_it_is, evicted)]
    assert values == [2, 5, 26] == sorted(values)
    assert [split_value(payload, each) for each in values] == [(0, 2), (1, 0), (5, 1)]
    assert composed(payload, (1, 3, 4)) == 2 * 4 * 5 - 1


def test_the_largest_clusters_that_are_generated_can_be_built() -> None:
    one = generate(16, 0, 0, {"per_node": 8, "priorities": 4, "load": 1.2}, reference=False)
    assert composed(one.payload, (base - 1 for base in bases(one.payload))) < LARGEST


# Prompts --------------------------------------------------------------------------------------


def shown(one: Instance[PodCluster]) -> str:
    effect = next(world(one, installed()))
    return "\n".join(f"--- {m.role}\n{m.content}" for m in getattr(effect, "messages"))  # noqa: B009


CASES: dict[str, tuple[int, dict[str, Scalar]]] = {
    "pods": (2, {}),
    "pods-protected": (2, {"protected": 0.5, "priorities": 1}),
    "pods-few": (2, {"per_node": 2, "priorities": 2}),
}


@pytest.mark.parametrize("name", CASES)
def test_prompts_are_as_they_were(name: str) -> None:
    level, settings = CASES[name]
    text = shown(generate(level, 1, 5, settings, reference=False))
    golden = GOLDEN / f"{name}.txt"
    if not golden.exists():
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")


def test_nothing_of_the_reference_is_in_the_question() -> None:
    one = generate(3, 1, 0, {}, reference=False)
    best = Reference("optimal", 987654, 987654, solver="s", answer={"placement": {"pod-01": "n9"}})
    hidden = msgspec.structs.replace(one, reference=best, id="other", index=9, settings={})
    assert shown(one) == shown(hidden)


def test_the_schema_has_a_place_for_each_pod_and_the_world_reads_them() -> None:
    payload = msgspec.convert(good(), PodCluster)
    rows = answer_schema(payload)["properties"]["placement"]
    assert rows["required"] == ["a", "b", "c"]
    assert rows["properties"]["a"] == {"enum": ["A", "B", None]}
    program = world(instance(payload), installed())
    next(program)
    wanted = {"a": "A", "b": None, "c": "B"}
    with pytest.raises(StopIteration) as stopped:
        program.send(Reply("So: " + msgspec.json.encode({"placement": wanted}).decode()))
    assert stopped.value.value.answers[0].value == {"placement": wanted}


# Spelling -------------------------------------------------------------------------------------

TWO = cluster([(4, 4), (4, 4)], [(1, 1, 1, 0), (1, 1, 1, None)])  # p0, p1 on n0, n1
GOOD: dict[str, Any] = {"p0": "n0", "p1": None}


@pytest.mark.parametrize(
    "written", [GOOD, {"P0": "n0", "p1": None}, {"p0 ": " N00", "p01": None}, GOOD | {"p0": ["n0"]}]
)
def test_ids_are_read_by_the_rule_of_spelling(written: Any) -> None:
    text = msgspec.json.encode({"placement": written}).decode()
    [answer] = spelled(TWO, read(None, text)).answers
    assert answer.value == {"placement": GOOD}
    assert bool(answer.mended) == (written != GOOD)


@pytest.mark.parametrize("written", [{"p0": 3, "p1": "n9"}, {"p9": "n0"}, {"p0": {"node": "n0"}}])
def test_what_stands_for_nothing_stays(written: Any) -> None:
    text = msgspec.json.encode({"placement": written}).decode()
    [answer] = spelled(TWO, read(None, text)).answers
    assert answer.value == {"placement": written}
    assert not answer.mended


def test_a_place_given_twice_is_doubtful() -> None:
    [answer] = spelled(TWO, read(None, '{"placement": {"p0": "n0", "P0": "n1"}}')).answers
    assert answer.value is None
    assert answer.problem == "the place of 'p0' is given twice"


def test_what_a_program_gives_is_taken_as_it_is() -> None:
    given = Outcome((Parsed(value={"placement": {"P0": "n0"}}, how="given"),))
    assert spelled(TWO, given) is given
    assert read(None, "no idea").answers[0].value is None
