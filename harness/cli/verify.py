"""The command `verify`."""

from argparse import Namespace

from harness.cli.output import print_json
from harness.replay.submission import verify_submission
from harness.replay.verify import Verification
from harness.suites.commitment import read_secret
from tasks.base import InputError


def verify(options: Namespace) -> int:
    """`makespan verify DIR`: status 1 if something is not what it says."""
    secret = read_secret(options.secret) if options.secret else None
    try:
        result = verify_submission(options.folder, secret)
    except InputError as error:
        if not (options.folder / "manifest.json").is_file():
            raise
        print(f"problem: {error}")
        return 1
    if options.json:
        print_json(result)
    else:
        _print(result)
    return 1 if result.problems else 0


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
