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
from importlib.util import find_spec
from pathlib import Path
from time import clock_gettime, monotonic

import msgspec

from harness.sandbox.base import Layer, Limits, SandboxFailure
from harness.sandbox.server import LOCKED

ROOT = str(Path(__file__).parents[__package__.count(".") + 1])
WALL, SLACK = (
    60.0,
    10,
)  # a program ends after WALL + SLACK * its CPU seconds by the clock on the wall
ANSWER = 120.0  # wall seconds after which a silent server counts as dead
FLAGS = ["-P", "-S", "-s", "-B", "-X", "utf8", "-c"]
BOOT = """import os, sys
os.register_at_fork = lambda **hooks: None  # threading's and random's would cost every fork 0.5 ms
sys.path.append({root!r})
from {package}.server import main
main({paths!r}, {numpy!r})"""
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "PYTHONCOERCECLOCALE": "0",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


class Died(Exception):
    """The fork server is gone or silent; what it runs dies with it."""


class Ended(msgspec.Struct, frozen=True):
    """How a fork ended: its bytes (of too many the first), exit status, CPU seconds."""

    output: bytes
    flooded: bool
    late: bool
    status: int  # below 0: minus the signal
    seconds: float


class Worker:
    """One fork server. Not for two threads at once."""

    def __init__(self, numpy: bool) -> None:
        paths = [_home("numpy")] if numpy else []
        code = BOOT.format(root=ROOT, package=__package__, paths=paths, numpy=numpy)
        self._requests, requests = socket.socketpair()
        self._orders, orders = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115, close() does it
        with requests, orders, tempfile.TemporaryDirectory() as empty:
            self._process = subprocess.Popen(
                [sys.executable, *FLAGS, code],
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
                facts = json.loads(_hear(self._orders, b"\n"))
            except Died as died:
                told = self.close()
                raise SandboxFailure(f"the sandbox's server did not start: {died}{told}") from None
        self.layers = tuple(Layer(*fact) for fact in facts)

    def run(self, request: bytes, limits: Limits) -> Ended:
        """Have a request run in a fork of its own; Died if the server is gone."""
        ours, result = os.pipe()
        try:
            try:
                child = self._ask(request, result, limits)
            finally:
                os.close(result)
            output, flooded, late = _watch(ours, child, limits)
        finally:
            os.close(ours)
        os.kill(child, signal.SIGKILL)  # it is not reaped before we say so
        seconds = _used(child)
        status = self._reap()
        if not output.startswith(LOCKED) and not late:
            told = output.decode("utf-8", "replace") or f"it said nothing ({status})"
            raise SandboxFailure(f"a fork with this driver did not come to its program: {told}")
        return Ended(output.removeprefix(LOCKED), flooded, late, status, seconds)

    def close(self) -> str:
        """Kill the server and with it all it runs; what it last said on standard error."""
        self._requests.close()
        self._orders.close()
        if self._errors.closed:
            return ""
        self._process.kill()
        self._process.wait()
        self._errors.seek(0)
        told = self._errors.read().decode("utf-8", "replace").strip()
        self._errors.close()
        return f" ({told.splitlines()[-1]})" if told else ""

    def _ask(self, request: bytes, result: int, limits: Limits) -> int:
        """Hand a request to the fork that waits for it; its process id."""
        words = json.dumps([limits.seconds, limits.memory_mb, limits.output_bytes]).encode()
        file = _file(request)
        try:
            socket.send_fds(self._requests, [words], [file, result])
        except OSError as error:
            raise Died(str(error)) from None
        finally:
            os.close(file)
        return int(_hear(self._requests, b"\n"))

    def _reap(self) -> int:
        """Have the fork reaped, and so the next one made; the exit status."""
        try:
            self._orders.sendall(b".")
        except OSError as error:
            raise Died(str(error)) from None
        return os.waitstatus_to_exitcode(int.from_bytes(_hear(self._orders, b"", 2), "little"))


def _hear(channel: socket.socket, end: bytes, size: int = 1) -> bytes:
    """Bytes up to an end, at least so many; Died if they do not come."""
    deadline = monotonic() + ANSWER
    heard = b""
    while len(heard) < size or not heard.endswith(end):
        channel.settimeout(max(deadline - monotonic(), 0.001))
        try:
            part = channel.recv(65536)
        except OSError as error:
            raise Died(str(error)) from None
        if not part:
            raise Died("it is gone")
        heard += part
    return heard


def _watch(pipe: int, child: int, limits: Limits) -> tuple[bytes, bool, bool]:
    """What comes out of a pipe until its end, or too much has come, or time is over."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    began, left = monotonic(), limits.seconds
    most = limits.output_bytes + len(LOCKED)
    output = bytearray()
    while left > 0:
        if poll.poll(math.ceil(1000 * min(left, 1000))):
            part = os.read(pipe, 65536)
            output += part
            if not part or len(output) > most:
                return bytes(output), len(output) > most, False
        wall = monotonic() - began
        left = min(limits.seconds - _used(child, wall), WALL + SLACK * limits.seconds - wall)
    return bytes(output), False, True


def _used(child: int, otherwise: float = math.nan) -> float:
    """CPU seconds of a child that is not reaped; `otherwise` on systems without such a clock."""
    try:
        return clock_gettime(~child << 3 | 2)  # CPUCLOCK_SCHED of a process, as in posix-timers.h
    except OSError:
        return otherwise


def _file(content: bytes) -> int:
    """A descriptor at the start of some content; a pipe could fill up with nobody reading."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("request")
    else:
        with tempfile.TemporaryFile() as named:
            file = os.dup(named.fileno())
    while content:
        content = content[os.write(file, content) :]
    os.lseek(file, 0, os.SEEK_SET)
    return file


def _home(name: str) -> str:
    """The folder that a package is imported from."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise SandboxFailure(f"{name} is not installed")
    return str(Path(spec.origin).parents[1])
