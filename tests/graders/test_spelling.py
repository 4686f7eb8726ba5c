"""Grades in both readings: spelling is worth nothing, and wins nothing that was not earned."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.exact.dispatch import edd
from graders.spelling import MENDED, STRICT
from harness.families.registry import family
from tasks.base import Fields, Grade, Instance, Outcome, Parsed, Verdict
from tasks.hoist import move_ids
from tasks.rcpsp import Project, Task
from tasks.spelling import is_mended, strictly
from tasks.tardiness import Job, Jobs
from tests.depth import examples
from tests.factories.gold import gold, instance_of
from tests.factories.misspelt import Misspeller

PROJECT = Instance(
    "p",
    "rcpsp",
    2,
    None,
    0,
    {},
    1,
    Project((Task("T1", 2), Task("T2", 3)), (), (("T1", "T2"),), (), (), (), 9),
)
JOBS = Instance("j", "tardiness", 2, None, 0, {}, 2, Jobs((Job("J1", 2, 2), Job("J2", 3, 5))))
KEYS = ("starts", "order", "schedule", "placement", "period", "times", "offsets")
CASES = (
    "rcpsp",
    "rcpsp-12",
    "tardiness",
    "tardiness-10",
    "tools-turns",
    "tools-plan",
    "jobshop",
    "jobshop-blocking",
    "dag",
    "pods",
    "hoist",
    "allocation",
    "allocation-benefit",
)


def graded(instance: Instance[Any], text: str) -> Grade:
    one = family(instance.family)
    return one.grade(instance, one.read(None, text))


def given_to(instance: Instance[Any], answer: Fields) -> Grade:
    """The grade of an object as a program gives it: nothing is mended."""
    one = family(instance.family)
    return one.grade(instance, one.read(answer, ""))


def plain(grade: Grade) -> tuple[Any, ...]:
    metrics = {k: v for k, v in grade.metrics.items() if k not in (MENDED, STRICT)}
    return (grade.verdict, grade.score, grade.objective, grade.gap, metrics)


def ids_of(instance: Instance[Any]) -> set[str]:
    payload = instance.payload
    if instance.family == "tools":
        return {offer.name for offer in payload.tools} | set(payload.keys)
    if instance.family == "dag":
        return {task.id for task in payload.tasks} | set(payload.processors)
    if instance.family == "pods":
        return {each.id for each in (*payload.pods, *payload.nodes)}
    if instance.family == "hoist":
        return set(move_ids(payload))
    if instance.family == "allocation":
        return {tensor.id for tensor in payload.tensors}
    return {each.id for each in (payload.tasks if instance.family == "rcpsp" else payload.jobs)}


def answer_of(case: str, rng: Random) -> Fields:
    """The answer of the ceiling, or one that is wrong in a way of planning."""
    instance = instance_of(case)
    if instance.family == "tools":
        value = dict(instance.reference.answer or {})
        script: Fields = {k: value[k] for k in ("turns", "calls", "answer") if k in value}
        script.pop("turns" if instance.payload.track == "plan" else "calls", None)
        if rng.random() < 0.5:
            script["answer"] = dict(list(script["answer"].items())[1:])
        return script
    answer: Fields = dict(instance.reference.answer or {})
    if instance.family == "rcpsp":
        answer["starts"] = dict(answer["starts"])
        for name in rng.sample(sorted(answer["starts"]), rng.randint(0, 2)):
            answer["starts"][name] = max(0, answer["starts"][name] + rng.randint(-3, 3))
    elif instance.family == "jobshop":
        answer["starts"] = {name: list(row) for name, row in answer["starts"].items()}
        for name in rng.sample(sorted(answer["starts"]), rng.randint(0, 2)):
            row = answer["starts"][name]
            place = rng.randrange(len(row))
            row[place] = max(0, row[place] + rng.randint(-3, 3))
    elif instance.family == "dag":
        answer["schedule"] = {name: dict(each) for name, each in answer["schedule"].items()}
        for name in rng.sample(sorted(answer["schedule"]), rng.randint(0, 2)):
            place = answer["schedule"][name]
            place["start"] = max(0, place["start"] + rng.randint(-3, 3))
    elif instance.family == "pods":
        answer["placement"] = dict(answer["placement"])
        nodes = [None, *(node.id for node in instance.payload.nodes)]
        for name in rng.sample(sorted(answer["placement"]), rng.randint(0, 2)):
            answer["placement"][name] = rng.choice(nodes)
    elif instance.family == "hoist":
        answer["times"] = dict(answer["times"])
        answer["period"] += rng.choice([0, 0, 1, -1])
        for name in rng.sample(sorted(answer["times"]), rng.randint(0, 2)):
            answer["times"][name] = max(0, answer["times"][name] + rng.randint(-3, 3))
    elif instance.family == "allocation":
        answer["offsets"] = dict(answer["offsets"])
        for name in rng.sample(sorted(answer["offsets"]), rng.randint(0, 2)):
            answer["offsets"][name] = (answer["offsets"][name] or 0) + rng.randint(-3, 3)
    else:
        order = list(answer["order"])
        if rng.random() < 0.5:
            rng.shuffle(order)
        if rng.random() < 0.2:
            order.append(rng.choice(order))
        answer["order"] = order
    return {key: answer[key] for key in KEYS if key in answer}


@pytest.mark.parametrize("case", CASES)
@examples(120)
@given(st.integers(0, 10**9))
def test_an_answer_is_worth_the_same_in_every_spelling(case: str, seed: int) -> None:
    """A right one stays right, and a wrong one never becomes right."""
    instance, rng = instance_of(case), Random(f"answers/{seed}")
    answer = answer_of(case, rng)
    hand = Misspeller(seed, ids_of(instance))
    text = hand.reply(answer)
    expected, found = given_to(instance, answer), graded(instance, text)
    assert plain(found) == plain(expected), text
    assert hand.faults or MENDED not in found.metrics, text
    if MENDED in found.metrics:
        outcome = family(instance.family).read(None, text)
        assert found.metrics[STRICT] <= max(0.0, found.score)
        assert found.metrics[MENDED] == 1
        strict = family(instance.family).grade(instance, strictly(spelled(instance, outcome)))
        assert strict.score == found.metrics[STRICT]


def spelled(instance: Instance[Any], outcome: Outcome) -> Outcome:
    from tasks import allocation, dag, hoist, jobshop, pods, rcpsp, tardiness, tools

    if instance.family == "tools":
        return tools.performed(instance, outcome)
    readers: dict[str, Callable[[Any, Outcome], Outcome]] = {
        "rcpsp": rcpsp.spelled,
        "tardiness": tardiness.spelled,
        "jobshop": jobshop.spelled,
        "dag": dag.spelled,
        "pods": pods.spelled,
        "hoist": hoist.spelled,
        "allocation": allocation.spelled,
    }
    return readers[instance.family](instance.payload, outcome)


STARTS: Sequence[tuple[str, str]] = (
    ('{"T1": 0, "T2": 2}', "valid"),
    ('{"T1": 0.0, "T2": 2}', "valid"),
    ('{"T1": "0", "T2": " 2.0 "}', "valid"),
    ('{"t1": 0, "T02": 2}', "valid"),
    ('{" T1": [0], "T2 ": ["2"]}', "valid"),
    ('{"T1": -0.0, "T2": 2e0}', "valid"),
    ('{"T1": 0.5, "T2": 3}', "unparsable"),
    ('{"T1": "0.5", "T2": 3}', "unparsable"),
    ('{"T1": false, "T2": 2}', "unparsable"),
    ('{"T1": "zero", "T2": 2}', "unparsable"),
    ('{"T1": null, "T2": 2}', "unparsable"),
    ('{"T1": [0, 0], "T2": 2}', "unparsable"),
    ('{"T1": 0, "T2": 1e300}', "unparsable"),
    ('{"T1": 0, "T2": NaN}', "unparsable"),
    ('{"T1": 0, "t1": 0, "T2": 2}', "unparsable"),
    ('{"t1": 0, "T01": 0, "T2": 2}', "unparsable"),
    ('{"T1": 0, "T1": 0, "T2": 2}', "unparsable"),
    ('"{\\"T1\\": 0, \\"T2\\": 2}"', "unparsable"),
    ('[{"T1": 0, "T2": 2}]', "unparsable"),
    ('{"T1": 0, "T2": 1.0}', "infeasible"),
    ('{"T1": -1.0, "T2": 2}', "infeasible"),
    ('{"t1": 0}', "infeasible"),
    ('{"T1": 0, "T2": 2, "T3": 5.0}', "infeasible"),
    ('{"Task 1": 0, "T2": 2}', "infeasible"),
)


@pytest.mark.parametrize(("starts", "verdict"), STARTS)
def test_start_times(starts: str, verdict: str) -> None:
    assert graded(PROJECT, f'{{"starts": {starts}}}').verdict == verdict


ORDERS: Sequence[tuple[str, str]] = (
    ('["J1", "J2"]', "valid"),
    ('["j1", " J02"]', "valid"),
    ('[["J1"], ["J2"]]', "valid"),
    ('["J1", "j1"]', "infeasible"),
    ('["J1", "J2", "j2"]', "infeasible"),
    ('["J1"]', "infeasible"),
    ('["J1", "J3"]', "infeasible"),
    ("[1, 2]", "unparsable"),
    ('[["J1", "J2"]]', "unparsable"),
    ('["J1", true]', "unparsable"),
    ('"J1, J2"', "unparsable"),
    ('{"J1": 1, "J2": 2}', "unparsable"),
)


@pytest.mark.parametrize(("order", "verdict"), ORDERS)
def test_orders(order: str, verdict: str) -> None:
    assert graded(JOBS, f'{{"order": {order}}}').verdict == verdict


def test_ids_that_are_numbers_may_be_written_as_numbers() -> None:
    jobs = Instance("n", "tardiness", 2, None, 0, {}, 2, Jobs((Job("1", 2, 2), Job("2", 3, 5))))
    found = graded(jobs, '{"order": [1, 2.0]}')
    assert (found.verdict, found.metrics[MENDED], found.metrics[STRICT]) == (Verdict.valid, 1, 0)


def test_where_ids_differ_in_spelling_only_they_are_taken_as_they_stand() -> None:
    jobs = Instance("c", "tardiness", 2, None, 0, {}, 2, Jobs((Job("J1", 2, 2), Job("j1", 3, 5))))
    assert graded(jobs, '{"order": ["J1", "j1"]}').verdict is Verdict.valid
    assert MENDED not in graded(jobs, '{"order": ["J1", "j1"]}').metrics
    assert graded(jobs, '{"order": ["J1", "J01"]}').verdict is Verdict.infeasible


@pytest.mark.parametrize("case", ["calendar", "calendar-5"])
def test_a_year_keeps_its_rounds_that_needed_no_mending(case: str) -> None:
    """The strict reading is that of each round: a misspelt ranking does not take a decision."""
    instance, outcome = instance_of(case), gold(case).outcome
    rounds = list(outcome.answers)
    value = dict(rounds[0].value or {})
    rounds[0] = Parsed({**value, "accept": [value["accept"].upper()]}, "whole")
    ranking = [f" {name}" for name in value["ranking"]]
    second = dict(rounds[1].value or {})
    rounds[1] = Parsed({**second, "Ranking": second["ranking"], "ranking": ranking}, "whole")
    third = dict(rounds[2].value or {})
    rounds[2] = Parsed({k.title(): v for k, v in third.items() if k != "accept"} | third, "whole")
    grade = family("calendar").grade
    best = grade(instance, outcome)
    found = grade(instance, Outcome(tuple(rounds)))
    assert found.score == best.score
    assert found.metrics[MENDED] == 1 + (set(ranking) <= {f" {i}" for i in _ids(instance, 1)})
    assert found.metrics[STRICT] == pytest.approx(best.score - 1 / len(rounds))


def _ids(instance: Instance[Any], number: int) -> set[str]:
    return set(instance.payload.rounds[number].ids)


def test_a_year_without_a_usable_round_is_unparsable_unless_events_were_named() -> None:
    instance = instance_of("calendar")
    count = len(instance.payload.rounds)
    grade = family("calendar").grade
    for value, verdict in (
        ({"accept": "nothing"}, Verdict.infeasible),
        ({"accept": ["a", "b"]}, Verdict.infeasible),
        ({"accept": 7}, Verdict.unparsable),
        ({"accept": []}, Verdict.unparsable),
        (None, Verdict.unparsable),
    ):
        outcome = Outcome((Parsed(value, problem=None if value else "no"),) * count)
        assert grade(instance, outcome).verdict is verdict


def test_objects_of_programs_are_held_to_the_strict_reading() -> None:
    order = [job.id.lower() for job in JOBS.payload.jobs]
    assert given_to(JOBS, {"order": order}).verdict is Verdict.infeasible
    assert given_to(PROJECT, {"starts": {"T1": 0.0, "T2": 2}}).verdict is Verdict.unparsable
    assert not is_mended(family("rcpsp").read({"starts": {"T1": 0.0}}, ""))


def test_what_needs_no_mending_has_no_metric_of_it() -> None:
    order = [JOBS.payload.jobs[k].id for k in edd([2, 3], [2, 5])]
    found = graded(JOBS, f'{{"order": ["{order[0]}", "{order[1]}"]}}')
    assert found.verdict is Verdict.valid
    assert not {MENDED, STRICT} & found.metrics.keys()


def test_a_plan_of_tools_is_read_by_the_same_rule() -> None:
    instance = instance_of("tools-plan")
    answer = dict(instance.reference.answer or {})
    calls = [
        {"id": k, "tool": f" {entry['tool'].upper()}", "arguments": dict(entry["arguments"])}
        for k, entry in enumerate(answer["calls"])
    ]
    numbers = {f"${entry['id']}": f"$0{k}" for k, entry in enumerate(answer["calls"])}
    for entry in calls:
        arguments: Any = entry["arguments"]
        entry["arguments"] = {k.upper(): [numbers.get(v, v)] for k, v in arguments.items()}
    values = {k.title(): numbers[v] for k, v in answer["answer"].items()}
    import json

    found = graded(instance, json.dumps({"calls": calls, "answer": values}))
    assert (found.verdict, found.score) == (Verdict.valid, 1.0)
    assert (found.metrics[MENDED], found.metrics[STRICT]) == (1, 0)
    script = {"calls": answer["calls"], "answer": "none"}
    assert graded(instance, json.dumps(script)).verdict is Verdict.unparsable
