"""The walls around a program, put up by a process around itself for good.

Called in the fork server or in its forks. Structures and numbers are those of the kernel's headers
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
NOTHING = [
    getattr(resource, f"RLIMIT_{name}")
    for name in ("CORE", "FSIZE", "NOFILE", "NPROC", "MEMLOCK", "MSGQUEUE")
    if hasattr(resource, f"RLIMIT_{name}")
]


def _call(name: str, *arguments: int) -> int:
    found = getattr(_libc, name, None)
    if found is None:
        raise OSError(errno.ENOSYS, "this system has no such call")
    answer: int = found(*(ctypes.c_long(value) for value in arguments))
    if answer == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return answer


def no_new_privs() -> None:
    """No set-user-id program gives rights back."""
    _call("prctl", _NO_NEW_PRIVS, 1, 0, 0, 0)


def namespaces() -> None:
    """A user without rights outside, a network without devices, no shared memory of others."""
    _call("unshare", _USER | _NET | _IPC | _UTS)


def fixed_addresses() -> bool:
    """Ask for the same addresses in every process from the next exec on; False: it is so already.

    The order of a set of objects, and in Python 3.11 hash(None), hang on addresses.
    """
    now = _call("personality", 0xFFFFFFFF)
    if now & _FIXED_ADDRESSES:
        return False
    _call("personality", now | _FIXED_ADDRESSES)
    return True


def die_with(parent: int) -> None:
    """Killed as soon as the fork server is gone."""
    _call("prctl", _PARENT_DEATH, _SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise OSError(errno.ESRCH, "the fork server is gone")


def no_dump() -> None:
    """No core file, and nobody of the same user traces this process."""
    _call("prctl", _DUMPABLE, 0, 0, 0, 0)


@cache
def ruleset() -> int:
    """A descriptor of rules that allow nothing: made once, put on by each fork."""
    version = _call("syscall", _LANDLOCK_CREATE, 0, 0, 1)
    files = (1 << 13) - 1 | (version >= 2) << 13 | (version >= 3) << 14 | (version >= 5) << 15
    fields = [files] + [3] * (version >= 4) + [3] * (version >= 6)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    held = ctypes.create_string_buffer(attributes, len(attributes))
    return _call("syscall", _LANDLOCK_CREATE, ctypes.addressof(held), len(attributes), 0)


def landlock() -> None:
    """No file is opened, made or removed; no TCP; no signal to a process outside."""
    _call("syscall", _LANDLOCK_RESTRICT, ruleset(), 0)


@cache
def filter_code() -> tuple[Any, Any]:
    """A struct sock_fprog of the machine's filter, and the filter that it points to."""
    machine = platform.machine()
    if machine not in seccomp.MACHINES:
        raise OSError(errno.ENOSYS, f"no filter for {machine}")
    code = seccomp.program(machine)
    held = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("@HP", len(code) // 8, ctypes.addressof(held))
    return ctypes.create_string_buffer(head, len(head)), held


def filter_calls() -> None:
    """Nearly every system call fails with EPERM from here on."""
    _call("prctl", _SECCOMP, 2, ctypes.addressof(filter_code()[0]), 0, 0)


def address_space() -> int:
    """Bytes that this process's addresses take by now; OSError without /proc."""
    file = os.open("/proc/self/statm", os.O_RDONLY)  # plain calls: a fork pays for what it touches
    pages = os.read(file, 64).split()[0]
    os.close(file)
    return int(pages) * resource.getpagesize()


def rlimits(seconds: float, address_space: int) -> None:
    """Nothing more than this: addresses in bytes, no file, no core, no other process."""
    whole = int(seconds) + 2  # the server kills to the millisecond, this only if the server cannot
    for number, most in ((resource.RLIMIT_AS, address_space), (resource.RLIMIT_CPU, whole)):
        hard = resource.getrlimit(number)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(number, (value, value))
    for number in NOTHING:
        resource.setrlimit(number, (0, 0))


def try_out(prepare: Callable[[], object], lock: Callable[[], None], code: int) -> None:
    """OSError unless in a fork, behind the lock, opening a folder fails with this error."""
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
