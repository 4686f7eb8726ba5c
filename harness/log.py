"""The log of a run while it goes: lines for people, events as JSON lines for programs.

Messages of the library name its parameters in backquotes, such as `limit`. Where somebody gave a
command, the line says what these are called there.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec

from harness.secrets import scrub
from tasks.base import Failure, StoreFailure

STDERR = Path("-")
_PARAMETER = re.compile(r"`([a-z_.]+)`")
_names: dict[str, str] = {}  # of parameters, as who gave a command knows them


@contextmanager
def parameters_named(names: Mapping[str, str]) -> Iterator[None]:
    """Name parameters differently in all messages of this process while the block runs.

    Args:
        names: what a parameter is called instead, by its name; others stay as they are.
    """
    before = dict(_names)
    _names.update(names)
    try:
        yield
    finally:
        _names.clear()
        _names.update(before)


def worded(message: str) -> str:
    """Return a message with its parameters as who reads it knows them."""
    return _PARAMETER.sub(lambda match: _names.get(match[1], match[0]), message)


class Log:
    """Lines go to standard error; events to a file, or to standard error in place of the lines.

    `failed` is told if the file cannot be written any more; without it that is raised.
    """

    def __init__(self, events: Path | None = None) -> None:
        self._told: set[str] = set()
        self.failed: Callable[[Failure], None] | None = None
        self._sink: IO[str] | None = None
        self.lines = events != STDERR
        self.path = events
        if events == STDERR:
            self._sink = sys.stderr
        elif events is not None:
            try:
                self._sink = events.open("a", encoding="utf-8", errors="replace")
            except OSError as error:
                raise StoreFailure(f"cannot write {events}: {error.strerror}") from None

    def say(self, line: str) -> None:
        """A line for the user."""
        if self.lines:
            print(worded(line), file=sys.stderr)
        self.event("said", line=worded(line))

    def say_once(self, line: str) -> None:
        """A fault that is being retried is told the first time only, its kind by model."""
        kind = ": ".join(line.split(": ")[:2])  # names of models have colons, too
        if kind not in self._told:
            self._told.add(kind)
            self.say(line)

    def event(self, name: str, **fields: Any) -> None:
        """Write one JSON line: time, name, fields; no key is ever in it."""
        if self._sink is None:
            return
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = msgspec.json.encode({"time": time, "event": name} | fields).decode()
        try:
            self._sink.write(scrub(line) + "\n")
            self._sink.flush()
        except OSError as error:
            self._sink = None
            failure = StoreFailure(f"cannot write {self.path}: {error.strerror}")
            if self.failed is None:
                raise failure from None
            self.failed(failure)


def say(line: str) -> None:
    """A line for the user, apart from the results."""
    print(worded(line), file=sys.stderr)
