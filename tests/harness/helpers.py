"""The command line as tests use it: in this process, or in one of its own."""

import io
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from generators.rcpsp import generate
from harness.cli import main
from harness.suites.instances import encode
from tests.harness.processes import TooLong, deadline
from tests.loopback import Json

PROGRAM = [sys.executable, "-c", "import sys; from harness.cli import main; sys.exit(main())"]


def command(*words: object) -> list[str]:
    """The words of a subprocess that runs `makespan`."""
    return [*PROGRAM, *map(str, words)]


def makespan(*words: object, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run `makespan` in this process, as if in one of its own.

    `extra` goes into its environment. AssertionError after two minutes.
    """
    line = [str(word) for word in words]
    out, err = Written(), Written()
    with (
        patch.dict(os.environ, extra),
        redirect_stdout(out),
        redirect_stderr(err),
        deadline(120, f"makespan {' '.join(line)}"),
    ):
        try:
            status = main(line)
        except TooLong:
            raise
        except SystemExit as stop:
            status = int(stop.code or 0)
    return subprocess.CompletedProcess(line, status, out.text(), err.text())


class Written(io.TextIOWrapper):
    """A stream of standard output or error that keeps what is written to it, text and bytes."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), "utf-8", "backslashreplace", write_through=True)

    def text(self) -> str:
        """All that was written."""
        self.seek(0)
        return self.read()


def makespan_apart(*words: object, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run `makespan` in a process of its own, for what a process has only one of: the seed of its
    hashes, its standard output as a device, packages that read the environment once."""
    return subprocess.run(
        command(*words),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **extra},
    )


def instances(path: Path, count: int, level: int = 4) -> Path:
    """A file of small projects, their references only the witness's."""
    made = [generate(level, 0, k, {}, reference=False) for k in range(count)]
    path.write_bytes(b"".join(encode(i) + b"\n" for i in made))
    return path


def told_lines(told: str | bytes) -> list[str]:
    """Lines of standard error, without those of a progress that is slow on a busy machine."""
    text = told if isinstance(told, str) else told.decode()
    return [line for line in text.splitlines() if " s left, " not in line]


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """What a query finds in a journal."""
    db = sqlite3.connect(folder / "journal.sqlite")
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


def answered(folder: Path) -> set[tuple[str, str]]:
    """(episode, path) of every reply in a journal."""
    found = rows(
        folder,
        "select key, path from attempts join episodes on id = episode where reply is not null",
    )
    return {(key, path) for key, path in found}


def board(*folders: Path) -> list[Json]:
    """The rows of `board --json`."""
    found: list[Json] = json.loads(makespan("board", *folders, "--json").stdout)["rows"]
    return found


def zeros(_: int, body: Json) -> str:
    """An answer that parses but starts no task."""
    return '{"starts": {}}' if body["messages"] else ""
