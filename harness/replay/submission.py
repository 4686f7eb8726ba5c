"""A submission: a verified, whole run in a folder or a file that a maintainer verifies again.

It is a run folder with a file more, which says what is claimed. Nothing in it is taken on trust:
`verify` replays the replies of its journal, and compares the claimed scores with what they come to.
"""

import math
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
from msgspec.structs import replace

from harness import files
from harness.board.board import Board, read_board
from harness.replay.parcel import (
    CLAIMS,
    ENDING,
    FILES,
    FOLDERS,
    content_problems,
    unpack,
    write_archive,
)
from harness.replay.verify import Verification, verify
from harness.secrets import scrub
from harness.store.folder import Folder
from harness.store.journal import NAME as JOURNAL
from harness.store.journal import reading_uri
from harness.store.manifest import environment
from harness.suites import suite as suites
from harness.suites.commitment import Secret, public_lock
from tasks.base import InputError, Noun, StoreFailure
from tasks.prompts import installed

FORMAT = 1


class ClaimedScore(Noun, frozen=True):
    """The score of a model in a family, as it is claimed."""

    model: str
    family: str
    cell: dict[str, bool | int | float | str | None]
    n: int
    score: float | None


class SubmittedRun(Noun, frozen=True):
    """What a submission says of itself.

    Attributes:
        suite: its name.
        lock: of the run.
        commitment: the digest behind its seed; None of a public one.
        packed: the day.
        packages: versions with which it was verified before it was packed.
        claims: a line a row of its board.
        format: of the file.
    """

    suite: str
    lock: str
    commitment: str | None
    packed: str
    packages: dict[str, str]
    claims: tuple[ClaimedScore, ...]
    format: int = FORMAT


def pack(path: Path, out: Path, day: str) -> SubmittedRun:
    """Verify a run folder, and copy what a submission has of it into a new folder or archive.

    Args:
        path: of the run folder.
        out: the new folder, or a file that ends in `.zip`.
        day: on which it is packed.

    Returns:
        What the submission says.

    Raises:
        InputError: something in the run is not what it says, it is not whole or of no suite of the
            project, a secret would be told, or `out` is there.
    """
    if out.exists():
        raise InputError(f"{out} is there already: use another `out`")
    result = verify(path)
    problems = (*result.problems, *_suite_problems(Folder.open(path)), *_gaps(result))
    if problems:
        raise InputError(f"{path} cannot be submitted: {problems[0]}")
    submission = SubmittedRun(
        result.suite,
        result.lock,
        commitment=result.commitment,
        packed=day,
        packages=environment().packages,
        claims=claims_of(read_board([path])),
    )
    hidden = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        _copy(path, hidden, submission)
        if out.suffix == ENDING:
            write_archive(hidden, out)
        else:
            hidden.replace(out)
    except (OSError, sqlite3.Error) as error:
        raise StoreFailure(f"cannot write {out}: {error}") from None
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return submission


def claims_of(board: Board) -> tuple[ClaimedScore, ...]:
    """Return the scores of a board, in its order."""
    return tuple(
        ClaimedScore(row.model, row.family, row.cell, n=row.n, score=row.score.value)
        for row in board.rows
    )


def _copy(path: Path, target: Path, submission: SubmittedRun) -> None:
    """Fill a new folder with what a submission has of a run."""
    target.mkdir(parents=True)
    for name in FILES:
        if (path / name).is_file() and name not in (JOURNAL, CLAIMS):
            shutil.copyfile(path / name, target / name)
    for name, ending in FOLDERS.items():
        for source in (path / name).rglob(f"*{ending}"):
            place = target / source.relative_to(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place)
    with (
        closing(sqlite3.connect(reading_uri(path / JOURNAL), uri=True)) as source_db,
        closing(sqlite3.connect(target / JOURNAL)) as target_db,
    ):
        source_db.backup(target_db)
        target_db.execute("pragma journal_mode = delete")  # one file, and no log beside it
    text = msgspec.json.format(msgspec.json.encode(submission), indent=2)
    files.write(target / CLAIMS, text + b"\n")
    if scrub(manifest := (target / "manifest.json").read_text("utf-8")) != manifest:
        raise InputError(f"{path} cannot be submitted: its manifest.json tells a secret")


def verify_submission(path: Path, secret: Secret | None = None) -> Verification:
    """Return what a verification of a submission finds, and of what it claims.

    Args:
        path: of the folder.
        secret: of its commitment; None takes that which is in the folder, if any.

    Raises:
        InputError: it is no submission.
    """
    if not (path / CLAIMS).is_file():
        raise InputError(f"{path} is no submission: it has no {CLAIMS}: makespan submit makes one")
    strange = tuple(content_problems(path))
    result = verify(path, secret)
    lines = (*strange, *result.problems, *_suite_problems(Folder.open(path)), *_gaps(result))
    if not result.problems:  # a board may not be had of what is broken
        lines += tuple(_claim_problems(path, result))
    return replace(result, problems=lines)


def receive(archive: Path, folder: Path, secret: Secret | None = None) -> Verification:
    """Unpack a packed submission into an empty folder, and verify it there.

    Args:
        archive: as it arrived.
        folder: empty.
        secret: of its commitment; None takes that which is in the archive, if any.

    Raises:
        InputError: it holds what no submission does, unpacks to too much, or is none.
    """
    unpack(archive, folder)
    return verify_submission(folder, secret)


def _suite_problems(folder: Folder) -> Iterator[str]:
    """Yield a line if the suite is not the one of that name which comes with the project.

    One that is not of the project is whoever's: its rows stand beside others of the same lock.
    """
    suite = folder.manifest.configuration.suite
    if not suite.entry:
        yield f"suite {suite.name}: its instances are from files, which cannot be made anew"
        return
    if suite.size is None:
        yield f"suite {suite.name} has no end: submit a run of a suite"
    if suite.name in suites.names():
        shipped = suites.load(suite.name)
        lock, own = public_lock(shipped, installed()), public_lock(suite, folder.prompts)
        if lock != own:
            yield f"it is not the suite {suite.name}: its lock at seed 0 is {own}, not {lock}"


def _gaps(result: Verification) -> list[str]:
    if not result.missing:
        return []
    return [f"it is not whole: {result.missing} episodes are left, or ended in errors"]


def _claim_problems(path: Path, result: Verification) -> Iterator[str]:
    """Yield a line for each thing that a submission claims and that is not so."""
    try:
        submission = msgspec.json.decode((path / CLAIMS).read_bytes(), type=SubmittedRun)
    except (msgspec.DecodeError, UnicodeError) as error:
        yield f"{CLAIMS}: {error}"
        return
    claimed = (submission.suite, submission.lock, submission.commitment)
    if claimed != (result.suite, result.lock, result.commitment):
        yield f"{CLAIMS} is of another suite, lock or commitment than its run"

    rows = claims_of(read_board([path]))
    for claim in submission.claims:
        if not any(_same(claim, row) for row in rows):
            yield (
                f"{claim.model} in {claim.family} claims {claim.score} over {claim.n} episodes:"
                " its records come to another score"
            )
    if len(rows) != len(submission.claims):
        yield f"{len(submission.claims)} rows are claimed, its board has {len(rows)}"


def _same(claim: ClaimedScore, row: ClaimedScore) -> bool:
    """Return whether a claim is a row's, but for what machines differ by when they add up."""
    if claim.score is None or row.score is None:
        return claim == row
    near = math.isclose(claim.score, row.score, rel_tol=1e-9, abs_tol=1e-9)
    return near and replace(claim, score=row.score) == row
