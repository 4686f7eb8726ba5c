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

Item: TypeAlias = tuple[int, int, int]  # raised due date, processing time, job
Wanted: TypeAlias = tuple[list[int], int]  # a set of jobs and its start
Split: TypeAlias = Callable[[list[int], int], int]


class PausableSearch(Protocol):
    """A search that can be paused after any number of expanded states."""

    @property
    def nodes(self) -> int:
        """States expanded so far."""
        ...

    def run(self, nodes: int) -> int | None:
        """Expand at most `nodes` states more; the least total tardiness once known, else None."""
        ...

    def split(self, jobs: list[int], start: int) -> int:
        """Best position of the longest job among stripped `jobs`, of a finished search."""
        ...


class OpenCore(NamedTuple):
    """A set with its sure ends stripped: `head` (until `start`), `items` to sequence, `tail`.

    `cost` is the tardiness of head and tail, in time units; items are by raised due date.
    """

    cost: int
    head: list[int]
    items: list[Item]
    start: int
    tail: list[int]


def strip(p: Sequence[int], d: Sequence[int], jobs: Sequence[int], start: int) -> OpenCore:
    """Strip what is first or last for sure until nothing is."""
    head: list[int] = []
    tail: list[int] = []
    cost, end = 0, start + sum([p[j] for j in jobs])
    items = _raised(p, d, jobs, start)
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
        items = _raised(p, d, [item[2] for item in items[1:]], start)
    return OpenCore(cost, head, items, start, tail[::-1])


def _raised(p: Sequence[int], d: Sequence[int], jobs: Sequence[int], start: int) -> list[Item]:
    items = [(d[j] if d[j] > start + p[j] else start + p[j], p[j], j) for j in jobs]
    items.sort()
    return items


def _strip_last(d: Sequence[int], items: list[Item], end: int, tail: list[int]) -> int:
    """Move sure last jobs from `items`, whose work is over at `end`, to `tail`; their tardiness."""
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


def due_date_order(d: Sequence[int], core: OpenCore) -> int | None:
    """Tardiness of the items as they stand if at most one is late against its raised due date."""
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
    """Index of the longest item, the last one of equals."""
    return max(range(len(items)), key=lambda i: (items[i][1], i))


def allowed_positions(core: OpenCore, longest: int) -> Iterator[tuple[int, int]]:
    """Positions the longest item may take, each with the time at which it ends there."""
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

    def __init__(self, p: Sequence[int], d: Sequence[int]) -> None:
        self.nodes = 0
        self._p, self._d = p, d
        self._memory: dict[tuple[int, int], tuple[int, int]] = {}  # (mask, t) -> value, split
        self._stack: list[Generator[Wanted, int, int]] = []
        self._answer = self._enter(list(range(len(p))), 0)

    def run(self, nodes: int) -> int | None:
        """Expand at most `nodes` states more; the least total tardiness once known, else None."""
        last = self.nodes + nodes
        while self._stack:
            if self._answer is None:
                if self.nodes == last:
                    return None
                self.nodes += 1
            self._advance(self._stack[-1])
        return self._answer

    def _advance(self, state: Generator[Wanted, int, int]) -> None:
        """Carry the state on top as far as it goes without another state's value."""
        try:
            jobs, start = next(state) if self._answer is None else state.send(self._answer)
        except StopIteration as finished:
            self._stack.pop()
            self._answer = finished.value
        else:
            self._answer = self._enter(jobs, start)

    def _enter(self, jobs: list[int], start: int) -> int | None:
        """V(jobs, start) if it is plain or remembered; else put it on the stack."""
        core = strip(self._p, self._d, jobs, start)
        simple = due_date_order(self._d, core)
        if simple is not None:
            return core.cost + simple
        key = _mask(item[2] for item in core.items), core.start
        if key in self._memory:
            return core.cost + self._memory[key][0]
        self._stack.append(self._expand(core, key))
        return None

    def _expand(self, core: OpenCore, key: tuple[int, int]) -> Generator[Wanted, int, int]:
        """Try the allowed positions; wants the values of smaller sets, returns this one's."""
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
        """Best position of the longest job among stripped `jobs`, of a finished search."""
        return self._memory[_mask(jobs), start][1]


def _mask(jobs: Iterator[int] | list[int]) -> int:
    mask = 0
    for job in jobs:
        mask |= 1 << job
    return mask


def read_order(p: Sequence[int], d: Sequence[int], split: Split) -> list[int]:
    """The n jobs in the order a finished search has found, by replaying its splits."""
    order: list[int] = []
    todo: list[tuple[list[int], int | None]] = [(list(range(len(p))), 0)]  # None: as it stands
    while todo:
        jobs, start = todo.pop()
        if start is None:
            order += jobs
            continue
        core = strip(p, d, jobs, start)
        jobs = [item[2] for item in core.items]
        todo.append((core.tail, None))
        if due_date_order(d, core) is not None:
            todo.append((jobs, None))
        else:
            longest, h = longest_item(core.items), split(jobs, core.start)
            end = core.start + sum([item[1] for item in core.items[: h + 1]])
            before = jobs[:longest] + jobs[longest + 1 : h + 1]
            todo += [(jobs[h + 1 :], end), ([jobs[longest]], None), (before, core.start)]
        todo.append((core.head, None))
    return order
