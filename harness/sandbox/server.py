"""The fork server: started fresh, loads what programs may import, then forks once a request.

It never sees a request's content: descriptors are passed on to the fork, which reads them itself,
so that every fork begins with the same memory. One JSON line each way over a socket:
in [seconds, memory_mb, output_bytes] with two descriptors (request, result), out [status, late,
CPU seconds]; first of all the layers.
"""

import errno
import json
import math
import os
import signal
import socket
import sys
from collections.abc import Callable
from time import clock_gettime, monotonic
from typing import Any

from harness.sandbox import layers, program

PATIENCE = 10  # times the CPU seconds that a program may take by the clock on the wall
LOCKED = b"locked\n"  # the first thing on the result channel, before any foreign code
OUT = 3  # the descriptor of the result channel
NO_MEMORY = 70  # exit status of a program that had none left to say so
WATCHED = (signal.SIGALRM, signal.SIGCHLD)
Facts = list[tuple[str, bool, bool, str]]


def main(descriptor: int, paths: list[str], numpy: bool) -> None:
    """Serve until the other side hangs up."""
    fixed = "order of sets by address, hash(None)"
    try:
        if layers.fixed_addresses():
            os.execve(sys.executable, sys.orig_argv, dict(os.environ))
        facts: Facts = [("fixed addresses", True, False, fixed)]
    except OSError as error:
        facts = [("fixed addresses", False, False, f"{fixed}: {error.strerror}")]
    control = socket.socket(fileno=descriptor)
    sys.path += paths
    program.settle(numpy)
    facts += probe()
    present = {name for name, there, _, _ in facts if there}
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    control.sendall(json.dumps(facts).encode() + b"\n")
    server = os.getpid()
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1024, 2)
        if not message:
            return
        limits = json.loads(message)
        child = os.fork()
        if child == 0:
            try:
                control.close()
                become(server, descriptors, present, limits)
            finally:
                os._exit(1)
        for descriptor in descriptors:
            os.close(descriptor)
        control.sendall(json.dumps(watch(child, limits[0])).encode() + b"\n")


def probe() -> Facts:
    """Put up what holds for the server too, and try out in a fork what its forks will put up."""
    facts: Facts = []

    def layer(name: str, needed: bool, detail: str, lock: Callable[[], Any]) -> None:
        try:
            lock()
            facts.append((name, True, needed, detail))
        except OSError as error:
            facts.append((name, False, needed, f"{detail}: {error.strerror or error}"))

    def tried(lock: Callable[[], None], code: int) -> None:
        if why := layers.refused(lock, lambda: os.open("/", os.O_RDONLY), code):
            raise OSError(why)

    allowed = len(layers.seccomp.PLAIN) + len(layers.seccomp.GUARDED)
    layer("no_new_privs", True, "no set-user-id rights", layers.no_new_privs)
    layer("rlimits", True, "CPU, memory, files, processes", layers.address_space)
    layer("landlock", True, "no files, TCP or signals to others",
          lambda: tried(layers.landlock, errno.EACCES))  # fmt: skip
    layer("seccomp", True, f"{allowed} system calls left",
          lambda: tried(layers.filter_calls, errno.EPERM))  # fmt: skip
    layer("namespaces", False, "user, network, IPC", layers.namespaces)
    return facts


def become(server: int, descriptors: list[int], present: set[str], limits: list[Any]) -> None:
    """Turn a fork into the program of a request; does not return."""
    seconds, memory_mb, output = limits
    with open(descriptors[0], "rb") as file:
        request = file.read()
    os.setsid()
    os.dup2(descriptors[1], OUT)
    os.dup2(1, 2)
    os.closerange(OUT + 1, 256)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    lock(present, server, seconds, memory_mb)
    task = program.Task(request)
    os.write(OUT, LOCKED)
    with program.Attempt() as whole:
        task.perform(output, send)
    os._exit(NO_MEMORY if whole.kind == "memory" else whole.kind != "ok")


def lock(present: set[str], server: int, seconds: float, memory_mb: int) -> None:
    """Put up every layer that this machine has; OSError if one fails after all."""
    if "no_new_privs" in present:
        layers.die_with(server)
        layers.no_dump()
    space = layers.address_space() if "rlimits" in present else 0
    if "landlock" in present:
        layers.landlock()
    if "rlimits" in present:
        layers.rlimits(seconds, space + (memory_mb << 20))
    if "seccomp" in present:
        layers.filter_calls()


def send(kind: str, value: Any) -> None:
    """One line of the result channel, written whole."""
    line = json.dumps([kind, value], allow_nan=False).encode() + b"\n"
    while line:
        line = line[os.write(OUT, line) :]


def watch(child: int, seconds: float) -> tuple[int, bool, float]:
    """Wait for a fork and kill it when its time is over: (wait status, late, CPU seconds)."""
    while signal.sigpending() & set(WATCHED):
        signal.sigwait(WATCHED)
    began, left, late = monotonic(), seconds, False
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            signal.setitimer(signal.ITIMER_REAL, 0)
            return status, late, usage.ru_utime + usage.ru_stime
        signal.setitimer(signal.ITIMER_REAL, max(left, 0.001))
        if signal.sigwait(WATCHED) == signal.SIGALRM:
            left = min(seconds - used(child), PATIENCE * seconds - (monotonic() - began))
            if left <= 0:
                os.kill(child, signal.SIGKILL)
                late = True


def used(child: int) -> float:
    """CPU seconds of a child that is not yet waited for; where nobody knows, more than allowed."""
    try:
        return clock_gettime(~child << 3 | 2)  # CPUCLOCK_SCHED of a process, as in posix-timers.h
    except OSError:
        return math.inf
