"""Policies of a server: whom to admit and whose prompt to read, by queues and guesses.

Each function that returns a plan is called afresh for every run, as most remember what they saw.
Sources are named where a system or a paper has the rule; what it does beside is on the page of the
family.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import Any

from graders.exact.orders import ranks_of
from graders.exact.serving_measure import Plan
from graders.exact.serving_server import ModelServer, Request

Key = Callable[[ModelServer, Request], Any]
Length = Callable[[ModelServer, Request], float]
Fields = dict[str, Any]


def reserve(server: ModelServer) -> int:
    """Return what vLLM keeps free for tokens to come: 1 % of memory, and a token a request."""
    return max(len(server.running), server.memory // 100)


def greedy(server: ModelServer, order: Iterable[Request], spare: int) -> list[int]:
    """Return the requests of an order that fit into memory now, up to the first that does not.

    Args:
        server: where they wait.
        order: of waiting requests.
        spare: tokens of memory that stay free.
    """
    room, admitted = server.free + server.droppable() - spare, []
    for request in order:
        context = server.contexts.get(request.job) if request.reuse else None
        pinned = context.tokens if context and context.pinned > server.now else 0
        if request.need > room + pinned:
            break
        room -= request.need - pinned
        admitted.append(request.id)
    return admitted


def admission(order: Key | None = None) -> Plan:
    """Return the policy that admits in an order what fits now; without one, first come first."""

    def plan(server: ModelServer) -> Fields:
        waiting: Sequence[Request] = server.waiting
        if order is not None:
            waiting = sorted(waiting, key=lambda request: order(server, request))
        return {"admit": greedy(server, waiting, reserve(server))}

    return plan


def first_come() -> Plan:
    """Admit in the order of arrival what fits now: vLLM (Kwon et al. 2023)."""
    return admission()


def conservative() -> Plan:
    """Reserve for each request the most that it may make: TGI, DeepSpeed-MII."""

    def plan(server: ModelServer) -> Fields:
        room = server.memory - sum(r.reuse + r.prompt + r.cap for r in server.running)
        admitted = []
        for request in server.waiting:
            most = request.reuse + request.prompt + request.cap
            if most > room:
                break
            room -= most
            admitted.append(request.id)
        return {"admit": admitted or _alone(server)}

    return plan


def _alone(server: ModelServer) -> list[int]:
    """Return the first that waits where nothing runs: it may not fit with its cap, but it must."""
    if server.running or not server.waiting:
        return []
    return greedy(server, server.waiting[:1], 0)


def peak(pairs: Iterable[tuple[int, float]]) -> float:
    """Return the most memory that a batch will take: pairs of tokens now and tokens to come.

    The requests with the fewest tokens to come leave first (Jaillet et al., MC-SF).
    """
    total, most = 0, 0.0
    for count, (used, rest) in enumerate(sorted(pairs, key=lambda pair: -pair[1]), 1):
        total += used
        if total + rest * count > most:
            most = total + rest * count
    return most


def pinned_tokens(server: ModelServer) -> int:
    """Return the tokens of contexts that are pinned."""
    return sum(c.tokens for c in server.contexts.values() if c.pinned > server.now)


def by_peak(length: Length, order: Key | None = None, skip: bool = False) -> Plan:
    """Admit while the peak of memory fits, by lengths that are known or guessed (MC-SF).

    Args:
        length: the tokens that a request will make in all.
        order: in which they are tried.
        skip: whether those behind one that does not fit are tried too.
    """

    def plan(server: ModelServer) -> Fields:
        pairs = [(r.need, max(1, length(server, r) - r.out)) for r in server.running]
        limit, admitted = server.memory - pinned_tokens(server), []
        waiting: Sequence[Request] = server.waiting
        if order is not None:
            waiting = sorted(waiting, key=lambda request: order(server, request))
        for request in waiting:
            pairs.append((request.need, max(1, length(server, request) - request.out)))
            if peak(pairs) <= limit:
                admitted.append(request.id)
                continue
            pairs.pop()
            if not skip:
                break
        return {"admit": admitted or _alone(server)}

    return plan


def past_future(spare: float = 0.05, window: int = 200, lists: int = 3) -> Plan:
    """Admit while the peak fits by lengths drawn from the recent past (Past-Future, LightLLM).

    Args:
        spare: share of memory that stays free.
        window: outputs that are remembered.
        lists: draws of all lengths, of which the largest peak counts.
    """
    rng = Random("serving/past-future")

    def plan(server: ModelServer) -> Fields:
        past = sorted(out for _, out in server.history[-window:])

        def rest(request: Request) -> int:
            place = bisect_right(past, request.out)  # of the first that is longer
            is_drawn = len(past) >= 10 and place < len(past)
            total = past[rng.choice(range(place, len(past)))] if is_drawn else request.cap
            return max(0, total - request.out)

        limit = server.memory * (1 - spare) - pinned_tokens(server)
        draws = [[(r.need, rest(r)) for r in server.running] for _ in range(lists)]
        admitted = []
        for request in server.waiting:
            for pairs in draws:
                pairs.append((request.need, rest(request)))
            if max(map(peak, draws)) > limit:
                break
            admitted.append(request.id)
        return {"admit": admitted or _alone(server)}

    return plan


def hinted(server: ModelServer, request: Request) -> float:
    """Return the hint of a request's length, or the middle of the past, or its cap."""
    if request.hint is not None:
        return min(request.hint, request.cap)
    past = sorted(out for _, out in server.history[-200:])
    return min(past[len(past) // 2], request.cap) if past else request.cap


def shortest_rest(server: ModelServer, request: Request) -> tuple[float, int]:
    """Return the key of the shortest first: hinted tokens to come, a prompt's at an eighth."""
    return hinted(server, request) - request.out + request.prompt / 8, request.id


def shortest_first() -> Plan:
    """Admit the shortest by hint first, what fits now."""
    return admission(shortest_rest)


def mc_sf() -> Plan:
    """Admit the shortest by hint first while the peak of memory fits (Jaillet et al., MC-SF)."""
    return by_peak(hinted, shortest_rest)


def decoding_count(server: ModelServer) -> int:
    """Return how many of the running requests make a token in the next iteration."""
    return sum([request.kv == request.need - 1 for request in server.running])


def unread_of(server: ModelServer, admitted: Iterable[int]) -> list[Request]:
    """Return the requests whose prompt is to be read: those that run, then those just admitted."""
    numbers = set(admitted)
    running = [request for request in server.running if request.kv != request.need - 1]
    waiting = [r for r in server.waiting if r.id in numbers and server.unread(r) > 1]
    return [*running, *waiting]


def chunks(server: ModelServer, requests: Iterable[Request], budget: int) -> list[list[int]]:
    """Return the part `prefill` of a plan: prompts in an order, up to a budget of tokens."""
    rows = []
    for request in requests:
        tokens = min(budget, server.unread(request))
        if tokens > 0:
            rows.append([request.id, tokens])
            budget -= tokens
    return rows


def chunked(budget: int, admit: Plan | None = None, order: Key | None = None) -> Plan:
    """Read so many tokens of prompts an iteration beside those that decode (Sarathi-Serve).

    Args:
        budget: tokens of an iteration.
        admit: the policy of admission; None is first come.
        order: in which prompts are read; None is that of admission.
    """
    base = admit or first_come()

    def plan(server: ModelServer) -> Fields:
        decision = base(server)
        requests = unread_of(server, decision["admit"])
        if order is not None:
            requests.sort(key=lambda request: order(server, request))
        left = budget - decoding_count(server)
        return {**decision, "prefill": chunks(server, requests, left)}

    return plan


def prefill_first() -> Plan:
    """Read whole prompts first, while decoding stands still: vLLM before it had chunks."""
    base = first_come()

    def plan(server: ModelServer) -> Fields:
        decision: Fields = base(server)
        requests = unread_of(server, decision["admit"])
        if not requests:
            return decision
        whole = [[request.id, server.unread(request)] for request in requests]
        return {**decision, "prefill": whole, "decode": False}

    return plan


def ranked(ranks: Mapping[int, int], budget: int | None = None) -> Plan:
    """Admit and read by a fixed rank of jobs: an order of jobs as a policy.

    Args:
        ranks: of jobs by number, the smallest first.
        budget: tokens of an iteration; None is the server's own.
    """

    def key(server: ModelServer, request: Request) -> tuple[int, int]:  # noqa: ARG001
        return ranks[request.job], request.id

    admit = admission(key)

    def plan(server: ModelServer) -> Any:
        if server.role == "decode":
            return admit(server)
        return chunked(server.budget if budget is None else budget, admit, key)(server)

    return plan


@lru_cache(maxsize=100)
def random_orders(jobs: int, count: int) -> tuple[tuple[int, ...], ...]:
    """Return the ranks of so many jobs, from 0, in each of the first random orders."""
    return tuple(_random_ranks(jobs, str(number)) for number in range(count))


def _random_ranks(jobs: int, seed: str) -> tuple[int, ...]:
    order = list(range(jobs))
    Random(f"serving/random order/{seed}").shuffle(order)
    return ranks_of(order)
