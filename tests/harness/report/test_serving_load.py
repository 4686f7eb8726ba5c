"""Pictures of servers under load: every request is somewhere at every moment, memory holds."""

from typing import Any

import pytest

from generators.serving import generate
from graders.exact.serving import case_of
from graders.exact.serving_simulator import ServingRun, replayed
from graders.serving import grade
from harness.families.registry import family
from harness.report.base import EpisodeView, SeriesStyle
from harness.report.serving import figures
from harness.report.serving_load import watched
from memory.context import MemoryState
from tasks.base import Fields, Instance
from tasks.serving import read
from tests.factories.records import record

LOOKS = {
    "a": SeriesStyle(0, "a", "model", "c0", ""),
    "b": SeriesStyle(1, "b", "floor", "g0", "2 3"),
}


def answered(instance: Instance[Any], answer: Fields, series: str = "a") -> EpisodeView:
    outcome = read(answer, "")
    graded = record(0, instance=instance.id, family="serving", grade=grade(instance, outcome))
    return EpisodeView(instance, graded, series, outcome, MemoryState())


def by_policy(instance: Instance[Any], name: str, series: str = "a") -> EpisodeView:
    return answered(instance, family("serving").policies[name].answer(instance), series)


@pytest.mark.parametrize("policy", ["first-come", "hybrid", "arrival"])
def test_every_request_runs_or_waits_or_is_done_and_memory_holds(policy: str) -> None:
    instance = generate(12, 0, 0, {}, reference=False)
    episode = by_policy(instance, policy)
    moments = watched(episode)
    jobs = instance.payload.jobs  # of one call each
    assert len(moments) == 161
    assert moments[-1][1:] == (0, 0, 0)
    assert max(running for _, running, _, _ in moments) > 1
    for seconds, running, waiting, memory in moments[:-1]:
        come = sum(job.at <= round(seconds * 1e9) for job in jobs)
        assert running + waiting <= come
        assert 0 <= memory <= 1
        assert (memory > 0) == (running > 0)
    assert moments[1][1] + moments[1][2] == sum(job.at <= moments[1][0] * 1e9 for job in jobs)


@pytest.mark.parametrize("broken", [None, [], ["J001"], [[0, {"admit": [99]}]]])
def test_what_cannot_be_run_has_no_picture(broken: Any) -> None:
    instance = generate(6, 0, 0, {}, reference=False)
    assert watched(answered(instance, {"schedule": broken})) == []


@pytest.mark.heavy
def test_goodput_is_drawn_by_load_where_there_is_more_than_one() -> None:
    instances = [
        generate(8, 0, k, {"pressure": pressure}, reference=False)
        for pressure in (1.5, 3)
        for k in range(2)
    ]
    episodes = [by_policy(each, "hybrid", "a") for each in instances]
    episodes += [by_policy(each, "arrival", "b") for each in instances]
    drawn = {figure.title: figure for figure in figures([], episodes, LOOKS)}
    assert {"Goodput against load", "Requests that run over time", "Memory in use over time"} <= {
        *drawn
    }
    head, *rows = drawn["Goodput against load"].table
    assert head == ["", "tokens a second", "goodput"]
    assert [row[0] for row in rows] == ["a", "a", "b", "b"]
    assert float(rows[0][1]) < float(rows[1][1])
    kept = [e.record.grade.metrics["goodput"] for e in episodes[:4] if e.record.grade]
    means = {f"{100 * (kept[k] + kept[k + 1]) / 2:.1f} %" for k in (0, 2)}
    assert {row[2] for row in rows[:2]} == means
    titles = [figure.title for figure in figures([], episodes[:2], LOOKS)]
    assert "Goodput against load" not in titles


def test_a_run_that_is_looked_at_is_the_run() -> None:
    """Looking at moments changes nothing of what comes after them."""
    instance = generate(12, 0, 1, {}, reference=False)
    policy = family("serving").policies["first-come"]
    log = policy.answer(instance)["schedule"]
    whole, parts = (ServingRun(case_of(instance.payload), replayed(log)) for _ in range(2))
    whole.run()
    end = max(job.done or 0 for job in whole.jobs)
    for k in range(161):
        parts.advance(end * k // 160 + 1)
    assert [r.done for r in parts.requests] == [r.done for r in whole.requests]
