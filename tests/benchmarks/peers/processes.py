"""Programs that are measured, and the server that they all ask, each a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from urllib.request import urlopen

import msgspec

from tests.loopback import Call

TIMED = Path(__file__).with_name("timed.py")
LONGEST = 900.0  # seconds that a program may take
ANSWER = '{"starts": {}}'


class Usage(msgspec.Struct, frozen=True):
    """What a program took: CPU and wall seconds, peak MB; its exit status, None if cut off."""

    cpu: float
    wall: float
    peak: float
    status: int | None


@dataclass
class Started:
    """A program under way, in a session of its own; what it says goes to `said.txt`."""

    words: Sequence[object]
    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file = self.folder / "usage.json"
        self._file.unlink(missing_ok=True)
        with (self.folder / "said.txt").open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-S", TIMED, self._file, *map(str, self.words)],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        self._began = monotonic()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def cpu(self) -> float:
        """Return the CPU seconds of the program until now, 0 once it has ended; Linux only."""
        timer = self._process.pid
        try:
            [program] = Path(f"/proc/{timer}/task/{timer}/children").read_text().split()
            fields = Path(f"/proc/{program}/stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            return 0.0
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")  # user and system time

    def kill(self) -> None:
        """kill -9, the program and all that it has started."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self, longest: float = LONGEST) -> Usage:
        """Wait until it ends; one that takes too long is killed."""
        try:
            self._process.wait(longest)
        except subprocess.TimeoutExpired:
            self.kill()
            return Usage(0.0, monotonic() - self._began, 0.0, None)
        return msgspec.json.decode(self._file.read_bytes(), type=Usage)


def run(words: Sequence[object], folder: Path) -> Usage:
    """Run a program that must succeed; SystemExit with its last words if it does not."""
    return ended(Started(words, folder))


def ended(program: Started) -> Usage:
    """Return what a program took that must succeed; SystemExit as `run` has it."""
    usage = program.wait()
    if usage.status != 0:
        output = (program.folder / "said.txt").read_text(errors="replace")
        words = " ".join(map(str, program.words))
        lines = [f"exit status {usage.status}: {words}", *output.splitlines()[-20:]]
        raise SystemExit("\n".join(lines))
    return usage


class Server:
    """The loopback server as a process, between `with`; `port` to have it there again."""

    def __init__(self, *flags: object, port: int = 0) -> None:
        self._words = [
            sys.executable,
            "-m",
            "tests.loopback",
            "--answer",
            ANSWER,
            "--port",
            port,
            *flags,
        ]

    def __enter__(self) -> "Server":
        self._process = subprocess.Popen(
            [*map(str, self._words)],
            stdout=subprocess.PIPE,
            text=True,
            stderr=subprocess.DEVNULL,  # aiohttp complains of clients that are killed
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        self.port = int(self.url.split(":")[2].split("/")[0])
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    @property
    def answered(self) -> int:
        """How many answers it has given."""
        counts = msgspec.json.decode(self._get("count"), type=dict[str, int])
        return counts["answered"]

    def calls(self) -> list[Call]:
        """The requests that have ended."""
        return msgspec.json.decode(self._get("calls"), type=list[Call])

    def await_answers(self, count: int, program: Started) -> int:
        """Wait until it has given so many, or nobody asks any more; return how many they are."""
        while (answered := self.answered) < count and program.running:
            sleep(0.02)
        return answered

    def _get(self, what: str) -> bytes:
        with urlopen(f"{self.url.removesuffix('/v1')}/{what}") as response:
            body: bytes = response.read()
            return body


def filled(calls: Sequence[Call], places: int) -> float:
    """Seconds in flight from the first request to the last, over those of all places."""
    first, last = min(c.came for c in calls), max(c.came for c in calls)
    return sum(min(c.ended, last) - c.came for c in calls) / (places * (last - first))
