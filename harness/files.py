"""Files that are never half-written."""

import os
from collections.abc import Iterable
from pathlib import Path

from tasks.base import InputError, StoreFailure


def write(path: Path, content: str | bytes) -> None:
    """Replace a file in one step: a reader sees the old content or the new."""
    write_lines(path, [content.encode() if isinstance(content, str) else content], end=b"")


def write_lines(path: Path, lines: Iterable[bytes], end: bytes = b"\n") -> int:
    """Replace a file by lines as they come; nothing is there until all are. Returns how many."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    count = 0
    try:
        with partial.open("wb") as out:
            for line in lines:
                out.write(line + end)
                count += 1
            out.flush()
            os.fsync(out.fileno())
        partial.replace(path)
    except FileNotFoundError:
        raise InputError(f"cannot write {path}: there is no folder {path.parent}") from None
    except OSError as error:
        raise StoreFailure(f"cannot write {path}: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)
    return count


def whole_lines(path: Path) -> list[bytes]:
    """The lines of an append-only file; a last one without an end was never finished: cut off."""
    if not path.exists():
        return []
    content = path.read_bytes()
    kept = content.rfind(b"\n") + 1
    if kept < len(content):
        with path.open("r+b") as out:
            out.truncate(kept)
    return content[:kept].splitlines()
