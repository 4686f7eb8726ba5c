"""Jobs on one machine: processing times, due dates and weights, drawn from seeds."""

from collections.abc import Iterator, Sequence
from random import Random

from tasks.tardiness import Job, Jobs


def draws(seed: str, count: int, most: int) -> Iterator[tuple[list[int], list[int], list[int]]]:
    """Small p, d, w with many ties; due dates from below 0 to beyond the last end."""
    rng = Random(seed)
    for _ in range(count):
        n, longest = rng.randint(1, most), rng.choice([1, 2, 4, 9, 40])
        p = [rng.randint(1, longest) for _ in range(n)]
        latest = rng.choice([1, sum(p) // 2, sum(p), 2 * sum(p)])
        d = [rng.randint(-3, max(1, latest)) for _ in range(n)]
        if rng.random() < 0.2:
            d = [rng.choice(d[:2]) for _ in d]
        yield p, d, [rng.randint(1, rng.choice([2, 9])) for _ in range(n)]


def cell(n: int, tf: float, rdd: float, seed: int = 0) -> tuple[list[int], list[int]]:
    """Jobs of a cell of the usual grid (Potts & Van Wassenhove 1982)."""
    rng = Random(f"{n}/{tf}/{rdd}/{seed}")
    p = [rng.randint(1, 100) for _ in range(n)]
    low, high = (round(sum(p) * (1 - tf + side * rdd / 2)) for side in (-1, 1))
    return p, [rng.randint(low, high) for _ in range(n)]


def jobs(p: Sequence[int], d: Sequence[int], w: Sequence[int] | None = None) -> Jobs:
    """The jobs of processing times, due dates and weights, which are 1 if none are given."""
    weights = w or [1] * len(p)
    return Jobs(tuple(Job(f"J{k}", *job) for k, job in enumerate(zip(p, d, weights, strict=True))))
