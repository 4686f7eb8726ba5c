"""The simulator is as slow runs and closed forms say; nothing is lost; bad plans are refused."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from generators.serving_regimes import DENSE
from graders.exact.serving import case_of
from graders.exact.serving_measure import figures, job_costs, measures, simulate
from graders.exact.serving_papers import POLICIES
from graders.exact.serving_rules import (
    admission,
    chunked,
    conservative,
    first_come,
    mc_sf,
    past_future,
    prefill_first,
    shortest_first,
)
from graders.exact.serving_server import ModelServer, RefusedPlan, Request
from graders.exact.serving_simulator import ServingRun, replayed
from tests.depth import often
from tests.factories.services import REGIMES, drawn_service, slow_costs, small_case

PLANS: dict[str, Callable[[], Any]] = {
    **POLICIES,
    "first-come": first_come,
    "conservative": conservative,
    "past-future": past_future,
    "shortest": shortest_first,
    "mc-sf": mc_sf,
    "prefill-first": prefill_first,
    "chunk-128": lambda: chunked(128),
}


def by_prompt(server: ModelServer, request: Request) -> tuple[int, int]:  # noqa: ARG001
    return request.prompt, request.id


@pytest.mark.parametrize("name", ["arrival", "prompt"])
def test_a_run_is_as_one_that_looks_at_every_iteration(name: str) -> None:
    rng, evictions = Random(f"serving/slow/{name}"), 0
    for _ in range(often(1200)):
        service = drawn_service(rng)
        prompts = [job.stages[0].calls[0].prompt for job in service.jobs]
        keys = [0] * len(prompts) if name == "arrival" else [(p, k) for k, p in enumerate(prompts)]
        policy = first_come() if name == "arrival" else admission(by_prompt)
        run = simulate(case_of(service), policy)
        costs, lost = slow_costs(service, keys.__getitem__)
        assert job_costs(run) == costs
        assert run.stats["evictions"] == lost
        evictions += lost
    assert evictions > often(100)


def alone(prompt: int, output: int) -> int:
    """Nanoseconds of one call alone whose prompt is read whole, in closed form."""
    first = max(DENSE["floor"], DENSE["fixed"] + DENSE["token"] * prompt)
    contexts = (output - 1) * prompt + (output - 1) * (output - 2) // 2
    pairs = prompt * (prompt // 2)
    tokens = (output - 1) * max(DENSE["floor"], DENSE["fixed"] + DENSE["token"])
    return int(first + DENSE["pair"] * pairs + tokens + DENSE["read"] * contexts)


def one_call(prompt: int, output: int, **server: Any) -> dict[str, Any]:
    call = {"prompt": prompt, "output": output, "cap": output, "hint": None, "kind": "x"}
    stage = {"calls": [call], "pause": 0, "tool": None}
    job = {"at": 0, "user": 0, "reuse": False, "ttft": None, "tpot": None, "deadline": 10**9}
    spec = {**DENSE, "memory": 10**6, "speed": 100, "role": "both", "budget": 512, **server}
    return {"servers": [spec], "jobs": [{**job, "stages": [stage]}], "link": 0}


def test_one_job_alone_is_as_long_as_the_formula_says() -> None:
    rng = Random("serving/alone")
    for _ in range(often(600)):
        prompt, output = rng.randint(2, 9000), rng.randint(1, 900)
        run = simulate(one_call(prompt, output), chunked(1 << 30))
        assert run.requests[0].done == alone(prompt, output)


def test_layers_take_their_share_of_an_iteration_and_together_all_of_it() -> None:
    for step in (1, 4, 16, 32):

        def plan(server: ModelServer, step: int = step) -> Any:
            if not server.waiting and not any(not r.decoding for r in server.running):
                return None
            admit = [r.id for r in server.waiting]
            return {"admit": admit, "prefill": [[0, 5000]], "layers": step}

        run = simulate(one_call(5000, 3), plan)
        assert run.requests[0].done is not None
        assert abs(run.requests[0].done - alone(5000, 3)) <= 32 // step
        assert run.iterations == 32 // step + 2


@pytest.mark.heavy
@pytest.mark.parametrize("regime", REGIMES)
def test_tokens_and_memory_add_up_and_every_log_replays(regime: str) -> None:
    case = small_case(regime, 0)
    for name, make in PLANS.items():
        policy = make()

        def watched(server: ModelServer, policy: Any = policy) -> Any:
            contexts = sum(c.tokens for c in server.contexts.values())
            assert server.used == sum(r.need for r in server.running) + contexts
            assert server.used <= server.memory
            for request in server.running:
                assert request.need == request.reuse + request.prompt + request.out
                assert 0 <= request.kv < request.need
                assert request.server == server.index
            return policy(server)

        run = simulate(case, watched)
        assert [r.out for r in run.requests] == run.lengths, name
        for server in run.servers:
            assert server.used == sum(c.tokens for c in server.contexts.values())
        again = simulate(case, replayed(json.loads(json.dumps(run.log))))
        assert again.log == run.log
        assert (job_costs(again), figures(measures(again))) == (
            job_costs(run),
            figures(measures(run)),
        )


@pytest.mark.parametrize("regime", ["reason", "chat", "tenants", "agents"])
def test_jumps_change_nothing(regime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy that acts at arrivals and ends only has one run, whatever a jump may span."""
    case, runs = small_case(regime, 1), []
    for tick in (1, 8, 10**6):
        monkeypatch.setattr("graders.exact.serving_simulator.TICK", tick)
        run = simulate(case, conservative())
        runs.append((job_costs(run), figures(measures(run)), run.iterations))
    assert runs[0] == runs[1] == runs[2]


# Plans that break a rule ---------------------------------------------------------------------


def base(server: ModelServer) -> Any:
    return chunked(512)(server)


def first(requests: list[Request]) -> list[int]:
    return [request.id for request in requests[:1]]


def decoding(server: ModelServer) -> list[list[int]]:
    return [[request.id, 1] for request in server.running if request.decoding]


def twice(server: ModelServer) -> Any:
    plan = base(server)
    return {**plan, "prefill": plan["prefill"] * 2}


def in_and_out(server: ModelServer) -> Any:
    number = first([*server.running, *server.waiting])
    return {"evict": first(server.running), "admit": number, "prefill": [[*number, 1]]}


HOSTILE: dict[str, tuple[str, Callable[[ModelServer], Any]]] = {
    "a prompt twice": ("prefill", twice),
    "what decodes is read": (
        "prefill",
        lambda s: {**base(s), "prefill": decoding(s) or base(s)["prefill"]},
    ),
    "what decodes is read instead": (
        "prefill",
        lambda s: {**base(s), "decode": False, "prefill": decoding(s) or base(s)["prefill"]},
    ),
    "more than a prompt": (
        "prefill",
        lambda s: {**base(s), "prefill": [[i, 10**5] for i in base(s)["admit"]]},
    ),
    "fewer than no tokens": (
        "prefill",
        lambda s: {**base(s), "prefill": [[i, -5] for i in base(s)["admit"]]},
    ),
    "a prompt that waits": ("prefill", lambda s: {"prefill": [[r.id, 1] for r in s.waiting]}),
    "half a token": ("plan", lambda s: {**base(s), "prefill": [[0, 0.5]]}),
    "a pair of three": ("plan", lambda s: {**base(s), "prefill": [[0, 1, 2]]}),
    "no room": ("memory", lambda s: {"admit": [r.id for r in s.waiting]}),
    "one twice": ("admit", lambda s: {"admit": first(s.waiting) * 2}),
    "one that is none": ("admit", lambda _: {"admit": [10**6]}),
    "one before the first": ("admit", lambda _: {"admit": [-1]}),
    "no dict": ("plan", lambda _: [1]),
    "another part": ("plan", lambda s: {**base(s), "faster": True}),
    "a number as a part": ("plan", lambda s: {**base(s), 3: True}),
    "true as a number": ("plan", lambda s: {**base(s), "steps": True}),
    "steps that are no whole number": ("plan", lambda s: {**base(s), "steps": 1e9}),
    "more layers than there are": ("layers", lambda s: {**base(s), "layers": 33}),
    "fewer than no layers": ("layers", lambda s: {**base(s), "layers": -1}),
    "evicted though it waits": ("evict", lambda s: {"evict": first(s.waiting)}),
    "swapped where it cannot be": (
        "swap",
        lambda s: {**base(s), "swap": first(s.running)},
    ),
    "nobody": ("starved", lambda _: None),
    "standing still": ("idle", lambda s: {**base(s), "decode": False, "prefill": []}),
    "in and out for ever": ("asks", in_and_out),
    "one that has ended": ("evict", lambda s: {**base(s), "evict": first(s.finished)}),
    "reading one that has ended": (
        "prefill",
        lambda s: {**base(s), **({"prefill": [[s.finished[0].id, 1]]} if s.finished else {})},
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_plan_that_breaks_a_rule_is_refused(name: str) -> None:
    kind, plan = HOSTILE[name]
    case = small_case("reason", 2)
    server = {**case["servers"][0], "swap": None, "memory": 5000}
    with pytest.raises(RefusedPlan) as caught:
        simulate({**case, "servers": [server]}, plan)
    assert caught.value.kind == kind
    assert str(caught.value)


def test_half_of_the_layers_is_lost_where_the_rest_is_read_by_tokens() -> None:
    asks = iter([{"admit": [0], "prefill": [[0, 600]], "layers": 31}])
    run = simulate(one_call(600, 1), lambda _: next(asks, None))
    assert run.iterations == 3  # 31 layers, then all of it in two chunks
    assert run.stats["prefilled"] == 600


def test_a_copy_of_a_plan_is_in_the_log() -> None:
    """A program may use one list for all its plans."""
    plan: dict[str, Any] = {"admit": []}

    def policy(server: ModelServer) -> Any:
        plan["admit"][:] = first_come()(server)["admit"]
        return plan

    case = small_case("few", 0)
    run = simulate(case, policy)
    assert job_costs(simulate(case, replayed(run.log))) == job_costs(run)


def test_an_unfinished_run_ends_at_its_ask() -> None:
    case = small_case("chat", 0)
    whole = simulate(case, first_come())
    part = ServingRun(case, first_come(), until=20)
    assert part.run() == [entry for entry in whole.log if entry[0] < 20]
    assert part.asks == 20


DIGEST = """
import hashlib, json
from generators.serving import generate
from graders.exact.serving import case_of
from graders.exact.serving_measure import figures, measures, simulate
from graders.exact.serving_papers import hybrid
from harness.suites.instances import encode
total = hashlib.sha256()
for regime, jobs in (("few", 8), ("few", 20), ("mixed", 40)):
    instance = generate(jobs, 7, 0, {"regime": regime}, reference=False)
    run = simulate(case_of(instance.payload), hybrid())
    total.update(encode(instance) + json.dumps([run.log, figures(measures(run))]).encode())
print(total.hexdigest())
"""


@pytest.mark.heavy
def test_the_same_digest_in_any_process() -> None:
    root = Path(__file__).parents[3]
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            cwd=root,
            env={
                **os.environ,
                "PYTHONHASHSEED": seed,
                "PYTHONPATH": ":".join(filter(None, sys.path)),
            },
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
        for seed in ("1", "77")
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == hashlib.sha256().digest_size * 2
