"""Small workloads of a service of language models, and runs of them iteration by iteration."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from math import ceil
from random import Random
from typing import Any

import msgspec

from generators.serving import ServingSettings, at_leisure, denser
from generators.serving_regimes import DENSE
from tasks.base import Fields, Instance
from tasks.serving_payload import Service

REGIMES = {  # regime: jobs of a small workload
    "few": 8,
    "reason": 24,
    "chat": 24,
    "mixed": 24,
    "agents": 8,
    "tenants": 24,
    "workflow": 5,
    "moe": 16,
    "pd": 16,
}


def drawn_service(rng: Random, jobs: int = 8, memory: int = 850) -> Service:
    """Jobs of one call each, on one server that has room for a few of them."""
    made, now = [], 0
    for k in range(rng.randint(1, jobs)):
        now += rng.choice((0, 0, rng.randint(0, 3_000_000_000)))
        output = rng.randint(1, 60)
        call = {
            "prompt": rng.randint(1, 700),
            "output": output,
            "cap": rng.randint(output, 90),
            "hint": rng.choice((None, rng.randint(1, 90))),
            "kind": "x",
        }
        limits = {"ttft": rng.randint(1, 10**9), "tpot": rng.randint(1, 10**8)}
        made.append({"id": f"J{k}", "at": now, "stages": [{"calls": [call]}], **limits})
    server = {**DENSE, "memory": memory, "budget": rng.choice((64, 256, 512))}
    return msgspec.convert({"servers": [server], "jobs": made}, Service)


SWIFT: Fields = {"floor": 1, "fixed": 0, "token": 1, "read": 1, "pair": 1}  # much is at once


def any_service(rng: Random) -> Service:
    """Jobs of several stages on servers of all kinds, many of them at the same moments."""
    pair = ["prefill", "decode"]
    roles = rng.choice((["both"], ["both"] * 3, pair, pair * 2, ["decode", *pair]))
    tokens, count, hardware = rng.choice((6, 300)), rng.choice((6, 20)), rng.choice((DENSE, SWIFT))
    drawn = [_any_job(rng, tokens, hardware["floor"]) for _ in range(rng.randint(1, count))]
    jobs = sorted(drawn, key=lambda job: int(job["at"]))
    named = [{**job, "id": f"J{k}"} for k, job in enumerate(jobs)]
    alone = {"servers": [{**DENSE, "memory": 10**6}], "jobs": named}
    least = 1 + max(job.largest_context for job in msgspec.convert(alone, Service).jobs)
    servers = [{**hardware, **_any_server(rng, least, role)} for role in roles]
    case = {"servers": servers, "jobs": named, "link": rng.choice((0, 1, hardware["floor"]))}
    return msgspec.convert(case, Service)


def _any_job(rng: Random, tokens: int, step: int) -> Fields:
    """A job of prompts up to so many tokens, at times of about a hundred steps in ns."""
    stages, reuse = [], rng.random() < 0.5
    for _ in range(rng.choice((1, 1, 2, 4))):
        outputs = [
            rng.choice((1, 2, rng.randint(1, min(tokens, 40))))
            for _ in range(1 if reuse else rng.choice((1, 1, 5)))
        ]
        calls: list[Fields] = [
            {
                "hint": None,
                "kind": "x",
                "prompt": rng.choice((1, 2, rng.randint(1, tokens))),
                "output": output,
                "cap": 40,
            }
            for output in outputs
        ]
        stages.append({"calls": calls, "pause": rng.choice((0, 1, rng.randint(0, 100 * step)))})
    limits = {"ttft": rng.randint(1, 100 * step), "tpot": rng.randint(1, 10 * step)}
    deadline = rng.choice((None, rng.randint(1, 1000 * step)))
    at = rng.choice((0, 100 * step, rng.randint(0, 300 * step)))
    return {"at": at, "stages": stages, "reuse": reuse, **limits, "deadline": deadline}


def _any_server(rng: Random, least: int, role: str) -> Fields:
    return {
        "memory": least + rng.choice((0, 1, rng.randint(0, 2 * least))),
        "ramp": rng.choice((None, (0, 0), (3_000_000, 500_000))),
        "speed": rng.choice((100, 60, 10_000, 1)),
        "budget": rng.choice((1, 64, 512)),
        "role": role,
    }


def instance_with(service: Service, name: str = "i") -> Instance[Service]:
    """An instance of a workload, without a reference."""
    return Instance(name, "serving", len(service.jobs), None, 0, {}, 1, service)


class Slow:
    """One server and jobs of one call, one iteration at a time, by other means than the simulator.

    Waiting calls go in by a key while they fit, before every iteration; prompts are read by the
    order of admission. `times` are those of the tokens of each job.
    """

    def __init__(self, service: Service, key: Callable[[int], Any]) -> None:
        self.spec, self.key = service.servers[0], key
        self.calls = [job.stages[0].calls[0] for job in service.jobs]
        self.arrivals = [job.at for job in service.jobs]
        self.times: list[list[int]] = [[] for _ in self.calls]
        self.cached = [0] * len(self.calls)
        self.running: list[int] = []
        self.waiting: list[int] = []
        self.evictions = 0

    def size(self, k: int) -> int:
        return self.calls[k].prompt + len(self.times[k])

    @property
    def used(self) -> int:
        return sum(map(self.size, self.running))

    def run(self) -> None:
        now, coming = 0, list(range(len(self.calls)))
        while coming or self.waiting or self.running:
            if not self.waiting and not self.running:
                now = max(now, self.arrivals[coming[0]])
            while coming and self.arrivals[coming[0]] <= now:
                self.waiting.append(coming.pop(0))
            self.admit()
            now = self.iterate(now)

    def admit(self) -> None:
        spare = max(len(self.running), self.spec.memory // 100)
        room = self.spec.memory - self.used - spare
        for k in sorted(self.waiting, key=self.key):
            if self.size(k) > room:
                break
            room -= self.size(k)
            self.waiting.remove(k)
            self.running.append(k)

    def iterate(self, now: int) -> int:
        ready = [k for k in self.running if self.cached[k] == self.size(k) - 1]
        left, reading = self.spec.budget - len(ready), []
        for k in self.running:
            tokens = min(left, self.size(k) - self.cached[k])
            if k not in ready and tokens > 0:
                reading.append((k, tokens))
                left -= tokens
        while len(self.running) > 1 and self.spec.memory - self.used < sum(
            self.cached[k] == self.size(k) - 1 for k in self.running
        ):
            gone = self.running.pop()
            self.cached[gone] = 0
            self.evictions += 1
            self.waiting.insert(0, gone)
        ready = [k for k in ready if k in self.running]
        reading = [(k, tokens) for k, tokens in reading if k in self.running]
        end = now + self.duration(ready, reading)
        for k in ready:
            self.cached[k] += 1
        for k, tokens in reading:
            self.cached[k] += tokens
        for k in [*ready, *(k for k, _ in reading)]:
            if self.cached[k] == self.size(k):
                self.times[k].append(end)
        self.running = [k for k in self.running if len(self.times[k]) < self.calls[k].output]
        return end

    def duration(self, ready: list[int], reading: list[tuple[int, int]]) -> int:
        tokens = len(ready) + sum(count for _, count in reading)
        context = sum(self.cached[k] for k in ready)
        pairs = sum(count * (self.cached[k] + count // 2) for k, count in reading)
        weights = max(self.spec.floor, self.spec.fixed + self.spec.token * tokens)
        return weights + self.spec.read * context + self.spec.pair * pairs


def slow_costs(service: Service, key: Callable[[int], Any]) -> tuple[list[int], int]:
    """What jobs cost, in thousandths, and how many lost their place, one iteration at a time."""
    slow = Slow(service, key)
    slow.run()
    costs = []
    for job, times in zip(service.jobs, slow.times, strict=True):
        assert job.ttft is not None
        assert job.tpot is not None
        gaps = [b - a for a, b in pairwise(times)]
        shares = [Fraction(times[0] - job.at, job.ttft), *(Fraction(g, job.tpot) for g in gaps)]
        costs.append(min(10_000, max(1000, *(ceil(1000 * share) for share in shares))))
    return costs, slow.evictions


def small_case(regime: str, number: int) -> Fields:
    """A small workload of a regime as JSON, so dense that calls wait for memory."""
    settings = ServingSettings(regime=regime, memory=50)  # type: ignore[arg-type]
    return denser(at_leisure(REGIMES[regime], f"small/{number}", settings), 60)
