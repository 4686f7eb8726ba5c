"""A submission: a verified, whole run in a folder that a maintainer verifies again.

It is a run folder with a file more, which says what is claimed. Nothing in it is taken on trust:
`verify` replays the replies of its journal, and compares the claimed scores with what they come to.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from harness import files
from harness.board.board import Board, read_board
from harness.replay.verify import Verification, verify
from harness.store.journal import NAME as JOURNAL
from harness.store.journal import reading_uri
from harness.store.manifest import environment
from harness.suites.commitment import REVEALED, Secret
from tasks.base import InputError, Noun, StoreFailure

FORMAT = 1
CLAIMS = "submission.json"
FILES = ("manifest.json", "instances.jsonl", "given.jsonl", REVEALED)
FOLDERS = ("templates", "programs")


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
    """Verify a run folder, and copy what a submission has of it into a new folder.

    Args:
        path: of the run folder.
        out: the new folder.
        day: on which it is packed.

    Returns:
        What the submission says.

    Raises:
        InputError: something in the run is not what it says, it is not whole, or `out` is there.
    """
    if out.exists():
        raise InputError(f"{out} is there already: use another `out`")
    result = verify(path)
    if result.problems:
        raise InputError(f"{path} cannot be submitted: {result.problems[0]}")
    board = read_board([path])
    if not board.complete:
        raise InputError(
            f"{path} cannot be submitted: episodes are left, or ended in errors:"
            f" makespan resume {path}"
        )
    submission = SubmittedRun(
        result.suite,
        result.lock,
        commitment=result.commitment,
        packed=day,
        packages=environment().packages,
        claims=claims_of(board),
    )
    _copy(path, out, submission)
    return submission


def claims_of(board: Board) -> tuple[ClaimedScore, ...]:
    """Return the scores of a board, in its order."""
    return tuple(
        ClaimedScore(row.model, row.family, row.cell, n=row.n, score=row.score.value)
        for row in board.rows
    )


def _copy(path: Path, out: Path, submission: SubmittedRun) -> None:
    """Fill a hidden folder, then give it its name."""
    hidden = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        hidden.mkdir(parents=True)
        for name in FILES:
            if (path / name).is_file():
                shutil.copyfile(path / name, hidden / name)
        for name in FOLDERS:
            if (path / name).is_dir():
                shutil.copytree(path / name, hidden / name)
        source = sqlite3.connect(reading_uri(path / JOURNAL), uri=True)
        with closing(source), closing(sqlite3.connect(hidden / JOURNAL)) as target:
            source.backup(target)
        text = msgspec.json.format(msgspec.json.encode(submission), indent=2)
        files.write(hidden / CLAIMS, text + b"\n")
        hidden.replace(out)
    except (OSError, sqlite3.Error) as error:
        shutil.rmtree(hidden, ignore_errors=True)
        raise StoreFailure(f"cannot write {out}: {error}") from None


def verify_submission(path: Path, secret: Secret | None = None) -> Verification:
    """Return what a verification of a run folder finds, and of what it claims if it is submitted.

    Args:
        path: of the folder.
        secret: of its commitment; None takes that which is in the folder, if any.

    Raises:
        InputError: it is no run folder, or that of a search.
    """
    result = verify(path, secret)
    if not (path / CLAIMS).is_file():
        return result
    problems = (*result.problems, *_claim_problems(path, result))
    return msgspec.structs.replace(result, problems=problems)


def _claim_problems(path: Path, result: Verification) -> Iterator[str]:
    """Yield a line for each thing that a submission claims and that is not so."""
    try:
        submission = msgspec.json.decode((path / CLAIMS).read_bytes(), type=SubmittedRun)
    except msgspec.DecodeError as error:
        yield f"{CLAIMS}: {error}"
        return
    claimed = (submission.suite, submission.lock, submission.commitment)
    if claimed != (result.suite, result.lock, result.commitment):
        yield f"{CLAIMS} is of another suite, lock or commitment than its run"

    board = read_board([path])
    if not board.complete:
        yield "it is not whole: episodes are left, or ended in errors"
    rows = claims_of(board)
    for claim in submission.claims:
        if claim not in rows:
            yield (
                f"{claim.model} in {claim.family} claims {claim.score} over {claim.n} episodes:"
                " its records come to another score"
            )
    if len(rows) != len(submission.claims):
        yield f"{len(submission.claims)} rows are claimed, its board has {len(rows)}"
