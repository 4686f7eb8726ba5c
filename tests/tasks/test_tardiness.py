"""Wrong jobs cannot be built; tardiness by hand; prompts are as they were."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from generators.tardiness import generate
from tasks.base import Instance, Reference, Reply, Scalar
from tasks.prompts import installed
from tasks.tardiness import Job, Jobs, answer_schema, read, tardiness, world

GOLDEN = Path(__file__).parent / "golden"


def good() -> dict[str, Any]:
    return {"jobs": [{"id": "A", "p": 3, "d": 4}, {"id": "B", "p": 2, "d": -1, "w": 5}]}


def test_a_good_one_is_built() -> None:
    payload = msgspec.convert(good(), Jobs)
    assert payload == Jobs((Job("A", 3, 4), Job("B", 2, -1, 5)))
    assert payload.weighted
    assert not Jobs(payload.jobs[:1]).weighted
    assert msgspec.json.decode(msgspec.json.encode(payload)) == good()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jobs": []}, "at least one"),
        ({"jobs": [{"id": "A", "p": 0, "d": 1}]}, "job A: processing time p = 0 is below 1"),
        ({"jobs": [{"id": "A", "p": -2, "d": 1}]}, "p = -2 is below 1"),
        ({"jobs": [{"id": "A", "p": 1, "d": 1, "w": 0}]}, "job A: weight w = 0 is below 1"),
        ({"jobs": [{"id": "A", "p": 1.0, "d": 1}]}, "Expected `int`, got `float`"),
        ({"jobs": [{"id": "A", "p": 1, "d": 1.5}]}, "Expected `int`, got `float`"),
        ({"jobs": [{"id": "A", "p": True, "d": 1}]}, "Expected `int`, got `bool`"),
        ({"jobs": [{"id": "A", "p": "1", "d": 1}]}, "Expected `int`, got `str`"),
        ({"jobs": [{"id": 1, "p": 1, "d": 1}]}, "Expected `str`, got `int`"),
        ({"jobs": [{"id": "A", "p": 1}]}, "missing required field `d`"),
        ({"jobs": [{"id": "A", "p": 1, "d": 1, "r": 0}]}, "unknown field `r`"),
        ({"jobs": [{"id": "A", "p": 1, "d": 1}] * 2}, "id 'A' is there more than once"),
        ({"variant": "moon"}, "'moon' is not one of plain, rules"),
        ({"machines": 2}, "unknown field `machines`"),
    ],
)
def test_a_wrong_one_cannot_be_built(change: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(good() | change, Jobs)


def test_tardiness_by_hand() -> None:
    a, b = Job("A", 3, 4), Job("B", 2, -1, 5)
    assert tardiness([a, b]) == 0 + 5 * 6
    assert tardiness([b, a]) == 5 * 3 + 1
    assert tardiness([Job("C", 7, 7)]) == 0


def shown(instance: Instance[Jobs]) -> str:
    effect = next(world(instance, installed()))
    return "\n".join(f"--- {m.role}\n{m.content}" for m in getattr(effect, "messages"))  # noqa: B009


@pytest.mark.parametrize("variant", ["plain", "rules"])
@pytest.mark.parametrize("weights", [False, True])
def test_prompts_are_as_they_were(variant: str, weights: bool) -> None:
    settings: dict[str, Scalar] = {"variant": variant, "weights": weights}
    text = shown(generate(6, 1, 13, settings, reference=False))
    golden = GOLDEN / f"tardiness-{variant}{'-weights' if weights else ''}.txt"
    if not golden.exists():
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")


def test_weights_are_shown_only_where_they_differ() -> None:
    same = Jobs((Job("A", 1, 1), Job("B", 1, 1)))
    instance = Instance("x", "tardiness", 2, None, 0, {}, 1, same)
    assert "weight" not in shown(instance)
    rules = msgspec.structs.replace(instance, payload=Jobs(same.jobs, "rules"))
    assert "weight" not in shown(rules)
    assert shown(rules).count("EDD") == 1


def test_nothing_of_the_reference_is_in_the_prompt() -> None:
    instance = generate(6, 1, 0, {}, reference=False)
    best = Reference("optimal", 987654, 987654, solver="s", answer={"order": ["J01"]})
    hidden = msgspec.structs.replace(instance, reference=best, id="other", index=9, settings={})
    assert shown(instance) == shown(hidden)


def test_schema_names_every_job_and_the_world_reads_the_order() -> None:
    payload = msgspec.convert(good(), Jobs)
    order = answer_schema(payload)["properties"]["order"]
    assert (order["items"]["enum"], order["minItems"], order["maxItems"]) == (["A", "B"], 2, 2)
    program = world(Instance("x", "tardiness", 2, None, 0, {}, 1, payload), installed())
    next(program)
    with pytest.raises(StopIteration) as stopped:
        program.send(Reply('So: {"order": ["B", "A"]}'))
    assert stopped.value.value.answers[0].value == {"order": ["B", "A"]}


def test_answers_from_files_are_objects_or_texts() -> None:
    assert read({"order": ["B"]}, "").answers[0].value == {"order": ["B"]}
    assert read(None, '{"order": ["B"]}').answers[0].value == {"order": ["B"]}
    assert read(None, "no idea").answers[0].value is None
