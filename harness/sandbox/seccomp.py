"""A seccomp filter that leaves nine system calls, and no memory that can be executed.

A list of what is allowed rather than of what is not: a call that a later kernel adds is denied. The
numbers of x86-64 and aarch64 are those of the kernel's `unistd` tables; other machines have no
filter. Calls by another convention (i386 on x86-64) kill; x32 numbers are in no list.
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
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column, AUDIT_ARCH

_LOAD, _EQUAL, _SET, _RETURN = 0x20, 0x15, 0x45, 0x06  # BPF_LD|W|ABS, JMP|JEQ|K, JMP|JSET|K, RET|K
_NUMBER, _MACHINE, _THIRD = 0, 4, 32  # offsets in struct seccomp_data, little-endian
ALLOW, DENY, KILL = 0x7FFF0000, 0x00050001, 0x80000000  # DENY: EPERM
_PROT_EXEC = 4


def program(machine: str) -> bytes:
    """Return the filter of a machine as an array of struct sock_filter.

    Args:
        machine: as `platform.machine()` names it.

    Raises:
        KeyError: if there is no filter for it.
    """
    column, arch = MACHINES[machine]
    plain = [numbers[column] for numbers in PLAIN.values()]
    guarded = [numbers[column] for numbers in GUARDED.values()]
    remaining = len(plain) + len(guarded)  # comparisons still to come, for the lengths of jumps
    code = [
        (_LOAD, 0, 0, _MACHINE),
        (_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, KILL),
        (_LOAD, 0, 0, _NUMBER),
        *((_EQUAL, remaining - k + 2, 0, number) for k, number in enumerate(plain)),
        *((_EQUAL, len(guarded) - k, 0, number) for k, number in enumerate(guarded)),
        (_RETURN, 0, 0, DENY),
        (_LOAD, 0, 0, _THIRD),
        (_SET, 1, 0, _PROT_EXEC),
        (_RETURN, 0, 0, ALLOW),
        (_RETURN, 0, 0, DENY),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in code)
