"""Wrong jobs cannot be built; the machine by hand; what a turn shows, and what it does not."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from generators.flow import generate
from harness.families.registry import family
from tasks.base import (
    Ask,
    Called,
    Instance,
    Message,
    Outcome,
    Outside,
    Parsed,
    Reply,
    Scalar,
    ToolCall,
)
from tasks.flow import read, request, world
from tasks.flow_machine import FlowSimulation, OneMachine, Span, submitted
from tasks.flow_payload import Flow, StagedJob
from tasks.play import play
from tasks.prompts import installed

GOLDEN = Path(__file__).parent / "golden"


def good() -> dict[str, Any]:
    jobs = [
        {"id": "B", "release": 0, "operations": [4, 2]},
        {"id": "A", "release": 3, "operations": [1, 5]},
    ]
    return {"jobs": jobs, "count": "known", "pause": 3, "history": "state"}


def flow(**changes: Any) -> Flow:
    return msgspec.convert(good() | changes, Flow)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jobs": []}, "nothing is to decide"),
        ({"jobs": [{"id": "A", "release": 0, "operations": [1]}]}, "nothing is to decide"),
        ({"jobs": [{"id": "A", "release": -1, "operations": [1]}]}, "release -1 is negative"),
        ({"jobs": [{"id": "A", "release": 0, "operations": []}]}, "each of 1 or more"),
        ({"jobs": [{"id": "A", "release": 0, "operations": [2, 0]}]}, "each of 1 or more"),
        ({"jobs": [{"id": "A", "release": 0, "operations": [1.0]}]}, "Expected `int`"),
        ({"jobs": [{"id": "A", "release": 0, "operations": [2]}] * 2}, "more than once"),
        ({"pause": 0}, "pause 0 is below 1"),
        ({"count": "some"}, "Invalid enum value"),
        ({"history": "all"}, "Invalid enum value"),
        ({"machines": 2}, "unknown field `machines`"),
    ],
)
def test_a_wrong_one_cannot_be_built(change: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        flow(**change)


def test_jobs_that_only_touch_leave_nothing_to_decide() -> None:
    first = {"id": "A", "release": 0, "operations": [2, 2]}
    with pytest.raises(msgspec.ValidationError, match="no two are ever there at once"):
        flow(jobs=[first, {"id": "B", "release": 4, "operations": [1]}])
    assert flow(jobs=[first, {"id": "B", "release": 3, "operations": [1]}])


def test_an_episode_by_hand() -> None:
    machine = OneMachine(flow())
    assert (machine.time, list(machine.waiting)) == (3, ["A", "B"])
    assert machine.public() == {
        "time": 3,
        "jobs": [
            {"id": "A", "release": 3, "finished": [], "now": 1, "left": 1},
            {"id": "B", "release": 0, "finished": [], "now": 1, "left": 1},
        ],
        "done": [],
    }
    machine.run("B")
    machine.run("A")
    assert (machine.time, machine.waiting["A"].now, machine.waiting["B"].now) == (5, 5, 2)
    machine.run("B")
    assert machine.is_over
    assert machine.is_done
    assert machine.completed == {"B": 7, "A": 12}
    assert machine.total == 7 + 9
    assert machine.spans == [Span("B", 0, 4), Span("A", 4, 5), Span("B", 5, 7), Span("A", 7, 12)]


def test_ends_come_before_releases_and_one_question_follows() -> None:
    jobs = [
        {"id": "A", "release": 0, "operations": [4, 1]},
        {"id": "B", "release": 0, "operations": [9]},
        {"id": "C", "release": 4, "operations": [1]},
    ]
    machine = OneMachine(flow(jobs=jobs))
    machine.run("A")
    assert (machine.time, machine.turn, list(machine.waiting)) == (4, 2, ["A", "B", "C"])
    assert (machine.waiting["A"].finished, machine.waiting["A"].now) == ([4], 1)


@pytest.mark.parametrize(
    ("parsed", "kind"),
    [
        (Parsed(problem="nothing"), "unparsable"),
        (Parsed({}), "no_decision"),
        (Parsed({"run": 3}), "no_decision"),
        (Parsed({"run": ["A", "B"]}), "no_decision"),
        (Parsed({"run": "C"}), "unknown_job"),
        (Parsed({"run": "a"}), "unknown_job"),
    ],
)
def test_a_turn_without_a_decision_stands_idle_and_three_end_it(parsed: Parsed, kind: str) -> None:
    machine = OneMachine(flow())
    machine.decide(parsed)
    assert (machine.time, machine.faults[0]["kind"], machine.faults[0]["turn"]) == (6, kind, 1)
    assert machine.public()["fault"] == machine.faults[0]
    machine.decide(parsed)
    machine.decide(Parsed({"run": "A"}))
    assert "fault" not in machine.public()
    assert (machine.time, machine.waiting["A"].finished) == (10, [1])
    for _ in range(3):
        assert not machine.is_over
        machine.decide(parsed)
    assert machine.is_over
    assert not machine.is_done
    assert machine.spans[-1] == Span("A", 9, 10)


def test_idle_ends_when_a_job_comes() -> None:
    jobs = [*good()["jobs"], {"id": "C", "release": 5, "operations": [1]}]
    machine = OneMachine(flow(jobs=jobs, pause=9))
    machine.decide(Parsed({"run": "C"}))  # it is not there yet
    assert (machine.time, list(machine.waiting)) == (5, ["A", "B", "C"])


def test_a_copy_shares_nothing_that_changes() -> None:
    machine = OneMachine(flow())
    before = machine.copy()
    state = before.public()
    machine.decide(Parsed(problem="x"))
    machine.run("A")
    machine.run("A")
    assert before.public() == state
    assert (before.faults, before.completed, before.spans) == ([], {}, [Span("B", 0, 3)])
    before.run("B")
    before.run("A")
    before.run("B")
    assert before.total == 16


# What is said --------------------------------------------------------------------------------


def played(instance: Instance[Flow], policy: str) -> tuple[list[Ask], Outcome]:
    asks: list[Ask] = []

    def perform(effect: Outside) -> Reply:
        assert isinstance(effect, Ask)
        asks.append(effect)
        return Reply(json.dumps(family("flow").policies[policy].answer(effect.view)))

    return asks, play(world(instance, installed()), perform)


def text_of(messages: tuple[Message, ...]) -> str:
    return "\n".join(f"--- {message.role}\n{message.content}" for message in messages)


def as_before(name: str, text: str) -> None:
    golden = GOLDEN / f"flow-{name}.txt"
    if not golden.exists():
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")


@pytest.mark.parametrize("count", ["known", "hidden"])
def test_prompts_are_as_they_were(count: str) -> None:
    instance = generate(3, 1, 0, {"jobs": 4, "count": count}, reference=False)
    asks, _ = played(instance, "exact")
    as_before(count, text_of(asks[3].messages))
    assert ("operations after that" in text_of(asks[3].messages)) == (count == "known")


def test_a_conversation_and_the_request_of_another_client_are_as_they_were() -> None:
    instance = generate(3, 1, 0, {"jobs": 4, "history": "conversation"}, reference=False)
    asks, _ = played(instance, "op-srpt")
    as_before("conversation", text_of(asks[2].messages))
    assert [m.role for m in asks[2].messages] == ["system", *["user", "assistant"] * 2, "user"]
    as_before("outside", text_of(request(instance.payload, installed())))


@pytest.mark.parametrize("history", ["state", "conversation"])
def test_no_prompt_tells_what_is_to_come(history: str) -> None:
    """Two instances that differ only later are asked the same, until they differ."""
    settings: dict[str, Scalar] = {"history": history}
    instance = generate(4, 2, 0, settings, reference=False)
    asks, _ = played(instance, "fifo")
    for number in (0, len(asks) // 2):
        view: Any = asks[number].view
        now, jobs = view.machine.time, []
        for job in instance.payload.jobs:
            waiting = view.machine.waiting.get(job.id)
            seen = len(waiting.finished) + 1 if waiting else 0
            if job.id in view.machine.completed or (waiting and seen == len(job.operations)):
                jobs.append(job)
            elif waiting:
                later = tuple(size + 7 for size in job.operations[seen:])
                jobs.append(StagedJob(job.id, job.release, (*job.operations[:seen], *later)))
            else:
                jobs.append(StagedJob(f"{job.id}x", job.release + now + 5, job.operations))
        twin = msgspec.structs.replace(
            instance, payload=msgspec.structs.replace(instance.payload, jobs=tuple(jobs))
        )
        others, _ = played(twin, "fifo")
        assert twin.payload != instance.payload
        pairs = zip(asks[: number + 1], others, strict=False)
        assert all(
            (a.messages, a.schema, a.problem) == (b.messages, b.schema, b.problem) for a, b in pairs
        )


def test_a_lost_turn_is_told() -> None:
    instance = generate(2, 1, 0, {"jobs": 4}, reference=False)
    program = world(instance, installed())
    next(program)
    second = program.send(Reply("I cannot tell."))
    assert isinstance(second, Ask)
    assert "could not be read: the machine stood idle" in second.messages[-1].content
    third = program.send(Reply('{"run": "J99"}'))
    assert isinstance(third, Ask)
    assert "named no job that is there: the machine stood idle" in third.messages[-1].content
    with pytest.raises(StopIteration) as stopped:
        program.send(Reply(""))
    assert len(stopped.value.value.answers) == 3


# From files and from outside -----------------------------------------------------------------


def test_answers_from_files_are_objects_or_texts() -> None:
    outcome = read({"runs": ["A", 3]}, "")
    assert [parsed.value for parsed in outcome.answers] == [{"run": "A"}, {"run": 3}]
    assert read(None, 'So: {"runs": ["A"]}').answers[0].value == {"run": "A"}
    assert read(None, "none").answers[0].problem
    assert read({"runs": "A"}, "").answers[0].problem == '"runs" is not a list'


def test_the_tool_is_the_same_machine() -> None:
    instance = generate(3, 1, 0, {}, reference=False)
    asks, outcome = played(instance, "serpt-mean")
    simulation, calls = FlowSimulation(instance.payload), list[Called]()
    [tool] = simulation.tools()
    assert tool.name == "run"
    for ask, parsed in zip(asks, outcome.answers, strict=True):
        assert simulation.machine.public() == ask.problem
        text = json.dumps({"job": (parsed.value or {})["run"].lower()})  # spelling is mended
        [result] = simulation.turn([("run", json.loads(text))])
        assert result.status == "ok"
        calls.append(Called(len(calls) + 1, ToolCall("", "run", text), result))
    assert json.loads(result.text)["over"]
    [late] = simulation.turn([("run", {"job": "J01"})])
    assert late.status == "refused"
    calls.append(Called(len(calls) + 1, ToolCall("", "run", '{"job": "J01"}'), late))
    ended = submitted(instance.payload, simulation, calls, {})
    assert [p.value for p in ended.answers] == [p.value for p in outcome.answers]


def test_calls_that_are_none_cost_time() -> None:
    simulation = FlowSimulation(flow())
    results = simulation.turn([("stop", {}), ("run", None), ("run", {"job": "A"})])
    assert [r.status for r in results] == ["unknown", "unknown", "ok"]
    assert [(r.start, r.end) for r in results] == [(3, 6), (6, 9), (9, 10)]
    results = simulation.turn([("run", {})] * 4)
    assert [r.status for r in results] == ["unknown"] * 3 + ["refused"]
    assert json.loads(results[2].text)["over"]
