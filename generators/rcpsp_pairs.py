"""Pairs of tasks that may not overlap, chosen so that they mislead."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random

from graders.exact import sgs
from graders.exact.rcpsp_pools import descendants
from graders.exact.sgs import Compiled, Ints


def misleading_pairs(
    relaxed: Compiled, witness: Ints, schedules: Sequence[Ints], rng: Random
) -> tuple[tuple[str, str], ...]:
    """Draw floor(n / 4) pairs that bind: apart in the witness, together in a relaxed schedule.

    Args:
        relaxed: the project of n tasks under precedence and windows alone.
        witness: n start times.
        schedules: n start times each, under precedence, capacity and downtimes.
        rng: the stream of disjunctions.

    Returns:
        Pairs of task ids, those that mislead most first (see `_PairRanking`).
    """
    ranking = _PairRanking(
        relaxed.durations, witness, _earliest(relaxed), sgs.lft(relaxed), schedules
    )
    after, ids = descendants(relaxed), relaxed.ids
    apart = [
        (a, b)
        for a, b in combinations(sorted(range(len(ids)), key=ids.__getitem__), 2)
        if not (after[a] >> b | after[b] >> a) & 1 and not ranking.overlap(witness, a, b)
    ]
    rng.shuffle(apart)
    apart.sort(key=lambda pair: ranking.rank(*pair))
    return tuple((ids[a], ids[b]) for a, b in apart[: len(ids) // 4])


@dataclass(frozen=True)
class _PairRanking:
    """Ranks pairs of tasks by how much a disjunction between them misleads.

    Attributes:
        durations: of the n tasks.
        witness: its start times.
        earliest: start times under precedence and windows alone.
        latest: latest finish times under them.
        schedules: start times under precedence, capacity and downtimes.
    """

    durations: Ints
    witness: Ints
    earliest: Ints
    latest: Ints
    schedules: Sequence[Ints]

    def overlap(self, schedule: Ints, a: int, b: int) -> bool:
        """Return whether two tasks run at the same time at some moment of a schedule."""
        return (
            schedule[a] < schedule[b] + self.durations[b]
            and schedule[b] < schedule[a] + self.durations[a]
        )

    def rank(self, a: int, b: int) -> int:
        """Return the rank of a pair, 0 the best.

        First come pairs whose order in the witness is not that of their latest finish times, so
        that the obvious order misleads; then pairs that overlap at their earliest starts; then in
        any of the schedules; then any that precedence leaves free to overlap.
        """
        overlap = self.overlap(self.earliest, a, b)
        if (self.latest[a] - self.latest[b]) * (self.witness[a] - self.witness[b]) < 0:
            return 0 if overlap else 1
        if overlap:
            return 2
        return 3 if any(self.overlap(schedule, a, b) for schedule in self.schedules) else 4


def _earliest(project: Compiled) -> list[int]:
    """Return the n earliest starts by releases and precedence."""
    starts = list(project.releases)
    for i in project.order:
        end = starts[i] + project.durations[i]
        for j in project.successors[i]:
            starts[j] = max(starts[j], end)
    return starts
