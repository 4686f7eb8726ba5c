"""One command in a jail of namespaces: a script of its own, which needs nothing but Python.

It reads what to do from its standard input (the fields of `Orders`), and talks over the socket
whose number is its argument: first a byte with the listening socket of the jail's own network,
at the end the `Ending` as JSON. In the jail there is a folder for the work and one for its user,
both in memory, the system's programs and what else was named, all read-only; own processes, own
loopback. The listening socket is answered from outside: bytes come in by it and by nothing else.
"""

import ctypes
import errno
import fcntl
import json
import os
import resource
import signal
import socket
import stat
import struct
import sys
import time
from typing import Any, TypedDict

WORK, USER_HOME = "/task", "/agent"
NOBODY = 65534
SYSTEM = ("usr", "bin", "sbin", "lib", "lib64", "lib32")
SETTINGS = ("passwd", "group", "nsswitch.conf", "ld.so.cache", "ssl", "alternatives", "localtime")
DEVICES = ("null", "zero", "random", "urandom", "tty")
MOST_FILES, MOST_BYTES, MOST_ANSWER, TAIL = 200, 500_000, 1_000_000, 4000
OUTPUT_BYTES = 16_000_000  # of one file, the output included
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


class Orders(TypedDict):
    """What to do.

    Attributes:
        command: words; the first one is looked for in `PATH` of the environment.
        environment: all of it.
        files: texts by their paths below the folder of the work.
        user_files: texts by their paths below the user's own folder.
        folders: of this machine, that are there read-only under their own paths.
        port: of the loopback in the jail.
        seconds: until all is killed.
        memory_mb: that files may take.
    """

    command: list[str]
    environment: dict[str, str]
    files: dict[str, str]
    user_files: dict[str, str]
    folders: list[str]
    port: int
    seconds: float
    memory_mb: int


class Ending(TypedDict):
    """What came of it.

    Attributes:
        status: of the command; None if it was killed at its time.
        seconds: of processors.
        files: texts by their paths below the folder of the work.
        left_out: paths that are no regular text, or more than is kept.
        tail: the end of what it printed.
        error: why it was not run; then there is nothing else.
    """

    status: int | None
    seconds: float
    files: dict[str, str]
    left_out: list[str]
    tail: str
    error: str


def _checked(name: str, status: int) -> None:
    if status != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    words = (os.fsencode(source), os.fsencode(target), kind.encode(), flags, data.encode())
    _checked(f"mount {target}", _libc.mount(*words[:3], ctypes.c_ulong(flags), words[4]))


def _unshare() -> None:
    """Enter namespaces; root becomes nobody later, others are themselves in a user namespace.

    Root outside must not be the user inside: settings of the kernel are that user's to write.
    """
    user, group = os.getuid(), os.getgid()
    spaces = _NS | _UTS | _IPC | _PID | _NET
    _checked("unshare", _libc.unshare(spaces if user == 0 else spaces | _USER))
    if user != 0:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)


def _build(orders: Orders, root: str) -> None:
    """Make the jail's files, and go into it."""
    _mount("", "/", "", _REC | _PRIVATE)
    _mount("jail", root, "tmpfs", _NOSUID | _NODEV, f"size={orders['memory_mb']}m,mode=755")
    for name in ("proc", "dev", "etc", "tmp", "run", "old", WORK[1:], USER_HOME[1:]):
        os.mkdir(f"{root}/{name}")
    os.chmod(f"{root}/tmp", 0o1777)
    for name in SYSTEM:
        _show(f"/{name}", root)
    for folder in orders["folders"]:
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
    os.chdir(root)
    _checked("pivot_root", _libc.pivot_root(b".", b"old"))
    _checked("umount", _libc.umount2(b"/old", _DETACH))
    os.rmdir("/old")
    for place, texts in ((WORK, orders["files"]), (USER_HOME, orders["user_files"])):
        _write(place, texts)


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


def _write(place: str, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        path = os.path.normpath(f"{place}/{name}")
        if not path.startswith(f"{place}/"):
            raise OSError(errno.EINVAL, f"{name} is not below {place}")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    if os.getuid() == 0:
        os.chown(place, NOBODY, NOBODY)
        for folder, folders, files in os.walk(place):
            for name in (*folders, *files):
                os.chown(f"{folder}/{name}", NOBODY, NOBODY)


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(device, 0x8913, request))[1]
        fcntl.ioctl(device, 0x8914, struct.pack("16sh14x", b"lo", flags | 1))


def _become(orders: Orders) -> None:
    """Turn this process into the command, without any right."""
    os.setsid()
    output = os.open("/run/output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open("/dev/null", os.O_RDONLY)
    for number, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(number, target)
    os.closerange(3, 4096)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_BYTES, OUTPUT_BYTES))
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    _checked("prctl", _libc.prctl(38, 1, 0, 0, 0))  # no program gives rights back
    os.chdir(WORK)
    os.execvpe(orders["command"][0], orders["command"], orders["environment"])


def _wait(child: int, seconds: float) -> int | None:
    """Return the child's status; None if its time was up. Other orphans are buried on the way."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            return os.waitstatus_to_exitcode(status)
        if pid == 0:
            time.sleep(0.02)
    return None


def _end_all() -> None:
    """Kill whatever still runs in the jail."""
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.wait()
    except (ProcessLookupError, ChildProcessError):
        return


def _collect() -> tuple[dict[str, str], list[str]]:
    """Return the texts in the folder of the work, and the paths of what is left out."""
    files: dict[str, str] = {}
    left_out: list[str] = []
    total = 0
    for folder, folders, names in os.walk(WORK):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            short = os.path.relpath(path, WORK)
            text = _text(path, MOST_ANSWER if short == "answer.json" else MOST_BYTES - total)
            if text is None or len(files) == MOST_FILES:
                left_out.append(os.fsencode(short).decode("utf-8", "replace"))
            else:
                files[short] = text
                total += len(text) * (short != "answer.json")
    return files, left_out[:MOST_FILES]


def _text(path: str, most: int) -> str | None:
    """Return a file's text; None of what is no regular file, no text, or longer than `most`."""
    try:
        path.encode()
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, UnicodeEncodeError):
        return None
    with open(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return None
        data = file.read(max(most, 0) + 1)
    try:
        return data.decode() if len(data) <= most else None
    except UnicodeDecodeError:
        return None


def _tail() -> str:
    try:
        with open("/run/output", "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _ending(error: str = "") -> Ending:
    return {
        "status": None,
        "seconds": 0.0,
        "files": {},
        "left_out": [],
        "tail": "",
        "error": error,
    }


def _inside(orders: Orders, channel: socket.socket) -> Ending:
    """Be the first process of the jail: build it, run the command, bring out what it left."""
    root = "/tmp"  # covered in this namespace only
    try:
        _checked("prctl", _libc.prctl(1, signal.SIGKILL, 0, 0, 0))  # dies with who began it
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command may send it
        _build(orders, root)
        _loopback_up()
        listening = socket.create_server(("127.0.0.1", orders["port"]), backlog=64)
        socket.send_fds(channel, [b"+"], [listening.fileno()])
        listening.close()
    except OSError as error:
        return _ending(error.strerror or str(error))
    child = os.fork()
    if child == 0:
        try:
            _become(orders)
        except OSError as error:
            os.write(2, f"{orders['command'][0]}: {error.strerror}\n".encode())
        finally:
            os._exit(127)
    status = _wait(child, orders["seconds"])
    _end_all()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    files, left_out = _collect()
    return {
        "status": status,
        "seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "files": files,
        "left_out": left_out,
        "tail": _tail(),
        "error": "",
    }


def main() -> None:
    """Do what the standard input says, and tell it over the socket."""
    orders: Any = json.load(sys.stdin.buffer)
    channel = socket.socket(fileno=int(sys.argv[1]))
    _checked("prctl", _libc.prctl(1, signal.SIGKILL, 0, 0, 0))
    try:
        _unshare()
    except OSError as error:
        channel.sendall(json.dumps(_ending(error.strerror or str(error))).encode())
        return
    child = os.fork()
    if child == 0:
        channel.sendall(json.dumps(_inside(orders, channel)).encode())
        os._exit(0)
    channel.close()
    os.waitpid(child, 0)


if __name__ == "__main__":
    main()
