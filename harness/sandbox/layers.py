"""The walls around a program, put up by a process around itself; they cannot be taken down.

The fork server or its forks call these. Structures and numbers are those of the kernel's headers
(`prctl.h`, `landlock.h`, `seccomp.h`, `sched.h`); each function raises OSError where the kernel
refuses.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
from collections.abc import Callable
from functools import cache
from typing import Any

from harness.sandbox import seccomp

_NO_NEW_PRIVS, _SECCOMP, _DUMPABLE, _PARENT_DEATH = 38, 22, 4, 1
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446  # the same number on every machine
_USER, _NET, _IPC, _UTS = 0x10000000, 0x40000000, 0x08000000, 0x04000000
_FIXED_ADDRESSES = 0x0040000
_SIGKILL = 9
_NO_LOCK = 254  # exit status, no error number
_libc = ctypes.CDLL(None, use_errno=True)
FORBIDDEN = [
    getattr(resource, f"RLIMIT_{name}")
    for name in ("CORE", "FSIZE", "NOFILE", "NPROC", "MEMLOCK", "MSGQUEUE")
    if hasattr(resource, f"RLIMIT_{name}")
]


def _call(name: str, *arguments: int) -> int:
    function = getattr(_libc, name, None)
    if function is None:
        raise OSError(errno.ENOSYS, "this system has no such call")
    answer: int = function(*(ctypes.c_long(value) for value in arguments))
    if answer == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return answer


def no_new_privs() -> None:
    """Let no set-user-id program give rights back."""
    _call("prctl", _NO_NEW_PRIVS, 1, 0, 0, 0)


def namespaces() -> None:
    """Enter a user without rights outside, a network without devices, and no shared memory."""
    _call("unshare", _USER | _NET | _IPC | _UTS)


def fixed_addresses() -> bool:
    """Ask for the same addresses in every process from the next exec on.

    The order of a set of objects, and in Python 3.11 hash(None), depend on addresses.

    Returns:
        Whether an exec is needed; False if addresses are fixed already.
    """
    flags = _call("personality", 0xFFFFFFFF)
    if flags & _FIXED_ADDRESSES:
        return False
    _call("personality", flags | _FIXED_ADDRESSES)
    return True


def die_with(parent: int) -> None:
    """Have this process killed as soon as the fork server is gone.

    Args:
        parent: the server's process id.

    Raises:
        OSError: if the server is gone already.
    """
    _call("prctl", _PARENT_DEATH, _SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise OSError(errno.ESRCH, "the fork server is gone")


def no_dump() -> None:
    """Forbid a core file, and tracing by other processes of the same user."""
    _call("prctl", _DUMPABLE, 0, 0, 0, 0)


@cache
def ruleset() -> int:
    """Return a descriptor of rules that allow nothing: made once, put on by each fork."""
    version = _call("syscall", _LANDLOCK_CREATE, 0, 0, 1)
    files = (1 << 13) - 1 | (version >= 2) << 13 | (version >= 3) << 14 | (version >= 5) << 15
    fields = [files] + [3] * (version >= 4) + [3] * (version >= 6)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    return _call("syscall", _LANDLOCK_CREATE, ctypes.addressof(buffer), len(attributes), 0)


def landlock() -> None:
    """Forbid to open, make or remove a file; TCP; and signals to a process outside."""
    _call("syscall", _LANDLOCK_RESTRICT, ruleset(), 0)


@cache
def filter_code(locks: bool = False) -> tuple[Any, Any]:
    """Return a struct sock_fprog of the machine's filter, and the filter that it points to.

    Args:
        locks: whether calls for locks are answered as done.
    """
    machine = platform.machine()
    if machine not in seccomp.MACHINES:
        raise OSError(errno.ENOSYS, f"no filter for {machine}")
    code = seccomp.program(machine, locks)
    instructions = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(code) // 8, ctypes.addressof(instructions))
    return ctypes.create_string_buffer(header, len(header)), instructions


def filter_calls(locks: bool = False) -> None:
    """Let nearly every system call fail with EPERM from here on.

    Args:
        locks: whether calls for locks are answered as done, without being made.
    """
    _call("prctl", _SECCOMP, 2, ctypes.addressof(filter_code(locks)[0]), 0, 0)


def address_space() -> int:
    """Return the bytes that this process's addresses take by now; OSError without /proc."""
    file = os.open("/proc/self/statm", os.O_RDONLY)  # plain calls: a fork pays for what it touches
    pages = os.read(file, 64).split()[0]
    os.close(file)
    return int(pages) * resource.getpagesize()


def rlimits(seconds: float, address_space: int) -> None:
    """Limit this process; files, core files and other processes are forbidden.

    Args:
        seconds: of CPU time.
        address_space: in bytes, in all.
    """
    # The server kills to the millisecond, this only if the server cannot.
    cpu_limit = int(seconds) + 2
    limits = ((resource.RLIMIT_AS, address_space), (resource.RLIMIT_CPU, cpu_limit))
    for number, maximum in limits:
        hard = resource.getrlimit(number)[1]
        value = maximum if hard == resource.RLIM_INFINITY else min(maximum, hard)
        resource.setrlimit(number, (value, value))
    for number in FORBIDDEN:
        resource.setrlimit(number, (0, 0))


def try_out(prepare: Callable[[], object], lock: Callable[[], None], code: int) -> None:
    """Check in a fork, behind a lock, that opening a folder fails with one certain error.

    Args:
        prepare: makes what the lock needs, in this process.
        lock: puts the wall up, in the fork.
        code: the error number that opening a folder must end with.

    Raises:
        OSError: if it ends otherwise.
    """
    prepare()
    child = os.fork()
    if child == 0:
        status = _NO_LOCK
        try:
            lock()
            status = 0
            os.open("/", os.O_RDONLY)
        except OSError as error:
            status = status or error.errno or 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != code:
        raise OSError(status, "the kernel has none" if status == _NO_LOCK else "it holds nothing")
