"""Where a command's lines go: standard output, or a file that appears when it is whole."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from harness import files
from harness.progress import Progress
from harness.request import digest
from tasks.base import InputError, StoreFailure

Make = Callable[[int], Iterator[bytes]]


def emit(out: Path | None, what: str, total: int, make: Make, key: object) -> None:
    """Print lines, or write them to a file that is taken up again where it was cut off.

    `make(k)` gives the lines from the k-th on; `key` is all that shapes them. Until the file is
    whole its lines are in `FILE.<digest of key>.partial`, safe one by one.
    """
    with Progress(what, total) as progress:
        if out is None:
            for line in make(0):
                sys.stdout.buffer.write(line + b"\n")
                sys.stdout.buffer.flush()
                progress.add()
            return
        partial = out.with_name(f"{out.name}.{digest(key)}.partial")
        try:
            done = len(files.whole_lines(partial))
            for _ in range(done):
                progress.add()
            with partial.open("ab") as sink:
                for line in make(done):
                    sink.write(line + b"\n")
                    sink.flush()
                    progress.add()
            partial.replace(out)
        except FileNotFoundError:
            raise InputError(f"cannot write {out}: there is no folder {out.parent}") from None
        except BrokenPipeError:
            raise
        except OSError as error:
            raise StoreFailure(
                f"cannot write {partial}: {error.strerror}; what is there is kept"
            ) from None
        except InputError:
            if partial.exists() and not partial.stat().st_size:
                partial.unlink()
            raise
