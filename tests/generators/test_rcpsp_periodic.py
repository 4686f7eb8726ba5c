"""Periodic activities as projects: windows, loads, proofs that there is no schedule."""

from itertools import permutations
from statistics import fmean

import pytest

from generators.rcpsp import generate, resolve
from generators.rcpsp_periodic import CYCLE, PERIODS
from graders.rcpsp import grade
from harness.families.registry import family
from harness.suites.instances import decode, encode
from tasks.base import InputError, Instance, Outcome, Parsed, Scalar
from tasks.rcpsp import Project
from tests.depth import often

TIGHT: dict[str, Scalar] = {"pattern": "periodic", "load": 0.8}


def batch(level: int, load: float, count: int) -> list[Instance[Project]]:
    settings: dict[str, Scalar] = {"pattern": "periodic", "load": load}
    return [generate(level, 0, index, settings) for index in range(count)]


def test_an_activity_occurs_once_in_every_period() -> None:
    for index in range(often(300)):
        level, load = 1 + index % 8, (0.5, 0.8, 1.0)[index % 3]
        instance = generate(level, 3, index, {"pattern": "periodic", "load": load}, reference=False)
        project = instance.payload
        assert encode(decode(encode(instance), "a test")) == encode(instance)
        assert project.horizon == CYCLE
        windows = {window.task: window for window in project.windows}
        rows: dict[str, list[str]] = {}
        for task in project.tasks:
            rows.setdefault(task.id.split(".")[0], []).append(task.id)
        assert len(rows) == level
        tasks = {task.id: task for task in project.tasks}
        for names in rows.values():
            period = CYCLE // len(names)
            assert period in PERIODS
            spans = [(windows[name].release, windows[name].deadline) for name in names]
            assert spans == [(k * period, (k + 1) * period) for k in range(len(names))]
            [duration] = {tasks[name].duration for name in names}
            assert 1 <= duration <= period / 2
        for resource in project.resources:
            assert resource.capacity == 1
            taken = [t.duration for t in project.tasks if resource.id in t.demands]
            assert sum(taken) <= load * CYCLE + 1e-9


def test_devices_are_filled_up_to_the_load() -> None:
    """No activity could take a unit more, unless half its period is over."""
    for instance in batch(8, 0.8, 10):
        project = instance.payload
        busy = {
            r.id: sum(t.duration for t in project.tasks if r.id in t.demands)
            for r in project.resources
        }
        for name in {task.id.split(".")[0] for task in project.tasks}:
            tasks = [task for task in project.tasks if task.id.split(".")[0] == name]
            longer = tasks[0].duration + 1
            full = any(busy[device] + len(tasks) > 0.8 * CYCLE for device in tasks[0].demands)
            assert full or 2 * longer > CYCLE // len(tasks)


def has_schedule(project: Project) -> bool:
    """Look at every order: each task as early as its window and its devices allow."""
    release = {w.task: w.release for w in project.windows}
    deadline = {w.task: w.deadline for w in project.windows}
    for order in permutations(project.tasks):
        free: dict[str, int] = {}
        for task in order:
            start = max(release[task.id], *(free.get(device, 0) for device in task.demands))
            if start + task.duration > deadline[task.id]:
                break
            free.update(dict.fromkeys(task.demands, start + task.duration))
        else:
            return True
    return False


def test_the_reference_says_of_small_ones_what_all_orders_say() -> None:
    statuses = []
    for index in range(often(900)):
        settings: dict[str, Scalar] = {"pattern": "periodic", "load": 0.95, "resources": 2}
        instance = generate(3, 11, index, settings)
        if len(instance.payload.tasks) > 6:
            continue
        statuses.append(instance.reference.status)
        expected = "optimal" if has_schedule(instance.payload) else "infeasible"
        assert instance.reference.status == expected, instance.id
    assert {*statuses} == {"optimal", "infeasible"}
    assert min(statuses.count("optimal"), statuses.count("infeasible")) >= 3


def test_all_are_decided_and_more_load_has_fewer_schedules() -> None:
    """As in the table of the page."""
    shares = []
    for load in (0.6, 0.8, 0.95):
        statuses = [instance.reference.status for instance in batch(8, load, 20)]
        assert {*statuses} <= {"optimal", "infeasible"}
        shares.append(statuses.count("optimal") / 20)
    assert shares == [1, 0.85, 0.45]


@pytest.mark.heavy
def test_earliest_deadline_first_falls_as_activities_grow() -> None:
    edf = family("rcpsp").policies["edf"]
    means = []
    for level in (2, 4, 8, 12):
        batch_of_level = batch(level, 0.8, 20)
        answers = [Outcome((Parsed(edf.answer(each)),)) for each in batch_of_level]
        pairs = zip(batch_of_level, answers, strict=True)
        means.append(fmean(grade(each, answer).score for each, answer in pairs))
    assert [f"{mean:.2f}" for mean in means] == ["0.70", "0.70", "0.45", "0.15"]


def test_projects_have_the_settings_and_ids_that_they_had() -> None:
    resolved = resolve(5, {})
    assert not {"pattern", "load"} & {*resolved}
    assert resolve(5, {"pattern": "project"}) == resolved
    assert generate(5, 0, 0, {}, reference=False).id == "rcpsp-5-s0-i0-7fa88322"


def test_settings_are_in_one_spelling() -> None:
    resolved = resolve(4, {"pattern": "periodic"})
    assert resolved == {"resources": 4, "load": 0.7, "setting": "plain", "pattern": "periodic"}
    assert resolve(4, resolved) == resolved
    assert encode(generate(4, 1, 2, TIGHT)) == encode(generate(4, 1, 2, resolve(4, TIGHT)))
    assert generate(4, 0, 3, TIGHT, reference=False).id.startswith("rcpsp-4-s0-k3-")


@pytest.mark.parametrize(
    ("level", "settings", "message"),
    [
        (4, {"load": 0.7}, "load: only projects of pattern=periodic have one"),
        (4, {"pattern": "weekly"}, "'weekly' is not one of"),
        (4, {"pattern": "periodic", "edges": 3}, "rcpsp with pattern=periodic: .*field `edges`"),
        (4, {"pattern": "periodic", "load": 2}, "load: 2 is not from 0.05 to 1"),
        (4, {"pattern": "periodic", "load": "nan"}, "load"),
        (0, {"pattern": "periodic"}, "level 0: with pattern=periodic there are 1 to 100"),
        (101, {"pattern": "periodic"}, "level 101"),
    ],
)
def test_wrong_use_is_one_line(level: int, settings: dict[str, Scalar], message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(level, settings)


def test_too_many_activities_for_the_devices_are_refused() -> None:
    settings: dict[str, Scalar] = {"pattern": "periodic", "load": 0.05, "resources": 1}
    with pytest.raises(InputError, match="60 activities on 1 devices load one beyond that"):
        generate(60, 0, 0, settings)
