"""Twins of a fleet: the same until a moment, and otherwise after it.

Whoever places tasks without looking ahead places the same on both until the moment. What lies on a
host then stays otherwise, and what has not come comes otherwise; guesses of what has come stay.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from graders.exact.placement_simulator import ComingTask, PlacementRun, UsedHost


class FleetTwin(NamedTuple):
    """A fleet as JSON that is another one until a moment, and the tasks that come before it."""

    case: dict[str, Any]
    tasks: int


def twin_of(case: Mapping[str, Any], log: Sequence[int], seed: str) -> FleetTwin | None:
    """Return a twin that parts just after a task that had many hosts to choose from.

    Args:
        case: a fleet as JSON.
        log: of a run of it.
        seed: of the moment, and of what comes after it.

    Returns:
        The twin; None if the log is no run.
    """
    choices: list[tuple[int, int]] = []

    def place(task: ComingTask, hosts: Sequence[UsedHost]) -> int | None:
        choices.append((len(hosts), task.at))
        number = log[task.id] if task.id < len(log) else None
        places = [k for k, host in enumerate(hosts) if host.number == number]
        return places[0] if places else None

    if PlacementRun(case, place).run() != list(log):
        return None
    rng = Random(f"placement/twin/{seed}")
    widest = sorted(choices, reverse=True)[: max(5, len(choices) // 10)]
    moment = rng.choice(widest)[1] + 1
    tasks = [_changed(task, moment, rng) for task in case["tasks"]]
    count = sum(at < moment for _, at in choices)
    return FleetTwin({**case, "tasks": sorted(tasks, key=lambda task: int(task["at"]))}, count)


def _changed(task: Mapping[str, Any], moment: int, rng: Random) -> dict[str, Any]:
    """Return a task of which all that is not settled at the moment is drawn anew."""
    if task["at"] >= moment:
        at = moment + int((task["at"] - moment) * rng.uniform(0.5, 1.5))
        guess = None if task["guess"] is None else _another(task["guess"], rng)
        return {**task, "at": at, "time": _another(task["time"], rng), "guess": guess}
    if task["at"] + task["time"] < moment:
        return dict(task)
    least = moment - task["at"]  # that it stays at least, as it is there just before
    return {**task, "time": least - 1 + _another(task["time"], rng)}


def _another(time: int, rng: Random) -> int:
    """Return a third to three times of a time, at least 1."""
    return max(1, int(time * rng.uniform(0.3, 3)))
