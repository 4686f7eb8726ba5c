"""One command in a jail of namespaces: a process of its own, which needs nothing but Python.

It reads what to do from its standard input (the fields of `Orders`), and talks over the socket
whose number it is told: first a byte with the listening socket of the jail's own network, at the
end the `Ending` as JSON. In the jail there is a folder for the work and one for its user, both in
memory, the system's programs and what else was named, all read-only; own processes, own loopback.
The listening socket is answered from outside: bytes come in by it and by nothing else.
"""

import json
import os
import resource
import signal
import socket
import sys
from typing import Any, NotRequired, TypedDict

from harness.sessions import keeper, leftovers, mounts
from harness.sessions.mounts import NOBODY, USER_HOME, WORK

COVERED = "/sys"  # where the jail is built: a folder that every machine has, and no agent lives in
OUTPUT_BYTES = 16_000_000  # of one file, the output included
_SET_DEATH, _SET_SUBREAPER, _SET_NO_RIGHTS = 1, 36, 38  # of prctl


class Orders(TypedDict):
    """What to do.

    In words, variables and the user's texts `{url}` stands for the address of the loopback's port,
    and `{home}` for the user's folder.

    Attributes:
        command: words; the first one is looked for in `PATH` of the environment.
        environment: all of it.
        files: texts by their paths below the folder of the work.
        user_files: texts by their paths below the user's own folder.
        folders: of this machine, that are there read-only under their own paths.
        port: of the loopback in the jail.
        limits: of its processes.
        disk_mb: that files may take.
        place: an empty folder of this machine to work in without any jail; where it is empty, a
            jail is made.
    """

    command: list[str]
    environment: dict[str, str]
    files: dict[str, str]
    user_files: dict[str, str]
    folders: list[str]
    port: int
    limits: keeper.KeeperLimits
    disk_mb: int
    place: str


class Ending(TypedDict):
    """What came of it.

    Attributes:
        status: of the command; None if it was killed at a limit.
        limit: the name of that limit.
        seconds: of processors.
        files: texts by their paths below the folder of the work.
        left_out: paths that are no regular text, or more than is kept.
        tail: the end of what it printed.
        error: why it was not run; then there is nothing else.
    """

    status: int | None
    limit: NotRequired[str]
    seconds: NotRequired[float]
    files: NotRequired[dict[str, str]]
    left_out: NotRequired[list[str]]
    tail: NotRequired[str]
    error: NotRequired[str]


def _failure(error: OSError) -> Ending:
    return {"status": None, "error": error.strerror or str(error)}


def _filled(orders: Orders, port: int) -> Orders:
    """Return orders in which the address and the user's folder stand where they are meant."""
    home = orders["place"] + USER_HOME

    def fill(text: str) -> str:
        return text.replace("{url}", f"http://127.0.0.1:{port}").replace("{home}", home)

    variables = {name: fill(text) for name, text in orders["environment"].items()}
    return {
        **orders,
        "command": [*map(fill, orders["command"])],
        "environment": variables,
        "user_files": {name: fill(text) for name, text in orders["user_files"].items()},
    }


def _listen(orders: Orders, channel: socket.socket) -> int:
    """Send a listening socket outside; return its port, which without a jail may be another."""
    try:
        listening = socket.create_server(("127.0.0.1", orders["port"]), backlog=64)
    except OSError:
        if not orders["place"]:
            raise
        listening = socket.create_server(("127.0.0.1", 0), backlog=64)
    with listening:
        socket.send_fds(channel, [b"+"], [listening.fileno()])
        port: int = listening.getsockname()[1]
        return port


def _furnish(orders: Orders) -> None:
    """Write the texts of the work and of the user."""
    for name, texts in ((WORK, orders["files"]), (USER_HOME, orders["user_files"])):
        folder = orders["place"] + name
        os.makedirs(folder, exist_ok=True)
        mounts.write(folder, texts)
        if not orders["place"]:
            mounts.give_away(folder)


def _become(orders: Orders, output: str) -> None:
    """Turn this process into the command, without any right."""
    os.setsid()
    printed = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open("/dev/null", os.O_RDONLY)
    for number, target in ((nothing, 0), (printed, 1), (printed, 2)):
        os.dup2(number, target)
    os.closerange(3, 4096)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_BYTES, OUTPUT_BYTES))
    if os.getuid() == 0 and not orders["place"]:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    mounts.control(_SET_NO_RIGHTS, 1)  # no program gives rights back
    mounts.control(_SET_DEATH, signal.SIGKILL)
    os.chdir(orders["place"] + WORK)
    os.execvpe(orders["command"][0], orders["command"], orders["environment"])


def _begin(orders: Orders, output: str) -> int:
    """Return the process of the command."""
    child = os.fork()
    if child:
        return child
    try:
        _become(orders, output)
    except OSError as error:
        os.write(2, f"{orders['command'][0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _work(orders: Orders, channel: socket.socket, processes: keeper.Processes) -> Ending:
    """Run the command, end all that it began, and bring out what it left."""
    output = f"{orders['place']}/run/output"
    try:
        os.makedirs(os.path.dirname(output), exist_ok=True)
        orders = _filled(orders, _listen(orders, channel))
        _furnish(orders)
    except OSError as error:
        return _failure(error)
    work = orders["place"] + WORK
    disk = None if orders["place"] else work
    child = _begin(orders, output)
    try:
        status, limit = keeper.watch(child, orders["limits"], processes, disk)
    finally:
        processes.end()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    files, left_out = leftovers.collect(work)
    return {
        "status": status,
        "limit": limit,
        "seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "files": files,
        "left_out": left_out,
        "tail": leftovers.tail(output),
    }


def _inside(orders: Orders, channel: socket.socket) -> Ending:
    """Be the first process of the jail: build it and work in it."""
    try:
        mounts.control(_SET_DEATH, signal.SIGKILL)  # dies with who began it
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command may send it
        mounts.build(orders["folders"], orders["disk_mb"], COVERED)
        mounts.loopback_up()
    except OSError as error:
        return _failure(error)
    return _work(orders, channel, keeper.Everything())


def _without(orders: Orders, channel: socket.socket) -> Ending:
    """Work on this machine as it is; told to end, end all that was begun."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        mounts.control(_SET_SUBREAPER, 1)
    except OSError as error:
        return _failure(error)
    return _work(orders, channel, keeper.Descendants())


def main(number: int) -> None:
    """Do what the standard input says, and tell it over the socket of this number."""
    orders: Any = json.load(sys.stdin.buffer)
    channel = socket.socket(fileno=number)
    mounts.control(_SET_DEATH, signal.SIGKILL)
    if orders["place"]:
        channel.sendall(json.dumps(_without(orders, channel)).encode())
        return
    try:
        mounts.unshare()
    except OSError as error:
        channel.sendall(json.dumps(_failure(error)).encode())
        return
    child = os.fork()
    if child == 0:
        channel.sendall(json.dumps(_inside(orders, channel)).encode())
        os._exit(0)
    channel.close()
    os.waitpid(child, 0)
