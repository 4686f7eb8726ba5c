"""The kernel's runs are those of the simulator, to the nanosecond."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, TypeVar

import msgspec
import pytest

from graders.exact import serving_kernel
from graders.exact.orders import WHOLE
from graders.exact.serving_kernel import KernelRuns, PlainRuns, fits, runs_of
from graders.exact.serving_measure import RunMeasures
from graders.exact.serving_server import RefusedPlan
from tasks.base import Fields
from tasks.serving_payload import LARGEST, LONGEST, Service
from tests.depth import often
from tests.factories.services import REGIMES, any_service, drawn_service, small_case

T = TypeVar("T")


class Refusal:
    """Stands in for Python where the kernel leaves a run to it."""

    def __init__(self, case: Fields) -> None:
        del case

    def cost(self, ranks: tuple[int, ...], share: int) -> int:
        """Refuse."""
        raise RefusedPlan("kernel", f"{len(ranks)} jobs at {share}")

    def measures(self, ranks: tuple[int, ...]) -> RunMeasures:
        """Refuse."""
        raise RefusedPlan("kernel", f"{len(ranks)} jobs")

    def alone(self) -> list[int]:
        """Refuse."""
        raise RefusedPlan("kernel", "alone")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the kernel refuses stays refused."""
    if serving_kernel.library() is None:
        pytest.skip("no compiled kernel: install again where there is a C compiler")
    monkeypatch.setattr(serving_kernel, "PlainRuns", Refusal)


def as_json(service: Service) -> Fields:
    case: Fields = msgspec.to_builtins(service)
    return case


def outcome(run: Callable[[], T]) -> T | None:
    """What a run gives, None if it is refused."""
    try:
        return run()
    except RefusedPlan:
        return None


def compare_runs(case: Fields, rng: Random, orders: int = 2) -> int:
    """Compare runs of a workload; return how many are refused."""
    fast, plain = runs_of(case), PlainRuns(case)
    assert isinstance(fast, KernelRuns)
    alone, count, refused = outcome(plain.alone), len(case["jobs"]), 0
    assert outcome(fast.alone) == alone
    ranks = tuple(range(count))
    assert outcome(partial(fast.measures, ranks)) == outcome(partial(plain.measures, ranks))
    for _ in range(orders):
        ranks = tuple(rng.sample(range(count), count))
        for share in (WHOLE, 0, rng.randint(0, WHOLE)):
            cost = outcome(partial(plain.cost, ranks, share))
            assert outcome(partial(fast.cost, ranks, share)) == cost
            refused += cost is None
    return refused


@pytest.mark.usefixtures("kernel")
def test_runs_of_jobs_and_servers_of_all_kinds_are_the_same() -> None:
    rng = Random("serving/kernel")
    refused = [compare_runs(as_json(any_service(rng)), rng) for _ in range(often(1000))]
    assert 0 < sum(map(bool, refused)) < len(refused) / 5


@pytest.mark.usefixtures("kernel")
def test_runs_with_little_memory_are_the_same() -> None:
    rng = Random("serving/kernel/memory")
    for _ in range(often(1000)):
        compare_runs(as_json(drawn_service(rng, memory=rng.choice((770, 850, 1500)))), rng)


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.usefixtures("kernel")
def test_runs_of_every_regime_are_the_same(regime: str) -> None:
    for number in range(often(20)):
        compare_runs(small_case(regime, number), Random(regime))


@pytest.mark.usefixtures("kernel")
def test_other_times_and_limits_are_those_of_another_workload() -> None:
    rng = Random("serving/kernel/other")
    for _ in range(often(30)):
        case = as_json(drawn_service(rng))
        jobs = [{**job, "at": job["at"] // 2, "deadline": 10**9} for job in case["jobs"]]
        ranks, other = tuple(range(len(jobs))), {**case, "jobs": jobs}
        cost = PlainRuns(other).cost(ranks)
        assert runs_of(case).at_other_times(other).cost(ranks) == cost


def changed(**fields: Any) -> Fields:
    """A workload of one server and one job of one call, with other numbers."""
    case = as_json(drawn_service(Random("one"), 1))
    parts = {"server": case["servers"][0], "job": case["jobs"][0]}
    parts["call"] = parts["job"]["stages"][0]["calls"][0]
    for name, value in fields.items():
        part, _, key = name.partition("_")
        parts[part][key] = value
    parts["call"]["cap"] = max(parts["call"]["cap"], parts["call"]["output"])
    return case


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(
    "fields",
    [
        {"server_floor": 10**11},
        {"server_fixed": 10**11},
        {"server_read": 10**8},
        {"server_pair": 10**9, "call_prompt": 700},
        {"server_memory": LARGEST, "server_budget": LARGEST},
        {"job_at": LONGEST, "job_ttft": LONGEST, "job_tpot": LONGEST},
        {"job_at": LONGEST, "job_ttft": 1, "job_tpot": 1, "job_deadline": 1},
        {"job_at": 99 * LONGEST + 1},  # as jobs at leisure come that are many
        {"server_floor": 10**9, "server_speed": 1},
    ],
)
def test_large_numbers_give_the_same(fields: Fields) -> None:
    compare_runs(changed(**fields), Random("large"), 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"server_floor": LONGEST, "call_output": 2000, "server_memory": 10**5},
        {"server_pair": LONGEST},
        {"server_read": LONGEST, "server_memory": 10**6, "call_output": 10**5},
        {"server_memory": 60},
    ],
)
def test_what_might_overflow_or_has_no_room_is_left_to_python(fields: Fields) -> None:
    case = changed(**fields)
    assert not fits(case)
    if fields.get("server_memory") == 60:
        with pytest.raises(msgspec.ValidationError, match="has no room"):
            runs_of(case)
    else:
        assert isinstance(runs_of(case), PlainRuns)


@pytest.mark.parametrize("prompt", [10_101, 10_102])
@pytest.mark.usefixtures("kernel")
def test_patience_ends_at_the_same_ask(prompt: int) -> None:
    """A job is asked about for each token of its prompt; alone it reads the prompt at once."""
    case = changed(call_prompt=prompt, call_output=1, server_budget=1, server_memory=20_000)
    assert compare_runs(case, Random("asks"), 1) == (3 if prompt > 10_101 else 0)


def test_what_is_refused_is_refused_as_in_python() -> None:
    case = changed(server_floor=10**12, call_output=2000, server_memory=10**4, call_prompt=1)
    assert fits(case)
    for runs in (runs_of(case), runs_of(case, compiled=False)):
        for run in (runs.alone, partial(runs.cost, (0,)), partial(runs.measures, (0,))):
            with pytest.raises(RefusedPlan, match="does not end") as refusal:
                run()
            assert refusal.value.kind == "time"
