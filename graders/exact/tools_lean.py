"""A* over sets of done calls that looks at fewer of them than `tools_search`.

Of equally good turns it may return others.
"""

from collections.abc import Iterable
from itertools import chain, combinations, starmap
from operator import or_

from graders.exact.tools_packing import StepsExhausted
from graders.exact.tools_search import Frontier, Turns, TurnSearch, members


class LeanSearch(TurnSearch):
    """A* that leaves out sets which a larger one makes needless.

    A set is needless if with one or two of its ready calls more it was reached at no higher cost:
    whatever turns follow it can follow that one too, without those calls.
    """

    def run(self, limit: int) -> tuple[int, Turns | None]:
        """Search turns shorter than a limit.

        Returns:
            A bound on all turns, and the turns if there are any so short and the steps suffice.
        """
        frontier = Frontier(self.remaining, limit)
        try:
            while frontier.heap:
                done = frontier.pop()
                if done == self.full:
                    return frontier.bound, frontier.path(done)
                if frontier.close(done) and not self._needless(frontier.spent, done):
                    for length, turn in self.turns(done):
                        frontier.push(done, turn, length)
        except StepsExhausted:
            return frontier.bound, None
        return limit, None

    def _needless(self, spent: dict[int, int], done: int) -> bool:
        cost = spent[done]
        return any(spent.get(done | more, cost + 1) <= cost for more in self._more(done))

    def _more(self, done: int) -> Iterable[int]:
        """Return masks of one or two calls that are ready."""
        ready = [1 << i for mask in self.ready(done).values() for i in members(mask)]
        return chain(ready, starmap(or_, combinations(ready, 2)))
