"""The bound on a project's makespan, raised target by target until one is met.

A target is asked from both ends of time, in turn: which of the two needs fewer states differs by a
factor of ten to either side, and the one that ends first does so on the next target too.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from graders.exact import sgs
from graders.exact.rcpsp_bounds import Pool
from graders.exact.rcpsp_kernel import MOST_TASKS, layered_search
from graders.exact.rcpsp_layers import LayeredSearch, TargetLayers, layer_problem
from graders.exact.sgs import Compiled, Ints

FIRST_TURN = 1000  # states that a search makes before the other has its turn
LAST_TURN = 50_000  # states made at once, a tenth of a second; turns are as long as all before


class OneEnd:
    """A target that is asked from one end of time.

    Attributes:
        search: of the states.
        is_turned: whether time runs backward from the target.
        is_met: whether a schedule was found that ends by the target; None so far.
    """

    def __init__(self, search: TargetLayers, is_turned: bool) -> None:
        self.search, self.is_turned = search, is_turned
        self.is_met: bool | None = None

    @property
    def children(self) -> int:
        """The number of states made so far."""
        return self.search.children

    def take_turn(self) -> bool | None:
        """Make as many states more as there are, within limits; return whether it is met."""
        self.is_met = self.search.run(min(LAST_TURN, max(FIRST_TURN, self.children)))
        return self.is_met


End = TypeVar("End", bound=OneEnd)


class TargetOutcome(NamedTuple):
    """What came of asking targets.

    Attributes:
        bound: no makespan is less.
        starts: the n starts of a schedule of that makespan, None if none was met.
        children: the states that were made.
    """

    bound: int
    starts: list[int] | None
    children: int


def ask_targets(
    project: Compiled,
    pools: Sequence[Pool],
    heads: Ints,
    tails: Ints,
    targets: range,
    *,
    children: int,
    is_late: Callable[[], bool] = lambda: False,
    compiled: bool = True,
) -> TargetOutcome:
    """Refute targets, the least first, until one is met.

    Args:
        project: the compiled project of n tasks; nothing is asked if there are more than
            `MOST_TASKS`.
        pools: of its tasks, resources first.
        heads: the n earliest starts.
        tails: the n least times from a task's end to the makespan.
        targets: from a lower bound to the last makespan that is asked for.
        children: the states that may be made; a few thousand more may be.
        is_late: whether to end now.
        compiled: whether the kernel may be used.
    """
    if len(project.ids) > MOST_TASKS:
        return TargetOutcome(targets.start, None, 0)
    directions: tuple[bool, ...] = (False, True)
    total = 0
    for target in targets:
        searches = [
            TargetSearch(project, pools, heads, tails, target, way, compiled=compiled)
            for way in directions
        ]
        ended = first_to_end(searches, children - total, is_late)
        total += sum(each.children for each in searches)
        if ended is None:
            return TargetOutcome(target, None, total)
        if ended.is_met:
            return TargetOutcome(target, ended.starts(), total)
        if ended.children > FIRST_TURN:
            directions = (ended.is_turned,)
    return TargetOutcome(targets.stop, None, total)


class TargetSearch(OneEnd):
    """A project's target that is asked from one end of time."""

    search: LayeredSearch

    def __init__(
        self,
        project: Compiled,
        pools: Sequence[Pool],
        heads: Ints,
        tails: Ints,
        target: int,
        is_turned: bool,
        *,
        width: int = 0,
        compiled: bool = True,
    ) -> None:
        """Begin a search.

        Args:
            project: the compiled project of n tasks.
            pools: of its tasks, resources first.
            heads: the n earliest starts.
            tails: the n least times from a task's end to the makespan.
            target: the makespan.
            is_turned: whether time runs backward from it.
            width: the most states of a layer that are gone on from; 0 for all.
            compiled: whether a kernel may be used.
        """
        latest = [min(target - t, end) for t, end in zip(tails, sgs.lft(project), strict=True)]
        problem, self._order = layer_problem(
            project, pools, heads, latest, target=target if is_turned else None, width=width
        )
        super().__init__(layered_search(problem, compiled=compiled), is_turned)
        self._durations, self._target = project.durations, target

    @property
    def is_refuted(self) -> bool:
        """Return whether no schedule ends by the target."""
        return self.is_met is False and not self.search.is_narrowed

    def starts(self) -> list[int]:
        """Return the n starts of a schedule that meets the target, in the project's order."""
        starts = [0] * len(self._order)
        for i, start in zip(self._order, self.search.starts(), strict=True):
            starts[i] = self._target - start - self._durations[i] if self.is_turned else start
        return starts


def first_to_end(
    searches: Sequence[End], children: int, is_late: Callable[[], bool] = lambda: False
) -> End | None:
    """Return the search that ends first, in turn; None if the states are used up before.

    Args:
        searches: of the same target.
        children: the states that all of them may make; a few thousand more may be.
        is_late: whether to end now.
    """
    while sum(each.children for each in searches) < children and not is_late():
        for each in searches:
            if each.take_turn() is not None:
                return each
    return None
