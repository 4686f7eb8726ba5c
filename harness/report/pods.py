"""Pods by priority on the page: scores by nodes, what is violated, how full the nodes are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from harness.board.board import Row
from harness.report.base import (
    Detail,
    Drawings,
    EpisodeView,
    Figure,
    InstanceFrame,
    Looks,
    Timeline,
    reference_title,
)
from harness.report.charts import level_figures
from harness.report.makespans import violation_figures
from tasks.base import Fields
from tasks.pods import KEY, PodCluster, disruption, now, tiers

Resource: TypeAlias = Literal["cpu", "memory"]
RESOURCES: tuple[Resource, ...] = ("cpu", "memory")
WAITS, NOWHERE = "waits", "nowhere"  # the lines of pods that are on no node
KINDS = ("capacity", "protected", "unknown_node", "missing")
SENTENCES = {
    "unparsable": "No answer could be read: {reason}.",
    "missing": "{pod} has no place.",
    "unknown": "There is no pod {pod}.",
    "not_a_node": "Where the node of {pod} should be stands {value}.",
    "unknown_node": "{pod} is on {value}, which is no node.",
    "protected": "{pod} must stay on {node}.",
    "capacity": "The pods on {node} take {amount} {resource} too much.",
}


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Yield the score by number of nodes for each cell, and the mix of violations."""
    caption = (
        "1 where no fewer pods can wait, by priority, 1/2 where fewer do than by eviction alone,"
        " else 0, with a 95 % interval."
    )
    yield from level_figures(rows, looks, "score", "nodes", caption)
    yield from violation_figures(episodes, looks, kinds=KINDS, remark="")


# One answer ----------------------------------------------------------------------------------


def detail(episode: EpisodeView) -> Detail:
    """Return what each node has of cpu and of memory: as it is, in the answer, in the reference."""
    cluster: PodCluster = episode.instance.payload
    answer = (episode.outcome.answers[0].value or {}) if episode.outcome else {}
    reference, grade = episode.instance.reference, episode.record.grade
    placements: list[tuple[str, Mapping[str, Any], Sequence[Fields]]] = [("Now", now(cluster), ())]
    if isinstance(answer.get(KEY), dict):
        placements.append(("Answer", answer[KEY], grade.violations if grade else ()))
    if reference.answer is not None:
        placements.append((reference_title(reference), reference.answer[KEY], ()))
    return Detail(
        tuple(
            _fill(title, cluster, resource, placement, problems)
            for resource in RESOURCES
            for title, placement, problems in placements
        )
    )


def _fill(
    title: str,
    cluster: PodCluster,
    resource: Resource,
    placement: Mapping[str, Any],
    problems: Sequence[Fields],
) -> Timeline:
    """Return the pods on each node beside each other, by what they take of a resource."""
    lanes = tuple(_lane(pod.id, cluster, placement) for pod in cluster.pods)
    sizes = tuple(getattr(pod, resource) for pod in cluster.pods)
    ends, starts = dict.fromkeys(lanes, 0), list[int | None]()
    for lane, size in zip(lanes, sizes, strict=True):
        starts.append(None if lane == NOWHERE else ends[lane])
        ends[lane] += size
    return Timeline(
        f"{title}: {resource}",
        _note(cluster, placement, lanes),
        InstanceFrame(
            unit=resource,
            names=tuple(f"{pod.id}, priority {pod.priority}" for pod in cluster.pods),
            sizes=sizes,
            lanes=lanes,
        ),
        starts=tuple(starts),
        mark=max(getattr(node, resource) for node in cluster.nodes),
        bad=tuple(_marks(cluster, resource, lanes, problems)),
    )


def _lane(pod: str, cluster: PodCluster, placement: Mapping[str, Any]) -> str:
    """Return the line of a pod: its node, `WAITS`, or `NOWHERE` if that is not said."""
    if pod not in placement:
        return NOWHERE
    node = placement[pod]
    if node is None:
        return WAITS
    return str(node) if node in [each.id for each in cluster.nodes] else NOWHERE


def _note(cluster: PodCluster, placement: Mapping[str, Any], lanes: Sequence[str]) -> str:
    """Return how many wait of each priority, and the disruption where all have a place."""
    if NOWHERE in lanes:
        return f"{lanes.count(NOWHERE)} of {len(lanes)} pods have no place that can be drawn"
    counts = [
        sum(pod.priority == tier and placement[pod.id] is None for pod in cluster.pods)
        for tier in tiers(cluster)
    ]
    rows = zip(counts, tiers(cluster), strict=True)
    words = ", ".join(f"{count} of priority {tier}" for count, tier in rows)
    return f"{words} wait, disruption {disruption(cluster, placement)}"


def _marks(
    cluster: PodCluster, resource: Resource, lanes: Sequence[str], problems: Sequence[Fields]
) -> Iterator[tuple[int, int]]:
    """Yield the rows of pods that break a rule, each with the number of the violation."""
    for row, (pod, lane) in enumerate(zip(cluster.pods, lanes, strict=True)):
        for number, problem in enumerate(problems):
            is_over = problem.get("node") == lane and problem.get("resource") == resource
            if problem.get("pod") == pod.id or is_over:
                yield row, number


def words(violation: Fields) -> str:
    """Return a violation as a sentence."""
    return SENTENCES[str(violation["kind"])].format(**violation)


DRAWINGS = Drawings(figures, detail, words)
