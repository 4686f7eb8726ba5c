"""Other processes, as the kernel shows them, and limits of what is waited for."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TypeVar

T = TypeVar("T")


def under(pid: int) -> dict[int, str]:
    """The command lines of a process's children, their children, and so on, by id."""
    found: dict[int, str] = {}
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            found |= {child: command(child)} | under(child)
    return found


def command(pid: int) -> str:
    """The command line of a process; empty if it is gone, or dead and not yet buried."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def until(found: Callable[[], T], seconds: float = 240.0) -> T:
    """What a question is answered by when the answer is first true."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < deadline, "it did not come to this"
        time.sleep(0.02)
    return answer


class TooLong(SystemExit):
    """Passes through event loops and the command line, which keep other exceptions."""


@contextmanager
def deadline(seconds: float, what: str) -> Iterator[None]:
    """A limit on what this, the main thread does; AssertionError with the name of it after that."""

    def stop(_: int, __: FrameType | None) -> None:
        raise TooLong(what)

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except TooLong:
        raise AssertionError(f"{what}: not done after {seconds:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def children(pid: int) -> list[int]:
    """The direct children of a process."""
    lists = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(word) for line in lists for word in line.split()]


def servers() -> set[int]:
    """The fork servers that this process has."""
    return {pid for pid in children(os.getpid()) if is_server(pid)}


def is_server(pid: int) -> bool:
    """Whether a process is a fork server."""
    return b"harness.sandbox.server" in Path(f"/proc/{pid}/cmdline").read_bytes()
