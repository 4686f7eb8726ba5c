"""Generated tool tasks: bytes, shape, room, distractors, streams that share nothing, policies."""

import hashlib
import os
import subprocess
import sys
from statistics import mean
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.tools import SITES, generate, resolve
from generators.tools_catalogue import catalogue
from graders.exact.tools import ROOM, all_ready, graph
from graders.tools import grade
from harness.families.registry import families_used
from harness.families.tools import POLICIES
from harness.suites import suite as suites
from tasks.base import Ask, CallTools, Fields, Grade, InputError, Instance, Outcome, Outside, Reply
from tasks.play import play as play_program
from tasks.prompts import Prompts, installed
from tasks.tools import world
from tasks.tools_clock import Simulation, arguments_of
from tasks.tools_payload import Errand, Hidden, canonical, reference_of
from tests.depth import examples


def make(level: int, index: int = 0, seed: int = 0, **dials: Any) -> Instance[Errand]:
    return generate(level, seed, index, dials, reference=False)


def encode(*instances: Instance[Errand]) -> bytes:
    return b"\n".join(map(msgspec.json.encode, instances))


def depths(payload: Errand) -> list[int]:
    """The number of calls on the longest chain to each step."""
    found: list[int] = []
    for step in payload.steps:
        sources = [reference_of(text) for text in step.inputs]
        found.append(1 + max((found[k] for k in sources if k is not None), default=0))
    return found


# The catalogue -------------------------------------------------------------------------------


def test_the_catalogue_is_of_everyday_work() -> None:
    shipped = catalogue()
    servers = {tool.name.partition("_")[0] for tool in shipped.tools}
    assert servers == {
        "people",
        "calendar",
        "mail",
        "maps",
        "weather",
        "travel",
        "shop",
        "files",
        "tickets",
        "finance",
    }
    assert len(shipped.tools) >= 100
    assert len({tool.name for tool in shipped.tools}) == len(shipped.tools)
    assert sum(tool.writes for tool in shipped.tools) >= 10
    assert all(
        len(tool.name) <= 64 and tool.name.replace("_", "").isalnum() for tool in shipped.tools
    )


def test_no_two_tools_are_spoken_of_the_same_way() -> None:
    said = {
        (tool.words.replace("{", "").replace("}", ""), tool.kinds) for tool in catalogue().tools
    }
    assert len(said) == len(catalogue().tools)
    for tool in catalogue().tools:  # an order begins with a verb, a value with what it is
        assert tool.writes == (tool.words.split()[0] not in {"the", "staff"}), tool.words


def test_chains_can_go_on_from_every_kind_that_a_tool_takes() -> None:
    shipped = catalogue()
    for kind in {kind for tool in shipped.tools for kind in tool.kinds}:
        assert any(
            tool.kinds == (kind,) and not tool.writes and tool.output in shipped.goes_on
            for tool in shipped.tools
        ), kind


# What is promised of every task --------------------------------------------------------------


@examples(40)
@given(st.integers(1, 20), st.integers(0, 10**6), st.integers(0, 99), st.data())
def test_what_is_promised_of_every_instance(
    level: int, seed: int, index: int, data: st.DataObject
) -> None:
    dials: dict[str, Any] = {
        "distractors": data.draw(st.sampled_from([0, 4, 10])),
        "track": data.draw(st.sampled_from(["reactive", "plan"])),
        "failures": data.draw(st.sampled_from([0.0, 0.3])),
    }
    instance = make(level, index, seed, **dials)
    line, payload = encode(instance), instance.payload
    assert msgspec.json.decode(line, type=Instance[Errand]) == instance
    assert len(payload.steps) == level
    assert max(depths(payload)) == instance.settings["depth"]
    needed = {step.tool for step in payload.steps}
    assert len(needed) <= 10
    assert len(payload.tools) == len(needed) + dials["distractors"]
    assert len({call.value.name for call in Hidden(payload).steps()}) == level
    sinks = set(range(level)) - {
        k for s in payload.steps for k in map(reference_of, s.inputs) if k is not None
    }
    assert {w.step for w in payload.wanted} == sinks
    for tool in payload.tools:
        assert all(1 <= latency <= 30 for latency in tool.latency)
        assert 1 <= tool.capacity <= 2
        for site, latency in zip(SITES, tool.latency, strict=True):
            assert f"{site} {latency}" in tool.description
        assert f"At most {tool.capacity} at once." in tool.description
    for request in payload.wanted:  # it names what its value comes from, and nothing else
        assert "{" not in request.text
    assert {s.label for s in payload.starts} == {
        t for s in payload.steps for t in s.inputs if reference_of(t) is None
    }


@pytest.mark.parametrize("level", [10, 20])
def test_half_of_the_distractors_are_connected(level: int) -> None:
    for index in range(5):
        payload = make(level, index, distractors=10).payload
        needed = {step.tool for step in payload.steps}
        kinds = {start.kind for start in payload.starts}
        kinds |= {tool.output for tool in payload.tools if tool.name in needed}
        others = [tool for tool in payload.tools if tool.name not in needed]
        near = [t for t in others if all(param.kind in kinds for param in t.params)]
        assert len(near) == 5
        within = kinds | {tool.output for tool in near}
        far = [t for t in others if t not in near]
        assert not any(param.kind in within for tool in far for param in tool.params)


@pytest.mark.parametrize("width", [3, 4, 6])
def test_depth_and_width_are_exact(width: int) -> None:
    for index in range(5):
        found = depths(make(12, index, depth=4, width=width).payload)
        assert max(found) == 4
        assert max(found.count(d) for d in range(1, 5)) == width


def test_from_level_8_on_there_is_room_for_planning() -> None:
    for level in (8, 12, 20):
        for index in range(4):
            instance = generate(level, 0, index, {})
            payload, shipped = instance.payload, instance.reference
            calls, capacity = graph(payload, Hidden(payload).steps(), planned=False)
            assert shipped.objective is not None
            assert all_ready(calls, capacity, payload.overhead) >= ROOM * shipped.objective


@pytest.mark.parametrize("select", [4, 5, 10])
def test_the_tools_that_can_be_picked_are_enough(select: int) -> None:
    for index in range(4):
        payload = make(12, index, select=select).payload
        assert len({step.tool for step in payload.steps}) <= select


@pytest.mark.heavy
def test_where_there_can_be_no_room_is_said() -> None:
    with pytest.raises(InputError, match="leaves room for planning"):
        make(8, depth=8)  # a chain


# Same seed, same bytes -----------------------------------------------------------------------


def test_bytes_are_pinned_to_the_version() -> None:
    """A change here needs a new VERSION in tasks/tools.py."""
    made = encode(*(make(9, index, 3, failures=0.1 * (index % 2)) for index in range(10)))
    assert hashlib.sha256(made).hexdigest()[:16] == "023e93ce3c69fc30"


@pytest.mark.heavy
@pytest.mark.parametrize("hashseed", ["0", "4711"])
def test_same_bytes_in_any_process(hashseed: str) -> None:
    code = (
        "import sys, msgspec; from generators.tools import generate\n"
        "made = [generate(10, 3, k, {'select': 4}) for k in range(3)]\n"
        "sys.stdout.buffer.write(b'\\n'.join(map(msgspec.json.encode, made)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONHASHSEED": hashseed},
    )
    assert found.stdout == encode(*(generate(10, 3, k, {"select": 4}) for k in range(3)))


@pytest.mark.heavy
def test_neighbours_share_nothing() -> None:
    made = [make(6, index, seed) for seed in range(12) for index in range(6)]
    codes = [call.value.name.split("-")[1] for i in made for call in Hidden(i.payload).steps()]
    assert len(set(codes)) == len(codes)
    assert len({i.payload.secret for i in made}) == len(made)
    latencies = [tuple(tool.latency for tool in i.payload.tools) for i in made]
    assert len(set(latencies)) == len(made)


def test_the_transport_is_no_other_experiment() -> None:
    plain, other = make(6, 1), make(6, 1, transport="stdio")
    assert (plain.id, plain.payload) == (other.id, other.payload)
    assert other.settings["transport"] == "stdio"
    versions = suites.family_versions(families_used([("tools", {})]), installed())
    locks = {
        suites.find("tools", level=None, seed=None, settings=dials).lock(versions)
        for dials in ({}, {"transport": "http"}, {"track": "plan"})
    }
    assert len(locks) == 2


def test_a_track_keeps_the_task() -> None:
    reactive, plan = make(12, 1), make(12, 1, track="plan", select=10)
    changed = msgspec.structs.replace(plan.payload, track="reactive", select=0)
    assert changed == reactive.payload
    assert plan.id != reactive.id


@pytest.mark.parametrize(
    ("level", "dials", "message"),
    [
        (0, {}, "level 0: there are 1 to 100 calls"),
        (101, {}, "level 101"),
        (5, {"tools": 3}, "; there are depth, width, distractors"),
        (5, {"depth": 6}, "depth 6: a chain of 5 calls"),
        (12, {"depth": 4, "width": 2}, "width 2: .* it is from 3 to 9"),
        (12, {"depth": 4, "width": 10}, "width 10: .* it is from 3 to 9"),
        (5, {"capacity": 0}, "capacity: 0 is not from 1 to 9"),
        (5, {"distractors": 41}, "distractors: 41 is not from 0 to 40"),
        (5, {"failures": 0.95}, "failures: 0.95 is not from 0 to 0.9"),
        (5, {"track": "both"}, "both"),
        (5, {"transport": "pigeon"}, "pigeon"),
        (5, {"select": -1}, "select: -1 is not from 0 to 100"),
    ],
)
def test_wrong_settings(level: int, dials: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        generate(level, 0, 0, dials)
    assert "\n" not in str(caught.value)


def test_resolved_settings_are_whole_and_stay() -> None:
    full = resolve(12, {})
    assert full == {
        "depth": 4,
        "width": 0,
        "distractors": 10,
        "capacity": 2,
        "overhead": 2,
        "failures": 0.0,
        "track": "reactive",
        "transport": "direct",
        "select": 0,
    }
    assert resolve(12, full) == full
    assert [resolve(n, {})["depth"] for n in (1, 4, 8, 12, 16, 24, 50)] == [1, 2, 3, 4, 5, 6, 9]


# Policies ------------------------------------------------------------------------------------


def play(instance: Instance[Errand], name: str, prompts: Prompts) -> Outcome:
    """An episode of a policy, its tools the simulation."""
    simulation, policy = Simulation(instance.payload), POLICIES[name]

    def perform(effect: Outside) -> Any:
        if isinstance(effect, CallTools):
            return simulation.turn([(c.name, arguments_of(c)) for c in effect.calls])
        assert isinstance(effect, Ask)
        calls = policy.calls(effect.view)
        text: Fields = {} if calls else policy.answer(effect.view)
        return Reply("" if calls else msgspec.json.encode(text).decode(), calls)

    return play_program(world(instance, prompts), perform)


def graded(level: int, count: int, name: str, **dials: Any) -> list[Grade]:
    prompts = installed()
    made = [generate(level, 0, index, dials) for index in range(count)]
    return [grade(instance, play(instance, name, prompts)) for instance in made]


NEEDED = ("sequential", "all-ready", "longest-path-first", "optimal")


@pytest.mark.heavy
@pytest.mark.parametrize("track", ["reactive", "plan"])
@pytest.mark.parametrize("failures", [0.0, 0.3])
def test_policies_complete_and_only_the_optimal_one_is_optimal(track: str, failures: float) -> None:
    dials = {"track": track, "failures": failures}
    scores = {}
    for name in POLICIES:
        found = graded(9, 6, name, **dials)
        scores[name] = mean(g.score for g in found)
        if name in NEEDED:
            assert all(g.metrics["complete"] == 1 for g in found), name
            assert all(g.metrics["wasted"] == g.metrics["repeated"] == 0 for g in found), name
    assert scores["optimal"] == 1.0
    assert scores["do-nothing"] == 0.0
    assert scores["shotgun"] < scores["all-ready"] < 1.0
    assert scores["random"] < scores["shotgun"]
    assert scores["sequential"] < 1.0
    if track == "reactive":
        assert scores["sequential"] < scores["all-ready"]


def test_one_call_after_another_takes_twice_the_optimum() -> None:
    found = graded(12, 10, "sequential")
    assert mean(g.metrics["ratio_barrier"] for g in found) >= 2
    assert all(g.metrics["turns"] == 12 and g.metrics["parallelism"] == 1 for g in found)


@pytest.mark.heavy
@pytest.mark.parametrize("track", ["reactive", "plan"])
def test_the_optimal_policy_attains_its_tracks_optimum(track: str) -> None:
    ratio = {"reactive": "ratio_barrier", "plan": "ratio_free"}[track]
    for level in (1, 4, 8, 16):
        assert {g.metrics[ratio] for g in graded(level, 4, "optimal", track=track)} == {1.0}
        instance = make(level, 1, track=track)  # without a reference it is found now
        found = play(instance, "optimal", installed())
        [best] = graded(level, 2, "optimal", track=track)[1:]
        assert max(c.result.end for c in found.calls) == best.metrics["time"]


@pytest.mark.heavy
def test_floors_fall_along_the_ramp() -> None:
    for name in ("sequential", "shotgun"):
        ramp = [mean(g.score for g in graded(level, 8, name)) for level in (4, 8, 12, 24)]
        assert ramp == sorted(ramp, reverse=True), name
        assert ramp[0] > ramp[-1] + 0.2, name


@pytest.mark.parametrize("track", ["reactive", "plan"])
def test_policies_pick_the_tools_that_are_needed(track: str) -> None:
    for name in NEEDED:
        [found] = graded(12, 1, name, track=track, select=10)
        assert found.metrics["complete"] == 1
        assert found.violations == ()


def test_values_cannot_be_guessed() -> None:
    """Of codes of the right kind and site, a thousand tries find none."""
    payload = make(12, 3).payload
    [first, *_] = Hidden(payload).steps()
    kind, _, site = first.value.name.split("-")
    world = Simulation(
        msgspec.structs.replace(payload, limits=msgspec.structs.replace(payload.limits, calls=2000))
    )
    tool = next(t for t in payload.tools if any(p.kind == kind for p in t.params))
    for k in range(1000):
        code = hashlib.sha256(str(k).encode()).hexdigest()[:8]
        arguments = {param.name: f"{kind}-{code}-{site}" for param in tool.params}
        assert world.turn([(tool.name, arguments)])[0].status == "unknown"
    assert len(first.value.name.split("-")[1]) == 8
    assert canonical(first.value.name) == first.value.name
