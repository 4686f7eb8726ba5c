"""The population: islands of elites, one for each cell of a map.

Everything here depends only on the order in which results are added.
"""

from collections.abc import Sequence
from math import floor, log2
from random import Random
from typing import Literal, TypeAlias

from msgspec.structs import replace

from harness.evolve.evaluation import Failed
from harness.store.search_plan import SearchPlan
from tasks.base import Noun

Status: TypeAlias = Literal["valid", "duplicate", "stopped", "failed", "unreadable", "lost"]
Cell: TypeAlias = tuple[int, int]
FINEST = 1e-4  # gaps below it are one step of the map


class Candidate(Noun, frozen=True):
    """A try at a program, and its outcome.

    `status`: `valid` (ran on all training instances), `duplicate` (behaves like an earlier one,
    and is no shorter), `stopped` (worse than every seed program on the first few instances),
    `failed` in the sandbox or the check, `unreadable` as a program, `lost` by the provider.
    `gap` is the ratio of sums on the training instances less 1, of a stopped one on the few.
    `length` is in characters without comments, `seconds` of its runs; tokens and cost of the call
    are None if unknown. `draws` counts the programs drawn for this try, of which it is the last.
    """

    name: str
    island: int
    operator: str
    model: str
    status: Status
    parents: tuple[str, ...] = ()
    thought: str = ""
    source: str = ""
    problem: Failed | None = None
    gap: float | None = None
    length: int = 0
    behaviour: str = ""
    seconds: float = 0.0
    elapsed: float = 0.0
    tokens: int | None = 0
    cost: float | None = 0.0
    draws: int = 1

    @property
    def evaluated(self) -> bool:
        """Return whether it was run."""
        return self.status not in ("unreadable", "lost")


class Database:
    """All candidates of a search, and the elites of each island."""

    def __init__(self, plan: SearchPlan, arm: str) -> None:
        self.everyone: list[Candidate] = []
        self.islands: list[dict[Cell, Candidate]] = [{} for _ in range(plan.islands)]
        self._plan, self._arm = plan, arm
        self._behaviours: dict[str, Candidate] = {}
        self._places: dict[str, int] = {}  # order of arrival by name, to settle ties
        self._failures: list[list[Candidate]] = [[] for _ in range(plan.islands)]

    def begin_with(self, seeds: Sequence[Candidate]) -> None:
        """Let every island begin with all the seed programs."""
        for seed in seeds:
            candidate = self._record(seed)
            for island in range(len(self.islands)):
                self._enter(candidate, island)

    def add(self, candidate: Candidate) -> None:
        """Take in a result; now and then let the best migrate, or the worst islands begin anew."""
        entry = self._record(candidate)
        self._enter(entry, entry.island)
        if entry.status in ("failed", "stopped"):
            self._failures[entry.island].append(entry)
        count = len(self._places)
        if count % self._plan.migrate == 0:
            self._migrate()
        if count % self._plan.reset == 0:
            self._reset(count)

    def _record(self, candidate: Candidate) -> Candidate:
        """Record a candidate and return it, as a duplicate if a shorter or equal twin is known."""
        if candidate.status == "valid":
            twin = self._behaviours.get(candidate.behaviour)
            if twin is not None and twin.length <= candidate.length:
                candidate = replace(candidate, status="duplicate")
            else:
                self._behaviours[candidate.behaviour] = candidate
        self._places[candidate.name] = len(self._places)
        self.everyone.append(candidate)
        return candidate

    def _enter(self, candidate: Candidate, island: int) -> None:
        if candidate.status != "valid":
            return
        elites = self.islands[island]
        for cell in [c for c, e in elites.items() if e.behaviour == candidate.behaviour]:
            del elites[cell]  # the longer twin
        cell = self.cell(candidate)
        if cell not in elites or self.rank(candidate) < self.rank(elites[cell]):
            elites[cell] = candidate

    def cell(self, candidate: Candidate) -> Cell:
        """Return the cell of the map; a step is a factor of the square root of 2 on both axes."""
        assert candidate.gap is not None
        second_axis = candidate.length if self._plan.axis == "length" else 1e6 * candidate.seconds
        return floor(2 * log2(max(candidate.gap, FINEST))), floor(2 * log2(max(second_axis, 1)))

    def rank(self, candidate: Candidate) -> tuple[float, int, int]:
        """Return a key that sorts the better first: by gap, then length, then arrival."""
        assert candidate.gap is not None
        return candidate.gap, candidate.length, self._places[candidate.name]

    def _migrate(self) -> None:
        """Let the best of each island enter the next."""
        best = [min(island.values(), key=self.rank, default=None) for island in self.islands]
        for k, elite in enumerate(best):
            if elite is not None:
                self._enter(elite, (k + 1) % len(self.islands))

    def _reset(self, count: int) -> None:
        """Empty the worse half of the islands; each begins with the best of a better one."""
        rng = Random(f"evolve/{self._plan.seed}/{self._arm}/reset/{count}")
        best = [(self.rank(min(i.values(), key=self.rank)), k) for k, i in enumerate(self.islands)]
        order = [k for _, k in sorted(best)]
        better = order[: (len(order) + 1) // 2]
        for k in order[len(better) :]:
            self.islands[k] = {}
            self._enter(min(self.islands[rng.choice(better)].values(), key=self.rank), k)

    # What the search asks --------------------------------------------------------------------

    def draw(self, island: int, count: int, rng: Random) -> list[Candidate]:
        """Draw different elites of an island, the better the likelier (1 / rank).

        Args:
            island: by number.
            count: the most that are drawn.
            rng: decides.
        """
        elites = sorted(self.islands[island].values(), key=self.rank)
        choice: list[Candidate] = []
        while elites and len(choice) < count:
            [elite] = rng.choices(elites, [1 / (k + 1) for k in range(len(elites))])
            elites.remove(elite)
            choice.append(elite)
        return choice

    def failure(self, island: int) -> Candidate | None:
        """Take from an island its newest failed program, each only once; None without one."""
        return self._failures[island].pop() if self._failures[island] else None

    def behaviours(self) -> tuple[str, ...]:
        """Return the behaviours of all candidates that came to run, seed programs included."""
        return tuple(c.behaviour for c in self.everyone if c.behaviour)

    def ranking(self) -> list[Candidate]:
        """Return all valid programs of different behaviour, the best first."""
        return sorted(self._behaviours.values(), key=self.rank)

    def by_name(self, name: str) -> Candidate:
        """Return a candidate, of whatever status, by its name; KeyError if there is none."""
        return self.everyone[self._places[name]]
