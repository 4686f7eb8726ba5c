"""Where work is done that is heavy on CPU: in this process, in several, or on a Ray cluster.

The work is a pure function of its item, so that it is the same wherever it is done, and can be done
again where a worker dies. It goes to each worker process once, so it may hold what is large.
"""

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from os import _exit
from threading import Thread
from typing import Any, Protocol, TypeVar

from tasks.base import Failure, InputError

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
    begun: deque[tuple[T, F]] = deque()
    for item in items:
        if len(begun) == most:
            yield end(*begun.popleft())
        begun.append((item, begin(item)))
    while begun:
        yield end(*begun.popleft())


class Local:
    """This machine: this process alone, or `room` others."""

    def __init__(self, room: int) -> None:
        self.room = room

    def map(
        self, work: Callable[[T], R], items: Iterable[T], name: Callable[[T], str]
    ) -> Iterator[R]:
        """See `Engine`. A process that dies (for want of memory, say) ends the work."""
        if self.room == 1:
            yield from map(work, items)
            return
        context = get_context("spawn")  # a fork keeps our locks
        pool = ProcessPoolExecutor(self.room, context, _begin, (work,))

        def begin(item: T) -> "Future[R]":
            return pool.submit(_perform, item)

        def end(item: T, future: "Future[R]") -> R:
            try:
                return future.result()
            except BrokenProcessPool:
                raise _died(name(item)) from None

        whole = False
        try:
            yield from in_order(begin, end, items, AHEAD * self.room)
            whole = True
        except BrokenProcessPool:  # at a begin
            raise _died("the work") from None
        finally:
            if not whole:
                for child in active_children():
                    child.kill()
            pool.shutdown(cancel_futures=True)


def _died(what: str) -> EngineFailure:
    return EngineFailure(
        f"a worker process died, at {what} or soon after it (killed, or out of memory?): the same"
        " again goes on from here, with fewer --jobs if memory was short"
    )


@contextmanager
def opened(kind: str, jobs: int | None = None, address: str | None = None) -> Iterator[Engine]:
    """The engine of a command's options, until the command is done; InputError if it is away."""
    if kind == "local":
        if address is not None:
            raise InputError("--ray-address is for --engine ray")
        yield Local(jobs or 1)
        return
    if jobs is not None:
        raise InputError("--jobs is for --engine local: Ray takes the CPUs that its cluster has")
    from harness.engine_ray import connected

    with connected(address) as ray:
        yield ray


# In a worker process -----------------------------------------------------------------------

_WORK: list[Callable[[Any], Any]] = []


def _begin(work: Callable[[Any], Any]) -> None:
    """Make ready; a worker dies silently at Ctrl-C, and with the process that it works for."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    Thread(target=_end_with_parent, daemon=True).start()
    _WORK.append(work)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    _exit(1)


def _perform(item: Any) -> Any:
    return _WORK[0](item)
