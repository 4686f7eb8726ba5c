"""A* over sets of done calls that looks at fewer of them than `tools_search`.

Of equally good turns it may return others.
"""

from collections.abc import Iterable, Mapping
from itertools import chain, combinations, starmap
from operator import or_

from graders.exact.tools_search import TurnSearch, members


class LeanSearch(TurnSearch):
    """A* that leaves out sets which a larger one makes needless.

    A set is needless if with one or two of its ready calls more it was reached at no higher cost:
    whatever turns follow it can follow that one too, without those calls.
    """

    def is_needless(self, spent: Mapping[int, int], done: int) -> bool:
        """Return whether a larger set was reached at no higher cost."""
        cost = spent[done]
        return any(spent.get(done | more, cost + 1) <= cost for more in self._more(done))

    def _more(self, done: int) -> Iterable[int]:
        """Return masks of one or two calls that are ready."""
        ready = [1 << i for mask in self.ready(done).values() for i in members(mask)]
        return chain(ready, starmap(or_, combinations(ready, 2)))
