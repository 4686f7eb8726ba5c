"""Pods on the page: a line for each node, what is marked is what the grader found."""

from typing import Any

import pytest

from generators.pods import generate
from graders.pods import grade
from harness.families.pods import POLICIES
from harness.report import pods
from harness.report.base import EpisodeView, Timeline, looks
from memory.context import MemoryState
from tasks.base import Instance, Outcome, Parsed
from tasks.pods import KEY, PodCluster, disruption
from tests.factories.records import build_board, record


def seen(instance: Instance[PodCluster], placement: Any, model: str = "openai/m") -> EpisodeView:
    outcome = Outcome((Parsed(value={KEY: placement}, how="given"),))
    made = record(
        instance.index,
        instance=instance.id,
        family="pods",
        level=instance.level,
        settings=instance.settings,
        model=model,
        grade=grade(instance, outcome),
    )
    return EpisodeView(instance, made, model, outcome, MemoryState())


def drawn(instance: Instance[PodCluster], placement: Any) -> list[Timeline]:
    pictures = pods.detail(seen(instance, placement)).pictures
    assert all(isinstance(each, Timeline) for each in pictures)
    return [each for each in pictures if isinstance(each, Timeline)]


def test_pods_of_a_node_lie_beside_each_other_in_both_resources() -> None:
    one = generate(3, 0, 1, {})
    assert one.reference.answer is not None
    pictures = drawn(one, POLICIES["preempt"].answer(one)[KEY])
    titles = [each.title for each in pictures]
    names = ("Now", "Answer", "Reference (proven optimum)")
    assert titles == [f"{name}: {unit}" for unit in ("cpu", "memory") for name in names]
    best, cluster = one.reference.answer[KEY], one.payload
    for picture, resource in ((pictures[2], "cpu"), (pictures[5], "memory")):
        rows = zip(cluster.pods, picture.frame.lanes, picture.starts, strict=True)
        ends: dict[str, int] = {}
        for pod, lane, start in rows:
            assert lane == (best[pod.id] or "waits")
            assert start == ends.get(lane, 0)
            ends[lane] = ends.get(lane, 0) + getattr(pod, resource)
        capacity = getattr(cluster.nodes[0], resource)
        assert picture.mark == capacity
        assert all(end <= capacity for lane, end in ends.items() if lane != "waits")
        assert picture.note.endswith(f"wait, disruption {disruption(cluster, best)}")
        assert picture.bad == ()


def test_every_violation_is_marked_on_its_bars() -> None:
    one = generate(2, 0, 0, {"protected": 0.5})
    placement: dict[str, Any] = {pod.id: "n1" for pod in one.payload.pods}
    found = grade(one, Outcome((Parsed(value={KEY: placement}, how="given"),))).violations
    assert {v["kind"] for v in found} == {"capacity", "protected"}
    marked = set()
    for picture in (each for each in drawn(one, placement) if each.title.startswith("Answer")):
        for row, number in picture.bad:
            pod, problem = one.payload.pods[row], found[number]
            assert problem.get("pod", pod.id) == pod.id
            assert problem.get("resource", picture.frame.unit) == picture.frame.unit
            marked.add(number)
    assert marked == set(range(len(found)))


@pytest.mark.parametrize(
    "placement", [{}, {"pod-1": "n9", "pod-2": 7}, {"pod-1": ["n1"], "<b>": None}]
)
def test_pods_that_cannot_be_drawn_are_told(placement: dict[str, Any]) -> None:
    picture = drawn(generate(2, 0, 0, {}), placement)[1]
    assert set(picture.starts) == {None}
    assert picture.note == "8 of 8 pods have no place that can be drawn"


def test_figures_show_scores_and_what_is_violated() -> None:
    clusters = [generate(level, 0, k, {}) for level in (2, 3) for k in range(2)]
    good = [seen(one, POLICIES["one-move"].answer(one)[KEY], "policy/one-move") for one in clusters]
    episodes = [*good, *(seen(one, {}) for one in clusters)]
    board = build_board([each.record for each in episodes], {})
    figures = list(pods.figures(board.rows, episodes, looks(board.rows)))
    assert [figure.title for figure in figures] == ["Score by number of nodes", "What is violated"]
    assert "missing" in str(figures[1])
