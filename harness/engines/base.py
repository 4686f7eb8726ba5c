"""What an engine does, and how it keeps the order of its items."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from tasks.base import Failure

T = TypeVar("T")

F = TypeVar("F")

R = TypeVar("R")

AHEAD = 4  # items begun for each that can be worked on: nobody waits for the slowest of them


class EngineFailure(Failure):
    """Workers die again and again, or there are none any more."""

    boundary = "engine"


class Engine(Protocol):
    """Does work. `room` is how many items can be worked on at once."""

    @property
    def room(self) -> int:
        """At least 1."""

    def map(
        self, work: Callable[[T], R], items: Iterable[T], name: Callable[[T], str]
    ) -> Iterator[R]:
        """The results in the order of the items, which are taken as they are needed.

        `work` and items can be pickled; `name` is for messages. What the work raises is raised
        here, in its place; EngineFailure if it cannot be done.
        """


def in_order(
    begin: Callable[[T], F], end: Callable[[T, F], R], items: Iterable[T], most: int
) -> Iterator[R]:
    """What comes of items that are begun ahead, at most so many, and ended in their order."""
    pending: deque[tuple[T, F]] = deque()
    for item in items:
        if len(pending) == most:
            yield end(*pending.popleft())
        pending.append((item, begin(item)))
    while pending:
        yield end(*pending.popleft())
