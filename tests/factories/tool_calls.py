"""Tool calls to put into turns: small ones full of ties, and larger ones as in a suite."""

from collections.abc import Sequence
from itertools import permutations
from random import Random

from hypothesis import strategies as st

from graders.exact.tools_search import CallNode

Case = tuple[list[CallNode], list[int], int]


@st.composite
def cases(draw: st.DrawFn, most: int) -> Case:
    """Up to `most` calls of few tools and few durations, so that ties abound; needs point back."""
    count = draw(st.integers(1, most))
    tools = draw(st.integers(1, 3))
    durations = st.integers(1, draw(st.sampled_from([2, 4, 30])))
    calls = [
        CallNode(
            draw(durations),
            draw(st.integers(0, tools - 1)),
            tuple(draw(st.lists(st.integers(0, i - 1), max_size=2))) if i else (),
        )
        for i in range(count)
    ]
    names = draw(st.permutations(range(count)))  # so that the numbers are no topological order
    renamed = [CallNode(0, 0, ())] * count
    for i, call in enumerate(calls):
        renamed[names[i]] = call._replace(needs=tuple(names[need] for need in call.needs))
    capacity = draw(st.lists(st.integers(1, 3), min_size=tools, max_size=tools))
    return renamed, capacity, draw(st.sampled_from([0, 1, 2, 20]))


def large(count: int, depth: int, tools: int, seed: int, most: int = 2) -> Case:
    """Calls as in a suite: durations U{1..30}, each below the first layer needs up to three."""
    rng = Random(f"calls/{count}/{depth}/{seed}")
    layers = sorted([*range(depth), *(rng.randrange(depth) for _ in range(count - depth))])
    calls: list[CallNode] = []
    for layer in layers:
        near = [j for j in range(len(calls)) if layers[j] == layer - 1]
        early = [j for j in range(len(calls)) if layers[j] < layer]
        needs = (
            {rng.choice(near), *rng.sample(early, min(len(early), rng.randrange(3)))}
            if near
            else set()
        )
        calls.append(CallNode(rng.randint(1, 30), rng.randrange(tools), tuple(sorted(needs))))
    return calls, [rng.randint(1, most) for _ in range(tools)], 2


def serial(calls: Sequence[CallNode], capacity: Sequence[int], order: Sequence[int]) -> int:
    """The makespan of calls placed in this order, each at the first moment at which it fits."""
    runs: dict[int, tuple[int, int]] = {}
    for i in order:
        call = calls[i]
        start = max((runs[need][1] for need in call.needs), default=0)
        others = [runs[j] for j in runs if calls[j].tool == call.tool]
        while any(
            sum(a <= moment < b for a, b in others) >= capacity[call.tool]
            for moment in range(start, start + call.duration)
        ):
            start += 1
        runs[i] = (start, start + call.duration)
    return max(end for _, end in runs.values())


def least_free(case: Case) -> int:
    """The best of every order that respects the needs; serial schedules hold an optimum."""
    calls, capacity, overhead = case
    possible = [
        order
        for order in permutations(range(len(calls)))
        if all(set(calls[i].needs) <= set(order[:at]) for at, i in enumerate(order))
    ]
    return overhead + min(serial(calls, capacity, order) for order in possible)
