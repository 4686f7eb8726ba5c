"""A jail of namespaces: what is in it, and the way into it. It needs nothing but Python."""

import ctypes
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Mapping, Sequence

WORK, USER_HOME = "/task", "/agent"
NOBODY = 65534
SYSTEM = ("usr", "bin", "sbin", "lib", "lib64", "lib32")
SETTINGS = ("passwd", "group", "nsswitch.conf", "ld.so.cache", "ssl", "alternatives", "localtime")
DEVICES = ("null", "zero", "random", "urandom", "tty")
_NS, _UTS, _IPC, _USER, _PID, _NET = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
_RDONLY, _NOSUID, _NODEV, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


def checked(name: str, status: int) -> None:
    """Raise OSError if a call of the system has failed."""
    if status != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def control(option: int, value: int) -> None:
    """Set something of this process by `prctl`; OSError if that cannot be."""
    checked("prctl", _libc.prctl(option, value, 0, 0, 0))


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    words = (os.fsencode(source), os.fsencode(target), kind.encode(), flags, data.encode())
    checked(f"mount {target}", _libc.mount(*words[:3], ctypes.c_ulong(flags), words[4]))


def unshare() -> None:
    """Enter namespaces; root becomes nobody later, others are themselves in a user namespace.

    Root outside must not be the user inside: settings of the kernel are that user's to write.
    """
    user, group = os.getuid(), os.getgid()
    spaces = _NS | _UTS | _IPC | _PID | _NET
    checked("unshare", _libc.unshare(spaces if user == 0 else spaces | _USER))
    if user != 0:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)


def build(folders: Sequence[str], disk_mb: int, root: str) -> None:
    """Make the jail's files, and go into it.

    Args:
        folders: of this machine, that are there read-only under their own paths.
        disk_mb: that files may take, in memory.
        root: an empty folder, covered in this namespace only.
    """
    _mount("", "/", "", _REC | _PRIVATE)
    _mount("jail", root, "tmpfs", _NOSUID | _NODEV, f"size={disk_mb}m,mode=755")
    for name in ("proc", "dev", "etc", "tmp", "run", "old", WORK[1:], USER_HOME[1:]):
        os.mkdir(f"{root}/{name}")
    os.chmod(f"{root}/tmp", 0o1777)
    for name in SYSTEM:
        _show(f"/{name}", root)
    for folder in folders:
        _show(folder, root)
    for name in SETTINGS:
        _show(f"/etc/{name}", root)
    with open(f"{root}/etc/hosts", "w") as file:
        file.write("127.0.0.1 localhost\n")
    for name in DEVICES:
        _bind(f"/dev/{name}", f"{root}/dev/{name}", read_only=False)
    os.mkdir(f"{root}/dev/shm", 0o1777)
    os.chmod(f"{root}/dev/shm", 0o1777)
    for name, number in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{number}", f"{root}/dev/{name}")
    _mount("proc", f"{root}/proc", "proc", _NOSUID | _NODEV, "hidepid=2")
    _mount(f"{root}/proc/sys", f"{root}/proc/sys", "", _BIND)
    _mount("", f"{root}/proc/sys", "", _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)
    os.chdir(root)
    checked("pivot_root", _libc.pivot_root(b".", b"old"))
    checked("umount", _libc.umount2(b"/old", _DETACH))
    os.rmdir("/old")


def _show(path: str, root: str) -> None:
    """Show a file or a folder of this machine under its own path, read-only; links stay links."""
    target = root + path
    if not os.path.lexists(path) or os.path.lexists(target):
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(path):
        os.symlink(os.readlink(path), target)
    else:
        _bind(path, target)


def _bind(path: str, target: str, *, read_only: bool = True) -> None:
    if os.path.isdir(path):
        os.makedirs(target)
    else:
        with open(target, "x"):
            pass
    _mount(path, target, "", _BIND)
    if read_only:
        locked = os.statvfs(target).f_flag & (os.ST_NODEV | os.ST_NOEXEC)  # may not be taken off
        _mount("", target, "", _REMOUNT | _BIND | _RDONLY | _NOSUID | locked)


def write(place: str, texts: Mapping[str, str]) -> None:
    """Write texts below a folder by their paths; OSError for a path that is not below it."""
    for name, text in texts.items():
        path = os.path.normpath(f"{place}/{name}")
        if not path.startswith(f"{place}/"):
            raise OSError(errno.EINVAL, f"{name} is not below {place}")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def give_away(place: str) -> None:
    """Make a folder with all that is in it nobody's, where this is root."""
    if os.getuid() == 0:
        os.chown(place, NOBODY, NOBODY)
        for folder, folders, files in os.walk(place):
            for name in (*folders, *files):
                os.chown(f"{folder}/{name}", NOBODY, NOBODY)


def loopback_up() -> None:
    """Open the loopback of this network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(device, 0x8913, request))[1]
        fcntl.ioctl(device, 0x8914, struct.pack("16sh14x", b"lo", flags | 1))
