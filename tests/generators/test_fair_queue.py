"""Clusters of equal pressure, the same in every process; wrong use is one line."""

from statistics import fmean

import msgspec
import pytest

from generators.fair_queue import FairQueueSettings, at_leisure, generate, resolve
from graders.exact import fair_queue_kernel
from graders.exact.fair_queue import random_cost
from harness.suites.instances import encode
from tasks.base import InputError, Scalar
from tasks.fair_queue import SharedCluster


@pytest.mark.heavy
@pytest.mark.parametrize(("jobs", "settings"), [(8, {}), (40, {"cores": 16, "users": 5})])
def test_pressure_is_what_a_random_order_costs(jobs: int, settings: dict[str, Scalar]) -> None:
    costs = [
        random_cost(generate(jobs, 1, index, settings, reference=False).payload) / 1000 / jobs
        for index in range(4)
    ]
    assert 1.3 < fmean(costs) < 3
    assert min(costs) > 1.1


def test_hints_change_nothing_else() -> None:
    clusters = {
        hint: generate(8, 1, 0, {"hint": hint}, reference=False).payload
        for hint in ("guess", "exact", "none")
    }
    plain = [[(j.at, j.user, j.stages) for j in c.jobs] for c in clusters.values()]
    assert plain[0] == plain[1] == plain[2]
    assert all(j.hint == j.work for j in clusters["exact"].jobs)
    assert all(j.hint is None for j in clusters["none"].jobs)
    assert any(j.hint != j.work for j in clusters["guess"].jobs)


@pytest.mark.parametrize("users", [1, 2, 9])
def test_jobs_are_of_the_users_and_one_sends_more(users: int) -> None:
    cluster = at_leisure(200, "users", FairQueueSettings(users=users))
    counts = [sum(job.user == user for job in cluster.jobs) for user in range(users)]
    assert sum(counts) == 200
    assert counts[0] == max(counts) >= 80


def test_levels_share_nothing_and_the_same_seed_has_the_same_bytes() -> None:
    one = generate(6, 3, 1, {}, reference=False)
    assert encode(one) == encode(generate(6, 3, 1, {}, reference=False))
    assert one.payload.jobs[0] != generate(7, 3, 1, {}, reference=False).payload.jobs[0]
    assert msgspec.json.decode(msgspec.json.encode(one.payload), type=SharedCluster) == one.payload


@pytest.mark.parametrize(
    ("level", "settings", "message"),
    [
        (2, {}, "level 2: a cluster has 3 to 1000 jobs"),
        (1001, {}, "level 1001"),
        (6, {"pressure": 1}, "pressure: 1 is not from 1.2 to 5"),
        (6, {"pressure": "nan"}, "pressure"),
        (6, {"heavy": float("nan")}, "heavy"),
        (6, {"cores": 1}, "cores: 1 is not from 2 to 256"),
        (6, {"users": 0}, "users: 0 is not from 1 to 50"),
        (6, {"hint": "all"}, "'all' is not one of"),
        (6, {"hosts": 2}, "unknown field `hosts`"),
    ],
)
def test_wrong_use_is_one_line(level: int, settings: dict[str, Scalar], message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(level, settings)


def test_where_no_order_matters_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generators.fair_queue.TRIES", 2)
    monkeypatch.setattr("generators.pressure.ROOM", 2)
    with pytest.raises(InputError, match="no order of these jobs matters"):
        generate(3, 0, 0, {}, reference=False)


def test_instances_are_the_same_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = [generate(jobs, 3, 0, {}) for jobs in (4, 7)]
    monkeypatch.setattr(fair_queue_kernel, "library", lambda: None)
    assert [generate(jobs, 3, 0, {}) for jobs in (4, 7)] == compiled
