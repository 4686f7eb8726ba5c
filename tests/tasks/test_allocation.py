"""Wrong programs cannot be built; values by hand; prompts are as they were; spelling."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from generators.allocation import generate
from tasks.allocation import (
    TensorProgram,
    answer_schema,
    answers,
    loss,
    peak,
    read,
    spelled,
    stacked,
    value,
    world,
)
from tasks.base import Instance, Outcome, Parsed, Reference, Reply, Scalar
from tasks.prompts import installed
from tests.factories.tensors import instance, program

GOLDEN = Path(__file__).parent / "golden"


def good() -> dict[str, Any]:
    tensor = {"start": 0, "end": 2, "size": 3, "benefit": 4}
    return {
        "capacity": 4,
        "tensors": [tensor | {"id": "a"}, tensor | {"id": "b", "start": 1, "end": 3}],
        "objective": "benefit",
        "setting": "plain",
    }


def tensors(*changes: dict[str, Any]) -> dict[str, Any]:
    """The first tensor of the good program, changed: one for each change."""
    return {"tensors": [good()["tensors"][0] | change for change in changes]}


def test_a_good_one_is_built() -> None:
    payload = msgspec.convert(good(), TensorProgram)
    assert msgspec.json.decode(msgspec.json.encode(payload)) == good()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tensors": []}, "at least one tensor"),
        ({"capacity": 0}, "capacity 0 is below 1"),
        ({"capacity": 2**49}, "capacity, all sizes and all benefits are 2\\^48"),
        (tensors({}, {}), "tensors: id 'a' is there more than once"),
        (tensors({"size": 0}), "tensor a: size 0 is below 1"),
        (tensors({"size": 2**48}, {"id": "b"}), "capacity, all sizes and all benefits"),
        (tensors({"benefit": 2**48 + 1}), "capacity, all sizes and all benefits"),
        (tensors({"benefit": -1}), "tensor a: benefit -1 is below 0"),
        (tensors({"end": 0}), "tensor a: \\[0, 0\\) is not 0 <= start < end"),
        (tensors({"start": -1}), "tensor a: \\[-1, 2\\) is not 0 <= start < end"),
        (tensors({"end": 2**48 + 1}), "tensor a: .* is not 0 <= start < end <= 2\\^48"),
        (tensors({"size": 1.0}), "Expected `int`, got `float`"),
        (tensors({"start": True}), "Expected `int`, got `bool`"),
        (tensors({"size": 5}), "objective benefit: no tensor of some benefit has room"),
        (tensors({"benefit": 0}), "objective benefit: no tensor of some benefit has room"),
        ({"objective": "speed"}, "Invalid enum value 'speed'"),
        ({"setting": "moon"}, "'moon' is not one of plain"),
        ({"size": 2}, "unknown field `size`"),
    ],
)
def test_a_wrong_one_cannot_be_built(change: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(good() | change, TensorProgram)


def test_values_by_hand() -> None:
    payload = program([(0, 2, 3, 4), (1, 3, 2, 5)], objective="benefit")
    assert stacked(payload) == 5
    assert peak(payload, {"t0": 0, "t1": 7}) == 9
    assert loss(payload, {"t0": None, "t1": 0}) == value(payload, {"t0": None, "t1": 0}) == 4
    assert value(program([(0, 2, 3), (1, 3, 2)]), {"t0": 2, "t1": 0}) == 5


# Prompts --------------------------------------------------------------------------------------


def shown(one: Instance[TensorProgram]) -> str:
    effect = next(world(one, installed()))
    return "\n".join(f"--- {m.role}\n{m.content}" for m in getattr(effect, "messages"))  # noqa: B009


CASES: dict[str, tuple[int, dict[str, Scalar]]] = {
    "allocation": (5, {}),
    "allocation-benefit": (5, {"objective": "benefit"}),
    "allocation-small": (2, {"moments": 4, "capacity": 8}),
}


@pytest.mark.parametrize("name", CASES)
def test_prompts_are_as_they_were(name: str) -> None:
    level, settings = CASES[name]
    text = shown(generate(level, 1, 5, settings, reference=False))
    golden = GOLDEN / f"{name}.txt"
    if not golden.exists():
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")


@pytest.mark.parametrize("objective", ["peak", "benefit"])
def test_nothing_of_the_reference_is_in_the_question(objective: str) -> None:
    one = generate(6, 1, 0, {"objective": objective}, reference=False)
    best = Reference("optimal", 987654, 987654, solver="s", answer={"offsets": {"T1": 987}})
    hidden = msgspec.structs.replace(one, reference=best, id="other", index=9, settings={})
    assert shown(one) == shown(hidden)


def test_the_schema_has_an_offset_for_each_tensor_and_the_world_reads_them() -> None:
    rows = [(0, 2, 3, 4), (1, 3, 2, 5)]
    for payload, wanted in (
        (program(rows), {"t0": 0, "t1": 3}),
        (program(rows, objective="benefit"), {"t0": 0, "t1": None}),
    ):
        schema = answer_schema(payload)["properties"]["offsets"]
        assert schema["required"] == ["t0", "t1"]
        assert ("anyOf" in schema["properties"]["t0"]) == (payload.objective == "benefit")
        assert answers(payload)["Offsets"].schema == answer_schema(payload)
        step = world(instance(payload), installed())
        next(step)
        with pytest.raises(StopIteration) as stopped:
            step.send(Reply("So: " + msgspec.json.encode({"offsets": wanted}).decode()))
        assert stopped.value.value.answers[0].value == {"offsets": wanted}


# Spelling -------------------------------------------------------------------------------------

TWO = program([(0, 2, 1, 1), (1, 3, 1, 1)], objective="benefit")
GOOD: dict[str, Any] = {"t0": 2, "t1": None}


@pytest.mark.parametrize(
    "written",
    [GOOD, {"T0": "2", "t1": None}, {"t00 ": 2.0, "t1": None}, {"t0": [2], " T1": None}],
)
def test_ids_and_numbers_are_read_by_the_rule_of_spelling(written: Any) -> None:
    text = msgspec.json.encode({"offsets": written}).decode()
    [answer] = spelled(TWO, read(None, text)).answers
    assert answer.value == {"offsets": GOOD}
    assert bool(answer.mended) == (written != GOOD)


@pytest.mark.parametrize("written", [{"t0": 2.5, "t1": "none"}, {"t9": "3"}, {"t0": {"at": 2}}])
def test_what_stands_for_nothing_stays(written: Any) -> None:
    text = msgspec.json.encode({"offsets": written}).decode()
    [answer] = spelled(TWO, read(None, text)).answers
    assert answer.value == {"offsets": written}
    assert not answer.mended


def test_an_offset_given_twice_is_doubtful() -> None:
    [answer] = spelled(TWO, read(None, '{"offsets": {"t0": 0, "T0": 1}}')).answers
    assert answer.value is None
    assert answer.problem == "the offset of 't0' is given twice"


def test_what_a_program_gives_is_taken_as_it_is() -> None:
    given = Outcome((Parsed(value={"offsets": {"T0": 0.0}}, how="given"),))
    assert spelled(TWO, given) is given
    assert read(None, "no idea").answers[0].value is None
