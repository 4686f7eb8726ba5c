"""What is drawn is what was graded: charts, bars, marks and words."""

import dataclasses
import re
from fractions import Fraction
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from generators import calendar as calendar_generator
from generators import fair_queue as fair_queue_generator
from generators import placement as placement_generator
from generators import rcpsp as rcpsp_generator
from generators import serving as serving_generator
from generators import tardiness as tardiness_generator
from generators import tools as tools_generator
from graders import allocation as allocation_grader
from graders import calendar as calendar_grader
from graders import contexts as contexts_grader
from graders import dag as dag_grader
from graders import fair_queue as fair_queue_grader
from graders import feasibility as feasibility_grader
from graders import flow as flow_grader
from graders import hoist as hoist_grader
from graders import jobshop as jobshop_grader
from graders import placement as placement_grader
from graders import pods as pods_grader
from graders import rcpsp as rcpsp_grader
from graders import serving as serving_grader
from graders import tardiness as tardiness_grader
from graders import temporal as temporal_grader
from graders import tools as tools_grader
from harness.board.board import Row, build_board
from harness.board.load import ScoredRecord
from harness.families.rcpsp import POLICIES
from harness.families.registry import FAMILIES
from harness.report import (
    allocation,
    calendar,
    contexts,
    dag,
    fair_queue,
    feasibility,
    flow,
    hoist,
    jobshop,
    placement,
    pods,
    rcpsp,
    serving,
    tardiness,
    temporal,
    tools,
    vms,
)
from harness.report.base import (
    EpisodeView,
    SeriesStyle,
    Timeline,
    drawings,
    looks,
    plain_words,
    series,
)
from harness.report.charts import cost_figure, ecdf, gap_figure, profile_figure
from harness.report.memory import notes_held, notes_timeline
from harness.report.pack import BREAK, LONGEST, Texts, shorten
from harness.report.svg import Axis, Plot, PlotLine, plain_axis, round_step, share_axis
from memory.context import MemoryState
from memory.store import Store
from tasks import vms_course
from tasks.base import (
    Called,
    Grade,
    Instance,
    Outcome,
    Parsed,
    Record,
    ToolCall,
    ToolResult,
    Verdict,
)
from tasks.tools import performed, read
from tests.factories.records import record

LOOK = SeriesStyle(0, "a <b>", "model", "c0", "")
OTHER = SeriesStyle(1, "other", "floor", "g0", "2 3")


def seen(instance: Instance[Any], value: Any, grade: Grade) -> EpisodeView:
    outcome = Outcome(
        tuple(Parsed(value=v) for v in (value if isinstance(value, list) else [value]))
    )
    made = record(0, instance=instance.id, family=instance.family, grade=grade)
    return EpisodeView(instance, made, "openai/m", outcome, MemoryState())


def graded(instance: Instance[Any], value: Any, grader: Any) -> EpisodeView:
    answers = value if isinstance(value, list) else [value]
    grade = grader.grade(instance, Outcome(tuple(Parsed(value=v) for v in answers)))
    return seen(instance, value, grade)


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+", text))


# Words ---------------------------------------------------------------------------------------


def kinds(grader: Any) -> set[str]:
    """The kinds of violation that a grader's table names."""
    table = [line for line in grader.__doc__.splitlines() if line.startswith("| `")]
    return {k for line in table for k in re.findall(r"`(\w+)`", line.split("|")[1])}


FIELDS = {
    "task": "T1",
    "before": "T2",
    "after": "T3",
    "resource": "R1",
    "first": "T4",
    "second": "T5",
    "start": 3,
    "end": 4,
    "amount": 7,
    "question": 2,
    "asked": "slack",
    "bound": "release",
    "value": "v",
    "reason": "{braces}",
    "job": "J1",
    "rule": "memory",
    "detail": "no room",
    "round": 9,
    "key": "k",
    "step": 3,
    "tool": "t",
    "turn": 2,
    "id": "i",
    "ids": ["a", "b"],
    "vm": "vm-1",
    "other": "vm-2",
    "host": "h1",
    "numa": 0,
    "pod": "pod-1",
    "node": "n1",
    "move": 3,
    "machine": "M1",
    "operation": 2,
    "operations": 3,
    "time": 5,
    "jobs": ["J1", "J2"],
    "constraint": "P9",
    "named": 4,
    "form": "date",
    "processor": "P1",
    "tank": "T1",
    "stay": 7,
    "tensor": "T1",
    "offset": 70,
    "low": 2,
    "high": 5,
}


@pytest.mark.parametrize(
    ("family", "grader"),
    [
        (rcpsp, rcpsp_grader),
        (tardiness, tardiness_grader),
        (calendar, calendar_grader),
        (tools, tools_grader),
        (flow, flow_grader),
        (vms, vms_course),
        (jobshop, jobshop_grader),
        (serving, serving_grader),
        (fair_queue, fair_queue_grader),
        (placement, placement_grader),
        (feasibility, feasibility_grader),
        (temporal, temporal_grader),
        (dag, dag_grader),
        (pods, pods_grader),
        (hoist, hoist_grader),
        (allocation, allocation_grader),
        (contexts, contexts_grader),
    ],
)
def test_every_kind_of_violation_has_words(family: Any, grader: Any) -> None:
    for kind in kinds(grader) | {"unparsable"}:
        sentence = family.words({"kind": kind, **FIELDS})
        assert sentence.endswith("."), kind
        assert "{" not in sentence.replace("{braces}", ""), kind


def test_a_family_without_drawings_has_plain_words_and_no_pictures() -> None:
    found = drawings(dataclasses.replace(FAMILIES["rcpsp"], drawings=None))
    assert list(found.figures([], [], {})) == []
    assert found.words({"kind": "not_here", "task": "T1", "amount": 3}) == (
        "not here: task T1, amount 3"
    )
    assert plain_words({"kind": "late"}) == "late"
    assert all(drawings(each).words is not plain_words for each in FAMILIES.values())


# Projects ------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["serial", "edf", "sgs-lft", "random-50"])
@pytest.mark.parametrize("index", range(4))
def test_a_gantt_chart_shows_the_answer_and_marks_what_the_grader_found(
    policy: str, index: int
) -> None:
    instance = rcpsp_generator.generate(20, 0, index, {}, reference=False)
    answer = POLICIES[policy].answer(instance)
    one = graded(instance, answer, rcpsp_grader)
    drawn, reference = rcpsp.detail(one).pictures
    assert isinstance(drawn, Timeline)
    assert isinstance(reference, Timeline)
    assert dict(zip(drawn.frame.names, drawn.starts, strict=True)) == answer["starts"]
    assert instance.reference.answer is not None
    wanted = instance.reference.answer["starts"]
    assert dict(zip(reference.frame.names, reference.starts, strict=True)) == wanted
    assert (reference.bad, reference.links, reference.over) == ((), (), ())
    assert drawn.mark == rcpsp_grader.makespan(instance.payload, answer["starts"])
    assert one.record.grade is not None
    wrong = one.record.grade.violations
    marked = [
        *(n for _, n in drawn.bad),
        *(n for *_, n in drawn.links),
        *(n for *_, n in drawn.over),
    ]
    assert sorted(marked) == list(range(len(wrong)))
    for row, number in drawn.bad:
        assert drawn.frame.names[row] == wrong[number]["task"]
    for load, start, end, number in drawn.over:
        assert drawn.frame.loads[load].name == wrong[number]["resource"]
        assert (start, end) == (wrong[number]["start"], wrong[number]["end"])


@pytest.mark.parametrize(
    "starts",
    [{}, {"T01": 10**30, "T02": -3, "T03": True, "T04": 1.5, "<b>": 0}, {"T01": None, "T02": []}],
)
def test_starts_that_cannot_be_drawn_are_told(starts: dict[str, Any]) -> None:
    instance = rcpsp_generator.generate(4, 0, 0, {}, reference=False)
    drawn = rcpsp.detail(graded(instance, {"starts": starts}, rcpsp_grader)).pictures[0]
    assert isinstance(drawn, Timeline)
    assert drawn.starts == (None,) * 4
    assert drawn.note == "4 of 4 tasks have no start that can be drawn"


# Jobs ----------------------------------------------------------------------------------------


@given(st.integers(0, 30), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_a_sequence_is_drawn_as_it_is_graded(index: int, rng: Any) -> None:
    instance = tardiness_generator.generate(8, 0, index, {}, reference=False)
    order = [job.id for job in instance.payload.jobs]
    rng.shuffle(order)
    one = graded(instance, {"order": order}, tardiness_grader)
    drawn = tardiness.detail(one).pictures[0]
    assert isinstance(drawn, Timeline)
    frame = drawn.frame
    bars = zip(drawn.starts, frame.sizes, frame.dues, strict=True)
    late = [s + p - d for s, p, d in bars if s is not None and s + p > d]
    assert one.record.grade is not None
    assert sum(late) == one.record.grade.objective
    assert drawn.note == f"total tardiness {sum(late):,}, {len(late)} of 8 jobs late"
    by_start = sorted(range(8), key=lambda k: drawn.starts[k] or 0)
    assert [frame.names[k] for k in by_start] == order


def test_an_order_that_is_none_is_drawn_as_far_as_it_goes() -> None:
    instance = tardiness_generator.generate(5, 0, 0, {}, reference=False)
    first, second = (job.id for job in instance.payload.jobs[:2])
    wrong = {"order": [first, first, 7, None, [], "J99", second]}
    drawn = tardiness.detail(graded(instance, wrong, tardiness_grader)).pictures[0]
    assert isinstance(drawn, Timeline)
    assert [s is not None for s in drawn.starts] == [True, True, False, False, False]
    assert drawn.note.endswith("of 2 jobs late, 3 jobs missing")
    none = {"order": "J01"}
    titles = [p.title for p in tardiness.detail(graded(instance, none, tardiness_grader)).pictures]
    assert "Answer" not in titles


# Requests ------------------------------------------------------------------------------------


def test_requests_are_drawn_from_arrival_to_end_beside_the_reference() -> None:
    instance = serving_generator.generate(6, 0, 1, {})
    jobs = instance.payload.jobs
    for answer in (
        {"schedule": [job.id for job in jobs]},
        FAMILIES["serving"].policies["hybrid"].answer(instance),
    ):
        one = graded(instance, answer, serving_grader)
        drawn, reference = serving.detail(one).pictures
        assert isinstance(drawn, Timeline)
        assert isinstance(reference, Timeline)
        assert drawn.starts == tuple(job.at // 1_000_000 for job in jobs)
        pairs = zip(jobs, drawn.frame.sizes, strict=True)
        ends = [job.at // 1_000_000 + size for job, size in pairs]
        assert drawn.mark is not None
        assert 0 <= drawn.mark - max(ends) <= 1
        assert one.record.grade is not None
        assert f"mean cost {one.record.grade.metrics['job_cost']:.3f}" in drawn.note
        assert f"mean cost {(instance.reference.objective or 0) / 6000:.3f}" in reference.note
    broken: Any
    for broken in (None, ["J001"], [[0, {}]], [[0, {"admit": [99]}]]):
        one = graded(instance, {"schedule": broken}, serving_grader)
        assert len(serving.detail(one).pictures) == 1


def test_jobs_of_users_are_drawn_with_their_limits() -> None:
    instance = fair_queue_generator.generate(6, 0, 1, {})
    jobs = instance.payload.jobs
    for answer in (
        {"schedule": [job.id for job in jobs]},
        FAMILIES["fair-queue"].policies["user-fair"].answer(instance),
    ):
        one = graded(instance, answer, fair_queue_grader)
        drawn, reference = fair_queue.detail(one).pictures
        assert isinstance(drawn, Timeline)
        assert isinstance(reference, Timeline)
        assert drawn.starts == tuple(job.at for job in jobs)
        rows = zip(drawn.starts, drawn.frame.sizes, drawn.frame.dues, strict=True)
        late = sum((start or 0) + size > due for start, size, due in rows)
        assert one.record.grade is not None
        cost = one.record.grade.metrics["job_cost"]
        assert drawn.note == f"mean cost {cost:.3f}, {late} of 6 jobs over their limit"
        assert f"mean cost {(instance.reference.objective or 0) / 6000:.3f}" in reference.note
    broken: Any
    for broken in (None, ["J01"], [0], [99]):
        one = graded(instance, {"schedule": broken}, fair_queue_grader)
        assert len(fair_queue.detail(one).pictures) == 1


def test_tasks_are_drawn_on_their_hosts_and_those_without_room_are_marked() -> None:
    instance = placement_generator.generate(10, 0, 0, {})
    tasks = instance.payload.tasks
    answer = FAMILIES["placement"].policies["best-fit"].answer(instance)
    one = graded(instance, answer, placement_grader)
    drawn, reference = placement.detail(one).pictures
    assert isinstance(drawn, Timeline)
    assert isinstance(reference, Timeline)
    assert drawn.starts == reference.starts == tuple(task.at for task in tasks)
    assert drawn.frame.sizes == tuple(task.time for task in tasks)
    assert drawn.frame.lanes == tuple(f"host {answer['hosts'][task.id]:2d}" for task in tasks)
    assert one.record.grade is not None
    assert drawn.note.startswith(f"{one.record.grade.objective:,} host-seconds, ")
    assert reference.note.startswith(f"{instance.reference.objective:,} host-seconds, ")
    full = graded(instance, {"hosts": dict.fromkeys(answer["hosts"], 1)}, placement_grader)
    drawn = placement.detail(full).pictures[0]
    assert isinstance(drawn, Timeline)
    assert full.record.grade is not None
    rooms = [v["task"] for v in full.record.grade.violations]
    assert [drawn.frame.names[row] for row, _ in drawn.bad] == rooms
    broken = graded(instance, {"hosts": {**answer["hosts"], "T01": "x"}}, placement_grader)
    drawn = placement.detail(broken).pictures[0]
    assert isinstance(drawn, Timeline)
    assert drawn.starts[0] is None
    assert drawn.note == "1 of 10 tasks have no host that can be drawn"


# Years ---------------------------------------------------------------------------------------


def test_the_strip_of_a_year_is_its_grade() -> None:
    instance = calendar_generator.generate(3, 0, 0, {"rounds": 12})
    year = instance.payload
    answers = [
        {"accept": one.ids[0]} if k % 4 else {"accept": "nobody"}
        for k, one in enumerate(year.rounds)
    ]
    one = graded(instance, answers, calendar_grader)
    found = calendar.detail(one)
    [strip] = found.pictures
    mine, prior, logit = strip.cells  # type: ignore[union-attr]
    assert one.record.grade is not None
    grade = one.record.grade
    assert mine.count("1") == 12 - (grade.objective or 0)
    assert mine.count("x") == 3
    assert Fraction(prior.count("0"), 12) == pytest.approx(grade.metrics["role_prior"])
    assert Fraction(logit.count("0"), 12) == pytest.approx(grade.metrics["logit"])
    assert len(found.steps) == 12
    assert sum("as the user did" in line for line in found.steps) == mine.count("1")


@given(st.integers(1, 200))
def test_blocks_cover_every_round_once(rounds: int) -> None:
    blocks = calendar._blocks(rounds)
    assert [k for a, b in blocks for k in range(a, b)] == list(range(rounds))
    assert len(blocks) <= calendar.BLOCKS


# Tool calls ----------------------------------------------------------------------------------


def test_tool_calls_are_drawn_as_they_ran() -> None:
    instance = tools_generator.generate(6, 0, 0, {})
    known = instance.reference
    assert known.answer is not None
    outcome = performed(instance, read(known.answer, ""))
    offered = next(t.name for t in instance.payload.tools)
    broken = Called(9, ToolCall("x", offered, "{}"), ToolResult("no", "refused", 500, 501))
    outcome = replace(outcome, calls=(*outcome.calls, broken))
    wrong = ({"kind": "wrong"}, {"kind": "refused", "tool": offered, "turn": 9})
    grade = Grade(Verdict.infeasible, 0.0, violations=wrong)
    made = record(0, instance=instance.id, family="tools", grade=grade)
    drawn, best = tools.detail(
        EpisodeView(instance, made, "openai/m", outcome, MemoryState())
    ).pictures
    assert isinstance(drawn, Timeline)
    assert isinstance(best, Timeline)
    assert drawn.starts == tuple(c.result.start for c in outcome.calls)
    assert drawn.bad == ((len(outcome.calls) - 1, 1),)
    assert drawn.mark == 501
    assert best.mark == known.objective
    assert (best.bad, best.spare) == ((), ())


# Memories ------------------------------------------------------------------------------------


def test_notes_are_counted_while_they_hold() -> None:
    store = Store()
    store.add("round", "x" * 400, rounds=[1], date="2025-01-01")
    first = store.add("fact", "four" * 2, rounds=[1], date="2025-01-01")
    store.add("fact", "a new one that is longer", rounds=[2], date="2025-02-01")
    store.delete(first.id, date="2025-03-01", reason="wrong")
    state = MemoryState(store.entries(), tuple(store.log()))
    assert notes_held(state) == [2, 8, 6]
    drawn = notes_timeline(state)
    assert drawn is not None
    assert drawn.starts == (1, 2)
    assert drawn.frame.sizes == (2, 2)
    assert notes_timeline(MemoryState()) is None


# Charts --------------------------------------------------------------------------------------

VALUES = st.lists(st.one_of(st.integers(0, 6).map(float), st.just(inf)), min_size=1, max_size=12)


@given(VALUES)
def test_an_ecdf_is_the_share_of_values_that_are_no_larger(values: list[float]) -> None:
    line = PlotLine(LOOK, ecdf(values), steps=True)
    for x in [k / 2 for k in range(13)]:
        share = sum(v <= x for v in values) / len(values)
        assert (line.at(x) or 0.0) == pytest.approx(share)


@given(VALUES, VALUES)
def test_a_performance_profile_is_its_definition(a: list[float], b: list[float]) -> None:
    costs = {
        look: {str(k): v for k, v in enumerate(values)} for look, values in ((LOOK, a), (OTHER, b))
    }
    table = profile_figure(costs, "makespan").table
    shared = range(min(len(a), len(b)))
    for line, mine in zip(table[1:], (a, b), strict=True):
        for head, cell in zip(table[0][1:], line[1:], strict=True):
            factor = float(head)
            near = [mine[k] < inf and mine[k] <= factor * min(a[k], b[k]) + 1e-9 for k in shared]
            assert cell == f"{100 * sum(near) / len(near):.1f} %"


def test_a_gap_figure_counts_those_without_an_answer() -> None:
    figure = gap_figure({LOOK: [0.0, 0.0, 0.03, inf]}, "Proven.")
    assert list(figure.table[0]) == [
        "gap to the reference, at the most",
        "0 %",
        "1 %",
        "2 %",
        "5 %",
    ]
    assert list(figure.table[1]) == ["a <b>", "50.0 %", "50.0 %", "50.0 %", "75.0 %"]
    assert "a &lt;b&gt;" in figure.picture
    assert "<b>" not in figure.picture
    assert "style=" not in figure.picture


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_an_axis_covers_its_range(low: float, width: float) -> None:
    axis = plain_axis("x", low, low + width)
    assert axis.low <= low
    assert axis.high >= low + width
    assert axis.place(axis.low) == 0
    assert axis.place(axis.high) == 1
    assert 2 <= len(axis.ticks) <= 9


@given(st.floats(1e-6, 1e9))
def test_a_step_is_round_and_no_smaller(wish: float) -> None:
    step = round_step(wish)
    assert wish * 0.99 <= step <= wish * 5.01
    assert f"{step:.0e}"[0] in "125"


def test_a_plot_keeps_what_is_off_its_axes_inside() -> None:
    axis = Axis("x", 0.0, 1.0, [(0.0, "0"), (1.0, "1")])
    line = PlotLine(LOOK, [(0.0, -5.0), (1.0, 7.0), (2.0, inf)], [(0.0, -1.0, 2.0)])
    picture = Plot("t", axis, share_axis("y"), [line]).draw()
    coordinates = [
        float(n) for d in re.findall(r' d="([^"]+)"', picture) for n in re.findall(r"-?[\d.]+", d)
    ]
    assert coordinates
    assert all(0 <= c <= 460 for c in coordinates)


# Colours and texts ---------------------------------------------------------------------------


def rows(*models: str, **changes: Any) -> list[Row]:
    records = [record(k, model=m, **changes) for m in models for k in range(2)]
    return list(build_board([ScoredRecord(r, {}) for r in records], {}).rows)


def test_floors_are_grey_beside_models_and_coloured_alone() -> None:
    found = looks(rows("openai/a", "policy/edf", "policy/exact", "policy/serial"))
    assert {k: v.colour[0] for k, v in found.items() if v.kind == "floor"} == {
        "policy/edf": "g",
        "policy/serial": "g",
    }
    assert found["openai/a"].colour == "c0"
    assert found["policy/exact"].colour == "ceiling"
    alone = looks(rows("policy/edf", "policy/serial"))
    assert {v.colour for v in alone.values()} == {"c0", "c1"}


def test_a_model_keeps_its_colour_and_memories_are_dashed() -> None:
    with_memory = [record(k, model="openai/a", memory="history") for k in range(2)]
    plain = [record(k, model="openai/a") for k in range(2)]
    board = build_board([ScoredRecord(r, {}) for r in (*with_memory, *plain)], {})
    found = looks(board.rows)
    assert {v.colour for v in found.values()} == {"c0"}
    assert found["openai/a"].dash == ""
    assert found["openai/a + history"].dash != ""


def test_one_name_at_two_servers_is_told_apart() -> None:
    there = [
        ScoredRecord(record(0), {"base_url": f"http://127.0.0.1:{port}/v1"}) for port in (1, 2)
    ]
    found = looks(build_board(there, {}).rows)
    assert {v.label for v in found.values()} == set(found)
    alone = looks(build_board(there[:1], {}).rows)
    assert [v.label for v in alone.values()] == ["openai/m"]
    one: Record = there[0].record
    assert series(one, there[0].setup) in alone


@given(st.text(st.sampled_from("a1\n\x01 é"), max_size=60))
def test_texts_come_back(text: str) -> None:
    texts = Texts()
    parts = texts.add(text)
    assert BREAK.join(texts.all[n] for n in parts) == text
    assert len(set(texts.all)) == len(texts.all)


def test_a_long_text_keeps_both_ends() -> None:
    cut = shorten("a" * 30_000 + "z" * 30_000)
    assert cut.startswith("a" * 1000)
    assert cut.endswith("z" * 1000)
    assert "[... 40,000 characters are left out here ...]" in cut
    assert shorten("a" * LONGEST) == "a" * LONGEST


# Pictures of a board -------------------------------------------------------------------------


def projects(models: tuple[str, ...], axes: tuple[str, ...]) -> tuple[list[Row], list[EpisodeView]]:
    """Rows and episodes of made-up grades: two levels, some infeasible."""
    verdicts = ["valid", "infeasible", "valid", "unparsable", "valid", "valid", "infeasible"]
    made = [
        record(
            k,
            verdicts[(k + len(m)) % 7],
            model=m,
            instance=f"{a}{k}",
            settings={"edges": 4, "axes": a},
            input_tokens=100 * len(m),
        )
        for m in models
        for a in axes
        for k in range(12)
    ]
    rows = list(build_board([ScoredRecord(r, {}) for r in made], {}).rows)
    episodes = [
        EpisodeView(
            Instance(r.instance, "rcpsp", r.level, 0, 0, r.settings, 1, None),
            r,
            series(r, {}),
            None,
            MemoryState(),
        )
        for r in made
    ]
    return rows, episodes


def test_feasibility_is_the_boards() -> None:
    rows, episodes = projects(("openai/a", "policy/edf"), ("none", "windows"))
    figures = list(rcpsp.figures(rows, episodes, looks(rows)))
    titles = [f.title for f in figures]
    assert titles[:2] == [f"Feasible answers by level (axes {a})" for a in ("none", "windows")]
    found = {row.model: row for row in rows if row.cell == {"axes": "none"}}
    head, *lines = figures[0].table
    assert list(head) == ["tasks", "10", "20"]
    for model, *cells in lines:
        for level, cell in zip((10, 20), cells, strict=True):
            e = found[model].metrics[f"feasible@{level}"]
            assert e.value is not None
            assert e.low is not None
            assert e.high is not None
            percent = [f"{100 * x:.1f} %" for x in (e.value, e.low, e.high)]
            assert cell == f"{percent[0]} ({percent[1]} to {percent[2]})"
    assert "What is violated" in titles
    assert "Gap to the reference" in titles


def test_the_mix_of_violations_is_the_boards() -> None:
    rows, episodes = projects(("openai/a", "policy/edf"), ("none",))
    mix = next(f for f in rcpsp.figures(rows, episodes, looks(rows)) if "violated" in f.title)
    shares = {model: cells for model, *cells in mix.table[1:]}
    for row in rows:
        for kind, cell in zip(mix.table[0][1:], shares[row.model], strict=True):
            value = row.metrics[f"share_{kind}"].value if f"share_{kind}" in row.metrics else 0.0
            assert cell == f"{100 * (value or 0):.1f} %"


def test_cells_of_one_size_are_compared() -> None:
    rows, episodes = projects(("openai/a",), ("none", "windows", "downtime,windows"))
    one = next(f for f in rcpsp.figures(rows, episodes, looks(rows)) if "by cell" in f.title)
    assert one.title == "Feasible answers by cell (20 tasks, 4 precedences)"
    assert set(one.table[0][1:]) == {"none", "W", "DW"}


def test_score_is_set_against_dollars_only_where_all_are_known() -> None:
    rows, episodes = projects(("openai/a", "openai/bb", "policy/edf"), ("none",))
    figure = cost_figure(rows, episodes, looks(rows))
    assert figure is not None
    assert figure.table[0][1] == "tokens an episode"
    assert {line[0]: line[1] for line in figure.table[1:]} == {
        "openai/a": "805",
        "openai/bb": "905",
    }
    assert "best floor" in figure.picture
    priced = [
        EpisodeView(e.instance, replace(e.record, cost=0.25), e.series, None, MemoryState())
        for e in episodes
    ]
    dollars = cost_figure(rows, priced, looks(rows))
    assert dollars is not None
    assert dollars.table[0][1] == "US dollars an episode"
    assert {line[1] for line in dollars.table[1:]} == {"0.25"}
    only = [row for row in rows if row.kind != "model"]
    assert cost_figure(only, episodes, looks(rows)) is None
    unknown = [
        EpisodeView(e.instance, replace(e.record, input_tokens=None), e.series, None, MemoryState())
        for e in episodes
    ]
    assert cost_figure(rows, unknown, looks(rows)) is None
