"""What a submission may hold, as a folder and packed into one file.

Both come from strangers: a name may lead out of the folder, a link may lead anywhere, and a small
file may unpack to one that fills the disk.
"""

import re
import shutil
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from zlib import error as ZlibError

from harness.store.folder import GIVEN, INSTANCES, PROGRAMS
from harness.store.journal import NAME as JOURNAL
from harness.suites.commitment import REVEALED
from tasks.base import InputError, StoreFailure

CLAIMS = "submission.json"
ENDING = ".zip"
FILES = ("manifest.json", INSTANCES, GIVEN, REVEALED, JOURNAL, CLAIMS)
FOLDERS = {"templates": ".j2", PROGRAMS: ".py"}  # and how the names of their files end
LARGEST = 2**30  # bytes of all files together
MOST = 2_000  # files
CHUNK = 2**20
EPOCH = (1980, 1, 1, 0, 0, 0)  # the time of every file of an archive: the same bytes every day
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


def is_expected(name: str) -> bool:
    """Return whether a submission may hold a file of this name, a path within it."""
    first, slash, _ = name.partition("/")
    if not slash:
        return name in FILES
    parts = name.split("/")
    ending = FOLDERS.get(first)
    return bool(ending) and name.endswith(str(ending)) and all(map(_PART.fullmatch, parts))


def content_problems(folder: Path) -> Iterator[str]:
    """Yield a line for each thing in a submitted folder that no submission holds.

    Args:
        folder: as it arrived.
    """
    total = 0
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            continue
        if not stat.S_ISREG(mode):
            yield f"{name!r} is a link or a device: a submission holds files alone"
        elif not is_expected(name):
            yield f"{name!r} is no file of a submission"
        total += path.lstat().st_size
    if total > LARGEST:
        yield f"it has {total} bytes, at most {LARGEST} are taken"


def write_archive(folder: Path, archive: Path) -> None:
    """Write the files of a submitted folder to a new archive, the same bytes for the same files.

    Raises:
        StoreFailure: it cannot be written.
    """
    partial = archive.with_name(f".{archive.name}.partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as out:
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH)
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                with path.open("rb") as content, out.open(entry, "w") as target:
                    shutil.copyfileobj(content, target, CHUNK)
        partial.replace(archive)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StoreFailure(f"cannot write {archive}: {error.strerror}") from None


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a submission into an empty folder.

    Args:
        archive: as it arrived.
        folder: empty, of whoever receives it.

    Raises:
        InputError: it is no archive, holds what no submission does, or unpacks to too much.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            entries = content.infolist()
            _check_entries(archive, entries)
            room = LARGEST
            for entry in entries:
                room -= _unpack_file(content, entry, folder / entry.filename, room=room)
    except OSError as error:
        raise InputError(f"cannot unpack {archive}: {error.strerror or error}") from None
    except (zipfile.BadZipFile, ZlibError, EOFError, RuntimeError, NotImplementedError) as error:
        raise InputError(f"cannot unpack {archive}: {error}") from None


def _check_entries(archive: Path, entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    if len(names) > MOST:
        raise InputError(f"{archive} holds {len(names)} files, at most {MOST} are taken")
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if not is_expected(entry.filename) or ".." in PurePosixPath(entry.filename).parts:
            raise InputError(f"{archive}: {entry.filename!r} is no file of a submission")
        if kind not in (0, stat.S_IFREG):
            raise InputError(f"{archive}: {entry.filename!r} is a link or a device")
        if names.count(entry.filename) > 1:
            raise InputError(f"{archive}: {entry.filename!r} is in it twice")


def _unpack_file(
    content: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, *, room: int
) -> int:
    """Write one file of an archive and return its size, whatever the archive says of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with content.open(entry) as source, target.open("xb") as out:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > room:
                raise InputError(
                    f"{content.filename} unpacks to more than {LARGEST} bytes, which none may"
                )
            out.write(chunk)
    return size
