"""Priorities of requests in a service of language models: `priority(r, s) -> float`."""

from dataclasses import replace

from harness.evolve.domains.serving import DOMAIN as WHOLE
from harness.evolve.domains.serving import SIMULATOR

FACTS = """\
A server runs a language model; requests wait until there is memory for them. In each iteration
every running request makes one token, and up to s.budget prompt tokens of others are read. Both who
is admitted and whose prompt is read goes by `priority(r, s)`: the request with the SMALLEST value
first (ties: the earlier one). When memory runs short, the one that was admitted last loses its
place.
r.arrived, s.now: times in ns; r.prompt: new tokens of the prompt; r.need: tokens of memory it takes
now; r.out: tokens made so far; r.cap: the most it may make; r.hint: a guess of how many it will
make, often wrong by half, or None; r.ttft: ns within which its first token is due, counted from
r.arrived, or None; r.deadline: ns within which its whole job is due, or None; r.job, r.user,
r.kind, r.evictions; s.memory, s.free: tokens; s.unread(r): prompt tokens still to be read;
s.cost(n): ns of an iteration of n tokens; s.running, s.waiting: lists of requests.
Limits that are kept cost 1, a time of twice its limit 2, and so on up to 10; minimise the mean. r
and s must not be changed. It returns a finite number."""

SOLVE = """

def solve(function, case):
    def plan(s):
        def key(r):
            return number(function(r, s)), r.id

        room, admit = s.free + s.droppable() - max(len(s.running), s.memory // 100), []
        for r in sorted(s.waiting, key=key):
            if r.need > room:
                break
            room -= r.need
            admit.append(r.id)
        chosen = set(admit)
        rows, tokens = [], s.budget - sum(r.decoding for r in s.running)
        new = [r for r in s.running if not r.decoding]
        new += [r for r in s.waiting if r.id in chosen and s.unread(r) > 1]
        for r in sorted(new, key=key):
            part = min(tokens, s.unread(r))
            if part > 0:
                rows.append([r.id, part])
                tokens -= part
        return {"admit": admit, "prefill": rows}

    simulation = ServingRun(case["service"], plan, case["until"])
    try:
        return simulation.run()
    except RefusedPlan as refused:
        return {"failure": refused.kind, "detail": str(refused)}
"""

ARRIVAL = """\
def priority(r, s):
    return r.arrived
"""

PROMPT = """\
def priority(r, s):
    return r.prompt
"""

HINT = """\
def priority(r, s):
    return (r.hint or 200) - r.out
"""

SLACK = """\
def priority(r, s):
    return r.arrived + (r.ttft or r.deadline or 10**12) - s.now - s.cost(s.unread(r))
"""

WEIGHED = """\
def priority(r, s):
    a, b, c = 0.0, 0.0, 0.0
    slack = r.arrived + (r.ttft or r.deadline or 10**12) - s.now - s.cost(s.unread(r))
    return slack + a * 10**9 * (slack < 0) + b * 10**6 * (r.hint or 200) + c * 10**6 * r.prompt
"""

DOMAIN = replace(
    WHOLE,
    name="serving-priority",
    description="priority(r, s) -> float: which request a server of a language model takes next",
    function="priority",
    arguments=("r", "s"),
    facts=FACTS,
    driver=SIMULATOR + SOLVE,
    programs={
        "arrival": ARRIVAL,
        "prompt": PROMPT,
        "hint": HINT,
        "slack": SLACK,
        "weighed": WEIGHED,
    },
)
