"""Keeps the processes of a session within its limits. It needs nothing but Python.

No control group is needed, which would need rights: a process that sees all the others adds up
what they take, some times a second, and ends them all at a limit.
"""

import os
import resource
import signal
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol, TypedDict

LOOK, COUNT = 0.02, 0.2  # seconds between two looks at the command, and at what all take
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class KeeperLimits(TypedDict):
    """What all processes together may take.

    Attributes:
        seconds: by the clock on the wall.
        cpu_seconds: of processors.
        memory_mb: of their own, beside programs and libraries; files in memory count.
        processes: at once.
    """

    seconds: float
    cpu_seconds: float
    memory_mb: int
    processes: int


class Status(NamedTuple):
    """A process as the kernel shows it: its parent, ticks of a processor, bytes of memory."""

    parent: int
    ticks: int
    memory: int


def status_of(pid: int) -> Status | None:
    """Return what a process takes; None if it is gone. Its children that it buried count."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # in a jail no codec could be loaded
            fields = file.read().rpartition(b")")[2].split()
        with open(f"/proc/{pid}/statm", "rb") as file:
            _, resident, shared, *_ = map(int, file.read().split())
    except (OSError, ValueError):
        return None
    return Status(int(fields[1]), sum(map(int, fields[11:15])), (resident - shared) * _PAGE)


def _numbers() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdecimal())


class Processes(Protocol):
    """The processes of a session."""

    def living(self) -> Iterable[Status]:
        """Return what each of them takes."""

    def end(self) -> None:
        """Kill all of them, and those that they begin meanwhile."""


class Everything:
    """All that this process sees: it is the first of a jail."""

    def living(self) -> Iterable[Status]:
        """Return what each of them takes."""
        states = (status_of(pid) for pid in _numbers() if pid != os.getpid())
        return [state for state in states if state]

    def end(self) -> None:
        """Kill all of them."""
        try:
            os.kill(-1, signal.SIGKILL)
            while True:
                os.wait()
        except (ProcessLookupError, ChildProcessError):
            return


class Descendants:
    """What this process began, and what these began: orphans come back to it."""

    def living(self) -> Iterable[Status]:
        """Return what each of them takes."""
        return self._under().values()

    def end(self) -> None:
        """Kill all of them, until there are none."""
        while pids := self._under():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            try:
                while os.waitpid(-1, os.WNOHANG) != (0, 0):
                    continue
            except ChildProcessError:
                return
            time.sleep(LOOK)

    def _under(self) -> dict[int, Status]:
        states = {pid: state for pid in _numbers() if (state := status_of(pid))}
        children: dict[int, list[int]] = {}
        for pid, state in states.items():
            children.setdefault(state.parent, []).append(pid)
        under, parents = dict[int, Status](), [os.getpid()]
        while parents:
            for pid in children.get(parents.pop(), []):
                under[pid] = states[pid]
                parents.append(pid)
        return under


def watch(
    child: int, limits: KeeperLimits, processes: Processes, disk: str | None
) -> tuple[int | None, str]:
    """Return the child's status; at a limit None and its name. Other orphans are buried on the way.

    Args:
        child: a process that this one began.
        limits: of all processes.
        processes: of the session.
        disk: a folder in memory, whose files count; None where files are on a disk.
    """
    start = counted = time.monotonic()
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            return os.waitstatus_to_exitcode(status), ""
        now = time.monotonic()
        if now - start >= limits["seconds"]:
            return None, "seconds"
        if now - counted >= COUNT:
            counted = now
            if limit := _above(limits, [*processes.living()], disk):
                return None, limit
        if pid == 0:
            time.sleep(LOOK)


def _above(limits: KeeperLimits, living: list[Status], disk: str | None) -> str:
    """Return the name of a limit that is passed; nothing if all are kept."""
    if len(living) > limits["processes"]:
        return "processes"
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = sum(each.ticks for each in living) / _TICK + ended.ru_utime + ended.ru_stime
    if seconds > limits["cpu_seconds"]:
        return "cpu_seconds"
    memory = sum(each.memory for each in living) + (_used(disk) if disk else 0)
    return "memory_mb" if memory > limits["memory_mb"] * 2**20 else ""


def _used(folder: str) -> int:
    """Return the bytes that are used of a folder's file system."""
    state = os.statvfs(folder)
    return (state.f_blocks - state.f_bfree) * state.f_frsize
