"""The parent's side of one fork server: start it, hand it requests, watch and end what it forks."""

import json
import math
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from time import clock_gettime, monotonic

import msgspec

from harness.sandbox.base import Layer, Limits, SandboxFailure
from harness.sandbox.server import LOCKED

ROOT = str(Path(__file__).parents[__package__.count(".") + 1])
# A program ends after WALL + SLACK * its CPU seconds by the clock on the wall.
WALL, SLACK = 60.0, 10
ANSWER = 120.0  # wall seconds after which a silent server counts as dead
FLAGS = ["-P", "-S", "-s", "-B", "-X", "utf8", "-c"]
BOOT = """import os, sys
os.register_at_fork = lambda **hooks: None  # threading's and random's would cost every fork 0.5 ms
sys.path.append({root!r})
from {package}.server import main
main({paths!r}, {packages!r}, {scripts!r})"""
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "PYTHONCOERCECLOCALE": "0",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


class ServerDied(Exception):
    """The end of a fork server that is gone or silent; what it runs dies with it."""


class ForkExit(msgspec.Struct, frozen=True):
    """The end of a fork: its bytes (of too many the first), exit status, CPU seconds."""

    output: bytes
    flooded: bool
    late: bool
    status: int  # below 0: minus the signal
    seconds: float


class Worker:
    """One fork server. It may be used by one thread at a time."""

    def __init__(self, packages: Sequence[str], scripts: bool) -> None:
        self._requests, requests = socket.socketpair()
        self._orders, orders = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115, close() does it
        with requests, orders, tempfile.TemporaryDirectory() as empty:
            self._process = subprocess.Popen(
                [sys.executable, *FLAGS, _boot_code(packages, scripts)],
                env=ENVIRONMENT,
                cwd=empty,
                start_new_session=True,
                stdin=requests.fileno(),
                stdout=orders.fileno(),
                stderr=self._errors,
            )
            requests.close()
            orders.close()
            try:
                facts = json.loads(_receive(self._orders, b"\n"))
            except ServerDied as error:
                message = self.close()
                raise SandboxFailure(
                    f"the sandbox's server did not start: {error}{message}"
                ) from None
        self.layers = tuple(Layer(*fact) for fact in facts)

    def run(self, request: bytes, limits: Limits) -> ForkExit:
        """Have a request run in a fork of its own, and return how that ended.

        Args:
            request: the lines that `ProgramTask` reads.
            limits: what the fork may use.

        Raises:
            ServerDied: if the server is gone.
            SandboxFailure: if the fork did not come as far as its program.
        """
        reader, writer = os.pipe()
        try:
            try:
                child = self._ask(request, writer, limits)
            finally:
                os.close(writer)
            output, flooded, late = _watch(reader, child, limits)
        finally:
            os.close(reader)
        os.kill(child, signal.SIGKILL)  # it is not reaped before we say so
        seconds = _cpu_seconds(child)
        status = self._reap()
        if not output.startswith(LOCKED) and not late:
            message = output.decode("utf-8", "replace") or f"it said nothing ({status})"
            raise SandboxFailure(f"a fork with this driver did not come to its program: {message}")
        return ForkExit(output.removeprefix(LOCKED), flooded, late, status=status, seconds=seconds)

    def close(self) -> str:
        """Kill the server and with it all it runs.

        Returns:
            Its last line on standard error, in brackets; empty if there is none.
        """
        self._requests.close()
        self._orders.close()
        if self._errors.closed:
            return ""
        self._process.kill()
        self._process.wait()
        self._errors.seek(0)
        message = self._errors.read().decode("utf-8", "replace").strip()
        self._errors.close()
        return f" ({message.splitlines()[-1]})" if message else ""

    def _ask(self, request: bytes, result: int, limits: Limits) -> int:
        """Hand a request to the fork that waits for it; return its process id."""
        words = json.dumps([limits.seconds, limits.memory_mb, limits.output_bytes]).encode()
        file = _file(request)
        try:
            socket.send_fds(self._requests, [words], [file, result])
        except OSError as error:
            raise ServerDied(str(error)) from None
        finally:
            os.close(file)
        return int(_receive(self._requests, b"\n"))

    def _reap(self) -> int:
        """Have the fork reaped, and so the next one made; return the exit status."""
        try:
            self._orders.sendall(b".")
        except OSError as error:
            raise ServerDied(str(error)) from None
        return os.waitstatus_to_exitcode(int.from_bytes(_receive(self._orders, b"", 2), "little"))


def _boot_code(packages: Sequence[str], scripts: bool) -> str:
    """Return the Python text that a fork server begins with."""
    paths = list(dict.fromkeys(map(_home, packages)))
    return BOOT.format(
        root=ROOT, package=__package__, paths=paths, packages=list(packages), scripts=scripts
    )


def _receive(channel: socket.socket, end: bytes, size: int = 1) -> bytes:
    """Return bytes up to an end, at least so many; `ServerDied` if they do not come."""
    deadline = monotonic() + ANSWER
    received = b""
    while len(received) < size or not received.endswith(end):
        channel.settimeout(max(deadline - monotonic(), 0.001))
        try:
            part = channel.recv(65536)
        except OSError as error:
            raise ServerDied(str(error)) from None
        if not part:
            raise ServerDied("it is gone")
        received += part
    return received


def _watch(pipe: int, child: int, limits: Limits) -> tuple[bytes, bool, bool]:
    """Read a pipe until its end, until too much has come, or until time is over.

    Returns:
        The bytes, as many as are allowed however many came at once; whether they were too many;
        and whether time was over.
    """
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    start, remaining = monotonic(), limits.seconds
    maximum = limits.output_bytes + len(LOCKED)
    output = bytearray()
    while remaining > 0:
        if poll.poll(math.ceil(1000 * min(remaining, 1000))):
            part = os.read(pipe, 65536)
            output += part
            if not part or len(output) > maximum:
                return bytes(output[:maximum]), len(output) > maximum, False
        wall = monotonic() - start
        remaining = min(
            limits.seconds - _cpu_seconds(child, wall), WALL + SLACK * limits.seconds - wall
        )
    return bytes(output), False, True


def _cpu_seconds(child: int, fallback: float = math.nan) -> float:
    """Return CPU seconds of a child that is not reaped; `fallback` without such a clock."""
    try:
        return clock_gettime(~child << 3 | 2)  # CPUCLOCK_SCHED of a process, as in posix-timers.h
    except OSError:
        return fallback


def _file(content: bytes) -> int:
    """Return a descriptor at the start of some content; a pipe could fill up before it is read."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("request")
    else:
        with tempfile.TemporaryFile() as temporary:
            file = os.dup(temporary.fileno())
    while content:
        content = content[os.write(file, content) :]
    os.lseek(file, 0, os.SEEK_SET)
    return file


def _home(name: str) -> str:
    """Return the folder that a package is imported from; SandboxFailure if it is not installed."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise SandboxFailure(f"{name} is not installed")
    return str(Path(spec.origin).parents[1])
