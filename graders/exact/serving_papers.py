"""Policies of papers on schedulers inside a service of language models, by their mechanisms.

Each function that returns a plan is called afresh for every run. What a paper says and its code
does otherwise is named apart; see the page of the family for the claims.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from graders.exact.serving_measure import Plan
from graders.exact.serving_rules import (
    Fields,
    Key,
    admission,
    chunked,
    chunks,
    decoding_count,
    first_come,
    greedy,
    hinted,
    peak,
    reserve,
    unread_of,
)
from graders.exact.serving_server import LAYERS, ModelServer, Request

FAR = 10**12  # ns: of a request without a limit
SECOND = 10**9


def layered(most: int = 8192, group: int = 512) -> Plan:
    """Let a batch of prompts go through groups of layers, one an iteration (Layered prefill).

    Args:
        most: tokens of a batch.
        group: tokens for which the layers are one group.
    """
    batch: list[int] = []
    base = first_come()

    def plan(server: ModelServer) -> Fields:
        decision: Fields = base(server)
        requests = _layerable(server, decision["admit"])
        unread = {request.id: request for request in requests}
        batch[:] = [number for number in batch if number in unread]
        if not batch:
            batch.extend(_up_to(server, requests, most))
        work = [[number, server.unread(unread[number])] for number in batch]
        if not work:
            return decision
        groups = max(1, min(16, -(-sum(tokens for _, tokens in work) // group)))
        step = LAYERS // groups if LAYERS % groups == 0 else LAYERS // _power_above(groups)
        layers = min(step, LAYERS - unread[batch[0]].layer)
        return {**decision, "prefill": work, "layers": layers}

    return plan


def _layerable(server: ModelServer, admitted: list[int]) -> list[Request]:
    """Return the requests whose whole prompt can be read by layers now.

    One that is just admitted on its context is not: others may have taken that for their room.
    """
    requests = unread_of(server, admitted)
    return [r for r in requests if r.server is not None or r.swapped or not server.holds(r)]


def _up_to(server: ModelServer, requests: list[Request], most: int) -> list[int]:
    """Return the first requests whose prompts have at most so many tokens, at least one."""
    numbers: list[int] = []
    for request in requests:
        if numbers and server.unread(request) > most:
            break
        most -= server.unread(request)
        numbers.append(request.id)
    return numbers


def _power_above(count: int) -> int:
    return 1 << (count - 1).bit_length()


def rest_of_prompt(server: ModelServer, tokens: int, layer: int) -> int:
    """Return the ns that a prompt takes by itself whose first layers have been passed."""
    return server.cost(tokens, 0, tokens * tokens // 2) * (LAYERS - layer) // LAYERS


def slack(server: ModelServer, request: Request) -> tuple[bool, int, int]:
    """Return the key of the least slack to the first token; those that are hopeless come last."""
    duration = rest_of_prompt(server, server.unread(request), request.layer)
    rest = request.arrived + (request.ttft or FAR) - server.now - duration
    return rest < 0, rest, request.id


def flow_prefill() -> Plan:
    """Read the prompt with the least slack, which can be overtaken between layers (FlowPrefill)."""

    def plan(server: ModelServer) -> Fields:
        if server.role == "decode":
            return {"admit": greedy(server, server.waiting, reserve(server))}
        order = sorted(server.waiting, key=lambda request: slack(server, request))
        decision: Fields = {"admit": greedy(server, order, server.memory // 100)}
        requests = _layerable(server, decision["admit"])
        if not requests:
            return decision
        first = min(requests, key=lambda request: slack(server, request))
        tokens = server.unread(first)
        layers = min(max(1, LAYERS * 512 // tokens), LAYERS - first.layer)
        return {**decision, "prefill": [[first.id, tokens]], "layers": layers}

    return plan


# Contexts of agents --------------------------------------------------------------------------


@dataclass
class TurnMemory:
    """What Continuum remembers: when each job first came, and how long turns waited."""

    arrivals: dict[int, int] = field(default_factory=dict)
    delays: list[int] = field(default_factory=list)


Pin = Callable[[ModelServer, Request, TurnMemory], int]
Durations = dict[tuple[int, int, int], int]  # ns by server, tokens and layer


def released_pin(server: ModelServer, request: Request, memory: TurnMemory) -> int:  # noqa: ARG001
    """Return two seconds, if the tool's mean is not above that: Continuum's released code."""
    past = server.pauses.get(request.tool or "", [])
    return 2 * SECOND if not past or fmean(past) <= 2 * SECOND else 0


def learned_pin(server: ModelServer, request: Request, memory: TurnMemory) -> int:
    """Return the time to live that gains most, of those that tools took: Continuum's paper.

    It is the tau with the largest P(tool <= tau) x (mean delay + cost of reading again) - tau.
    """
    past = server.pauses.get(request.tool or "", [])
    if len(past) <= 5:
        past = [pause for pauses in server.pauses.values() for pause in pauses]
    if len(past) <= 5:
        return 2 * SECOND
    tokens = server.contexts[request.job].tokens
    gain = server.cost(tokens, 0, tokens * tokens // 2) + fmean(memory.delays[-50:] or [0])
    best, chosen = 0.0, 0
    for count, pause in enumerate(sorted(past), 1):
        worth = count / len(past) * gain - pause
        if worth > best:
            best, chosen = worth, pause + 1
    return chosen


def continuum(pin: Pin, by_program: bool = True) -> Plan:
    """Pin the context of a turn while its tool will soon be back (Continuum).

    Args:
        pin: how long, in ns, by the request that has ended.
        by_program: whether turns of pinned contexts go first, then jobs in the order of their
            arrival; else turns in the order of theirs.
    """
    memory = TurnMemory()

    def plan(server: ModelServer) -> Fields:
        for request in server.waiting:
            memory.arrivals.setdefault(request.job, request.arrived)
        keep = _pins(server, pin, memory)
        pinned = {job for job, c in server.contexts.items() if c.pinned > server.now} | set(keep)
        order = list(server.waiting)
        if by_program:
            order.sort(key=lambda r: (r.job not in pinned, memory.arrivals[r.job], r.id))
        admitted = _admitted_beside(server, order, pinned)
        memory.delays.extend(server.now - r.arrived for r in order[: len(admitted)])
        if not admitted and not server.running and order:  # pins stand in each other's way
            return _only_first(server, order[0])
        return {"admit": admitted, "keep": [[job, time] for job, time in keep.items()]}

    return plan


def _pins(server: ModelServer, pin: Pin, memory: TurnMemory) -> dict[int, int]:
    pins = {
        request.job: pin(server, request, memory)
        for request in server.finished
        if request.tool is not None and request.job in server.contexts
    }
    waiting = {request.job for request in server.waiting}
    for job, context in server.contexts.items():  # a turn that waits keeps its pin
        if job in waiting and context.pinned > server.now:
            pins[job] = max(pins.get(job, 0), SECOND)
    return {job: time for job, time in pins.items() if time}


def _admitted_beside(server: ModelServer, order: list[Request], pinned: set[int]) -> list[int]:
    """Return the requests that fit beside pinned contexts, up to the first that does not."""
    loose = sum(c.tokens for job, c in server.contexts.items() if job not in pinned)
    room, admitted = server.free + loose - reserve(server), []
    for request in order:
        own = server.contexts[request.job].tokens if request.job in pinned else 0
        if request.need > room + own:
            break
        room -= request.need - own
        admitted.append(request.id)
    return admitted


def _only_first(server: ModelServer, first: Request) -> Fields:
    others = [job for job in server.contexts if job != first.job or not first.reuse]
    return {"admit": [first.id], "drop": others}


# Users, servers, deadlines -------------------------------------------------------------------


def vtc(weight: int = 2) -> Plan:
    """Admit next whoever has been served least; tokens made count `weight` times (VTC)."""
    served: dict[int, int] = {}
    counted: dict[int, int] = {}

    def plan(server: ModelServer) -> Fields:
        for request in [*server.running, *server.finished]:
            tokens = request.prompt * (request.kv > 0 or request.out > 0) + weight * request.out
            more = tokens - counted.get(request.id, 0)
            served[request.user] = served.get(request.user, 0) + more
            counted[request.id] = tokens
        running = {request.user for request in server.running}
        least = min((served.get(user, 0) for user in running), default=0)
        for request in server.waiting:  # who comes back has no credit for having been away
            if request.user not in running:
                served[request.user] = max(served.get(request.user, 0), least)
        return {"admit": greedy(server, _by_service(server, served), reserve(server))}

    return plan


def _by_service(server: ModelServer, served: Mapping[int, int]) -> list[Request]:
    """Return waiting requests, always one of the user that is served least if those before run."""
    totals, queues = dict(served), dict[int, list[Request]]()
    for request in reversed(server.waiting):
        queues.setdefault(request.user, []).append(request)
    order = []
    while queues:
        user = min(queues, key=lambda each: (totals.get(each, 0), each))
        request = queues[user].pop()
        totals[user] = totals.get(user, 0) + request.prompt
        order.append(request)
        if not queues[user]:
            del queues[user]
    return order


def on_demand() -> Plan:
    """Let an idle server for prompts take one request, and none before (P/D-Serve)."""
    admit = first_come()

    def plan(server: ModelServer) -> Any:
        if server.role == "decode":
            return admit(server)
        requests = [request for request in server.running if not request.decoding]
        new = server.waiting[:1] if not requests else []
        if new and not greedy(server, new, 0):
            new = []
        work = [[r.id, server.unread(r)] for r in [*requests, *new] if server.unread(r) > 1]
        return {"admit": [r.id for r in new], **({"prefill": work} if work else {})}

    return plan


def urgency() -> Plan:
    """Admit and read by the least slack of the job's deadline (HexGen-Text2SQL).

    The deadline counts from the job's first call; of its work only the call at hand is guessed.
    """
    begun: dict[int, int] = {}

    def key(server: ModelServer, request: Request) -> tuple[int, int]:
        start = begun.setdefault(request.job, request.arrived)
        duration = server.token * server.unread(request)
        duration += int(server.floor * (hinted(server, request) - request.out))
        return start + (request.deadline or FAR) - duration * 100 // server.speed, request.id

    return chunked(512, admission(key), key)


# Ours ----------------------------------------------------------------------------------------


def hybrid(budget: int = 512) -> Plan:
    """Do what a reader of all the papers might: pins, slack, guesses of lengths, chunks.

    Args:
        budget: tokens of an iteration.
    """
    memory = TurnMemory()
    durations: Durations = {}

    def plan(server: ModelServer) -> Fields:
        if server.role == "decode":
            return {"admit": greedy(server, server.waiting, reserve(server))}
        for request in server.waiting:
            memory.arrivals.setdefault(request.job, request.arrived)
        keep = _pins(server, released_pin, memory)
        pinned = {job for job, c in server.contexts.items() if c.pinned > server.now} | set(keep)
        key = _hybrid_key(memory, durations, pinned)
        keys = {request.id: key(server, request) for request in server.waiting}
        order = sorted(server.waiting, key=lambda request: keys[request.id])
        admitted = _by_peak_beside(server, order, pinned)
        if not admitted and not server.running and order:
            return _only_first(server, order[0])
        requests = unread_of(server, admitted)
        if len(requests) > 1:
            requests.sort(key=lambda request: keys.get(request.id) or key(server, request))
        left = budget - decoding_count(server)
        rows = chunks(server, requests, left)
        return {"admit": admitted, "prefill": rows, "keep": [[j, t] for j, t in keep.items()]}

    return plan


def _guess(server: ModelServer, request: Request) -> int:
    """Return the hint, or a bit more than is out where that is above it."""
    hint, out, cap = request.hint, request.out, request.cap
    guess = int(hinted(server, request)) if hint is None else hint if hint < cap else cap
    return guess if out < guess else min(cap, int(out * 1.3) + 20)


def _hybrid_key(memory: TurnMemory, durations: Durations, pinned: set[int]) -> Key:
    def key(server: ModelServer, request: Request) -> tuple[Any, ...]:
        if not request.ttft:
            is_pinned = bool(request.reuse) and request.job in pinned
            arrival = memory.arrivals.get(request.job, request.arrived)
            return not is_pinned, False, arrival, request.id
        if request.first is not None:
            return 0, False, request.last, request.id
        tokens = server.unread(request)
        place = server.index, tokens, request.layer
        duration = durations.get(place)
        if duration is None:
            duration = durations[place] = rest_of_prompt(server, tokens, request.layer)
        rest = request.arrived + request.ttft - server.now - duration
        if rest >= 0:
            return 1, False, rest, request.id
        return 1, True, tokens + 8 * _guess(server, request), request.id

    return key


def _by_peak_beside(server: ModelServer, order: list[Request], pinned: set[int]) -> list[int]:
    """Return the requests whose peak fits beside pinned contexts, up to the first that does not."""
    if not order:
        return []
    pairs = [(r.need, float(max(1, _guess(server, r) - r.out))) for r in server.running]
    fixed = sum(c.tokens for job, c in server.contexts.items() if job in pinned)
    admitted = []
    for request in order:
        is_own = bool(request.reuse) and request.job in pinned and request.job in server.contexts
        own = server.contexts[request.job].tokens if is_own else 0
        pairs.append((request.need, float(max(1, _guess(server, request) - request.out))))
        if peak(pairs) + fixed - own > server.memory:
            break
        fixed -= own
        admitted.append(request.id)
    return admitted


POLICIES: dict[str, Callable[[], Plan]] = {
    "layered": layered,
    "flow-prefill": flow_prefill,
    "continuum": lambda: continuum(learned_pin),
    "continuum-released": lambda: continuum(released_pin),
    "vtc": vtc,
    "on-demand": on_demand,
    "urgency": urgency,
    "hybrid": hybrid,
}
