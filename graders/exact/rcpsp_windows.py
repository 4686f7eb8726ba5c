"""Shorter schedules by windows: tasks that are neighbours in time are placed anew.

A schedule is pushed right within its makespan, and left again. For a makespan one shorter, what
comes before a window stays where it is on the left, what comes after it goes one time unit before
where it is on the right, and CP-SAT places the tasks of the window between them: the subproblems of
Palpant, Artigues & Michelon (2004), "LSSPER: solving the resource-constrained project scheduling
problem with large neighbourhood search". After a window that is refuted the next is larger, after
one that CP-SAT does not finish it is smaller. Work is counted and seeds are fixed, so that what
comes out is the same in every process.
"""

from random import Random
from time import monotonic

from graders.exact import sgs
from graders.exact.rcpsp_cp_sat import Solution, improve
from graders.exact.sgs import Compiled, Ints
from graders.exact.sgs_kernel import scheduler

TASKS, LEAST = 40, 15  # in the first window, and in any, where there are as many
GROWTH, SHRINKAGE = 1.05, 0.9
SEARCH = 0.1  # deterministic seconds of CP-SAT for a window
OVERHEAD = 0.004  # what a window takes besides, in the same measure


def rearranged(
    project: Compiled,
    solution: Solution,
    heads: Ints,
    tails: Ints,
    limit: float,
    *,
    until: float | None = None,
) -> Solution:
    """Return a solution with a shorter answer, where windows give one within the limit.

    Its bound is greater only if a window of all tasks was refuted; its `work` is of all windows.

    Args:
        project: the compiled project of n tasks.
        solution: the bound and the best answer so far; without an answer nothing is tried.
        heads: the n earliest starts.
        tails: the n least times from a task's end to the makespan.
        limit: in deterministic seconds.
        until: the moment of `time.monotonic` after which no window is begun, if given.
    """
    if solution.starts is None:
        return solution._replace(work=0.0)
    slider = _Slider(project, solution, heads, tails)
    while slider.work < limit and not slider.is_settled and (until is None or monotonic() < until):
        slider.slide(min(SEARCH, limit - slider.work))
    return slider.solution._replace(work=slider.work)


class _Slider:
    """A window that goes to and fro over a schedule, of a size that CP-SAT can just search.

    Attributes:
        solution: what is best so far.
        work: of all windows, in deterministic seconds.
    """

    def __init__(self, project: Compiled, solution: Solution, heads: Ints, tails: Ints) -> None:
        self.solution, self.work = solution, 0.0
        self._project, self._heads, self._tails = project, heads, tails
        self._scheduler = scheduler(project)
        self._rng, self._size = Random("exact/rcpsp_windows"), float(TASKS)
        self._starts = list(solution.starts or [])

    @property
    def is_settled(self) -> bool:
        """Return whether the best schedule is as short as the bound."""
        return self.solution.bound >= sgs.makespan(self._project, self._starts)

    def slide(self, limit: float) -> None:
        """Search one window for a shorter schedule, within deterministic seconds."""
        count = min(int(self._size), len(self._starts))
        first = self._rng.randrange(len(self._starts) - count + 1)
        outcome = self._placed(range(first, first + count), limit)
        self.work += outcome.work + OVERHEAD
        if outcome.starts != self._starts:
            self._starts = self._scheduler.shortened(outcome.starts or [])
            self.solution = self.solution._replace(starts=self._starts)
        elif outcome.bound < sgs.makespan(self._project, self._starts):  # it was not refuted
            self._size = max(LEAST, self._size * SHRINKAGE)
        elif count < len(self._starts):
            self._size *= GROWTH
        else:
            self.solution = self.solution._replace(bound=outcome.bound)

    def _placed(self, window: range, limit: float) -> Solution:
        """Return what CP-SAT makes of a window, given as places in the order of time."""
        project, target = self._project, sgs.makespan(self._project, self._starts) - 1
        right = sgs.pushed_right(project, self._starts)
        left = self._scheduler.serial(sorted(project.order, key=right.__getitem__))
        order = sorted(range(len(left)), key=lambda i: (left[i] + right[i], left[i]))
        heads, tails = list(self._heads), list(self._tails)
        for place, i in enumerate(order):
            if place not in window:
                start = left[i] if place < window.start else right[i] - 1
                heads[i] = max(heads[i], start)
                tails[i] = max(tails[i], target - start - project.durations[i])
        now = Solution(self.solution.bound, self._starts)
        latest = [target - tail - d for tail, d in zip(tails, project.durations, strict=True)]
        if any(low > high for low, high in zip(heads, latest, strict=True)):
            return now._replace(bound=target + 1)
        return improve(project, now, heads, limit, None, tails=tails, any_schedule=True)
