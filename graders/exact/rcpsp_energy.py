"""A destructive bound on the makespan of a project: energetic reasoning refutes shorter ones.

After Baptiste, Le Pape & Nuijten (1999), "Satisfiability tests and time-bound adjustments for
cumulative scheduling problems", and, for bounds that grow until nothing is refuted, Klein & Scholl
(1999), "Computing lower bounds by destructive improvement".
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from graders.exact import sgs
from graders.exact.rcpsp_bounds import Pool
from graders.exact.sgs import Compiled, Ints

if TYPE_CHECKING:
    from numpy import ndarray

STRONGEST = 16  # pools asked, those with most work for their capacity, so that it takes no second


def destructive_bound(
    project: Compiled, pools: Sequence[Pool], heads: Ints, tails: Ints, least: int, most: int
) -> int:
    """Return the least makespan in [least, most] that is not refuted; `most` is not asked.

    What is refuted within a makespan is within every shorter one, so that halving finds it.

    Args:
        project: the compiled project of n tasks.
        pools: of its tasks.
        heads: the n earliest starts.
        tails: the n least times from a task's end to the makespan.
        least: a lower bound.
        most: a makespan that some schedule attains, or one past the horizon.
    """
    strongest = sorted(pools, key=lambda pool: -_load(project, pool))[:STRONGEST]
    latest = sgs.lft(project)
    while least < most:
        middle = (least + most) // 2
        ends = [min(middle - tail, end) for tail, end in zip(tails, latest, strict=True)]
        if any(_is_refuted(project, pool, heads, ends) for pool in strongest):
            least = middle + 1
        else:
            most = middle
    return least


def _load(project: Compiled, pool: Pool) -> float:
    return sum(amount * project.durations[i] for i, amount in pool.units) / pool.capacity


def _is_refuted(project: Compiled, pool: Pool, heads: Ints, ends: Ints) -> bool:
    """Return whether some interval has less room than the tasks between heads and ends need in it.

    Intervals are those from a head, or a latest start, to a latest end, or an earliest one.
    """
    import numpy as np

    tasks = [i for i, _ in pool.units]
    if any(heads[i] + project.durations[i] > ends[i] for i in tasks):
        return True
    units, durations = (
        _column([q for _, q in pool.units]),
        _column(project.durations[i] for i in tasks),
    )
    early, late = _column(heads[i] for i in tasks), _column(ends[i] for i in tasks)
    lefts = np.unique(np.concatenate([early, late - durations]))
    rights = np.unique(np.concatenate([late, early + durations]))
    return any(
        _is_overfull(pool, int(left), rights[rights > left], (units, durations, early, late))
        for left in lefts
    )


def _column(values: Any) -> "ndarray[Any, Any]":
    import numpy as np

    return np.array(list(values), dtype=np.int64).reshape(-1, 1)


def _is_overfull(
    pool: Pool, left: int, rights: "ndarray[Any, Any]", jobs: "tuple[ndarray[Any, Any], ...]"
) -> bool:
    """Return whether the work that must lie in some [left, right) exceeds its room."""
    import numpy as np

    units, durations, early, late = jobs
    inside = np.minimum(np.minimum(durations, early + durations - left), rights - left)
    inside = np.maximum(np.minimum(inside, rights - (late - durations)), 0)
    room = rights - left
    for down, up in pool.downtimes:
        room = room - np.maximum(np.minimum(rights, up) - max(left, down), 0)
    return bool(((units * inside).sum(axis=0) > pool.capacity * room).any())
