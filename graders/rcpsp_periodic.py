"""What is measured of projects of periodic activities beside feasibility.

The occurrences of an activity are the tasks whose ids differ after the last point only; the
distance of their releases is its period.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from graders.clusters import mean_over, metric_of
from graders.statistics import Estimate
from tasks.base import Instance, Record
from tasks.rcpsp import Project

PATTERN = "periodic"  # the setting `pattern` of these projects
METRICS = ("jitter", "solvable")


def is_periodic(settings: Mapping[str, Any]) -> bool:
    """Return whether an instance or record of these settings is of periodic activities."""
    return settings.get("pattern") == PATTERN


def jitter(project: Project, starts: Mapping[str, int]) -> int:
    """Return by how much the distance of neighbouring starts differs from the period at most.

    That is max |s(k + 1) - s(k) - P| over all activities, in time units; the last occurrence of a
    cycle has no neighbour in the next.

    Args:
        project: of periodic activities.
        starts: a feasible start time for each task, by its id.
    """
    rows: dict[str, list[tuple[int, int]]] = {}
    for window in sorted(project.windows, key=lambda window: window.release):
        name = window.task.rpartition(".")[0]
        rows.setdefault(name, []).append((window.release, starts[window.task]))
    late = [[start - release for release, start in row] for row in rows.values()]
    return max((abs(b - a) for row in late for a, b in pairwise(row)), default=0)


def periodic_metrics(
    instance: Instance[Project], starts: Mapping[str, int] | None
) -> dict[str, float]:
    """Return what a grade tells beside feasibility.

    Args:
        instance: of periodic activities, with its reference.
        starts: of a feasible answer; None for any other.

    Returns:
        `solvable`: 0 if it is proven that there is no schedule, else 1; and the `jitter` of a
        feasible answer.
    """
    metrics = {"solvable": float(instance.reference.status != "infeasible")}
    if starts is not None:
        metrics["jitter"] = float(jitter(instance.payload, starts))
    return metrics


def periodic_estimates(
    records: Sequence[Record], levels: Sequence[Sequence[Record]]
) -> dict[str, Estimate]:
    """Estimate the means of these metrics, if some record is of periodic activities."""
    if not any(is_periodic(record.settings) for record in records):
        return {}
    return {name: mean_over(levels, metric_of(name)) for name in METRICS}
