"""Wrong errands cannot be built; the clock by hand; plans; the world's conversation; prompts."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from generators.tools import generate
from tasks.base import Ask, CallTools, Instance, Outcome, Program, Reply, Scalar, ToolCall
from tasks.prompts import installed
from tasks.tools import performed, read, world
from tasks.tools_clock import Simulation, arguments_of, earliest, value_of
from tasks.tools_payload import (
    Errand,
    Hidden,
    RequestedValue,
    RequiredCall,
    Start,
    TurnLimits,
    canonical,
)
from tasks.tools_plan import execute, final_answer
from tests.depth import examples
from tests.factories.errands import errand, offer

GOLDEN = Path(__file__).parent / "golden"


def task(**change: Any) -> Instance[Errand]:
    return Instance("x", "tools", 5, None, 0, {}, 1, errand(**change))


# What is asked -------------------------------------------------------------------------------


def test_a_good_one_is_built_and_survives_json() -> None:
    payload = errand()
    assert msgspec.json.decode(msgspec.json.encode(payload), type=Errand) == payload
    assert payload.keys == ("pair",)


TOOLS = errand().tools


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tools": (*TOOLS, TOOLS[0])}, "tools: 'find' is there more than once"),
        ({"starts": (Start("A", "name", "moon"),)}, "start 'A': unknown site 'moon'"),
        (
            {"starts": (Start("Ann Lee", "name", "north"), Start("ann  LEE", "name", "south"))},
            "'ann lee' is there more than once",
        ),
        ({"steps": (RequiredCall("fly", ("Ann Lee",)),)}, "step 0: unknown tool 'fly'"),
        (
            {"steps": (RequiredCall("boss", ("$0",)),)},
            r"step 0: '\$0' is no start and no step before it",
        ),
        ({"steps": (RequiredCall("boss", ("Ann Lee",)),)}, "step 0: boss takes"),
        ({"steps": (RequiredCall("find", ("Ann Lee",)),) * 2}, "find of .* is there twice"),
        ({"wanted": (RequestedValue(9, "?", "a"),)}, "step 9 is not one of 5"),
        ({"wanted": (RequestedValue(3, "?"),)}, "step 3 has no key, and its tool changes nothing"),
        ({"wanted": (RequestedValue(4, "fire"),)}, "no value is asked for"),
        ({"wanted": (RequestedValue(3, "?", "a"),)}, "step 4 is neither asked for nor needed"),
        ({"overhead": -1}, "overhead -1 is negative"),
        ({"failures": 1.0}, "failures 1.0 is not a share below 1"),
        ({"limits": TurnLimits(0, 5)}, "limits at least 1"),
        ({"sites": ("north",)}, "not one latency for each of the sites"),
    ],
)
def test_a_wrong_one_cannot_be_built(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        errand(**change)


def test_wrong_tools_cannot_be_built() -> None:
    with pytest.raises(ValueError, match=r"latency \(0, 7\) is not at least 1"):
        offer("x", ("name",), "y", (0, 7))
    with pytest.raises(ValueError, match="capacity 0 is below 1"):
        offer("x", ("name",), "y", capacity=0)
    with pytest.raises(ValueError, match="no parameters"):
        offer("x", (), "y")


# The clock -----------------------------------------------------------------------------------

ANN, BO = {"p0": "Ann Lee"}, {"p0": "Bo Dahl"}


def spans(simulation: Simulation, *calls: tuple[str, Any]) -> list[tuple[str, int, int]]:
    return [(r.status, r.start, r.end) for r in simulation.turn(calls)]


def test_a_turn_by_hand() -> None:
    """Overhead 2; find has two places, boss one; a turn ends with its last call."""
    world = Simulation(errand())
    first = spans(world, ("find", ANN), ("find", BO), ("find", ANN))
    assert first == [("ok", 2, 5), ("ok", 2, 9), ("ok", 5, 8)]
    assert world.clock == 9
    ann, bo = (call.value.name for call in Hidden(errand()).steps()[:2])
    second = spans(world, ("boss", {"p0": bo}), ("boss", {"p0": ann}), ("age", {"p0": ann}))
    assert second == [("ok", 11, 20), ("ok", 20, 25), ("ok", 11, 22)]
    assert world.turn([]) == ()
    assert world.clock == 25


def test_what_is_not_known_yet_costs_the_longest_time() -> None:
    world = Simulation(errand())
    ann = Hidden(errand()).steps()[0].value.name
    together = spans(world, ("find", ANN), ("boss", {"p0": ann}), ("boss", {"p0": "nobody"}))
    assert together == [("ok", 2, 5), ("unknown", 2, 11), ("unknown", 11, 20)]
    assert spans(world, ("boss", {"p0": ann})) == [("ok", 22, 27)]
    assert spans(world, ("boss", ANN)) == [("unknown", 29, 38)]  # a name is no person


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        ("fly", ANN, 'there is no tool "fly"'),
        ("find", None, "no JSON object"),
        ("find", {}, 'the argument "p0" is missing'),
        ("find", {"p0": 3}, 'the argument "p0" is not a string'),
        ("find", {"p0": ["Ann Lee"]}, "not a string"),
        ("find", {"p0": "Ann Lee", "q": "x"}, 'there is no argument "q"'),
        ("find\ud800", ANN, r"find\ud800"),
    ],
)
def test_what_reaches_no_tool_is_refused(name: str, arguments: Any, why: str) -> None:
    world = Simulation(errand())
    [result] = world.turn([(name, arguments)])
    assert (result.status, result.start, result.end) == ("refused", 2, 3)
    assert why in result.text
    assert result.text.encode()


def test_calls_beyond_the_limit_are_refused() -> None:
    world = Simulation(errand(limits=TurnLimits(6, 2)))
    statuses = [r.status for r in world.turn([("find", ANN)] * 4)]
    assert statuses == ["ok", "ok", "refused", "refused"]


@given(st.lists(st.sampled_from([" ", "  ", "\t", "\n"])), st.booleans())
def test_a_spelling_buys_nothing(blanks: list[str], upper: bool) -> None:
    text = "".join(["ann", *(blanks or [" "]), "lee", *blanks])
    text = text.upper() if upper else text
    plain, other = Simulation(errand()), Simulation(errand())
    assert plain.turn([("find", ANN)]) == other.turn([("find", {"p0": text})])


def test_a_call_that_fails_works_in_a_later_turn() -> None:
    payload = errand(failures=0.9, secret="f")
    failing = Hidden(payload).steps()[0].failing
    assert failing == 3
    world = Simulation(payload)
    for _ in range(failing):  # twice in a turn counts once
        assert {r.status for r in world.turn([("find", ANN)] * 2)} == {"failed"}
    assert [r.status for r in world.turn([("find", ANN)])] == ["ok"]


def test_a_plan_repeats_what_fails_in_its_place() -> None:
    payload = errand(failures=0.9, secret="f", track="plan")
    world = Simulation(payload)
    assert spans(world, ("find", ANN), ("find", ANN)) == [("ok", 2, 14), ("ok", 2, 14)]


def test_a_plan_fills_gaps_by_hand() -> None:
    """boss has one place: Bo's boss from 9 to 18, Ann's fits before it, from 3 + 2."""
    world = Simulation(errand(track="plan"))
    ann, bo = (call.value.name for call in Hidden(errand()).steps()[:2])
    assert spans(world, ("find", ANN), ("find", BO)) == [("ok", 2, 5), ("ok", 2, 9)]
    assert spans(world, ("boss", {"p0": bo})) == [("ok", 9, 18)]
    assert spans(world, ("boss", {"p0": ann})) == [("ok", 18, 23)]
    short = errand(
        track="plan", tools=(TOOLS[0], offer("boss", ("person",), "person", (4, 9)), *TOOLS[2:])
    )
    world = Simulation(short)
    spans(world, ("find", ANN), ("find", BO), ("boss", {"p0": bo}))
    ann = Hidden(short).steps()[0].value.name
    assert spans(world, ("boss", {"p0": ann})) == [("ok", 5, 9)]


@examples(300)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6)), max_size=7),
    st.integers(1, 3),
    st.integers(0, 12),
    st.integers(1, 6),
)
def test_the_earliest_place_is_what_trying_every_start_finds(
    calls: list[tuple[int, int]], capacity: int, ready: int, duration: int
) -> None:
    busy: list[tuple[int, int]] = []

    def found(begin: int, length: int) -> int:
        events = sorted(x for a, b in busy for x in ((a, 1), (b, -1)))
        return earliest(events, capacity, begin, length)

    def fits(start: int, length: int) -> bool:
        return all(
            sum(a <= t < b for a, b in busy) < capacity for t in range(start, start + length)
        )

    for begin, length in calls:
        start = next(t for t in range(begin, 99) if fits(t, length))
        assert found(begin, length) == start
        busy.append((start, start + length))
    expected = next(t for t in range(ready, 99) if fits(t, duration))
    assert found(ready, duration) == expected


def test_arguments_are_objects_or_nothing() -> None:
    for text, expected in (
        ('{"a": 1}', {"a": 1}),
        ("", None),
        ("[1]", None),
        ("{", None),
        ("null", None),
        ('{"a": "\ud800"}', None),
        ("[" * 100_000, None),
    ):
        assert arguments_of(ToolCall("", "x", text)) == expected


def test_canonical_spelling() -> None:
    assert canonical("  Ann\tLEE ") == "ann lee"


# Plans ---------------------------------------------------------------------------------------

GOLD: dict[str, Any] = {
    "calls": [
        {"id": "d", "tool": "pair", "arguments": {"p0": "$b", "p1": "$c"}},
        {"id": "a", "tool": "find", "arguments": {"p0": "Ann Lee"}},
        {"id": "b", "tool": "find", "arguments": {"p0": "Bo Dahl"}},
        {"id": "c", "tool": "boss", "arguments": {"p0": "$a"}},
        {"id": "e", "tool": "fire", "arguments": {"p0": "$b"}},
    ],
    "answer": {"pair": "$d"},
}


def carried_out(plan: dict[str, Any]) -> Outcome:
    return performed(task(track="plan"), read(None, json.dumps(plan)))


def problems(outcome: Outcome) -> list[Any]:
    value = outcome.answers[0].value
    assert value is not None
    found: list[Any] = value["problems"]
    return found


def test_a_plan_is_placed_in_its_order_after_what_it_refers_to() -> None:
    outcome = carried_out(GOLD)
    assert [(c.call.id, c.result.start, c.result.end) for c in outcome.calls] == [
        ("a", 2, 5),
        ("b", 2, 9),
        ("c", 5, 10),
        ("d", 10, 16),
        ("e", 9, 17),
    ]
    assert problems(outcome) == []
    assert outcome.answers[0].value == {
        "answer": {"pair": Hidden(errand()).steps()[3].value.name},
        "problems": [],
    }


@pytest.mark.parametrize(
    ("change", "kind", "status"),
    [
        ({"id": "c", "tool": "boss", "arguments": {"p0": "$d"}}, "cycle", "unknown"),
        ({"id": "c", "tool": "boss", "arguments": {"p0": "$zz"}}, "unknown_reference", "unknown"),
        ({"id": "c", "tool": "fly", "arguments": {"p0": "$a"}}, None, "refused"),
        ({"id": "c", "tool": "boss", "arguments": {}}, None, "refused"),
        ({"id": "c", "tool": "boss"}, None, "refused"),
        ({"id": "a", "tool": "boss", "arguments": {"p0": "$a"}}, "duplicate_id", None),
        ("c", "broken_call", "refused"),
        (None, "broken_call", "refused"),
    ],
)
def test_what_is_wrong_with_a_plan_is_told(change: Any, kind: str | None, status: str) -> None:
    calls = [*GOLD["calls"][:3], change, GOLD["calls"][4]]
    outcome = carried_out({**GOLD, "calls": calls})
    assert len(outcome.calls) == 5
    kinds = {problem["kind"] for problem in problems(outcome)}
    assert kind is None or kind in kinds
    assert status is None or status in {c.result.status for c in outcome.calls}
    value = outcome.answers[0].value
    assert value is not None
    assert value["answer"] == {"pair": "$d"}  # which nothing gave


@pytest.mark.parametrize("calls", [{}, "x", None, 3])
def test_a_plan_without_a_list_or_an_answer(calls: Any) -> None:
    outcome = carried_out({"calls": calls, "answer": [1]})
    assert [p["kind"] for p in problems(outcome)] == ["not_a_list", "no_answer"]
    assert outcome.calls == ()


def test_turns_from_a_file_refer_to_turns_before() -> None:
    a, b, c, d, e = (GOLD["calls"][k] for k in (1, 2, 3, 0, 4))
    script = {"turns": [[a, b], [c, e], [d]], "answer": {"pair": "$d"}}
    outcome = performed(task(), read(None, json.dumps(script)))
    assert [(c.turn, c.result.end) for c in outcome.calls] == [
        (1, 5),
        (1, 9),
        (2, 16),
        (2, 19),
        (3, 27),
    ]
    assert problems(outcome) == []
    early = performed(task(), read({**script, "turns": [[a, c]]}, ""))
    assert [c.result.status for c in early.calls] == ["ok", "unknown"]
    long = performed(task(), read({**script, "turns": [[a]] * 9}, ""))
    assert {"kind": "turn_limit", "amount": 3} in problems(long)
    assert len(long.calls) == 6


def test_a_file_cannot_bring_its_own_end() -> None:
    cheat = {"problems": [], "answer": {"pair": "x"}}
    assert read(cheat, "").answers[0].value == {"answer": {"pair": "x"}}
    assert problems(performed(task(), read(cheat, "")))[0]["kind"] == "not_a_list"


def test_a_plan_from_a_program_needs_only_calls() -> None:
    program = execute({"calls": [], "answer": {}})
    with pytest.raises(StopIteration):
        next(program)


# The world -----------------------------------------------------------------------------------


class Talk:
    """Plays a world against replies, its tools the simulation; keeps what was asked."""

    def __init__(self, instance: Instance[Errand], *replies: Reply) -> None:
        self.asks: list[Ask] = []
        self.outcome = self._play(world(instance, installed()), instance, list(replies))

    def _play(
        self, program: Program[Outcome], instance: Instance[Errand], replies: list[Reply]
    ) -> Outcome:
        simulation = Simulation(instance.payload)
        answer: Any = None
        while True:
            try:
                effect = program.send(answer)
            except StopIteration as stop:
                outcome: Outcome = stop.value
                assert not replies
                return outcome
            if isinstance(effect, CallTools):
                answer = simulation.turn([(c.name, arguments_of(c)) for c in effect.calls])
            else:
                assert isinstance(effect, Ask)
                self.asks.append(effect)
                answer = replies.pop(0)


def calling(*calls: tuple[str, str, str], text: str = "") -> Reply:
    return Reply(text, tuple(ToolCall(*call) for call in calls))


def test_a_conversation_turn_by_turn() -> None:
    talk = Talk(
        task(),
        calling(("u", "find", '{"p0": "Ann Lee"}'), ("v", "find", '{"p0": "ann lee"}'), text="So"),
        Reply('Done: {"answer": {"pair": "?"}}'),
    )
    assert [ask.path for ask in talk.asks] == ["turn-001", "turn-002"]
    assert {tool.name for tool in talk.asks[0].tools} == {tool.name for tool in TOOLS}
    said = talk.asks[1].messages[-3:]
    assert [(m.role, m.call_id) for m in said] == [
        ("assistant", None),
        ("tool", "u"),
        ("tool", "v"),
    ]
    assert said[0].content == "So"
    assert json.loads(said[1].content) == {"person": Hidden(errand()).steps()[0].value.name}
    assert problems(talk.outcome) == []
    assert [c.call.arguments for c in talk.outcome.calls][1] == '{"p0": "ann lee"}'


def test_what_a_provider_might_refuse_is_mended() -> None:
    talk = Talk(
        task(),
        calling(("u", "fly away!", "{"), ("u", "", "[]"), ("", "x" * 99, "{}")),
        calling(("u", "find", '{"p0": "Ann Lee"}')),
        Reply("no"),
    )
    [assistant] = [m for m in talk.asks[1].messages if m.role == "assistant"]
    assert [c.id for c in assistant.calls] == ["u", "call-1-2", "call-1-3"]
    assert [c.name for c in assistant.calls] == ["fly_away_", "_", "x" * 64]
    assert [c.arguments for c in assistant.calls] == ["{}", "{}", "{}"]
    assert {c.result.status for c in talk.outcome.calls[:3]} == {"refused"}
    assert talk.outcome.answers[0].value is None
    assert talk.asks[2].messages[-2].calls[0].id == "call-2-1"


def test_an_agent_that_never_ends_is_ended() -> None:
    endless = calling(("", "find", '{"p0": "Ann Lee"}'))
    talk = Talk(task(), *[endless] * 7)
    assert talk.outcome.answers[0].problem == "the limit of 6 turns is reached without an answer"
    assert len(talk.outcome.calls) == 6


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("I give up", 'no JSON object with the key "answer"'),
        ('{"answer": "Bo"}', "not an object"),
    ],
)
def test_a_reply_without_calls_and_answer_ends_the_task(text: str, problem: str) -> None:
    outcome = Talk(task(), Reply(text)).outcome
    assert outcome.answers[0].value is None
    assert problem in (outcome.answers[0].problem or "")


def test_calls_win_over_an_answer_beside_them() -> None:
    both = calling(("u", "find", '{"p0": "Ann Lee"}'), text='{"answer": {"pair": "x"}}')
    talk = Talk(task(), both, Reply('{"answer": {}}'))
    assert len(talk.asks) == 2


def test_a_final_answer_cannot_hold_calls() -> None:
    last = Reply(json.dumps({"turns": [[GOLD["calls"][1]]], "answer": {}}))
    assert performed(task(), Talk(task(), last).outcome).calls == ()


def test_a_plan_in_one_reply() -> None:
    talk = Talk(task(track="plan"), Reply(f"Here: {json.dumps(GOLD)}"))
    assert [ask.path for ask in talk.asks] == ["plan"]
    assert talk.asks[0].tools == ()
    assert talk.outcome == carried_out(GOLD)
    assert Talk(task(track="plan"), Reply("?")).outcome.answers[0].value is None


def test_tools_are_picked_beforehand() -> None:
    pick = Reply('{"tools": ["find", "fly", "find", "boss", 3, "age"]}')
    call = calling(("u", "find", '{"p0": "Ann Lee"}'), ("v", "age", "{}"), ("w", "no", "{}"))
    talk = Talk(task(select=2), pick, call, Reply('{"answer": {}}'))
    assert [ask.path for ask in talk.asks] == ["select", "turn-001", "turn-002"]
    assert [tool.name for tool in talk.asks[1].tools] == ["find", "boss"]
    assert problems(talk.outcome) == [
        {"kind": "unknown_pick", "value": "fly"},
        {"kind": "unknown_pick", "value": 3},
        {"kind": "too_many_picked", "amount": 1},
    ]
    assert [c.result.status for c in talk.outcome.calls] == ["ok", "refused", "refused"]
    assert [c.call.name for c in talk.outcome.calls] == ["find", "not picked: age", "no"]
    plan = Talk(task(select=2, track="plan"), pick, Reply(json.dumps(GOLD))).outcome
    assert "not picked: pair" in {c.call.name for c in plan.calls}
    none = Talk(task(select=2), Reply("all"), Reply('{"answer": {}}'))
    assert problems(none.outcome)[0]["kind"] == "no_pick"
    assert none.asks[1].tools == ()


# Prompts -------------------------------------------------------------------------------------


def shown(effect: Any) -> str:
    parts = [f"--- {m.role}\n{m.content}" for m in effect.messages]
    parts += [f"--- tool {t.name}\n{json.dumps(msgspec.to_builtins(t))}" for t in effect.tools]
    return "\n".join(parts)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("turns", {}),
        ("turns-failures", {"failures": 0.25}),
        ("plan", {"track": "plan"}),
        ("plan-failures", {"track": "plan", "failures": 0.25}),
        ("select", {"select": 5}),
    ],
)
def test_prompts_are_as_they_were(name: str, given: dict[str, Scalar]) -> None:
    instance = generate(9, 4, 2, {"distractors": 4, **given}, reference=False)
    text = shown(next(world(instance, installed())))
    golden = GOLDEN / f"tools-{name}.txt"
    if not golden.exists():
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")


def test_nothing_hidden_is_in_the_prompt() -> None:
    for track in ("reactive", "plan"):
        instance = generate(12, 1, 0, {"track": track})
        text = shown(next(world(instance, installed())))
        assert instance.payload.secret not in text
        for call in Hidden(instance.payload).steps():
            assert call.value.name not in text
            assert call.value.name.split("-")[1] not in text
        other = replace(instance, payload=replace(instance.payload, secret="other"))
        assert shown(next(world(other, installed()))) == text
        values = [call.value.name for call in Hidden(other.payload).steps()]
        assert not set(values) & {call.value.name for call in Hidden(instance.payload).steps()}


def test_values_are_read_back_from_results() -> None:
    [result] = Simulation(errand()).turn([("find", ANN)])
    assert value_of(result) == Hidden(errand()).steps()[0].value.name
    [refused] = Simulation(errand()).turn([("fly", ANN)])
    assert value_of(refused) is None


def test_problems_beyond_the_first_hundred_are_a_number() -> None:

    problems = [{"kind": "broken_call", "number": k} for k in range(250)]
    told = (final_answer({}, problems).value or {})["problems"]
    assert told[:100] == problems[:100]
    assert told[100:] == [{"kind": "more", "amount": 150}]
