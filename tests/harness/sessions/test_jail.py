"""What a command in the jail reaches, and what it does not."""

import asyncio
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from harness.sandbox.base import SandboxFailure
from harness.sessions.jailed import Cell, CellLimits, Ended, run_jailed, run_unjailed
from harness.sessions.mounts import SYSTEM
from harness.sessions.neutral import AgentRequest
from harness.sessions.proxy import FinalWord, Proxy
from tasks.base import Reply
from tests.harness.processes import until
from tests.jails import in_jail as in_jail

WORDS = {"PATH": "/usr/bin:/bin", "HOME": "/agent"}


async def refuse(_: AgentRequest) -> Reply:
    raise FinalWord("no")


def jailed(script: str, seconds: float = 20) -> Ended:
    """What comes of a shell's script in the jail."""
    cell = Cell(
        command=("/bin/sh", "-c", script),
        environment=WORDS,
        files={"INSTRUCTION.md": "Do."},
        limits=CellLimits(seconds),
    )
    return asyncio.run(run_jailed(cell, Proxy(refuse).serve))


def test_texts_go_in_and_come_out() -> None:
    ended = jailed("cat INSTRUCTION.md > answer.json; mkdir -p a/b; echo 1 > a/b/c; pwd; exit 3")
    assert (ended.status, ended.tail) == (3, "/task\n")
    assert ended.files == {"INSTRUCTION.md": "Do.", "answer.json": "Do.", "a/b/c": "1\n"}


def test_files_of_the_machine_are_not_there(tmp_path: Path) -> None:
    secret = tmp_path / "instances.jsonl"
    secret.write_text("the optimum")
    shown = Path(__file__).parents[3]
    script = f"cat {secret}; cat /proc/self/cwd/../../../..{secret}; ls {shown}; ls -d /*"
    ended = jailed(script)
    assert "the optimum" not in ended.tail
    assert "CONTRIBUTING.md" not in ended.tail
    own = {"task", "agent", "proc", "dev", "etc", "tmp", "run"}
    listed = {line[1:] for line in ended.tail.splitlines() if line.startswith("/")}
    assert own <= listed <= own | {*SYSTEM}


def test_folders_that_an_agent_needs_are_there_read_only(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("a tool")
    tmp_path.chmod(0o755)  # root is nobody in a jail
    script = f"cat {tmp_path}/tool; echo x > {tmp_path}/tool; ls /tmp"
    cell = Cell(("/bin/sh", "-c", script), environment=WORDS, folders=(str(tmp_path),))
    ended = asyncio.run(run_jailed(cell, Proxy(refuse).serve))
    assert ended.tail.startswith("a tool")
    assert "Read-only file system" in ended.tail


LIMITS = {
    "cpu_seconds": ("while :; do :; done", CellLimits(60, cpu_seconds=1)),
    "memory_mb": ("x=1; while :; do x=$x$x; done", CellLimits(60, memory_mb=64)),
    "files in memory": (
        "for k in 1 2 3 4 5 6; do head -c 15000000 /dev/zero > $k; done; sleep 60",
        CellLimits(60, memory_mb=64),
    ),
    "processes": ("while :; do sleep 60 & done", CellLimits(60, processes=20)),
    "seconds": ("sleep 60", CellLimits(1)),
}


@pytest.mark.heavy
@pytest.mark.parametrize("run", [run_jailed, run_unjailed])
@pytest.mark.parametrize("name", LIMITS)
def test_what_is_above_a_limit_is_ended_and_its_answer_is_there(name: str, run: Any) -> None:
    script, limits = LIMITS[name]
    if name == "files in memory" and run is run_unjailed:
        pytest.skip("without a jail files are on a disk")
    cell = Cell(("/bin/sh", "-c", f"echo 1 > answer.json; {script}"), WORDS, limits=limits)
    start = time.monotonic()
    ended = asyncio.run(run(cell, Proxy(refuse).serve))
    assert time.monotonic() - start < 30
    assert (ended.status, ended.limit) == (None, name if " " not in name else "memory_mb")
    assert ended.files["answer.json"] == "1\n"


def test_without_a_jail_all_that_was_begun_is_ended_too() -> None:
    script = "(setsid sleep 787 &); (setsid sh -c 'sleep 788; true' &); echo 1 > answer.json"
    cell = Cell(("/bin/sh", "-c", script), WORDS)
    ended = asyncio.run(run_unjailed(cell, Proxy(refuse).serve))
    assert (ended.status, ended.files) == (0, {"answer.json": "1\n"})
    assert not [p for p in _commands() if b"sleep\x00787" in p or b"sleep\x00788" in p]


def test_without_a_jail_the_folder_is_the_same_at_each_try_and_gone_afterwards() -> None:
    cell = Cell(("/bin/sh", "-c", "pwd; echo $HOME $0", "{home}"), {"HOME": "{home}"})
    tails = [asyncio.run(run_unjailed(cell, Proxy(refuse).serve)).tail for _ in range(2)]
    assert tails[0] == tails[1]
    work, home, word = tails[0].split()
    assert home == word
    assert not Path(work).exists()


def test_keys_and_other_processes_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-secret-of-the-user")
    script = "env; cat /proc/*/environ; echo; ls /proc | grep -c '^[0-9]'; kill -9 1; kill -INT 1"
    ended = jailed(f"{script}; kill -9 {os.getpid()}; echo alive")
    assert "sk-secret" not in ended.tail
    assert "alive" in ended.tail
    numbers = [int(line) for line in ended.tail.splitlines() if line.isdecimal()]
    assert max(numbers) <= 4  # the shell, ls and grep; the jail's first process is hidden


def test_there_is_no_network_but_the_proxy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside:
        port = outside.getsockname()[1]
        probe = (
            "import socket, sys\n"
            f"for where in (('127.0.0.1', {port}), ('1.1.1.1', 80), ('127.0.0.1', 8210)):\n"
            "    try:\n"
            "        socket.create_connection(where, 2)\n"
            "        print('open', where[1])\n"
            "    except OSError as error:\n"
            "        print(error)\n"
        )
        ended = jailed(f'python3 -c "{probe}" || echo none')
    if "not found" in ended.tail:
        pytest.skip("no Python among the system's programs")
    lines = ended.tail.splitlines()
    assert "refused" in lines[0]
    assert "unreachable" in lines[1]
    assert lines[2] == "open 8210"


def test_nothing_of_the_machine_can_be_changed() -> None:
    tries = (
        "touch /usr/x",
        "touch /etc/passwd",
        "mount -t tmpfs x /usr",
        "echo x > /proc/sys/kernel/hostname",
        "echo 1 > /proc/sys/vm/drop_caches",
        "echo x > /proc/sysrq-trigger",
    )
    ended = jailed(
        "; ".join(f"( {each} ) && echo changed || echo kept" for each in tries) + "; id -u"
    )
    *lines, user = ended.tail.splitlines()
    assert [line for line in lines if line in ("kept", "changed")] == ["kept"] * len(tries)
    assert user != "0"


def test_what_is_no_text_is_left_out() -> None:
    script = (
        "ln -s /etc/passwd link; mkfifo fifo; head -c 9 /dev/urandom > bytes; printf '\\377' > b2;"
        " head -c 600000 /dev/zero > large; ln -s /etc/passwd answer.json; echo ok > fine"
    )
    ended = jailed(script)
    assert ended.files == {"INSTRUCTION.md": "Do.", "fine": "ok\n"}
    assert {"link", "fifo", "b2", "large", "answer.json"} <= {*ended.left_out}


@pytest.mark.heavy
def test_it_is_ended_at_its_time_with_all_that_it_began() -> None:
    start = time.monotonic()
    ended = jailed("echo 1 > answer.json; (setsid sleep 777 &); sleep 778", seconds=1)
    assert time.monotonic() - start < 15
    assert (ended.status, ended.files["answer.json"]) == (None, "1\n")
    until(lambda: not [p for p in _commands() if b"sleep\x00777" in p or b"sleep\x00778" in p])


def test_an_end_of_the_harness_is_the_end_of_the_jail() -> None:
    async def cut() -> None:
        cell = Cell(command=("sleep", "779"), environment=WORDS, limits=CellLimits(600))
        task = asyncio.create_task(run_jailed(cell, Proxy(refuse).serve))
        while not [p for p in _commands() if b"sleep\x00779" in p]:
            await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(asyncio.wait_for(cut(), 30))
    until(lambda: not [p for p in _commands() if b"sleep\x00779" in p])


def test_a_path_out_of_the_folder_is_refused() -> None:
    cell = Cell(command=("true",), environment=WORDS, files={"../etc/x": "1"})
    with pytest.raises(SandboxFailure, match=r"no jail here: \.\./etc/x is not below /task"):
        asyncio.run(run_jailed(cell, Proxy(refuse).serve))


def test_a_command_that_is_not_there_is_told() -> None:
    cell = Cell(command=("no-such-program",), environment=WORDS)
    ended = asyncio.run(run_jailed(cell, Proxy(refuse).serve))
    assert ended.status == 127
    assert ended.tail == "no-such-program: No such file or directory\n"


def _commands() -> list[bytes]:
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(path.read_bytes())
        except OSError:
            continue
    return commands
