"""Work that is heavy on CPU, on this machine: in this process or in several.

The work is a pure function of its item, so that its result does not depend on the place, and it can
be done again if a worker dies. It goes to each worker process once, so it may hold what is large.
"""

import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from os import _exit
from threading import Thread
from typing import Any

from harness.engines.base import AHEAD, EngineFailure, R, T, in_order


class Local:
    """This machine: this process alone, or `room` others."""

    def __init__(self, room: int) -> None:
        self.room = room

    def map(
        self, work: Callable[[T], R], items: Iterable[T], name: Callable[[T], str]
    ) -> Iterator[R]:
        """Yield results as `Engine.map` does; EngineFailure if a process dies."""
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
                raise _worker_death(name(item)) from None

        complete = False
        try:
            yield from in_order(begin, end, items, AHEAD * self.room)
            complete = True
        except BrokenProcessPool:  # at a begin
            raise _worker_death("the work") from None
        finally:
            if not complete:
                for child in active_children():
                    child.kill()
            pool.shutdown(cancel_futures=True)


def _worker_death(place: str) -> EngineFailure:
    return EngineFailure(
        f"a worker process died, at {place} or soon after it (killed, or out of memory?): the same"
        " again goes on from here, with fewer `jobs` if memory was short"
    )


# In a worker process -----------------------------------------------------------------------

_WORK: list[Callable[[Any], Any]] = []


def _begin(work: Callable[[Any], Any]) -> None:
    """Prepare a worker: it dies silently at Ctrl-C, and with the process that it works for."""
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
