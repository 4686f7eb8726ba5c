"""The interface of an engine, and how it keeps the order of its items."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from tasks.base import Failure

T = TypeVar("T")

F = TypeVar("F")

R = TypeVar("R")

AHEAD = 4  # items begun for each that can be worked on: nobody waits for the slowest of them


class EngineFailure(Failure):
    """A failure of workers that die again and again, or of which there are none any more."""

    boundary = "engine"


class Engine(Protocol):
    """A place where work is done on many items at once."""

    @property
    def room(self) -> int:
        """Return how many items can be worked on at once, at least 1."""

    def map(
        self, work: Callable[[T], R], items: Iterable[T], name: Callable[[T], str]
    ) -> Iterator[R]:
        """Yield the results in the order of the items, which are taken as they are needed.

        Args:
            work: a pure function of an item that can be pickled; what it raises is raised here.
            items: values that can be pickled.
            name: gives an item's name for messages.

        Raises:
            EngineFailure: if the work cannot be done.
        """


def in_order(
    begin: Callable[[T], F], end: Callable[[T, F], R], items: Iterable[T], most: int
) -> Iterator[R]:
    """Yield what comes of items that are begun ahead, and ended in their order.

    Args:
        begin: starts an item and returns a handle.
        end: waits for an item by its handle and returns the result.
        items: taken as they are needed.
        most: how many may be begun and not ended.
    """
    pending: deque[tuple[T, F]] = deque()
    for item in items:
        if len(pending) == most:
            yield end(*pending.popleft())
        pending.append((item, begin(item)))
    while pending:
        yield end(*pending.popleft())
