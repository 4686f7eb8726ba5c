"""The checker of projects against a twin that looks at every moment, and at known cases."""

from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.rcpsp import generate
from graders.rcpsp import broken_share, grade, summarise, violations
from tasks.base import (
    Fields,
    Grade,
    Instance,
    Outcome,
    Parsed,
    Record,
    Reference,
    SolverFailure,
    Verdict,
)
from tasks.rcpsp import Downtime, Project, Resource, Task, Window, read
from tests.depth import examples


def twin(project: Project, starts: Fields) -> list[Fields]:
    """All violations, by looking at each task, pair and moment; nothing shared with the checker."""
    found: list[Fields] = []
    length = {t.id: t.duration for t in project.tasks}
    placed = {}
    for name in length:
        if name not in starts:
            found.append({"kind": "missing", "task": name})
        elif isinstance(starts[name], bool) or not isinstance(starts[name], int):
            found.append({"kind": "not_integer", "task": name, "value": starts[name]})
        else:
            placed[name] = starts[name]
            if starts[name] < 0:
                found.append({"kind": "negative", "task": name, "value": starts[name]})
    found += [{"kind": "unknown", "task": i} for i in starts if i not in length]
    runs = {i: range(s, s + length[i]) for i, s in placed.items()}
    for a, b in project.precedences:
        if a in runs and b in runs and placed[b] < placed[a] + length[a]:
            late = placed[a] + length[a] - placed[b]
            found.append({"kind": "precedence", "before": a, "after": b, "amount": late})
    moments = sorted({t for run in runs.values() for t in run})
    for resource in project.resources:
        over = []
        for t in moments:
            down = any(
                d.resource == resource.id and d.start <= t < d.end for d in project.downtimes
            )
            used = sum(
                task.demands.get(resource.id, 0)
                for task in project.tasks
                if t in runs.get(task.id, ())
            )
            excess = used - (0 if down else resource.capacity)
            if excess > 0:
                over.append((t, "downtime" if down else "resource", excess))
        for _, group in groupby(enumerate(over), lambda p: (p[1][0] - p[0], p[1][1])):
            points = [point for _, point in group]
            found.append(
                {
                    "kind": points[0][1],
                    "resource": resource.id,
                    "start": points[0][0],
                    "end": points[-1][0] + 1,
                    "amount": max(excess for _, _, excess in points),
                }
            )
    for w in project.windows:
        for bound, amount in (
            ("release", w.release - placed.get(w.task, w.release)),
            ("deadline", placed.get(w.task, -(10**6)) + length[w.task] - w.deadline),
        ):
            if amount > 0:
                found.append({"kind": "window", "task": w.task, "bound": bound, "amount": amount})
    for a, b in project.disjunctions:
        both = sorted(set(runs.get(a, ())) & set(runs.get(b, ())))
        if both:
            found.append(
                {
                    "kind": "disjunction",
                    "first": a,
                    "second": b,
                    "start": both[0],
                    "end": both[-1] + 1,
                }
            )
    for name, start in placed.items():
        if start + length[name] > project.horizon:
            amount = start + length[name] - project.horizon
            found.append({"kind": "horizon", "task": name, "amount": amount})
    return found


def same(a: list[Fields], b: list[Fields]) -> bool:
    def key(fields: Fields) -> str:
        return repr(sorted(fields.items()))

    return sorted(a, key=key) == sorted(b, key=key)


bad = st.one_of(st.booleans(), st.floats(allow_nan=False), st.text(max_size=5), st.none())


@st.composite
def mutated(draw: st.DrawFn) -> tuple[Project, Fields]:
    """A generated project and its witness with a few changes."""
    level, index = draw(st.integers(1, 12)), draw(st.integers(0, 200))
    instance = generate(level, 7, index, {}, reference=False)
    assert instance.reference.answer
    starts: Fields = dict(instance.reference.answer["starts"])
    for name in draw(st.lists(st.sampled_from(sorted(starts)), max_size=4)):
        match draw(st.sampled_from(["shift", "shift", "shift", "drop", "bad", "unknown"])):
            case "shift" if type(starts.get(name)) is int:
                starts[name] += draw(st.integers(-12, 12))
            case "drop":
                starts.pop(name, None)
            case "bad":
                starts[name] = draw(bad)
            case "unknown":
                starts[f"{name}x"] = draw(st.integers(0, 9))
    return instance.payload, starts


@examples(400)
@given(mutated())
def test_twin_agrees_on_mutations(case: tuple[Project, Fields]) -> None:
    project, starts = case
    assert same(violations(project, starts), twin(project, starts))


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Project, Fields]:
    """Any small project with any starts: zero durations, touching downtimes, ties."""
    n = draw(st.integers(1, 5))
    ids = [f"T{k}" for k in range(n)]
    capacity = draw(st.lists(st.integers(0, 3), min_size=1, max_size=2))
    tasks = tuple(
        Task(
            i,
            draw(st.integers(0, 4)),
            {f"R{k}": draw(st.integers(0, c)) for k, c in enumerate(capacity)},
        )
        for i in ids
    )
    pairs = [(a, b) for k, a in enumerate(ids) for b in ids[k + 1 :]]
    some = st.lists(st.sampled_from(pairs), unique=True, max_size=4) if pairs else st.just([])
    spans = st.tuples(st.integers(0, 6), st.integers(1, 3))
    project = Project(
        tasks,
        tuple(Resource(f"R{k}", c) for k, c in enumerate(capacity)),
        tuple(draw(some)),
        tuple(Downtime("R0", a, a + d) for a, d in draw(st.lists(spans, max_size=3))),
        tuple(Window(t.id, 1, 1 + t.duration + draw(st.integers(0, 3))) for t in tasks[::2]),
        tuple(draw(some)),
        8,
    )
    starts: Fields = {i: draw(st.integers(-2, 8)) for i in ids}
    return project, starts | dict.fromkeys(draw(st.lists(st.sampled_from("XYZ"), max_size=2)), 0)


@examples(500)
@given(drawn())
def test_twin_agrees_on_any_starts(case: tuple[Project, Fields]) -> None:
    project, starts = case
    wrong = violations(project, starts)
    assert same(wrong, twin(project, starts))
    assert 0 <= broken_share(project, wrong) <= 1
    assert (broken_share(project, wrong) == 0) == (not wrong)


@pytest.mark.heavy
@examples(500)
@given(st.one_of(drawn(), mutated()), st.data())
def test_broken_is_0_only_without_fault_and_never_falls_by_leaving_out(
    case: tuple[Project, Fields], data: st.DataObject
) -> None:
    project, starts = case
    wrong = violations(project, starts)
    share = broken_share(project, wrong)
    assert 0 <= share <= 1
    assert (share == 0) == (not wrong)
    tasks = {task.id for task in project.tasks}
    for name in data.draw(st.permutations(sorted(tasks & set(starts)))):
        starts.pop(name)
        fewer = broken_share(project, violations(project, starts))
        assert share <= fewer <= 1
        share = fewer
    assert broken_share(project, violations(project, starts | {"no task": 0})) >= share


def small() -> Project:
    return Project(
        (Task("A", 3, {"R": 2}), Task("B", 2, {"R": 2}), Task("C", 2, {})),
        (Resource("R", 3),),
        (("A", "C"),),
        (Downtime("R", 4, 6),),
        (Window("B", 1, 9),),
        (("B", "C"),),
        10,
    )


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        ({"A": 0, "B": 6, "C": 3}, []),
        ({"A": 1, "B": 6, "C": 4}, []),  # touching a downtime and a precedence is allowed
        (
            {"A": 0, "B": 1, "C": 3},
            [{"kind": "resource", "resource": "R", "start": 1, "end": 3, "amount": 1}],
        ),
        (
            {"A": 2, "B": 6, "C": 8},
            [{"kind": "downtime", "resource": "R", "start": 4, "end": 5, "amount": 2}],
        ),
        (
            {"A": 3, "B": 4, "C": 8},  # over capacity inside the downtime: a downtime only
            [{"kind": "downtime", "resource": "R", "start": 4, "end": 6, "amount": 4}],
        ),
        (
            {"A": 0, "B": 6, "C": 2},
            [{"kind": "precedence", "before": "A", "after": "C", "amount": 1}],
        ),
        (
            {"A": 0, "B": 8, "C": 3},
            [{"kind": "window", "task": "B", "bound": "deadline", "amount": 1}],
        ),
        (
            {"A": 0, "B": 6, "C": 7},
            [{"kind": "disjunction", "first": "B", "second": "C", "start": 7, "end": 8}],
        ),
        ({"A": 0, "B": 6, "C": 9}, [{"kind": "horizon", "task": "C", "amount": 1}]),
        ({"A": 0, "B": 6}, [{"kind": "missing", "task": "C"}]),
        ({"A": 0, "B": 6, "C": 3, "D": 1}, [{"kind": "unknown", "task": "D"}]),
        ({"A": 0.0, "B": 6, "C": 3}, [{"kind": "not_integer", "task": "A", "value": 0.0}]),
        ({"A": False, "B": 6, "C": 3}, [{"kind": "not_integer", "task": "A", "value": False}]),
        ({"A": "0", "B": 6, "C": 3}, [{"kind": "not_integer", "task": "A", "value": "0"}]),
        ({"A": -1, "B": 6, "C": 3}, [{"kind": "negative", "task": "A", "value": -1}]),
    ],
)
def test_known_cases(starts: Fields, expected: list[Fields]) -> None:
    assert violations(small(), starts) == expected


def one(reference: Reference) -> Instance[Project]:
    return Instance("x", "rcpsp", 3, None, 0, {}, 1, small(), reference)


def test_gap_says_what_it_is_against() -> None:
    answer = {"starts": {"A": 0, "B": 6, "C": 3}}
    proven = grade(one(Reference("optimal", 8, 8)), read(answer, ""))
    assert (proven.verdict, proven.score, proven.gap) == (Verdict.valid, 1.0, 0.0)
    assert proven.against == "optimum"
    bounded = grade(one(Reference("bounded", 8, 5)), read(answer, ""))
    assert (bounded.gap, bounded.against) == (0.6, "bound")
    unknown = grade(one(Reference("none")), read(answer, ""))
    assert (unknown.gap, unknown.against, unknown.objective) == (None, None, 8)


@pytest.mark.parametrize(
    "answer",
    [None, {}, {"starts": None}, {"starts": [0, 6, 3]}, {"starts": "A"}, {"start": {"A": 0}}],
)
def test_no_starts_is_unparsable(answer: Any) -> None:
    found = grade(one(Reference("none")), Outcome((Parsed(value=answer),)))
    assert (found.verdict, found.score) == (Verdict.unparsable, 0.0)
    assert found.metrics["broken"] == 1.0


def test_leaving_tasks_out_does_not_look_nearer() -> None:
    project = small()
    shares = []
    starts: Fields = {"A": 0, "B": 1, "C": 0}
    for name in "ABC":
        shares.append(broken_share(project, violations(project, starts)))
        starts.pop(name)
    shares.append(broken_share(project, violations(project, {})))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_an_id_of_no_task_is_a_broken_constraint() -> None:
    found = grade(one(Reference("none")), read({"starts": {"A": 0, "B": 6, "C": 3, "D": 1}}, ""))
    assert found.verdict == Verdict.infeasible
    assert found.metrics["broken"] == 1 / 9  # 3 tasks and 1 of each other kind, and the ids


@pytest.mark.parametrize(
    "reference",
    [
        Reference("optimal", 9, 9),
        Reference("bounded", 12, 9),
        Reference("none", bound=9),
        Reference("infeasible"),
    ],
)
def test_an_answer_that_refutes_the_reference_is_no_gap(reference: Reference) -> None:
    with pytest.raises(SolverFailure, match=r"^x: "):
        grade(one(reference), read({"starts": {"A": 0, "B": 6, "C": 3}}, ""))
    late = grade(one(reference), read({"starts": {"A": 0}}, ""))  # says nothing of the reference
    assert late.verdict == Verdict.infeasible


# On the board --------------------------------------------------------------------------------


def record(name: str, made: Grade, epoch: int = 0, level: int = 3, **fields: Any) -> Record:
    return Record(
        name,
        "rcpsp",
        level,
        fields,
        "openai/x",
        "direct",
        "none",
        epoch,
        made,
        None,
        1,
        1,
        None,
        None,
        None,
        0.0,
    )


GOOD = grade(one(Reference("optimal", 8, 8)), read({"starts": {"A": 0, "B": 6, "C": 3}}, ""))
LATE = grade(one(Reference("bounded", 9, 5)), read({"starts": {"A": 1, "B": 7, "C": 4}}, ""))
BAD = grade(one(Reference("none")), read({"starts": {"A": 0, "B": 6, "C": 9}}, ""))


def test_epochs_of_an_instance_are_one_trial_in_every_metric() -> None:
    """Ten looks at one instance weigh no more than one."""
    once = [record(f"i{k}", made) for k, made in enumerate([GOOD, LATE, BAD, GOOD, LATE, BAD] * 2)]
    often = once + [record("i1", LATE, epoch=e) for e in range(1, 10)]
    often += [record("i2", BAD, epoch=e) for e in range(1, 10)]
    score, metrics = summarise(once)
    again, repeated = summarise(often)
    passes = {name for name in repeated if name.startswith("pass")}
    assert (again, repeated) == (score, metrics | {name: repeated[name] for name in passes})
    assert {"broken", "gap_median", "gap_mean", "gap_proven", "share_horizon"} <= set(metrics)
    mixed = summarise([record("i0", GOOD), record("i0", LATE, 1), record("i1", GOOD)])[1]
    assert mixed["gap_proven"].value == 0.75
    assert mixed["gap_mean"].value == pytest.approx((0.8 / 2) / 2)


@pytest.mark.parametrize("other", [{}, {"edges": "many"}, {"edges": None}])
def test_edges_are_the_dial_only_if_all_have_them(other: Fields) -> None:
    made = [record(f"i{k}", GOOD, edges=k) for k in range(3)]
    assert "feasible@2" in summarise(made)[1]
    both = summarise([*made, record("imported", BAD, **other)])[1]
    assert both["feasible@3"].value == 0.75
    assert "feasible@2" not in both
