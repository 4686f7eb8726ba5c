"""The commands on runs of record and their options: commitments, verification."""

from collections.abc import Callable
from pathlib import Path

from harness.cli.arguments import Parser


def add_commands(add: Callable[..., None]) -> None:
    """Add them all."""
    add(
        "commit",
        "Draw a secret seed, and print its digest to be published.",
        "commit.commit",
        _commit,
    )
    add("reveal", "Show the secret of a commitment.", "commit.reveal", _reveal)
    add("verify", "Recompute a run: seed, instances, lock, grades.", "verify.verify", _verify)
    add("submit", "Pack a verified run, to be verified again.", "submit.submit", _submit)


def _commit(p: Parser) -> None:
    p.add_argument("suite", metavar="SUITE|FILE.toml")
    p.add_argument("--out", type=Path, metavar="FILE", help="of the secret (SUITE.secret.json)")


def _reveal(p: Parser) -> None:
    p.add_argument("secret", type=Path, metavar="FILE", help="of makespan commit")
    p.add_argument("folders", type=Path, nargs="*", metavar="DIR", help="runs that get it")


def _verify(p: Parser) -> None:
    p.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="or a packed FILE.zip")
    p.add_argument("--secret", type=Path, metavar="FILE", help="revealed (that in DIR)")
    p.add_argument("--submission", action="store_true", help="DIR must be one, whole, of a suite")
    p.add_argument("--into", type=Path, metavar="FOLDER", help="of what a verified FILE.zip holds")
    p.add_argument("--json", action="store_true", help="print JSON")


def _submit(p: Parser) -> None:
    p.add_argument("folder", type=Path, metavar="DIR", help="a run folder")
    p.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="a new folder, or FILE.zip"
    )
