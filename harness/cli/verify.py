"""The command `verify`."""

import shutil
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.cli.output import print_json
from harness.log import say, worded
from harness.replay.parcel import CLAIMS, ENDING
from harness.replay.submission import receive, verify_submission
from harness.replay.verify import Verification
from harness.replay.verify import verify as verify_run
from harness.suites.commitment import Secret, read_secret
from tasks.base import InputError, StoreFailure


def verify(options: Namespace) -> int:
    """`makespan verify DIR...`: status 1 if something is not what it says."""
    secret = read_secret(options.secret) if options.secret else None
    if options.into and (len(options.folders) > 1 or options.folders[0].suffix != ENDING):
        raise InputError(f"`into` is for one packed submission, a file that ends in {ENDING}")
    if options.into and options.into.exists():
        raise InputError(f"{options.into} is there already: use another `into`")
    return max(_verify_one(path, secret, options) for path in options.folders)


def _verify_one(path: Path, secret: Secret | None, options: Namespace) -> int:
    """Verify a folder or an archive and print what is found; returns the status."""
    is_packed = path.suffix == ENDING and path.is_file()
    if not is_packed and not (path / "manifest.json").is_file():
        raise InputError(f"{path} is no run folder: it has no manifest.json")
    if len(options.folders) > 1 and not options.json:
        print(f"{path}:")
    try:
        result = _received(path, secret, options.into) if is_packed else None
        if result is None:
            is_submitted = options.submission or (path / CLAIMS).is_file()
            result = (verify_submission if is_submitted else verify_run)(path, secret)
    except (InputError, StoreFailure) as error:
        print(f"problem: {worded(str(error))}")
        return 1
    if options.json:
        print_json(result)
    else:
        _print(result)
    return 1 if result.problems else 0


def _received(path: Path, secret: Secret | None, into: Path | None) -> Verification:
    """Verify an archive, and keep what is in it where that is wanted and all is as it says."""
    with TemporaryDirectory(prefix="makespan-") as room:
        folder = Path(room) / "submission"
        folder.mkdir()
        result = receive(path, folder, secret)
        if into and not result.problems:
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(folder, into)
            say(f"unpacked into {into}")
    return result


def _print(result: Verification) -> None:
    behind = "public"
    if result.commitment:
        state = "revealed" if result.revealed else "not revealed yet"
        behind = f"commitment {result.commitment}, {state}"
    print(f"suite {result.suite}, lock {result.lock}, seed {result.seed}: {behind}")
    print(
        f"{result.instances} instances made anew, {result.episodes} episodes replayed,"
        f" {result.errors} ended in errors"
    )
    for note in result.notes:
        print(f"note: {note}")
    for problem in result.problems:
        print(f"problem: {problem}")
    print("all is as it says" if not result.problems else f"{len(result.problems)} problems")
