"""The parent's side of one fork server: start it, hand it requests, end it."""

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from harness.sandbox.base import Layer, Limits, SandboxFailure
from harness.sandbox.server import LOCKED, PATIENCE

ROOT = str(Path(__file__).parents[2])
GRACE = 30.0  # seconds of wall time after which a silent server counts as dead
START = 120.0
BOOT = (
    "import sys; sys.path.append({root!r}); from harness.sandbox.server import main; main({rest})"
)
ENVIRONMENT = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class Died(Exception):
    """The fork server is gone or silent; whatever it ran is dead or dies with it."""


class Ended(msgspec.Struct, frozen=True):
    """How a fork ended: its bytes (of too many the first), wait status, killed late, CPU seconds."""

    output: bytes
    flooded: bool
    status: int
    late: bool
    seconds: float


class Worker:
    """One fork server. Not for two threads at once."""

    def __init__(self, numpy: bool) -> None:
        self._errors = tempfile.TemporaryFile()
        self._control, theirs = socket.socketpair()
        paths = [_home("numpy")] if numpy else []
        code = BOOT.format(root=ROOT, rest=f"{theirs.fileno()}, {paths!r}, {numpy}")
        with theirs, tempfile.TemporaryDirectory() as empty:
            self._process = subprocess.Popen(
                [sys.executable, *"-P -S -s -B -X utf8 -c".split(), code], env=ENVIRONMENT,
                cwd=empty, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=self._errors, pass_fds=[theirs.fileno()], start_new_session=True,
            )  # fmt: skip
            theirs.close()
            try:
                facts = self._hear(monotonic() + START)
            except Died as died:
                told = self.close()
                raise SandboxFailure(f"the sandbox's server did not start: {died}{told}") from None
        self.layers = tuple(Layer(*fact) for fact in facts)

    def run(self, request: bytes, limits: Limits) -> Ended:
        """Have a request run in a fork of its own; Died if there is no answer."""
        deadline = monotonic() + PATIENCE * limits.seconds + GRACE
        ours, result = os.pipe()
        try:
            try:
                self._send(request, result, limits)
            finally:
                os.close(result)
            output, flooded = _read(ours, limits.output_bytes + len(LOCKED), deadline)
        finally:
            os.close(ours)
        status, late, seconds = self._hear(deadline)
        if not output.startswith(LOCKED):
            raise SandboxFailure("a fork could not lock itself in, or its driver is broken")
        return Ended(output.removeprefix(LOCKED), flooded, status, late, seconds)

    def close(self) -> str:
        """Kill the server and with it all it runs; what it last said on standard error."""
        self._control.close()
        self._process.kill()
        self._process.wait()
        self._errors.seek(0)
        told = self._errors.read().decode("utf-8", "replace").strip()
        self._errors.close()
        return f" ({told.splitlines()[-1]})" if told else ""

    def _send(self, request: bytes, result: int, limits: Limits) -> None:
        words = json.dumps([limits.seconds, limits.memory_mb, limits.output_bytes]).encode()
        with (
            tempfile.TemporaryFile()
            if not hasattr(os, "memfd_create")
            else open(os.memfd_create("request"), "w+b") as file
        ):
            file.write(request)
            file.seek(0)
            try:
                socket.send_fds(self._control, [words], [file.fileno(), result])
            except OSError as error:
                raise Died(error.strerror) from None

    def _hear(self, deadline: float) -> Any:
        """The server's next line."""
        line = b""
        while not line.endswith(b"\n"):
            self._control.settimeout(max(deadline - monotonic(), 0.001))
            try:
                part = self._control.recv(65536)
            except OSError as error:
                raise Died("no answer in time" if error.errno is None else str(error)) from None
            if not part:
                raise Died("it is gone")
            line += part
        return json.loads(line)


def _home(name: str) -> str:
    """The folder that a package is imported from."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise SandboxFailure(f"{name} is not installed")
    return str(Path(spec.origin).parents[1])


def _read(pipe: int, most: int, deadline: float) -> tuple[bytes, bool]:
    """Bytes up to the end of a pipe, at most so many: (bytes, whether there were more)."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    parts, size = [], 0
    while poll.poll(max(1000 * (deadline - monotonic()), 0)):
        part = os.read(pipe, 65536)
        if not part:
            break
        parts.append(part)
        size += len(part)
        if size > most:
            return b"".join(parts), True
    return b"".join(parts), False
