"""Whole schedulers of a service of language models: `plan(s) -> dict`."""

from collections.abc import Callable, Mapping
from typing import Any

from generators import serving as generator
from graders.exact import serving_server, serving_simulator
from graders.exact.serving import case_of, random_cost
from graders.exact.serving_twin import twin_of
from graders.serving import violations
from harness.evolve.domain import Domain, Twin, WrongSolution, entries
from harness.evolve.driver_text import text_of
from harness.families.serving import POLICIES
from harness.suites.suite import Suite
from tasks.base import Fields, Instance, Scalar, short
from tasks.serving import KEY, VERSION, is_log
from tasks.serving_payload import Service

SIMULATOR = text_of(serving_server, serving_simulator)

FACTS = """\
A server runs a language model. It works in iterations. In one iteration every decoding request
makes one token, and some prompt tokens of other requests are read. An iteration of n tokens in
which decoding reads k tokens of context takes s.cost(n, k) ns: max(s.floor, s.fixed + s.token * n)
+ s.read * k, where s.speed is 100. A request runs once its context is in memory: r.need tokens
now, one more with each token it makes. Memory holds s.memory tokens. How many tokens a request
makes nobody knows before it ends; r.cap is the most, r.hint a guess (often wrong by half) or None.

`plan(s)` is called before an iteration where something waits, is being read, has ended, or memory
is short. `s`: s.now (ns); s.waiting, s.running, s.finished (lists of requests; finished since the
last call); s.memory, s.free; s.contexts: {job: c} of jobs whose tool is at work, c.tokens, c.pinned
(until when, ns), c.since; s.droppable(): tokens of contexts that are not pinned; s.history: list of
(kind, tokens made) of all that ended; s.pauses: {tool: [ns, ...]} of all that came back; s.index,
s.role ("both", "prefill", "decode"); s.budget (tokens of an iteration unless planned otherwise).
A request `r`: r.id, r.job, r.stage, r.user, r.kind, r.arrived, r.prompt (new tokens), r.reuse
(tokens of its job's earlier context), r.need, r.kv (tokens in memory), r.decoding, r.layer, r.out
(made so far), r.cap, r.hint, r.first (when its first token came, or None), r.last, r.evictions,
r.tool (finished: the tool it called); s.unread(r): tokens to read before its next token, from 1;
its limits: r.ttft (ns to the first token), r.tpot (ns between two), r.deadline (ns of the whole
job), each maybe None.

It returns a dict, all parts of which may be missing:
"admit": ids of waiting requests that shall run now, in order; there must be room for each (contexts
that are not pinned make room by themselves);
"prefill": [[id, tokens], ...] prompts to read in this iteration, of those that run and do not
decode; else s.budget in the order of admission;
"layers": n: all of each of these prompts goes through n of the 32 layers, at n / 32 of the time;
"decode": False lets decoding stand still; "evict": ids that lose their place and are read again;
"swap": the same, but s.swap ns a token bring them out and back; "keep": [[job, ns], ...] pins the
context of a job whose call has ended; "drop": jobs whose context goes; "steps": iterations of
decoding until the next call while requests wait (8).
What breaks a rule ends the run: an id that does not wait, no room, more tokens than are unread.

A job costs what it is over its limits: the largest of time to first token / r.ttft, longest gap /
r.tpot and time / r.deadline, but at least 1 and at most 10. Minimise the mean. Objects must not be
changed. It may remember things in global variables; what is still to come it may not look at."""

SOLVE = """

def solve(function, case):
    simulation = ServingRun(case["service"], function, case["until"])
    try:
        return simulation.run()
    except RefusedPlan as refused:
        return {"failure": refused.kind, "detail": str(refused)}
"""

GREEDY = '''\
def greedy(s, order):
    """Admit in an order what fits into memory now."""
    room = s.free + s.droppable() - max(len(s.running), s.memory // 100)
    ids = []
    for r in order:
        c = s.contexts.get(r.job) if r.reuse else None
        own = c.tokens if c and c.pinned > s.now else 0
        if r.need > room + own:
            break
        room -= r.need - own
        ids.append(r.id)
    return ids


'''

FIRST_COME = (
    GREEDY
    + """\
def plan(s):
    return {"admit": greedy(s, s.waiting)}
"""
)

SHORTEST = (
    GREEDY
    + """\
def length(s, r):
    if r.hint is not None:
        return min(r.hint, r.cap)
    past = sorted(out for _, out in s.history[-200:])
    return min(past[len(past) // 2], r.cap) if past else r.cap


def plan(s):
    return {"admit": greedy(s, sorted(
        s.waiting, key=lambda r: (length(s, r) - r.out + r.prompt / 8, r.id)))}
"""
)

WEIGHED = SHORTEST.replace(
    '    return {"admit"',
    '    a, b, c = 1.0, 0.125, 0.0\n    return {"admit"',
).replace(
    "length(s, r) - r.out + r.prompt / 8",
    "a * (length(s, r) - r.out) + b * r.prompt + c * (s.now - r.arrived) / 10**9",
)

CHUNKS = (
    GREEDY
    + """\
def plan(s, budget=2048):
    admit = greedy(s, s.waiting)
    new = [r for r in s.running if not r.decoding]
    new += [r for r in s.waiting if r.id in set(admit) and s.unread(r) > 1]
    left = budget - sum(r.decoding for r in s.running)
    rows = []
    for r in new:
        tokens = min(left, s.unread(r))
        if tokens > 0:
            rows.append([r.id, tokens])
            left -= tokens
    return {"admit": admit, "prefill": rows}
"""
)

SLACK = (
    GREEDY
    + """\
def plan(s, budget=512):
    def slack(r):
        left = r.arrived + (r.ttft or r.deadline or 10**12) - s.now - s.cost(s.unread(r))
        return (left < 0, left, r.id)

    admit = greedy(s, sorted(s.waiting, key=slack))
    new = [r for r in s.running if not r.decoding]
    new += [r for r in s.waiting if r.id in set(admit) and s.unread(r) > 1]
    left = budget - sum(r.decoding for r in s.running)
    rows = []
    for r in sorted(new, key=slack):
        tokens = min(left, s.unread(r))
        if tokens > 0:
            rows.append([r.id, tokens])
            left -= tokens
    return {"admit": admit, "prefill": rows}
"""
)

PINS = (
    GREEDY
    + """\
def plan(s):
    keep = []
    for r in s.finished:
        past = s.pauses.get(r.tool, [])
        if r.tool and r.job in s.contexts and (not past or sum(past) <= 2 * 10**9 * len(past)):
            keep.append([r.job, 2 * 10**9])
    pinned = {job for job, c in s.contexts.items() if c.pinned > s.now}
    order = sorted(s.waiting, key=lambda r: (r.job not in pinned, r.job, r.id))
    admit = greedy(s, order)
    if not admit and not s.running and order:
        first = order[0]
        gone = [job for job in s.contexts if job != first.job or not first.reuse]
        return {"admit": [first.id], "drop": gone}
    held = sum(s.contexts[job].tokens for job, _ in keep)
    if held:
        room = s.free + s.droppable() - held - max(len(s.running), s.memory // 100)
        admit = [r.id for r in order if r.id in admit]
        need = {r.id: r.need for r in order}
        while admit and sum(need[i] for i in admit) > room:
            admit.pop()
    return {"admit": admit, "keep": keep}
"""
)


def _settings(*regimes: str) -> list[dict[str, Scalar]]:
    return [{"regime": regime} for regime in regimes]


def _split(name: str, seed: int, each: int, scale: float = 1) -> Suite:
    """Return a split of the regimes that a search sees: agents in a third of the jobs."""
    jobs, agents = int(150 * scale), int(50 * scale)
    return Suite(
        name,
        f"{jobs} jobs in three regimes, {agents} agents",
        seed,
        entry=(
            *entries("serving", jobs, each, *_settings("reason", "mixed")),
            *entries("serving", agents, each, *_settings("agents")),
            *entries("serving", jobs, each, *_settings("tenants")),
        ),
    )


SUITES = {
    "train": _split("train", 9301, 6),
    "validation": _split("validation", 9302, 12),
    "test": _split("test", 9303, 18),
    "larger": _split("larger", 9304, 5, scale=4),
    "cells": Suite(
        "cells",
        "150 jobs in three other regimes, 50 workflows",
        9305,
        entry=(
            *entries("serving", 150, 10, *_settings("chat", "moe", "pd")),
            *entries("serving", 50, 10, *_settings("workflow")),
        ),
    ),
}
RULES = (
    "first-come",
    "conservative",
    "past-future",
    "shortest",
    "mc-sf",
    "chunk-2048",
    "layered",
    "flow-prefill",
    "continuum",
    "continuum-released",
    "vtc",
    "on-demand",
    "hybrid",
)


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[Service]:
    """Return a workload with its bound: no run is searched, as a search goes by the bound."""
    del reference
    return generator.generate(level, seed, index, settings, reference=False)


def case(instance: Instance[Service]) -> Any:
    """Return the workload as the simulator reads it."""
    return {"service": case_of(instance.payload), "until": None}


def answer(instance: Instance[Service], solution: Any) -> Fields:
    """Return the log as an answer, which the grader plays again.

    Raises:
        WrongSolution: if it is no log.
    """
    if not is_log(solution) or violations(instance.payload, solution):
        raise WrongSolution("wrong type", f"not a log of decisions but {short(solution)}")
    return {KEY: solution}


def chance(instance: Instance[Service]) -> float:
    """Return the mean cost in random orders, in thousandths."""
    return random_cost(instance.payload)


def twin(instance: Instance[Service], solution: Any) -> Twin | None:
    """Return a workload that is the same until a moment at which many requests wait."""
    if not is_log(solution) or violations(instance.payload, solution):
        return None
    other = twin_of(case_of(instance.payload), solution, instance.id)
    if other is None:
        return None
    return Twin({"service": other.case, "until": other.asks}, decisions_before(other.asks))


def decisions_before(asks: int) -> Callable[[Any], Any]:
    """Return what cuts a log to the decisions before so many asks."""

    def decisions(log: Any) -> Any:
        return [entry for entry in log if entry[0] < asks] if is_log(log) else log

    return decisions


DOMAIN = Domain(
    name="serving",
    family="serving",
    description="plan(s) -> dict: a whole scheduler inside a server of a language model",
    function="plan",
    arguments=("s",),
    facts=FACTS,
    driver=SIMULATOR + SOLVE,
    programs={
        "first-come": FIRST_COME,
        "shortest": SHORTEST,
        "chunks": CHUNKS,
        "slack": SLACK,
        "pins": PINS,
        "weighed": WEIGHED,
    },
    rules={name: POLICIES[name].answer for name in RULES},
    splits=SUITES,
    case=case,
    answer=answer,
    chance=chance,
    generate=generate,
    version=VERSION,
    twin=twin,
    output_bytes=4_000_000,
)
