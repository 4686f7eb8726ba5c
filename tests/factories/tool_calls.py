"""Tool calls to put into turns: small ones full of ties, and larger ones as in a suite."""

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
