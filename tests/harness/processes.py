"""Other processes, as the kernel shows them."""

import time
from collections.abc import Callable
from pathlib import Path
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
