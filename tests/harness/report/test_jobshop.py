"""Job shops on the page: a line for each machine, what is marked is what the grader found."""

from typing import Any

import pytest
from msgspec.structs import replace

from generators.jobshop import generate
from graders.jobshop import grade
from harness.families.jobshop import POLICIES
from harness.report import jobshop
from harness.report.base import EpisodeView, Timeline, looks
from memory.context import MemoryState
from tasks.base import Instance, Outcome, Parsed
from tasks.jobshop import KEY, Shop, makespan
from tests.factories.records import build_board, record


def seen(instance: Instance[Shop], starts: Any, model: str = "openai/m") -> EpisodeView:
    outcome = Outcome((Parsed(value={KEY: starts}, how="given"),))
    made = record(
        instance.index,
        instance=instance.id,
        family="jobshop",
        level=instance.level,
        settings=instance.settings,
        model=model,
        grade=grade(instance, outcome),
    )
    return EpisodeView(instance, made, model, outcome, MemoryState())


def drawn(instance: Instance[Shop], starts: Any) -> Timeline:
    picture = jobshop.detail(seen(instance, starts)).pictures[0]
    assert isinstance(picture, Timeline)
    return picture


@pytest.mark.parametrize("buffers", ["free", "swap", "none"])
@pytest.mark.parametrize("index", range(3))
def test_a_gantt_chart_has_a_line_for_each_machine_and_the_reference_beside(
    buffers: str, index: int
) -> None:
    one = generate(4, 0, index, {"buffers": buffers, "shutdowns": 2})
    assert one.reference.answer is not None
    starts = POLICIES["serial"].answer(one)[KEY]
    answer, best = jobshop.detail(seen(one, starts)).pictures
    assert isinstance(answer, Timeline)
    assert isinstance(best, Timeline)
    assert answer.frame == best.frame
    assert len(set(answer.frame.lanes)) == 4
    rows = zip(answer.frame.names, answer.frame.lanes, answer.starts, best.starts, strict=True)
    for name, lane, start, wanted in rows:
        job, _, number = name.partition(".")
        k = int(number) - 1
        assert start == starts[job][k]
        assert wanted == one.reference.answer[KEY][job][k]
        [operations] = [each.operations for each in one.payload.jobs if each.id == job]
        assert operations[k].machine == lane
    assert answer.mark == makespan(one.payload, starts)
    assert best.mark == one.reference.objective
    assert (answer.bad, best.bad) == ((), ())
    assert [load.name for load in answer.frame.loads] == sorted(set(answer.frame.lanes))
    assert all(load.down for load in answer.frame.loads)


def test_every_violation_of_an_operation_is_marked_on_its_bar() -> None:
    one = generate(3, 0, 0, {"shutdowns": 1})
    starts = {job.id: [0] * 3 for job in one.payload.jobs}
    found = grade(one, Outcome((Parsed(value={KEY: starts}, how="given"),))).violations
    assert {v["kind"] for v in found} >= {"precedence", "machine"}
    picture = drawn(one, starts)
    assert {number for _, number in picture.bad} == set(range(len(found)))
    for row, number in picture.bad:
        problem, (job, _, place) = found[number], picture.frame.names[row].partition(".")
        if problem["kind"] == "machine":
            assert problem["machine"] == picture.frame.lanes[row]
            assert job in (problem["first"], problem["second"])
        else:
            assert (problem["job"], problem["operation"]) == (job, int(place))


def test_a_ring_is_marked_where_its_jobs_come() -> None:
    crossed = next(
        each
        for each in (generate(2, 0, k, {"buffers": "none"}) for k in range(20))
        if each.payload.jobs[0].operations[0].machine != each.payload.jobs[1].operations[0].machine
    )
    moment = max(job.operations[0].time for job in crossed.payload.jobs)
    picture = drawn(crossed, {job.id: [0, moment] for job in crossed.payload.jobs})
    assert [picture.frame.names[row] for row, _ in picture.bad] == ["J1.2", "J2.2"]


@pytest.mark.parametrize(
    "starts",
    [{}, {"J1": [10**30, -3], "J2": [True, 1.5], "<b>": 0}, {"J1": None, "J2": []}, {"J1": 3}],
)
def test_starts_that_cannot_be_drawn_are_told(starts: dict[str, Any]) -> None:
    picture = drawn(generate(2, 0, 0, {}), starts)
    assert picture.starts == (None,) * 4
    assert picture.note == "4 of 4 operations have no start that can be drawn"


def test_words_of_a_ring_and_of_a_machine_name_who_is_in_them() -> None:
    ring = {"kind": "swap", "time": 5, "jobs": ["J1", "J2", "J3"]}
    assert jobshop.words(ring).startswith("At 5 J1, J2, J3 exchange their machines in a ring")
    both = {"kind": "machine", "machine": "M2", "first": "J1", "second": "J2", "start": 3, "end": 4}
    assert jobshop.words(both) == "J1 and J2 both have M2 in [3, 4)."


def test_figures_show_scores_what_is_violated_and_gaps() -> None:
    shops = [generate(level, 0, k, {}) for level in (2, 3) for k in range(3)]
    good = [seen(one, POLICIES["lpt-nondelay"].answer(one)[KEY], "policy/lpt") for one in shops]
    bad = [seen(one, {}) for one in shops]
    bounded = replace(shops[0], reference=replace(shops[0].reference, status="bounded"))
    episodes = [*good, *bad, seen(bounded, POLICIES["serial"].answer(bounded)[KEY])]
    board = build_board([each.record for each in episodes], {})
    rows = board.rows
    figures = list(jobshop.figures(rows, episodes, looks(rows)))
    text = " ".join(str(figure) for figure in figures)
    assert len(figures) >= 3
    assert "missing" in text
    assert "of the gaps are against a lower bound" in text
