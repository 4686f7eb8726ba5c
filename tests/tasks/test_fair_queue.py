"""Wrong clusters cannot be built; prompts are as they were; answers are orders or logs."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from generators.fair_queue import FairQueueSettings, at_leisure, generate
from tasks.base import Ask, Instance
from tasks.fair_queue import SharedCluster, answer_schema, answers, is_log, read, world
from tasks.prompts import installed

GOLDEN = Path(__file__).parent / "golden" / "fair-queue.txt"


def good() -> dict[str, Any]:
    job = {"id": "A", "user": 0, "at": 0, "stages": [[3, 4], [5]], "hint": 9}
    return {"cores": 2, "jobs": [job, {**job, "id": "B", "at": 4}]}


def test_a_good_one_is_built() -> None:
    cluster = msgspec.convert(good(), SharedCluster)
    assert cluster.jobs[0].work == 12
    assert msgspec.json.decode(msgspec.json.encode(cluster), type=SharedCluster) == cluster


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("cores",), 0, "cores 0 is below 1"),
        (("jobs",), [], "there must be at least one"),
        (("jobs", 1, "id"), "A", "id 'A' is there more than once"),
        (("jobs", 0, "at"), 5, "not in the order of their arrival"),
        (("jobs", 0, "at"), -1, "it comes at -1"),
        (("jobs", 0, "user"), -1, "user -1 is below 0"),
        (("jobs", 0, "stages"), [], "there must be a stage"),
        (("jobs", 0, "stages"), [[3], []], "a task in each"),
        (("jobs", 0, "stages"), [[0]], "its tasks last 0 to 0 ms"),
        (("jobs", 0, "stages"), [[2.5]], "Expected `int`"),
        (("jobs", 0, "hint"), 0, "hint 0 is below 1"),
        (("memory",), 3, "unknown field `memory`"),
    ],
)
def test_a_wrong_one_cannot_be_built(place: tuple[Any, ...], value: Any, message: str) -> None:
    cluster: Any = deepcopy(good())
    inner = cluster
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(cluster, SharedCluster)


def question(instance: Instance[SharedCluster]) -> Ask:
    ask = next(world(instance, installed()))
    assert isinstance(ask, Ask)
    return ask


def test_the_prompt_is_as_it_was() -> None:
    cluster = at_leisure(3, "golden", FairQueueSettings(cores=4))
    instance = Instance("i", "fair-queue", 3, None, 0, {}, 1, cluster)
    text = "\n".join(f"--- {m.role}\n{m.content}" for m in question(instance).messages)
    assert text == GOLDEN.read_text("utf-8"), f"{GOLDEN} has another text"


def test_the_question_hides_nothing_and_its_schema_names_all_jobs() -> None:
    instance = generate(6, 0, 0, {}, reference=False)
    ask = question(instance)
    assert ask.problem == msgspec.to_builtins(instance.payload)
    assert ask.schema == answer_schema(instance.payload)
    ids = [job.id for job in instance.payload.jobs]
    assert ask.schema["properties"]["schedule"]["items"]["enum"] == ids
    assert set(answers(instance.payload)) == set(answers(None)) == {"Order"}


def test_orders_and_logs_are_told_apart() -> None:
    assert is_log([0, 1])
    assert not is_log([])
    assert not is_log(["A", 1])
    assert not is_log([True])
    assert not is_log(None)
    assert read({"schedule": ["A"]}, "").answers[0].value == {"schedule": ["A"]}
    assert read(None, 'So: {"schedule": ["A"]}').answers[0].value == {"schedule": ["A"]}
    assert read(None, "none").answers[0].problem
