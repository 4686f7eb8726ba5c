"""Feasible schedules of a project: list schedules, and a population of them that is bred.

All work is counted in schedules made, and all randomness is seeded: the same project has the same
schedule in every process.
"""

from bisect import insort
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from graders.exact import sgs
from graders.exact.sgs import Compiled, Ints
from graders.exact.sgs_kernel import Scheduler, scheduler

SAMPLES = 20  # random lists tried for an upper bound; more met the lower one hardly more often
MEMBERS = 40  # of a population at most
SHARE = 30  # of all schedules for a member, so that there are ten children for each
NOISE = 0.6  # of the range of latest finish times, added to them for the first members
SWAPS = 0.05  # the chance of a place of a child's list to change with the next


def upper_bound(
    project: Compiled, lower: int, tails: Ints, hints: Sequence[list[int]] = ()
) -> list[int] | None:
    """Return the best feasible list schedule, improved forward and backward; None without one.

    Args:
        project: the compiled project of n tasks.
        lower: a bound on the makespan; a schedule that attains it ends the search.
        tails: the n least times from a task's end to the makespan.
        hints: feasible schedules to improve first, n start times each.
    """
    best: list[int] | None = None
    shortest = project.horizon + 1
    if hints and sgs.makespan(project, hints[0]) <= lower:
        return hints[0]
    schedules = scheduler(project)
    for starts in _candidates(project, schedules, tails, hints):
        if sgs.in_time(project, starts):
            improved = schedules.shortened(starts, lower)
            length = sgs.makespan(project, improved)
            if length < shortest:
                best, shortest = improved, length
            if shortest <= lower:
                break
    return best


def _candidates(
    project: Compiled, schedules: Scheduler, tails: Ints, hints: Sequence[list[int]]
) -> Iterator[list[int]]:
    yield from hints
    for keys in _priorities(project, tails):
        yield schedules.serial(sgs.priority_list(project, keys))
    rng = Random("exact/rcpsp")
    for _ in range(SAMPLES):
        yield schedules.random_schedules(rng, 1).shortest


def _priorities(project: Compiled, tails: Ints) -> tuple[list[int], ...]:
    """Return the keys of latest finish time, longest tail with duration, and deadline."""
    longest_tail = [-tail - d for tail, d in zip(tails, project.durations, strict=True)]
    return sgs.lft(project), longest_tail, sgs.edf(project)


# A population -------------------------------------------------------------------------------


class Member(NamedTuple):
    """A schedule of a population; the best is the least.

    Attributes:
        lateness: time units by which tasks end past their deadlines; 0 is feasible.
        makespan: in time units.
        starts: the n start times.
    """

    lateness: int
    makespan: int
    starts: tuple[int, ...]


def breed(project: Compiled, lower: int, first: Sequence[Ints], schedules: int) -> list[int] | None:
    """Return the best feasible schedule of a population of justified ones; None without one.

    A genetic algorithm on task lists: the two-point crossover of Hartmann (1998), "A competitive
    genetic algorithm for resource-constrained project scheduling", and the double justification of
    Valls, Ballestin & Quintanilla (2005), "Justification and RCPSP". A child takes the place of the
    worst member if it is better and new.

    Args:
        project: the compiled project of n tasks.
        lower: a bound on the makespan; a schedule that attains it ends the search.
        first: feasible schedules to begin with, n start times each.
        schedules: how many may be made.
    """
    nursery = _Nursery(project, schedules)
    members = nursery.first_members(first)
    while nursery.has_room and not _is_least(members[0], lower):
        child = nursery.child(*(_winner(members, nursery.rng) for _ in "ab"))
        if child < members[-1] and child not in members:
            members.pop()
            insort(members, child)
    return list(members[0].starts) if members and not members[0].lateness else None


def _is_least(member: Member, lower: int) -> bool:
    return not member.lateness and member.makespan <= lower


def _winner(members: Sequence[Member], rng: Random) -> Member:
    """Return the better of two members, each equally likely."""
    return members[min(int(rng.random() * len(members)) for _ in "ab")]


class _Nursery:
    """Makes the members of a population, as many as it may."""

    def __init__(self, project: Compiled, schedules: int) -> None:
        self.rng = Random(f"exact/rcpsp/population/{schedules}")
        self._project, self._left = project, schedules
        self._scheduler = scheduler(project)

    @property
    def has_room(self) -> bool:
        """Return whether one more member may be made, which takes three schedules."""
        return self._left >= 3

    def first_members(self, first: Sequence[Ints]) -> list[Member]:
        """Return members, best first, whose lists are by latest finish time with noise."""
        members = sorted({self._member(starts) for starts in first})
        latest = sgs.lft(self._project)
        spread = NOISE * (max(latest) - min(latest) + 1)
        for _ in range(min(MEMBERS, 1 + self._left // SHARE)):
            if not self.has_room:
                break
            keys = [end + spread * (2 * self.rng.random() - 1) for end in latest]
            member = self._place(sgs.priority_list(self._project, keys))
            if member not in members:
                insort(members, member)
        return members

    def child(self, first: Member, second: Member) -> Member:
        """Return a member whose list is the first's, the second's in the middle."""
        lists = [self._list(first), self._list(second)]
        cuts = sorted(int(self.rng.random() * (len(lists[0]) + 1)) for _ in "ab")
        return self._place(self._mutated(_crossed(lists[0], lists[1], cuts)))

    def _list(self, member: Member) -> list[int]:
        return sorted(self._project.order, key=member.starts.__getitem__)

    def _mutated(self, order: list[int]) -> list[int]:
        """Change some neighbours in a list; those bound by precedence keep their order."""
        for k in range(len(order) - 1):
            if (
                self.rng.random() < SWAPS
                and order[k] not in self._project.predecessors[order[k + 1]]
            ):
                order[k], order[k + 1] = order[k + 1], order[k]
        return order

    def _place(self, order: Ints) -> Member:
        """Return the better of a list's schedule and that schedule justified."""
        self._left -= 3
        first = self._scheduler.serial(order)
        return min(self._member(first), self._member(self._scheduler.justified(first)))

    def _member(self, starts: Ints) -> Member:
        durations, deadlines = self._project.durations, self._project.deadlines
        late = sum(
            max(0, s + d - deadline)
            for s, d, deadline in zip(starts, durations, deadlines, strict=True)
        )
        return Member(late, sgs.makespan(self._project, starts), tuple(starts))


def _crossed(first: Ints, second: Ints, cuts: Ints) -> list[int]:
    """Return the first list, with what is next in the second between two cuts."""
    begin, end = cuts
    head, taken = list(first[:begin]), set(first[:begin])
    middle = [i for i in second if i not in taken][: end - begin]
    taken.update(middle)
    return [*head, *middle, *(i for i in first if i not in taken)]
