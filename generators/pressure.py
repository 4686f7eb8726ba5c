"""Arrivals of equal pressure: so dense that jobs in a random order cost what is asked for.

At a load that is fixed instead, random orders cost nothing on one instance and much on the next,
and skill between them and the bound is noise.
"""

from collections.abc import Callable

STEPS, RATIO = 96, 0.92  # steps from jobs that come at leisure, and the gaps' share after each


def step_under_pressure(cost_at: Callable[[int], float], pressure: float) -> int:
    """Return the first step at which a job costs as much as is asked for, or the last.

    Args:
        cost_at: the mean cost of a job in random orders at a step; it grows with steps.
        pressure: what it is to be.
    """
    low, high = 0, STEPS
    while low < high:
        middle = (low + high) // 2
        if cost_at(middle) < pressure:
            low = middle + 1
        else:
            high = middle
    return low


def sooner(time: int, step: int) -> int:
    """Return a time of arrival at a step: 8 % sooner at each."""
    return time * round(RATIO**step * 1_000_000) // 1_000_000
