"""Better placings than policies find: a descent, and a branch and bound for few tasks."""

from collections.abc import Iterator, Sequence

from tasks.placement import Fleet, PlacedTask

PATIENCE = 60_000  # nodes of the branch and bound
Needed = Sequence[tuple[int, int, int]]  # [start, end) and the hosts that it needs at least


def busy(tasks: Sequence[PlacedTask]) -> int:
    """Return for how long a host with these tasks, in the order of their coming, is in use."""
    total = until = 0
    for task in tasks:
        total += max(0, task.end - max(task.at, until))
        until = max(until, task.end)
    return total


def has_room(fleet: Fleet, tasks: Sequence[PlacedTask]) -> bool:
    """Return whether a host can hold tasks, which are in the order of their coming."""
    for k, task in enumerate(tasks):
        beside = [other for other in tasks[: k + 1] if other.end > task.at]
        if sum(t.cpu for t in beside) > fleet.cpu or sum(t.memory for t in beside) > fleet.memory:
            return False
    return True


def longest_first(fleet: Fleet) -> list[int]:
    """Return the placing of one task after another, the longest first.

    Each lies where it makes hosts longer in use by the least, after Flammini et al. 2010.
    """
    rows, placing = list[list[PlacedTask]](), dict[str, int]()
    for task in sorted(fleet.tasks, key=lambda task: (-task.time, task.at)):
        choices = []
        for number, row in enumerate([*rows, []]):
            beside = [t for t in row if t.at < task.end and t.end > task.at]
            if has_room(fleet, _in_order([*beside, task])):
                longer = busy(_in_order([*row, task])) - busy(_in_order(row))
                choices.append((longer, -len(beside), number))
        number = min(choices)[2]
        if number == len(rows):
            rows.append([])
        rows[number].append(task)
        placing[task.id] = number + 1
    return [placing[task.id] for task in fleet.tasks]


def _in_order(tasks: Sequence[PlacedTask]) -> list[PlacedTask]:
    return sorted(tasks, key=lambda task: task.at)


def descent(fleet: Fleet, hosts: Sequence[int]) -> list[int]:
    """Return a placing from which no task's move and no exchange of two gains.

    Args:
        fleet: with its tasks.
        hosts: the number of a host for each task, in order; a placing that keeps every rule.
    """
    placing = _Placing(fleet, hosts)
    while any(placing.gain(step) for step in placing.steps()):
        pass
    return placing.hosts


class _Placing:
    """A placing that changes: `hosts` by task."""

    def __init__(self, fleet: Fleet, hosts: Sequence[int]) -> None:
        self.fleet, self.hosts = fleet, list(hosts)

    def steps(self) -> Iterator[list[tuple[int, int]]]:
        """Yield changes, each a list of (task, new host): one move, or an exchange of two."""
        count = len(self.hosts)
        numbers = sorted(set(self.hosts))
        for task in range(count):
            yield from ([(task, number)] for number in (*numbers, max(numbers) + 1))
        for first in range(count):
            for second in range(first + 1, count):
                yield [(first, self.hosts[second]), (second, self.hosts[first])]

    def gain(self, step: Sequence[tuple[int, int]]) -> bool:
        """Change the placing where that gains, and return whether it did."""
        touched = {number for _, number in step} | {self.hosts[task] for task, _ in step}
        other = list(self.hosts)
        for task, number in step:
            other[task] = number
        if other == self.hosts or not self._is_better(other, touched):
            return False
        self.hosts = other
        return True

    def _is_better(self, other: Sequence[int], touched: set[int]) -> bool:
        before = sum(busy(self._on(self.hosts, number)) for number in touched)
        rows = [self._on(other, number) for number in touched]
        return sum(map(busy, rows)) < before and all(has_room(self.fleet, row) for row in rows)

    def _on(self, hosts: Sequence[int], number: int) -> list[PlacedTask]:
        return [task for task, host in zip(self.fleet.tasks, hosts, strict=True) if host == number]


def branched(fleet: Fleet, hosts: Sequence[int], needed: Needed) -> tuple[list[int], bool]:
    """Return the best placing, and whether the search came to its end, so that it is proven.

    Args:
        fleet: with its tasks.
        hosts: a placing to begin with.
        needed: how many hosts each interval between events needs at least.
    """
    search = _Branches(fleet, hosts, needed)
    search.place(0)
    return search.best, search.nodes <= PATIENCE


class _Branches:
    """A depth-first search over the hosts of tasks in the order of their coming.

    Its bound counts in each interval the hosts that are in use by the tasks so far, or those that
    it needs at least, whichever are more.
    """

    def __init__(self, fleet: Fleet, hosts: Sequence[int], needed: Needed) -> None:
        self.fleet, self.best, self.nodes = fleet, list(hosts), 0
        self.starts = {start: k for k, (start, _, _) in enumerate(needed)}
        self.starts[needed[-1][1]] = len(needed)
        self.lengths = [end - start for start, end, _ in needed]
        self.least = [count for _, _, count in needed]
        self.used = [0] * len(needed)
        self.bound = sum(n * length for n, length in zip(self.least, self.lengths, strict=True))
        self.rows: list[list[PlacedTask]] = []
        self.placing: list[int] = []
        numbers = dict.fromkeys(hosts)
        self.lowest = sum(
            busy([t for t, n in zip(fleet.tasks, hosts, strict=True) if n == number])
            for number in numbers
        )

    def place(self, number: int) -> None:
        """Place a task, and all that come after it, in every way that may be better."""
        if number == len(self.fleet.tasks):
            if self.bound < self.lowest:
                self.best, self.lowest = list(self.placing), self.bound
            return
        task = self.fleet.tasks[number]
        for row in sorted(self._rows_for(task), key=lambda k: self._begin(k, task), reverse=True):
            self.nodes += 1
            if self.nodes > PATIENCE:
                return
            self._branch(number, task, row)

    def _rows_for(self, task: PlacedTask) -> Iterator[int]:
        """Yield the hosts in use with room for a task, and one that is not in use."""
        for k, row in enumerate(self.rows):
            beside = [other for other in row if other.end > task.at]
            cpu = sum(other.cpu for other in beside) + task.cpu
            memory = sum(other.memory for other in beside) + task.memory
            if beside and cpu <= self.fleet.cpu and memory <= self.fleet.memory:
                yield k
        yield len(self.rows)

    def _begin(self, row: int, task: PlacedTask) -> int:
        """Return from when a task keeps a host in use longer than it is anyway."""
        if row == len(self.rows):
            return task.at
        return max(other.end for other in self.rows[row])

    def _branch(self, number: int, task: PlacedTask, row: int) -> None:
        begin = self._begin(row, task)
        span = range(self.starts[begin], self.starts[task.end]) if begin < task.end else range(0)
        if row == len(self.rows):
            self.rows.append([])
        self.rows[row].append(task)
        self.placing.append(row + 1)
        self._use(span, 1)
        if self.bound < self.lowest:
            self.place(number + 1)
        self._use(span, -1)
        self.placing.pop()
        self.rows[row].pop()
        if not self.rows[row]:
            self.rows.pop()

    def _use(self, span: range, change: int) -> None:
        for k in span:
            before = max(self.used[k], self.least[k])
            self.used[k] += change
            self.bound += (max(self.used[k], self.least[k]) - before) * self.lengths[k]
