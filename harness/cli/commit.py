"""The commands `commit` and `reveal`."""

import os
import secrets
from argparse import Namespace
from pathlib import Path

from msgspec.structs import replace

from harness import files
from harness.cli.output import print_json
from harness.log import say
from harness.run.prepare import today
from harness.store.folder import Folder
from harness.suites import suite as suites
from harness.suites.commitment import REVEALED, Secret, draw, pretty, problems_of, read_secret
from tasks.base import InputError


def commit(options: Namespace) -> int:
    """`makespan commit SUITE`: keep a secret in a file, print what is published first."""
    suite = suites.find(options.suite, level=None, seed=None, settings={})
    secret = draw(suite, secrets.token_hex(32), today())
    place = options.out or Path(f"{suite.name}.secret.json")
    _keep(place, secret)
    print_json(
        {
            "suite": secret.suite,
            "lock": secret.lock,
            "digest": secret.digest,
            "drawn": secret.drawn,
        }
    )
    say(f"publish this first; keep {place} to yourself until `makespan reveal {place}`")
    return 0


def _keep(place: Path, secret: Secret) -> None:
    """Write a secret to a new file that its owner alone can read."""
    try:
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InputError(f"{place} is there already, perhaps another secret: use `out`") from None
    except OSError as error:
        raise InputError(f"cannot write {place}: {error.strerror}") from None
    with os.fdopen(handle, "wb") as file:
        file.write(pretty(secret))


def reveal(options: Namespace) -> int:
    """`makespan reveal FILE DIR...`: print the secret, and put it into the runs of it."""
    secret = read_secret(options.secret)
    if secret.revealed is None:
        secret = replace(secret, revealed=today())
    folders = [Folder.open(path) for path in options.folders]
    for folder in folders:
        suite = folder.manifest.configuration.suite
        if problems := problems_of(suite, folder.prompts, secret):
            raise InputError(f"{folder.path}: {problems[0]}")
    for folder in folders:
        files.write(folder.path / REVEALED, pretty(secret))
        say(f"{folder.path / REVEALED}: revealed on {secret.revealed}")
    print_json({**_fields(secret), "digest": secret.digest, "seed": secret.seed})
    return 0


def _fields(secret: Secret) -> dict[str, object]:
    return {name: getattr(secret, name) for name in secret.__struct_fields__}
