"""The commitments behind the seeds of published runs: what the card tells of them."""

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from harness import files
from harness.board.load import CommitmentState, commitment_of
from harness.store.folder import Folder
from harness.suites.commitment import REVEALED
from tasks.base import InputError

FILE = "commitment.json"


def path_of(run: str) -> str:
    """Return the path of what is told of a run's commitment."""
    return f"runs/{run}/{FILE}"


def write_commitment(folder: Folder, run: str, root: Path) -> None:
    """Write what is told of a run's commitment below a folder, and the secret if it is revealed.

    Nothing is written of a run with a public seed.

    Args:
        folder: of the run.
        run: its published name.
        root: the folder to write to.
    """
    if (state := commitment_of(folder)) is None:
        return
    files.write(root / path_of(run), msgspec.json.format(msgspec.json.encode(state)) + b"\n")
    if state.revealed:
        secret = (folder.path / REVEALED).read_bytes()
        files.write(root / path_of(run).replace(FILE, REVEALED), secret)


def read_commitments(
    paths: Iterable[str], runs: Iterable[str], fetch: Callable[[str], Path]
) -> dict[str, CommitmentState]:
    """Return the commitments of published runs by the run's name.

    Args:
        paths: of all files of the repository.
        runs: the names of the runs that are on it.
        fetch: gives the file of a path.

    Raises:
        InputError: a file is not what was published.
    """
    wanted = {path_of(run): run for run in runs}
    states = {}
    for path in sorted(wanted.keys() & set(paths)):
        try:
            content = fetch(path).read_bytes()
            states[wanted[path]] = msgspec.json.decode(content, type=CommitmentState)
        except msgspec.DecodeError as error:
            raise InputError(f"{path}: {error}") from None
    return states
