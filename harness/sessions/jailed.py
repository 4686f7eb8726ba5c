"""Runs a command in a jail, or without one, and answers its requests from outside."""

import asyncio
import fcntl
import os
import shutil
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import msgspec

from harness.digests import digest
from harness.sandbox.base import SandboxFailure
from tasks.base import Noun

PORT = 8210  # of every jail: each has a network of its own, and it stands in what agents write
GRACE = 30.0  # seconds that a jail has to begin and to end
_ROOT = str(Path(__file__).parents[2])
_SCRIPT = (
    "import sys; sys.path.append(sys.argv[1]); from harness.sessions.jail import main;"
    " main(int(sys.argv[2]))"
)
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


class CellLimits(Noun, frozen=True):
    """What all processes of a jail may take: the fields of `keeper.KeeperLimits`."""

    seconds: float = 60.0
    cpu_seconds: float = 600.0
    memory_mb: int = 4096
    processes: int = 512


class Cell(Noun, frozen=True):
    """What is in a jail, and how long: see `jail.Orders`.

    Attributes:
        command: words.
        environment: all of it.
        files: texts by their paths in the folder of the work.
        user_files: texts by their paths in the user's own folder.
        folders: of this machine, there read-only.
        limits: of its processes.
        disk_mb: that files may take, in memory.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str] = {}
    files: Mapping[str, str] = {}
    user_files: Mapping[str, str] = {}
    folders: tuple[str, ...] = ()
    limits: CellLimits = CellLimits()
    disk_mb: int = 512


class Ended(Noun, frozen=True):
    """What came of a command: the fields of `jail.Ending`."""

    status: int | None
    limit: str = ""
    seconds: float = 0.0
    files: dict[str, str] = {}
    left_out: tuple[str, ...] = ()
    tail: str = ""
    error: str = ""


async def run_jailed(cell: Cell, serve: Serve) -> Ended:
    """Return what came of a command in a jail; cancelled, it kills all that is in it.

    Args:
        cell: what is in the jail.
        serve: answers each connection that the command opens to the port of its loopback; what it
            raises ends the command, and is raised here.

    Raises:
        SandboxFailure: there are no namespaces here, or the jail does not live.
    """
    return await _run(cell, serve, "")


async def run_unjailed(cell: Cell, serve: Serve) -> Ended:
    """Return what came of a command in a folder of this machine, as `run_jailed` does.

    Its limits hold, and its environment is as it says: but it reads and reaches what this user
    does.
    """
    with _place(cell) as place:
        return await _run(cell, serve, place)


@contextmanager
def _place(cell: Cell) -> Iterator[str]:
    """Yield an empty folder, the same at each try: its path stands in what agents ask."""
    name = digest(cell)
    for number in count(1):
        path = Path(gettempdir()) / f"makespan-{name}-{number}"
        path.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path / "cell", ignore_errors=True)
            (path / "cell").mkdir()
        except BlockingIOError:  # the same session of another epoch is under way
            os.close(descriptor)
            continue
        try:
            yield str(path / "cell")
        finally:
            shutil.rmtree(path, ignore_errors=True)
            os.close(descriptor)
        return


async def _run(cell: Cell, serve: Serve, place: str) -> Ended:
    outside, inside = socket.socketpair()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        "-c",
        _SCRIPT,
        _ROOT,
        str(inside.fileno()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        pass_fds=[inside.fileno()],
        env={},  # keys are no business of a jail
    )
    inside.close()
    outside.setblocking(False)
    orders = msgspec.json.encode(msgspec.to_builtins(cell) | {"port": PORT, "place": place})
    try:
        assert process.stdin is not None
        process.stdin.write(orders)
        process.stdin.close()
        return await _served(outside, serve, cell.limits.seconds)
    except TimeoutError:
        raise SandboxFailure(f"the jail did not end {GRACE:g} s after its time") from None
    finally:
        await _end(process, gently=bool(place))
        outside.close()


async def _end(process: asyncio.subprocess.Process, *, gently: bool) -> None:
    """End a jail with all that is in it; without one it is told, so that it ends the others."""
    with suppress(ProcessLookupError):
        if gently:
            process.terminate()
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await process.wait()
        if process.returncode is None:
            process.kill()
    await process.wait()


async def _served(channel: socket.socket, serve: Serve, seconds: float) -> Ended:
    """Serve the jail's network until it says how it ended.

    A call that is under way then is not cut off: it is paid. Its connection ends by itself, since
    whoever opened it is dead.
    """
    async with asyncio.timeout(GRACE):
        listening, text = await _first(channel)
    if listening is None:
        return _decoded(text + await _rest(channel))
    try:
        async with asyncio.TaskGroup() as group:

            def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                group.create_task(serve(reader, writer))

            server = await asyncio.start_server(begin, sock=listening)
            try:
                async with asyncio.timeout(seconds + GRACE):
                    ended = _decoded(await _rest(channel))
            finally:
                server.close()
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return ended


async def _first(channel: socket.socket) -> tuple[socket.socket | None, bytes]:
    """Return the listening socket of the jail; where none was made, the begin of its ending."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(channel, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(channel)
    text, numbers, _, _ = socket.recv_fds(channel, 1, 1)
    if not numbers:
        return None, text
    listening = socket.socket(fileno=numbers[0])
    listening.setblocking(False)
    return listening, b""


async def _rest(channel: socket.socket) -> bytes:
    parts = []
    while part := await asyncio.get_running_loop().sock_recv(channel, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _decoded(text: bytes) -> Ended:
    try:
        ended = msgspec.json.decode(text, type=Ended)
    except msgspec.DecodeError:
        raise SandboxFailure("the jail died before it said how it ended") from None
    if ended.error:
        raise SandboxFailure(
            f"no jail here: {ended.error}; it needs namespaces of users, mounts, processes and"
            " networks (`unsafe`: without one, where an agent reads what you can read)"
        )
    return ended
