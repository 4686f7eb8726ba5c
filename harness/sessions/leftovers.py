"""The texts that a session leaves in its folder. It needs nothing but Python."""

import os
import stat

MOST_FILES, MOST_BYTES, MOST_ANSWER = 200, 500_000, 1_000_000
TAIL = 4000  # bytes of what was printed


def collect(work: str) -> tuple[dict[str, str], list[str]]:
    """Return the texts in the folder of the work, and the paths of what is left out."""
    files: dict[str, str] = {}
    left_out: list[str] = []
    total = 0
    for folder, folders, names in os.walk(work):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            short = os.path.relpath(path, work)
            text = _text(path, MOST_ANSWER if short == "answer.json" else MOST_BYTES - total)
            if text is None or len(files) == MOST_FILES:
                left_out.append(os.fsencode(short).decode("utf-8", "replace"))
            else:
                files[short] = text
                total += len(text) * (short != "answer.json")
    return files, left_out[:MOST_FILES]


def _text(path: str, most: int) -> str | None:
    """Return a file's text; None of what is no regular file, no text, or longer than `most`."""
    try:
        path.encode()
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, UnicodeEncodeError):
        return None
    with open(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return None
        data = file.read(max(most, 0) + 1)
    try:
        return data.decode() if len(data) <= most else None
    except UnicodeDecodeError:
        return None


def tail(path: str) -> str:
    """Return the end of what was printed into a file."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
