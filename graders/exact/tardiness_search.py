"""Least total tardiness by decomposition with memory: the readable twin of `tardiness_kernel.c`.

V(S, t) is the least total tardiness of the jobs S when the machine is free from t on. Raise each
due date to the job's earliest end and sort by it. Strip the jobs that are first or last for sure:
shortest and due first; due no sooner than all work ends, or longest and due last (Emmons 1969).
If due-date order now has at most one late job it is optimal. Else the longest job k is moved to
each position h >= k that the rules allow; those before and after it are two smaller problems
(Lawler 1977). With C(h) its end there, h is allowed if C(h) < d(h+1) and C(h) >= d(r) + p(r) for
every r in k+1..h (Potts & Van Wassenhove 1982; Szwarc 1993). V is remembered by (bit mask of S, t).

Jobs are ranks 0..n-1 here, sorted by due date, then processing time; times are whole units.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from graders.exact.tardiness_local import Ints

Item: TypeAlias = tuple[int, int, int]  # raised due date, processing time, job
State: TypeAlias = tuple[list[int], int]  # a set of jobs and its start
Split: TypeAlias = Callable[[list[int], int], int]
Part: TypeAlias = tuple[list[int], int | None]  # jobs and their start; None: as they stand


class PausableSearch(Protocol):
    """A search that can be paused after any number of expanded states."""

    @property
    def nodes(self) -> int:
        """The number of states expanded so far."""
        ...

    def run(self, nodes: int) -> int | None:
        """Expand at most so many states more; return the least total tardiness, or None so far."""
        ...

    def split(self, jobs: list[int], start: int) -> int:
        """Return the best position of the longest job among stripped `jobs`, after the search."""
        ...


class OpenCore(NamedTuple):
    """A set of jobs with its sure ends stripped.

    Attributes:
        cost: the tardiness of head and tail, in time units.
        head: the jobs that are first for sure, in order.
        items: the jobs to sequence, by raised due date.
        start: when the head ends.
        tail: the jobs that are last for sure, in order.
    """

    cost: int
    head: list[int]
    items: list[Item]
    start: int
    tail: list[int]


def strip(p: Ints, d: Ints, jobs: Ints, start: int) -> OpenCore:
    """Strip jobs that are first or last for sure until none is.

    Args:
        p: the processing times of all jobs, by rank.
        d: their due dates, by rank.
        jobs: the set.
        start: when the machine is free.
    """
    head: list[int] = []
    tail: list[int] = []
    cost, end = 0, start + sum([p[j] for j in jobs])
    items = _raise_due_dates(p, d, jobs, start)
    while items:
        cost += _strip_last(d, items, end, tail)
        if not items or items[0][1] > min([item[1] for item in items]):
            break
        end = start + sum([item[1] for item in items])
        _, length, job = items[0]
        head.append(job)
        start += length
        if start > d[job]:
            cost += start - d[job]
        items = _raise_due_dates(p, d, [item[2] for item in items[1:]], start)
    return OpenCore(cost, head, items, start=start, tail=tail[::-1])


def _raise_due_dates(p: Ints, d: Ints, jobs: Ints, start: int) -> list[Item]:
    """Return the jobs with due dates raised to their earliest ends, sorted by these."""
    items = [(d[j] if d[j] > start + p[j] else start + p[j], p[j], j) for j in jobs]
    items.sort()
    return items


def _strip_last(d: Ints, items: list[Item], end: int, tail: list[int]) -> int:
    """Move sure last jobs from items, whose work is over at `end`, to the tail.

    Returns their tardiness.
    """
    cost = 0
    longest = max([item[1] for item in items])
    while items:
        due, length, job = items[-1]
        if due < end and length < longest:
            break
        items.pop()
        tail.append(job)
        if end > d[job]:
            cost += end - d[job]
        end -= length
        if items and length == longest:
            longest = max([item[1] for item in items])
    return cost


def due_date_order(d: Ints, core: OpenCore) -> int | None:
    """Return the tardiness of the items as they stand, None if two miss their raised due dates.

    Args:
        d: the due dates of all jobs, by rank.
        core: the items and their start.
    """
    cost, end, late = 0, core.start, 0
    for due, length, job in core.items:
        end += length
        if end > due:
            late += 1
            if late > 1:
                return None
        if end > d[job]:
            cost += end - d[job]
    return cost


def longest_item(items: Sequence[Item]) -> int:
    """Return the index of the longest item, the last one of equals."""
    return max(range(len(items)), key=lambda i: (items[i][1], i))


def allowed_positions(core: OpenCore, longest: int) -> Iterator[tuple[int, int]]:
    """Yield the positions that the longest item may take, each with its end there.

    Args:
        core: the items and their start.
        longest: the index of the longest item.
    """
    items, count = core.items, len(core.items)
    end = core.start + sum([item[1] for item in items[:longest]])
    needed = end
    for h in range(longest, count):
        due, length, _ = items[h]
        end += length
        if h > longest and due + length > needed:
            needed = due + length
        if end >= needed and (h + 1 == count or end < items[h + 1][0]):
            yield h, end


class PlainSearch:
    """The search in plain Python; expanded states wait on a stack of generators."""

    def __init__(self, p: Ints, d: Ints) -> None:
        self.nodes = 0
        self._p, self._d = p, d
        self._memory: dict[tuple[int, int], tuple[int, int]] = {}  # (mask, t) -> value, split
        self._stack: list[Generator[State, int, int]] = []
        self._answer = self._enter(list(range(len(p))), 0)

    def run(self, nodes: int) -> int | None:
        """Expand at most so many states more; return the least total tardiness, or None so far."""
        last = self.nodes + nodes
        while self._stack:
            if self._answer is None:
                if self.nodes == last:
                    return None
                self.nodes += 1
            self._advance(self._stack[-1])
        return self._answer

    def _advance(self, state: Generator[State, int, int]) -> None:
        """Carry a state, the one on top, as far as it goes without another state's value."""
        try:
            jobs, start = next(state) if self._answer is None else state.send(self._answer)
        except StopIteration as stop:
            self._stack.pop()
            self._answer = stop.value
        else:
            self._answer = self._enter(jobs, start)

    def _enter(self, jobs: list[int], start: int) -> int | None:
        """Return V(jobs, start) if it is plain or remembered; else put it on the stack."""
        core = strip(self._p, self._d, jobs, start)
        simple = due_date_order(self._d, core)
        if simple is not None:
            return core.cost + simple
        key = _mask(item[2] for item in core.items), core.start
        if key in self._memory:
            return core.cost + self._memory[key][0]
        self._stack.append(self._expand(core, key))
        return None

    def _expand(self, core: OpenCore, key: tuple[int, int]) -> Generator[State, int, int]:
        """Try the allowed positions: yields smaller sets, is sent their V, returns its own."""
        best, split = -1, -1
        longest = longest_item(core.items)
        jobs = [item[2] for item in core.items]
        due = self._d[jobs[longest]]
        for h, end in allowed_positions(core, longest):
            total = max(0, end - due)
            total += yield jobs[:longest] + jobs[longest + 1 : h + 1], core.start
            if best < 0 or total < best:
                total += yield jobs[h + 1 :], end
                if best < 0 or total < best:
                    best, split = total, h
        self._memory[key] = best, split
        return core.cost + best

    def split(self, jobs: list[int], start: int) -> int:
        """Return the best position of the longest job among stripped `jobs`, after the search."""
        return self._memory[_mask(jobs), start][1]


def _mask(jobs: Iterator[int] | list[int]) -> int:
    mask = 0
    for job in jobs:
        mask |= 1 << job
    return mask


def read_order(p: Ints, d: Ints, split: Split) -> list[int]:
    """Return the n jobs in the order that a finished search has proven, by replaying its splits.

    Args:
        p: n processing times, by rank.
        d: n due dates, by rank.
        split: the best position of the longest job of a set of stripped jobs and its start.
    """
    order: list[int] = []
    stack: list[Part] = [(list(range(len(p))), 0)]
    while stack:
        jobs, start = stack.pop()
        if start is None:
            order += jobs
        else:
            core = strip(p, d, jobs, start)
            stack += ((core.tail, None), *_parts(d, core, split), (core.head, None))
    return order


def _parts(d: Ints, core: OpenCore, split: Split) -> list[Part]:
    """Return the parts of a core, the last one first."""
    jobs = [item[2] for item in core.items]
    if due_date_order(d, core) is not None:
        return [(jobs, None)]
    longest, h = longest_item(core.items), split(jobs, core.start)
    end = core.start + sum([item[1] for item in core.items[: h + 1]])
    before = jobs[:longest] + jobs[longest + 1 : h + 1]
    return [(jobs[h + 1 :], end), ([jobs[longest]], None), (before, core.start)]
