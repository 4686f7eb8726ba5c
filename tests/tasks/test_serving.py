"""Wrong workloads cannot be built; prompts are as they were; answers are orders or logs."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from generators.serving import ServingSettings, at_leisure, generate
from tasks.base import Ask, Instance
from tasks.prompts import installed
from tasks.serving import answer_schema, answers, is_log, read, world
from tasks.serving_payload import Service

GOLDEN = Path(__file__).parent / "golden"


def good() -> dict[str, Any]:
    call = {"prompt": 5, "output": 3, "cap": 4, "hint": 2, "kind": "x"}
    job = {"id": "A", "at": 0, "stages": [{"calls": [call]}], "ttft": 9, "tpot": 3}
    server = {"memory": 20, "floor": 2, "fixed": 1, "token": 1, "read": 0, "pair": 0}
    return {"servers": [server], "jobs": [job, {**job, "id": "B", "at": 4}]}


def changed(path: str, value: Any) -> dict[str, Any]:
    """A good one with one field changed, of which each number in the path is an index."""
    service = deepcopy(good())
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = service
    for step in steps:
        place = place[step]
    place[last] = value
    return service


def test_a_good_one_is_built() -> None:
    service = msgspec.convert(good(), Service)
    assert service.jobs[0].largest_context == 8
    assert msgspec.json.decode(msgspec.json.encode(service), type=Service) == service


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("jobs", [], "there must be at least one"),
        ("jobs.1.id", "A", "id 'A' is there more than once"),
        ("jobs.0.at", 5, "not in the order of their arrival"),
        ("jobs.0.at", -1, "it comes at -1"),
        ("jobs.0.ttft", None, "both there or neither"),
        ("jobs.0.ttft", 0, "its limits must be there, from 1"),
        ("jobs.0.deadline", 0, "its limits must be there, from 1"),
        ("jobs.0.stages", [], "there must be a stage"),
        ("jobs.0.stages.0.calls", [], "there must be a call"),
        ("jobs.0.stages.0.pause", -1, "pause -1 is not from 0"),
        ("jobs.0.stages.0.calls.0.prompt", 0, "prompt 0 is not from 1"),
        ("jobs.0.stages.0.calls.0.output", 5, "output 5 is not from 1 to its cap 4"),
        ("jobs.0.stages.0.calls.0.hint", 0, "hint 0 is not from 1"),
        ("jobs.0.stages.0.calls.0.prompt", 2.5, "Expected `int`"),
        ("servers", [], "their roles are"),
        ("servers.0.memory", 8, "its context of 8 tokens has no room in a memory of 8"),
        ("servers.0.floor", 0, "floor 0 is below 1"),
        ("servers.0.read", -1, "not all from 0"),
        ("servers.0.budget", 0, "budget 0 is below 1"),
        ("servers.0.speed", 0, "speed 0 per cent"),
        ("servers.0.role", "prefill", "some prefill, some decode"),
        ("servers.0.role", "cook", "Invalid enum value 'cook'"),
        ("link", -1, "link -1"),
        ("tenants", 3, "unknown field `tenants`"),
    ],
)
def test_a_wrong_one_cannot_be_built(path: str, value: Any, message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(changed(path, value), Service)


def test_calls_beside_each_other_share_no_context() -> None:
    service = good()
    service["jobs"][0] |= {"reuse": True}
    service["jobs"][0]["stages"][0]["calls"] *= 2
    with pytest.raises(msgspec.ValidationError, match="a stage has one call"):
        msgspec.convert(service, Service)


# What is said --------------------------------------------------------------------------------


def question(instance: Instance[Service]) -> Ask:
    ask = next(world(instance, installed()))
    assert isinstance(ask, Ask)
    return ask


def as_before(name: str, text: str) -> None:
    golden = GOLDEN / f"serving-{name}.txt"
    assert text == golden.read_text("utf-8"), f"{golden} has another text"


def text_of(instance: Instance[Service]) -> str:
    return "\n".join(f"--- {m.role}\n{m.content}" for m in question(instance).messages)


@pytest.mark.parametrize("regime", ["few", "agents", "workflow", "pd"])
def test_prompts_are_as_they_were(regime: str) -> None:
    settings = ServingSettings(regime=regime)  # type: ignore[arg-type]
    service = msgspec.convert(at_leisure(3, "golden", settings), Service)
    as_before(regime, text_of(Instance("i", "serving", 3, None, 0, {}, 1, service)))


def test_the_question_hides_nothing_and_its_schema_names_all_jobs() -> None:
    instance = generate(6, 0, 0, {}, reference=False)
    ask = question(instance)
    assert ask.problem == msgspec.to_builtins(instance.payload)
    assert ask.schema == answer_schema(instance.payload)
    ids = [job.id for job in instance.payload.jobs]
    assert ask.schema["properties"]["schedule"]["items"]["enum"] == ids
    assert set(answers(instance.payload)) == set(answers(None)) == {"Order"}


def test_orders_and_logs_are_told_apart() -> None:
    assert is_log([[0, {"admit": [0]}]])
    assert is_log([[0, {}], "x"])
    assert not is_log(["A", "B"])
    assert not is_log([["A"], ["B"]])
    assert not is_log([])
    assert not is_log(None)
    assert read({"schedule": ["A"]}, "").answers[0].value == {"schedule": ["A"]}
    assert read(None, 'So: {"schedule": ["A"]}').answers[0].value == {"schedule": ["A"]}
    assert read(None, "none").answers[0].problem
