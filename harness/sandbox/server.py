"""The fork server: started fresh, loads what programs may import, and keeps one fork ready.

It does nothing but fork, and what it allocates meanwhile it frees in reverse order, so that every
fork begins with the same memory whatever ran before. The fork takes a request from REQUESTS itself:
[seconds, memory_mb, output_bytes] with two descriptors, one to read the request from and one for
results; it answers with its process id. On ORDERS the server first sends its layers, then
waits for a byte before it reaps a fork (until then no other process can have its id), and answers
with two bytes of wait status.
"""

import errno
import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from harness.sandbox import layers, program, seccomp
from harness.sandbox.packages import PACKAGES

REQUESTS, ORDERS = 0, 1  # descriptors of the server; a fork closes them
LOCKED = b"locked\n"  # the first thing on the result channel, before any foreign code
OUT = 3  # the descriptor of the result channel in a fork
NO_MEMORY = 70  # exit status of a program that had none left to say so
Fact = tuple[str, bool, bool, str]  # the fields of a Layer


def main(paths: list[str], packages: list[str], scripts: bool) -> None:
    """Serve until the other side hangs up.

    Args:
        paths: folders to import from, beside the standard library's.
        packages: that programs may import, those that they need among them.
        scripts: whether programs are scripts of their own.
    """
    detail = "the same addresses in every run"
    facts = [_layer("fixed addresses", False, detail, _fix_addresses)]
    sys.path += paths
    program.settle(packages, scripts)
    facts += probe()
    present = {name for name, present_here, _, _ in facts if present_here}
    os.write(ORDERS, json.dumps(facts).encode() + b"\n")
    del facts
    locks = scripts or any(PACKAGES[name].locks for name in packages)
    server = os.getpid()
    gc.collect()
    gc.freeze()
    gc.disable()
    _warm_up()
    while os.fork():
        if not os.read(ORDERS, 1):
            return
        reaped = os.wait()
        os.write(ORDERS, reaped[1].to_bytes(2, "little"))
        del reaped
    try:
        become(server, present, locks)
    finally:
        os._exit(1)


def _warm_up() -> None:
    """Fork and reap once for nothing.

    What is allocated by the first time that this is done may stay, so that the first fork's memory
    would be another than that of all later ones.
    """
    reading, writing = os.pipe()
    for _ in range(2):
        if not os.fork():
            os._exit(0)
        os.write(writing, b"x")
        os.read(reading, 1)
        reaped = os.wait()
        reaped[1].to_bytes(2, "little")
        del reaped
    os.close(reading)
    os.close(writing)


def probe() -> list[Fact]:
    """Put up what holds for the server too, and try out in forks the layers of its forks."""
    allowed = len(seccomp.PLAIN) + len(seccomp.GUARDED)
    return [
        _layer("no_new_privs", True, "no set-user-id rights", layers.no_new_privs),
        _layer(
            "rlimits",
            True,
            "CPU, memory, files, processes",
            lambda: layers.try_out(layers.address_space, _limit_self, errno.EMFILE),
        ),
        _layer(
            "landlock",
            True,
            "no files",
            lambda: layers.try_out(layers.ruleset, layers.landlock, errno.EACCES),
        ),
        _layer(
            "seccomp",
            True,
            f"{allowed} system calls left",
            lambda: layers.try_out(layers.filter_code, layers.filter_calls, errno.EPERM),
        ),
        _layer("namespaces", False, "user, network, IPC", layers.namespaces),
    ]


def _layer(name: str, needed: bool, detail: str, put_up: Callable[[], object]) -> Fact:
    try:
        put_up()
    except OSError as error:
        return name, False, needed, f"{detail}: {error.strerror}"
    return name, True, needed, detail


def _fix_addresses() -> None:
    """Begin anew if addresses are still random."""
    if layers.fixed_addresses():
        os.execve(sys.executable, sys.orig_argv, dict(os.environ))


def _limit_self() -> None:
    layers.rlimits(1, layers.address_space())


def become(server: int, present: set[str], locks: bool) -> None:
    """Wait for a request and turn into its program; does not return once there is one.

    An error before any foreign code runs is written on the result channel instead of LOCKED.

    Args:
        server: the process id of the fork server.
        present: the names of the layers that this machine has.
        locks: whether calls for locks are answered as done.
    """
    words, descriptors = _take_request()
    if not words:
        return
    seconds, memory_mb, output = json.loads(words)
    request_file, channel = descriptors
    with program.FailureScope() as preparation:
        request = os.read(request_file, os.fstat(request_file).st_size)
        lock(channel, server, present, Bounds(seconds, memory_mb, locks=locks))
        channel = OUT
        task = program.ProgramTask(request)
        os.write(OUT, LOCKED)
    if preparation.kind != "ok":
        os.write(channel, preparation.detail.encode())
        return
    gc.enable()
    with program.FailureScope() as execution:
        task.perform(output, send)
    os._exit(NO_MEMORY if execution.kind == "memory" else execution.kind != "ok")


def _take_request() -> tuple[bytes, list[int]]:
    """Wait for a request and answer with this process's id; no words if there will be none."""
    with socket.socket(fileno=REQUESTS) as requests:
        words, descriptors, _, _ = socket.recv_fds(requests, 1024, 2)
        if words:
            requests.sendall(b"%d\n" % os.getpid())
    return words, descriptors


class Bounds(NamedTuple):
    """What a fork is held to.

    Attributes:
        seconds: of CPU time.
        memory_mb: on top of what the process takes now.
        locks: whether calls for locks are answered as done.
    """

    seconds: float
    memory_mb: int
    locks: bool


def lock(out: int, server: int, present: set[str], bounds: Bounds) -> None:
    """Keep one descriptor, and put up every layer of this machine; OSError if one fails after all.

    Landlock's descriptor, /proc and /dev/null cannot be reached after it, so the order matters.

    Args:
        out: the descriptor to keep, as OUT.
        server: the process id of the fork server.
        present: the names of the layers that this machine has.
        bounds: what the fork is held to.
    """
    os.setsid()
    if "no_new_privs" in present:
        layers.die_with(server)
        layers.no_dump()
    space = layers.address_space() if "rlimits" in present else 0
    null = os.open(os.devnull, os.O_RDWR)
    if "landlock" in present:
        layers.landlock()
    for standard in range(3):
        os.dup2(null, standard)
    os.dup2(out, OUT)
    os.closerange(OUT + 1, 256)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if "rlimits" in present:
        layers.rlimits(bounds.seconds, space + (bounds.memory_mb << 20))
    if "seccomp" in present:
        layers.filter_calls(bounds.locks)


def send(kind: str, value: Any) -> None:
    """Write one line of the result channel, whole."""
    line = json.dumps([kind, value], allow_nan=False).encode() + b"\n"
    while line:
        line = line[os.write(OUT, line) :]
