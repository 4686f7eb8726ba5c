"""Shorter schedules by beams: targets asked in layers of which only the easiest states are kept.

A makespan one shorter is asked for from both ends of time; where neither meets it the next layers
are wider, so that most of the work is in the last. Beams with bounds are those of Bautista &
Pereira (2009), named in rcpsp_layers.py; Libralesso, Focke, Secardin & Jost (2022), "Iterative beam
search algorithms for the permutation flowshop", widen them as here.
"""

from collections.abc import Callable, Sequence
from functools import partial

from graders.exact import sgs
from graders.exact.rcpsp_bounds import Pool
from graders.exact.rcpsp_kernel import MOST_WIDE
from graders.exact.rcpsp_targets import TargetOutcome, TargetSearch
from graders.exact.sgs import Compiled, Ints
from graders.exact.sgs_kernel import Scheduler, scheduler

FIRST_WIDTH, GROWTH = 50, 2


def beamed(
    project: Compiled,
    pools: Sequence[Pool],
    heads: Ints,
    tails: Ints,
    bound: int,
    starts: list[int],
    *,
    children: int,
    is_late: Callable[[], bool] = lambda: False,
    compiled: bool = True,
) -> TargetOutcome:
    """Return a schedule that beams made shorter, or as it is, and the bound.

    The bound is greater only if a beam that was wide enough for all states refuted a target.

    Args:
        project: the compiled project of n tasks; nothing is tried if there are more than
            `MOST_WIDE`.
        pools: of its tasks, resources first.
        heads: the n earliest starts.
        tails: the n least times from a task's end to the makespan.
        bound: on the makespan; a schedule that attains it ends the search.
        starts: the n starts of a feasible schedule.
        children: the states that may be made; a few thousand more may be.
        is_late: whether to end now.
        compiled: whether the kernels may be used.
    """
    ask = partial(TargetSearch, project, pools, heads, tails, compiled=compiled)
    schedules = scheduler(project, compiled=compiled)
    beams = _Beams(ask, schedules, bound, starts, lambda count: count >= children or is_late())
    length = sgs.makespan(project, starts)
    if len(project.ids) <= MOST_WIDE:
        while not beams.is_over and beams.bound < length:
            beams.shorten(length - 1)
            length = sgs.makespan(project, beams.starts)
    return TargetOutcome(beams.bound, beams.starts, beams.children)


class _Beams:
    """Beams over one project, each wider than those before that met nothing.

    Attributes:
        bound: no makespan is less.
        starts: of the shortest schedule so far.
        children: the states made so far.
    """

    def __init__(
        self,
        ask: Callable[..., TargetSearch],
        schedules: Scheduler,
        bound: int,
        starts: list[int],
        is_enough: Callable[[int], bool],
    ) -> None:
        self.bound, self.starts, self.children = bound, starts, 0
        self._ask, self._schedules, self._is_enough = ask, schedules, is_enough
        self._width, self._directions = FIRST_WIDTH, (False, True)

    @property
    def is_over(self) -> bool:
        """Return whether no more states may be made."""
        return self._is_enough(self.children)

    def shorten(self, target: int) -> None:
        """Ask for a schedule by a target from both ends; widen the beams if neither has one."""
        for way in self._directions:
            search = self._searched(target, way)
            if search.is_met:
                self.starts = self._schedules.shortened(search.starts(), self.bound)
                self._directions = (way, not way)
                return
            if search.is_refuted:
                self.bound = target + 1
                return
        self._width *= GROWTH

    def _searched(self, target: int, is_turned: bool) -> TargetSearch:
        """Return a search that has met its target or not, unless it is over."""
        search, before = self._ask(target, is_turned, width=self._width), self.children
        while not self.is_over and search.take_turn() is None:
            self.children = before + search.search.children
        self.children = before + search.search.children
        return search
