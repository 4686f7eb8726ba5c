"""Grades of tool tasks: gold is 1, nearly gold is not, and nobody beats the optimum."""

import json
from random import Random

import msgspec
import pytest
from msgspec.structs import replace

from generators.tools import generate
from graders.exact.tools import OPTIMA, lower_bound
from graders.tools import COUNTS, grade, summarise
from harness.families.tools import possible_calls, ready_calls
from tasks.base import (
    Called,
    Grade,
    Instance,
    Outcome,
    Parsed,
    Record,
    Reference,
    Scalar,
    SolverFailure,
    ToolCall,
    Verdict,
)
from tasks.tools import View, read
from tasks.tools_clock import Simulation, arguments_of, value_of
from tasks.tools_payload import Errand, Hidden
from tasks.tools_plan import final_answer
from tests.factories.errands import Script, gold, solved


def of(instance: Instance[Errand], script: Script) -> Grade:
    return grade(instance, read(None, json.dumps(script)))


@pytest.mark.parametrize("track", ["reactive", "plan"])
@pytest.mark.parametrize("failures", [0.0, 0.5])
def test_gold_scores_1(track: str, failures: float) -> None:
    for level in (1, 3, 8, 14):
        instance = generate(level, 5, 0, {"track": track, "failures": failures})
        assert instance.reference.status == "optimal"
        found = of(instance, gold(instance))
        assert (found.verdict, found.score, found.gap) == (Verdict.valid, 1.0, 0.0)
        assert found.against == "optimum"
        assert found.violations == ()
        assert found.objective == instance.reference.objective == found.metrics["time"]


def test_both_optima_stand_in_the_reference() -> None:
    reactive, plan = solved(), solved("plan")
    optima = gold(reactive)[OPTIMA]
    assert optima == gold(plan)[OPTIMA]
    # Ann is found 2-5, Bo and Ann's boss 7-14, the pair and the firing 16-24
    assert optima["barrier"] == {"status": "optimal", "objective": 24, "bound": 24}
    assert optima["free"] == {"status": "optimal", "objective": 17, "bound": 17}
    assert (reactive.reference.objective, plan.reference.objective) == (24, 17)
    assert of(reactive, gold(reactive)).metrics["ratio_free"] == 24 / 17
    known = solved(failures=0.5)
    assert gold(known)[OPTIMA]["barrier"]["clairvoyant"] is True


def calls_of(script: Script) -> list[Script]:
    """All entries of a script, plan or turns."""
    found: list[Script] = script.get("calls") or [e for turn in script["turns"] for e in turn]
    return found


@pytest.mark.heavy
@pytest.mark.parametrize("track", ["reactive", "plan"])
def test_one_change_that_breaks_a_rule_is_not_gold(track: str) -> None:
    for index in range(4):
        instance = generate(8, 2, index, {"track": track})
        best = gold(instance)
        for k in range(len(calls_of(best))):
            worse = gold(instance)
            entry = calls_of(worse)[k]
            name = next(iter(entry["arguments"]))
            entry["arguments"][name] = "nobody"
            found = of(instance, worse)
            assert found.score == 0
            assert found.metrics["dependency"] >= 1
            assert found.verdict == Verdict.infeasible
        for key in best["answer"]:
            for wrong in ("x", None, 3, ["$s0"], "$s99"):
                worse = gold(instance)
                worse["answer"][key] = wrong
                found = of(instance, worse)
                assert found.score == 0
                assert found.violations[0]["kind"] == "wrong"
            worse = gold(instance)
            del worse["answer"][key]
            assert of(instance, worse).score == 0
        late = gold(instance)
        calls_of(late)
        if track == "reactive":
            late["turns"].insert(0, late["turns"][0])
            found = of(instance, late)
            assert 0 < found.score < 1
            assert found.metrics["repeated"] == len(late["turns"][0])


def test_a_spelling_of_an_answer_does_not_matter() -> None:
    instance = solved()
    script = gold(instance)
    value = Hidden(instance.payload).steps()[3].value.name
    script["answer"] = {"pair": f"  {value.upper()} ", "more": 3}
    assert of(instance, script).score == 1.0


def fire(person: str) -> Script:
    return {"id": "z", "tool": "fire", "arguments": {"p0": person}}


def test_changes_are_made_once_and_only_as_asked() -> None:
    instance = solved("plan")
    undone = gold(instance)
    undone["calls"] = [e for e in undone["calls"] if e["tool"] != "fire"]
    found = of(instance, undone)
    assert [v["kind"] for v in found.violations] == ["not_done"]
    assert (found.metrics["completion"], found.score) == (0.5, 0.0)
    for person, amount in (("$s0", 1), ("$s1", 1)):  # nobody asked for it; twice
        more = gold(instance)
        more["calls"].append(fire(person))
        found = of(instance, more)
        assert found.violations == ({"kind": "unasked", "tool": "fire", "amount": amount},)
        assert found.metrics["completion"] == 2 / 3
        assert found.score == 0
    failed = gold(instance)
    failed["calls"].append(fire("nobody"))  # no change
    assert of(instance, failed).metrics["complete"] == 1


def test_what_was_not_needed_is_counted_by_kind() -> None:
    instance = solved()
    script = gold(instance)
    script["turns"].append(
        [
            {"tool": "age", "arguments": {"p0": "$s0"}},
            {"tool": "age", "arguments": {"p0": "$s0"}},
            {"tool": "boss", "arguments": {"p0": "$s0"}},
            {"tool": "pair", "arguments": {"p1": "$s2", "p0": "$s1"}},  # the same, told otherwise
            {"tool": "pair", "arguments": {"p1": "$s1", "p0": "$s2"}},  # another
            {"tool": "boss", "arguments": {"p0": "Ann Lee"}},
            {"tool": "fly", "arguments": {}},
            "fly",
        ]
    )
    found = of(instance, script)
    assert {name: found.metrics[name] for name in COUNTS} == {
        "dependency": 1,
        "refused": 2,
        "repeated": 3,
        "wasted": 3,
    }
    assert found.metrics["complete"] == 1
    assert 0 < found.score < 1
    assert {"unknown", "refused"} & {v["kind"] for v in found.violations} == {"refused"}
    assert found.metrics["calls"] == 13


def test_parallelism_is_over_the_time_in_which_something_runs() -> None:
    instance = solved("plan")
    found = of(instance, gold(instance))
    # 3 + 7 + 5 + 6 + 8 units from 2 to 17
    assert found.metrics["parallelism"] == 29 / 15
    assert found.metrics["turns"] == 1


@pytest.mark.parametrize("text", ["", "no idea", '{"answer": {"a": 3'])
def test_no_answer_is_unparsable(text: str) -> None:
    found = grade(solved(), read(None, text))
    assert (found.verdict, found.score) == (Verdict.unparsable, 0.0)
    assert found.violations[0]["kind"] == "unparsable"
    nothing = grade(solved(), Outcome((Parsed(problem="no answer"),)))
    assert nothing.violations[0] == {"kind": "unparsable", "reason": "no answer"}
    assert grade(solved(), Outcome(())).verdict == Verdict.unparsable


def test_a_reference_that_an_answer_refutes_is_a_solvers_failure() -> None:
    instance = solved()
    known = replace(instance.reference, objective=99, bound=99)
    with pytest.raises(SolverFailure, match="time 24 is below 99"):
        of(replace(instance, reference=known), gold(instance))


@pytest.mark.parametrize("track", ["reactive", "plan"])
def test_without_a_proof_the_time_is_set_against_a_bound(track: str) -> None:
    instance = solved(track)
    script, best = gold(instance), instance.reference.objective
    bare = replace(instance, reference=Reference("none"))
    least = lower_bound(instance.payload)
    assert best is not None
    assert least <= best
    found = of(bare, script)
    assert (found.against, found.score) == ("bound", least / best)
    half = replace(
        instance, reference=replace(instance.reference, status="bounded", bound=best - 2)
    )
    assert of(half, script).score == (best - 2) / best


@pytest.mark.heavy
def test_a_lower_bound_is_none_that_the_optimum_beats() -> None:
    for index in range(25):
        for track in ("reactive", "plan"):
            instance = generate(1 + index % 12, 7, index, {"track": track})
            assert instance.reference.objective is not None
            assert lower_bound(instance.payload) <= instance.reference.objective


# Nobody beats the optimum --------------------------------------------------------------------


def wander(instance: Instance[Errand], rng: Random) -> Outcome:
    """An agent that calls what it feels like, mostly what is needed, turn by turn."""
    payload = instance.payload
    simulation, due = Simulation(payload), tuple(Hidden(payload).steps())
    called: list[Called] = []
    for turn in range(1, payload.limits.turns + 1):
        view = View(instance, due, "turn", tuple(called))
        left = ready_calls(view)
        if not left:
            break
        now = rng.sample(left, rng.randint(1, len(left)))
        calls = [ToolCall("", one.due.offer.name, json.dumps(one.due.arguments)) for one in now]
        if rng.random() < 0.2:
            calls += [c for c in possible_calls(view) if rng.random() < 0.1]
        rng.shuffle(calls)
        results = simulation.turn([(c.name, arguments_of(c)) for c in calls])
        called += [Called(turn, c, r) for c, r in zip(calls, results, strict=True)]
    values = {value_of(c.result) for c in called}
    answer = {
        w.key: due[w.step].value.name
        for w in payload.wanted
        if w.key and due[w.step].value.name in values
    }
    return Outcome((final_answer(answer, []),), tuple(called))


def scribble(instance: Instance[Errand], rng: Random) -> Outcome:
    """A plan of all that is needed in any order, with some calls twice or for nothing."""
    script = gold(instance)
    rng.shuffle(script["calls"])
    for entry in list(script["calls"]):
        if rng.random() < 0.15:
            script["calls"].insert(rng.randrange(9), {**entry, "id": f"{entry['id']}-again"})
    return read(None, json.dumps(script))


@pytest.mark.heavy
@pytest.mark.parametrize("track", ["reactive", "plan"])
@pytest.mark.parametrize("failures", [0.0, 0.3])
def test_500_random_agents_never_beat_the_optimum(track: str, failures: float) -> None:
    rng, complete, best = Random(f"agents/{track}/{failures}"), 0, 0
    given: dict[str, Scalar] = {"track": track, "failures": failures}
    made = [generate(2 + k % 9, 11, k, given) for k in range(25)]
    for k in range(250):  # and as many with the other setting of failures
        instance = made[k % len(made)]
        outcome = wander(instance, rng) if track == "reactive" else scribble(instance, rng)
        found = grade(instance, outcome)  # raises if one is below the optimum of its track
        if found.metrics["complete"]:
            complete += 1
            assert found.metrics["ratio_free"] >= 1
            best += found.score == 1
            assert 0 < found.score <= 1
            if track == "reactive":
                assert found.metrics["ratio_barrier"] >= 1
    assert complete > 150
    assert best > 5  # the bound is met


# On the board --------------------------------------------------------------------------------


def record(found: Grade, level: int, name: str) -> Record:
    return Record(
        name, "tools", level, {}, "m", "direct", "none", 0, found, None, 1, 1, 1, 1, None, 0
    )


def test_summary_by_hand() -> None:
    instance = solved()
    good, script = of(instance, gold(instance)), gold(instance)
    script["turns"] = [[entry] for turn in script["turns"] for entry in turn]
    slow, none = of(instance, script), grade(instance, read(None, "no"))
    found = [record(good, 4, "a"), record(slow, 4, "b"), record(none, 8, "c")]
    score, metrics = summarise(found)
    assert slow.score == 24 / 39  # 5 turns of 2, and 3 + 7 + 5 + 6 + 8
    assert score.value == pytest.approx(((1 + 24 / 39) / 2 + 0) / 2)  # the mean over levels
    assert metrics["complete"].value == pytest.approx(2 / 3)
    assert metrics["completion"].value == pytest.approx(2 / 3)
    assert metrics["ratio_barrier"].value == pytest.approx((1 + 39 / 24) / 2)
    assert metrics["score@4"].value == pytest.approx((1 + 24 / 39) / 2)
    assert metrics["score@8"].value == 0
    assert msgspec.json.encode(metrics["gap_proven"].value) == b"1.0"
