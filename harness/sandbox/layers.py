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
from pathlib import Path

from harness.sandbox import seccomp

_NO_NEW_PRIVS, _SECCOMP, _DUMPABLE, _PARENT_DEATH = 38, 22, 4, 1
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446  # the same number on every machine
_USER, _NET, _IPC, _UTS = 0x10000000, 0x40000000, 0x08000000, 0x04000000
_FIXED_ADDRESSES = 0x0040000
_SIGKILL = 9
_libc = ctypes.CDLL(None, use_errno=True)


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


def landlock_version() -> int:
    """The kernel's Landlock ABI, 1 or more."""
    return _call("syscall", _LANDLOCK_CREATE, 0, 0, 1)


def landlock() -> None:
    """No file is opened, made or removed; no TCP; no signal to a process outside."""
    version = landlock_version()
    files = (1 << 13) - 1 | (version >= 2) << 13 | (version >= 3) << 14 | (version >= 5) << 15
    fields = [files] + [3] * (version >= 4) + [3] * (version >= 6)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    held = ctypes.create_string_buffer(attributes, len(attributes))
    rules = _call("syscall", _LANDLOCK_CREATE, ctypes.addressof(held), len(attributes), 0)
    _call("syscall", _LANDLOCK_RESTRICT, rules, 0)
    os.close(rules)


def filter_calls() -> None:
    """Nearly every system call fails with EPERM from here on."""
    machine = platform.machine()
    if machine not in seccomp.MACHINES:
        raise OSError(errno.ENOSYS, f"no filter for {machine}")
    code = seccomp.program(machine)
    held = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("@HP", len(code) // 8, ctypes.addressof(held))
    kept = ctypes.create_string_buffer(head, len(head))
    _call("prctl", _SECCOMP, 2, ctypes.addressof(kept), 0, 0)


def address_space() -> int:
    """Bytes that this process's addresses take by now; OSError without /proc."""
    pages = Path("/proc/self/statm").read_text("ascii").split()[0]
    return int(pages) * resource.getpagesize()


def rlimits(seconds: float, address_space: int) -> None:
    """Nothing more than this: addresses in bytes, no file, no core, no other process."""
    whole = int(seconds) + 2  # the server kills to the millisecond, this only if the server cannot
    limits = {"AS": address_space, "CPU": whole, "CORE": 0, "FSIZE": 0, "NOFILE": 0, "NPROC": 0}
    for name, value in {**limits, "MEMLOCK": 0, "MSGQUEUE": 0}.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def refused(lock: Callable[[], None], attempt: Callable[[], object], code: int) -> str:
    """Empty if, behind the lock, an attempt fails with this error; else why not. Forks."""
    child = os.fork()
    if child == 0:
        status = 255
        try:
            lock()
            status = 254
            attempt()
        except OSError as error:
            status = (error.errno or 253) if status == 254 else 252
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == code:
        return ""
    return "the kernel has none" if status == 252 else f"it refuses nothing ({status})"
