"""Wrong clusters cannot be built; moves and events by hand; what is asked, and what is not told."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from generators.vms import generate
from harness.families.registry import family
from tasks.base import (
    Ask,
    Fields,
    Instance,
    Message,
    Outcome,
    Outside,
    Parsed,
    Reply,
    Scalar,
    Usage,
)
from tasks.play import play
from tasks.prompts import installed
from tasks.vms import NoTokens, performed, read, world
from tasks.vms_course import EVENTS, PLAN, STOP, TURN, WAIT, Course
from tasks.vms_payload import Cluster, ClusterEvent, Machine
from tasks.vms_placement import BOTH, Location, Placement
from tests.depth import often
from tests.factories.clusters import cluster, played_by_hand, random_entries, with_events

GOLDEN = Path(__file__).parent / "golden"
NODE = {"cpu": 8, "memory": 16}


def vm(name: str, cpu: int, host: str, numa: int | None, **more: Any) -> Fields:
    numas = 2 if numa is None else 1
    return {"id": name, "cpu": cpu, "memory": 2 * cpu, "numas": numas, "host": host} | (
        more if numa is None else {"numa": numa, **more}
    )


def good() -> dict[str, Any]:
    """On h1: a and b on node 0, both full; c on both nodes of h2; d pinned."""
    vms = [
        vm("a", 3, "h1", 0),
        vm("b", 5, "h1", 0),
        vm("c", 6, "h2", None),
        vm("d", 1, "h2", 1, pinned=True),
    ]
    hosts = [{"id": name, "numas": [NODE, NODE]} for name in ("h1", "h2")]
    return {"hosts": hosts, "vms": vms, "moves": 2, "chunk": 4, "apart": [["a", "d"]]}


def made(**changes: Any) -> Cluster:
    return msgspec.convert(good() | changes, Cluster)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hosts": []}, "at least one host and one vm"),
        ({"vms": []}, "at least one host and one vm"),
        ({"hosts": [{"id": "h1", "numas": [NODE]}]}, "1 NUMA nodes, not 2"),
        ({"hosts": [{"id": "h1", "numas": [NODE, {"cpu": -1, "memory": 0}]}]}, "is negative"),
        ({"hosts": good()["hosts"] * 2}, "more than once"),
        ({"vms": [vm("a", 1, "h1", 0)] * 2}, "more than once"),
        ({"vms": [vm("a", 3, "h1", None)]}, "does not divide by its 2 nodes"),
        ({"vms": [vm("a", 0, "h1", 0)]}, "less than it can be"),
        ({"vms": [vm("a", 9, "h1", 0)]}, "its vms take more than node 0 has"),
        ({"vms": [vm("a", 1, "h9", 0)]}, "unknown host 'h9'"),
        ({"vms": [vm("a", 1, "h1", 2)]}, "numa 2 with 1 nodes"),
        ({"vms": [vm("a", 2, "h1", None) | {"numa": 0}]}, "numa 0 with 2 nodes"),
        ({"vms": [vm("a", 2, "h1", 0) | {"numas": 3}]}, "numas 3 is not 1 or 2"),
        ({"moves": 0}, "moves or chunk is below 1"),
        ({"chunk": 0}, "moves or chunk is below 1"),
        ({"apart": [["a", "z"]]}, "are not two of the vms"),
        ({"apart": [["a", "a"]]}, "are not two of the vms"),
        ({"apart": [["a", "b"]]}, "are both on 'h1'"),
        ({"pace": 1}, "events: 0, not 1 a turn"),
        ({"pace": 1, "events": [{}]}, "a machine that leaves or one that arrives"),
        ({"pace": 1, "events": [{"leave": "z"}]}, "event 1: unknown vm 'z'"),
        ({"pace": 2, "events": [{"leave": "a"}] * 2}, "event 2: unknown vm 'a'"),
        ({"track": "live"}, "Invalid enum value"),
        ({"moves": 2.0}, "Expected `int`"),
        ({"racks": 2}, "unknown field `racks`"),
    ],
)
def test_a_wrong_one_cannot_be_built(change: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        made(**change)


def test_with_turns_an_arrival_is_sure_of_room() -> None:
    arrival = {"id": "n", "cpu": 6, "memory": 1, "numas": 1}
    turns = {"track": "reactive", "moves": 1, "pace": 1}
    with pytest.raises(msgspec.ValidationError, match="event 1: vm n may find no room"):
        made(**turns, events=[{"arrive": arrival}])
    assert made(**turns, events=[{"arrive": arrival | {"cpu": 3}}]).turns == 1
    assert made(pace=1, events=[{"arrive": arrival}])  # a plan may meet one that is turned away


# Moves ---------------------------------------------------------------------------------------


def move(name: Any, host: Any, numa: Any) -> Fields:
    return {"vm": name, "host": host, "numa": numa}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], []),
        ([move("a", "h1", 1)], []),
        ([move("c", "h1", "both")], [("no_room", {"numa": 0, "resource": "cpu", "amount": 3})]),
        ([move("b", "h1", 1), move("c", "h1", "both")], []),
        ([move("b", "h2", 0)], []),
        ([move("b", "h2", 1)], [("no_room", {"numa": 1, "resource": "cpu", "amount": 1})]),
        ([move("a", "h2", 0)], [("apart", {"vm": "a", "other": "d", "host": "h2"})]),
        ([move("d", "h1", 1)], [("pinned", {"vm": "d", "move": 1})]),
        ([move("a", "h1", 1), move("a", "h1", 0)], [("again", {"vm": "a", "move": 2})]),
        ([move("a", "h1", 0)], [("destination", {"vm": "a", "host": "h1", "numa": 0})]),
        ([move("a", "h9", 0)], [("destination", {"host": "h9"})]),
        ([move("a", "h1", "both")], [("destination", {"numa": "both"})]),
        ([move("c", "h1", 0)], [("destination", {"vm": "c"})]),
        ([move("a", "h1", 1.0)], [("destination", {"numa": 1.0})]),
        ([move("a", "h1", True)], [("destination", {"numa": True})]),
        ([move("a", "h1", [])], [("destination", {"numa": "[]"})]),
        ([move("z", "h1", 0)], [("unknown", {"value": "z"})]),
        ([move(3, "h1", 0)], [("unknown", {"value": 3})]),
        ([7, {"vm": "a"}], [("not_a_move", {"move": 1}), ("not_a_move", {"move": 2})]),
        ([move("b", "h1", 1), move("b", "h1", 0), 7], [("again", {}), ("too_many", {"amount": 1})]),
        ("all", [("not_a_list", {"value": "all"})]),
        (None, [("unparsable", {"reason": 'no "moves" in the answer'})]),
    ],
)
def test_a_plan_is_read_move_by_move(
    entries: Any, expected: list[tuple[str, dict[str, Any]]]
) -> None:
    course = Course(made()).play([Parsed(value={PLAN: entries})])
    assert [violation["kind"] for violation in course.violations] == [k for k, _ in expected]
    for violation, (_, fields) in zip(course.violations, expected, strict=True):
        assert fields.items() <= violation.items()
    untouched = course.placement.places == Placement(made()).places
    assert untouched == (bool(expected) or not entries)


def test_a_place_may_be_taken_by_who_leaves_it_last() -> None:
    """Each must fit when it is made: two full nodes cannot change, but one after the other can."""
    vms = [vm("a", 8, "h1", 0), vm("b", 8, "h1", 1), vm("c", 8, "h2", 0)]
    payload = made(vms=vms, moves=3, apart=[])
    swap = [move("a", "h1", 1), move("b", "h1", 0)]
    course = Course(payload).play([Parsed(value={PLAN: swap})])
    assert [v["kind"] for v in course.violations] == ["no_room", "no_room"]
    round_about = [move("b", "h2", 1), move("a", "h1", 1), move("c", "h1", 0)]
    assert not Course(payload).play([Parsed(value={PLAN: round_about})]).violations


def test_plans_are_carried_out_as_by_hand() -> None:
    """Thousands of small clusters, with events and without, against a machine of another make."""
    kinds: dict[str | None, int] = {}
    for k in range(often(6000)):
        payload = cluster(f"course/{k}", moves=3)
        if k % 2:
            payload = with_events(payload, k, pace=k % 5)
        entries = random_entries(payload, k)
        kind, left, stale = played_by_hand(payload, entries)
        course = Course(payload).play([Parsed(value={PLAN: entries})])
        first = course.violations[0]["kind"] if course.violations else None
        assert (first, course.placement.fragments(), course.stale) == (kind, left, stale), k
        kinds[kind] = kinds.get(kind, 0) + 1
    broken = {"no_room", "apart", "pinned", "again", "destination", "unknown", "too_many"}
    assert set(kinds) == {None} | broken
    assert min(kinds.values()) >= often(6000) // 200


# Events --------------------------------------------------------------------------------------


def test_an_arrival_goes_where_the_fewest_cores_are_free_or_is_turned_away() -> None:
    placement = Placement(made())
    placement.happen(ClusterEvent(arrive=Machine("n", 5, 0, 1)))  # h1 has 8 free, h2 has 9
    assert placement.places[4] == Location(0, 1)
    placement.happen(ClusterEvent(arrive=Machine("m", 6, 0, 1)))
    assert placement.places[5] is None
    placement.happen(ClusterEvent(leave="m"))
    placement.happen(ClusterEvent(leave="a"))
    assert placement.places[0] is None
    assert placement.cpu == [3, 3, 5, 4]
    placement.happen(ClusterEvent(arrive=Machine("o", 6, 0, 2)))
    assert placement.places[6] == Location(0, BOTH)
    assert placement.cpu == [0, 0, 5, 4]


def test_a_move_that_events_made_impossible_is_left_out() -> None:
    events = ({"arrive": {"id": "n", "cpu": 6, "memory": 1, "numas": 1}}, {"leave": "a"})
    payload = made(pace=2, events=events)
    plan = [move("b", "h1", 1), move("c", "h1", "both")]
    course = Course(payload).play([Parsed(value={PLAN: plan})])
    assert (course.violations, course.stale, course.steps) == ([], 2, "00")
    gone = Course(payload).play([Parsed(value={PLAN: [move("a", "h1", 1)]})])
    assert (gone.violations, gone.steps) == ([], "0")


def test_turns_go_on_until_stop_and_a_lost_one_changes_nothing() -> None:
    payload = made(track="reactive", moves=4)
    course = Course(payload)
    fates = []
    for value in (move("a", "h2", 0), WAIT, move("a", "h1", 1), STOP):
        course.answer(Parsed(value={TURN: value}))
        fates.append(course.fate)
    assert fates == ["apart", "none", "made", "none"]
    assert course.is_over
    assert (course.turns, course.lost, course.steps, len(course.moved)) == (4, 1, "x1", 1)
    further = Course(payload).play([Parsed(value={TURN: WAIT})] * 5)
    assert further.violations == [{"kind": "too_many", "amount": 1}]


def test_one_that_was_left_out_may_be_moved_yet() -> None:
    arrival = {"id": "n", "cpu": 3, "memory": 1, "numas": 1}
    events = ({"arrive": arrival}, {"leave": "n"}, {"leave": "a"})
    vms = [*good()["vms"], vm("e", 3, "h1", 1)]
    payload = made(track="reactive", moves=3, pace=1, events=events, vms=vms)
    course = Course(payload)
    course.answer(Parsed(value={TURN: move("b", "h1", 1)}))
    assert (course.fate, course.moved) == ("stale", set())
    course.answer(Parsed(value={TURN: move("b", "h2", 0)}))
    assert (course.fate, course.moved) == ("made", {1})


# What is asked -------------------------------------------------------------------------------


def asked(instance: Instance[Cluster], policy: str) -> tuple[list[Ask], Outcome]:
    asks: list[Ask] = []

    def perform(effect: Outside) -> Reply:
        assert isinstance(effect, Ask)
        asks.append(effect)
        text = json.dumps(family("vms").policies[policy].answer(effect.view))
        return Reply(text, usage=Usage(output=40))

    return asks, play(world(instance, installed()), perform)


def text_of(messages: tuple[Message, ...]) -> str:
    return "\n".join(f"--- {message.role}\n{message.content}" for message in messages)


PROMPTS: dict[str, tuple[dict[str, Scalar], int]] = {
    "plan": ({}, 0),
    "plan-delay": ({"delay": 4, "apart": 2}, 0),
    "plan-tokens": ({"delay": 4, "tokens": 100}, 0),
    "turns": ({"track": "reactive"}, 0),
    "turns-churn": ({"track": "reactive", "churn": 1, "apart": 1}, 2),
}


@pytest.mark.parametrize("name", PROMPTS)
def test_prompts_are_as_they_were(name: str) -> None:
    settings, turn = PROMPTS[name]
    instance = generate(2, 1, 0, settings, reference=False)
    asks, _ = asked(instance, "greedy")
    assert text_of(asks[turn].messages) + "\n" == (GOLDEN / f"vms-{name}.txt").read_text("utf-8")


@pytest.mark.heavy
@pytest.mark.parametrize(
    "settings", [{"delay": 6, "apart": 2}, {"track": "reactive", "churn": 2, "apart": 2}]
)
def test_no_prompt_tells_what_is_to_come(settings: dict[str, Scalar]) -> None:
    """Clusters that differ only in later events are asked the same, until they have happened."""
    for index in range(3):
        instance = generate(3, 2, index, settings, reference=False)
        payload = instance.payload
        asks, _ = asked(instance, "greedy")
        for turn in range(len(asks)):
            events = payload.events[: turn * payload.pace]
            later = payload.events[len(events) :]
            gone = {event.leave for event in events}
            arrived = [event.arrive.id for event in events if event.arrive is not None]
            there = [n for n in [*(v.id for v in payload.vms), *arrived] if n not in gone]
            changed = tuple(ClusterEvent(leave=there[k]) for k in range(len(later)))
            twin = replace(instance, payload=replace(payload, events=(*events, *changed)))
            others, _ = asked(twin, "greedy")
            pairs = zip(asks[: turn + 1], others[: turn + 1], strict=True)
            assert all(
                (a.messages, a.schema, a.problem) == (b.messages, b.schema, b.problem)
                for a, b in pairs
            )
            names = {e.arrive.id for e in later if e.arrive is not None}
            said = text_of(asks[turn].messages) + json.dumps(
                [asks[turn].schema, asks[turn].problem]
            )
            assert not any(f"{name}:" in said or f'"{name}"' in said for name in names)


def test_the_fate_of_the_last_move_is_told() -> None:
    instance = generate(2, 1, 0, {"track": "reactive"}, reference=False)
    program = world(instance, installed())
    first = next(program)
    assert isinstance(first, Ask)
    assert first.path == "turn-01/answer"
    second = program.send(Reply("I cannot tell."))
    assert isinstance(second, Ask)
    assert "was not made, as it broke a rule: unparsable" in second.messages[-1].content
    third = program.send(Reply('{"move": {"vm": "vm-99", "host": "h1", "numa": 0}}'))
    assert isinstance(third, Ask)
    assert "was not made, as it broke a rule: unknown" in third.messages[-1].content
    with pytest.raises(StopIteration) as stopped:
        program.send(Reply('{"move": "Stop"}'))
    assert len(stopped.value.value.answers) == 3


# Paced by tokens -----------------------------------------------------------------------------


@pytest.mark.parametrize(("tokens", "count"), [(0, 0), (99, 0), (100, 1), (399, 3), (9999, 4)])
def test_tokens_of_output_are_the_clock(tokens: int, count: int) -> None:
    instance = generate(2, 1, 0, {"delay": 4, "tokens": 100}, reference=False)
    program = world(instance, installed())
    next(program)
    with pytest.raises(StopIteration) as stopped:
        program.send(Reply('{"moves": []}', usage=Usage(output=tokens)))
    [parsed] = stopped.value.value.answers
    assert parsed.value == {PLAN: [], EVENTS: count}
    assert Course(instance.payload).play([parsed]).happened == count


def test_turns_share_one_clock() -> None:
    settings: dict[str, Scalar] = {"track": "reactive", "churn": 1, "tokens": 100}
    instance = generate(2, 1, 0, settings, reference=False)
    asks, outcome = asked(instance, "greedy")
    counts = [(parsed.value or {})[EVENTS] for parsed in outcome.answers]
    assert counts == [40 * (k + 1) // 100 for k in range(len(asks))]


def test_a_reply_that_counts_no_tokens_is_an_error_of_a_name() -> None:
    instance = generate(2, 1, 0, {"delay": 4, "tokens": 100}, reference=False)
    program = world(instance, installed())
    next(program)
    with pytest.raises(NoTokens, match="turn 1: the reply does not say how many tokens"):
        program.send(Reply('{"moves": []}'))


def test_an_answer_without_the_count_of_events_is_unparsable() -> None:
    payload = generate(2, 1, 0, {"delay": 4, "tokens": 100}, reference=False).payload
    wrong: list[Fields] = [{PLAN: []}, {PLAN: [], EVENTS: -1}, {PLAN: [], EVENTS: True}]
    for value in wrong:
        course = Course(payload).play([Parsed(value=value)])
        assert [v["kind"] for v in course.violations] == ["unparsable"]


# From files ----------------------------------------------------------------------------------


def test_answers_of_files_are_played_turn_by_turn() -> None:
    payload = made(track="reactive", moves=3)
    outcome = performed(payload, read({PLAN: [move("a", "h1", 1), WAIT]}, ""))
    assert [parsed.value for parsed in outcome.answers] == [
        {TURN: move("a", "h1", 1)},
        {TURN: WAIT},
    ]
    nothing = performed(payload, read({PLAN: []}, ""))
    assert [parsed.value for parsed in nothing.answers] == [{TURN: STOP}]
    assert read(None, "none").answers[0].problem


def test_an_episode_and_its_answers_from_a_file_end_alike() -> None:
    for index in range(3):
        instance = generate(3, 4, index, {"track": "reactive", "churn": 1}, reference=False)
        _, outcome = asked(instance, "greedy")
        entries = [(parsed.value or {})[TURN] for parsed in outcome.answers]
        again = performed(instance.payload, read({PLAN: entries}, ""))
        ends = [
            Course(instance.payload).play(each.answers).placement.places
            for each in (outcome, again)
        ]
        assert ends[0] == ends[1]


def test_spelling_is_mended() -> None:
    first = '{"VM": "A", "host": "H1", "numa": "1"}'
    second = '{"vm": "c", "host": "h1", "numa": "Both"}'
    text = f'{{"moves": [{first}, {second}]}}'
    [parsed] = performed(made(), read(None, text)).answers
    assert parsed.value == {PLAN: [move("a", "h1", 1), move("c", "h1", "both")]}
