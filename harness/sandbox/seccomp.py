"""A seccomp filter that leaves nine system calls, and no memory that can be executed.

A list of what is allowed rather than of what is not: a call that a later kernel adds is denied. The
numbers of x86-64 and aarch64 are those of the kernel's `unistd` tables; other machines have no
filter. Calls by another convention (i386 on x86-64) kill; x32 numbers are in no list.

Native libraries set themselves up late, behind a lock: the C library wakes whoever waits for it and
ends the process if that is denied. Where it is asked for, such a call is answered as done, and not
made: nobody waits, for there is one thread.
"""

import struct

PLAIN = {  # x86-64, aarch64
    "write": (1, 64),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "brk": (12, 214),
    "madvise": (28, 233),
    "clock_gettime": (228, 113),
    "exit_group": (231, 94),
}
GUARDED = {"mmap": (9, 222), "mprotect": (10, 226)}  # denied with PROT_EXEC in their third argument
ANSWERED = {"futex": (202, 98)}  # if asked for
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column, AUDIT_ARCH

_LOAD, _EQUAL, _SET, _RETURN = 0x20, 0x15, 0x45, 0x06  # BPF_LD|W|ABS, JMP|JEQ|K, JMP|JSET|K, RET|K
_NUMBER, _MACHINE, _THIRD = 0, 4, 32  # offsets in struct seccomp_data, little-endian
ALLOW, DENY, KILL = 0x7FFF0000, 0x00050001, 0x80000000  # DENY: EPERM
DONE = 0x00050000  # no call, and no error
_TO_THIRD, _TO_ALLOW, _TO_DONE = 1, 3, 5  # lines after the comparisons
_PROT_EXEC = 4


def program(machine: str, locks: bool = False) -> bytes:
    """Return the filter of a machine as an array of struct sock_filter.

    Args:
        machine: as `platform.machine()` names it.
        locks: whether calls for locks are answered as done, and not denied.

    Raises:
        KeyError: if there is no filter for it.
    """
    column, arch = MACHINES[machine]
    answered = ANSWERED if locks else {}
    plain, guarded, done = (
        [numbers[column] for numbers in calls.values()] for calls in (PLAIN, GUARDED, answered)
    )
    lines = [(number, _TO_ALLOW) for number in plain]
    lines += [(number, _TO_THIRD) for number in guarded]
    lines += [(number, _TO_DONE) for number in done]
    code = [
        (_LOAD, 0, 0, _MACHINE),
        (_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, KILL),
        (_LOAD, 0, 0, _NUMBER),
        *((_EQUAL, len(lines) - k - 1 + line, 0, n) for k, (n, line) in enumerate(lines)),
        (_RETURN, 0, 0, DENY),
        (_LOAD, 0, 0, _THIRD),
        (_SET, 1, 0, _PROT_EXEC),
        (_RETURN, 0, 0, ALLOW),
        (_RETURN, 0, 0, DENY),
        (_RETURN, 0, 0, DONE),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in code)
