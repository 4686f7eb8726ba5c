"""The places of a command's lines: standard output or error, a file that appears when whole."""

import fcntl
import io
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from harness import files
from harness.progress import Progress
from harness.screen import Screen
from tasks.base import InputError, StoreFailure

Make = Callable[[int], Iterator[bytes]]


def screen_of(options: Namespace) -> Screen:
    """Return the screen for a command's tables, with the columns that its options want."""
    return Screen(options.columns, wide=options.wide)


def print_json(value: object) -> None:
    """Print a result as one JSON document."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.write(text.decode() + "\n")


def put(out: Path | None, lines: Iterable[bytes]) -> None:
    """Print lines as they come, or replace a file by them when all are there."""
    if out is not None:
        files.write_lines(out, lines)
        return
    for line in lines:
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()


def emit(out: Path | None, unit: str, total: int, make: Make, key: object) -> None:
    """Print lines, or write them to a file that is taken up again where it was cut off.

    `make(k)` gives the lines from the k-th on; `key` is all that shapes a line. Until the file is
    whole its lines are in `FILE.<digest of key>.partial`, safe one by one.
    """
    place = out and files.destination(out)
    with Progress(unit, total) as progress:
        if place is None:
            put(out, _counted(make(0), progress))
            return
        partial = place.with_name(f"{place.name}.{_digest(key)}.partial")
        try:
            with _claimed(partial, place) as sink:
                done = len(files.whole_lines(partial, total))
                for _ in range(done):
                    progress.add()
                for line in _counted(make(done), progress):
                    sink.write(line + b"\n")
                    sink.flush()
                partial.replace(place)
        except OSError as error:
            raise StoreFailure(
                f"cannot write {partial}: {error.strerror}; what is there is kept"
            ) from None


def _digest(key: object) -> str:
    from harness.digests import digest

    return digest([key, version("makespan")])


def _counted(lines: Iterable[bytes], progress: Progress) -> Iterator[bytes]:
    for line in lines:
        yield line
        progress.add()


@contextmanager
def _claimed(partial: Path, place: Path) -> Iterator[BinaryIO]:
    """A file to append to, for this process alone; one still empty on an InputError goes away."""
    with _locked(partial, place) as sink:
        try:
            yield sink
        except InputError:
            if not partial.stat().st_size:
                partial.unlink()
            raise


def _locked(partial: Path, place: Path) -> BinaryIO:
    while True:
        sink = partial.open("ab")
        try:
            fcntl.flock(sink, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sink.close()
            raise InputError(f"another process is writing {place}") from None
        if partial.exists() and os.path.samestat(os.fstat(sink.fileno()), partial.stat()):
            return sink
        sink.close()  # the other process has finished between the two


# Standard output ----------------------------------------------------------------------------


class _Stdout(io.FileIO):
    """Tells its own failures from those of other files."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise StoreFailure(f"cannot write standard output: {error.strerror}") from None


@contextmanager
def checked_stdout() -> Iterator[None]:
    """Standard output that has all been written at the end; StoreFailure if it cannot be."""
    old = sys.__stdout__
    if sys.stdout is not old:  # somebody else's
        yield
        return
    if old is None:
        raise StoreFailure("cannot write standard output: it is closed")
    raw = io.BufferedWriter(_Stdout(old.fileno(), "wb", closefd=False))
    text = io.TextIOWrapper(raw, old.encoding, old.errors, line_buffering=old.line_buffering)
    with redirect_stdout(text):
        try:
            yield
        finally:
            text.flush()


def silence() -> None:
    """Drop what could not be written, so that the process does not try again at its end."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
