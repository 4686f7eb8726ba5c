"""Workloads of equal pressure, the same in every process; wrong use is one line."""

from random import Random
from statistics import fmean

import msgspec
import pytest

from generators.serving import generate, resolve
from generators.serving_regimes import REGIMES
from graders.exact import serving_kernel
from graders.exact.serving import random_cost
from harness.suites.instances import encode
from tasks.base import InputError, Scalar
from tasks.serving_payload import ModelCall, Service


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("regime", "jobs", "count"), [("few", 8, 3), ("mixed", 30, 3), ("agents", 40, 1)]
)
def test_pressure_is_what_a_random_order_costs(regime: str, jobs: int, count: int) -> None:
    costs = []
    for index in range(count):
        instance = generate(jobs, 1, index, {"regime": regime}, reference=False)
        costs.append(random_cost(instance.payload) / 1000 / jobs)
    assert 1.3 < fmean(costs) < 3
    assert min(costs) > 1.1


def test_hints_change_nothing_else_and_less_memory_no_job() -> None:
    services = {
        hint: generate(8, 1, 0, {"hint": hint}, reference=False).payload
        for hint in ("guess", "exact", "none")
    }
    plain = [[(c.prompt, c.output) for c in _calls(s)] for s in services.values()]
    assert plain[0] == plain[1] == plain[2]
    assert all(c.hint == c.output for c in _calls(services["exact"]))
    assert all(c.hint is None for c in _calls(services["none"]))
    assert any(c.hint not in (None, c.output) for c in _calls(services["guess"]))
    larger = generate(8, 1, 0, {"memory": 60}, reference=False).payload
    assert larger.servers[0].memory == 1560
    assert [(c.prompt, c.output) for c in _calls(larger)] == plain[0]


def _calls(service: Service) -> list[ModelCall]:
    return [call for job in service.jobs for stage in job.stages for call in stage.calls]


@pytest.mark.parametrize("name", REGIMES)
def test_every_regime_draws_jobs_that_fit(name: str) -> None:
    regime, rng = REGIMES[name], Random(f"regimes/{name}")
    for number in range(300):
        job = regime.job(rng)
        calls = [c for stage in job["stages"] for c in stage["calls"]]
        sizes = [c["prompt"] + c["output"] for c in calls]
        assert (sum(sizes) if job.get("reuse") else max(sizes)) < regime.memory, number
        assert all(1 <= c["output"] <= c["cap"] for c in calls)


def test_levels_share_nothing_and_the_same_seed_has_the_same_bytes() -> None:
    one = generate(6, 3, 1, {}, reference=False)
    assert encode(one) == encode(generate(6, 3, 1, {}, reference=False))
    assert one.payload.jobs[0] != generate(7, 3, 1, {}, reference=False).payload.jobs[0]
    assert msgspec.json.decode(msgspec.json.encode(one.payload), type=Service) == one.payload


@pytest.mark.parametrize(
    ("level", "settings", "message"),
    [
        (2, {}, "level 2: a workload of regime=few has 3 to 24 jobs"),
        (25, {}, "level 25"),
        (19, {"regime": "chat"}, "regime=chat has 20 to 1000 jobs"),
        (6, {"pressure": 1}, "pressure: 1 is not from 1.2 to 5"),
        (6, {"pressure": "nan"}, "pressure"),
        (6, {"memory": 10}, "memory: 10 is not from 50 to 400"),
        (6, {"hint": "all"}, "'all' is not one of"),
        (6, {"servers": 2}, "unknown field `servers`"),
    ],
)
def test_wrong_use_is_one_line(level: int, settings: dict[str, Scalar], message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(level, settings)


def test_where_no_order_matters_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generators.serving.TRIES", 3)
    with pytest.raises(InputError, match="no order of regime=few matters"):
        generate(3, 0, 0, {"memory": 400, "pressure": 5}, reference=False)


def test_instances_are_the_same_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = [generate(jobs, 3, 0, {}) for jobs in (4, 7)]
    monkeypatch.setattr(serving_kernel, "library", lambda: None)
    assert [generate(jobs, 3, 0, {}) for jobs in (4, 7)] == compiled
