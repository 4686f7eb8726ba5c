"""Runs a command in a jail, and answers its requests from outside."""

import asyncio
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from harness.sandbox.base import SandboxFailure
from harness.sessions import jail
from tasks.base import Noun

PORT = 8210  # of every jail: each has a network of its own, and it stands in what agents write
GRACE = 30.0  # seconds that a jail has to begin and to end
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


class Cell(Noun, frozen=True):
    """What is in a jail, and how long.

    Attributes:
        command: words.
        environment: all of it.
        files: texts by their paths in the folder of the work.
        user_files: texts by their paths in the user's own folder.
        folders: of this machine, there read-only.
        seconds: by the clock on the wall.
        memory_mb: that files may take.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str] = {}
    files: Mapping[str, str] = {}
    user_files: Mapping[str, str] = {}
    folders: tuple[str, ...] = ()
    seconds: float = 60.0
    memory_mb: int = 512


class Ended(Noun, frozen=True):
    """What came of a command: the fields of `jail.Ending`."""

    status: int | None
    seconds: float
    files: dict[str, str]
    left_out: tuple[str, ...]
    tail: str
    error: str


async def run_jailed(cell: Cell, serve: Serve) -> Ended:
    """Return what came of a command; cancelled, it kills all that is in the jail.

    Args:
        cell: what is in the jail.
        serve: answers each connection that the command opens to `PORT` of its loopback; what it
            raises ends the command, and is raised here.

    Raises:
        SandboxFailure: there are no namespaces here, or the jail does not live.
    """
    outside, inside = socket.socketpair()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        str(Path(jail.__file__)),
        str(inside.fileno()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        pass_fds=[inside.fileno()],
        env={},  # keys are no business of a jail
    )
    inside.close()
    outside.setblocking(False)
    orders = msgspec.json.encode(msgspec.to_builtins(cell) | {"port": PORT})
    try:
        assert process.stdin is not None
        process.stdin.write(orders)
        process.stdin.close()
        return await _served(outside, serve, cell.seconds)
    except TimeoutError:
        raise SandboxFailure(f"the jail did not end {GRACE:g} s after its time") from None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        outside.close()


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
            " networks"
        )
    return ended
