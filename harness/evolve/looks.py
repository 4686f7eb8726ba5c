"""How often the instances of a verdict were looked at: each look makes their word weaker.

Whoever tries programs until one does well on the test split has chosen by it. So every look is
noted before its result is told, in a file beside the results of whoever looks. A search's own look
at its end is in its run folder, and not counted here; nor is what was looked at elsewhere.
"""

from pathlib import Path

import msgspec

from harness import files
from tasks.base import InputError, Noun, StoreFailure

LOOKS = Path("results/looks")


class Look(Noun, frozen=True):
    """One look: at so many instances of a split (None: all), by the program of a digest."""

    split: str
    limit: int | None
    program: str
    file: str


class LookCount(Noun, frozen=True):
    """How often a split was looked at, this time included, and by how many programs."""

    split: str
    looks: int
    programs: int
    noted: str


def note_look(domain: str, look: Look) -> LookCount:
    """Note a look at a domain's instances, and return how often that split was looked at.

    Raises:
        InputError: the file holds something else.
        StoreFailure: it cannot be written; then there must be no look.
    """
    path = LOOKS / f"{domain}.jsonl"
    files.make_folder(path.parent)
    try:
        before = path.read_bytes().splitlines() if path.exists() else []
        with path.open("ab") as out:
            out.write(msgspec.json.encode(look) + b"\n")
    except OSError as error:
        raise StoreFailure(f"cannot write {path}: {error.strerror}") from None
    looks = [*_decoded(path, before, look.split), look]
    programs = {each.program for each in looks}
    return LookCount(look.split, len(looks), len(programs), noted=str(path))


def _decoded(path: Path, lines: list[bytes], split: str) -> list[Look]:
    try:
        looks = [msgspec.json.decode(line, type=Look) for line in lines]
    except msgspec.DecodeError as error:
        raise InputError(f"{path}: {error}: it is not what makespan wrote") from None
    return [look for look in looks if look.split == split]
