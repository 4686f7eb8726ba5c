"""Workloads of a service of language models: what one job is like, and on which servers.

Times of iterations are fitted to a public profile of Llama-3-8B on one A100 (Vidur, sum of the
medians of all operations but attention; mean error 3.3 %). Bandwidths are judged from data sheets.
Lengths follow public traces where a regime names one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import exp
from random import Random
from typing import Any

Fields = dict[str, Any]

SECOND, MS = 10**9, 10**6
DENSE: Fields = {
    "floor": 10_385_000,
    "fixed": 6_354_000,
    "token": 67_029,
    "read": 82,  # 128 KiB of KV at 1.6 TB/s
    "pair": 3,  # 524 kFLOP at half of 312 TFLOP/s
    "swap": 5_243,  # 128 KiB at 25 GB/s
}
EXPERTS: Fields = DENSE | {  # Qwen3-30B-A3B on two H100: from 20 tokens on nearly all are read
    "floor": 3_500_000,
    "fixed": 13_500_000,
    "token": 8_250,
    "read": 15,
    "pair": 1,
    "ramp": [3_000_000, 500_000],
}
LINK = 10_923  # ns a token from one server to another: 128 KiB at 12 GB/s


@dataclass(frozen=True)
class Regime:
    """A kind of workload.

    Attributes:
        about: one line.
        job: draws a job, without hints; one without limits of its own has a deadline of 1 ns.
        memory: tokens of a server.
        hardware: times of its iterations.
        servers: changes of each server against that.
        least, most: how many jobs a workload may have.
        slack: a job without limits of its own has this many times what it takes alone: drawn
            between the two.
    """

    about: str
    job: Callable[[Random], Fields]
    memory: int
    hardware: Mapping[str, Any] = field(default_factory=lambda: DENSE)
    servers: tuple[Mapping[str, Any], ...] = ({},)
    least: int = 20
    most: int = 1000
    slack: tuple[float, float] = (3.0, 3.0)


def lognormal(rng: Random, median: float, sigma: float, low: int, high: int) -> int:
    """Draw a whole number around a median, cut to a range."""
    return int(min(max(median * exp(rng.gauss(0, sigma)), low), high))


def _call(prompt: int, output: int, cap: int, kind: str) -> Fields:
    """Return a call of so many tokens, of whose output nothing is said."""
    return {"prompt": prompt, "output": output, "cap": cap, "hint": None, "kind": kind}


def _stage(calls: list[Fields], tool: str | None = None, pause: int = 0) -> Fields:
    return {"calls": calls, "tool": tool, "pause": pause}


def _job(stages: list[Fields], *, user: int = 0, reuse: bool = False) -> Fields:
    """Return a job with everything there that a workload's JSON has."""
    limits = {"ttft": None, "tpot": None, "deadline": 1}
    return {"id": "", "at": 0, "stages": stages, "user": user, "reuse": reuse, **limits}


def _single(call: Fields, ttft: int, tpot: int, user: int = 0) -> Fields:
    """Return a job of one call; its limits are in ms."""
    limits = {"ttft": ttft * MS, "tpot": tpot * MS, "deadline": None}
    return _job([_stage([call])], user=user) | limits


def _few(rng: Random) -> Fields:
    prompt, output = rng.randint(100, 900), rng.randint(30, 400)
    ttft, tpot = rng.choice((300, 800, 2000)), rng.choice((60, 150, 400))
    return _single(_call(prompt, output, 512, "chat"), ttft, tpot)


def _reason(rng: Random) -> Fields:
    prompt = lognormal(rng, 250, 0.8, 20, 4000)
    output = lognormal(rng, 700, 0.9, 16, 4096)
    return _single(_call(prompt, output, 4096, "reason"), 10_000, 1500)


def _chat(rng: Random) -> Fields:
    prompt = lognormal(rng, 760, 0.98, 16, 8000)
    if rng.random() < 0.6:  # the outputs of the trace have two modes
        output = lognormal(rng, 110, 0.55, 7, 400)
    else:
        output = lognormal(rng, 400, 0.15, 50, 1000)
    return _single(_call(prompt, output, 1024, "chat"), 2000, 300)


MIX = {  # kind: share, median and spread of prompts, their range, limits in ms
    "text": (60, 350, 0.8, (16, 3000), (500, 200)),
    "image": (10, 800, 0.4, (200, 3000), (1000, 200)),
    "search": (20, 3500, 0.5, (500, 12_000), (4000, 400)),
    "file": (10, 8000, 0.6, (1000, 24_000), (6000, 400)),
}


def _mixed(rng: Random) -> Fields:
    kind = rng.choices(list(MIX), [row[0] for row in MIX.values()])[0]
    _, median, spread, bounds, limits = MIX[kind]
    prompt = lognormal(rng, median, spread, *bounds)
    return _single(_call(prompt, lognormal(rng, 60, 0.7, 4, 400), 512, kind), *limits)


TOOLS = {  # name: share, median in seconds, spread
    "ls": (45, 0.15, 0.5),
    "edit": (30, 0.5, 0.5),
    "pytest": (20, 6.0, 0.9),
    "pip": (5, 20.0, 0.5),
}
CONTEXT = 52_000  # tokens: an agent ends before it has more


def _agent(rng: Random) -> Fields:
    stages: list[Fields] = []
    context, turns = 0, min(24, 2 + int(rng.expovariate(1 / 7)))
    for turn in range(turns):
        prompt = lognormal(rng, 220, 0.9, 20, 2000)
        if turn == 0:
            prompt = lognormal(rng, 1800, 0.4, 500, 6000)
        output = lognormal(rng, 90, 0.6, 10, 600)
        tool = rng.choices(list(TOOLS), [row[0] for row in TOOLS.values()])[0]
        pause = int(TOOLS[tool][1] * exp(rng.gauss(0, TOOLS[tool][2])) * SECOND)
        context += prompt + output
        if context > CONTEXT:
            break
        stages.append(_stage([_call(prompt, output, 1024, "agent")], tool, pause))
    stages[-1] |= {"tool": None, "pause": 0}
    return _job(stages, reuse=True)


def _workflow(rng: Random) -> Fields:
    revisions = min(9, int(rng.expovariate(1 / 3.5)))
    keywords = [_call(680, lognormal(rng, 50, 0.3, 10, 200), 256, "keywords")]
    candidates = [
        _call(
            lognormal(rng, 5000, 0.3, 2000, 12_000),
            lognormal(rng, 500, 0.3, 100, 1200),
            2048,
            "candidate",
        )
        for _ in range(2)
    ]
    revised = [
        [
            _call(
                lognormal(rng, 3500, 0.4, 1000, 9000),
                lognormal(rng, 110, 0.6, 20, 500),
                1024,
                "revise",
            )
        ]
        for _ in range(revisions)
    ]
    tests = [_call(1150, lognormal(rng, 103, 0.2, 40, 200), 256, "tests")]
    votes = [_call(1100, lognormal(rng, 30, 0.3, 5, 80), 128, "evaluate") for _ in range(5)]
    return _job([_stage(calls) for calls in (keywords, candidates, *revised, tests, votes)])


def _tenant(rng: Random) -> Fields:
    user = 0 if rng.random() < 0.7 else rng.randint(1, 6)
    if user == 0:
        prompt, output = lognormal(rng, 900, 0.6, 50, 6000), lognormal(rng, 250, 0.6, 20, 1024)
    else:
        prompt, output = lognormal(rng, 300, 0.6, 50, 2000), lognormal(rng, 120, 0.6, 10, 600)
    return _single(_call(prompt, output, 1024, "chat"), 3000, 500, user)


def _summary(ttft: int, tpot: int) -> Callable[[Random], Fields]:
    """Make the regime of summaries of papers; limits in ms."""

    def job(rng: Random) -> Fields:
        prompt, output = lognormal(rng, 2700, 0.45, 100, 8000), lognormal(rng, 170, 0.6, 10, 1000)
        return _single(_call(prompt, output, 1024, "summary"), ttft, tpot)

    return job


SPLIT = ({"role": "prefill"}, {"role": "prefill"}, {"role": "decode"}, {"role": "decode"})
REGIMES = {
    "few": Regime("a few requests and room for two or three", _few, 2600, least=3, most=24),
    "reason": Regime("short prompts, long and uncertain outputs", _reason, 32_768),
    "chat": Regime("lengths as in Azure's trace of conversations", _chat, 32_768),
    "mixed": Regime("four kinds with limits of their own, as in FlowPrefill", _mixed, 131_072),
    "agents": Regime("turns with tools between them, context used again", _agent, 65_536, least=40),
    "tenants": Regime("seven users, one of whom asks for most", _tenant, 32_768),
    "workflow": Regime(
        "text to SQL: stages of calls, two servers of unlike speed",
        _workflow,
        65_536,
        servers=({}, {"speed": 60}),
        least=20,
        slack=(1.5, 4.0),
    ),
    "moe": Regime(
        "summaries by a mixture of experts", _summary(500, 25), 131_072, hardware=EXPERTS
    ),
    "pd": Regime(
        "summaries by two servers for prompts and two for decoding",
        _summary(1000, 100),
        131_072,
        servers=SPLIT,
    ),
}
