"""Files that are never half-written."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from stat import S_IFREG, S_ISDIR, S_ISREG

from tasks.base import InputError, StoreFailure

ROOM = 2**20  # bytes that a database leaves free
STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}  # opened anew they would be written from the start


def destination(path: Path) -> Path | None:
    """The regular file to make or replace, links followed; None: a device or a pipe.

    InputError if nothing can be written there.
    """
    if str(path) in STREAMS:
        return None
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = S_IFREG
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    if S_ISDIR(mode):
        raise InputError(f"cannot write {path}: it is a directory")
    if not S_ISREG(mode):
        return None
    place = path.resolve() if path.is_symlink() else path
    if not place.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {place.parent}")
    return place


def has_room(folder: Path) -> bool:
    """Return whether a database can be written in a folder.

    SQLite shares its index by a mapped file with holes; on a disk without a free block a write to
    it is no error but the signal SIGBUS, which kills. So nobody goes that far.
    """
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize >= ROOM


def require_room(path: Path) -> None:
    """StoreFailure if a database has no room to grow."""
    if not has_room(path.parent):
        raise StoreFailure(f"cannot write {path}: its disk is full: less than 1 MB is free")


def make_folder(path: Path) -> None:
    """Make a folder and those above it; one that is there already will do."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {path}: {error.strerror}") from None


def write(path: Path, content: str | bytes) -> None:
    """Replace a file in one step: a reader sees the old content or the new."""
    write_lines(path, [content.encode() if isinstance(content, str) else content], end=b"")


def write_lines(path: Path, lines: Iterable[bytes], end: bytes = b"\n") -> None:
    """Replace a file by lines as they come; nothing is there until all are.

    What is no regular file takes each line at once.
    """
    place = destination(path)
    try:
        if place is None:
            _pass_on(path, lines, end)
        else:
            _replace(place, lines, end)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StoreFailure(f"cannot write {path}: {error.strerror}") from None


def _pass_on(path: Path, lines: Iterable[bytes], end: bytes) -> None:
    stream = STREAMS.get(str(path))
    with path.open("wb") if stream is None else os.fdopen(os.dup(stream), "wb") as out:
        for line in lines:
            out.write(line + end)
            out.flush()


def _replace(place: Path, lines: Iterable[bytes], end: bytes) -> None:
    partial = place.with_name(f"{place.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as out:
            for line in lines:
                out.write(line + end)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(place)
    finally:
        with suppress(OSError):
            partial.unlink()


def whole_lines(path: Path, most: int | None = None) -> list[bytes]:
    """The lines of an append-only file, cut off after the first `most`.

    A last one without an end was never finished: it is cut off too.
    """
    if not path.exists():
        return []
    content = path.read_bytes()
    lines = content[: content.rfind(b"\n") + 1].splitlines(keepends=True)[:most]
    kept = sum(map(len, lines))
    if kept < len(content):
        with path.open("r+b") as out:
            out.truncate(kept)
    return [line.rstrip(b"\r\n") for line in lines]
